"""Two contracts that pay for the same seats at the same time.

Finds: products with two lines in force together for more than a month, for one plan and from different contracts, where
the assigned seats would fit without the smaller line.
Matters: one of the two is paid for nothing.
Do: End the smaller line at its next date.
Quiet: successions of up to a month; top-ups that are needed. Where contracts may be missing, that none overlaps is not
told. The value is a view of money other rules count too.
"""

import polars as pl

from tieout.facts.overlap import TOGETHER_DAYS
from tieout.rule import Params, Rule


def _one_is_spare(p: Params) -> pl.Expr:
    return pl.col("paired") & (pl.col("together_days") > p.together_days) & (pl.col("spare_units") >= 0)


RULE = Rule(
    slug="overlapping-entitlement",
    grain="overlap",
    subject="product",
    process="purchase",
    severity="medium",
    remedy="End the smaller line at its next date.",
    population=pl.col("product").is_not_null(),
    params={"together_days": TOGETHER_DAYS},
    provided=lambda p: pl.col("observed") & (pl.col("whole") | _one_is_spare(p)),
    fails=_one_is_spare,
    requires=("seats",),
    value="smaller_value",
    value_kind="view",
    shows=("contracts",),
    fires=({"paired": True, "contracts": "C-1; C-2", "together_days": 32, "spare_units": 0},),
    quiet=(
        {"paired": True, "together_days": 31, "spare_units": 0},
        {"paired": True, "together_days": 32, "spare_units": -1},
        {"paired": False},
    ),
)
