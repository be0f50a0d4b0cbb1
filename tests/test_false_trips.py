"""Healthy months, with the churn that every organisation has, are not taken for bad pulls."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from tests.faults.figures import measured
from tieout.feeds import FEEDS
from tieout.intake import Profile, judge, profile
from tieout.pull import UNREADABLE, Fetched, Records
from tieout.settings import Settings, Source
from tieout.staging import Staged, stage

SETTINGS = Settings(organisation="Acme", reporting_currency="EUR", timezone="Europe/Berlin")
AS_OF = datetime(2026, 10, 31, tzinfo=UTC)
SOURCE = Source(name="register", feed="assets")
CHURN, ALLOWED = 0.05, 2


def register(there: list[int]) -> tuple[Records, Staged]:
    """A register of so many assets, as it comes and as it is read."""
    rows = pl.DataFrame({"asset_tag": [f"T{n}" for n in there]}).with_columns(
        pl.format("S-{}", "asset_tag").alias("serial"), asset_class=pl.lit("laptop"), status=pl.lit("in_use")
    )
    rows = rows.with_columns(pl.Series("_row", range(1, len(there) + 1), pl.Int64))
    records = Records(rows, pl.DataFrame(schema=UNREADABLE), tuple(rows.columns[:-1]))
    return records, stage(records, SOURCE, SETTINGS)


def color_of(came: tuple[Records, Staged], before: Profile | None, joined: float | None = None) -> str:
    return judge(SOURCE, SETTINGS, AS_OF, Fetched("complete"), *came, before, joined).color


def measure(came: tuple[Records, Staged]) -> Profile:
    """What the next register is held against."""
    return profile(came[1].rows, FEEDS["assets"], came[1].fill, came[1].columns)


@pytest.mark.parametrize(
    ("size", "months"),
    [(60, 40), *(pytest.param(size, 200, marks=pytest.mark.slow) for size in (60, 400, 3000))],
)
def test_healthy_months_trip_at_most_twice(size: int, months: int) -> None:
    """In the middle of them one pull breaks off: that one is told, and the next is GREEN again."""
    dice, broken_off = random.Random(size), months // 2
    there, newest, tripped, before = list(range(size)), size, [], None
    for month in range(months):
        leaving = int(len(there) * dice.uniform(0, CHURN))
        joining = int(len(there) * dice.uniform(0, CHURN))
        there = dice.sample(there, len(there) - leaving) + list(range(newest, newest + joining))
        newest += joining
        pulled = there[: len(there) * 3 // 10] if month == broken_off else there
        came = register(pulled)
        color = color_of(came, before, dice.uniform(0.95, 1))
        if month == broken_off:
            assert color == "AMBER"
        elif color != "GREEN":
            tripped.append(month)
        if color == "GREEN":
            before = measure(came)
        elif before:
            before = replace(before, months=before.months + 1)
    assert len(tripped) <= ALLOWED, tripped
    measured("healthy months not taken for bad pulls", months - 1 - len(tripped), months - 1)


@pytest.mark.parametrize("size", [10, 40, 60, 400])
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.69])
def test_what_breaks_off_each_month_never_becomes_the_measure(size: int, kept: float) -> None:
    before, short = measure(register(list(range(size)))), register(list(range(int(size * kept))))
    for months in range(1, 37):
        assert color_of(short, replace(before, months=months)) == "AMBER"
    measured("repeated short pulls that never passed", 36, 36)


def test_a_source_that_tripped_comes_back_by_itself() -> None:
    """Seven in a hundred leave at once: told in that month, and taken for churn in the next."""
    before, left = measure(register(list(range(1000)))), register(list(range(930)))
    colors = [color_of(left, replace(before, months=months)) for months in (1, 2, 3)]
    assert colors == ["AMBER", "GREEN", "GREEN"]
