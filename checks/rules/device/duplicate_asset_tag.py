"""One asset tag on two differing register rows.

Finds: tags that two or more rows of the register bear, with different content.
Matters: nothing that is said of the tag can be tied to one device.
Do: Look at the devices; give one of them a tag of its own, or delete the wrong row.
Quiet: rows that are identical.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="duplicate-asset-tag",
    grain="register_tag",
    subject="asset_tag",
    process="tag",
    severity="medium",
    remedy="Look at the devices; give one of them a tag of its own, or delete the wrong row.",
    population=pl.col("entries") > 0,
    fails=lambda p: pl.col("entries") > 1,
    fires=({"entries": 2},),
    quiet=({"entries": 1},),
)
