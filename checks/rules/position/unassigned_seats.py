"""A contract line of which too many seats are assigned to nobody.

Finds: lines in force, counted per user, of an observed product, whose quantity exceeds the paid seats that fill them by
more than the tolerance.
Matters: idle seats are the first to give back at the next renewal.
Do: Reduce the line at its next date, or serve new requests from it.
Quiet: products no console shows (unobserved spend); while overlapping-entitlement is open for the product. Where
contracts may be missing, whose seats fill this line instead, that nothing is idle is not told.
"""

import polars as pl

from tieout.rule import Params, Rule


def _too_many(p: Params) -> pl.Expr:
    return pl.col("unassigned_share") > p.unassigned_share


RULE = Rule(
    slug="unassigned-seats",
    grain="line",
    subject=("contract_id", "line_no"),
    process="purchase",
    severity="medium",
    remedy="Reduce the line at its next date, or serve new requests from it.",
    population=pl.col("in_force"),
    params={"unassigned_share": 0.05},
    provided=lambda p: pl.col("observed") & (pl.col("whole") | _too_many(p)),
    fails=_too_many,
    requires=("seats",),
    after=(("overlapping-entitlement", ("product_key", "plan_key")),),
    owner="responsible",
    value="idle_value",
    value_kind="licence_pool",
    shows=("quantity", "assigned", "unassigned"),
    fires=({"assigned": 94, "unassigned": 6, "unassigned_share": 0.06},),
    quiet=(
        {"assigned": 95, "unassigned": 5, "unassigned_share": 0.05},
        {"unassigned_share": 0.5, "in_force": False},
    ),
)
