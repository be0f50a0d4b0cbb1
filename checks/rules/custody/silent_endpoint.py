"""A device in use that exists but has stopped reporting to its management system.

Finds: entries in use whose endpoint last checked in before the window, or was enrolled before it and never checked in,
while something else shows the device.
Matters: it gets no updates, and a remote wipe would not reach it.
Do: Repair or re-enrol its management agent.
Quiet: while the custodian is on leave; devices nothing shows (ghost-asset).
"""

import polars as pl

from tieout.rule import Rule, absent, certainly, within

RULE = Rule(
    slug="silent-endpoint",
    grain="asset",
    subject="asset_tag",
    process="assign",
    severity="medium",
    remedy="Repair or re-enrol its management agent.",
    population=pl.col("status") == "in_use",
    params={"evidence_days": 45},
    fails=lambda p: (
        ~absent("endpoints")
        & (pl.col("endpoints_silent_days") > p.evidence_days)
        & certainly("endpoints_certain")
        & within("elsewhere_days", p.evidence_days, "elsewhere_certain")
        & ~pl.col("custodian_on_leave")
    ),
    requires=("endpoints",),
    value="asset_value",
    value_kind="asset",
    since="endpoints__seen_on",
    fires=(
        {"endpoints_silent_days": 46, "elsewhere_days": 10},
        {"endpoints_silent_days": 46, "endpoints_days": None, "elsewhere_days": 10},
    ),
    quiet=(
        {"endpoints_silent_days": 45, "elsewhere_days": 10},
        {"endpoints_silent_days": 46, "elsewhere_days": 46},
        {"endpoints_silent_days": 46, "elsewhere_days": 10, "custodian_on_leave": True},
        {"endpoints_silent_days": None, "endpoints__row": None, "elsewhere_days": 10},
    ),
)
