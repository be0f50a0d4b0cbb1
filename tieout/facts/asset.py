"""One row a register entry: what the register says, who holds it, and what every other system shows of it."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout import normalize
from tieout.docket import found_before
from tieout.facts import books, counting, existence
from tieout.facts.ground import CUSTODIAN, PLACES, Ground
from tieout.identity.people import Keys
from tieout.rule import Grain
from tieout.world import filled

WRITTEN_OFF = ("retired", "disposed", "lost")


def build(ground: Ground) -> Grain:
    """Every asset of the register."""
    frame = _custody(existence.of_assets(ground), ground)
    frame = counting.of_assets(frame, ground)
    frame = books.of_assets(frame, ground)
    frame = _dates(_write_off(_handover(frame, ground), ground), ground)
    of_people = (
        "custodian_known",
        "custodian_leaver",
        "custodian_on_leave",
        "custodian_left_days",
        "custodian_left_on",
    )
    return Grain(
        name="asset",
        feed="assets",
        frame=frame.with_columns(cost_center="custodian_cost_center").select(HEALTHY.keys()),
        keys={"asset_tag": "tag_key"},
        leans={
            **existence.LEANS,
            **counting.LEANS,
            **books.LEANS,
            **dict.fromkeys(("custodian_id", *of_people), ("people",)),
            "used_by_another": ("endpoints", "people"),
            "no_open_repair": ("tickets",),
            "elsewhere_scanned": ("scans",),
            "scanned_after_changes": ("scans", "movements"),
            **dict.fromkeys(("seen_after_status_days", "seen_after_shown_days"), ("endpoints",)),
            **dict.fromkeys(("scanned_after_status_days", "scanned_after_shown_days"), ("scans",)),
            "custodian_changed": ("people",),
            "custodian_reverted": ("people",),
            "handed_over": ("movements", "people"),
            "write_off_approved": ("movements", "people"),
        },
    )


def _custody(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Who holds it: a person, a place, both or neither."""
    world = ground.world
    named = ground.person(frame, CUSTODIAN, "custodian", ground.custodians)
    as_place = normalize.place(pl.col("custodian"), world.settings.location_aliases)
    known = ground.places.str.split("/").list.first().unique()  # a sub-place is at its place
    both = pl.col("custodian_id").is_not_null() & pl.col("endpoints__user_id").is_not_null()
    return named.with_columns(
        pl.col("custodian").is_not_null().alias("custodian_named"),
        pl.when(as_place.str.split("/").list.first().is_in(known.implode()).fill_null(False))
        .then(pl.lit(True))
        .when(pl.col("custodian").is_null() | pl.lit(all(map(world.alive, PLACES))))
        .then(pl.lit(False))
        .alias("custodian_is_place"),
        pl.when(pl.col("place_key").is_not_null() | ~filled("location"))
        .then(pl.col("place_key").is_not_null())
        .alias("placed"),
        world.days_since("custodian_left_on").alias("custodian_left_days"),
        pl.when(both & pl.lit(world.admitted("people")))
        .then(pl.col("custodian_id") != pl.col("endpoints__user_id"))
        .when(pl.col("endpoints__alive") & pl.col("people__alive"))
        .then(pl.lit(False))
        .alias("used_by_another"),
    )


def _handover(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Whether the custodian changed since the register was last accepted, and whether a movement says so.

    `custodian_change_after` is the day the former custodian was last seen; the former one is remembered until the
    change is settled, whoever else follows, so that changes and their reversal cancel. `compared_*` is whom the next
    period compares with: while nobody can tell whether two names are one person, still the former one.
    """
    alive = pl.lit(ground.world.alive("people"))

    def same(text: str, person: str) -> pl.Expr:
        by_person = pl.col("custodian_id") == pl.col(person)
        by_text = normalize.email(pl.col("custodian")) == normalize.email(pl.col(text))
        return (
            pl.when(by_person.fill_null(False) | by_text.fill_null(False)).then(pl.lit(True))
            .when(alive | by_person.is_not_null()).then(pl.lit(False))
        )  # fmt: skip

    frame = _known_since(frame, ground)
    filled = pl.col("custodian").is_not_null() & pl.col("custodian_before").is_not_null()
    changed = pl.when(filled).then(~same("custodian_before", "custodian_id_before")).otherwise(pl.lit(False))
    moved = ground.movements.filter(pl.col("asset_key").is_not_null() & pl.col("to_person").is_not_null())
    given = moved.select("occurred_on", tag_key="asset_key", given_to="to_person", given_to_id="to_id")
    to_holder = (
        frame.select("tag_key", "custodian", "custodian_id")
        .join(given, on="tag_key")
        .filter(same("given_to", "given_to_id").fill_null(False))
        .group_by("tag_key")
        .agg(pl.col("occurred_on").max().alias("handed_over_on"))
    )
    told = frame.join(to_holder, on="tag_key", how="left", maintain_order="left").with_columns(
        changed.alias("custodian_changed"),
        same("custodian_was", "custodian_was_id").fill_null(False).alias("custodian_reverted"),
    )
    now, unclear = pl.col("custodian_changed").fill_null(False), pl.col("custodian_changed").is_null()
    unsettled = found_before(ground.world).filter(pl.col("rule") == "unrecorded-transfer")["subject_key"]
    first = now & ~pl.col("tag_key").is_in(unsettled.implode())
    former_seen_on = pl.coalesce("custodian_seen_on", "seen_on")
    change_after = pl.when(now).then(former_seen_on).otherwise("custodian_change_after")
    handed = (pl.col("handed_over_on") > change_after).fill_null(False)
    return told.with_columns(
        change_after.alias("custodian_change_after"),
        pl.when(first).then("custodian_before").otherwise("custodian_was").alias("custodian_was"),
        pl.when(first).then("custodian_id_before").otherwise("custodian_was_id").alias("custodian_was_id"),
        pl.when(unclear).then("custodian_before").otherwise("custodian").alias("compared_custodian"),
        pl.when(unclear).then("custodian_id_before").otherwise("custodian_id").alias("compared_custodian_id"),
        pl.when(unclear).then(former_seen_on).otherwise(pl.lit(ground.world.today)).alias("compared_on"),
        pl.when(handed)
        .then(pl.lit(True))
        .when(pl.col("movements__alive") & alive)
        .then(pl.lit(False))
        .alias("handed_over"),
    )


def _known_since(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The former custodian, where nobody knew then who that was, as whom HR knows by that name now."""
    stranger = pl.col("custodian_before").is_not_null() & pl.col("custodian_id_before").is_null()
    named = ground.people.resolve(
        frame.filter(stranger).select("_id", "custodian_before"), Keys(any_kind="custodian_before")
    )
    return frame.join(
        named.select("_id", known_since="person_id"), on="_id", how="left", maintain_order="left"
    ).with_columns(pl.coalesce("custodian_id_before", "known_since").alias("custodian_id_before"))


def _write_off(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Whether the status became retired, disposed or lost, and whether somebody but the last custodian approved it.

    `approved` is false, and nobody knows, where the only approvals tell two approvers.
    """
    world = ground.world
    approvals = ground.movements.filter(
        pl.col("kind").is_in(["retire", "dispose"]) & filled("approved_by") & pl.col("asset_key").is_not_null()
    ).select("occurred_on", "approved_by", "approved_by_id", tag_key="asset_key")
    by_holder = pl.any_horizontal(
        normalize.email(pl.col("approved_by")) == normalize.email(pl.col("last_custodian")),
        pl.col("approved_by_id") == pl.col("last_custodian_id"),
    ).fill_null(False)
    frame = frame.with_columns(
        pl.coalesce("custodian", "last_custodian").alias("last_custodian"),
        pl.when(pl.col("custodian").is_not_null())
        .then("custodian_id")
        .otherwise("last_custodian_id")
        .alias("last_custodian_id"),
    )
    since = pl.coalesce("status_since", "status_seen_on").alias("since")
    notice = pl.duration(days=world.settings.policy.write_off_approval_days)
    holders = frame.select("tag_key", "last_custodian", "last_custodian_id", since)
    approved = (
        approvals.join(holders, on="tag_key")
        .filter(~by_holder & (pl.col("occurred_on") >= pl.col("since") - notice))
        .group_by("tag_key")
        .agg(approved=pl.col("approved_by").is_not_null().any())
    )
    written_off = pl.col("status").is_in(WRITTEN_OFF)
    became = (
        pl.when(pl.col("status_before").is_not_null())
        .then(pl.col("status") != pl.col("status_before"))
        .otherwise(world.in_period(pl.col("status_since")).fill_null(False))
    )
    return frame.join(approved, on="tag_key", how="left", maintain_order="left").with_columns(
        written_off.alias("written_off"),
        pl.when(written_off).then(pl.lit("written_off")).alias("let_go"),
        (written_off & became).fill_null(False).alias("newly_written_off"),
        pl.when("approved")
        .then(pl.lit(True))
        .when(pl.col("movements__alive") & pl.col("approved").is_null())
        .then(pl.lit(False))
        .alias("write_off_approved"),
    )


def _dates(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """How long things have been as they are; `*_shown_*` count from when the register was first seen to say so."""
    world = ground.world
    scan_at_place = normalize.same_place(pl.col("place_key"), pl.col("scans__place_key"))
    after_status = (pl.col("scans__scanned_on") > pl.col("status_since")).fill_null(True)
    moved_at, (_, registered_at) = pl.col("movements__moved_at"), world.spoken_at("assets")
    unknown_to_register = moved_at > pl.lit(registered_at)  # in transit: its entry is older than the movement
    before_moves = (pl.col("scans__scanned_at") <= moved_at) | unknown_to_register
    after_moves = pl.when(before_moves).then(pl.lit(False)).when("movements__alive").then(pl.lit(True))
    no_ticket = pl.col("tickets__row").is_null()
    told = pl.lit(world.configured("tickets")) & pl.col("tickets__alive")
    return frame.with_columns(
        world.days_since("status_since").alias("status_days"),
        world.days_since("status_seen_on").alias("status_seen_days"),
        world.days_since(pl.coalesce("status_since", "purchased_on", "first_seen_on")).alias("on_books_days"),
        world.days_since("lease_end").alias("lease_over_days"),
        (~scan_at_place).alias("elsewhere_scanned"),
        (after_status & after_moves).alias("scanned_after_changes"),
        *(
            (pl.col(evidence) - pl.col(start)).dt.total_days().alias(f"{how}_after_{after}_days")
            for how, evidence in (("seen", "endpoints__seen_on"), ("scanned", "scans__scanned_on"))
            for after, start in (("status", "status_since"), ("shown", "status_seen_on"))
        ),
        pl.when(~no_ticket).then(pl.lit(False)).when(told).then(pl.lit(True)).alias("no_open_repair"),
    )


def memory(frame: pl.DataFrame, ground: Ground) -> dict[str, pl.DataFrame]:
    """Every tag ever registered as the register last had it; `in_green` = it was in the last GREEN register."""
    alive = ground.world.alive("assets")
    now = frame.select(
        "tag_key", "asset_tag", "serial_key", "asset_class", "data_bearing", "status", "status_since",
        "status_seen_on", "first_seen_on",
        pl.lit(ground.world.today).alias("seen_on"), pl.lit(True).alias("in_green"),
        "custodian_was", "custodian_was_id", "custodian_change_after", "last_custodian", "last_custodian_id",
        custodian="compared_custodian", custodian_id="compared_custodian_id", custodian_seen_on="compared_on",
    )  # fmt: skip
    before = ground.assets_before.join(now, on="tag_key", how="anti")
    kept = before.with_columns((pl.col("in_green") & pl.lit(not alive)).alias("in_green"))
    return {"memory_assets": pl.concat([now.select(before.columns), kept]).sort("tag_key")}


_TODAY = date(2026, 10, 31)
HEALTHY: dict[str, Any] = {
    "_id": 0, "asset_tag": "A-1", "tag_key": "A-1", "serial": "C02X1", "serial_key": "C02X1", "serial_quality": "ok",
    "maker_key": "apple", "model": "M", "sku": None, "asset_class": "laptop", "status": "in_use",
    "status_since": date(2026, 1, 10), "status_days": 294, "status_seen_on": date(2026, 8, 2), "status_seen_days": 90,
    "first_seen_on": date(2026, 8, 2), "on_books_days": 294, "lease_end": None, "lease_over_days": None,
    "location": "Berlin", "place_key": "berlin",
    "cost_center": None, "ownership": "owned", "data_bearing": True, "managed_class": True, "personal_class": True,
    "tracked_class": True, "custody": "person", "written_off": False, "newly_written_off": False,
    "write_off_approved": False, "let_go": None,
    "custodian": "p1", "custodian_named": True, "custodian_id": "p1", "custodian_known": True,
    "custodian_is_place": False, "placed": True, "custodian_leaver": False, "custodian_on_leave": False,
    "custodian_left_days": None, "custodian_left_on": None,
    "custodian_changed": False, "custodian_reverted": False,
    "custodian_was": None, "custodian_was_id": None, "custodian_change_after": None, "compared_custodian": "p1",
    "compared_custodian_id": "p1", "compared_on": _TODAY, "last_custodian": "p1",
    "last_custodian_id": "p1", "handed_over": False,
    "people__row": 0, "people__alive": True,
    "endpoints__row": 0, "endpoints__alive": True, "endpoints__seen_on": _TODAY, "endpoints_days": 0,
    "endpoints_silent_days": 0, "endpoints_certain": True, "endpoints__user_id": "p1", "endpoints__encrypted": True,
    "encrypted_days": 0,
    "used_by_another": False,
    "seen_after_status_days": 294, "seen_after_shown_days": 90,
    "scans__row": None, "scans__alive": True, "scans__scanned_on": None,
    "scans_days": None, "scans__place_key": None, "elsewhere_scanned": None, "scanned_after_changes": None,
    "scanned_after_status_days": None, "scanned_after_shown_days": None,
    "tickets__row": None, "tickets__alive": True, "no_open_repair": True,
    "movements__row": 0, "in_transit": False,
    "movements__alive": True, "movements__moved_on": date(2026, 1, 10), "movements__handled_on": date(2026, 1, 10),
    "existence_days": 0, "existence_on": _TODAY, "existence_certain": True, "elsewhere_days": 294,
    "elsewhere_certain": True, "counts__row": None, "counts__alive": True, "counts__cut_off_on": None,
    "in_count": False, "count_is_news": True, "count_complete": None, "count_found_share": None, "counted": None,
    "settled_before_count": None, "checked_in_before_days": None, "ledger__row": [0], "ledger__alive": True,
    "ledgered": True, "po_number": "PO-1", "order_named": True, "ordered": True, "purchases__row": [0],
    "purchases__alive": True, "disposal_recorded": False, "asset_value": Decimal(800),
    "asset_value_amount": Decimal(800), "asset_value_currency": "EUR", "cost_value": Decimal(900),
    "cost_value_amount": Decimal(900), "cost_value_currency": "EUR",
}  # fmt: skip
