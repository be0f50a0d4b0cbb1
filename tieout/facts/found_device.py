"""One row a company device that a management system shows: by its serial, else by the endpoint's id."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every device under management, and whether the register knows it."""
    alive = ground.world.alive("assets")
    # its own record's, for another system may number another device alike; any, where no conflict can be told
    own_id = pl.col("endpoint_id")
    in_conflict = pl.coalesce(own_id.filter("conflict").first(), pl.when(not alive).then(own_id.last()))
    registered = pl.col("asset_key").is_not_null() | pl.col("uncertain")
    frame = (
        ground.endpoints.filter("judged")
        .with_columns(registered.alias("registered"), pl.coalesce("serial_key", "endpoint_id").alias("device"))
        .sort("seen_on", "endpoint_id", "_source", nulls_last=False)
        .group_by("device", maintain_order=True)
        .agg(
            pl.col("_id"),
            pl.col("seen_on").max(),
            pl.col("enrolled_at").min(),
            pl.col("registered").any().alias("found"),
            in_conflict,
            pl.col("asset_class").drop_nulls().last(),
            pl.col("model").drop_nulls().last(),
            pl.col("user_id").last(),
        )
        .with_columns(
            ground.world.days_since("seen_on").alias("seen_days"),
            ground.world.local_date(pl.col("enrolled_at")).alias("enrolled_on"),
            pl.when("found").then(pl.lit(True)).when(pl.lit(alive)).then(pl.lit(False)).alias("registered"),
            pl.lit(None, pl.UInt32).alias("assets__row"),
            pl.lit(alive).alias("assets__alive"),
        )
        .sort("device")
    )
    return Grain(
        name="found_device",
        feed="endpoints",
        frame=frame.select(list(HEALTHY)),
        gone=ground.world.alive_for("endpoints", pl.col("asset_class"), ground.coverage("endpoints")),
        leans={"registered": ("assets",)},
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "device": "C02X1", "endpoint_id": "e1", "seen_on": date(2026, 10, 31), "seen_days": 0,
    "enrolled_on": date(2026, 1, 10),
    "asset_class": "laptop", "model": "M", "user_id": "p1", "registered": True, "assets__row": None,
    "assets__alive": True,
}  # fmt: skip
