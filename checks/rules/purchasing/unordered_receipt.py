"""Goods that arrived without an order procurement knows.

Finds: receipts of the period whose order line procurement does not have.
Matters: what nobody ordered will be billed, and is nobody's to register.
Do: Find who ordered it; record the order or send it back.
Quiet: receipts from before procurement's history begins (unknown). Resolves when the order is delivered.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unordered-receipt",
    grain="receipt_line",
    subject=("receipt_id", "line_no"),
    process="receive",
    severity="medium",
    remedy="Find who ordered it; record the order or send it back.",
    population=pl.col("po_number").is_not_null(),
    event="in_period",
    fails=lambda p: ~pl.col("ordered"),
    requires=("purchases",),
    value_kind="exposure",
    since="received_on",
    shows=("po_number", "po_line_no"),
    fires=({"ordered": False},),
    quiet=({"ordered": True}, {"ordered": None}, {"ordered": False, "in_period": False}),
)
