"""The steps of a month: pull, reconcile, age, render, publish.

Each reads what it needs from the warehouse, leaves its result there and says one line of progress. Dagster asks for
nothing else.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import polars as pl

from pipelines import delivery, intake, landing
from pipelines.errors import ConfigError
from pipelines.landing import Delivered
from pipelines.warehouse import PERIOD, Warehouse
from pipelines.workspace import Workspace, end_of_period
from tieout.feeds import FEEDS, Feed
from tieout.world import BOOKKEEPING, World

log = logging.getLogger("tieout")

MEMORY = "memory_"
"""Tables whose name begins so are what one period keeps for the next."""


@dataclass(frozen=True)
class Month:
    """The month a run is for. Without `as_of` it is judged at its end; a replay reads what landed."""

    workspace: Workspace
    period: str
    as_of: datetime | None = None
    replay: bool = False


@dataclass(frozen=True)
class Pulled:
    """What a pull brought: one row a source, and per feed the number of its rows and the first few of them."""

    sources: pl.DataFrame
    rows: Mapping[str, int]
    first: Mapping[str, pl.DataFrame]


def pull(month: Month) -> Pulled:
    """Land every delivery of the month, judge it and take it in."""
    with _step(month, "feeds") as (warehouse, say):
        delivered = _deliver(month)
        taken, rows, first = [], {}, {}
        for feed in FEEDS.values():
            of_feed = intake.take(month.workspace, warehouse, month.period, feed, delivered)
            rows[feed.name] = sum(one.rows.height for one in of_feed)
            first[feed.name] = pl.concat([one.rows.head(10) for one in of_feed]) if of_feed else pl.DataFrame()
            taken += of_feed
        sources = intake.keep_accounts(month.workspace, warehouse, month.period, taken)
        say(_account_of(sources))
    for one in taken:
        if one.verdict.color != "GREEN":
            log.warning("         %s is %s: %s", one.subject, one.verdict.color, one.verdict.reasons[0].sentence)
    for path in () if month.replay else delivery.strays(month.workspace, month.period):
        log.warning("         %s is not read: its name names no feed", path.relative_to(month.workspace.root))
    return Pulled(sources, rows, first)


def world_of(month: Month, warehouse: Warehouse) -> World:
    """Everything the domain may know of the month."""
    delivered = landing.recall(month.workspace, month.period)
    return World(
        period=month.period,
        as_of=delivered.as_of if delivered else end_of_period(month.period, month.workspace.settings.zone),
        settings=month.workspace.settings,
        feeds={feed.name: _rows(warehouse, feed, month.period) for feed in FEEDS.values()},
        sources=warehouse.read("sources", upto=month.period),
        memory=_memory(warehouse, month.period),
    )


def not_accepted(workspace: Workspace, period: str) -> list[str]:
    """Sources of a month that are missing or were refused, as `feed/source`."""
    with Warehouse(workspace.private_database) as warehouse:
        sources = warehouse.read("sources", period=period)
    refused = sources.filter(pl.col("verdict") == "RED").select(pl.format("{}/{}", "feed", "source"))
    return refused.to_series().sort().to_list()


# -- inside ----------------------------------------------------------------------------------------------------------


def _deliver(month: Month) -> Delivered:
    """What landed for the month: just now, or earlier when this is a replay or the drop was tidied away since."""
    workspace, period = month.workspace, month.period
    before = landing.recall(workspace, period)
    if month.replay and before:
        return before
    delivered = Delivered(
        as_of=month.as_of or end_of_period(period, workspace.settings.zone),
        snapshots=tuple(
            landing.land(workspace, due.source, period, discovered=due.discovered)
            for due in delivery.due(workspace, period)
        ),
    )
    if all(snapshot.fetched.outcome == "missing" for snapshot in delivered.snapshots):
        if before is None:
            raise ConfigError(f"nothing is delivered for {period}.")
        delivered = Delivered(delivered.as_of, before.snapshots)
    landing.record(workspace, period, delivered)
    return delivered


def _rows(warehouse: Warehouse, feed: Feed, period: str) -> pl.DataFrame:
    """Accepted rows of a feed: the month's for a state feed, all up to it for an event feed."""
    table = intake.staged_table(feed)
    rows = warehouse.read(table, period=period) if feed.is_state else warehouse.read(table, upto=period)
    schema = {**feed.schema, **BOOKKEEPING}
    return rows.rename({PERIOD: "_period"}).select(list(schema)) if rows.width else pl.DataFrame(schema=schema)


def _memory(warehouse: Warehouse, period: str) -> dict[str, pl.DataFrame]:
    """What the latest earlier month kept for this one."""
    earlier = [other for other in warehouse.periods("sources") if other < period]
    if not earlier:
        return {}
    tables = [table for table in warehouse.tables() if table.startswith(MEMORY)]
    return {table: warehouse.read(table, period=earlier[-1]).drop(PERIOD) for table in tables}


def _account_of(sources: pl.DataFrame) -> str:
    landed, used, duplicate, quarantined = (sources[name].sum() for name in intake.CONSERVED)
    return (
        f"{sources.height} sources, {landed:,} rows landed = {used:,} used + {duplicate:,} duplicate "
        f"+ {quarantined:,} quarantined"
    )


class _Say:
    """Holds the sentence that a step's progress line ends with."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, text: str) -> None:
        self.text = text


@contextmanager
def _step(month: Month, name: str) -> Iterator[tuple[Warehouse, _Say]]:
    """Open the warehouse for one step, and say in one line what it did and how long it took."""
    began, say = monotonic(), _Say()
    with Warehouse(month.workspace.private_database) as warehouse:
        yield warehouse, say
    log.info("%s  %-10s %s (%.1f s)", month.period, name, say.text, monotonic() - began)
