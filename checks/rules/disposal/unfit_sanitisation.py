"""Data removed by a method that does not reach all of it.

Finds: data-bearing items on solid-state drives or flash that were only cleared.
Matters: clearing leaves copies in cells that the device does not show.
Do: Have it purged or destroyed, and the new method recorded.
Quiet: items purged or destroyed as well; hard disks and tapes; items without data.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unfit-sanitisation",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="high",
    remedy="Have it purged or destroyed, and the new method recorded.",
    population=pl.col("recorded") & pl.col("nameable"),
    provided=lambda p: pl.col("identified"),
    fails=lambda p: pl.col("data_bearing") & pl.col("cleared_flash"),
    since="destroyed_on",
    fires=({"cleared_flash": True},),
    quiet=({"cleared_flash": False}, {"cleared_flash": True, "data_bearing": False}),
)
