"""The tables a workspace keeps, and the only place that knows how: Parquet files within, DuckDB to the outside.

Every table has a text column `period`, and a write replaces one period's rows whole. The rest of the house speaks of
table names and Polars frames. What is published is one DuckDB file, made anew from these tables.
"""

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from threading import Timer

import duckdb
import polars as pl
from pydantic import BaseModel, ValidationError

from pipelines import crash
from pipelines.errors import TieoutError
from pipelines.whole import settle, write_whole
from tieout.quoting import literal, quoted

PERIOD = "period"
CONTENTS = "contents.json"
OLDEST_READER = "v1.4.0"
"""Clients from this DuckDB on can open what is published."""


@dataclass(frozen=True)
class Shown:
    """What a published table shows: columns of a warehouse table with their meaning, of one period or of all."""

    table: str
    about: str
    columns: Mapping[str, str]
    period: str | None = None


class Contents(BaseModel):
    """Which file has a period's rows of a table: `<table>/<period>.<number>.parquet`, the number its transaction's."""

    last: int = 0
    tables: dict[str, dict[str, int]] = {}


class Warehouse:
    """The private tables of a workspace, in a folder that only Tieout writes to.

    A file is never written twice. What counts is in `contents.json`, which is replaced whole at the end of each
    transaction; files that it does not name any more go then. So what a killed process leaves is what stood before it.
    Raises StorageError where the folder cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._contents = self._recorded()
        self._written: list[Path] | None = None  # in the transaction under way, which is told by its being a list

    # -- tables ------------------------------------------------------------------------------------------------------

    def tables(self) -> list[str]:
        """Names of the tables there are, sorted."""
        return sorted(self._contents.tables)

    def periods(self, table: str) -> list[str]:
        """Periods a table holds rows of, oldest first."""
        every = self._periods(table)
        if not every:
            return []
        rows = pl.concat(self._scan(table, period).select(pl.len()) for period in every).collect().to_series()
        return [period for period, count in zip(every, rows, strict=True) if count]

    def files(self, table: str) -> dict[str, Path]:
        """The file of each month of a table, oldest first; one that holds no rows is among them."""
        written = self._contents.tables[table]
        return {period: self._file(table, period, written[period]) for period in sorted(written)}

    def write_all(self, tables: Mapping[str, pl.DataFrame], period: str) -> None:
        """Replace one period's rows of several tables, of all or of none."""
        with self.transaction():
            for table, frame in tables.items():
                self.write(table, frame, period)

    def write(self, table: str, frame: pl.DataFrame, period: str) -> None:
        """Replace one period's rows of a table by the frame's, in the frame's order.

        Columns the frame lacks are null to those who read several periods. An empty frame still leaves its columns
        behind. A `period` column of the frame is replaced by the period given.
        """
        storable = _storable(frame).with_columns(pl.lit(period).alias(PERIOD)).select(PERIOD, pl.exclude(PERIOD))
        with self.transaction() as written:
            path = self._file(table, period, self._contents.last)
            with self._told():
                path.parent.mkdir(parents=True, exist_ok=True)
                storable.write_parquet(path)
            written.append(path)
            self._contents.tables.setdefault(table, {})[period] = self._contents.last

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
        rows = self.scan(table, period=period, upto=upto, before=before, columns=columns)
        with self._told():
            return rows.collect()

    def scan(
        self,
        table: str,
        *,
        period: str | None = None,
        upto: str | None = None,
        before: str | None = None,
        columns: Sequence[str] = (),
    ) -> pl.LazyFrame:
        """The same rows, not read yet: what is asked of them decides what is read. Their files have to stay."""
        if table not in self._contents.tables:
            return pl.LazyFrame()
        every = self._periods(table)
        wanted = [
            one
            for one in every
            if (period is None or one == period) and (upto is None or one <= upto) and (before is None or one < before)
        ]
        like = self._scan(table, every[-1]).limit(0)  # the columns of today, whichever period is asked for
        rows = pl.concat([*(self._scan(table, one) for one in wanted), like], how="diagonal_relaxed")
        named = rows.select(columns) if columns else rows
        with self._told():
            named.collect_schema()
        return named

    def drop(self, period: str) -> None:
        """Forget a period in every table."""
        with self.transaction():
            for table in self._contents.tables.values():
                table.pop(period, None)

    def take_over(self, other: "Warehouse") -> None:
        """Become a copy of another warehouse."""
        with self.transaction() as written, self._told():
            self._contents.tables = {
                table: dict.fromkeys(periods, self._contents.last) for table, periods in other._contents.tables.items()
            }
            for table, periods in other._contents.tables.items():
                for period, number in periods.items():
                    path = self._file(table, period, self._contents.last)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(other._file(table, period, number), path)
                    written.append(path)

    def publish(self, path: Path, shown: Mapping[str, "Shown"]) -> int:
        """Write tables into a new database file, every table and column with its comment; returns their rows."""
        rows = 0
        with self._told(), duckdb.connect(config=_SEALED) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET threads = 1")  # several that keep the order of rows write a file a fifth larger
            connection.execute(f"ATTACH {literal(str(path))} AS publication (STORAGE_VERSION '{OLDEST_READER}')")
            connection.execute("BEGIN")  # one wait for the disk, not one a comment
            for table, show in shown.items():
                name = f"publication.main.{quoted(table)}"
                comments = [f"COMMENT ON TABLE {name} IS {literal(show.about)}"] + [
                    f"COMMENT ON COLUMN {name}.{quoted(column)} IS {literal(text)}"
                    for column, text in show.columns.items()
                ]
                named = ", ".join(map(quoted, show.columns))
                files = self.files(show.table)
                asked = {show.period, max(files)}  # the newest has the columns of today, whichever period is asked for
                wanted = [str(file) for period, file in files.items() if not show.period or period in asked]
                told = connection.execute(
                    f"CREATE TABLE {name} AS SELECT {named} FROM read_parquet($files, union_by_name = true) "
                    f"WHERE coalesce({PERIOD} = $period, true)",
                    {"files": [escape(path) for path in wanted], "period": show.period},
                )
                rows += told.fetchall()[0][0]
                connection.execute(";".join(comments))
            connection.execute("COMMIT")
            connection.execute("CHECKPOINT publication")
        return rows

    @contextmanager
    def transaction(self) -> Iterator[list[Path]]:
        """All that is written inside, or nothing of it; inside another one it is part of that."""
        if self._written is not None:
            yield self._written
            return
        self._contents = self._recorded()
        self._contents.last += 1
        self._written = []
        try:
            yield self._written
            with self._told():
                for path in self._written:
                    settle(path)
                for folder in {path.parent for path in self._written}:
                    settle(folder)
                crash.point("tables-written")
                write_whole(self.folder / CONTENTS, self._contents.model_dump_json().encode())
        except BaseException:
            self._contents = self._recorded()
            raise
        finally:
            self._written = None
        crash.point("tables-committed")
        self._sweep()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _recorded(self) -> Contents:
        """What the folder has, as the last transaction left it."""
        path = self.folder / CONTENTS
        with self._told():
            return Contents.model_validate_json(path.read_bytes()) if path.exists() else Contents()

    def _periods(self, table: str) -> list[str]:
        return sorted(self._contents.tables.get(table, {}))

    def _file(self, table: str, period: str, number: int) -> Path:
        return self.folder / table / f"{period}.{number}.parquet"

    def _scan(self, table: str, period: str) -> pl.LazyFrame:
        return pl.scan_parquet(self._file(table, period, self._contents.tables[table][period]), glob=False)

    def _sweep(self) -> None:
        """Remove every file that is not, or not any more, among the contents: what a killed process left, too."""
        for folder in (path for path in self.folder.iterdir() if path.is_dir()):
            periods = self._contents.tables.get(folder.name, {})
            named = {self._file(folder.name, period, number).name for period, number in periods.items()}
            for path in folder.iterdir():
                if path.name not in named:
                    path.unlink()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one sentence why the tables cannot be read or written."""
        try:
            yield
        except (*_OF_STORAGE, OSError, pl.exceptions.ComputeError, ValidationError) as problem:
            raise StorageError(_unusable(self.folder, problem)) from problem
        except (pl.exceptions.ColumnNotFoundError, duckdb.BinderException) as problem:
            why = "what is kept was written by an older version of Tieout; run the latest month again"
            raise StorageError(f"{self.folder}: {why}.") from problem


_OF_STORAGE = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.OutOfMemoryException)


def _unusable(path: Path, problem: BaseException) -> str:
    """Say in one sentence why tables cannot be read or written."""
    said = " ".join(str(problem).split())
    if "No space left" in said or "quota" in said:
        return f"the disk that holds {path} is full; free some space and run again."
    if isinstance(problem, duckdb.OutOfMemoryException):
        return f"{path}: there is too little memory for it ({said}); close other programs and run again."
    return f"{path} cannot be read or written ({said}); if it is damaged, `tieout rebuild` makes it again."


class StorageError(TieoutError):
    """Tables cannot be read or written, for want of space, memory or rights."""


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
                connection.execute(sql)
                if not connection.description:
                    raise QueryError("it asks nothing; write one like FROM exceptions_current")
                return _frame(connection)
            finally:
                deadline.cancel()
    except duckdb.InterruptException:
        raise QueryError(f"it took longer than {seconds:g} seconds") from None
    except (duckdb.Error, MemoryError) as problem:
        raise QueryError(" ".join(str(problem).split()) or "it takes too much memory") from None
    except pl.exceptions.ComputeError:
        raise QueryError("a column has a type that cannot be shown, as INTERVAL; write (column)::VARCHAR") from None


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


def _storable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the types a database knows: what is null throughout is text, categories are text."""
    return frame.with_columns(
        pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Null | pl.Categorical | pl.Enum)
    )


def _frame(rows: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The rows of an answer; a second column `owner` is `owner_1`, as DuckDB calls it in a table."""
    table, names = rows.to_arrow_table(), list[str]()
    for name in table.column_names:
        called = (f"{name}_{number}" if number else name for number in itertools.count())
        names.append(next(one for one in called if one not in names))
    frame = pl.from_arrow(table.rename_columns(names))
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()
