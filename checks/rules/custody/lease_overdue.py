"""A leased device still on the books after its lease ended.

Finds: entries on the books whose lease ended before as_of.
Matters: lessors bill on, month by month, for what was not returned.
Do: Return or buy the device, or record the extension.
Quiet: through the last day of the lease.
"""

from datetime import date

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="lease-overdue",
    grain="asset",
    subject="asset_tag",
    process="return",
    severity="high",
    remedy="Return or buy the device, or record the extension.",
    population=pl.col("status").is_in(["in_stock", "in_use", "in_repair"]) & pl.col("lease_end").is_not_null(),
    fails=lambda p: pl.col("lease_over_days") > 0,
    value="asset_value",
    value_kind="asset",
    since="lease_end",
    fires=({"lease_end": date(2026, 10, 30), "lease_over_days": 1},),
    quiet=(
        {"lease_end": date(2026, 10, 31), "lease_over_days": 0},
        {"lease_end": date(2026, 10, 30), "lease_over_days": 1, "status": "retired"},
    ),
)
