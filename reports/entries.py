"""The exceptions of a period as a page shows them: each with what every source says of it and how it came about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from reports.about import About
from reports.tables import Tables, of_period
from tieout.feeds import FEEDS

SEVERITIES = ("critical", "high", "medium", "low")

Fields = tuple[tuple[str, str], ...]
"""Names with their values as text."""


@dataclass(frozen=True)
class Claim:
    """What one landed record says of a subject, or that sources of a feed say nothing of it.

    Without fields, `silence` is "no record" or "not alive", and snapshot and row are None.
    """

    feed: str
    sources: str
    snapshot_id: str | None
    landed_row: int | None
    fields: Fields
    silence: str


@dataclass(frozen=True)
class Change:
    """One change of an exception's state; `before` is empty when it was new."""

    period: str
    at: date
    before: str
    after: str
    why: str


@dataclass(frozen=True)
class Entry:
    """One exception as it stood at the period's end. Values may be None: unvalued, or not told."""

    exception_id: str
    rule: str
    subject_type: str
    subject: str
    asset_class: str | None
    severity: str
    status: str
    owner: str
    process: str
    remedy: str
    value: Decimal | None
    value_kind: str | None
    amount: Decimal | None
    currency: str | None
    since_on: date | None
    first_seen: date
    last_seen: date
    due_on: date | None
    age_days: int
    paused_days: int
    cycles_open: int
    paused_cycles: int
    recurrence: int
    legacy: bool
    decision: str | None
    overdue: bool
    judged: Fields
    claims: tuple[Claim, ...]
    history: tuple[Change, ...]


def entries(tables: Tables, about: About) -> tuple[Entry, ...]:
    """Every exception of the period, gravest first, then by value, due date and subject."""
    shown = of_period(tables, "exceptions", about.period)
    claims, history = _claims(tables, about, shown), _history(tables, about, shown)
    ordered = (
        shown.with_columns(
            rank=pl.col("severity").replace_strict({s: i for i, s in enumerate(SEVERITIES)}, default=len(SEVERITIES)),
            overdue=(pl.col("due_on") < about.today).fill_null(False),
        )
        .sort("rank", "value", "due_on", "subject", "exception_id", descending=[False, True, False, False, False],
              nulls_last=True)
        .drop("period", "rank")
    )  # fmt: skip
    return tuple(
        Entry(
            **{name: value for name, value in row.items() if name != "evidence"},
            judged=_judged(row["evidence"]),
            claims=claims.get(row["exception_id"], ()),
            history=history.get(row["exception_id"], ()),
        )
        for row in ordered.iter_rows(named=True)
    )


def _judged(evidence: str | None) -> Fields:
    """The measures a rule asked for, as text; what nobody knows is said so."""
    measures = json.loads(evidence or "{}").get("judged", {})
    return tuple((name, "unknown" if value is None else str(value)) for name, value in measures.items())


def _claims(tables: Tables, about: About, shown: pl.DataFrame) -> Mapping[str, tuple[Claim, ...]]:
    """What the sources say of each exception, from the latest period that found it; feeds in the order of the docs."""
    order = {feed: place for place, feed in enumerate(FEEDS)}
    places = {f"{feed}.{column}": place for feed in FEEDS for place, column in enumerate(FEEDS[feed].schema)}
    place_of_field = pl.concat_str("feed", "field", separator=".").replace_strict(places, default=None)
    latest = (
        tables["evidence"]
        .filter(pl.col("period") <= about.period)
        .join(shown.select("exception_id"), on="exception_id", how="semi")
        .filter(pl.col("period") == pl.col("period").max().over("exception_id"))
        .sort(
            "exception_id",
            pl.col("feed").replace_strict(order, default=len(order)),
            "source",
            "landed_row",
            place_of_field,
            "field",
        )
    )
    of_record = ["exception_id", "feed", "source", "snapshot_id", "landed_row"]
    told = latest.filter(pl.col("field").is_not_null()).group_by(of_record, maintain_order=True)
    silent = latest.filter(pl.col("field").is_null()).group_by("exception_id", "feed", "value", maintain_order=True)
    found: dict[str, list[Claim]] = {}
    for exception, feed, source, snapshot, row, names, values in told.agg("field", "value").iter_rows():
        fields = tuple(zip(names, values, strict=True))
        found.setdefault(exception, []).append(Claim(feed, source, snapshot, row, fields, ""))
    for exception, feed, silence, sources in silent.agg(pl.col("source").str.join(", ")).iter_rows():
        found.setdefault(exception, []).append(Claim(feed, sources, None, None, (), silence))
    return {
        exception: tuple(sorted(claims, key=lambda claim: order.get(claim.feed, len(order))))
        for exception, claims in found.items()
    }


def _history(tables: Tables, about: About, shown: pl.DataFrame) -> Mapping[str, tuple[Change, ...]]:
    """Every change of each exception up to this period, oldest first."""
    changes = (
        tables["exception_history"]
        .filter(pl.col("period") <= about.period)
        .join(shown.select("exception_id"), on="exception_id", how="semi")
        .select("exception_id", "period", "at", pl.col("from_status").fill_null(""), "to_status",
                pl.col("why").fill_null(""))
        .sort("exception_id", "period", "at", maintain_order=True)
    )  # fmt: skip
    history: dict[str, list[Change]] = {}
    for exception, *change in changes.iter_rows():
        history.setdefault(exception, []).append(Change(*change))
    return {exception: tuple(changed) for exception, changed in history.items()}
