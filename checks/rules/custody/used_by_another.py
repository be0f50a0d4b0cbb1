"""A device that the register gives to one person and the management system shows in another's hands.

Finds: entries in use whose custodian and whose user at the latest check-in within the window are two different people.
Matters: when the custodian leaves, the wrong device is asked back.
Do: Ask both; record the transfer or correct the user in the management system.
Quiet: when either is not resolved to a person; what moved between the instants the two systems speak for; pool devices
that policy exempts; while held-by-leaver is open.
"""

import polars as pl

from tieout.rule import Rule, within

RULE = Rule(
    slug="used-by-another",
    grain="asset",
    subject="asset_tag",
    process="transfer",
    severity="medium",
    remedy="Ask both; record the transfer or correct the user in the management system.",
    population=pl.col("status") == "in_use",
    params={"evidence_days": 45},
    fails=lambda p: (
        pl.col("used_by_another")
        & within("endpoints_days", p.evidence_days, "endpoints_certain")
        & ~pl.col("in_transit")
    ),
    requires=("endpoints", "people"),
    after=("held-by-leaver",),
    value="asset_value",
    value_kind="asset",
    shows=("custodian_id", "endpoints__user_id"),
    fires=({"used_by_another": True, "endpoints__user_id": "p2"},),
    quiet=(
        {"used_by_another": True, "endpoints_days": 46},
        {"used_by_another": True, "status": "in_stock"},
        {"used_by_another": False},
        {"used_by_another": True, "in_transit": True},
    ),
)
