"""Puts what is expected to a database with Great Expectations, which nothing else here knows.

The month's tables stand as views, named and cut as they are published, over their Parquet files.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import sqlalchemy as sa
from duckdb_engine import Dialect
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.sql_datasource import TableAsset
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.interfaces import ReflectedPrimaryKeyConstraint
from sqlalchemy.engine.reflection import ReflectionDefaults

from checks.expectations import BEFORE
from checks.expectations.suites import suites
from tieout.published import TABLES
from tieout.quoting import literal, quoted

SEALED = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}  # reach for no network
EXAMPLES = 5


class Views(Dialect):
    """DuckDB as it has nothing but views: no transactions, and no keys, for which it would look into every file."""

    supports_statement_cache = True

    def do_begin(self, connection: object) -> None: ...

    def do_rollback(self, connection: object) -> None: ...

    def get_pk_constraint(self, *_: object, **__: object) -> ReflectedPrimaryKeyConstraint:
        return ReflectionDefaults.pk_constraint()


registry.register("duckdb.views", __name__, Views.__name__)


@dataclass(frozen=True)
class Answer:
    """What one expectation came to; the columns of EXPECTATIONS."""

    about: str
    expectation: str
    says: str
    severity: str
    held: bool
    rows: int | None
    unexpected: int | None
    examples: list[str]


def ask(files: Mapping[str, Path]) -> Iterator[Answer]:
    """Put every suite to one month's tables."""
    with _opened(files) as source, source.get_execution_engine().engine.connect() as connection:
        counted = connection.execute(sa.text("SELECT feed, sum(used) FROM sources GROUP BY feed"))
        used = {str(feed): int(rows) for feed, rows in counted}
        for name, expected in suites(used):
            results = _batch(source, name).validate(gx.ExpectationSuite(name, expectations=expected)).results
            in_order = [one.meta["says"] for one in expected]
            for result in sorted(results, key=lambda one: in_order.index(one.expectation_config.meta["says"])):
                yield _answer(name, result, connection)


@contextmanager
def _opened(files: Mapping[str, Path]) -> Iterator[Any]:
    """A source of Great Expectations in which the tables of one month are views."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql(
        "published", connection_string="duckdb+views:///:memory:", kwargs={"connect_args": {"config": SEALED}}
    )
    engines = source.get_engine(), source.get_execution_engine().engine
    show = ";".join(_views(files))
    for engine in engines:
        engine.dispose()  # what it opened to try itself has no views
        engine.dialect.identifier_preparer.reserved_words |= {"at"}
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute(show))
        sa.event.listen(engine, "after_cursor_execute", _fetch)
    try:
        yield source
    finally:
        for engine in engines:
            engine.dispose()


def _batch(source: Any, name: str) -> Any:
    """A table as Great Expectations takes it; one entered by `add_table_asset` has it write down all over again."""
    source.assets.append(TableAsset(name=name, type="table", table_name=name))
    whole = BatchDefinition(name=name)
    whole.set_data_asset(source.get_asset(name))
    return whole.get_batch()


def _views(files: Mapping[str, Path]) -> Iterator[str]:
    for name, file in files.items():
        published = ", ".join(map(literal, TABLES["exceptions" if name == BEFORE else name].columns))
        columns = f"COLUMNS(one -> one IN ({published}))"  # those that are there
        yield f"CREATE VIEW {quoted(name)} AS SELECT {columns} FROM read_parquet({literal(str(file))})"
    if BEFORE not in files:
        yield f"CREATE VIEW {quoted(BEFORE)} AS FROM exceptions LIMIT 0"


def _fetch(_connection: object, cursor: Any, _statement: str, _values: object, context: Any, _many: bool) -> None:
    """Take an answer whole: Great Expectations reads it after it gave the connection back, when DuckDB forgot it."""
    if cursor.description is not None:
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, initial_buffer=cursor.fetchall())


def _answer(name: str, result: Any, connection: sa.Connection) -> Answer:
    """What Great Expectations says of one expectation; one that it could not put does not hold."""
    asked, told = result.expectation_config, result.result
    query = asked.kwargs.get("unexpected_rows_query")
    if result.success:
        examples: list[str] = []
    elif not told:
        examples = [f"could not be asked: {problem}" for problem in _problems(result.exception_info)]
    elif query:
        rows = connection.execute(sa.text(query.format(batch=name))).mappings().fetchmany(EXAMPLES)
        examples = [", ".join(f"{column} {value}" for column, value in row.items()) for row in rows]
    elif "partial_unexpected_list" in told:
        examples = [str(value) for value in told["partial_unexpected_list"][:EXAMPLES] if value is not None]
    else:
        found = told.get("details", {}).get("mismatched") or {"found": [told["observed_value"]]}
        examples = [f"{what} {', '.join(map(str, values))}" for what, values in found.items()]
    return Answer(
        about=name,
        expectation=asked.type,
        says=asked.meta["says"],
        severity=asked.severity,
        held=bool(result.success),
        rows=told.get("element_count"),
        unexpected=told.get("observed_value") if query else told.get("unexpected_count"),
        examples=sorted(set(examples)),
    )


def _problems(info: Any) -> Iterator[str]:
    """The first line of every error in what Great Expectations tells of them."""
    for one in [info] if "exception_message" in info else info.values():
        yield str(one["exception_message"]).splitlines()[0]
