"""One row a licence that changed hands: what its record lacks."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.rule import Grain
from tieout.world import filled, product_key

REQUIRED = ("from_person", "to_person", "product", "quantity", "reason")


def build(ground: Ground) -> Grain:
    """Every licence move."""
    world = ground.world
    lacking = [pl.when(~filled(field)).then(pl.lit(field)) for field in REQUIRED]
    frame = (
        world.rows("license_moves")
        .with_columns(
            product_key(world.settings, pl.col("product")).alias("product_key"),
            world.local_date(pl.col("occurred_at")).alias("occurred_on"),
            pl.concat_list(lacking).list.drop_nulls().list.join("; ").alias("missing"),
        )
        .with_columns(
            world.fresh(pl.col("occurred_on")).alias("in_period"),
            (pl.col("missing") == "").alias("complete"),
        )
        .sort("event_id")
    )
    return Grain(name="license_move", feed="license_moves", frame=frame.select(list(HEALTHY)))


HEALTHY: dict[str, Any] = {
    "_id": 0, "event_id": "L-1", "product": "Figma", "product_key": "figma", "occurred_on": date(2026, 10, 5),
    "in_period": True, "complete": True, "missing": "",
}  # fmt: skip
