"""A person HR no longer shows and never said had left.

Finds: people in the last accepted HR snapshot, absent from this one, who were not terminated there.
Matters: nobody was told to take back what they hold, and nobody knows whether they should.
Do: Ask HR for the row: terminated with a last day, or an error in the extract.
Quiet: leavers whose rows HR drops; snapshots that are not whole. Nothing is reclaimed. Stays open until HR shows them.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="vanished-person",
    grain="person",
    subject="person_id",
    process="offboard",
    severity="high",
    remedy="Ask HR for the row: terminated with a last day, or an error in the extract.",
    population=pl.col("status_before").is_in(["active", "leave", "prehire"]),
    event="newly_absent",
    fails=lambda p: ~pl.col("present"),
    since="seen_on",
    fires=({"status": None, "status_before": "active", "present": False, "newly_absent": True},),
    quiet=(
        {"status_before": "terminated", "present": False, "newly_absent": True},
        {"status_before": "active", "present": False, "newly_absent": False},
    ),
)
