"""A device on the books that somebody who has left still holds.

Finds: entries on the books whose custodian is terminated, with a last day before as_of or none told.
Matters: after the return period the device, and what is on it, is out of control.
Do: Ask for the device back, and record the return or the loss.
Quiet: through the last working day; when the person was rehired.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="held-by-leaver",
    grain="asset",
    subject="asset_tag",
    process="offboard",
    severity=lambda p: graded(
        ("critical", (pl.col("custodian_left_days") > p.critical_days) & pl.col("data_bearing")),
        ("high", pl.col("custodian_left_days") > p.return_days),
        otherwise="medium",
    ),
    remedy="Ask for the device back, and record the return or the loss.",
    population=pl.col("status").is_in(["in_stock", "in_use", "in_repair"]),
    params={"return_days": 14, "critical_days": 30},
    fails=lambda p: pl.col("custodian_leaver") & ~pl.col("in_transit"),
    requires=("people",),
    value="asset_value",
    value_kind="asset",
    since="custodian_left_on",
    shows=("custodian", "custodian_id"),
    fires=({"custodian_leaver": True, "custodian_left_days": 3}, {"custodian_leaver": True, "status": "in_stock"}),
    quiet=({"custodian_leaver": False}, {"custodian_leaver": True, "status": "retired"}),
)
