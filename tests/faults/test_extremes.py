"""Values that a contract admits, however large, early or late they are, fail no month."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data import demo
from data.demo.calendar import MONTHS
from pipelines import intake
from pipelines.workspace import Workspace
from tests.conftest import run_steps
from tieout.feeds import FEEDS, SCALE, Kind
from tieout.parsing import DIGITS
from tieout.pull import Records
from tieout.settings import Settings, Source
from tieout.staging import Staged, stage

_INSTANTS = (datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
EXTREMES: dict[Kind, tuple[Any, ...]] = {
    Kind.DATE: (date(1900, 1, 1), date(9999, 12, 31)),
    Kind.INSTANT: _INSTANTS,
    Kind.USED: _INSTANTS,
    Kind.RATE: (Decimal(1).scaleb(-SCALE), Decimal(100)),
    **{kind: (1 - 10 ** DIGITS[kind], 10 ** DIGITS[kind] - 1) for kind in DIGITS if kind is not Kind.RATE},
}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))])
def test_a_month_of_extreme_values_runs(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in twenty values of every column that is reckoned with."""
    chance = random.Random(seed)

    def spoilt(records: Records, source: Source, settings: Settings) -> Staged:
        staged = stage(records, source, settings)
        drawn = {
            column.name: pl.Series(
                [chance.choice(EXTREMES[column.kind]) if chance.random() < 0.05 else None for _ in range(staged.used)],
                dtype=column.kind.dtype,
            )
            for column in FEEDS[source.feed].columns
            if column.kind in EXTREMES and not staged.failure
        }
        extreme = (pl.coalesce(pl.lit(values), name).alias(name) for name, values in drawn.items())
        return replace(staged, rows=staged.rows.with_columns(*extreme))

    monkeypatch.setattr(intake, "stage", spoilt)
    demo.write(tmp_path)
    workspace = Workspace.open(tmp_path)
    for month in MONTHS[:2]:
        run_steps(workspace, month)
    assert workspace.published_database.is_file()
