"""More paid seats assigned than the contracts in force allow.

Finds: products whose paid seats do not fit the lines in force.
Matters: it is a licence breach, settled by a true-up at the vendor's price.
Do: Revoke reclaimable seats first, then buy what is still missing.
Quiet: while uncontracted-product is open.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="overassigned-seats",
    grain="product",
    subject="product",
    process="grant",
    severity="critical",
    remedy="Revoke reclaimable seats first, then buy what is still missing.",
    population=pl.col("assigned") > 0,
    fails=lambda p: pl.col("beyond") > 0,
    requires=("entitlements",),
    after=("uncontracted-product",),
    owner="contract_owner",
    value="exposure",
    value_kind="exposure",
    shows=("assigned", "quantity"),
    fires=({"assigned": 101, "beyond": 1},),
    quiet=({"assigned": 99, "beyond": 0},),
)
