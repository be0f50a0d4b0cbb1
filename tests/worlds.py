"""Small worlds for tests: feeds written as plain rows, everything else healthy."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from tieout.feeds import FEEDS, Kind
from tieout.settings import Settings
from tieout.world import BOOKKEEPING, World

PERIOD = "2026-10"
AS_OF = datetime(2026, 10, 31, 22, 59, 59, 999999, tzinfo=UTC)
SOURCES = {"period": pl.String, "feed": pl.String, "source": pl.String, "verdict": pl.String}


def settings(**tables: Any) -> Settings:
    """A workspace in Berlin that reports in euro."""
    base = {"organisation": "Test", "reporting_currency": "EUR", "timezone": "Europe/Berlin"}
    return Settings.model_validate({**base, **tables})


def _value(kind: Kind, value: Any) -> Any:
    if isinstance(value, str) and kind is Kind.DATE:
        return date.fromisoformat(value)
    if isinstance(value, str) and kind in (Kind.INSTANT, Kind.USED):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if kind in (Kind.NUMBER, Kind.MONEY, Kind.RATE) and value is not None:
        return Decimal(str(value))
    return value


def staged(
    feed: str, rows: Sequence[Mapping[str, Any]], period: str = PERIOD, source: str | None = None
) -> pl.DataFrame:
    """Rows as staging delivers them: typed, defaults applied, with where they landed."""
    columns = FEEDS[feed].columns
    data = [
        {c.name: _value(c.kind, row.get(c.name, c.default)) for c in columns}
        | {
            "_source": source or feed,
            "_snapshot": "s" * 16,
            "_row": number,
            "_period": row.get("_period", period),
        }
        for number, row in enumerate(rows, 1)
    ]
    return pl.DataFrame(data, schema={**FEEDS[feed].schema, **BOOKKEEPING})


def world(
    feeds: Mapping[str, Sequence[Mapping[str, Any]] | pl.DataFrame] | None = None,
    *,
    verdicts: Mapping[str, str] | None = None,
    memory: Mapping[str, pl.DataFrame] | None = None,
    period: str = PERIOD,
    as_of: datetime = AS_OF,
    configured: Sequence[str] = tuple(FEEDS),
    **tables: Any,
) -> World:
    """A period in which every feed of `configured` has one GREEN source, unless `verdicts` says otherwise."""
    given = feeds or {}
    frames = {}
    for name in FEEDS:
        rows = given.get(name, [])
        frames[name] = rows if isinstance(rows, pl.DataFrame) else staged(name, rows, period)
    sources = [
        {"period": period, "feed": name, "source": name, "verdict": (verdicts or {}).get(name, "GREEN")}
        for name in configured
    ]
    return World(period, as_of, settings(**tables), frames, pl.DataFrame(sources, schema=SOURCES), memory or {})
