"""A device that waits at the disposal vendor.

Finds: items in one stage after shipping, and before the last of their route, for more than a month.
Matters: data that should be gone is still there, on somebody else's shelf.
Do: Ask the vendor when it goes on, or take it back.
Quiet: items on their way (lost-in-transit says so); destruction and recycling end with the certificate, every other
route with the release.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="stalled-disposal",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity=lambda p: graded(("high", pl.col("data_bearing")), otherwise="medium"),
    remedy="Ask the vendor when it goes on, or take it back.",
    population=(pl.col("stage") != "shipped") & pl.col("nameable"),
    params={"stage_days": 30},
    provided=lambda p: pl.col("identified"),
    fails=lambda p: ~pl.col("finished") & (pl.col("stage_days") > p.stage_days),
    since="stage_on",
    shows=("stage",),
    fires=({"stage": "verified", "finished": False, "stage_days": 31},),
    quiet=(
        {"stage": "verified", "finished": False, "stage_days": 30},
        {"stage": "shipped", "finished": False, "stage_days": 31},
        {"stage": "certificate_issued", "finished": True, "stage_days": 31},
    ),
)
