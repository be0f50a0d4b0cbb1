"""A contract line about to renew by itself for seats nobody uses.

Finds: lines that renew by themselves, whose notice deadline lies within two months or has passed with the end ahead,
and of which too few seats are used or too much money is idle.
Matters: after the deadline the idle seats are paid for another term.
Do: Give notice or reduce the quantity before the deadline.
Quiet: small change: under three idle seats and under 500 a year. Resolves as lapsed when the date passes with
units still unused. Where contracts may be missing, whose seats fill this line instead, that enough are used is not
told. The value is a view of money other rules count too.
"""

import polars as pl

from tieout.rule import Params, Rule


def _due(p: Params) -> pl.Expr:
    return (pl.col("notice_in_days") <= p.ahead_days) & (pl.col("ends_in_days") >= 0)


def _too_few_used(p: Params) -> pl.Expr:
    return ((pl.col("kept_share") < p.used_share) | (pl.col("unused_value") >= p.idle_value)) & (
        (pl.col("unused") >= p.small_seats) | (pl.col("unused_value") >= p.small_value)
    )


RULE = Rule(
    slug="phantom-renewal",
    grain="line",
    subject=("contract_id", "line_no"),
    process="renew",
    severity="high",
    remedy="Give notice or reduce the quantity before the deadline.",
    population=pl.col("in_force") & pl.col("auto_renew"),
    params={"ahead_days": 60, "used_share": 0.8, "idle_value": 10_000, "small_seats": 3, "small_value": 500},
    provided=lambda p: pl.col("observed") & (pl.col("whole") | _too_few_used(p) | ~_due(p)),
    fails=lambda p: _due(p) & _too_few_used(p),
    requires=("seats",),
    owner="responsible",
    value="unused_value",
    value_kind="view",
    shows=("notice_by", "quantity", "kept"),
    fires=(
        {"auto_renew": True, "notice_in_days": 60, "kept": 79, "kept_share": 0.79, "unused": 21, "unused_value": 900},
        {"auto_renew": True, "notice_in_days": -5, "kept": 90, "kept_share": 0.9, "unused": 10, "unused_value": 10000},
    ),
    quiet=(
        {"auto_renew": True, "notice_in_days": 61, "kept": 79, "kept_share": 0.79, "unused": 21, "unused_value": 900},
        {"auto_renew": True, "notice_in_days": 30, "kept": 80, "kept_share": 0.8, "unused": 20, "unused_value": 900},
        {"auto_renew": True, "notice_in_days": 30, "kept": 1, "kept_share": 0.5, "unused": 1, "unused_value": 499},
        {"notice_in_days": 30, "kept": 79, "kept_share": 0.79, "unused": 21, "unused_value": 900},
    ),
)
