"""A device retired long ago that never started its way out.

Finds: entries retired for more than the limit without a disposal record of any stage.
Matters: retired devices in closets still hold data, and lose what they would have fetched.
Do: Hand it to the disposal vendor, or put it back to use.
Quiet: devices whose drives or own serial a disposal record names.
"""

import polars as pl

from tieout.rule import Rule, longer

RULE = Rule(
    slug="undisposed-retiree",
    grain="asset",
    subject="asset_tag",
    process="retire",
    severity="medium",
    remedy="Hand it to the disposal vendor, or put it back to use.",
    population=pl.col("status") == "retired",
    off_books=True,
    params={"retired_days": 90},
    fails=lambda p: longer("status_days", p.retired_days, "status_seen_days") & ~pl.col("disposal_recorded"),
    requires=("disposals",),
    value="asset_value",
    value_kind="asset",
    since="status_since",
    fires=({"status": "retired", "status_days": 91},),
    quiet=(
        {"status": "retired", "status_days": 90},
        {"status": "retired", "status_days": 91, "disposal_recorded": True},
        {"status_days": 91},
    ),
)
