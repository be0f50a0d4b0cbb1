"""Seats bought while idle ones of the same product would have done.

Finds: lines that started in the period, although in the period before seats of their product and plan had nobody, or
were approved for reclaim by then.
Matters: the request could have been met from the pool.
Do: Cancel the top-up if it still can be, and serve requests from the pool first.
Quiet: renewals; top-ups for which the pool was empty. Stays open until a decision settles it.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="avoidable-top-up",
    grain="line",
    subject=("contract_id", "line_no"),
    process="purchase",
    severity="medium",
    remedy="Cancel the top-up if it still can be, and serve requests from the pool first.",
    population=pl.col("term_start").is_not_null(),
    event="started_in_period",
    provided=lambda p: pl.col("observed"),
    fails=lambda p: pl.col("avoidable") >= 1,
    requires=("seats",),
    owner="responsible",
    value="avoidable_value",
    value_kind="licence_pool",
    since="term_start",
    shows=("quantity", "pool_before"),
    fires=({"started_in_period": True, "pool_before": 1, "avoidable": 1},),
    quiet=({"started_in_period": True}, {"avoidable": 1}),
)
