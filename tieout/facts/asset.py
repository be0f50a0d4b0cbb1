"""One row a register entry: what the register says, who holds it, and what every other system shows of it."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout import money, normalize
from tieout.facts import existence
from tieout.facts.ground import Ground
from tieout.identity.people import Keys
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every asset of the register."""
    frame = _custody(existence.of_assets(ground), ground)
    frame = _count(frame, ground)
    frame = _value(frame, ground)
    frame = _dates(frame, ground).with_columns(cost_center="custodian_cost_center")
    return Grain(
        name="asset",
        feed="assets",
        frame=frame.select(HEALTHY.keys()),
        keys={"asset_tag": "tag_key"},
        leans={
            **existence.LEANS,
            **dict.fromkeys(
                (
                    "custodian_id",
                    "custodian_known",
                    "custodian_leaver",
                    "custodian_on_leave",
                    "custodian_left_days",
                    "custodian_left_on",
                ),
                ("people",),
            ),
            "used_by_another": ("endpoints", "people"),
            "elsewhere_scanned": ("scans",),
            "scanned_after_changes": ("scans", "movements"),
            "seen_after_status_days": ("endpoints",),
            "scanned_after_status_days": ("scans",),
            "counted": ("counts", "scans"),
            "settled_before_count": ("counts", "movements"),
            "checked_in_before_days": ("counts", "endpoints"),
            "in_count": ("counts",),
            "count_complete": ("counts", "scans"),
            "count_found_share": ("counts", "scans"),
            "written_off_approved": ("movements",),
            "asset_value": ("ledger",),
        },
    )


def _custody(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Who holds it: a person, a place, both or neither."""
    named = ground.person(frame, Keys(any_kind="custodian"), "custodian")
    as_place = normalize.place(pl.col("custodian"), ground.world.settings.location_aliases)
    other = (pl.col("custodian_id") != pl.col("endpoints__user_id")).fill_null(False)
    nobody_else = pl.col("endpoints__alive") & pl.col("people__alive")
    return named.with_columns(
        pl.col("custodian").is_not_null().alias("custodian_named"),
        as_place.is_in(ground.places.implode()).fill_null(False).alias("custodian_is_place"),
        pl.col("place_key").is_not_null().alias("placed"),
        ground.world.days_since("custodian_left_on").alias("custodian_left_days"),
        pl.when(other)
        .then(pl.lit(True))
        .when(nobody_else | pl.col("endpoints__user_id").is_not_null())
        .then(pl.lit(False))
        .alias("used_by_another"),
    )


def _dates(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """How long things have been as they are."""
    world = ground.world
    scan_at_place = normalize.same_place(pl.col("place_key"), pl.col("scans__place_key"))
    after_status = (pl.col("scans__scanned_on") > pl.col("status_since")).fill_null(True)
    after_moves = (pl.col("scans__scanned_at") > pl.col("movements__moved_at")).fill_null(pl.col("movements__alive"))
    return frame.with_columns(
        world.days_since("status_since").alias("status_days"),
        world.days_since("status_seen_on").alias("status_seen_days"),
        world.days_since("first_seen_on").alias("first_seen_days"),
        world.days_since("purchased_on").alias("purchased_days"),
        (~scan_at_place).alias("elsewhere_scanned"),
        (after_status & after_moves).alias("scanned_after_changes"),
        (pl.col("endpoints__seen_on") - pl.col("status_since")).dt.total_days().alias("seen_after_status_days"),
        (pl.col("scans__scanned_on") - pl.col("status_since")).dt.total_days().alias("scanned_after_status_days"),
        pl.col("status").is_in(["retired", "disposed", "lost"]).alias("written_off"),
        (pl.col("movements__write_off_on") >= pl.col("status_since").dt.offset_by("-30d"))
        .fill_null(False)
        .alias("written_off_approved"),
    )


def _count(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The latest completed count of the period that has the asset in its scope, and whether it was found there.

    `count_complete`: the count brought as many scans as its scanner declares; `count_found_share`: the share of its
    scope that it found; `checked_in_before_days`: days from the last check-in to the cut-off.
    """
    world = ground.world
    period = (
        world.rows("counts")
        .with_columns(cut_off_on=world.local_date(pl.col("cut_off_at")))
        .filter(world.in_period(pl.col("cut_off_on")) & pl.col("completed_at").is_not_null())
        .select(
            pl.col("_id").alias("counts__row"),
            ground.place("location").alias("scope"),
            "count_id",
            "cut_off_at",
            pl.col("cut_off_on").alias("counts__cut_off_on"),
            pl.col("asset_class").alias("scope_class"),
            "scans_expected",
        )
    )
    parts = frame.select("tag_key", "asset_class", pl.col("place_key").str.split("/").alias("parts"))
    depths = parts.with_columns(pl.int_ranges(1, pl.col("parts").list.len() + 1).alias("depth"))
    places = depths.explode("depth", empty_as_null=False).select(
        "tag_key", "asset_class", pl.col("parts").list.head("depth").list.join("/").alias("scope")
    )
    found = ground.scans.select("count_id", tag_key="asset_key", counted=pl.lit(True)).drop_nulls().unique()
    scoped = (
        places.join(period, on="scope")
        .filter(pl.col("scope_class").is_null() | (pl.col("scope_class") == pl.col("asset_class")))
        .sort("cut_off_at", "count_id", "counts__row")
        .unique(["tag_key", "count_id"], keep="last", maintain_order=True)
        .drop("asset_class", "scope", "scope_class")
        .join(frame, on="tag_key", maintain_order="left")
        .join(found, on=["tag_key", "count_id"], how="left", maintain_order="left")
    )
    cut_off = pl.col("counts__cut_off_on")
    changed = pl.any_horizontal(
        pl.col("status_since") >= cut_off,
        pl.col("purchased_on") >= cut_off,
        pl.col("movements__moved_at") >= pl.col("cut_off_at"),
    ).fill_null(False)
    dated_before = pl.col("status_since").is_not_null() | (pl.col("first_seen_on") < cut_off)
    settled = pl.when(changed).then(pl.lit(False)).when(dated_before & pl.col("movements__alive")).then(pl.lit(True))
    judged = scoped.with_columns(
        settled.alias("settled_before_count"),
        pl.col("counted").fill_null(False),
        (cut_off - pl.col("endpoints__seen_on")).dt.total_days().alias("checked_in_before_days"),
    )
    expected = judged.filter(pl.col("status").is_in(["in_stock", "in_use"]) & settled.fill_null(True))
    shares = expected.group_by("count_id").agg(pl.col("counted").mean().alias("count_found_share"))
    brought = world.rows("scans").group_by("count_id").agg(pl.len().alias("brought"))
    declared = period.group_by("count_id").agg(pl.col("scans_expected").sum())
    complete = pl.col("brought").fill_null(0) >= pl.col("scans_expected")
    counts = declared.join(brought, on="count_id", how="left").select("count_id", complete.alias("count_complete"))
    latest = (
        judged.join(shares, on="count_id", how="left", maintain_order="left")
        .join(counts, on="count_id", how="left", maintain_order="left")
        .unique("tag_key", keep="last", maintain_order=True)
        .select("tag_key", "counts__row", "counts__cut_off_on", "count_complete", "count_found_share", "counted",
                "settled_before_count", "checked_in_before_days")
    )  # fmt: skip
    counts_alive, scans_alive = pl.lit(world.alive("counts")), pl.lit(world.alive("scans"))
    in_count = pl.col("counts__row").is_not_null()
    return frame.join(latest, on="tag_key", how="left", maintain_order="left").with_columns(
        counts_alive.alias("counts__alive"),
        pl.when(in_count).then(pl.lit(True)).when(counts_alive).then(pl.lit(False)).alias("in_count"),
        pl.when("counted").then(pl.lit(True)).when(scans_alive & in_count).then(pl.lit(False)).alias("counted"),
    )


def _value(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Net book value of the ledger, else cost less straight-line depreciation, else unvalued."""
    world = ground.world
    ledger = world.rows("ledger").filter(pl.col("disposed_on").is_null())
    resolved = ledger.join(
        ground.devices.resolve(ledger).select("_id", "asset_key"), on="_id", how="left", maintain_order="left"
    )
    booked = (
        resolved.filter(pl.col("asset_key").is_not_null() & (pl.col("quantity") == 1))
        .group_by(tag_key="asset_key")
        .agg(
            (pl.col("cost") - pl.col("accumulated_depreciation").fill_null(0)).sum().alias("net_book"),
            pl.when(pl.col("currency").n_unique() == 1).then(pl.col("currency").first()).alias("book_currency"),
            pl.col("_id").sort().alias("ledger__row"),
        )
    )
    joined = frame.join(booked, on="tag_key", how="left", maintain_order="left")
    own = money.depreciated(pl.col("cost"), pl.col("purchased_on"), world)
    booked_known = pl.col("book_currency").is_not_null()
    amount = pl.when(booked_known).then(pl.col("net_book")).otherwise(own)
    currency = pl.when(booked_known).then("book_currency").otherwise("currency")
    return money.valued(joined, "asset_value", amount, currency, world)


_TODAY = date(2026, 10, 31)
HEALTHY: dict[str, Any] = {
    "_id": 0, "asset_tag": "A-1", "tag_key": "A-1", "serial": "C02X1", "serial_key": "C02X1", "serial_quality": "ok",
    "maker_key": "apple", "model": "M", "sku": None, "asset_class": "laptop", "status": "in_use",
    "status_since": date(2026, 1, 10), "status_days": 294, "status_seen_days": 90, "first_seen_days": 90,
    "purchased_on": date(2026, 1, 5), "purchased_days": 299, "location": "Berlin", "place_key": "berlin",
    "cost_center": None, "ownership": "owned", "data_bearing": True, "managed_class": True, "personal_class": True,
    "tracked_class": True, "custody": "person", "written_off": False, "written_off_approved": False,
    "custodian": "p1", "custodian_named": True, "custodian_id": "p1", "custodian_known": True,
    "custodian_is_place": False, "placed": True, "custodian_leaver": False, "custodian_on_leave": False,
    "custodian_left_days": None, "custodian_left_on": None, "people__row": 0, "people__alive": True,
    "endpoints__row": 0, "endpoints__alive": True, "endpoints__seen_on": _TODAY, "endpoints_days": 0,
    "endpoints_certain": True, "endpoints__user_id": "p1", "endpoints__encrypted": True, "used_by_another": False,
    "seen_after_status_days": 294, "scans__row": None, "scans__alive": True, "scans__scanned_on": None,
    "scans_days": None, "scans__place_key": None, "elsewhere_scanned": None, "scanned_after_changes": None,
    "scanned_after_status_days": None, "tickets__row": None, "tickets__alive": True, "movements__row": 0,
    "movements__alive": True, "movements__moved_on": date(2026, 1, 10), "movements__handled_on": date(2026, 1, 10),
    "existence_days": 0, "existence_on": _TODAY, "existence_certain": True, "elsewhere_days": 294,
    "elsewhere_certain": True, "counts__row": None, "counts__alive": True, "counts__cut_off_on": None,
    "in_count": False, "count_complete": None, "count_found_share": None, "counted": None,
    "settled_before_count": None, "checked_in_before_days": None, "ledger__row": [0], "asset_value": Decimal(800),
    "asset_value_amount": Decimal(800), "asset_value_currency": "EUR",
}  # fmt: skip
