"""A line of the spares book that nobody has counted for too long.

Finds: lines whose last count is older than 30 days for class A, 90 for B and 365 for C; lines never counted that the
book has shown for so long.
Matters: a book that is not counted is a guess.
Do: Count the bin.
Quiet: lines new to the book.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="count-overdue",
    grain="book_line",
    subject=("sku", "location", "bin"),
    process="count",
    severity=lambda p: graded(("medium", pl.col("abc") == "A"), otherwise="low"),
    remedy="Count the bin.",
    population=pl.col("sku").is_not_null(),
    params={"count_days_a": 30, "count_days_b": 90, "count_days_c": 365},
    fails=lambda p: (
        (
            pl.col("uncounted_days")
            > pl.when(pl.col("abc") == "A")
            .then(p.count_days_a)
            .when(pl.col("abc") == "B")
            .then(p.count_days_b)
            .when(pl.col("abc") == "C")
            .then(p.count_days_c)
        )
        & pl.col("counts_known")
    ),
    requires=("stock_counts",),
    since="counted_on",
    shows=("first_seen_on",),
    fires=({"uncounted_days": 31}, {"uncounted_days": 91, "abc": "B"}, {"uncounted_days": 366, "abc": "C"}),
    quiet=({"uncounted_days": 30}, {"uncounted_days": 90, "abc": "B"}, {"uncounted_days": 365, "abc": "C"}),
)
