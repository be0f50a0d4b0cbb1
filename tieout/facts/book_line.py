"""One row a line of the spares book: how long ago it was counted."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.facts.stock_line import LINE, counts, latest_counts, placed
from tieout.rule import Grain
from tieout.world import filled

MEMORY = {**dict.fromkeys(LINE, pl.String()), "first_seen_on": pl.Date()}


def build(ground: Ground) -> Grain:
    """Every line of the book. Without any count its days are those since the book first showed it.

    A count whose day is told twice may be a later one: then it is not known when the line was last counted.
    """
    world = ground.world
    latest = latest_counts(ground).select(*LINE, "counted_on", stock_counts__row="_id")
    undated = counts(ground).filter(pl.col("counted_on").is_null()).select(*LINE, undated=pl.lit(True)).unique()
    frame = (
        _shown(ground)
        .join(latest, on=LINE, how="left", maintain_order="left")
        .join(undated, on=LINE, how="left", maintain_order="left")
        .with_columns(
            pl.when(filled("abc")).then("abc").otherwise(pl.lit("C")).alias("abc"),  # null where rows differ
            world.days_since(pl.coalesce("counted_on", "first_seen_on")).alias("uncounted_days"),
            pl.when(world.alive("stock_counts") & pl.col("undated").is_null()).then(pl.lit(True)).alias("counts_known"),
        )
        .sort(LINE)
    )
    return Grain(
        name="book_line",
        feed="stock",
        frame=frame.select(list(HEALTHY)),
        keys={"sku": "sku_key", "location": "place_key", "bin": "bin_key"},
        leans=dict.fromkeys(("counted_on", "uncounted_days", "counts_known"), ("stock", "stock_counts")),
    )


def _shown(ground: Ground) -> pl.DataFrame:
    """The book with the day each line was first seen, which a line that left the book and came back starts anew."""
    world = ground.world
    before = world.remembered("memory_book_lines", MEMORY)
    return (
        placed(world.rows("stock"), ground)
        .join(before, on=LINE, how="left", maintain_order="left")
        .with_columns(pl.col("first_seen_on").fill_null(pl.lit(world.today)))
    )


def memory(ground: Ground) -> dict[str, pl.DataFrame]:
    """Since when the book has shown each line; lines that a source which is not alive did not show are kept."""
    world = ground.world
    now = _shown(ground).select(list(MEMORY))
    before = world.remembered("memory_book_lines", MEMORY).join(now, on=LINE, how="anti")
    kept = before.clear() if world.alive("stock") else before
    return {"memory_book_lines": pl.concat([now, kept]).sort(LINE)}


HEALTHY: dict[str, Any] = {
    "_id": 0, "sku": "S-1", "sku_key": "S-1", "location": "Store", "place_key": "store", "bin": "A1", "bin_key": "A1",
    "abc": "A", "first_seen_on": date(2026, 7, 31), "counted_on": date(2026, 10, 20), "uncounted_days": 11,
    "counts_known": True, "stock_counts__row": 0,
}  # fmt: skip
