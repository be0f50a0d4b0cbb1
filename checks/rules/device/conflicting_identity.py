"""A managed device whose keys point to different register entries.

Finds: endpoints whose serial, uuid and tag resolve to different assets.
Matters: whatever is concluded from the endpoint would be said of the wrong device.
Do: Look at the device; correct its tag in the management system or its serial in the register.
Quiet: keys that resolve to nothing; placeholders.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="conflicting-identity",
    grain="endpoint",
    subject="endpoint_id",
    process="tag",
    severity="medium",
    remedy="Look at the device; correct its tag in the management system or its serial in the register.",
    population=pl.col("endpoint_id").is_not_null(),
    fails=lambda p: pl.col("conflict"),
    requires=("assets",),
    shows=("serial", "asset_tag"),
    fires=({"conflict": True},),
    quiet=({"conflict": False},),
)
