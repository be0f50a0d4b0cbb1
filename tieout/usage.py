"""When seats were last used, as a high-water mark over all pulls, and which products' usage cannot be believed.

Last use never moves backwards. A value that moved back leaves the use as it was known; one that became empty makes it
unknown. Where nobody's use of a product advances any more, or its users are pseudonyms, usage says nothing.
"""

import polars as pl

from tieout.facts.ground import Ground
from tieout.feeds import NEVER
from tieout.once import once

MEMORY_SEATS = {
    "product_key": pl.Categorical(), "seat_id": pl.String(), "usage_mark": pl.Datetime("us", "UTC"),
    "told_last": pl.Datetime("us", "UTC"), "first_seen_on": pl.Date(),
}  # fmt: skip
MEMORY_USAGE = {"product_key": pl.Categorical(), "was_fresh": pl.Boolean()}
PSEUDONYM = r"^[0-9a-fA-F-]{16,}(?:@.*)?$"


@once
def marked(ground: Ground) -> pl.DataFrame:
    """Every seat with its usage mark: NEVER for a seat never used, null where its use is not told (any longer)."""
    before = ground.world.remembered("memory_seats", MEMORY_SEATS).rename({"usage_mark": "mark_before"})
    now = pl.col("last_active_at")
    mark = pl.when(now.is_not_null()).then(pl.max_horizontal(now, "mark_before"))
    went_back = (now < pl.col("told_last")) | (now.is_null() & pl.col("told_last").is_not_null())
    return ground.seats.join(before, on=["product_key", "seat_id"], how="left", maintain_order="left").with_columns(
        mark.alias("usage_mark"),
        went_back.fill_null(False).alias("went_back"),
        pl.col("first_seen_on").fill_null(pl.lit(ground.world.today)),
    )


def used_on(ground: Ground) -> pl.Expr:
    """The local date of the usage mark; null for a seat never used or of unknown use."""
    return pl.when(pl.col("usage_mark") > pl.lit(NEVER)).then(ground.world.local_date(pl.col("usage_mark")))


@once
def usage_of(ground: Ground) -> pl.DataFrame:
    """Per product: `fresh` (somebody's use advanced lately), and whether usage is regressed, frozen or concealed.

    A console that gives no address may conceal its users behind their ids, unless these mean somebody.
    """
    world = ground.world
    before = world.remembered("memory_usage", MEMORY_USAGE)
    policy = world.settings.policy
    fresh = (world.days_since(used_on(ground)) <= policy.usage_fresh_days).any(ignore_nulls=True)
    stands_still = pl.col("was_fresh").fill_null(False) & ~pl.col("fresh") & (pl.col("seats") >= policy.usage_seats)
    nobody = pl.col("person_id").is_null() & pl.lit(world.alive("people") and world.alive("accounts"))
    pseudonym = pl.coalesce("email", pl.when(nobody).then("seat_id")).str.contains(PSEUDONYM)
    keys = ground.seat_keys.join(ground.whose, on="_keys").select("_keys", pseudonym=pseudonym)
    return (
        marked(ground)
        .lazy()
        .join(keys.lazy(), on="_keys", how="left")
        .group_by("product_key")
        .agg(
            fresh.alias("fresh"),
            pl.len().alias("seats"),
            pl.col("went_back").sum().alias("regressed_seats"),
            pl.col("pseudonym").mean().alias("pseudonyms"),
        )
        .join(before.lazy(), on="product_key", how="left")
        .with_columns(
            (pl.col("regressed_seats") > 0).alias("regressed"),
            ((pl.col("pseudonyms") >= policy.concealed_share) & (pl.col("seats") >= policy.concealed_seats))
            .fill_null(False)
            .alias("concealed"),
        )
        .with_columns((stands_still & ~pl.col("concealed")).alias("frozen"))
        .sort("product_key")
        .collect()
    )


def memory(ground: Ground) -> dict[str, pl.DataFrame]:
    """The usage mark of every seat, those not seen now included, and which products' usage ever advanced."""
    now = marked(ground).with_columns(
        pl.coalesce("usage_mark", "mark_before").alias("usage_mark"), pl.col("last_active_at").alias("told_last")
    )
    gone = ground.world.remembered("memory_seats", MEMORY_SEATS).join(now, on=["product_key", "seat_id"], how="anti")
    usage = usage_of(ground).select(
        "product_key", (pl.col("fresh") | pl.col("was_fresh").fill_null(False)).alias("was_fresh")
    )
    unseen = ground.world.remembered("memory_usage", MEMORY_USAGE).join(usage, on="product_key", how="anti")
    return {
        "memory_seats": pl.concat([now.select(list(MEMORY_SEATS)), gone]),
        "memory_usage": pl.concat([usage, unseen]).sort("product_key"),
    }
