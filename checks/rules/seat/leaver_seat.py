"""A paid seat of somebody who has left.

Finds: paid seats whose person is terminated, with a last day before as_of or none told.
Matters: it is paid for nobody, and may still open the door to data.
Do: Revoke the seat and return it to the pool.
Quiet: through the last working day; when the address belongs to a rehired person.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="leaver-seat",
    grain="seat",
    subject=("product", "seat_id"),
    process="offboard",
    severity="high",
    remedy="Revoke the seat and return it to the pool.",
    population=pl.col("counted"),
    fails=lambda p: pl.col("holder_leaver"),
    requires=("people",),
    value_kind="licence_pool",
    since="holder_left_on",
    fires=({"holder_leaver": True},),
    quiet=({"holder_leaver": False}, {"holder_leaver": True, "counted": False}),
)
