"""The tables a workspace keeps, and the only place that knows DuckDB.

One private file that only a run opens. The rest of the house speaks of table names and Polars frames; every table
has a text column `period`, and a write replaces one period's rows whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

import duckdb
import polars as pl

from pipelines import crash
from pipelines.errors import TieoutError
from pipelines.whole import place

PERIOD = "period"
OLDEST_READER = "v1.4.0"
"""Clients from this DuckDB on can open what is published."""


def quoted(name: str) -> str:
    """A name as SQL writes it, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it, for the statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Shown:
    """What a published table shows: columns of a warehouse table with their meaning, of one period or of all."""

    table: str
    about: str
    columns: Mapping[str, str]
    period: str | None = None


class Warehouse:
    """An open private database; close it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        try:
            self._connection = duckdb.connect(str(path), config=_SEALED)
        except duckdb.Error as problem:
            raise StorageError(_unusable(path, problem)) from problem
        self._connection.execute("SET TimeZone = 'UTC'")
        self._names: frozenset[str] | None = None  # of the tables, asked for once
        self._writing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except duckdb.Error as problem:
            error = error or problem
        if isinstance(error, _OF_STORAGE):
            raise StorageError(_unusable(self._path, error)) from error

    def close(self) -> None:
        self._connection.close()

    # -- tables ------------------------------------------------------------------------------------------------------

    def tables(self) -> list[str]:
        """Names of the tables there are, sorted."""
        if self._names is None:
            rows = self._connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
            )
            self._names = frozenset(str(name) for (name,) in rows.fetchall())
        return sorted(self._names)

    def write_all(self, tables: Mapping[str, pl.DataFrame], period: str) -> None:
        """Replace one period's rows of several tables, of all or of none."""
        with self._transaction():
            for table, frame in tables.items():
                self.write(table, frame, period)

    def write(self, table: str, frame: pl.DataFrame, period: str) -> None:
        """Replace one period's rows of a table by the frame's, in the frame's order.

        Creates the table and adds columns it lacks; columns the frame lacks become null. An empty frame still leaves
        its columns behind. A `period` column of the frame is replaced by the period given.
        """
        storable = _storable(frame).with_columns(pl.lit(period).alias(PERIOD)).select(PERIOD, pl.exclude(PERIOD))
        with self._transaction(), self._offered(storable) as offered:
            if table not in self.tables():
                self._connection.execute(f"CREATE TABLE {quoted(table)} AS SELECT * FROM {offered}")
                self._names = frozenset({*self.tables(), table})
                return
            self._fit(table, offered)
            self._connection.execute(f"DELETE FROM {quoted(table)} WHERE {PERIOD} = ?", [period])
            self._connection.execute(f"INSERT INTO {quoted(table)} BY NAME SELECT * FROM {offered}")

    def read(
        self,
        table: str,
        *,
        period: str | None = None,
        upto: str | None = None,
        before: str | None = None,
        columns: Sequence[str] = (),
    ) -> pl.DataFrame:
        """Rows of a table as they were written: of one period, of those up to or before one, or all.

        Gives every column unless some are named.
        A table that was never written is a frame without columns.
        """
        if table not in self.tables():
            return pl.DataFrame()
        bounds = {"=": period, "<=": upto, "<": before}
        given = {sign: bound for sign, bound in bounds.items() if bound is not None}
        where = " AND ".join(f"{PERIOD} {sign} ?" for sign in given) or "TRUE"
        wanted = ", ".join(map(quoted, columns)) or "*"
        rows = self._connection.execute(
            f"SELECT {wanted} FROM {quoted(table)} WHERE {where} {_order(period)}", list(given.values())
        )
        return _frame(rows)

    def periods(self, table: str) -> list[str]:
        """Periods a table holds rows of, oldest first."""
        if table not in self.tables():
            return []
        rows = self._connection.execute(f"SELECT DISTINCT {PERIOD} FROM {quoted(table)} ORDER BY {PERIOD}")
        return [str(period) for (period,) in rows.fetchall()]

    def drop(self, period: str) -> None:
        """Forget a period in every table."""
        with self._transaction():
            for table in self.tables():
                self._connection.execute(f"DELETE FROM {quoted(table)} WHERE {PERIOD} = ?", [period])

    def publish(self, path: Path, shown: Mapping[str, "Shown"]) -> int:
        """Write tables into a new database file, every table and column with its comment; returns their rows."""
        connection, rows = self._connection, 0
        connection.execute(f"ATTACH {literal(str(path))} AS publication (STORAGE_VERSION '{OLDEST_READER}')")
        try:
            with self._transaction():  # one wait for the disk, not one a comment
                for table, show in shown.items():
                    name = f"publication.main.{quoted(table)}"
                    columns = ", ".join(map(quoted, show.columns))
                    where = f"WHERE {PERIOD} = {literal(show.period)}" if show.period else ""
                    rows_of = f"SELECT {columns} FROM {quoted(show.table)} {where} {_order(show.period)}"
                    comments = [f"COMMENT ON TABLE {name} IS {literal(show.about)}"] + [
                        f"COMMENT ON COLUMN {name}.{quoted(column)} IS {literal(text)}"
                        for column, text in show.columns.items()
                    ]
                    connection.execute(";".join([f"CREATE TABLE {name} AS {rows_of}", *comments]))
                    rows += int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])
            connection.execute("CHECKPOINT publication")
        finally:
            connection.execute("DETACH publication")
        return rows

    # -- inside ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is written inside, or nothing of it; inside another one it is part of that."""
        if self._writing:
            yield
            return
        self._connection.execute("BEGIN")
        self._writing = True
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._names = None
            raise
        else:
            crash.point("tables-written")
            self._connection.execute("COMMIT")
            crash.point("tables-committed")
        finally:
            self._writing = False

    @contextmanager
    def _offered(self, frame: pl.DataFrame) -> Iterator[str]:
        """Let SQL see a frame under a name, without copying it."""
        self._connection.register("offered", frame.to_arrow())
        try:
            yield "offered"
        finally:
            self._connection.unregister("offered")

    def _fit(self, table: str, offered: str) -> None:
        """Make the table able to hold what is offered."""
        name = quoted(table)
        has = self._types(name)
        for column, kind in self._types(offered).items():
            if column not in has:
                self._connection.execute(f"ALTER TABLE {name} ADD COLUMN {quoted(column)} {kind}")
            elif has[column] != kind:
                self._connection.execute(f"ALTER TABLE {name} ALTER COLUMN {quoted(column)} SET DATA TYPE {kind}")

    def _types(self, relation: str) -> dict[str, str]:
        rows = self._connection.execute(f"DESCRIBE {relation}").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}


_OF_STORAGE = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.OutOfMemoryException)


def _unusable(path: Path, problem: BaseException) -> str:
    """Say in one sentence why a database cannot be read or written."""
    said = " ".join(str(problem).split())
    if "No space left" in said or "quota" in said:
        return f"the disk that holds {path} is full; free some space and run again."
    if isinstance(problem, duckdb.OutOfMemoryException):
        return f"{path}: there is too little memory for it ({said}); close other programs and run again."
    return f"{path} cannot be read or written ({said}); if it is damaged, `tieout rebuild` makes it again."


class StorageError(TieoutError):
    """A database cannot be read or written, for want of space, memory or rights."""


def compact(path: Path, beside: Path) -> None:
    """Write a database anew beside it and put that in its place: what was deleted from it is in no block of the new."""
    with duckdb.connect(config=_SEALED) as connection:
        connection.execute(f"ATTACH {literal(str(path))} AS old")
        connection.execute(f"ATTACH {literal(str(beside))} AS new")
        connection.execute("COPY FROM DATABASE old TO new")
        connection.execute("CHECKPOINT new")
    place(beside, path)


class QueryError(Exception):
    """What DuckDB says is wrong with a query, on one line."""


def query(path: Path, sql: str, seconds: float = 3600) -> pl.DataFrame:
    """The answer of a published database to one query; it cannot change the file or reach anything else.

    It takes at most so many seconds and 2 GB. Raises QueryError.
    """
    try:
        with duckdb.connect(str(path), read_only=True, config=_ASKED) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET lock_configuration = true")
            deadline = Timer(seconds, connection.interrupt)
            deadline.start()
            try:
                return _frame(connection.execute(sql))
            finally:
                deadline.cancel()
    except duckdb.InterruptException:
        raise QueryError(f"it took longer than {seconds:g} seconds") from None
    except (duckdb.Error, MemoryError) as problem:
        raise QueryError(" ".join(str(problem).split()) or "it takes too much memory") from None


def contents(path: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every table of a published database by name, one after the other; raises QueryError when it is no whole one."""
    try:
        with duckdb.connect(str(path), read_only=True, config=_SEALED) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            names = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_name").fetchall()
            for (name,) in names:
                yield str(name), _frame(connection.execute(f"FROM {quoted(str(name))}"))
    except duckdb.Error as problem:
        raise QueryError(" ".join(str(problem).split())) from None


_SEALED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",  # a run reaches for no network
    "autoload_known_extensions": "false",
}
_ASKED = _SEALED | {
    "enable_external_access": "false",  # no file, no network, no other database, no extension
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",  # nor the variables of this program
    "memory_limit": "2GB",
    "temp_directory": "",
}


def _order(period: str | None) -> str:
    """The order of rows: as they were written, month by month. One month's stand so already, as one write left them."""
    return "" if period else f"ORDER BY {PERIOD}, rowid"


def _storable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the types a database knows: what is null throughout is text, categories are text."""
    return frame.with_columns(
        pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Null | pl.Categorical | pl.Enum)
    )


def _frame(rows: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    frame = pl.from_arrow(rows.to_arrow_table())
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()
