"""A person with more devices of a class in use than policy allows.

Finds: people, active or on leave, who for longer than the grace period have had more devices in use of a class than
allowed (one laptop, one desktop, one phone unless the workspace says otherwise).
Matters: the second laptop in the drawer is the one somebody else is waiting for.
Do: Ask which device is used, and take the other back.
Quiet: the overlap while a device is exchanged.
"""

import polars as pl

from tieout.rule import Rule, certainly, longer

RULE = Rule(
    slug="excess-devices",
    grain="person",
    subject="person_id",
    process="return",
    severity="low",
    remedy="Ask which device is used, and take the other back.",
    population=pl.col("present") & pl.col("status").is_in(["active", "leave"]),
    params={"exchange_days": 14},
    fails=lambda p: (
        (pl.col("in_excess") & longer("excess_days", p.exchange_days, "excess_shown_days"))
        | ~certainly("assets__alive")
    ),
    requires=("assets",),
    since="excess_since",
    shows=("excess", "excess_tags"),
    fires=(
        {"in_excess": True, "excess": 1, "excess_days": 15},
        {"in_excess": True, "excess": 1, "excess_shown_days": 15},
    ),
    quiet=(
        {"in_excess": True, "excess": 1, "excess_days": 14},
        {"in_excess": True, "excess": 1, "excess_days": 15, "status": "terminated"},
        {"in_excess": True, "excess": 1, "excess_days": 15, "status": None, "present": False},
    ),
)
