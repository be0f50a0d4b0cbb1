"""A paid seat that is nobody's.

Finds: paid seats that resolve to no person and to no service, shared, admin or guest account.
Matters: nobody will miss it, and nobody will ever give it back.
Do: Find out who claims it; bind it to a person or account, or revoke it.
Quiet: not reclaimable by itself; while conflicting-person or a reason to reclaim the seat is open.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="stranger-seat",
    grain="seat",
    subject=("product", "seat_id"),
    process="grant",
    severity="medium",
    remedy="Find out who claims it; bind it to a person or account, or revoke it.",
    population=pl.col("counted"),
    fails=lambda p: pl.col("unclaimed"),
    requires=("people",),
    after=(
        "leaver-seat",
        "deprovisioned-seat",
        "duplicate-seat",
        "bundled-seat",
        "unused-seat",
        "inactive-seat",
        "conflicting-person",
    ),
    value_kind="licence_pool",
    fires=({"unclaimed": True, "holder_id": None, "holder_known": False},),
    quiet=({"unclaimed": False}, {"unclaimed": True, "counted": False}),
)
