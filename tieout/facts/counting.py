"""Physical counts and the assets they should have found."""

import polars as pl

from tieout.facts import existence
from tieout.facts.ground import Ground
from tieout.rule import later

MINIMUM_FOUND = 0.5
"""Share of its scope below which a count is taken for broken off: the limit `minimum_found` of missing-in-count."""

LEANS = {
    "count_is_news": ("counts",),
    "in_count": ("counts",),
    "counted": ("counts", "scans", "endpoints", "tickets", "movements"),
    "count_complete": ("counts", "scans"),
    "count_found_share": ("counts", "scans"),
    "settled_before_count": ("counts", "movements"),
    "checked_in_before_days": ("counts", "endpoints"),
}


def of_assets(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The latest completed count of the period that has the asset in its scope, and whether it was found there.

    A count is of the period if its cut-off is, if it was first delivered in it, or was finished in it; an older cut-off
    says nothing of what was seen since. One that was broken off counts only where no other has the asset in its scope.
    Counts of the periods right before are told as long as something they are held against was not alive, but they are
    news, `count_is_news`, only for what the register has not shown since.
    `count_complete`: the count brought as many scans as its scanner declares; `count_found_share`: the share of its
    scope that it found; `checked_in_before_days`: days from the last check-in to the cut-off.
    """
    world = ground.world
    of_period = world.fresh(pl.col("cut_off_on")) | world.in_period(pl.col("completed_at"), instant=True)
    period = (
        world.rows("counts")
        .with_columns(cut_off_on=world.local_date(pl.col("cut_off_at")))
        .filter(pl.col("completed_at").is_not_null())
        .with_columns(
            older=~world.in_period(pl.col("cut_off_on")),
            news=of_period,
            unregistered=world.fresh(pl.col("cut_off_on"), "assets"),
        )
        .filter(pl.col("news") | world.fresh(pl.col("cut_off_on"), "assets", *existence.FEEDS))
        .select(
            pl.col("_id").alias("counts__row"),
            ground.place("location").alias("scope"),
            "count_id",
            "cut_off_at",
            pl.col("cut_off_on").alias("counts__cut_off_on"),
            "scans_expected",
            "older",
            "news",
            "unregistered",
        )
    )
    classes = (  # a count of two classes comes as two rows of one place
        world.delivered("counts")
        .group_by("count_id", ground.place("location").alias("scope"))
        .agg(pl.col("asset_class").drop_nulls().unique().alias("classes"))
    )
    parts = frame.select(pl.col("place_key").drop_nulls().unique()).with_columns(
        pl.col("place_key").str.split("/").alias("parts")
    )
    depths = parts.with_columns(pl.int_ranges(1, pl.col("parts").list.len() + 1).alias("depth"))
    places = depths.explode("depth", empty_as_null=False).select(
        "place_key", pl.col("parts").list.head("depth").list.join("/").alias("scope")
    )
    assets = frame.select(
        "tag_key", "place_key", "asset_class", "status", "status_since", "purchased_on", "first_seen_on", "seen_on",
        "movements__moved_at", "movements__alive", "endpoints__seen_on", "existence_on", "existence_certain",
    )  # fmt: skip
    found = ground.sightings.select("count_id", "tag_key", counted=pl.lit(True)).unique()
    scoped = (
        assets.join(places.join(period.join(classes, on=["count_id", "scope"]), on="scope"), on="place_key")
        .filter((pl.col("classes").list.len() == 0) | pl.col("classes").list.contains(pl.col("asset_class")))
        .sort("cut_off_at", "count_id", "counts__row")
        .unique(["tag_key", "count_id"], keep="last", maintain_order=True)
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
        (pl.col("news") | (pl.col("unregistered") & ~(pl.col("seen_on") >= cut_off).fill_null(False))).alias("news"),
        pl.col("counted").fill_null(False),
        (cut_off - pl.col("endpoints__seen_on")).dt.total_days().alias("checked_in_before_days"),
        pl.when("older").then(later("existence_on", cut_off, "existence_certain")).otherwise(False).alias("seen_since"),
    )
    expected = judged.filter(pl.col("status").is_in(["in_stock", "in_use"]) & settled.fill_null(True))
    shares = expected.group_by("count_id").agg(pl.col("counted").mean().alias("count_found_share"))
    brought = world.rows("scans").group_by("count_id").agg(pl.len().alias("brought"))
    declared = period.group_by("count_id").agg(pl.col("scans_expected").sum())
    complete = pl.col("brought").fill_null(0) >= pl.col("scans_expected")
    broken_off = pl.any_horizontal(~pl.col("count_complete"), pl.col("count_found_share") < MINIMUM_FOUND).fill_null(
        False
    )
    counts = declared.join(brought, on="count_id", how="left").select("count_id", complete.alias("count_complete"))
    latest = (
        judged.join(shares, on="count_id", how="left", maintain_order="left")
        .join(counts, on="count_id", how="left", maintain_order="left")
        .sort(broken_off, descending=True, maintain_order=True)
        .unique("tag_key", keep="last", maintain_order=True)
        .select("tag_key", "counts__row", "counts__cut_off_on", "count_complete", "count_found_share", "counted",
                "settled_before_count", "checked_in_before_days", "seen_since", "news")
    )  # fmt: skip
    counts_alive, scans_alive = pl.lit(world.alive("counts")), pl.lit(world.alive("scans"))
    in_count = pl.col("counts__row").is_not_null()
    return frame.join(latest, on="tag_key", how="left", maintain_order="left").with_columns(
        counts_alive.alias("counts__alive"),
        pl.when(in_count).then(pl.lit(True)).when(counts_alive).then(pl.lit(False)).alias("in_count"),
        pl.when(in_count).then("news").when(counts_alive).then(pl.lit(False)).alias("count_is_news"),
        pl.when(pl.col("counted") | pl.col("seen_since"))
        .then(pl.lit(True))
        .when(scans_alive & in_count & ~pl.col("seen_since"))
        .then(pl.lit(False))
        .alias("counted"),
    )
