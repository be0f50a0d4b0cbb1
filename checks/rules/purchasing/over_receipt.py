"""An order line of which more arrived than was ordered.

Finds: lines whose received quantity exceeds the ordered one.
Matters: the surplus is billed, or belongs to somebody else.
Do: Return the surplus, or have the order raised.
Quiet: exact deliveries.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="over-receipt",
    grain="purchase_line",
    subject=("po_number", "line_no"),
    process="receive",
    severity="medium",
    remedy="Return the surplus, or have the order raised.",
    population=pl.col("quantity").is_not_null(),
    fails=lambda p: pl.col("surplus") > 0,
    requires=("receipts",),
    value="surplus_value",
    value_kind="exposure",
    shows=("quantity", "received"),
    fires=({"received": 3, "outstanding": -1, "surplus": 1},),
    quiet=({"surplus": 0}, {"surplus": -1}),
)
