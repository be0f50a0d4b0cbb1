"""Paid seats of a product that no contract in force covers.

Finds: products with paid seats and no entitlement in force.
Matters: somebody pays without a contract, or the renewal was not recorded.
Do: Find the contract and record it, or cancel the seats.
Quiet: products with any line in force, whatever it counts. Low for a month after a line ended: renewal not recorded.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="uncontracted-product",
    grain="product",
    subject="product",
    process="purchase",
    severity=lambda p: graded(("low", pl.col("ended_days").is_between(0, p.renewal_days)), otherwise="critical"),
    remedy="Find the contract and record it, or cancel the seats.",
    population=pl.col("assigned") > 0,
    params={"renewal_days": 30},
    fails=lambda p: ~pl.col("contracted"),
    requires=("entitlements",),
    owner="contract_owner",
    value_kind="exposure",
    shows=("assigned",),
    fires=({"contracted": False, "quantity": None, "ended_days": None},),
    quiet=({"contracted": True},),
)
