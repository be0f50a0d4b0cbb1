"""One row a spare at a location, over all its bins: what the book holds against what should be held."""

from decimal import Decimal
from typing import Any

import polars as pl

from tieout import money, normalize
from tieout.facts.ground import Ground
from tieout.facts.stock_line import PLACE, latest_counts, placed
from tieout.rule import Grain
from tieout.world import filled, told_twice


def build(ground: Ground) -> Grain:
    """Every spare of the book at each location; that none has a limit is null where bins may be missing."""
    world = ground.world
    book = placed(world.rows("stock"), ground)
    counted = (
        latest_counts(ground)
        .group_by(PLACE)
        .agg(pl.col("quantity").sum().alias("counted"), pl.col("_id").sort().alias("stock_counts__row"))
    )
    received = (
        world.rows("receipts")
        .group_by("po_number", line_no="po_line_no")
        .agg(pl.col("quantity").sum().alias("received"))
    )
    ordered = (
        world.rows("purchases")
        .filter(pl.col("status") == "open")
        .join(received, on=["po_number", "line_no"], how="left", maintain_order="left")
        .with_columns(
            normalize.code(pl.col("sku")).alias("sku_key"),
            (pl.col("quantity") - pl.col("received").fill_null(0)).alias("due"),
        )
        .filter(pl.col("due") > 0)
        .group_by("sku_key")
        .agg(pl.col("due").sum(), pl.col("_id").sort().alias("purchases__row"))
    )
    items = book.group_by(PLACE).agg(
        pl.col("_id").sort(),
        pl.col("sku", "location", "description").min(),
        pl.when(pl.col("quantity").is_not_null().all()).then(pl.col("quantity").sum()).alias("quantity"),
        *(filled(name).any().alias(f"has_{name}") for name in ("minimum", "maximum")),
        *(
            pl.when(pl.col(name).is_not_null().any() & ~told_twice(name).any()).then(pl.col(name).sum()).alias(name)
            for name in ("minimum", "maximum")
        ),
        pl.col("critical").any(),
        pl.col("unit_cost").drop_nulls().max(),
        pl.when(pl.col("currency").drop_nulls().n_unique() == 1)
        .then(pl.col("currency").drop_nulls().first())
        .alias("currency"),
    )
    alive = pl.lit(world.alive("stock"))
    frame = (
        items.join(counted, on=PLACE, how="left")
        .join(ordered, on="sku_key", how="left")
        .with_columns(
            pl.when(alive).then("quantity").alias("quantity"),
            *(pl.when(alive | pl.col(name)).then(name).alias(name) for name in ("has_minimum", "has_maximum")),
            (pl.col("counted") < pl.col("minimum")).fill_null(False).alias("counted_below"),
            (pl.col("due") >= pl.col("minimum") - pl.col("quantity")).fill_null(False).alias("on_order"),
            pl.max_horizontal(pl.col("minimum") - pl.col("quantity"), money.zero()).alias("shortage"),
            pl.max_horizontal(pl.col("quantity") - pl.col("maximum"), money.zero()).alias("surplus"),
        )
        .sort(PLACE)
    )
    for name, units in (("shortage_value", "shortage"), ("surplus_value", "surplus")):
        frame = money.valued(frame, name, pl.col(units) * pl.col("unit_cost"), pl.col("currency"), world)
    return Grain(
        name="stock_item",
        feed="stock",
        frame=frame.select(list(HEALTHY)),
        keys={"sku": "sku_key", "location": "place_key"},
        leans={"counted_below": ("stock_counts",), "on_order": ("purchases", "receipts")},
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "sku": "S-1", "sku_key": "S-1", "location": "Store", "place_key": "store", "description": None,
    "quantity": Decimal(10), "minimum": Decimal(5), "maximum": Decimal(20),
    "has_minimum": True, "has_maximum": True, "critical": False,
    "counted_below": False, "on_order": False, "shortage": Decimal(0), "surplus": Decimal(0),
    "shortage_value": Decimal(0), "shortage_value_amount": Decimal(0), "shortage_value_currency": "EUR",
    "surplus_value": Decimal(0), "surplus_value_amount": Decimal(0), "surplus_value_currency": "EUR",
    "stock_counts__row": [0], "purchases__row": None,
}  # fmt: skip
