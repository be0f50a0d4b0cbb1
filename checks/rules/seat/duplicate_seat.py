"""A second paid seat of one product for one person.

Finds: every paid seat but the most recently used, where one person has two or more of a product (and of one plan, where
both name one).
Matters: it is paid twice and can be given back today.
Do: Revoke the older seat.
Quiet: seats of different plans; two seats of which only one's use is told (where neither is, the lowest id stays);
while leaver-seat or deprovisioned-seat is open.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="duplicate-seat",
    grain="seat",
    subject=("product", "seat_id"),
    process="grant",
    severity="medium",
    remedy="Revoke the older seat.",
    population=pl.col("counted"),
    fails=lambda p: pl.col("duplicate"),
    requires=("people",),
    after=("leaver-seat", "deprovisioned-seat"),
    value_kind="licence_pool",
    shows=("holder_id",),
    fires=({"duplicate": True},),
    quiet=({"duplicate": True, "counted": False}, {"duplicate": False}),
)
