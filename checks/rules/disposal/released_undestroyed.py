"""A device that was handed on with its data still on it.

Finds: data-bearing items released for which nothing shows that the data was cleared, purged or destroyed by then.
Matters: whoever has the device now may have the data too.
Do: Get it back or get proof of the erasure; report a loss of data otherwise.
Quiet: items without data; devices all of whose drives were destroyed; laptops wiped for redeployment, where the method
is recorded with a stage after receipt.
"""

from datetime import date

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="released-undestroyed",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="critical",
    remedy="Get it back or get proof of the erasure; report a loss of data otherwise.",
    population=pl.col("released_on").is_not_null() & pl.col("nameable"),
    provided=lambda p: pl.col("identified"),
    fails=lambda p: pl.col("data_bearing") & ~pl.col("wiped"),
    since="released_on",
    shows=("destroyed_on", "released_on"),
    fires=({"released_on": date(2026, 9, 8), "destroyed_on": None, "wiped": False},),
    quiet=(
        {"released_on": date(2026, 9, 12), "wiped": True},
        {"released_on": date(2026, 9, 8), "wiped": False, "data_bearing": False},
        {"wiped": False},
    ),
)
