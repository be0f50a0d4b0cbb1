"""A counted quantity of spares that the book does not explain.

Finds: lines whose latest count differs from the book at that instant by more than their class's tolerance and at
least one unit; what was counted without a book line counts against zero. Overs and shorts never net.
Matters: the book cannot be trusted for reordering, and money is missing or unrecorded.
Do: Recount; then correct the book with a reason.
Quiet: differences that movements after the count explain. Stays open until the book agrees or a recount does.
"""

import polars as pl

from tieout.rule import Rule
from tieout.tolerance import TOLERANCES, out_of_tolerance

RULE = Rule(
    slug="stock-variance",
    grain="stock_line",
    subject=("sku", "location", "bin"),
    process="count",
    severity="medium",
    remedy="Recount; then correct the book with a reason.",
    population=pl.col("counted").is_not_null(),
    event="in_period",
    params=TOLERANCES,
    fails=lambda p: out_of_tolerance(p, "off_by", "book_size"),
    requires=("stock",),
    value="stock_value",
    value_kind="stock",
    since="counted_on",
    shows=("book_at_count", "counted", "variance"),
    fires=(
        {"counted": 98, "off_by": 2, "variance": -2},
        {"book_size": 0, "book_at_count": 0, "book_quantity": 0, "counted": 1, "off_by": 1, "variance": 1},
    ),
    quiet=(
        {"counted": 99, "off_by": 1, "variance": -1},
        {"counted": 96, "off_by": 4, "variance": -4, "abc": "C"},
        {"counted": 98, "off_by": 2, "in_period": False},
    ),
)
