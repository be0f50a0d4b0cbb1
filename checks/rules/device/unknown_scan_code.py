"""A barcode that was scanned and names nothing on the register.

Finds: codes of scans of the period that resolve to no entry, as tag, as serial or in any variant.
Matters: either a device is not registered, or a label is wrong.
Do: Look at what bears the code; register it or replace the label.
Quiet: codes that name several entries, which are found for all of them (duplicate-serial says so). Resolves when the
code resolves.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unknown-scan-code",
    grain="scan_code",
    subject="code",
    process="tag",
    severity="medium",
    remedy="Look at what bears the code; register it or replace the label.",
    population=pl.col("code").is_not_null(),
    event="in_period",
    fails=lambda p: ~pl.col("registered"),
    requires=("assets",),
    since="scanned_on",
    shows=("location",),
    fires=({"registered": False},),
    quiet=({"registered": True}, {"registered": False, "in_period": False}),
)
