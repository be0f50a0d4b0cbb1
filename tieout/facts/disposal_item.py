"""One row a thing on its way out: a registered device, a drive or anything else the disposal vendor lists.

Register rows with status disposed are here too, with or without a disposal record. A drive names its device in
parent_serial; a device is certified by its own certificate or when all its drives are. What is not recorded is null
where a disposal delivery is missing.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout.disposal import ENDED_BY_CERTIFICATE, STAGES, items
from tieout.facts.ground import Ground
from tieout.identity.devices import ON_BOOKS
from tieout.rule import Grain

DOCUMENTS = {
    "resale": ("document_id", "proceeds"),
    "donation": ("document_id",),
    "destruction": ("certificate_id",),
    "recycling": ("document_id or certificate_id",),
    "hazardous": ("shipment_id", "document_id"),
    "redeploy": (),
}
"""What proves that an item went each route."""


def build(ground: Ground) -> Grain:
    """Every item of every disposal, and every register row with status disposed."""
    frame = items(ground)
    for add in (_dates, _chain, _papers, _afterlife):
        frame = add(frame, ground)
    registered = ("item", "identified", "manifested", "asset_class", "data_bearing", "register_disposed", "on_books")
    return Grain(
        name="disposal_item",
        feed="disposals",
        frame=frame.sort("item_key").select(list(HEALTHY)),
        keys={"item": "item_key"},
        gone=pl.lit(ground.world.alive("disposals") and ground.world.alive("assets")),  # by which records name an item
        leans={
            **dict.fromkeys((*registered, "out_on", "in_order", "flaws", "finished"), ("disposals", "assets")),
            "release_approved": ("disposals", "people"),
            "alive_again": ("disposals", "endpoints"),
            "asset_value": ("ledger",),
        },
    )


def _seen(fact: pl.Expr, alive: bool) -> pl.Expr:
    """True where a record shows it; false only where the lack of one counts, else null."""
    return pl.when(fact.fill_null(False)).then(pl.lit(True)).when(pl.lit(alive)).then(pl.lit(False))


def _dates(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """When it reached which stage, how long it has been in its present one, and what the register says of it."""
    world = ground.world
    alive, register_alive = world.alive("disposals"), pl.lit(world.alive("assets"))
    arrived = pl.max_horizontal(f"{stage}_at" for stage in STAGES[1:])
    gone = pl.any_horizontal(pl.col("destroyed_at", "certificate_issued_at", "released_at").is_not_null())
    under_way = pl.when((pl.col("sent_at") > arrived).fill_null(True) & ~gone).then("sent_at")
    latest = pl.coalesce(under_way, arrived, "shipped_at")
    current = pl.lit("shipped")
    for stage in STAGES[1:]:
        current = pl.when(pl.col(f"{stage}_at") == latest).then(pl.lit(stage)).otherwise(current)
    current = pl.when(latest.is_not_null()).then(current)
    frame = frame.with_columns(
        *(world.local_date(pl.col(f"{stage}_at")).alias(f"{stage}_on") for stage in STAGES),
        current.alias("stage"),
        world.local_date(latest).alias("stage_on"),
    )
    status = pl.col("status")
    return frame.with_columns(
        world.days_since("stage_on").alias("stage_days"),
        _seen(pl.col("stage") != "shipped", alive).alias("arrived"),
        _seen(pl.col("certified"), alive).alias("certified"),
        world.local_date(pl.coalesce("certificate_issued_at", "certificate_named_at")).alias("certified_on"),
        pl.when(status.is_not_null())
        .then(status == "disposed")
        .when(register_alive)
        .then(pl.lit(False))
        .alias("register_disposed"),
        pl.when(status.is_not_null())
        .then(status.is_in(ON_BOOKS))
        .when(register_alive)
        .then(pl.lit(False))
        .alias("on_books"),
        register_alive.alias("assets__alive"),
        ((pl.col("route") == "redeploy") & ~pl.col("has_destroy").fill_null(False)).fill_null(False).alias("redeploys"),
    ).with_columns(
        (pl.col("redeploys") & (pl.col("has_clear") | pl.col("has_purge"))).fill_null(False).alias("redeployed"),
        (pl.col("certified_on") < pl.col("received_on")).fill_null(False).alias("certified_before_receipt"),
        _seen(pl.any_horizontal(pl.col("destroyed_on", "released_on").is_not_null()), alive).alias("out"),
        world.days_since(pl.min_horizontal("destroyed_on", "released_on")).alias("out_days"),
        pl.min_horizontal("destroyed_on", "certificate_issued_on", "released_on").alias("gone_on"),
        pl.min_horizontal(
            "destroyed_on", "released_on", pl.when(pl.col("register_disposed")).then("status_since")
        ).alias("out_on"),
    )


def _chain(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Whether the stages are whole and in order, the data was gone before the release, and the disposal has ended.

    An item without data needs to be received and verified, one wiped for redeployment too; any other goes through
    every stage after shipping. Wiping for redeployment may be told by the method alone, without a destroyed stage.
    """
    alive = ground.world.alive("disposals")
    sound = pl.lit(True) if alive else pl.lit(None, pl.Boolean)
    released, certified = pl.col("released_at").is_not_null(), pl.col("certificate_issued_at").is_not_null()
    wiped_at = pl.min_horizontal("destroyed_at", pl.when(pl.col("redeployed")).then("handled_at"))
    missing_always, missing_for_data = (
        _missing(("received", "verified")),
        _missing(("pending_destruction", "destroyed", "certificate_issued")),
    )
    needs_all = pl.col("data_bearing") & ~pl.col("redeployed")
    frame = frame.with_columns(
        pl.concat_list(missing_always).list.drop_nulls().alias("lacking"),
        pl.concat_list(missing_for_data).list.drop_nulls().alias("lacking_for_data"),
        pl.concat_list(_misordered()).list.drop_nulls().alias("misordered"),
        _seen(wiped_at <= pl.col("released_at"), alive).alias("wiped"),
    )
    flawed = (
        (pl.col("lacking").list.len() > 0)
        | (pl.col("misordered").list.len() > 0)
        | ((pl.col("lacking_for_data").list.len() > 0) & needs_all)
    )
    of_data = pl.when(needs_all).then("lacking_for_data").otherwise(pl.lit([], pl.List(pl.String)))
    ends_early = pl.col("route").is_in(ENDED_BY_CERTIFICATE)
    broken_up = pl.col("destroyed_at").is_not_null() & ~pl.col("data_bearing")
    finished = released | (certified & ends_early) | (broken_up & ends_early)
    return frame.with_columns(
        pl.concat_list("lacking", of_data, "misordered").list.join("; ").alias("flaws"),
        (~flawed | ~sound).alias("in_order"),
        pl.when(finished)
        .then(pl.lit(True))
        .when(finished.is_not_null() & pl.lit(alive))
        .then(pl.lit(False))
        .alias("finished"),
        (pl.col("has_clear") & pl.col("on_flash") & ~pl.col("has_purge") & ~pl.col("has_destroy"))
        .fill_null(False)
        .alias("cleared_flash"),
    )


def _missing(stages: tuple[str, ...]) -> list[pl.Expr]:
    """For each stage "… missing" where no record shows it but a later one."""

    def told(stage: str) -> pl.Expr:
        later = pl.any_horizontal(pl.col(f"{s}_at").is_not_null() for s in STAGES[STAGES.index(stage) + 1 :])
        return pl.when(pl.col(f"{stage}_at").is_null() & later).then(pl.lit(f"{stage} missing"))

    return [told(stage) for stage in stages]


def _misordered() -> list[pl.Expr]:
    """For each stage "… too late" where a later one was reached before it; equal instants are in order."""

    def told(stage: str) -> pl.Expr:
        later = pl.min_horizontal(f"{s}_at" for s in STAGES[STAGES.index(stage) + 1 :])
        return pl.when(later < pl.col(f"{stage}_at")).then(pl.lit(f"{stage} too late"))

    return [told(stage) for stage in STAGES[:-1]]


def _papers(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Which documents of its route are named on none of an item's records; null where the route is not told."""
    named = {
        "document_id": pl.col("has_document_id"),
        "proceeds": pl.col("has_proceeds"),
        "shipment_id": pl.col("has_shipment_id"),
        "certificate_id": pl.col("certificate_named"),
        "document_id or certificate_id": pl.col("has_document_id") | pl.col("certificate_named"),
    }
    lacking = pl.lit(None, pl.List(pl.String))
    for route, documents in DOCUMENTS.items():
        texts = [pl.when(~named[document]).then(pl.lit(document)) for document in documents]
        listed = pl.concat_list(texts).list.drop_nulls() if texts else pl.lit([], pl.List(pl.String))
        lacking = pl.when(pl.col("route") == route).then(listed).otherwise(lacking)
    frame = frame.with_columns(lacking.alias("papers"))
    complete = pl.col("papers").list.len() == 0
    return frame.with_columns(
        pl.col("papers").list.join("; ").alias("missing_documents"),
        pl.when(complete)
        .then(pl.lit(True))
        .when(complete.is_not_null() & pl.lit(ground.world.alive("disposals")))
        .then(pl.lit(False))
        .alias("documented"),
    )


def _afterlife(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Whether the device checked in after its end; for redeployment, while it should have been with the vendor.

    Days are compared, because vendors often tell no more. An asset that left the register is found by its serial.
    """
    world = ground.world
    seen = ground.endpoints.filter(
        pl.col("judged") & pl.col("seen_on").is_not_null() & ~pl.col("conflict") & ~pl.col("uncertain")
    ).select("asset_key", "serial_key", "seen_on", endpoints__row="_id")
    doubtful = ground.devices.uncertain["tag_key"]
    serials = pl.concat(
        [
            frame.select("item_key", pl.col("serials").alias("serial_key")).explode("serial_key", empty_as_null=False),
            frame.select("item_key", "serial_key"),
        ]
    ).unique()
    checked_in = pl.concat(
        [
            seen.filter(pl.col("asset_key").is_not_null()).select("endpoints__row", "seen_on", item_key="asset_key"),
            seen.filter(pl.col("asset_key").is_null())
            .join(serials.drop_nulls(), on="serial_key")
            .select("endpoints__row", "seen_on", "item_key"),
        ]
    )
    latest = (
        checked_in.sort("seen_on", "endpoints__row")
        .unique("item_key", keep="last", maintain_order=True)
        .rename({"seen_on": "endpoints__seen_on"})
    )
    seen_on = pl.col("endpoints__seen_on")
    after_end = seen_on > pl.min_horizontal("destroyed_on", "certificate_issued_on")
    before_return = (seen_on > pl.col("pending_destruction_on")) & (
        (seen_on < pl.col("released_on")) | pl.col("released_on").is_null()
    )
    alive_again = pl.when("redeploys").then(before_return).otherwise(after_end).fill_null(False)
    return (
        frame.join(latest, on="item_key", how="left", maintain_order="left")
        .with_columns(
            world.alive_for("endpoints", pl.col("asset_class"), ground.coverage("endpoints")).alias("endpoints__alive")
        )
        .with_columns(
            pl.when(alive_again)
            .then(pl.lit(True))
            .when(pl.col("endpoints__alive") & ~pl.col("item_key").is_in(doubtful.implode()))
            .then(pl.lit(False))
            .alias("alive_again"),
            (pl.col("is_drive") | ~pl.col("recorded")).not_().alias("is_device"),
        )
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "item": "A-1", "item_key": "A-1", "is_drive": False, "through_device": False, "is_device": True,
    "recorded": True, "nameable": True, "identified": True, "manifested": True, "asset_class": "laptop",
    "data_bearing": True,
    "route": "destruction", "redeploys": False, "redeployed": False, "register_disposed": True, "on_books": False,
    "certified": True, "certified_on": date(2026, 9, 20), "certified_before_receipt": False,
    "stage": "certificate_issued", "stage_on": date(2026, 9, 20), "stage_days": 41, "arrived": True, "finished": True,
    "shipped_on": date(2026, 9, 1), "received_on": date(2026, 9, 3), "pending_destruction_on": date(2026, 9, 8),
    "destroyed_on": date(2026, 9, 10), "certificate_issued_on": date(2026, 9, 20), "released_on": None,
    "wiped": False, "in_order": True, "flaws": "", "cleared_flash": False, "release_approved": None,
    "release_in_period": False, "ending_in_period": False, "release_recorded": False, "ending_recorded": True,
    "documented": True, "missing_documents": "",
    "out": True, "out_days": 51, "out_on": date(2026, 9, 10), "gone_on": date(2026, 9, 10), "alive_again": False,
    "endpoints__row": None, "endpoints__alive": True, "endpoints__seen_on": None, "assets__row": 0,
    "assets__alive": True, "ledger__row": [0], "asset_value": Decimal(10), "asset_value_amount": Decimal(10),
    "asset_value_currency": "EUR",
}  # fmt: skip
