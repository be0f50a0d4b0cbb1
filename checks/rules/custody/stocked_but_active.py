"""A device that the register keeps in stock and somebody is using.

Finds: entries in stock that checked in within the window, more than two days after they were put there.
Matters: it was handed out without a record, and nobody will ask for it back.
Do: Find the user, record the assignment, or bring the device back.
Quiet: check-ins around the day it was put in stock.
"""

import polars as pl

from tieout.rule import Rule, certainly, longer, within

RULE = Rule(
    slug="stocked-but-active",
    grain="asset",
    subject="asset_tag",
    process="assign",
    severity="high",
    remedy="Find the user, record the assignment, or bring the device back.",
    population=pl.col("status") == "in_stock",
    params={"evidence_days": 45, "settle_days": 2},
    fails=lambda p: (
        (
            (
                within("endpoints_days", p.evidence_days, "endpoints_certain")
                & longer("seen_after_status_days", p.settle_days, "seen_after_shown_days")
            )
            | ~certainly("endpoints_certain")  # a later check-in may be missing
        )
        & ~pl.col("in_transit")
    ),
    requires=("endpoints",),
    value="asset_value",
    value_kind="asset",
    since="status_since",
    shows=("endpoints__user_id",),
    fires=(
        {"status": "in_stock", "seen_after_status_days": 3},
        {"status": "in_stock", "status_since": None, "seen_after_status_days": None, "seen_after_shown_days": 3},
    ),
    quiet=(
        {"status": "in_stock", "seen_after_status_days": 2},
        {"status": "in_stock", "endpoints_days": 46, "seen_after_status_days": 40},
        {"seen_after_status_days": 3},
    ),
)
