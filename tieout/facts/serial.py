"""One row a valid serial on the books, and how many register entries bear it for one maker."""

from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.identity.devices import ON_BOOKS
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every valid serial of the register's entries on the books; an empty maker may be any.

    `entries` is null where the register is not alive and another one may be missing.
    """
    alive = pl.lit(ground.world.alive("assets"))
    rows = ground.assets.filter(pl.col("status").is_in(ON_BOOKS) & pl.col("serial_key").is_not_null())
    nameless = pl.col("maker_key").is_null().sum().over("serial_key")
    of_maker = (
        pl.when(pl.col("maker_key").is_null())
        .then(pl.len().over("serial_key"))
        .otherwise(pl.len().over("serial_key", "maker_key") + nameless)
    )
    frame = (
        rows.with_columns(of_maker.alias("entries"))
        .group_by("serial_key")
        .agg(
            pl.col("entries").max(),
            pl.col("_id").sort(),
            pl.col("tag_key").sort().str.join("; ").alias("tags"),
            pl.when(pl.col("asset_class").n_unique() == 1).then(pl.col("asset_class").first()).alias("asset_class"),
        )
        .with_columns(pl.when((pl.col("entries") > 1) | alive).then("entries"))
        .sort("serial_key")
    )
    return Grain(name="serial", feed="assets", frame=frame.select(list(HEALTHY)))


HEALTHY: dict[str, Any] = {"_id": [0], "serial_key": "C02X1", "entries": 1, "tags": "A-1", "asset_class": "laptop"}
