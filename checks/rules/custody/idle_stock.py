"""A device that has lain in stock for half a year.

Finds: entries in stock for more than the limit.
Matters: it loses value on the shelf while new ones are bought.
Do: Hand it out before the next purchase, or retire it.
Quiet: fresh stock.
"""

import polars as pl

from tieout.rule import Rule, longer

RULE = Rule(
    slug="idle-stock",
    grain="asset",
    subject="asset_tag",
    process="assign",
    severity="low",
    remedy="Hand it out before the next purchase, or retire it.",
    population=pl.col("status") == "in_stock",
    params={"idle_days": 180},
    fails=lambda p: longer("status_days", p.idle_days, "status_seen_days"),
    value="asset_value",
    value_kind="asset",
    since="status_since",
    fires=({"status": "in_stock", "status_days": 181},),
    quiet=({"status": "in_stock", "status_days": 180}, {"status_days": 181}),
)
