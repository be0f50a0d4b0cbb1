"""Evidence that an asset exists: what management systems, scanners, the help desk and people's hands showed of it.

The register itself is a claim, never evidence. Each function adds one feed's columns to the assets; `certain` says
whether no evidence means there is none, rather than that we cannot know.
"""

import polars as pl

from tieout.facts.ground import HANDS, Ground
from tieout.feeds import NEVER
from tieout.once import once

FEEDS = ("endpoints", "scans", "tickets", "movements")


@once
def of_assets(ground: Ground) -> pl.DataFrame:
    """Every register row with each feed's latest evidence, and all of it together in `existence_*`.

    `existence_days` = whole days since the latest evidence (0 with an open repair ticket), null when there is none;
    `existence_on` its date. `elsewhere_*` is the same without the management system.
    """
    world = ground.world
    frame = ground.assets
    for add in (_endpoints, _scans, _repairs, _movements):
        frame = add(frame, ground)
    seen_on = ("endpoints__seen_on", "scans__found_on", "movements__handled_on")
    days = [world.days_since(c) for c in seen_on]
    repaired_on = pl.when(pl.col("tickets__row").is_not_null()).then(pl.lit(world.today))
    repair = pl.when(pl.col("tickets__row").is_not_null()).then(pl.lit(0, pl.Int64))
    uncertain = frame.join(
        ground.devices.uncertain.with_columns(doubt=pl.lit(True)), on="tag_key", how="left", maintain_order="left"
    )["doubt"]
    alive = [pl.col(f"{feed}__alive") for feed in FEEDS]
    return frame.with_columns(
        pl.min_horizontal(*days, repair).alias("existence_days"),
        pl.min_horizontal(*days[1:], repair).alias("elsewhere_days"),
        pl.max_horizontal(*seen_on, repaired_on).alias("existence_on"),
        (pl.all_horizontal(alive) & uncertain.is_null()).alias("existence_certain"),
        pl.all_horizontal(alive[1:]).alias("elsewhere_certain"),
        days[0].alias("endpoints_days"),
        world.days_since("endpoints__silent_on").alias("endpoints_silent_days"),
        (pl.col("endpoints__alive") & uncertain.is_null()).alias("endpoints_certain"),
        world.days_since("endpoints__encrypted_on").alias("encrypted_days"),
        world.days_since("scans__scanned_on").alias("scans_days"),
    )


LEANS = {
    "in_transit": ("movements",),
    "existence_days": FEEDS,
    "existence_on": FEEDS,
    "existence_certain": FEEDS,
    "elsewhere_days": FEEDS[1:],
    "elsewhere_certain": FEEDS[1:],
    "endpoints_days": ("endpoints",),
    "endpoints_silent_days": ("endpoints",),
    "endpoints_certain": ("endpoints",),
    "encrypted_days": ("endpoints",),
    "scans_days": ("scans",),
}


def _endpoints(assets: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The latest check-in of a company device under management, else any endpoint record of the asset.

    It has been silent since then; one that never checked in, since it was enrolled, or ever. `endpoints__encrypted` is
    of the latest check-in that tells, for not every management system knows.
    """
    linked = ground.endpoints.filter(pl.col("asset_key").is_not_null()).sort(
        "judged", "seen_on", "last_seen_at", "endpoint_id", "_source", "_id", nulls_last=False
    )
    checked_in = pl.when("judged").then("seen_on")
    enrolled_on = ground.world.local_date(pl.col("enrolled_at"))
    never = pl.when(pl.col("last_seen_at") == pl.lit(NEVER)).then(pl.coalesce(enrolled_on, pl.lit(NEVER.date())))
    silent_on = pl.when("judged").then(pl.coalesce("seen_on", never))
    tells = pl.col("judged") & pl.col("encrypted").is_not_null()
    user = pl.col("user_id").filter(pl.col("judged")).last()
    latest = linked.group_by(tag_key="asset_key").agg(
        pl.col("_id").last().alias("endpoints__row"),
        checked_in.max().alias("endpoints__seen_on"),
        silent_on.max().alias("endpoints__silent_on"),
        pl.col("last_seen_at")
        .filter(pl.col("judged") & pl.col("seen_on").is_not_null())
        .max()
        .alias("endpoints__last_seen_at"),
        user.alias("endpoints__user_id"),
        pl.col("encrypted").filter(tells).last().alias("endpoints__encrypted"),
        pl.col("seen_on").filter(tells).last().alias("endpoints__encrypted_on"),
        pl.col("enrolled_at").filter(pl.col("judged")).last().alias("endpoints__enrolled_at"),
    )
    shown = ground.coverage("endpoints")["kind"]
    never_shown = (~pl.col("managed_class") & ~pl.col("asset_class").is_in(shown.drop_nulls().implode())).fill_null(
        False
    )
    alive = ground.world.alive_for("endpoints", pl.col("asset_class"), ground.coverage("endpoints"))
    return assets.join(latest, on="tag_key", how="left", maintain_order="left").with_columns(
        (alive | (never_shown & pl.lit(not shown.has_nulls()))).alias("endpoints__alive")
    )


def _scans(assets: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The latest scan of the asset: when and where; `scans__found_on` that of a code which names others, too."""
    latest = (
        ground.scans.filter(pl.col("asset_key").is_not_null())
        .sort("scanned_at", "count_id", "scan_id", "_id")
        .group_by(tag_key="asset_key")
        .agg(
            pl.col("_id").last().alias("scans__row"),
            pl.col("scanned_on").last().alias("scans__scanned_on"),
            pl.col("scanned_at").last().alias("scans__scanned_at"),
            pl.col("place_key").last().alias("scans__place_key"),
        )
    )
    found = ground.sightings.group_by("tag_key").agg(pl.col("scanned_on").max().alias("scans__found_on"))
    return (
        assets.join(latest, on="tag_key", how="left", maintain_order="left")
        .join(found, on="tag_key", how="left", maintain_order="left")
        .with_columns(pl.lit(ground.world.alive("scans")).alias("scans__alive"))
    )


def _repairs(assets: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The open repair ticket of the asset, if there is one."""
    tickets = ground.open_repairs.filter(pl.col("asset_key").is_not_null())
    latest = (
        tickets.sort("opened_at", "ticket_id", "_id")
        .group_by(tag_key="asset_key")
        .agg(pl.col("_id").last().alias("tickets__row"))
    )
    return assets.join(latest, on="tag_key", how="left", maintain_order="left").with_columns(
        pl.lit(ground.world.alive("tickets")).alias("tickets__alive")
    )


def _movements(assets: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The last movement of the asset, and the last one that someone's hands made.

    `in_transit` = it moved between the instants that the register, the management systems and HR speak for, so that
    they may rightly differ.
    """
    by_hand = pl.col("kind").is_in(HANDS)
    first, last = ground.world.spoken_at("assets", "endpoints", "people")
    between = (pl.col("occurred_at") > pl.lit(first)) & (pl.col("occurred_at") <= pl.lit(last))
    latest = (
        ground.movements.filter(pl.col("asset_key").is_not_null())
        .sort("occurred_at", "event_id", "_id")
        .group_by(tag_key="asset_key")
        .agg(
            pl.col("_id").last().alias("movements__row"),
            pl.col("occurred_at").last().alias("movements__moved_at"),
            pl.col("occurred_on").last().alias("movements__moved_on"),
            pl.col("occurred_on").filter(by_hand).max().alias("movements__handled_on"),
            between.any().alias("in_transit"),
        )
    )
    alive = pl.lit(ground.world.alive("movements"))
    told = alive | pl.lit(first == last)
    return assets.join(latest, on="tag_key", how="left", maintain_order="left").with_columns(
        alive.alias("movements__alive"),
        pl.when("in_transit").then(pl.lit(True)).when(told).then(pl.lit(False)).alias("in_transit"),
    )
