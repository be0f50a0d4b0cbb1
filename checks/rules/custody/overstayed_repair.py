"""A device in repair for too long, or that nobody is repairing.

Finds: entries in repair for more than the limit, or without an open repair ticket.
Matters: repairs that nobody follows end as losses.
Do: Ask the repairer for a date; return the device to stock or retire it.
Quiet: a fresh repair with an open ticket for its tag or serial.
"""

import polars as pl

from tieout.rule import Rule, longer

RULE = Rule(
    slug="overstayed-repair",
    grain="asset",
    subject="asset_tag",
    process="repair",
    severity="medium",
    remedy="Ask the repairer for a date; return the device to stock or retire it.",
    population=pl.col("status") == "in_repair",
    params={"repair_days": 30},
    fails=lambda p: longer("status_days", p.repair_days, "status_seen_days") | pl.col("no_open_repair"),
    value="asset_value",
    value_kind="asset",
    since="status_since",
    fires=(
        {"status": "in_repair", "status_days": 31, "no_open_repair": False},
        {"status": "in_repair", "status_days": 3, "no_open_repair": True},
    ),
    quiet=(
        {"status": "in_repair", "status_days": 30, "no_open_repair": False},
        {"status_days": 31},
        {"status": "in_repair", "status_days": 3, "no_open_repair": None},
    ),
)
