"""A disposal with a gap or a step backwards in its chain of custody.

Finds: items with a stage missing before a later one, or reached before an earlier one. Shipping may be left out. Items
without data need to be received and verified; so do those wiped for redeployment.
Matters: a chain with a gap proves nothing; between two stages anybody may have had the device.
Do: Get the missing or corrected record from the vendor.
Quiet: stages at one and the same instant; the way from one vendor to another; what a device takes from its drives, or a
drive from its device; while released-undestroyed is open.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="skipped-stage",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity=lambda p: graded(("high", pl.col("data_bearing")), otherwise="medium"),
    remedy="Get the missing or corrected record from the vendor.",
    population=pl.col("recorded") & pl.col("nameable"),
    provided=lambda p: pl.col("identified"),
    fails=lambda p: ~pl.col("in_order"),
    after=("released-undestroyed",),
    since="stage_on",
    shows=("flaws",),
    fires=({"in_order": False, "flaws": "verified missing"},),
    quiet=({"in_order": True}, {"in_order": False, "recorded": False}),
)
