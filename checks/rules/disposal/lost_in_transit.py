"""An item that was sent away and never arrived.

Finds: items shipped, or handed on by one vendor to another, more than a week ago of which nothing is recorded since,
neither that they were received nor any other stage.
Matters: a device with its data is somewhere between us and the vendor.
Do: Ask the carrier and the vendor for the shipment; report a loss of data if it is not found.
Quiet: items whose receipt the vendor forgot but that it verified or destroyed (skipped-stage says so); what was shipped
after its end, as to a buyer.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="lost-in-transit",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity=lambda p: graded(("critical", pl.col("data_bearing")), otherwise="high"),
    remedy="Ask the carrier and the vendor for the shipment; report a loss of data if it is not found.",
    population=pl.col("shipped_on").is_not_null() & pl.col("nameable"),
    params={"transit_days": 7},
    provided=lambda p: pl.col("identified"),
    fails=lambda p: ~pl.col("arrived") & (pl.col("stage_days") > p.transit_days),
    value="asset_value",
    value_kind="asset",
    since="stage_on",
    shows=("stage",),
    fires=({"arrived": False, "stage": "shipped", "stage_days": 8},),
    quiet=(
        {"arrived": False, "stage": "shipped", "stage_days": 7},
        {"arrived": True, "stage": "verified", "stage_days": 8},
        {"shipped_on": None, "stage": "received", "stage_days": 8},
    ),
)
