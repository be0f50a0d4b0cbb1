"""A spare of which the book holds more than its maximum.

Finds: spares whose book quantity over all bins of a location is above the sum of the bins' maximums.
Matters: money lies on the shelf, and ages.
Do: Use it up before ordering again, return it, or raise the maximum.
Quiet: spares without a maximum; one overfull bin while the location as a whole is not.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="overstock",
    grain="stock_item",
    subject=("sku", "location"),
    process="purchase",
    severity="low",
    remedy="Use it up before ordering again, return it, or raise the maximum.",
    population=pl.col("has_maximum"),
    fails=lambda p: pl.col("quantity") > pl.col("maximum"),
    value="surplus_value",
    value_kind="stock",
    shows=("surplus",),
    fires=({"quantity": 21, "surplus": 1},),
    quiet=({"quantity": 20}, {"quantity": 21, "has_maximum": False}),
)
