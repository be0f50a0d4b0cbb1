"""A device let go without anybody's approval but its handler's.

Finds: items released in the period without an approved_by on the release, or with one who is its handler.
Matters: who handles the devices could send them wherever he likes.
Do: Get the release approved by somebody else, or find out where the device went.
Quiet: approvals by anyone but the handler, under whatever name. Stays open until the approval is delivered, or the
record is corrected so that this item was not released.
"""

from datetime import date

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unapproved-release",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="high",
    remedy="Get the release approved by somebody else, or find out where the device went.",
    population=pl.col("recorded") & pl.col("nameable"),
    event="release_in_period",
    provided=lambda p: pl.col("identified"),
    fails=lambda p: pl.col("release_recorded") & ~pl.col("release_approved"),
    since="released_on",
    fires=(
        {
            "release_in_period": True,
            "release_recorded": True,
            "released_on": date(2026, 10, 8),
            "release_approved": False,
        },
    ),
    quiet=(
        {"release_in_period": True, "release_recorded": True, "release_approved": True},
        {"release_in_period": False, "release_approved": False},
    ),
)
