"""An active account of nobody HR knows.

Finds: active human accounts that resolve to no person.
Matters: somebody signs in whom nobody will ever offboard.
Do: Find its user: bind it to a person, mark it as service, shared or guest, or disable it.
Quiet: service, shared, admin and guest accounts; while conflicting-person is open.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="stranger-account",
    grain="account",
    subject="account_id",
    process="onboard",
    severity="high",
    remedy="Find its user: bind it to a person, mark it as service, shared or guest, or disable it.",
    population=(pl.col("status") == "active") & (pl.col("kind") == "human"),
    fails=lambda p: ~pl.col("owner_known"),
    requires=("people",),
    after=("conflicting-person",),
    shows=("username", "last_login_on"),
    fires=({"owner_id": None, "owner_known": False},),
    quiet=(
        {"owner_id": None, "owner_known": False, "kind": "service"},
        {"owner_id": None, "owner_known": False, "status": "suspended"},
        {"owner_id": None, "owner_known": None},
    ),
)
