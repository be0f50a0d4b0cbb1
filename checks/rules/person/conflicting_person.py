"""An account or a seat whose keys point to two people.

Finds: accounts in use and seats whose id, address and sign-in name do not agree on one person.
Matters: whatever is concluded about its user would be said of the wrong person.
Do: Correct the keys in the system that is wrong.
Quiet: a key several people bore of whom one is employed now; keys that name nobody.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="conflicting-person",
    grain="claimant",
    subject="claimant",
    process="onboard",
    severity="medium",
    remedy="Correct the keys in the system that is wrong.",
    population=pl.col("claimant").is_not_null(),
    fails=lambda p: pl.col("conflict"),
    requires=("people",),
    shows=("record",),
    fires=({"conflict": True},),
    quiet=({"conflict": False},),
)
