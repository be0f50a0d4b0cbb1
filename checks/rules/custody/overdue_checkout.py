"""Something on loan that should have come back.

Finds: devices and articles whose latest loan is past its due date, or without one out for longer than the limit, and
that were not brought back or handed on since; at once when the borrower has left.
Matters: what is not asked for now is a loss later.
Do: Ask the borrower to bring it back, or lend it anew.
Quiet: loans due on the last day of the period. A loan of several pieces stays open until all are back. Where
pieces came back without the borrower's name, it is unknown.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="overdue-checkout",
    grain="loan",
    subject="thing",
    process="return",
    severity=lambda p: graded(("high", pl.col("borrower_leaver")), otherwise="medium"),
    remedy="Ask the borrower to bring it back, or lend it anew.",
    population=pl.col("thing_key").is_not_null(),
    params={"loan_days": 30},
    provided=lambda p: pl.col("identified"),
    fails=lambda p: (
        pl.col("lent")
        & ((pl.col("overdue_days") > 0) | (pl.col("undated_days") > p.loan_days) | pl.col("borrower_leaver"))
    ),
    since="since_on",
    shows=("borrower", "pieces"),
    fires=({"overdue_days": 1}, {"undated_days": 31}, {"borrower_leaver": True}),
    quiet=({"overdue_days": 0}, {"undated_days": 30}, {"overdue_days": 1, "lent": False}),
)
