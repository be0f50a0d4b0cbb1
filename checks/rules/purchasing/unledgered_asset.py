"""A device worth capitalising that the fixed-asset ledger does not carry.

Finds: owned, unleased entries on the books whose cost reaches the capitalisation threshold, without a ledger row by
tag, serial or pooled order line.
Matters: the balance sheet is short by it, and it is not depreciated.
Do: Capitalise it, or correct the cost.
Quiet: units of an order line that the ledger carries as one pooled row.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unledgered-asset",
    grain="asset",
    subject="asset_tag",
    process="purchase",
    severity="medium",
    remedy="Capitalise it, or correct the cost.",
    population=pl.col("status").is_in(["in_stock", "in_use", "in_repair"])
    & (pl.col("ownership") == "owned")
    & pl.col("lease_end").is_null(),
    params={"capitalise_from": 1000},
    fails=lambda p: (pl.col("cost_value") >= p.capitalise_from) & ~pl.col("ledgered"),
    requires=("ledger",),
    value="asset_value",
    value_kind="asset",
    fires=({"cost_value": 1000, "ledgered": False, "ledger__row": None},),
    quiet=(
        {"cost_value": 999, "ledgered": False},
        {"cost_value": 1000, "ledgered": True},
        {"cost_value": 1000, "ledgered": False, "ownership": "leased"},
    ),
)
