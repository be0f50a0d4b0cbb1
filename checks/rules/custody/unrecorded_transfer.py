"""A device that changed hands without a movement that says so.

Finds: entries whose custodian differs from the register before, where no movement since then names the new one.
Matters: nobody confirmed the handover, so nobody answers for the device.
Do: Record the transfer with its approval, or set the custodian back.
Quiet: a custodian filled in for the first time; one person under two names. Stays open until a movement names the
custodian, or the change is reversed.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unrecorded-transfer",
    grain="asset",
    subject="asset_tag",
    process="transfer",
    severity="medium",
    remedy="Record the transfer with its approval, or set the custodian back.",
    population=pl.col("asset_tag").is_not_null(),
    event="custodian_changed",
    fails=lambda p: ~pl.col("handed_over") & ~((pl.col("was_open") | pl.col("untold")) & pl.col("custodian_reverted")),
    requires=("movements",),
    value="asset_value",
    value_kind="asset",
    since="custodian_change_after",
    shows=("custodian", "custodian_was"),
    fires=({"custodian_changed": True, "custodian_was": "p2"},),
    quiet=({"custodian_changed": True, "handed_over": True}, {"custodian_changed": False}),
)
