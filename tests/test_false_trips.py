"""Healthy months, with the churn that every organisation has, are not taken for bad pulls."""

import random
from datetime import UTC, datetime

import polars as pl
import pytest

from tests.faults.figures import measured
from tieout.feeds import FEEDS
from tieout.intake import judge, profile
from tieout.pull import UNREADABLE, Fetched, Records
from tieout.settings import Settings, Source
from tieout.staging import stage

SETTINGS = Settings(organisation="Acme", reporting_currency="EUR", timezone="Europe/Berlin")
AS_OF = datetime(2026, 10, 31, tzinfo=UTC)
CHURN, ALLOWED = 0.05, 2


@pytest.mark.parametrize(
    ("size", "months"),
    [(60, 40), *(pytest.param(size, 200, marks=pytest.mark.slow) for size in (60, 400, 3000))],
)
def test_healthy_months_trip_at_most_twice(size: int, months: int) -> None:
    dice, source, feed = random.Random(size), Source(name="register", feed="assets"), FEEDS["assets"]
    there, newest, tripped, before = list(range(size)), size, [], None
    for _ in range(months):
        leaving = int(len(there) * dice.uniform(0, CHURN))
        joining = int(len(there) * dice.uniform(0, CHURN))
        there = dice.sample(there, len(there) - leaving) + list(range(newest, newest + joining))
        newest += joining
        rows = pl.DataFrame({"asset_tag": [f"T{n}" for n in there]}).with_columns(
            pl.format("S-{}", "asset_tag").alias("serial"), asset_class=pl.lit("laptop"), status=pl.lit("in_use")
        )
        rows = rows.with_columns(pl.Series("_row", range(1, len(there) + 1), pl.Int64))
        records = Records(rows, pl.DataFrame(schema=UNREADABLE), tuple(rows.columns[:-1]))
        staged = stage(records, source, SETTINGS)
        verdict = judge(source, SETTINGS, AS_OF, Fetched("complete"), records, staged, before, dice.uniform(0.95, 1))
        if verdict.color == "GREEN":
            before = profile(staged.rows, feed, staged.fill, staged.columns)
        else:
            tripped.append(verdict.reasons)
    assert len(tripped) <= ALLOWED, tripped
    measured("healthy months not taken for bad pulls", months - len(tripped), months)
