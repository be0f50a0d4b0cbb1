"""A device in use whose disk is not encrypted.

Finds: entries in use whose endpoint, seen within the window, says that encryption is off; of several the latest that
tells.
Matters: if it is lost, so is the data.
Do: Turn on disk encryption and check that the recovery key is kept.
Quiet: endpoints that do not tell (unknown), and endpoints not seen within the window.
"""

import polars as pl

from tieout.rule import Rule, recent, within

RULE = Rule(
    slug="unencrypted-device",
    grain="asset",
    subject="asset_tag",
    process="assign",
    severity="high",
    remedy="Turn on disk encryption and check that the recovery key is kept.",
    population=pl.col("status") == "in_use",
    params={"evidence_days": 45},
    fails=lambda p: (
        within("endpoints_days", p.evidence_days, "endpoints_certain")
        & ~recent("endpoints__encrypted", "encrypted_days", p.evidence_days)
    ),
    requires=("endpoints",),
    value="asset_value",
    value_kind="asset",
    fires=({"endpoints__encrypted": False}, {"endpoints__encrypted": False, "encrypted_days": 45}),
    quiet=(
        {"endpoints__encrypted": True},
        {"endpoints__encrypted": None},
        {"endpoints__encrypted": False, "encrypted_days": 46},
        {"endpoints__encrypted": False, "endpoints_days": 46, "encrypted_days": 46},
    ),
)
