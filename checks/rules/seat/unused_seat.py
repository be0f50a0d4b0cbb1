"""A paid seat that was never used.

Finds: paid seats that their console says were never active, assigned longer ago than the limit.
Matters: it was bought for a need that never came.
Do: Ask the person; return the seat to the pool.
Quiet: seats whose use is not told; products whose usage stands still for everybody; exempt products.
"""

import polars as pl

from tieout.rule import Rule, longer

RULE = Rule(
    slug="unused-seat",
    grain="seat",
    subject=("product", "seat_id"),
    process="grant",
    severity="medium",
    remedy="Ask the person; return the seat to the pool.",
    population=pl.col("counted"),
    params={"unused_days": 45},
    provided=lambda p: ~pl.col("usage_unknown"),
    fails=lambda p: pl.col("never_used") & longer("assigned_days", p.unused_days, "first_seen_days"),
    exempt="product_exempt",
    after=("leaver-seat", "deprovisioned-seat", "duplicate-seat", "bundled-seat"),
    value_kind="licence_pool",
    since="assigned_on",
    fires=(
        {"never_used": True, "unused_days": None, "assigned_days": 46},
        {"never_used": True, "unused_days": None, "assigned_days": None, "first_seen_days": 62},
    ),
    quiet=(
        {"never_used": True, "unused_days": None, "assigned_days": 45},
        {"never_used": False},
        {"never_used": True, "unused_days": None, "counted": False},
    ),
)
