"""One row a contract line counted per user: its quantity and how many seats of it are assigned."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout import licences, money
from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground, filled: pl.DataFrame) -> Grain:
    """Every contract line with its position; `filled` are the paid seats with the line each fills."""
    world = ground.world
    observed = ground.coverage.filter(pl.col("feed") == "seats")["kind"].drop_nulls().unique()
    unassigned = pl.max_horizontal(pl.col("unassigned"), money.zero())
    frame = (
        licences.positions(ground, filled)
        .filter(pl.col("metric") == "user")
        .with_columns(
            pl.col("product_key").is_in(observed.implode()).alias("observed"),
            world.alive_for("seats", "product_key", ground.coverage).alias("seats__alive"),
            pl.lit(None, pl.UInt32).alias("seats__row"),
            (unassigned * pl.col("annual")).alias("idle_value"),
            (unassigned * pl.col("annual_amount")).alias("idle_value_amount"),
            pl.col("annual_currency").alias("idle_value_currency"),
        )
        .with_columns(
            pl.when("seats__alive").then("unassigned").alias("unassigned"),
            (pl.col("unassigned") / pl.when(pl.col("quantity") > 0).then("quantity"))
            .cast(pl.Float64)
            .alias("unassigned_share"),
        )
        .with_columns(pl.when("seats__alive").then("unassigned_share").alias("unassigned_share"))
        .sort("contract_id", "line_no")
    )
    return Grain(
        name="line",
        feed="entitlements",
        frame=frame.select(list(HEALTHY)),
        leans=dict.fromkeys(
            ("observed", "unassigned", "unassigned_share", "assigned", "kept", "reclaimable", "idle_value"), ("seats",)
        ),
    )


HEALTHY: dict[str, Any] = {
    "_id": 0, "contract_id": "C-1", "line_no": "1", "product": "Figma", "product_key": "figma", "plan_key": None,
    "vendor": "Figma", "owner": None, "cost_center": None, "term_start": date(2026, 1, 1),
    "term_end": date(2026, 12, 31), "in_force": True, "observed": True, "quantity": Decimal(100), "assigned": 100,
    "kept": 100, "reclaimable": 0, "unassigned": Decimal(0), "unassigned_share": 0.0, "idle_value": Decimal(0),
    "idle_value_amount": Decimal(0), "idle_value_currency": "EUR", "seats__row": None, "seats__alive": True,
}  # fmt: skip
