"""The controls of a period as pages show them: what can be trusted, which thresholds are breached, what recurs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from reports.about import About
from reports.tables import Tables, of_period

STATES = ("DISTRUSTED", "UNPROVEN", "WATCH", "TRUSTED")
"""Gravest first; action lists of the first two are on hold."""
HOLD = STATES[:2]


@dataclass(frozen=True)
class Trust:
    """How far one asset class or product can be trusted; percentages are 0 to 100, None = nothing was checked."""

    kind: str
    name: str
    state: str
    why: str
    accuracy: Decimal | None
    lower_bound: Decimal | None
    coverage: Decimal | None
    checked: int
    records: int

    @property
    def on_hold(self) -> bool:
        return self.state in HOLD


@dataclass(frozen=True)
class Breach:
    """One figure beyond its threshold; `value` is None where it is not known this period."""

    figure: str
    scope: str
    what: str
    value: Decimal | None
    before: Decimal | None
    limit: Decimal
    owner: str
    opened_on: date
    due_on: date
    overdue: bool
    periods_open: int


@dataclass(frozen=True)
class Cause:
    """Where open exceptions but legacy come from; `value` is None where it is unvalued or of several kinds of money."""

    kind: str
    name: str
    exceptions: int
    new: int
    reopened: int
    periods_in_a_row: int
    recurring: bool
    value: Decimal | None

    @property
    def where(self) -> tuple[str, str] | None:
        """The column of the list, and its value, in which these exceptions stand alone; None where in none."""
        return {"process": ("process", self.name), "step": ("rule", self.name.rpartition(": ")[2])}.get(self.kind)


@dataclass(frozen=True)
class Controls:
    """The controls of one period."""

    trust: tuple[Trust, ...]
    breaches: tuple[Breach, ...]
    causes: tuple[Cause, ...]

    @property
    def recurring(self) -> tuple[Cause, ...]:
        return tuple(cause for cause in self.causes if cause.recurring)

    @property
    def processes(self) -> tuple[Cause, ...]:
        return tuple(cause for cause in self.causes if cause.kind == "process")


def build(tables: Tables, about: About) -> Controls:
    """What the tables `trust`, `escalations` and `root_causes` say of one period, gravest and largest first."""
    return Controls(_trust(tables, about), breaches(tables, about), _causes(tables, about))


def _trust(tables: Tables, about: About) -> tuple[Trust, ...]:
    gravity = pl.col("state").replace_strict({state: n for n, state in enumerate(STATES)}, return_dtype=pl.Int64)
    rows = of_period(tables, "trust", about.period).sort("kind", gravity, "asset_class")
    shares = [(pl.col(name) * 100).round(1).alias(name) for name in ("accuracy", "lower_bound", "coverage")]
    columns = ["kind", "asset_class", "state", "why", *shares, "checked", "records"]
    return tuple(Trust(*row) for row in rows.select(columns).iter_rows())


def held(tables: Tables, about: About, kind: str) -> pl.Series:
    """The asset classes, or the products, of which too little is known to act on their lists."""
    rows = of_period(tables, "trust", about.period).filter((pl.col("kind") == kind) & pl.col("state").is_in(HOLD))
    return rows["asset_class"].implode()


def breaches(tables: Tables, about: About) -> tuple[Breach, ...]:
    """The thresholds that are breached, or were and are not known to be over; the longest due first."""
    rows = of_period(tables, "escalations", about.period).filter(pl.col("status") != "over")
    overdue = (pl.col("due_on") < about.today).alias("overdue")
    shown = [pl.col(name).round(4) for name in ("value", "before", "limit")]  # `escalations` has all their decimals
    return tuple(
        Breach(*row)
        for row in rows.sort("due_on", "figure", "scope", "what")
        .select("figure", "scope", "what", *shown, "owner", "opened_on", "due_on", overdue, "periods_open")
        .iter_rows()
    )  # fmt: skip


def _causes(tables: Tables, about: About) -> tuple[Cause, ...]:
    rows = of_period(tables, "root_causes", about.period)
    columns = ["kind", "name", "exceptions", "new", "reopened", "periods_in_a_row", "recurring", "value"]
    largest_first = rows.sort("kind", "exceptions", "name", descending=[False, True, False])
    return tuple(Cause(*row) for row in largest_first.select(columns).iter_rows())
