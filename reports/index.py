"""The first page of a period: what can be trusted, what presses most, what must be decided, and where everything is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import polars as pl

from reports.about import About
from reports.charts import Point, Trend
from reports.controls import Breach, Cause, Controls, Trust
from reports.entries import SETTLED, SINCE, Exceptions
from reports.owners import Pack
from reports.page import units
from reports.reclaim import Reclaim
from reports.renewals import Renewal
from reports.rollforward import COUNTED, RollForward, roll_forward
from reports.sections import Card, Sections
from reports.tables import Tables, of_period
from reports.worth import Worth, worth

TOP = 10
PROCESSES = 3


@dataclass(frozen=True)
class Month:
    """One period that was run: exceptions, sources that were not GREEN, records that are right and checked, in %.

    `state` is open or closed.
    """

    period: str
    state: str
    roll: RollForward
    critical: int
    incomplete: int
    accuracy: Decimal | None
    coverage: Decimal | None


@dataclass(frozen=True)
class Pressing:
    """One of the exceptions that weigh most."""

    exception_id: str
    title: str
    subject: str
    severity: str
    owner: str
    value: Decimal | None
    overdue: bool


@dataclass(frozen=True)
class Amount:
    """One line of what finance looks at first; None where nothing of it has a value, or nobody can tell."""

    name: str
    meaning: str
    value: Decimal | None
    link: str


@dataclass(frozen=True)
class Signed:
    """What changed since the last month that was signed off; `period` is None where none ever was."""

    period: str | None
    came: int
    went: int


@dataclass(frozen=True)
class Index:
    """Everything the page shows; the newest period first."""

    months: tuple[Month, ...]
    trends: tuple[Trend, ...]
    breaches: tuple[Breach, ...]
    trust: tuple[Trust, ...]
    products: tuple[tuple[str, int], ...]
    since: tuple[tuple[str, int], ...]
    overdue: int
    top: tuple[Pressing, ...]
    processes: tuple[Cause, ...]
    owners: tuple[Pack, ...]
    silent: tuple[str, ...]
    not_evaluated: int
    rules: int
    worth: tuple[Worth, ...]
    soon: tuple[Renewal, ...]
    finance: tuple[Amount, ...]
    identified: int
    unvalued: int
    billed: int
    differing: int
    signed: Signed
    elsewhere: tuple[tuple[str, str, tuple[Card, ...]], ...]

    @property
    def current(self) -> Month:
        return self.months[0]


def build(
    tables: Tables,
    about: About,
    exceptions: Exceptions,
    controls: Controls,
    packs: Sequence[Pack],
    finance: Reclaim,
    plain: Mapping[str, Sections],
) -> Index:
    """The first page; raises InequalityError where a period's exceptions do not add up."""
    periods = pairwise((None, *about.earlier, about.period))
    told = {name: tables[name].lazy().select(columns).collect() for name, columns in _OF_MONTHS.items()}
    months = tuple(_month(told, period, previous) for previous, period in periods if period)
    counted = exceptions.rows.filter(pl.col("status").is_in(COUNTED))
    came = dict(counted.group_by("since").len().iter_rows())
    products = [one.state for one in controls.trust if one.kind == "product"]
    runs = of_period(tables, "rule_runs", about.period)
    return Index(
        months=tuple(reversed(months)),
        trends=(
            _trend("Open exceptions", months, [month.roll.closing for month in months]),
            _trend("Of them critical", months, [month.critical for month in months]),
            _trend("Accuracy %", months, [month.accuracy for month in months], is_share=True),
            _trend("Covered %", months, [month.coverage for month in months], is_share=True),
        ),
        breaches=controls.breaches,
        trust=tuple(one for one in controls.trust if one.kind == "asset class"),
        products=tuple((state, products.count(state)) for state in dict.fromkeys(products)),
        since=tuple((name, came.get(name, 0)) for name in SINCE),
        overdue=counted.filter(pl.col("due") == "overdue").height,
        top=_top(exceptions.rows),
        processes=controls.processes[:PROCESSES],
        owners=tuple(pack for pack in packs if pack.rows.height),
        silent=_silent(tables, about),
        not_evaluated=runs.filter((pl.col("not_evaluated") > 0) | pl.col("reason").is_not_null()).height,
        rules=runs.height,
        worth=worth(counted),
        soon=finance.soon,
        finance=_finance(finance),
        identified=finance.identified.seats,
        unvalued=finance.identified.unvalued,
        billed=_judged(runs, "overbilled", "billed-without-contract"),
        differing=len(finance.overcharges),
        signed=_signed(tables, about, counted),
        elsewhere=tuple((name, page.title, page.cards[:3]) for name, page in plain.items()),
    )


_OF_MONTHS = {
    "exceptions": ("period", "exception_id", "rule", "subject", "status", "severity"),
    "exception_history": ("period", "exception_id", "from_status", "to_status", "why"),
    "metrics": ("period", "scope", "name", "value"),
    "periods": ("period", "state"),
    "sources": ("period", "verdict"),
}
"""What is told of every month there is: read once, not month by month."""


def _month(tables: Tables, period: str, previous: str | None) -> Month:
    standing = of_period(tables, "exceptions", period)
    sources = of_period(tables, "sources", period)
    figures = of_period(tables, "metrics", period).filter(pl.col("scope") == "all").select("name", "value")
    percent = {name: round(value * 100, 1) for name, value in figures.iter_rows() if value is not None}
    states = of_period(tables, "periods", period)["state"].drop_nulls()
    return Month(
        period,
        str(states[-1]) if states.len() else "open",
        roll_forward(tables, period, previous),
        standing.filter(pl.col("status").is_in(COUNTED) & (pl.col("severity") == "critical")).height,
        sources.filter(pl.col("verdict") != "GREEN").height,
        percent.get("record_accuracy"),
        percent.get("trust_coverage"),
    )


def _judged(runs: pl.DataFrame, *rules: str) -> int:
    """How many things of one kind rules could judge that look at the same kind: the most of any of them."""
    judged = runs.filter(pl.col("rule").is_in(rules)).select(pl.col("population") - pl.col("not_evaluated"))
    return int(judged.max().item() or 0)


def _trend(
    title: str, months: Sequence[Month], values: Sequence[Decimal | int | None], *, is_share: bool = False
) -> Trend:
    """A line through the months; one that was not run is a gap in it."""
    known = {month.period: value for month, value in zip(months, values, strict=True)}
    every = _calendar(months[0].period, months[-1].period)
    return Trend(title, tuple(Point(one, known.get(one), units(known.get(one))) for one in every), is_share)


def _calendar(first: str, last: str) -> tuple[str, ...]:
    """Every month from one to another, both included."""
    start, end = (int(period[:4]) * 12 + int(period[5:]) - 1 for period in (first, last))
    return tuple(f"{number // 12:04}-{number % 12 + 1:02}" for number in range(start, end + 1))


def _top(rows: pl.DataFrame) -> tuple[Pressing, ...]:
    """The exceptions with the most risk × money that somebody still has to see to."""
    pressing = rows.filter(~pl.col("status").is_in([*SETTLED, "waived"])).head(TOP)
    overdue = (pl.col("due") == "overdue").alias("overdue")
    columns = pressing.select("exception_id", "title", "subject", "severity", "owner", "value", overdue)
    return tuple(Pressing(*row) for row in columns.iter_rows())


def _silent(tables: Tables, about: About) -> tuple[str, ...]:
    """Owners who have answered none of what they were shown."""
    rates = of_period(tables, "metrics", about.period).filter(
        (pl.col("name") == "owner_answer_rate") & (pl.col("scope") != "all") & (pl.col("value") == 0)
    )
    return tuple(rates["scope"].sort())


def _finance(finance: Reclaim) -> tuple[Amount, ...]:
    step, page = finance.savings.step, "reclaim.html"

    def known(value: Decimal | None, *feeds: str) -> Decimal | None:
        return value if value or not finance.silent("entitlements", *feeds) else None

    return (
        Amount("Identified", "a year's price of seats that may be given back",
               known(finance.identified.value, "seats"), page),
        Amount("This fiscal year", "cash of it, if decided in time",
               known(finance.identified.this_year, "seats"), page),
        Amount("Approved", "approved for reclaim, still there", step("approved").value, page),
        Amount("Released", "gone, not yet refunded or cut", step("released").value, page),
        Amount("Realised", "cash, as documents show", step("realised").value, page),
        Amount("Avoided", "requests met from the pool: in no saving", step("avoided").value, page),
        Amount("Lapsed", "the date passed unused", step("lapsed").value, page),
        Amount("Exposure", "seats in use that no contract covers",
               known(finance.exposed, "seats"), f"{page}#owed"),
        Amount("Overcharged", "invoiced beyond what was contracted",
               known(finance.overcharged, "invoices"), f"{page}#owed"),
        Amount("Unobserved", "a year of products that no console shows",
               known(finance.unobserved_spend, "seats"), page),
    )  # fmt: skip


def _signed(tables: Tables, about: About, counted: pl.DataFrame) -> Signed:
    """What came and went between the end of the last month signed off before this one, and this one's."""
    closed = (
        tables["periods"].lazy().filter((pl.col("state") == "closed") & (pl.col("period") < about.period)).collect()
    )
    if closed.is_empty():
        return Signed(None, 0, 0)
    last = str(closed["period"].sort()[-1])
    then = of_period(tables, "exceptions", last).filter(pl.col("status").is_in(COUNTED))["exception_id"]
    before, now = set(then), set(counted["exception_id"])
    return Signed(last, len(now - before), len(before - now))
