"""One row a batch of the disposal vendor: what had waited longer for its turn when it was destroyed."""

from datetime import date
from typing import Any

import polars as pl

from tieout import normalize
from tieout.disposal import items, records
from tieout.facts.ground import Ground
from tieout.rule import Grain
from tieout.world import filled


def build(ground: Ground) -> Grain:
    """Every batch on record; `destroyed_on` is null where nothing of it was destroyed, or not as corrected since.

    `waited_days` is of items that hold data; `may_have_waited_days` also of those of which nobody knows.
    """
    world = ground.world
    waiting = _waiting(ground)
    told = records(ground).filter(pl.col("batch_id").is_not_null())
    destroyed = (
        told.filter(pl.col("stage") == "destroyed")
        .with_columns(
            normalize.email(pl.col("handler")).alias("handler_key"),
            world.fresh(pl.col("occurred_on")).alias("fresh"),
        )
        .join(waiting.select("item_key", "received_on"), on="item_key", how="left", maintain_order="left")
    )
    of_destroyed = destroyed.group_by("batch_id").agg(
        pl.col("_id").sort(),
        pl.col("occurred_on").min().alias("destroyed_on"),
        pl.col("fresh").any().alias("in_period"),
        filled("approved_by").any().alias("approved"),
    )
    turns = destroyed.group_by("batch_id", "handler_key").agg(
        pl.col("occurred_on").min().alias("destroyed_on"), pl.col("received_on").max().alias("arrived_on")
    )
    passed_over = (
        turns.join(waiting.drop_nulls(["received_on", "handler_key"]), on="handler_key", suffix="_there")
        .filter(
            (pl.col("batch_id") != pl.col("batch_id_there"))
            & (pl.col("received_on") < pl.coalesce("arrived_on", "destroyed_on"))
            & (pl.col("done_on").is_null() | (pl.col("done_on") > pl.col("destroyed_on")))
        )
        .with_columns((pl.col("destroyed_on") - pl.col("received_on")).dt.total_days().alias("waited_days"))
        .group_by("batch_id")
        .agg(
            pl.col("waited_days").filter("data_bearing").max(),
            pl.col("waited_days").max().alias("may_have_waited_days"),
            pl.col("item").sort_by(pl.col("data_bearing").is_null(), "received_on", "item").first()
            .alias("longest_waiting"),
        )
    )  # fmt: skip
    batches = told.select("batch_id").unique().join(of_destroyed, on="batch_id", how="left")
    frame = batches.join(passed_over, on="batch_id", how="left").with_columns(
        pl.when(pl.lit(world.alive("disposals"))).then(pl.col(name).fill_null(0)).alias(name)
        for name in ("waited_days", "may_have_waited_days")
    )
    return Grain(
        name="batch",
        feed="disposals",
        frame=frame.sort("batch_id").select(list(HEALTHY)),
        leans=dict.fromkeys(("waited_days", "may_have_waited_days", "longest_waiting"), ("disposals", "assets")),
    )


def _waiting(ground: Ground) -> pl.DataFrame:
    """Items that hold, or may hold, data: when and by whom each was last received, and when it was done with."""
    world = ground.world
    done = pl.min_horizontal("destroyed_at", "certificate_issued_at", "released_at")
    return (
        items(ground)
        .filter(pl.col("recorded") & pl.col("data_bearing").fill_null(True))
        .select(
            "item_key",
            "item",
            "data_bearing",
            world.local_date(pl.coalesce("last_received_at", "received_at")).alias("received_on"),
            world.local_date(done).alias("done_on"),
            normalize.email(pl.col("received_by")).alias("handler_key"),
            pl.col("received_in").alias("batch_id"),
        )
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "batch_id": "B-1", "destroyed_on": date(2026, 10, 10), "in_period": True, "approved": False,
    "waited_days": 0, "may_have_waited_days": 0, "longest_waiting": None,
}  # fmt: skip
