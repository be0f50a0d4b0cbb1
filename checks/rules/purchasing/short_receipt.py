"""An order line of which less arrived than was ordered, past its date.

Finds: lines of goods, neither cancelled nor closed, whose received quantity is below the ordered one although the
promised day, or a month after the order where none was promised, has passed.
Matters: the invoice will come for what never did.
Do: Chase the vendor, or close the line for the rest.
Quiet: lines without a sku or asset class; orders from before the dock's records begin (unknown).
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="short-receipt",
    grain="purchase_line",
    subject=("po_number", "line_no"),
    process="receive",
    severity="medium",
    remedy="Chase the vendor, or close the line for the rest.",
    population=pl.col("deliverable") & ~pl.col("status").is_in(["cancelled", "closed"]),
    params={"delivery_days": 30},
    fails=lambda p: (
        (pl.col("outstanding") > 0) & pl.coalesce(pl.col("promised_days") > 0, pl.col("ordered_days") > p.delivery_days)
    ),
    requires=("receipts",),
    value="outstanding_value",
    value_kind="exposure",
    since="promised_on",
    shows=("quantity", "received"),
    fires=(
        {"received": 1, "outstanding": 1, "promised_days": 1},
        {"received": 0, "outstanding": 2, "promised_on": None, "promised_days": None, "ordered_days": 31},
    ),
    quiet=(
        {"received": 1, "outstanding": 1, "promised_days": 0},
        {"received": 0, "outstanding": 2, "promised_on": None, "promised_days": None, "ordered_days": 30},
        {"received": 1, "outstanding": 1, "status": "closed"},
        {"received": 1, "outstanding": 1, "deliverable": False},
    ),
)
