"""A bill for a product no contract covers.

Finds: invoice lines of the period for a product of which no entitlement was in force in any part of the billed period.
Matters: somebody pays without a contract, or the renewal was not recorded.
Do: Find the contract and record it, or refuse the bill.
Quiet: credits. Low for a month after a contract ended: renewal not recorded.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="billed-without-contract",
    grain="invoice_line",
    subject=("invoice_id", "line_no"),
    process="renew",
    severity=lambda p: graded(("low", pl.col("after_end_days") <= p.renewal_days), otherwise="high"),
    remedy="Find the contract and record it, or refuse the bill.",
    population=pl.col("kind") != "credit",
    event="in_period",
    params={"renewal_days": 30},
    fails=lambda p: ~pl.col("contracted"),
    requires=("entitlements",),
    value="billed_value",
    value_kind="overcharge",
    since="period_start",
    fires=({"contracted": False}, {"contracted": False, "after_end_days": 30}),
    quiet=({"contracted": True}, {"contracted": False, "kind": "credit"}, {"contracted": False, "in_period": False}),
)
