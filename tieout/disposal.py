"""The chain of custody of what leaves: which item each disposal record means, and when it reached each stage.

An item is a registered asset, or a drive or anything unregistered by its serial. Assets that have left the register
are still known by the tag and serial they had, so that deleting an entry hides nothing.
"""

import polars as pl

from tieout import normalize
from tieout.approval import other_than
from tieout.facts import books
from tieout.facts.ground import Ground
from tieout.feeds import DATA_BEARING
from tieout.identity.people import Keys
from tieout.once import once

STAGES = ("shipped", "received", "verified", "pending_destruction", "destroyed", "certificate_issued", "released")
OF_DRIVES = ("pending_destruction", "destroyed", "certificate_issued")
"""Stages a device has reached when all its drives have."""
OF_DEVICE = ("shipped", "received", "verified", "pending_destruction", "certificate_issued")
"""Stages a drive has reached when its device has."""
ENDS = ("released", "certificate_issued")
"""Stages by which the papers of the route are due."""
ENDED_BY_CERTIFICATE = ("destruction", "recycling")
"""Routes whose last stage is the certificate, because nothing is left to release."""


@once
def records(ground: Ground) -> pl.DataFrame:
    """Every disposal record with its item (`item_key`), its device when it is a drive, and whether it is `current`.

    A drive is what names another serial as its parent. Records of an earlier disposal that ended in redeployment are
    not current. `manifested` = the register has, or had, the item or its device.
    """
    rows = ground.devices.normal(ground.world.rows("disposals")).with_columns(
        normalize.serial(pl.col("parent_serial")).alias("device_serial")
    )
    rows = rows.with_columns(
        (pl.col("serial_text") != pl.col("device_serial")).fill_null(False).alias("is_drive"),
        pl.col("stage").cast(pl.Enum(STAGES)).alias("step"),
        ground.world.local_date(pl.col("occurred_at")).alias("occurred_on"),
    )
    own = rows.select(
        "_id",
        pl.coalesce("serial", "parent_serial").alias("serial"),
        asset_tag=pl.when(~pl.col("is_drive")).then("asset_tag"),
    )
    device = rows.filter("is_drive").select("_id", serial="parent_serial", asset_tag=pl.lit(None, pl.String))
    return _dated(
        rows.join(_registered(own, ground), on="_id", how="left", maintain_order="left")
        .join(
            _registered(device, ground).select("_id", parent_key="asset_key", parent_named="named"),
            on="_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.coalesce("asset_key", "serial_key", pl.when(~pl.col("is_drive")).then("tag_key"), "serial_text").alias(
                "item_key"
            ),
            pl.when("is_drive").then(pl.coalesce("parent_key", "device_serial")).alias("device_key"),
            (pl.col("named") | pl.col("parent_named").fill_null(False)).alias("manifested"),
            pl.any_horizontal(pl.col("asset_key", "serial_key", "tag_key").is_not_null()).alias("nameable"),
        )
        .filter(pl.col("item_key").is_not_null())
    )


def _registered(keys: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """For each row: the asset its keys mean now or meant before it left the register; `named` if they name any."""
    gone = ground.assets_before.join(ground.assets, on="tag_key", how="anti").select("tag_key", "serial_key")
    serials = gone.filter(pl.col("serial_key").is_unique() & pl.col("serial_key").is_not_null())
    normal = ground.devices.normal(keys).select("_id", "tag_key", "serial_key")
    by_tag = normal.join(gone, on="tag_key").select("_id", by_tag="tag_key")
    by_serial = normal.join(serials, on="serial_key").select("_id", by_serial="tag_key_right")
    ambiguous = pl.col("conflict") | pl.col("uncertain")
    return (
        ground.devices.resolve(keys)
        .join(by_tag, on="_id", how="left", maintain_order="left")
        .join(by_serial, on="_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(ambiguous)
            .then("asset_key")
            .otherwise(pl.coalesce("asset_key", "by_tag", "by_serial"))
            .alias("asset_key")
        )
        .select("_id", "asset_key", (ambiguous | pl.col("asset_key").is_not_null()).alias("named"))
    )


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    """Marks the records of each item's latest disposal: one begins anew when a redeployed item is sent away again.

    A release ends a disposal only where the item was cleared or purged since the one before.
    """
    redeployed = (pl.col("step") == "released") & (pl.col("known_route") == "redeploy").fill_null(False)
    wipes = pl.col("method").is_in(["clear", "purge"]).fill_null(False).cast(pl.Int64).cum_sum().over("item_key")
    wiped_before = pl.when(redeployed).then("wipes").shift(1).forward_fill().over("item_key").fill_null(0)
    ends = (redeployed & (pl.col("wipes") > wiped_before)).cast(pl.Int64)
    ended = ends.cum_sum().shift(1, fill_value=0).over("item_key")
    begins = pl.col("step").is_in(["shipped", "received"])
    return (
        rows.sort("item_key", "occurred_at", "step", "event_id")
        .with_columns(
            pl.coalesce("route", pl.col("route").forward_fill().over("item_key")).alias("known_route"),
            wipes.alias("wipes"),
        )
        .with_columns(ended.alias("ended_before"))
        .with_columns(pl.when(begins).then("ended_before").forward_fill().over("item_key").fill_null(0).alias("round"))
        .with_columns((pl.col("round") == pl.col("round").max().over("item_key")).alias("current"))
    )


@once
def items(ground: Ground) -> pl.DataFrame:
    """One row an item: when it reached each stage (`<stage>_at`, null = no record), and what its records say of it.

    `data_bearing` is null where the register is not alive and the item may be on it. Register rows with status
    disposed are here too, without a disposal record `recorded` is false.
    """
    world = ground.world
    told = _told(records(ground).filter("current"), ground)
    register = _register(ground, told["item_key"])
    alive = pl.lit(world.alive("assets"))
    disposed = register.filter((pl.col("last_status") == "disposed").fill_null(False)).select("item_key")
    frame = (
        pl.concat([told.select("item_key"), disposed])
        .unique()
        .join(told, on="item_key", how="left")
        .join(_ends(records(ground)), on="item_key", how="left")
        .join(register, on="item_key", how="left")
        .with_columns(pl.col("is_drive", "recorded", "nameable").fill_null(False))
    )
    by_class = pl.col("asset_class").is_in(DATA_BEARING)
    holds_data = ~pl.col("no_media").fill_null(False)
    known = pl.col("asset_tag").is_not_null()
    identified = known | alive
    return (
        _united(frame)
        .with_columns(
            identified.alias("identified"),
            pl.when(pl.col("manifested").fill_null(True))
            .then(pl.lit(True))
            .when(alive)
            .then(pl.lit(False))
            .alias("manifested"),
            pl.when(known)
            .then(pl.coalesce("data_bearing", by_class, holds_data))
            .when(alive)
            .then(holds_data)
            .alias("data_bearing"),
            pl.coalesce("asset_tag", "given_name", "item_key").alias("item"),
        )
        .sort("item_key")
    )


def _told(rows: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """What an item's own records say, one row an item.

    A stage is reached when it is first recorded. An item that one vendor hands on to another is shipped and received
    again: that shipment is no step back. `sent_at` is of the shipment after which nothing is recorded.
    """
    world = ground.world
    people_alive = world.alive("people")
    persons = rows.select("_id", "approved_by", "handler", "occurred_on")
    for column, name in (("approved_by", "approver_id"), ("handler", "handler_id")):
        resolved = ground.people.resolve(persons, Keys(any_kind=column, on="occurred_on"))
        rows = rows.join(
            resolved.select("_id", pl.col("person_id").alias(name)), on="_id", how="left", maintain_order="left"
        )

    at = pl.col("occurred_at")
    certified = pl.col("certificate_id").is_not_null()
    sent, arriving, released = (pl.col("stage") == stage for stage in ("shipped", "received", "released"))
    handed_on = sent & (at > at.filter(arriving).min()) & (at <= at.filter(arriving).max())
    reached = ~handed_on.fill_null(False)
    fresh = world.fresh(pl.col("occurred_on"))
    approved = other_than("approved_by", "approver_id", "handler", "handler_id", people_alive=people_alive)
    handled = pl.col("method").is_not_null() & (pl.col("step") >= "verified")
    return rows.group_by("item_key", maintain_order=True).agg(
        pl.col("_id"),
        pl.lit(True).alias("recorded"),
        pl.col("nameable").any(),
        pl.col("is_drive").any(),
        pl.col("device_key").drop_nulls().first(),
        pl.col("manifested").any(),
        pl.col("serial_key").drop_nulls().unique().sort().alias("serials"),
        pl.coalesce(
            pl.col("serial_text").drop_nulls().first(), pl.col("asset_tag").drop_nulls().first().str.strip_chars()
        ).alias("given_name"),
        pl.col("known_route").drop_nulls().last().alias("route"),
        (pl.col("media") == "none").any(ignore_nulls=True).alias("no_media"),
        pl.col("media").is_in(["ssd", "flash"]).any(ignore_nulls=True).alias("on_flash"),
        *(
            pl.col("method").eq(name).any(ignore_nulls=True).alias(f"has_{name}")
            for name in ("clear", "purge", "destroy")
        ),
        at.filter(handled).min().alias("handled_at"),
        *(at.filter((pl.col("stage") == stage) & reached).min().alias(f"{stage}_at") for stage in STAGES),
        at.filter(sent & (at > at.filter(~sent).max()).fill_null(True)).min().alias("sent_at"),
        certified.any().alias("certified"),
        at.filter(certified).min().alias("certificate_named_at"),
        *(pl.col(name).is_not_null().any().alias(f"has_{name}") for name in ("document_id", "proceeds", "shipment_id")),
        approved.filter(released).any(ignore_nulls=False).alias("release_approved"),
        (fresh & released).any().alias("release_in_period"),
        (fresh & pl.col("stage").is_in(ENDS)).any().alias("ending_in_period"),
        pl.col("handler").filter(arriving).drop_nulls().last().alias("received_by"),
        pl.col("batch_id").filter(arriving).drop_nulls().last().alias("received_in"),
        at.filter(arriving).max().alias("last_received_at"),
    )


def _ends(rows: pl.DataFrame) -> pl.DataFrame:
    """Whether any record of an item, those of earlier disposals included, tells a release or an end: one row an item.

    What a record told of another item until it was corrected is told of this one no more.
    """
    stage = pl.col("stage")
    return rows.group_by("item_key").agg(
        (stage == "released").any().alias("release_recorded"), stage.is_in(ENDS).any().alias("ending_recorded")
    )


def _united(items: pl.DataFrame) -> pl.DataFrame:
    """A device takes from its drives what all of them have; a drive takes from its device what happened to both.

    `through_device` = a drive whose device is an item itself, which answers for the certificates of its drives.
    """
    drives = (
        items.filter("is_drive")
        .group_by(item_key="device_key")
        .agg(
            pl.col("_id").list.explode(empty_as_null=False).sort().alias("drive_rows"),
            pl.col("certified").all().alias("drives_certified"),
            *(
                pl.when(pl.col(f"{stage}_at").is_not_null().all())
                .then(pl.col(f"{stage}_at").max())
                .alias(f"drives_{stage}_at")
                for stage in OF_DRIVES
            ),
        )
    )
    documents = ("has_document_id", "has_proceeds", "has_shipment_id")
    device = items.filter(~pl.col("is_drive")).select(
        pl.col("item_key").alias("device_key"),
        pl.lit(True).alias("through_device"),
        pl.col("route").alias("device_route"),
        pl.col("certified", *documents, *(f"{stage}_at" for stage in OF_DEVICE)).name.prefix("device_"),
    )
    joined = items.join(drives, on="item_key", how="left").join(device, on="device_key", how="left")

    def with_device(stage: str) -> pl.Expr:
        """When the device reached a stage, unless the drive was further by then, and so apart from it."""
        later = STAGES[STAGES.index(stage) + 1 :]
        apart = pl.col(f"device_{stage}_at") > pl.min_horizontal(f"{name}_at" for name in later)
        return pl.when(~apart.fill_null(False)).then(f"device_{stage}_at")

    return joined.with_columns(
        pl.concat_list(pl.col("_id").fill_null([]), pl.col("drive_rows").fill_null([])).alias("_id"),
        pl.col("through_device").fill_null(False),
        pl.coalesce("route", "device_route").alias("route"),
        (pl.col("certified").fill_null(False) | pl.col("drives_certified").fill_null(False)).alias("certified"),
        (pl.col("certified") | pl.col("drives_certified") | pl.col("device_certified"))
        .fill_null(False)
        .alias("certificate_named"),
        *((pl.col(name) | pl.col(f"device_{name}")).fill_null(False).alias(name) for name in documents),
        *(
            pl.coalesce(
                f"{stage}_at",
                *([f"drives_{stage}_at"] if stage in OF_DRIVES else []),
                *([with_device(stage)] if stage in OF_DEVICE else []),
            ).alias(f"{stage}_at")
            for stage in STAGES
        ),
    )


def _register(ground: Ground, keys: pl.Series) -> pl.DataFrame:
    """What the register says, or last said, of assets that are items or disposed, and what they are worth."""
    alive = ground.world.alive("assets")
    wanted = pl.col("tag_key").is_in(keys.implode())
    now = ground.assets.filter(wanted | (pl.col("status") == "disposed").fill_null(False))
    valued = books.of_assets(now, ground).select(
        "asset_tag",
        "asset_class",
        "data_bearing",
        "status",
        "status_since",
        "serial_key",
        "ledger__row",
        "ledger__alive",
        "asset_value",
        "asset_value_amount",
        "asset_value_currency",
        item_key="tag_key",
        assets__row="_id",
        last_status="status",
    )
    gone = ground.assets_before.join(ground.assets, on="tag_key", how="anti").select(
        "asset_tag",
        "asset_class",
        "data_bearing",
        "status_since",
        "serial_key",
        item_key="tag_key",
        last_status=pl.when(pl.lit(not alive)).then("status"),
    )
    gone = gone.filter(pl.col("item_key").is_in(keys.implode()) | (pl.col("last_status") == "disposed"))
    return pl.concat([valued, gone], how="diagonal")
