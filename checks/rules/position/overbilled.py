"""A bill for more than the contract allows.

Finds: bills of the period (all subscription lines and credits of a contract, else product, whose billed periods
overlap) whose net quantity exceeds the quantity in force, or whose net amount exceeds it at the dearest price in force.
Matters: it is money to claim back.
Do: Dispute the bill with the vendor and ask for a credit note.
Quiet: roundings of a cent a unit; bills in another currency than the contract's (unknown). A bill or credit that names
no contract is of the only one in force. Resolves when a credit or a correction arrives.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="overbilled",
    grain="invoice_line",
    subject=("invoice_id", "line_no"),
    process="purchase",
    severity="high",
    remedy="Dispute the bill with the vendor and ask for a credit note.",
    population=pl.col("kind") == "subscription",
    event="bill_in_period",
    params={"unit_tolerance": 0.01},
    fails=lambda p: (
        pl.col("judged")
        & ((pl.col("units_over") > 0) | (pl.col("amount_over") > pl.col("billed_units") * p.unit_tolerance))
    ),
    requires=("entitlements",),
    value="over_value",
    value_kind="overcharge",
    since="period_start",
    shows=("billed_units", "units_in_force", "billed_amount", "allowed_amount"),
    fires=(
        {"billed_units": 101, "units_over": 1},
        {"billed_amount": 1002, "amount_over": 2},
    ),
    quiet=(
        {"billed_amount": 1001, "amount_over": 1},
        {"judged": False, "units_over": 1},
        {"units_over": 1, "bill_in_period": False},
        {"amount_over": None},
    ),
)
