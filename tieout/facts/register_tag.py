"""One row an asset tag: whether the register still has it, how many rows bear it, what took over its serial."""

from datetime import date
from typing import Any

import polars as pl

from tieout import normalize
from tieout.facts.ground import Ground
from tieout.feeds import FEEDS
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every tag the register has or had; `entries` is null where it is not alive and another one may be missing."""
    world = ground.world
    fields = [name for name in FEEDS["assets"].schema if name != "asset_tag"]
    delivered = world.delivered("assets").with_columns(normalize.code(pl.col("asset_tag")).alias("tag_key"))
    now = delivered.group_by("tag_key").agg(
        pl.struct(fields).n_unique().alias("entries"),
        pl.col("_id").sort(),
        pl.col("asset_tag").min().alias("tag_now"),
    )
    before = ground.assets_before.select(
        "tag_key", "asset_tag", "serial_key", "in_green", "status", "seen_on", asset_class=pl.lit(None, pl.String)
    )
    classes = ground.assets.select("tag_key", class_now="asset_class")
    serials = ground.assets.select("serial_key", taken_over=pl.lit(True)).drop_nulls().unique()
    alive = pl.lit(world.alive("assets"))
    known = pl.col("entries").is_not_null()
    frame = (
        now.join(before, on="tag_key", how="full", coalesce=True)
        .join(classes, on="tag_key", how="left")
        .join(serials, on="serial_key", how="left")
        .with_columns(
            pl.coalesce("tag_now", "asset_tag").alias("asset_tag"),
            pl.col("class_now").alias("asset_class"),
            pl.when((pl.col("entries") > 1) | alive).then(pl.col("entries").fill_null(0)).alias("entries"),
            pl.col("status").alias("status_before"),
            pl.col("taken_over").fill_null(False),
            pl.when(known).then(pl.lit(True)).when(alive).then(pl.lit(False)).alias("present"),
        )
        .with_columns((~pl.col("present") & pl.col("in_green")).fill_null(False).alias("newly_absent"))
        .rename({"seen_on": "last_seen_on"})
        .sort("tag_key")
    )
    return Grain(name="register_tag", feed="assets", frame=frame.select(list(HEALTHY)), keys={"asset_tag": "tag_key"})


HEALTHY: dict[str, Any] = {
    "_id": [0], "asset_tag": "A-1", "tag_key": "A-1", "asset_class": "laptop", "entries": 1, "present": True,
    "newly_absent": False, "status_before": "in_use", "taken_over": False, "last_seen_on": date(2026, 9, 30),
}  # fmt: skip
