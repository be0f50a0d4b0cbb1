"""An article that one person borrows again and again.

Finds: persons with three or more loans of one article within the last 90 days.
Matters: what is always on loan to one person is missing for the others.
Do: Buy one more for that person.
Quiet: loans further back; several pieces in one loan.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="repeat-borrowing",
    grain="borrower",
    subject=("sku", "person"),
    process="purchase",
    severity="low",
    remedy="Buy one more for that person.",
    population=pl.col("sku").is_not_null(),
    params={"borrowing_days": 90, "borrowings": 3},
    provided=lambda p: pl.col("identified"),
    fails=lambda p: (
        (pl.col("checkout_days").list.eval(pl.element() <= p.borrowing_days).list.sum() >= p.borrowings)
        | pl.col("more_unseen")
    ),
    shows=("latest_on",),
    fires=({"checkout_days": [3, 40, 90]},),
    quiet=({"checkout_days": [3, 40, 91]}, {"checkout_days": [3, 40]}),
)
