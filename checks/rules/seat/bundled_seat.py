"""A paid seat of a product that the person's suite already includes.

Finds: paid seats whose holder also has a paid seat of a suite or higher tier that includes the product, itself or with
one of its parts.
Matters: the same right is paid twice.
Do: Revoke the single seat and let the person use the suite's.
Quiet: suites the workspace does not describe, or whose console is silent; while another reason of the seat is open.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="bundled-seat",
    grain="seat",
    subject=("product", "seat_id"),
    process="grant",
    severity="medium",
    remedy="Revoke the single seat and let the person use the suite's.",
    population=pl.col("counted"),
    fails=lambda p: pl.col("bundled"),
    requires=("people",),
    after=("leaver-seat", "deprovisioned-seat", "duplicate-seat"),
    value_kind="licence_pool",
    shows=("holder_id",),
    fires=({"bundled": True},),
    quiet=({"bundled": True, "counted": False}, {"bundled": False}),
)
