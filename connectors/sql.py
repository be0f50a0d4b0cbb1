"""Any SQL database: one query, whose columns bear the names of the feed or are mapped like those of a file.

**Asks** `query` at `url` (as SQLAlchemy writes it, `postgresql+psycopg://user@host/database`; the password apart), in
one transaction that is rolled back.

**Delivers** any feed. Numbers and instants come exactly as the database has them.

**Gaps**: the end of the result is the proof that it is whole; what the query leaves out, nobody can tell. The driver of
the database has to be installed; that of PostgreSQL is, and SQLite needs none.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from threading import Timer
from typing import Any

from pydantic import field_validator
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from connectors.pages import Page, PageFile, PullError
from connectors.system import Delivery, End, Options, System
from connectors.vault import Credential
from connectors.wire import Wire
from tieout.feeds import FEEDS

_TELLING = re.compile(r"\w*(passw|pwd|secret|token)\w*=", re.IGNORECASE)  # of a parameter, or within one as ODBC has it
_ROWS = 5_000  # of the result that are landed as one page


class SqlOptions(Options):
    """`{period}` in the query stands for the month."""

    url: str
    password: Credential | None = None
    query: str

    @field_validator("url")
    @classmethod
    def _is_database(cls, url: str) -> str:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise ValueError("is no database; write one like postgresql+psycopg://user@host/database") from None
        if parsed.password or any(_TELLING.search(f"{name}={value}") for name, value in parsed.query.items()):
            raise ValueError('holds a password in plain text; write password = "${ITS_NAME}" instead')
        return url


def _pull(options: SqlOptions, delivery: Delivery, pages: PageFile, wire: Wire) -> End:
    url = make_url(options.url)
    if options.password:
        url = url.set(password=wire.vault.open(options.password))
    try:
        return _ask(url, options, pages, wire)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise PullError(f"no driver for {url.drivername} is installed ({error})") from None
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error)
        raise PullError(f"{url.render_as_string()} answered: {' '.join(cause.split())[:200]}") from None


def _ask(url: URL, options: SqlOptions, pages: PageFile, wire: Wire) -> End:
    engine = create_engine(url, connect_args=_patience(url, options))
    try:
        with engine.connect() as connection, _ending(connection, options):
            _read(connection, options, pages, wire)
            connection.rollback()
    except SQLAlchemyError:
        wire.hold_time(options.limits)  # it may be that very limit which ended the query
        raise
    finally:
        engine.dispose()
    return End("end of the result", pages.rows)


def _read(connection: Connection, options: SqlOptions, pages: PageFile, wire: Wire) -> None:
    """The result of the query, page by page."""
    query = options.query.replace("{period}", wire.period)
    asked = connection.execution_options(yield_per=_ROWS)
    result = asked.execute(text(query.replace(":", r"\:")))  # what begins with a colon is no parameter here
    if not result.returns_rows:
        raise PullError("the query gives no rows; it begins with SELECT or WITH")
    names = list(result.keys())
    if len(set(names)) < len(names):
        raise PullError(f"two columns of the query have one name ({', '.join(names)}); name them apart")
    for block in result.partitions(_ROWS):  # without a size, those of a text are of one row
        if pages.rows + len(block) > options.limits.rows:
            raise PullError(f"the result is larger than its limit, rows = {options.limits.rows}")
        records = [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in block]
        body = json.dumps(records, ensure_ascii=False).encode()
        pages.add(Page(query, wire.now(), body, len(records)))
        wire.say(f"{pages.pages} pages, {pages.rows:,} rows")
        if wire.is_glance:
            break
        wire.hold_time(options.limits)
    if not pages.pages:
        pages.add(Page(query, wire.now(), b"[]", 0))


@contextmanager
def _ending(connection: Connection, options: SqlOptions) -> Iterator[None]:
    """Calls off what the database still works on, or waits for a lock with, when the time of the pull is over."""
    driver = connection.connection.driver_connection
    call_off = getattr(driver, "cancel", None) or getattr(driver, "interrupt", None)  # the second is SQLite's
    timer = Timer(options.limits.seconds, call_off or (lambda: None))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _patience(url: URL, options: SqlOptions) -> dict[str, int]:
    """How long a driver waits for a database that does not answer, or has gone away: by themselves they wait on."""
    if url.get_backend_name() != "postgresql":
        return {}
    waits = {
        "connect_timeout": math.ceil(options.limits.request_seconds),
        "keepalives_idle": 60,
        "keepalives_interval": 15,
    }
    return {name: seconds for name, seconds in waits.items() if name not in url.query}


def _plain(value: Any) -> Any:
    """A value as JSON without losing any of it: decimals and floats as they are written, instants in ISO 8601."""
    match value:
        case float() if math.isnan(value):
            return None
        case float() if value.is_integer():  # as of Parquet: 12.0 is 12
            return int(value)
        case None | bool() | str() | int():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case bytes() | memoryview():
            return bytes(value).hex()
        case Mapping():
            return {str(name): _plain(member) for name, member in value.items()}
        case list() | tuple() | set():
            return [_plain(member) for member in value]
        case _:
            return str(value)


SYSTEM = System(title="SQL", options=SqlOptions, pull=_pull, deliveries={feed: Delivery() for feed in FEEDS})
