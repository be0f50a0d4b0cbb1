"""Holds a month's results against what everybody may rely on, before they are shown and published."""

import logging
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from checks import expectations
from checks.expectations import BEFORE, UNASKED
from pipelines.publish import EXPECTED, in_words
from pipelines.steps import RUNS, Month, step
from pipelines.warehouse import Warehouse
from tieout.published import TABLES

log = logging.getLogger("tieout")


def expect(month: Month) -> dict[str, int]:
    """Put every expectation to the month's results; returns how many there are, and how many do not hold."""
    with step(month, "expected") as (warehouse, say):
        answers = expectations.validate(dict(_files(month, warehouse)))
        broken = answers.filter(~pl.col("held"))
        warehouse.write(EXPECTED, answers, month.period)
        say(f"{answers.height} expectations, {broken.height} do not hold")
    for sentence in in_words(broken):
        log.warning("         %s", sentence)
    return {"expectations": answers.height, "broken": broken.height}


def _files(month: Month, warehouse: Warehouse) -> Iterator[tuple[str, Path]]:
    """Where each table of the month is kept that is to be published, and the exceptions of the month before."""
    for name, table in TABLES.items():
        if name not in UNASKED:
            yield name, warehouse.files(table.stored_as or name)[month.period]
    earlier = [period for period in warehouse.periods(RUNS) if period < month.period]
    if earlier:
        yield BEFORE, warehouse.files("exceptions")[earlier[-1]]
