"""A line of spares that a count found wrong twice in a row.

Finds: lines whose latest count and the one before both differ from the book by more than the tolerance (the limits of
stock-variance).
Matters: recounting has not helped; something takes or misplaces these parts.
Do: Look for the cause: unbooked withdrawals, a mislabelled bin, a wrong unit.
Quiet: a first variance; an earlier count whose book is not known (before the first period).
"""

import polars as pl

from tieout.rule import Rule
from tieout.tolerance import TOLERANCES, out_of_tolerance

RULE = Rule(
    slug="recurring-variance",
    grain="stock_line",
    subject=("sku", "location", "bin"),
    process="count",
    severity="high",
    remedy="Look for the cause: unbooked withdrawals, a mislabelled bin, a wrong unit.",
    population=pl.col("counted").is_not_null(),
    event="in_period",
    params=TOLERANCES,
    limits_of="stock-variance",
    fails=lambda p: (
        out_of_tolerance(p, "off_by", "book_size") & out_of_tolerance(p, "previous_off_by", "previous_book_size")
    ),
    requires=("stock",),
    value="stock_value",
    value_kind="view",
    since="counted_on",
    shows=("variance",),
    fires=({"off_by": 2, "variance": -2, "previous_off_by": 2},),
    quiet=(
        {"off_by": 2, "variance": -2, "previous_off_by": 1},
        {"off_by": 1, "variance": -1, "previous_off_by": 2},
        {"off_by": 2, "previous_off_by": 2, "in_period": False},
    ),
)
