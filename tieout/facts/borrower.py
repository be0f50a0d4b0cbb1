"""One row an article and a person it was ever lent to: how long ago each loan was."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.facts.loan import lending
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every borrower of every article."""
    world = ground.world
    lent = lending(ground).filter(
        (pl.col("kind") == "checkout") & pl.col("sku_key").is_not_null() & pl.col("to_key").is_not_null()
    )
    frame = (
        lent.with_columns(world.days_since("occurred_on").alias("days"))
        .group_by("sku_key", person_key="to_key")
        .agg(
            pl.col("_id"),
            pl.col("sku").first(),
            pl.col("borrower").first().alias("person"),
            pl.col("borrower_identified").all().alias("identified"),
            pl.col("days").sort().alias("checkout_days"),
            pl.col("occurred_on").max().alias("latest_on"),
        )
        .with_columns(pl.when(pl.lit(world.alive("movements"))).then(pl.lit(False)).alias("more_unseen"))
        .sort("sku_key", "person_key")
    )
    return Grain(
        name="borrower",
        feed="movements",
        frame=frame.select(list(HEALTHY)),
        keys={"sku": "sku_key", "person": "person_key"},
        leans=dict.fromkeys(("person", "identified"), ("movements", "people")),
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "sku": "S-1", "sku_key": "S-1", "person": "p1", "person_key": "p1", "identified": True,
    "checkout_days": [10], "latest_on": date(2026, 10, 21), "more_unseen": False,
}  # fmt: skip
