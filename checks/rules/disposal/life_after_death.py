"""A device that checked in after its certificate says it was destroyed.

Finds: devices whose latest check-in with endpoint management is later than the day they were destroyed or certified;
devices for redeployment that checked in between waiting for the wipe and their release.
Matters: the certificate is wrong, and the device, with its data, is in somebody's hands.
Do: Find the device through its user, and ask the vendor what was destroyed in its place.
Quiet: a check-in on the same day; redeployed devices after their release.
"""

from datetime import date

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="life-after-death",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="critical",
    remedy="Find the device through its user, and ask the vendor what was destroyed in its place.",
    population=pl.col("is_device") & pl.col("nameable"),
    provided=lambda p: pl.col("identified"),
    fails=lambda p: pl.col("manifested") & pl.col("alive_again"),
    requires=("endpoints",),
    since="endpoints__seen_on",
    shows=("destroyed_on", "certificate_issued_on", "released_on"),
    fires=({"alive_again": True, "endpoints__seen_on": date(2026, 10, 20)},),
    quiet=({"alive_again": False}, {"alive_again": True, "manifested": False}),
)
