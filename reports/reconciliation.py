"""The exception list of a period: how it changed, what it is made of, what could not be judged, and every exception."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from reports import controls
from reports.about import About
from reports.controls import Controls
from reports.entries import SEVERITIES, Entry, entries
from reports.prose import Prose, read
from reports.rollforward import COUNTED, RollForward, roll_forward
from reports.tables import Tables, of_period, tie

AGES = (
    ("0–7 days", 0, 7),
    ("8–30 days", 8, 30),
    ("31–60 days", 31, 60),
    ("61–90 days", 61, 90),
    ("90+ days", 91, None),
)

KINDS = {
    "licence_pool": "a year's price of seats that nobody needs",
    "exposure": "what may be owed to a vendor",
    "overcharge": "billed beyond what was agreed",
    "asset": "book value of the devices concerned",
    "stock": "spares that differ from the book or are short",
    "view": "the same money seen from another side: shown with each exception, never added",
}
NEVER_ADDED = "view"
OUTCOMES = ("fired", "superseded", "exempt", "clean", "unknown", "not_evaluated")


@dataclass(frozen=True)
class Share:
    """One group of open exceptions; `percent` is of all open ones, 0 to 100."""

    name: str
    count: int
    percent: int


@dataclass(frozen=True)
class Breakdown:
    """Open exceptions divided by one property."""

    title: str
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Worth:
    """What open exceptions of one kind are worth in reporting currency.

    A subject counts once, at its highest. `unvalued` are subjects without a value; `value` is None where all are.
    `added` is false for the kind that is never added up.
    """

    kind: str
    meaning: str
    exceptions: int
    subjects: int
    unvalued: int
    value: Decimal | None
    added: bool


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
    """The open exceptions of one rule, gravest first."""

    prose: Prose
    entries: tuple[Entry, ...]
    severities: tuple[tuple[str, int], ...]


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
    settled: tuple[tuple[Prose, Entry], ...]


def build(tables: Tables, about: About, rules: Mapping[str, str]) -> Reconciliation:
    """The page of one period; raises InequalityError where its figures do not add up."""
    listed = entries(tables, about)
    counted = tuple(entry for entry in listed if entry.status in COUNTED)
    roll = roll_forward(tables, about.period, about.previous)
    breakdowns = _breakdowns(counted)
    for breakdown in breakdowns:
        tie(f"Open exceptions by {breakdown.title}", sum(share.count for share in breakdown.shares), roll.closing)
    runs = _runs(tables, about, rules)
    return Reconciliation(
        roll=roll,
        controls=controls.build(tables, about),
        overdue=sum(entry.overdue for entry in counted),
        critical=sum(entry.severity == "critical" for entry in counted),
        waived=sum(entry.status == "waived" for entry in listed),
        breakdowns=breakdowns,
        worth=_worth(counted),
        without_kind=sum(entry.value_kind is None for entry in counted),
        runs=runs,
        judged_in_full=sum(not run.why_not for run in runs),
        set_aside=_set_aside(tables, about),
        source_exceptions=tuple(
            of_period(tables, "source_exceptions", about.period)
            .select("rule", "subject", "verdict", "why")
            .sort("rule", "subject")
            .iter_rows()
        ),
        groups=_groups(listed, rules),
        settled=tuple(
            (read(entry.rule, rules.get(entry.rule, "")), entry) for entry in listed if entry.status == "resolved"
        ),
    )


def _breakdowns(counted: Sequence[Entry]) -> tuple[Breakdown, ...]:
    def by(title: str, names: Sequence[str], order: Sequence[str] = ()) -> Breakdown:
        counts = {name: names.count(name) for name in order or sorted(set(names))}
        largest_first = counts.items() if order else sorted(counts.items(), key=lambda item: -item[1])
        return Breakdown(
            title, tuple(Share(name, count, round(100 * count / max(len(names), 1))) for name, count in largest_first)
        )

    return (
        by("severity", [entry.severity for entry in counted], SEVERITIES),
        by("age", [_bucket(entry.age_days) for entry in counted], [name for name, _, _ in AGES]),
        by("process", [entry.process for entry in counted]),
        by("asset class", [entry.asset_class or "no class" for entry in counted]),
        by("owner", [entry.owner for entry in counted]),
    )


def _bucket(age_days: int) -> str:
    return next(name for name, _, last in AGES if last is None or age_days <= last)


def _worth(counted: Sequence[Entry]) -> tuple[Worth, ...]:
    """One line a kind of value, never across kinds."""
    lines = []
    for kind, meaning in KINDS.items():
        of_kind = [entry for entry in counted if entry.value_kind == kind]
        highest: dict[str, Decimal | None] = {}
        for entry in of_kind:
            values = [value for value in (highest.get(entry.subject), entry.value) if value is not None]
            highest[entry.subject] = max(values, default=None)
        known = [value for value in highest.values() if value is not None]
        lines.append(
            Worth(
                kind, meaning, len(of_kind), len(highest), len(highest) - len(known),
                sum(known, Decimal(0)) if known and kind != NEVER_ADDED else None, kind != NEVER_ADDED,
            )
        )  # fmt: skip
    return tuple(line for line in lines if line.exceptions)


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


def _groups(listed: Sequence[Entry], rules: Mapping[str, str]) -> tuple[Group, ...]:
    """What is not resolved, by rule: the rule with the gravest exceptions first."""
    by_rule: dict[str, list[Entry]] = {}
    for entry in listed:
        if entry.status != "resolved":
            by_rule.setdefault(entry.rule, []).append(entry)

    def gravity(rule: str) -> tuple[int, int, str]:
        return SEVERITIES.index(by_rule[rule][0].severity), -len(by_rule[rule]), rule

    return tuple(
        Group(
            read(rule, rules.get(rule, "")),
            tuple(by_rule[rule]),
            tuple(
                (severity, count)
                for severity in SEVERITIES
                if (count := sum(entry.severity == severity for entry in by_rule[rule]))
            ),
        )
        for rule in sorted(by_rule, key=gravity)
    )
