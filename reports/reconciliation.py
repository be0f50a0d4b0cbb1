"""The exception list of a period: how it changed, what it is made of, what could not be judged, and every exception."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from reports import entries, listing
from reports.about import About
from reports.charts import Step, Waterfall
from reports.controls import Controls
from reports.entries import SEVERITIES, Exceptions
from reports.listing import Listing
from reports.page import units
from reports.prose import Prose, read
from reports.rollforward import COUNTED, RollForward, roll_forward
from reports.tables import Tables, of_period, tie
from reports.worth import Worth, worth

OUTCOMES = ("fired", "superseded", "exempt", "clean", "unknown", "not_evaluated")


@dataclass(frozen=True)
class Share:
    """One group of open exceptions: its `value` in the list, empty where it has none; `percent` is of all open ones."""

    name: str
    value: str
    count: int
    percent: int


@dataclass(frozen=True)
class Breakdown:
    """Open exceptions divided by one property, which a column of the list holds."""

    title: str
    column: str
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Run:
    """One rule in the period: population = fired + superseded + exempt + clean + unknown + not evaluated."""

    prose: Prose
    limits: tuple[tuple[str, str], ...]
    population: int
    fired: int
    superseded: int
    exempt: int
    clean: int
    unknown: int
    not_evaluated: int
    value: Decimal | None
    why_not: str


@dataclass(frozen=True)
class Group:
    """How many exceptions of one rule are open."""

    prose: Prose
    count: int


@dataclass(frozen=True)
class SetAside:
    """Rows of one source that were not used for one reason."""

    source: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Reconciliation:
    """Everything the page shows."""

    roll: RollForward
    waterfall: Waterfall
    controls: Controls
    overdue: int
    critical: int
    waived: int
    breakdowns: tuple[Breakdown, ...]
    worth: tuple[Worth, ...]
    without_kind: int
    runs: tuple[Run, ...]
    judged_in_full: int
    set_aside: tuple[SetAside, ...]
    source_exceptions: tuple[tuple[str, str, str, str], ...]
    groups: tuple[Group, ...]
    exceptions: Listing


def build(
    tables: Tables, about: About, rules: Mapping[str, str], exceptions: Exceptions, checks: Controls
) -> Reconciliation:
    """The page of one period; raises InequalityError where its figures do not add up."""
    listed = exceptions.rows
    counted = listed.filter(pl.col("status").is_in(COUNTED))
    roll = roll_forward(tables, about.period, about.previous)
    breakdowns = _breakdowns(counted)
    for breakdown in breakdowns:
        tie(f"Open exceptions by {breakdown.title}", sum(share.count for share in breakdown.shares), roll.closing)
    runs = _runs(tables, about, rules)
    return Reconciliation(
        roll=roll,
        waterfall=_waterfall(roll),
        controls=checks,
        overdue=counted.filter(pl.col("due") == "overdue").height,
        critical=counted.filter(pl.col("severity") == "critical").height,
        waived=listed.filter(pl.col("status") == "waived").height,
        breakdowns=breakdowns,
        worth=worth(counted),
        without_kind=counted["value_kind"].null_count(),
        runs=runs,
        judged_in_full=sum(not run.why_not for run in runs),
        set_aside=_set_aside(tables, about),
        source_exceptions=tuple(
            of_period(tables, "source_exceptions", about.period)
            .select("rule", "subject", "verdict", "why")
            .sort("rule", "subject")
            .iter_rows()
        ),
        groups=_groups(counted, rules),
        exceptions=listing.build(
            "exceptions", f"Exceptions of {about.period}", entries.COLUMNS, listed, about,
            details=exceptions.details, answers=entries.ANSWERS, elsewhere="the pages of their owners have them",
        ),
    )  # fmt: skip


def _breakdowns(counted: pl.DataFrame) -> tuple[Breakdown, ...]:
    def by(title: str, column: str, order: Sequence[str] = ()) -> Breakdown:
        counts = dict(counted.group_by(pl.col(column).fill_null("")).len().iter_rows())
        if order:
            counts = {name: counts.get(name, 0) for name in order}
        ordered = counts.items() if order else sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return Breakdown(
            title,
            column,
            tuple(
                Share(value or f"no {title.split()[-1]}", value, count, round(100 * count / max(counted.height, 1)))
                for value, count in ordered
            ),
        )

    return (
        by("severity", "severity", SEVERITIES),
        by("age", "age", [name for name, _ in entries.AGES]),
        by("process", "process"),
        by("asset class", "asset_class"),
        by("owner", "owner"),
    )


def _runs(tables: Tables, about: About, rules: Mapping[str, str]) -> tuple[Run, ...]:
    runs = []
    for row in of_period(tables, "rule_runs", about.period).sort("rule").iter_rows(named=True):
        tie(f"The population of {row['rule']} against its parts", row["population"], sum(row[o] for o in OUTCOMES))
        partly = f"{row['not_evaluated']:,} could not be judged: a source their answer rests on was not alive"
        runs.append(
            Run(
                prose=read(row["rule"], rules.get(row["rule"], "")),
                limits=tuple((name, _limit(value)) for name, value in json.loads(row["params"] or "{}").items()),
                population=row["population"],
                **{outcome: row[outcome] for outcome in OUTCOMES},
                value=row["value"],
                why_not=row["reason"] or (partly if row["not_evaluated"] else ""),
            )
        )
    return tuple(runs)


def _waterfall(roll: RollForward) -> Waterfall:
    terms = (Step(f"{'+' if term.sign > 0 else '−'} {term.name}", term.sign * term.count, units(term.count))
             for term in roll.terms)  # fmt: skip
    opening, closing = (
        Step(name, count, units(count)) for name, count in (("Opening", roll.opening), ("Closing", roll.closing))
    )
    return Waterfall("Open exceptions", (opening, *terms, closing))


def _limit(value: object) -> str:
    """A limit in force as text: one value, or one a class or product."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {limit}" for name, limit in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _set_aside(tables: Tables, about: About) -> tuple[SetAside, ...]:
    rows = (
        of_period(tables, "quarantine", about.period)
        .explode("reasons")
        .group_by(pl.format("{}/{}", "feed", "source").alias("source"), "reasons")
        .agg(pl.len())
        .sort("source", "len", "reasons", descending=[False, True, False])
    )
    return tuple(SetAside(*row) for row in rows.iter_rows())


def _groups(counted: pl.DataFrame, rules: Mapping[str, str]) -> tuple[Group, ...]:
    """What is open, by rule: the rule with the gravest exceptions first."""
    counts = counted.group_by("rule", "severity").len()
    by_rule: dict[str, dict[str, int]] = {}
    for rule, severity, count in counts.iter_rows():
        by_rule.setdefault(rule, {})[severity] = count

    def gravity(rule: str) -> tuple[int, int, str]:
        return min(map(SEVERITIES.index, by_rule[rule])), -sum(by_rule[rule].values()), rule

    return tuple(
        Group(read(rule, rules.get(rule, "")), sum(by_rule[rule].values())) for rule in sorted(by_rule, key=gravity)
    )
