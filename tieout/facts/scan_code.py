"""One row a code that scanners read: whether it names anything on the register."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every code ever scanned."""
    world = ground.world
    alive = pl.lit(world.alive("assets"))
    frame = (
        ground.scans.with_columns(world.fresh(pl.col("scanned_on")).alias("fresh"))
        .sort("scanned_at", "count_id", "scan_id", "_id")
        .group_by("code_key", maintain_order=True)
        .agg(
            pl.col("_id"),
            pl.col("code").first(),
            pl.col("location").last(),
            pl.col("scanned_on").last(),
            pl.col("fresh").any().alias("in_period"),
            (pl.col("asset_key").is_not_null() | pl.col("named").is_not_null()).any().alias("names_something"),
        )
        .with_columns(
            pl.when("names_something").then(pl.lit(True)).when(alive).then(pl.lit(False)).alias("registered"),
            alive.alias("assets__alive"),
            pl.lit(None, pl.UInt32).alias("assets__row"),
        )
        .sort("code_key")
    )
    return Grain(
        name="scan_code",
        feed="scans",
        frame=frame.select(list(HEALTHY)),
        keys={"code": "code_key"},
        leans={"registered": ("assets",)},
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "code": "A-1", "code_key": "A-1", "location": "Berlin", "scanned_on": date(2026, 10, 20),
    "in_period": True, "registered": True, "assets__row": None, "assets__alive": True,
}  # fmt: skip
