"""The first page of a period: where it stands, what changed since the one before, and where everything is."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from reports.about import About
from reports.controls import Breach, breaches
from reports.rollforward import COUNTED, RollForward, roll_forward
from reports.tables import Tables, of_period


@dataclass(frozen=True)
class Month:
    """One period that was run: its exceptions, and its sources that were not GREEN."""

    period: str
    roll: RollForward
    critical: int
    incomplete: int


@dataclass(frozen=True)
class Index:
    """Everything the page shows; the newest period first."""

    months: tuple[Month, ...]
    breaches: tuple[Breach, ...]

    @property
    def current(self) -> Month:
        return self.months[0]


def build(tables: Tables, about: About, rules: Mapping[str, str]) -> Index:
    """The first page; raises InequalityError where a period's exceptions do not add up."""
    periods = pairwise((None, *about.earlier, about.period))
    months = [_month(tables, period, previous) for previous, period in periods if period]
    return Index(tuple(reversed(months)), breaches(tables, about))


def _month(tables: Tables, period: str, previous: str | None) -> Month:
    standing = of_period(tables, "exceptions", period)
    sources = of_period(tables, "sources", period)
    return Month(
        period,
        roll_forward(tables, period, previous),
        standing.filter(pl.col("status").is_in(COUNTED) & (pl.col("severity") == "critical")).height,
        sources.filter(pl.col("verdict") != "GREEN").height,
    )
