"""What is wrong with a source although its delivery was accepted: usage that moved back, stands still or is concealed,
counts that were broken off, identifiers that many devices share. Kept apart from exceptions of assets, because here the
source is to be put right.
"""

import polars as pl

from tieout.facts.counting import MINIMUM_FOUND
from tieout.facts.ground import Ground
from tieout.rule import Grain
from tieout.usage import usage_of

SOURCE_EXCEPTIONS = {"rule": pl.String(), "subject": pl.String(), "verdict": pl.String(), "why": pl.String()}


def of_usage(ground: Ground) -> pl.DataFrame:
    """What only the seats together show of the usage that consoles tell; one row a slug and product."""
    usage = usage_of(ground).join(ground.product_names, on="product_key", how="left")
    went_back = pl.format("last use moved back or became empty for {} seats", "regressed_seats")
    stands_still = pl.lit("no seat's last use advanced, though it did before")
    pseudonyms = pl.lit("its users' addresses look pseudonymised")
    found = [
        _told(usage.filter("regressed"), "usage-regressed", "product", went_back),
        _told(usage.filter("frozen"), "frozen-usage-feed", "product", stands_still),
        _told(usage.filter("concealed"), "concealed-usage", "product", pseudonyms),
    ]
    return pl.concat(found)


def of_counts(ground: Ground, assets: Grain) -> pl.DataFrame:
    """What only the scans together show of a count; one row a count."""
    return _told(_incomplete_counts(ground, assets), "incomplete-count", "subject", pl.col("why"))


def of_endpoints(ground: Ground) -> pl.DataFrame:
    """What only the devices together show of identifiers that name nothing; one row a source."""
    named = pl.format("{} {}", "kind", "key").sort().str.join(", ")
    shared = ground.devices.learned.group_by("source").agg(named.alias("keys"))
    why = pl.format("shown on three or more devices each, so they name nothing: {}", "keys")
    rows = shared.with_columns(subject=pl.lit("endpoints/") + pl.col("source"))
    return _told(rows, "learned-placeholder", "subject", why)


def _told(rows: pl.DataFrame, rule: str, subject: str, why: pl.Expr) -> pl.DataFrame:
    return rows.select(
        pl.lit(rule).alias("rule"),
        pl.col(subject).cast(pl.String).alias("subject"),
        pl.lit(None, pl.String).alias("verdict"),
        why.alias("why"),
    )


def _incomplete_counts(ground: Ground, assets: Grain) -> pl.DataFrame:
    """Sources of counts of the period that brought too few scans or found too little of their scope."""
    minimum = ground.world.settings.limit(["missing-in-count"], "minimum_found", MINIMUM_FOUND)
    broken = pl.col("count_is_news") & (~pl.col("count_complete") | (pl.col("count_found_share") < minimum))
    rows = assets.frame.filter(broken.fill_null(False)).select(pl.col("counts__row").unique().alias("_id"))
    counts = ground.world.rows("counts").join(rows, on="_id")
    return (
        counts.group_by("_source")
        .agg(pl.col("count_id").unique().sort().str.join(", ").alias("ids"))
        .select(
            (pl.lit("counts/") + pl.col("_source")).alias("subject"),
            pl.format("broken off or far from complete: {}", "ids").alias("why"),
        )
    )
