"""One row a serial that one management system shows: whether it reports as two records at the same time."""

from typing import Any

import polars as pl

from tieout import normalize
from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every valid serial among company endpoints.

    `overlap_days` = days since both of two records of one system were last seen alive, the older one after the newer
    was enrolled; null where there is no such pair. `overlaps` is null where the other record may be missing.
    """
    world = ground.world
    alive = world.alive_for("endpoints", pl.col("asset_class"), ground.coverage("endpoints"))
    rows = ground.endpoints.filter(pl.col("judged") & pl.col("serial_key").is_not_null()).select(
        "_id", "_source", "serial_key", "endpoint_id", "enrolled_at", "last_seen_at", "asset_class", "maker_key",
        seen_days=world.days_since("seen_on"),
    )  # fmt: skip
    older = rows.filter(pl.len().over("_source", "serial_key") > 1)
    pairs = (
        older.join(older, on=["_source", "serial_key"], suffix="_newer")
        .filter(
            (pl.col("endpoint_id") != pl.col("endpoint_id_newer"))
            & pl.col("maker_key").eq(pl.col("maker_key_newer")).fill_null(True)
            & (pl.col("enrolled_at") < pl.col("enrolled_at_newer"))
            & (pl.col("last_seen_at") > pl.col("enrolled_at_newer"))
        )
        .group_by("serial_key")
        .agg(pl.max_horizontal("seen_days", "seen_days_newer").min().alias("overlap_days"))
    )
    declared = [serial for m in world.settings.multiplicities for serial in m.serial]
    excepted = pl.DataFrame({"s": declared}, schema={"s": pl.String}).select(normalize.serial(pl.col("s"))).to_series()
    frame = (
        rows.group_by("serial_key")
        .agg(pl.col("_id").sort(), pl.len().cast(pl.Int64).alias("records"), pl.col("asset_class").min())
        .join(pairs, on="serial_key", how="left")
        .with_columns(
            pl.when(pl.col("overlap_days").is_not_null())
            .then(pl.lit(True))
            .when(alive)
            .then(pl.lit(False))
            .alias("overlaps")
        )
        .with_columns(pl.col("serial_key").is_in(excepted.drop_nulls().implode()).alias("excepted"))
        .sort("serial_key")
    )
    return Grain(
        name="enrolled_device",
        feed="endpoints",
        gone=alive,
        frame=frame.select(list(HEALTHY)),
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "serial_key": "C02X1", "asset_class": "laptop", "records": 1, "overlaps": False, "overlap_days": None,
    "excepted": False,
}  # fmt: skip
