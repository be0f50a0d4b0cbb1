"""A change of custody whose record lacks something.

Finds: assignments, transfers, returns and reclaims of the period that lack the device, a person, the place, the
condition, the reason or an approval: a transfer needs both persons (without any it is a relocation and needs both
places), an assignment the new one, a return the former one, a reclaim the former one and the reason.
Matters: when the device is missing, nobody can say who answered for it.
Do: Complete the record and deliver it again.
Quiet: movements of stock by article; repairs and loans. An approval by a party to it does not count. Where policy asks
for confirmation, the receiver's is needed too. Stays open until the record is completed.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="incomplete-transfer",
    grain="movement",
    subject="event_id",
    process="transfer",
    severity="medium",
    remedy="Complete the record and deliver it again.",
    population=pl.col("custody_change"),
    event="in_period",
    fails=lambda p: ~pl.col("complete"),
    since="occurred_on",
    shows=("missing",),
    fires=({"complete": False, "missing": "approved_by"},),
    quiet=({"complete": True}, {"complete": False, "custody_change": False}, {"complete": False, "in_period": False}),
)
