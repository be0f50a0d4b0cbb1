"""A paid seat that has not been used for longer than its product allows.

Finds: paid seats last active longer ago than the limit, by the latest use any pull ever showed.
Matters: the renewal would pay for it again.
Do: Ask the person whether it is still needed; return it to the pool.
Quiet: people on leave and prehires; exempt products; products whose usage stands still for everybody; seats a decision
keeps.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="inactive-seat",
    grain="seat",
    subject=("product", "seat_id"),
    process="revoke",
    severity="medium",
    remedy="Ask the person whether it is still needed; return it to the pool.",
    population=pl.col("counted"),
    params={"inactive_days": 90},
    provided=lambda p: ~pl.col("usage_unknown"),
    fails=lambda p: ~pl.col("never_used") & (pl.col("unused_days") > p.inactive_days) & ~pl.col("holder_away"),
    exempt="left_alone",
    after=("leaver-seat", "deprovisioned-seat", "duplicate-seat", "bundled-seat", "unused-seat"),
    value_kind="licence_pool",
    since="used_on",
    fires=({"unused_days": 91},),
    quiet=(
        {"unused_days": 90},
        {"unused_days": 91, "holder_away": True},
        {"unused_days": None, "never_used": True},
        {"unused_days": 91, "counted": False},
    ),
)
