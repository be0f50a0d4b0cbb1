"""A batch that was destroyed before its turn.

Finds: batches destroyed in the period, without anybody's approval, while data-bearing items that the same handler had
received more than two weeks before that day, and before the batch, still waited.
Matters: what is passed over may have gone elsewhere; and somebody may want the batch's evidence gone soon.
Do: Ask the vendor for the reason and where the waiting items are.
Quiet: batches approved on any of their destroyed records; items waiting in the same batch; batches in their turn. Stays
open until an approval is delivered, or the record of the waiting items or of the batch is corrected.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="queue-jump",
    grain="batch",
    subject="batch_id",
    process="dispose",
    severity="medium",
    remedy="Ask the vendor for the reason and where the waiting items are.",
    population=pl.col("destroyed_on").is_not_null(),
    event="in_period",
    params={"queue_days": 14},
    fails=lambda p: (
        ~pl.col("approved")
        & (
            (pl.col("waited_days") > p.queue_days)
            | pl.when(pl.col("may_have_waited_days") <= p.queue_days).then(pl.lit(False))
        )
    ),
    since="destroyed_on",
    shows=("longest_waiting",),
    fires=({"waited_days": 15, "may_have_waited_days": 15, "longest_waiting": "A-2"},),
    quiet=(
        {"waited_days": 14, "may_have_waited_days": 14, "longest_waiting": "A-2"},
        {"waited_days": 15, "may_have_waited_days": 15, "approved": True},
        {"waited_days": 15, "may_have_waited_days": 15, "in_period": False},
    ),
)
