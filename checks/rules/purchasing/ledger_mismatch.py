"""One asset with two costs: the register's and the ledger's.

Finds: assets, or pooled order lines, whose cost in the register and in the ledger differ by more than the tolerance in
one currency.
Matters: depreciation and insurance rest on different figures.
Do: Compare with the invoice and correct the wrong book.
Quiet: costs in different currencies or not told (unknown).
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="ledger-mismatch",
    grain="ledger_row",
    subject="ledger_id",
    process="purchase",
    severity="medium",
    remedy="Compare with the invoice and correct the wrong book.",
    population=pl.col("ledger_id").is_not_null(),
    params={"cost_tolerance": 1.00},
    fails=lambda p: pl.col("compared") & (pl.col("cost_gap") > p.cost_tolerance),
    requires=("assets",),
    value="gap_value",
    value_kind="asset",
    shows=("ledger_cost", "register_cost"),
    fires=({"ledger_cost": 902, "cost_gap": 2},),
    quiet=({"cost_gap": 1}, {"compared": False, "cost_gap": None}, {"cost_gap": None}),
)
