"""One row a thing on its way out: a registered device, a drive or anything else the disposal vendor lists.

Register rows with status disposed are here too, with or without a disposal record. A drive names its device in
parent_serial; a device is certified by its own certificate or when all its drives are.
"""

from datetime import date
from typing import Any

import polars as pl

from tieout import normalize
from tieout.facts.ground import Ground
from tieout.rule import Grain

STAGES = ("shipped", "received", "verified", "pending_destruction", "destroyed", "certificate_issued", "released")


def events(ground: Ground) -> pl.DataFrame:
    """Every disposal record with its item: a drive by its serial, else the asset it means, else its serial or tag."""
    rows = ground.devices.normal(ground.world.rows("disposals"))
    parents = rows.select("_id", serial="parent_serial").with_columns(asset_tag=pl.lit(None, pl.String))
    return (
        rows.join(ground.devices.resolve(rows).select("_id", "asset_key"), on="_id", how="left", maintain_order="left")
        .join(
            ground.devices.resolve(parents).select("_id", parent_key="asset_key"),
            on="_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.col("parent_serial").is_not_null().alias("is_drive"),
            normalize.serial(pl.col("parent_serial")).alias("device_serial"),
            ground.world.local_date(pl.col("occurred_at")).alias("occurred_on"),
        )
        .with_columns(
            pl.when("is_drive")
            .then(pl.coalesce("serial_text", "tag_key"))
            .otherwise(pl.coalesce("asset_key", "serial_text", "tag_key"))
            .alias("item_key"),
            pl.when("is_drive").then(pl.coalesce("parent_key", "device_serial")).alias("device_key"),
        )
        .filter(pl.col("item_key").is_not_null())
    )


def build(ground: Ground) -> Grain:
    """Every item of every disposal, and every register row with status disposed."""
    world = ground.world
    recorded = events(ground)

    def day_of(stage: str) -> pl.Expr:
        return pl.col("occurred_on").filter(pl.col("stage") == stage).min().alias(f"{stage}_on")

    certificate = pl.col("certificate_id").is_not_null()
    items = (
        recorded.sort("occurred_at", "_id")
        .group_by("item_key", maintain_order=True)
        .agg(
            pl.col("_id"),
            pl.col("asset_key").drop_nulls().first(),
            pl.col("parent_key").drop_nulls().first(),
            pl.col("is_drive").any(),
            pl.coalesce(pl.col("serial_text").drop_nulls().first(), pl.col("tag_key").drop_nulls().first()).alias(
                "named"
            ),
            (pl.col("media") == "none").any(ignore_nulls=True).alias("no_media"),
            certificate.any().alias("own_certificate"),
            ((pl.col("route") == "redeploy") & pl.col("method").is_in(["clear", "purge"]))
            .any(ignore_nulls=True)
            .alias("redeployed"),
            pl.col("occurred_on")
            .filter(certificate | (pl.col("stage") == "certificate_issued"))
            .min()
            .alias("certified_on"),
            *(day_of(stage) for stage in STAGES),
        )
    )
    drives = (
        recorded.filter("is_drive")
        .group_by("device_key", "item_key")
        .agg(certificate.any().alias("certified"))
        .group_by(item_key="device_key")
        .agg(pl.col("certified").all().alias("drives_certified"))
    )
    register = ground.assets.select(
        "asset_tag",
        "asset_class",
        "status",
        "status_since",
        item_key="tag_key",
        assets__row="_id",
        register_data_bearing="data_bearing",
    )
    disposed = register.filter(pl.col("status") == "disposed").select("item_key")
    frame = (
        pl.concat([items.select("item_key"), disposed])
        .unique()
        .join(items, on="item_key", how="left")
        .join(register, on="item_key", how="left")
        .join(drives, on="item_key", how="left")
        .with_columns(
            pl.lit(world.alive("assets")).alias("assets__alive"),
            pl.lit(world.alive("disposals")).alias("disposals__alive"),
            pl.col("is_drive", "redeployed").fill_null(False),
            pl.coalesce("asset_tag", "named", "item_key").alias("item"),
            pl.coalesce("register_data_bearing", ~pl.col("no_media").fill_null(False)).alias("data_bearing"),
            (pl.col("own_certificate").fill_null(False) | pl.col("drives_certified").fill_null(False)).alias(
                "certified"
            ),
            (pl.col("certified_on") < pl.col("received_on")).fill_null(False).alias("certified_before_receipt"),
            (pl.col("status") == "disposed").fill_null(False).alias("register_disposed"),
            world.days_since(pl.min_horizontal("destroyed_on", "released_on")).alias("out_days"),
            pl.min_horizontal(
                "destroyed_on", "released_on", pl.when(pl.col("status") == "disposed").then("status_since")
            ).alias("out_on"),
        )
        .sort("item_key")
    )
    return Grain(
        name="disposal_item",
        feed="disposals",
        frame=frame.select(list(HEALTHY)),
        keys={"item": "item_key"},
        leans={
            **dict.fromkeys(("item", "data_bearing", "register_disposed", "asset_class"), ("disposals", "assets")),
            "out_on": ("disposals", "assets"),
        },
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "item": "A-1", "item_key": "A-1", "asset_key": "A-1", "parent_key": None, "is_drive": False,
    "redeployed": False,    "asset_class": "laptop", "data_bearing": True, "register_disposed": True, "certified": True,
    "certified_on": date(2026, 9, 20), "certified_before_receipt": False, "shipped_on": date(2026, 9, 1),
    "received_on": date(2026, 9, 3), "verified_on": date(2026, 9, 5), "pending_destruction_on": date(2026, 9, 8),
    "destroyed_on": date(2026, 9, 10), "certificate_issued_on": date(2026, 9, 20), "released_on": None,
    "out_days": 51, "out_on": date(2026, 9, 10), "assets__row": 0, "assets__alive": True,
}  # fmt: skip
