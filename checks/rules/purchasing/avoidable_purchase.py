"""A purchase of what lay on the shelf.

Finds: order lines of the period, not cancelled, for a sku of which units had been in stock for a month on the day of
the order; each idle unit counts for one line, oldest order first.
Matters: the money was spent for nothing.
Do: Cancel the line, or say why the stock would not do.
Quiet: lines for which no idle unit was left. Clears when the line is cancelled or a decision settles it, not by using
the unit later.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="avoidable-purchase",
    grain="purchase_line",
    subject=("po_number", "line_no"),
    process="purchase",
    severity="medium",
    remedy="Cancel the line, or say why the stock would not do.",
    population=pl.col("status") != "cancelled",
    event="in_period",
    fails=lambda p: pl.col("idle_units") > 0,
    requires=("assets",),
    value="avoidable_value",
    value_kind="exposure",
    since="ordered_on",
    shows=("idle_tags",),
    fires=({"idle_units": 1, "idle_tags": "A-9"},),
    quiet=({"idle_units": 1, "status": "cancelled"}, {"idle_units": 0}, {"idle_units": 1, "in_period": False}),
)
