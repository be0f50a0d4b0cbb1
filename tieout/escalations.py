"""Thresholds on figures and what becomes of a breach: an escalation with an owner and a due date, until it is over.

A threshold speaks of the level of a figure or of its change since the period before; which way is bad is the figure's
own. A figure that has no value this period neither opens an escalation nor ends one.
"""

from collections.abc import Mapping

import polars as pl

from tieout.figures import ALL
from tieout.metrics import METRICS
from tieout.money import MONEY
from tieout.settings import Settings
from tieout.world import World

ESCALATIONS: Mapping[str, pl.DataType] = {
    "figure": pl.String(), "scope": pl.String(), "what": pl.String(), "status": pl.String(), "value": MONEY,
    "before": MONEY, "limit": MONEY, "owner": pl.String(), "opened_on": pl.Date(), "due_on": pl.Date(),
    "periods_open": pl.Int64(),
}  # fmt: skip
MEMORY_METRICS: Mapping[str, pl.DataType] = {"name": pl.String(), "scope": pl.String(), "value": MONEY}
_KEY = ["figure", "scope", "what"]
_FIGURE_OF_RULES = "open_exceptions"
_BAD = {metric.name: metric.bad or "high" for metric in METRICS}


def figure_and_scope(name: str) -> tuple[str, str]:
    """What a threshold's key means: a figure over everything, a figure for one scope, or the count of a rule."""
    figure, _, scope = name.partition("/")
    return (figure, scope or ALL) if figure in _BAD else (_FIGURE_OF_RULES, name)


def watch(world: World, metrics: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The metrics with their thresholds, the escalations, and what the next period must know of both."""
    before = world.remembered("memory_metrics", MEMORY_METRICS).select("name", "scope", before="value")
    compared = (
        _thresholds(world.settings)
        .join(
            metrics.select("name", "scope", "value"),
            left_on=["figure", "scope"],
            right_on=["name", "scope"],
            how="left",
        )
        .join(before, left_on=["figure", "scope"], right_on=["name", "scope"], how="left")
    )
    worse = (
        pl.when("high_is_bad").then(pl.col("value") - pl.col("before")).otherwise(pl.col("before") - pl.col("value"))
    )
    past = pl.when("high_is_bad").then(pl.col("value") > pl.col("limit")).otherwise(pl.col("value") < pl.col("limit"))
    edge = pl.when("high_is_bad").then(pl.col("before") + pl.col("limit")).otherwise(pl.col("before") - pl.col("limit"))
    level = pl.col("what") == "level"
    compared = compared.with_columns(
        pl.when(level).then(past).otherwise(worse > pl.col("limit")).alias("breached"),
        pl.when(level).then("limit").otherwise(edge).alias("threshold"),
    )
    escalations = _carried(world, compared)
    return {
        "metrics": _marked(metrics, compared),
        "escalations": escalations,
        "memory_escalations": escalations.filter(pl.col("status") != "over"),
        "memory_metrics": metrics.select(pl.col(name).cast(kind) for name, kind in MEMORY_METRICS.items()),
    }


def _thresholds(settings: Settings) -> pl.DataFrame:
    """One row a threshold on a level or a change."""
    rows = []
    for name, threshold in settings.thresholds.items():
        figure, scope = figure_and_scope(name)
        for what, limit in (("level", threshold.level), ("change", threshold.change)):
            if limit is not None:
                rows.append(
                    {
                        "figure": figure, "scope": scope, "what": what, "limit": limit, "owner": threshold.owner,
                        "due_days": threshold.due_days, "high_is_bad": _BAD[figure] == "high",
                    }
                )  # fmt: skip
    schema = {
        **{name: pl.String() for name in _KEY}, "limit": MONEY, "owner": pl.String(), "due_days": pl.Int64(),
        "high_is_bad": pl.Boolean(),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _carried(world: World, compared: pl.DataFrame) -> pl.DataFrame:
    """The escalations open now, those whose figure is not known (carried), and those that are over."""
    today = pl.lit(world.today)
    earlier = world.remembered("memory_escalations", ESCALATIONS).select(
        *_KEY, opened_before="opened_on", due_before="due_on", periods_before="periods_open", owner_before="owner",
        limit_before="limit",
    )  # fmt: skip
    known = pl.col("opened_before").is_not_null()
    breached = pl.col("breached")
    due = today.dt.add_business_days(pl.col("due_days").fill_null(0).cast(pl.Int32), roll="backward")
    status = (
        pl.when(breached).then(pl.lit("open"))
        .when(breached.is_null() & pl.col("due_days").is_not_null() & known).then(pl.lit("unknown"))
        .when(known).then(pl.lit("over"))
    )  # fmt: skip
    return (
        compared.join(earlier, on=_KEY, how="full", coalesce=True)
        .with_columns(
            status.alias("status"),
            pl.coalesce("opened_before", today).alias("opened_on"),
            pl.coalesce("due_before", due).alias("due_on"),
            (pl.col("periods_before").fill_null(0) + breached.fill_null(False).cast(pl.Int64)).alias("periods_open"),
            pl.coalesce("owner", "owner_before").alias("owner"),
            pl.coalesce("limit", "limit_before").alias("limit"),
        )
        .filter(pl.col("status").is_not_null())
        .select(pl.col(name).cast(kind) for name, kind in ESCALATIONS.items())
        .sort(_KEY)
    )


def _marked(metrics: pl.DataFrame, compared: pl.DataFrame) -> pl.DataFrame:
    """The metrics with the limit they are held against (the level where there is one), and whether any is breached."""
    limits = (
        compared.sort("figure", "scope", pl.col("what") != "level")
        .group_by(name="figure", scope="scope", maintain_order=True)
        .agg(
            pl.col("threshold").first(),
            pl.when(pl.col("breached").any())
            .then(pl.lit(True))
            .when(pl.col("breached").is_null().all())
            .then(pl.lit(None, pl.Boolean))
            .otherwise(pl.lit(False))
            .alias("breached"),
        )
    )
    return (
        metrics.drop("threshold", "breached")
        .join(limits, on=["name", "scope"], how="left", maintain_order="left")
        .select(metrics.columns)
    )
