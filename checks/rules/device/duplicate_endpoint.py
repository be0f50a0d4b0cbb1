"""One device that reports to its management system as two.

Finds: serials of which one system shows two records that are one device, where the older one checked in after the newer
was enrolled, both within the window.
Matters: policies, counts and wipes reach the wrong record.
Do: Remove the stale enrolment, or find out which device copies the other's serial.
Quiet: a device that was enrolled again and whose old record is silent since; declared multiplicities.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="duplicate-endpoint",
    grain="enrolled_device",
    subject="serial_key",
    process="repair",
    severity="low",
    remedy="Remove the stale enrolment, or find out which device copies the other's serial.",
    population=pl.col("records") > 0,
    params={"evidence_days": 45},
    fails=lambda p: pl.col("overlaps") & (pl.col("overlap_days") <= p.evidence_days),
    exempt="excepted",
    fires=({"records": 2, "overlaps": True, "overlap_days": 3},),
    quiet=({"records": 2, "overlaps": True, "overlap_days": 46}, {"records": 1}),
)
