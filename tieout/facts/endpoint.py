"""One row a record of a management system: which assets its keys name."""

from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every company endpoint under management; one id in two systems is one row, in conflict if either is."""
    alive = pl.lit(ground.world.alive("assets"))
    frame = (
        ground.endpoints.filter("judged")
        .group_by("endpoint_id")
        .agg(
            pl.col("_id").sort(),
            pl.col("conflict").any(),
            pl.col("asset_class").min(),
            pl.col("serial", "asset_tag").min(),
        )
        .with_columns(
            pl.when(alive).then("conflict"),  # a key that is borne once here may be borne twice where all are there
            alive.alias("assets__alive"),
            pl.lit(None, pl.UInt32).alias("assets__row"),
        )
        .sort("endpoint_id")
    )
    return Grain(
        name="endpoint",
        feed="endpoints",
        gone=ground.world.alive_for("endpoints", pl.col("asset_class"), ground.coverage("endpoints")),
        frame=frame.select(list(HEALTHY)),
        leans={"conflict": ("assets",)},
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "endpoint_id": "e1", "serial": "C02X1", "asset_tag": "A-1", "asset_class": "laptop",
    "conflict": False, "assets__row": None, "assets__alive": True,
}  # fmt: skip
