"""A device in use whose disk is not encrypted.

Finds: entries in use whose endpoint, seen within the window, says that encryption is off.
Matters: if it is lost, so is the data.
Do: Turn on disk encryption and check that the recovery key is kept.
Quiet: endpoints that do not tell (unknown), and endpoints not seen within the window.
"""

import polars as pl

from tieout.rule import Rule, within

RULE = Rule(
    slug="unencrypted-device",
    grain="asset",
    subject="asset_tag",
    process="assign",
    severity="high",
    remedy="Turn on disk encryption and check that the recovery key is kept.",
    population=pl.col("status") == "in_use",
    params={"evidence_days": 45},
    fails=lambda p: within("endpoints_days", p.evidence_days, "endpoints_certain") & ~pl.col("endpoints__encrypted"),
    requires=("endpoints",),
    value="asset_value",
    value_kind="asset",
    fires=({"endpoints__encrypted": False},),
    quiet=(
        {"endpoints__encrypted": True},
        {"endpoints__encrypted": None},
        {"endpoints__encrypted": False, "endpoints_days": 46},
    ),
)
