"""A closed month performed again, beside the warehouse, from what was frozen when it was closed.

So it is shown that a closed month still comes to what was signed, and what late deliveries would have made of it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from pipelines import __version__, decisions, landing, late, steps
from pipelines.closed import Closing, Manifest, closed, manifest_of
from pipelines.errors import TieoutError
from pipelines.steps import Month
from pipelines.warehouse import Warehouse
from pipelines.whole import UNFINISHED, write_whole
from pipelines.workspace import Workspace
from tieout import digest
from tieout.findings import OPEN_STATUSES
from tieout.published import TABLES

UNHASHED = ("decisions", "periods", "anchors", "expectations")
"""Tables that go on changing after a month is closed: the log, what vouches for it, the state of the month; and what
its results were held against."""

ADJUSTMENTS: Mapping[str, pl.DataType] = {
    "adjusts": pl.String(), "exception_id": pl.String(), "rule": pl.String(), "subject": pl.String(),
    "change": pl.String(), "value_kind": pl.String(), "value_closed": pl.Decimal(38, 10),
    "value_now": pl.Decimal(38, 10), "difference": pl.Decimal(38, 10), "sources": pl.List(pl.String),
}  # fmt: skip


def reproduce(workspace: Workspace, period: str) -> Closing:
    """Perform a closed month again, from what was frozen, and change nothing.

    Raises TieoutError, which names the tables that come out otherwise.
    """
    closing = closed(workspace)[period]
    manifest = manifest_of(workspace, closing)
    again = digest.of_tables(perform_again(workspace, manifest))
    other = sorted(name for name in manifest.tables if again.get(name) != manifest.tables[name])
    if other:
        made_by = f"it was made by Tieout {manifest.tieout}, this is {__version__}"
        raise TieoutError(
            f"{period} is closed, and a re-run does not come to the same: {', '.join(other)} differ"
            f"{f' ({made_by})' if manifest.tieout != __version__ else ''}; nothing was changed."
        )
    return closing


def results(warehouse: Warehouse, period: str) -> dict[str, pl.DataFrame]:
    """A month's published results as they stand in the warehouse."""
    stored = {table.stored_as or name: list(table.columns) for name, table in TABLES.items() if name not in UNHASHED}
    return {name: warehouse.read(name, period=period, columns=columns) for name, columns in stored.items()}


def perform_again(
    workspace: Workspace, manifest: Manifest, delivered: landing.Delivered | None = None
) -> dict[str, pl.DataFrame]:
    """A month's results from what was frozen, or from other deliveries; the workspace stays as it is."""
    with TemporaryDirectory(prefix=UNFINISHED, dir=workspace.warehouse) as folder:
        aside = _aside(workspace, manifest, Path(folder))
        Warehouse(aside.tables).take_over(Warehouse(workspace.tables))
        month = Month(aside, manifest.period, delivered=delivered or manifest.delivered)
        with _silently():
            for step in (steps.pull, steps.reconcile, steps.age, steps.figure):
                step(month)
        return results(Warehouse(aside.tables), manifest.period)


def adjust(month: Month) -> dict[str, int]:
    """Write down what late deliveries would have made of closed months; returns the number of differences."""
    delivered = landing.recall(month.workspace, month.period)
    came_late = delivered.late if delivered else ()
    found = [pl.DataFrame(schema=dict(ADJUSTMENTS))]
    for period in sorted({snapshot.late_for for snapshot in came_late}):
        of_period = tuple(snapshot for snapshot in came_late if snapshot.late_for == period)
        found.append(_adjustment(month.workspace, period, of_period))
    table = pl.concat(found)
    with steps.step(month, "adjusted") as (warehouse, say):
        warehouse.write("adjustments", table, month.period)
        say(f"{len(came_late)} late deliveries for closed months, {table.height} exceptions would have been others")
    return {"adjustments": table.height}


# -- inside ----------------------------------------------------------------------------------------------------------


@contextmanager
def _silently() -> Iterator[None]:
    """Without the progress lines of a run: nothing runs for the workspace."""
    steps.log.disabled = True
    try:
        yield
    finally:
        steps.log.disabled = False


def _adjustment(workspace: Workspace, period: str, came_late: tuple[landing.Snapshot, ...]) -> pl.DataFrame:
    """The exceptions of one closed month that late deliveries would have opened, ended or valued otherwise.

    None where it was reopened since: then its own next run takes them in.
    """
    closing = closed(workspace).get(period)
    if closing is None:
        return pl.DataFrame(schema=dict(ADJUSTMENTS))
    manifest = manifest_of(workspace, closing)
    would_be = perform_again(workspace, manifest, late.with_late(manifest.delivered, came_late))
    was = _open(Warehouse(workspace.tables).read("exceptions", period=period)).rename({"value": "value_closed"})
    now = _open(would_be["exceptions"]).rename({"value": "value_now"})
    told = (pl.coalesce(name, f"{name}_right").alias(name) for name in ("rule", "subject", "value_kind"))
    both = was.join(now, on="exception_id", how="full", coalesce=True).with_columns(told)
    change = (
        pl.when(pl.col("was").is_null()).then(pl.lit("would have been found"))
        .when(pl.col("was_right").is_null()).then(pl.lit("would not have been found"))
        .when(pl.col("value_closed").ne_missing(pl.col("value_now"))).then(pl.lit("would have had another value"))
    )  # fmt: skip
    sources = sorted(f"{one.source.feed}/{one.source.name}" for one in came_late)
    nothing = pl.lit(0).cast(pl.Decimal(38, 10))
    difference = pl.col("value_now").fill_null(nothing) - pl.col("value_closed").fill_null(nothing)
    valued = pl.col("value_now").is_not_null() | pl.col("value_closed").is_not_null()
    return (
        both.with_columns(
            change.alias("change"),
            pl.lit(period).alias("adjusts"),
            pl.when(valued).then(difference).alias("difference"),
            pl.lit(sources, pl.List(pl.String)).alias("sources"),
        )
        .filter(pl.col("change").is_not_null())
        .select(pl.col(name).cast(dtype) for name, dtype in ADJUSTMENTS.items())
        .sort("rule", "subject", "exception_id")
    )


def _open(exceptions: pl.DataFrame) -> pl.DataFrame:
    still = exceptions.filter(pl.col("status").is_in(OPEN_STATUSES))
    return still.select("exception_id", "rule", "subject", "value_kind", "value", was="status")


def _aside(workspace: Workspace, manifest: Manifest, folder: Path) -> Workspace:
    """The workspace as it was configured and decided then, with a warehouse of its own."""
    settings = type(workspace.settings).model_validate(manifest.settings)
    then = replace(workspace, settings=settings, known=manifest.decisions)
    aside = then.moved(folder, "warehouse", "decisions", "published", "reports")
    aside.warehouse.mkdir()
    write_whole(decisions.log_of(aside), decisions.log_of(workspace).read_bytes())
    return aside
