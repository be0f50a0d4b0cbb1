"""The life of exceptions: this period's findings put to the list of the period before.

An exception opens when its rule fires, stays open while nothing answers, and is resolved only by a run that evaluated
it. One that returns keeps its id and first_seen. A period reads only what earlier periods stored.
"""

from collections.abc import Mapping

import polars as pl

from tieout.judgement import FINDINGS, OPEN_STATUSES
from tieout.world import World

DUE_WORKING_DAYS = {"critical": 3, "high": 10, "medium": 20, "low": 60}
LEGACY_DAYS = 180

EXCEPTIONS: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "rule": pl.String(), "subject_type": pl.String(), "subject": pl.String(),
    "asset_class": pl.String(), "severity": pl.String(), "status": pl.String(), "owner": pl.String(),
    "process": pl.String(), "remedy": pl.String(), "value": FINDINGS["value"], "value_kind": pl.String(),
    "amount": FINDINGS["amount"], "currency": pl.String(), "since_on": pl.Date(), "first_seen": pl.Date(),
    "last_seen": pl.Date(), "due_on": pl.Date(), "age_days": pl.Int64(), "cycles_open": pl.Int64(),
    "recurrence": pl.Int64(), "legacy": pl.Boolean(), "decision": pl.String(), "evidence": pl.String(),
}  # fmt: skip
"""One row an exception that was open, waived or resolved in the period, as it stood at the period's end."""

HISTORY: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "from_status": pl.String(), "to_status": pl.String(), "at": pl.Date(),
    "why": pl.String(),
}  # fmt: skip

MEMORY: Mapping[str, pl.DataType] = {
    **EXCEPTIONS, "subject_key": pl.String(), "keys": pl.String(), "opened_on": pl.Date(),
    "looked_on": pl.Date(), "paused_days": pl.Int64(),
}  # fmt: skip
"""Every exception there ever was, as it stands: the table `memory_exceptions` a later period starts from.

`opened_on` = as_of of the first publication or latest reopening; `looked_on` = the last as_of this list was aged at;
`paused_days` = days in which the rule could not be evaluated, which do not count as age.
"""

_CARRIED = ("rule", "subject", "subject_key", "keys")
_DETAILS = [name for name in FINDINGS if name in EXCEPTIONS and name not in ("exception_id", *_CARRIED)]


def age(world: World, findings: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The exceptions of the period, what changed, and the memory for the next: three tables."""
    today = pl.lit(world.today)
    before = world.remembered("memory_exceptions", MEMORY)
    now = findings.filter(pl.col("outcome") != "exempt").select(
        "exception_id", "outcome", "why", *_CARRIED, *(pl.col(name).alias(f"now_{name}") for name in _DETAILS)
    )
    fired = pl.col("outcome") == "fired"
    was_open = pl.col("from_status").is_in(OPEN_STATUSES).fill_null(False)
    known = pl.col("first_seen").is_not_null()
    reopened = fired & known & ~was_open
    resolved = was_open & pl.col("outcome").is_in(["clean", "gone", "superseded"])
    exempted = findings.filter(pl.col("outcome") == "exempt").select("exception_id", exempted=pl.lit(True))
    joined = (
        before.join(now, on="exception_id", how="full", coalesce=True)
        .join(exempted, on="exception_id", how="left")
        .with_columns(pl.coalesce(pl.col(f"{name}_right"), pl.col(name)).alias(name) for name in _CARRIED)
        .with_columns(pl.col("status").alias("from_status"))
        .filter(known | fired)
        .with_columns(
            pl.when(fired & ~was_open).then(pl.lit("open"))
            .when(resolved | (was_open & pl.col("exempted"))).then(pl.lit("resolved"))
            .otherwise("status").alias("status"),
            pl.when(fired & ~known).then(pl.lit("new"))
            .when(reopened).then(pl.lit("returned"))
            .when(was_open & pl.col("exempted")).then(pl.lit("exempted"))
            .when(resolved).then("why").alias("why"),
        )
        .sort("exception_id")
    )  # fmt: skip
    held = was_open & (pl.col("outcome") == "held")
    paused = pl.when(held).then((today - pl.col("looked_on")).dt.total_days()).otherwise(0)
    aged = joined.with_columns(
        *(pl.when(fired).then(f"now_{name}").otherwise(name).alias(name) for name in _DETAILS if name != "since_on"),
        pl.when(fired)
        .then(pl.coalesce("now_since_on", pl.when(was_open).then("since_on")))
        .otherwise("since_on")
        .alias("since_on"),
        pl.col("first_seen").fill_null(today),
        pl.when(fired).then(today).otherwise("last_seen").alias("last_seen"),
        pl.when(fired & ~was_open).then(today).otherwise("opened_on").alias("opened_on"),
        (pl.col("cycles_open").fill_null(0) + fired.cast(pl.Int64)).alias("cycles_open"),
        (pl.col("recurrence").fill_null(0) + reopened.cast(pl.Int64)).alias("recurrence"),
        (pl.col("paused_days").fill_null(0) + paused).alias("paused_days"),
        today.alias("looked_on"),
    ).with_columns(_due(world))
    still_counts = pl.col("status").is_in(OPEN_STATUSES) | (
        pl.col("why").is_not_null() & (pl.col("status") == "resolved")
    )
    from_day = pl.coalesce(pl.min_horizontal("since_on", "first_seen"), "first_seen")
    aged = aged.with_columns(
        pl.when(still_counts)
        .then(((today - from_day).dt.total_days() - pl.col("paused_days")).clip(0))
        .otherwise("age_days")
        .alias("age_days")
    )
    in_period = pl.col("status").is_in(OPEN_STATUSES) | (
        pl.col("from_status").is_in(OPEN_STATUSES) & (pl.col("status") == "resolved")
    )
    changed = pl.col("status").ne_missing(pl.col("from_status"))
    history = aged.filter(changed).select("exception_id", "from_status", to_status="status", at=today, why="why")
    return {
        "exceptions": _typed(aged.filter(in_period), EXCEPTIONS).sort("rule", "subject", "exception_id"),
        "exception_history": _typed(history, HISTORY),
        "memory_exceptions": _typed(aged, MEMORY),
    }


def _due(world: World) -> list[pl.Expr]:
    """Whether an exception arose before go-live, and the day by which it should be settled."""
    go_live = pl.lit(world.settings.policy.go_live, pl.Date)
    legacy = (pl.coalesce("since_on", "first_seen") < go_live).fill_null(False)
    due = pl.lit(None, pl.Date)
    for severity, days in DUE_WORKING_DAYS.items():
        in_time = pl.col("opened_on").dt.add_business_days(days, roll="backward")
        due = pl.when(pl.col("severity") == severity).then(in_time).otherwise(due)
    legacy_due = pl.col("opened_on").dt.offset_by(f"{LEGACY_DAYS}d")
    return [legacy.alias("legacy"), pl.when(legacy).then(legacy_due).otherwise(due).alias("due_on")]


def _typed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
