"""The life of exceptions: this period's findings put to the list of the period before, and what people decided.

An exception opens when its rule fires, stays open while nothing answers, and is resolved only by a run that evaluated
it. One that returns keeps its id and first_seen. A period reads only what earlier periods stored, and only decisions
taken by its as_of.
"""

from collections.abc import Mapping

import polars as pl

from tieout.decisions import STATES, in_words
from tieout.docket import open_before
from tieout.findings import FINDINGS, OPEN_STATUSES
from tieout.world import World

EXCEPTIONS: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "rule": pl.String(), "subject_type": pl.String(), "subject": pl.String(),
    "asset_class": pl.String(), "severity": pl.String(), "status": pl.String(), "owner": pl.String(),
    "process": pl.String(), "remedy": pl.String(), "value": FINDINGS["value"], "value_kind": pl.String(),
    "amount": FINDINGS["amount"], "currency": pl.String(), "since_on": pl.Date(), "first_seen": pl.Date(),
    "last_seen": pl.Date(), "due_on": pl.Date(), "age_days": pl.Int64(), "paused_days": pl.Int64(),
    "cycles_open": pl.Int64(), "paused_cycles": pl.Int64(), "recurrence": pl.Int64(), "legacy": pl.Boolean(),
    "decision": pl.String(), "evidence": pl.String(),
}  # fmt: skip
"""One row an exception that was open, waived or settled in the period, as it stood at the period's end."""

HISTORY: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "from_status": pl.String(), "to_status": pl.String(), "at": pl.Date(),
    "why": pl.String(),
}  # fmt: skip

MEMORY: Mapping[str, pl.DataType] = {
    **EXCEPTIONS, "subject_key": pl.String(), "keys": pl.String(), "opened_on": pl.Date(), "due_from": pl.Date(),
    "looked_on": pl.Date(), "sources": FINDINGS["sources"],
}  # fmt: skip
"""Every exception there ever was, as it stands: the table `memory_exceptions` a later period starts from.

`opened_on` = as_of date of the first publication or latest return, from which it ages; `due_from` = the same, or that
of the latest waiver's end, from which it is due; `looked_on` = the last as_of date this list was aged at; `sources` =
what spoke for it when it was last found, and how that was read.
"""

_CARRIED = ("rule", "subject", "subject_key", "keys")
_DETAILS = [name for name in FINDINGS if name in MEMORY and name not in ("exception_id", *_CARRIED)]
_IS_OPEN = pl.col("status").is_in(OPEN_STATUSES)


def age(world: World, findings: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The exceptions of the period, what changed, and the memory for the next: three tables."""
    listed = _decided(world, _together(world, findings))
    aged = _dated(world, _standing(world, listed))
    came_to_an_end = pl.col("was_open") & ~_IS_OPEN
    changed = aged.filter(pl.col("status").ne_missing(pl.col("from_status")))
    history = changed.select(
        "exception_id", "from_status", to_status="status", at=pl.lit(world.today), why="changed_because"
    )
    return {
        "exceptions": _typed(aged.filter(_IS_OPEN | came_to_an_end), EXCEPTIONS).sort(
            "rule", "subject", "exception_id"
        ),
        "exception_history": _typed(history, HISTORY),
        "memory_exceptions": _typed(aged, MEMORY),
    }


def _together(world: World, findings: pl.DataFrame) -> pl.DataFrame:
    """Every exception known before or found now, with what the period says of it.

    Each of `fired`, `held`, `let_go`, `was_open` and `known` is true or false, never null.
    """
    before = world.remembered("memory_exceptions", MEMORY)
    now = findings.select(
        "exception_id", "outcome", "why", *_CARRIED, *(pl.col(name).alias(f"now_{name}") for name in _DETAILS)
    )
    outcome = pl.col("outcome")
    return (
        before.join(now, on="exception_id", how="full", coalesce=True)
        .with_columns(
            *(pl.coalesce(f"{name}_right", name).alias(name) for name in _CARRIED),
            pl.col("status").alias("from_status"),
            (outcome == "fired").fill_null(False).alias("fired"),
            (outcome == "held").fill_null(False).alias("held"),
            outcome.is_in(["clean", "gone", "superseded", "exempt"]).fill_null(False).alias("let_go"),
            pl.col("exception_id").is_in(open_before(world)["exception_id"].implode()).alias("was_open"),
            pl.col("first_seen").is_not_null().alias("known"),
        )
        .filter(pl.col("known") | pl.col("fired"))
        .with_columns(
            (pl.col("fired") & ~pl.col("was_open")).alias("opens"),
            pl.when(pl.col("fired") & ~pl.col("was_open"))
            .then(pl.lit(world.today))
            .otherwise("opened_on")
            .alias("opened_on"),
        )
        .sort("exception_id")
    )


def _decided(world: World, listed: pl.DataFrame) -> pl.DataFrame:
    """With the latest decision in words, and the status and owner that decisions give it.

    A waiver holds until its day, whatever happens meanwhile; any other decision is about one opening of the exception
    and says nothing of the next.
    """
    taken_on = world.local_date(pl.col("at"))
    taken = world.decided.with_columns(taken_on.alias("taken_on"), in_words().alias("words"))
    taken = taken.join(listed.select("exception_id", "opened_on"), on="exception_id")
    counts = (pl.col("taken_on") >= pl.col("opened_on")) | (pl.col("kind") == "waive")
    states = (
        taken.filter(counts & pl.col("kind").is_in(list(STATES)))
        .unique("exception_id", keep="last", maintain_order=True)
        .select(
            "exception_id",
            decided=pl.col("kind").replace_strict(STATES, return_dtype=pl.String),
            expired=(pl.col("until") < pl.lit(world.today)).fill_null(False),
        )
    )
    owners = taken.filter(counts & (pl.col("kind") == "assign")).unique(
        "exception_id", keep="last", maintain_order=True
    )
    latest = taken.unique("exception_id", keep="last", maintain_order=True)
    kept = taken.filter((pl.col("kind") == "keep") & (pl.col("until") >= pl.lit(world.today)))
    return (
        listed.drop("decision")
        .join(states, on="exception_id", how="left")
        .join(owners.select("exception_id", assignee="owner"), on="exception_id", how="left")
        .join(latest.select("exception_id", decision="words"), on="exception_id", how="left")
        .with_columns(
            pl.col("expired").fill_null(False),
            pl.col("exception_id").is_in(kept["exception_id"].implode()).alias("is_kept"),
        )
        .sort("exception_id")
    )


def _speaks_no_more(world: World) -> pl.Expr:
    """True where a source that spoke for the exception is no longer asked, or is read in another way than then."""
    now = world.speakers.filter(pl.col("period") == world.period)["speaker"]
    return (pl.col("sources").list.set_difference(pl.lit(now.implode())).list.len() > 0).fill_null(False)


def _standing(world: World, listed: pl.DataFrame) -> pl.DataFrame:
    """With the status at the period's end and why it is another than before."""
    was_waived = (pl.col("from_status") == "waived").fill_null(False)
    stays = pl.col("fired") | pl.col("held")
    by_decision = pl.when(~pl.col("expired")).then("decided")
    not_judged = pl.when(pl.col("held") & pl.col("expired")).then("from_status")
    status = (
        pl.when(stays).then(pl.coalesce(not_judged, by_decision, pl.lit("open")))
        .when(pl.col("was_open") & pl.col("let_go")).then(pl.lit("resolved"))
        .otherwise("from_status")
    )  # fmt: skip
    exempted = pl.when("is_kept").then(pl.lit("kept")).otherwise(pl.lit("exempted"))
    words = {"acknowledged": "acknowledged", "in_progress": "assigned", "waived": "waived", "accepted": "accepted",
             "disputed": "disputed"}  # fmt: skip
    because = (
        pl.when(pl.col("fired") & ~pl.col("known")).then(pl.lit("new"))
        .when("opens").then(pl.lit("returned"))
        .when(pl.col("outcome") == "exempt").then(exempted)
        .when(pl.col("let_go") & pl.col("why").is_in(["fixed", "subject_gone"]) & _speaks_no_more(world))
        .then(pl.lit("source_changed"))
        .when("let_go").then("why")
        .when((pl.col("status") == "open") & was_waived & pl.col("expired")).then(pl.lit("waiver expired"))
        .when(pl.col("status") == "open").then(pl.lit("decision withdrawn"))
        .otherwise(pl.col("status").replace_strict(words, default=None, return_dtype=pl.String))
    )  # fmt: skip
    return listed.with_columns(status.alias("status")).with_columns(because.alias("changed_because"))


def _dated(world: World, listed: pl.DataFrame) -> pl.DataFrame:
    """With its details as last found, its age, and the day by which it is due.

    The clock stands still while the rule could not be evaluated: `paused_days` and `paused_cycles`.
    """
    today = pl.lit(world.today)
    fired, opens = pl.col("fired"), pl.col("opens")
    since = pl.coalesce("now_since_on", pl.when("was_open").then("since_on"))
    reopens = opens | (pl.col("changed_because") == "waiver expired").fill_null(False)
    reopens = reopens | (_IS_OPEN & (pl.col("from_status") == "accepted")).fill_null(False)
    waited = pl.when("held").then((today - pl.col("looked_on")).dt.total_days()).otherwise(0)
    runs = pl.col("was_open") | fired

    def counted(name: str, more: pl.Expr) -> pl.Expr:
        return pl.col(name).fill_null(0) + more

    aged = listed.with_columns(
        *(pl.when(fired).then(f"now_{name}").otherwise(name).alias(name) for name in _DETAILS if name != "since_on"),
        pl.when(fired).then(since).otherwise("since_on").alias("since_on"),
        pl.col("first_seen").fill_null(today),
        pl.when(fired).then(today).otherwise("last_seen").alias("last_seen"),
        pl.when(reopens).then(today).otherwise(pl.coalesce("due_from", "opened_on")).alias("due_from"),
        counted("cycles_open", fired.cast(pl.Int64)).alias("cycles_open"),
        counted("recurrence", opens.cast(pl.Int64)).alias("recurrence"),
        pl.when(opens).then(0).otherwise(counted("paused_days", waited)).alias("paused_days"),
        pl.when(opens)
        .then(0)
        .otherwise(counted("paused_cycles", pl.col("held").cast(pl.Int64)))
        .alias("paused_cycles"),
        today.alias("looked_on"),
    )
    arose_on = pl.min_horizontal("since_on", "opened_on")
    age_days = ((today - arose_on).dt.total_days() - pl.col("paused_days")).clip(0)
    return aged.with_columns(
        pl.coalesce(pl.when(_IS_OPEN).then("assignee"), "owner").alias("owner"),
        pl.when(runs).then(age_days).otherwise("age_days").alias("age_days"),
        *_due(world),
    )


def _due(world: World) -> list[pl.Expr]:
    """Whether an exception arose before go-live, and the day by which it should be settled."""
    policy = world.settings.policy
    days = {
        "critical": policy.due_days_critical,
        "high": policy.due_days_high,
        "medium": policy.due_days_medium,
        "low": policy.due_days_low,
    }
    legacy = (pl.coalesce("since_on", "opened_on") < pl.lit(policy.go_live, pl.Date)).fill_null(False)
    in_time = pl.col("due_from").dt.add_business_days(
        pl.col("severity").replace_strict(days, default=policy.due_days_low, return_dtype=pl.Int32), roll="backward"
    )
    legacy_due = pl.col("due_from").dt.offset_by(f"{policy.legacy_days}d")
    return [legacy.alias("legacy"), pl.when(legacy).then(legacy_due).otherwise(in_time).alias("due_on")]


def _typed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
