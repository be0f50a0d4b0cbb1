"""A spare of which the book holds less than its minimum.

Finds: spares whose book quantity over all bins of a location is below the sum of the bins' minimums.
Matters: the next failure finds the shelf empty.
Do: Reorder the shortage, or lower the minimum.
Quiet: spares without a minimum. Low when an open order covers the shortage; critical when the spare is critical and the
count is below too.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="below-minimum",
    grain="stock_item",
    subject=("sku", "location"),
    process="purchase",
    severity=lambda p: graded(
        ("low", pl.col("on_order")),
        ("critical", pl.col("critical") & pl.col("counted_below")),
        otherwise="medium",
    ),
    remedy="Reorder the shortage, or lower the minimum.",
    population=pl.col("has_minimum"),
    fails=lambda p: pl.col("quantity") < pl.col("minimum"),
    value="shortage_value",
    value_kind="stock",
    shows=("shortage",),
    fires=({"quantity": 4, "shortage": 1},),
    quiet=({"quantity": 5}, {"quantity": 0, "has_minimum": False}),
)
