"""A device that left the books without anybody's approval but its holder's.

Finds: entries that became retired, disposed or lost since the register before, without a retire or dispose movement,
from shortly before the change on, that somebody other than the last custodian approved.
Matters: writing a device off is the easiest way to take it home.
Do: Get the approval, or put the device back on the books and look for it.
Quiet: approvals dated up to 30 days before the change. Stays open until the approval is delivered, the status is set
back or a decision settles it.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unapproved-write-off",
    grain="asset",
    subject="asset_tag",
    process="retire",
    severity="high",
    remedy="Get the approval, or put the device back on the books and look for it.",
    population=pl.col("status").is_in(["retired", "disposed", "lost"]),
    off_books=True,
    event="newly_written_off",
    fails=lambda p: ~pl.col("write_off_approved"),
    requires=("movements",),
    value="asset_value",
    value_kind="asset",
    since="status_since",
    fires=({"status": "lost", "newly_written_off": True},),
    quiet=(
        {"status": "lost", "newly_written_off": True, "write_off_approved": True},
        {"status": "lost", "newly_written_off": False},
    ),
)
