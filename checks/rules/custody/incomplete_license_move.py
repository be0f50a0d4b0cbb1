"""A licence handed from one person to another without saying all of it.

Finds: licence moves of the period that lack who gave it up, who got it, the product, the quantity or the reason.
Matters: the seat ends up with nobody, or with two.
Do: Complete the record and deliver it again.
Quiet: moves without an approver; older moves. Stays open until the record is completed.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="incomplete-license-move",
    grain="license_move",
    subject="event_id",
    process="transfer",
    severity="low",
    remedy="Complete the record and deliver it again.",
    population=pl.col("event_id").is_not_null(),
    event="in_period",
    fails=lambda p: ~pl.col("complete"),
    since="occurred_on",
    shows=("missing",),
    fires=({"complete": False, "missing": "reason"},),
    quiet=({"complete": True}, {"complete": False, "in_period": False}),
)
