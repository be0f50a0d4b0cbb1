"""A company device that checks in to its management system and stands on no register row.

Finds: managed company endpoints seen within the window whose serial, uuid and tag resolve to no register entry.
Matters: what is not registered is not insured, not depreciated and not asked back from leavers.
Do: Find the device through its user, tag it and enter it in the register.
Quiet: private and virtual endpoints; endpoints whose keys disagree, which conflicting-identity reports.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unregistered-device",
    grain="found_device",
    subject="device",
    process="tag",
    severity="high",
    remedy="Find the device through its user, tag it and enter it in the register.",
    population=pl.col("seen_on").is_not_null(),
    params={"evidence_days": 45},
    fails=lambda p: (pl.col("seen_days") <= p.evidence_days) & ~pl.col("registered"),
    requires=("assets",),
    after=(("conflicting-identity", ("endpoint_id",)),),
    value_kind="asset",
    since="enrolled_on",
    shows=("model", "user_id"),
    fires=({"registered": False}, {"registered": False, "seen_days": 45}),
    quiet=({"registered": False, "seen_days": 46}, {"registered": True}),
)
