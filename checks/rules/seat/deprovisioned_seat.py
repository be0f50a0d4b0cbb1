"""A paid seat of a person none of whose sign-in accounts is active.

Finds: paid seats whose person has identity accounts and no active one, and is neither on leave nor about to start.
Matters: nobody can use it, yet it is paid.
Do: Revoke the seat, or restore the account if the person needs it.
Quiet: people on leave and prehires; while leaver-seat is open.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="deprovisioned-seat",
    grain="seat",
    subject=("product", "seat_id"),
    process="revoke",
    severity="medium",
    remedy="Revoke the seat, or restore the account if the person needs it.",
    population=pl.col("counted"),
    fails=lambda p: pl.col("deprovisioned") & ~pl.col("holder_away"),
    requires=("people", "accounts"),
    after=("leaver-seat",),
    value_kind="licence_pool",
    fires=({"deprovisioned": True},),
    quiet=({"deprovisioned": True, "holder_away": True}, {"deprovisioned": True, "counted": False}),
)
