"""A device on the books that nobody can show to have been bought.

Finds: owned entries on the books whose order number procurement does not know, or whose cost reaches the
capitalisation threshold and that name no order.
Matters: without an order there is no proof of price, warranty or ownership.
Do: Find the order and enter its number, or correct the cost or ownership.
Quiet: orders from before procurement's history begins (unknown); leased, loaned, consigned and personal devices.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unpurchased-asset",
    grain="asset",
    subject="asset_tag",
    process="purchase",
    severity="medium",
    remedy="Find the order and enter its number, or correct the cost or ownership.",
    population=pl.col("status").is_in(["in_stock", "in_use", "in_repair"]) & (pl.col("ownership") == "owned"),
    params={"capitalise_from": 1000},
    fails=lambda p: (
        (pl.col("order_named") & ~pl.col("ordered"))
        | (~pl.col("order_named") & (pl.col("cost_value") >= p.capitalise_from))
    ),
    requires=("purchases",),
    value="asset_value",
    value_kind="asset",
    shows=("po_number",),
    fires=({"ordered": False}, {"order_named": False, "po_number": None, "cost_value": 1000}),
    quiet=(
        {"order_named": False, "po_number": None, "ordered": None, "cost_value": 999},
        {"ordered": None},
        {"ordered": False, "ownership": "leased"},
        {"ordered": False, "status": "retired"},
    ),
)
