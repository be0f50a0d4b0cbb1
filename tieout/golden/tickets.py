"""Requests to the help desk that figures are taken from: where is a spare, and may we buy one."""

from collections.abc import Mapping

import polars as pl

from tieout import money, normalize
from tieout.facts.ground import Ground
from tieout.money import MONEY

REQUESTS: Mapping[str, pl.DataType] = {
    "ticket_id": pl.String(), "kind": pl.String(), "sku": pl.String(), "critical": pl.Boolean(),
    "opened_at": pl.Datetime("us", "UTC"), "closed_at": pl.Datetime("us", "UTC"), "closed_in_period": pl.Boolean(),
    "hours": pl.Float64(), "met_from_stock": pl.Boolean(), "value": MONEY, "amount": MONEY, "currency": pl.String(),
}  # fmt: skip
HANDED_OUT = ("assign", "checkout", "transfer")


def build(ground: Ground) -> pl.DataFrame:
    """Every `locate` and `purchase` ticket that names an article and was open in the period.

    `hours` is how long it was open, to as_of while it is. A purchase request was met from stock when it was closed
    without an order of the article since it was opened, and a unit of it was handed out meanwhile; `value` is then the
    latest price it was ordered at. `critical` is null where the spares book is not alive.
    """
    world = ground.world
    closed = pl.col("status") == "closed"
    rows = (
        world.rows("tickets")
        .filter(pl.col("kind").is_in(["locate", "purchase"]) & pl.col("sku").is_not_null())
        .with_columns(
            normalize.code(pl.col("sku")).alias("sku_key"),
            world.local_date(pl.col("opened_at")).alias("opened_on"),
            pl.when(closed).then(world.local_date(pl.col("closed_at"))).alias("closed_on"),
        )
        .with_columns(world.in_period(pl.col("closed_on")).fill_null(False).alias("closed_in_period"))
        .filter(~closed | pl.col("closed_in_period"))
    )
    lasted = pl.coalesce(pl.when(closed).then("closed_at"), pl.lit(world.as_of)) - pl.col("opened_at")
    critical = (
        world.rows("stock").group_by(sku_key=normalize.code(pl.col("sku"))).agg(pl.col("critical").any().alias("spare"))
    )
    critical_known = pl.lit(world.alive("stock"))
    told = (
        _priced(rows, ground)
        .join(_met(rows, ground), on="_id", how="left", maintain_order="left")
        .join(critical, on="sku_key", how="left", maintain_order="left")
        .with_columns(
            (lasted.dt.total_seconds() / 3600).alias("hours"),
            pl.when("spare").then(pl.lit(True)).when(critical_known).then(pl.lit(False)).alias("critical"),
        )
    )
    return told.sort("ticket_id").select(pl.col(name).cast(kind) for name, kind in REQUESTS.items())


def _met(requests: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Which closed purchase requests stock met: _id, met_from_stock. A unit handed out meets one request only."""
    world = ground.world
    closed = requests.filter((pl.col("kind") == "purchase") & pl.col("closed_on").is_not_null()).select(
        "_id", "ticket_id", "sku_key", "opened_on", "closed_on"
    )
    orders = world.rows("purchases").filter(pl.col("status") != "cancelled")
    ordered = (
        closed.join(orders.select("ordered_on", sku_key=normalize.code(pl.col("sku"))), on="sku_key")
        .filter(pl.col("ordered_on").is_between("opened_on", "closed_on"))
        .select("_id")
    )
    registered = ground.assets.select(asset_key="tag_key", registered=normalize.code(pl.col("sku")))
    handed_out = (
        ground.movements.filter(pl.col("kind").is_in(HANDED_OUT))
        .join(registered, on="asset_key", how="left")
        .select("event_id", "occurred_on", sku_key=pl.coalesce("sku_key", "registered"))
    )
    met = (
        closed.join(ordered, on="_id", how="anti")
        .join(handed_out, on="sku_key")
        .filter(pl.col("occurred_on").is_between("opened_on", "closed_on"))
        .sort("closed_on", "ticket_id", "occurred_on", "event_id")
        .unique("event_id", keep="first", maintain_order=True)
        .select("_id", met=pl.lit(True))
        .unique()
    )
    alive = pl.lit(world.alive("purchases") and world.alive("movements"))
    return closed.join(met, on="_id", how="left").select(
        "_id", pl.when(alive).then(pl.col("met").fill_null(False)).alias("met_from_stock")
    )


def _priced(requests: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The requests with the latest price their article was ordered at by the time they were closed."""
    world = ground.world
    prices = (
        world.rows("purchases")
        .filter((pl.col("status") != "cancelled") & pl.col("unit_cost").is_not_null())
        .select(
            "ordered_on", "unit_cost", "po_number", price_currency="currency", sku_key=normalize.code(pl.col("sku"))
        )
    )
    latest = (
        requests.select("_id", "sku_key", by=pl.coalesce("closed_on", pl.lit(world.today)))
        .join(prices, on="sku_key")
        .filter(pl.col("ordered_on") <= pl.col("by"))
        .sort("ordered_on", "po_number")
        .unique("_id", keep="last", maintain_order=True)
        .select("_id", "unit_cost", "price_currency")
    )
    priced = requests.join(latest, on="_id", how="left", maintain_order="left")
    return (
        money.valued(priced, "price", pl.col("unit_cost"), pl.col("price_currency"), world)
        .rename({"price": "value", "price_amount": "amount"})
        .with_columns(pl.col("price_currency").alias("currency"))
    )
