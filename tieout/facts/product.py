"""One row a product with paid seats: how many are assigned and how many the contracts in force allow."""

from decimal import Decimal
from typing import Any

import polars as pl

from tieout import licences, money
from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground, filled: pl.DataFrame) -> Grain:
    """Every product that a console lists paid seats of; `filled` are those seats with the line each fills.

    That none is `beyond` the contracts is null where seats may be missing.
    """
    world = ground.world
    by_product = filled.group_by("product_key").agg(
        pl.len().cast(pl.Int64).alias("assigned"),
        pl.col("line").is_null().sum().cast(pl.Int64).alias("unplaced"),
        pl.col("product").first(),
    )
    rows = ground.seats.group_by("product_key", maintain_order=True).agg(pl.col("_id").head(EXAMPLES))
    lines = licences.lines(ground)
    contracts = lines.group_by("product_key", maintain_order=True).agg(
        pl.col("running").any().alias("contracted"),
        pl.col("in_force").any().alias("counted_per_user"),
        pl.col("quantity").filter("in_force").sum().alias("quantity"),
        pl.any_horizontal(pl.col("running", "in_force").is_null(), pl.col("in_force") & pl.col("quantity").is_null())
        .any()
        .alias("unclear"),
        pl.col("term_end").filter(pl.col("term_end") < pl.lit(world.today)).max().alias("ended_on"),
        pl.col("_id").filter("running").sort().alias("entitlements__row"),
        pl.col("responsible").drop_nulls().last().alias("contract_owner"),
        pl.col("annual").filter("in_force").max().alias("dearest"),
        pl.col("annual_amount")
        .filter("in_force")
        .sort_by(pl.col("annual").filter("in_force"))
        .last()
        .alias("dearest_amount"),
        pl.col("annual_currency")
        .filter("in_force")
        .sort_by(pl.col("annual").filter("in_force"))
        .last()
        .alias("exposure_currency"),
    )
    alive = pl.lit(world.alive("entitlements"))
    contracted, unclear = (pl.col(name).fill_null(False) for name in ("contracted", "unclear"))
    beyond = pl.when(~contracted | pl.col("counted_per_user")).then("unplaced").otherwise(0).cast(money.MONEY)
    shown = world.alive_for("seats", pl.col("product_key"), ground.coverage("seats"))
    frame = (
        by_product.join(rows, on="product_key", how="left")
        .join(contracts, on="product_key", how="left")
        .with_columns(beyond.alias("beyond"))
        .with_columns(
            alive.alias("entitlements__alive"),
            pl.when(contracted).then(pl.lit(True)).when(alive & ~unclear).then(pl.lit(False)).alias("contracted"),
            shown.alias("seats__alive"),
            pl.when(alive & ~unclear & ((pl.col("beyond") > 0) | shown)).then("beyond").alias("beyond"),
            world.days_since("ended_on").alias("ended_days"),
            (pl.col("beyond") * pl.col("dearest")).alias("exposure"),
            (pl.col("beyond") * pl.col("dearest_amount")).alias("exposure_amount"),
        )
        .sort("product_key")
    )
    return Grain(
        name="product",
        feed="seats",
        frame=frame.select(list(HEALTHY)),
        keys={"product": "product_key"},
        gone=world.alive_for("seats", pl.col("subject_key"), ground.coverage("seats")),
        leans={
            **dict.fromkeys(("contracted", "quantity", "ended_days", "contract_owner"), ("entitlements",)),
            **dict.fromkeys(("beyond", "exposure"), ("seats", "entitlements")),
        },
    )


EXAMPLES = 25  # seats shown as evidence of a product; all of them are in the console's snapshot

HEALTHY: dict[str, Any] = {
    "_id": [0], "product": "Figma", "product_key": "figma", "assigned": 100, "quantity": Decimal(100),
    "contracted": True, "ended_days": -60, "beyond": Decimal(0), "contract_owner": None, "exposure": Decimal(0),
    "exposure_amount": Decimal(0), "exposure_currency": "EUR", "entitlements__row": [0], "entitlements__alive": True,
    "seats__alive": True,
}  # fmt: skip
