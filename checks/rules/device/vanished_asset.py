"""A device whose register row was deleted.

Finds: tags on the books, retired or lost in the last accepted register, absent from this one, whose serial no other
entry took over.
Matters: deleting the row is the quickest way to make a missing device disappear.
Do: Restore the row, and let the device leave the books by an approved movement.
Quiet: disposed rows; a device re-tagged under its serial; registers that are not whole. Stays open until the tag is
back or a decision settles it.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="vanished-asset",
    grain="register_tag",
    subject="asset_tag",
    process="retire",
    severity="high",
    remedy="Restore the row, and let the device leave the books by an approved movement.",
    population=pl.col("status_before").is_in(["in_stock", "in_use", "in_repair", "retired", "lost"]),
    event="newly_absent",
    fails=lambda p: ~pl.col("present") & ~pl.col("taken_over"),
    since="last_seen_on",
    shows=("status_before",),
    fires=({"present": False, "newly_absent": True, "entries": 0},),
    quiet=(
        {"present": False, "newly_absent": True, "taken_over": True},
        {"present": False, "newly_absent": True, "status_before": "disposed"},
        {"present": False, "newly_absent": False},
    ),
)
