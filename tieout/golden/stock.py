"""Spares line by line, the book against the count, and products seat by seat, the console against HR and bills."""

from collections.abc import Mapping, Sequence

import polars as pl

from tieout import usage
from tieout.facts.ground import Ground
from tieout.facts.stock_line import LINE, placed
from tieout.money import MONEY
from tieout.rule import Grain, Params, Rule
from tieout.tolerance import out_of_tolerance
from tieout.world import product_key

STOCK: Mapping[str, pl.DataType] = {
    "sku": pl.String(), "location": pl.String(), "bin": pl.String(), "description": pl.String(), "abc": pl.String(),
    "critical": pl.Boolean(), "book": MONEY, "minimum": MONEY, "maximum": MONEY, "unit_cost": MONEY,
    "currency": pl.String(), "counted_on": pl.Date(), "counted_in_period": pl.Boolean(), "counted": MONEY,
    "book_at_count": MONEY, "variance": MONEY, "within": pl.Boolean(), "count_days": pl.Int64(),
    "count_in_time": pl.Boolean(), "variance_value": MONEY,
}  # fmt: skip


def build(ground: Ground, grains: Mapping[str, Grain], rules: Sequence[Rule]) -> pl.DataFrame:
    """Every line of the book or of a count; `within` = the latest count is within tolerance, null = not known."""
    world, by_slug = ground.world, {rule.slug: rule for rule in rules}
    counted = grains["stock_line"].frame.select(
        *LINE, "counted_on", "counted", "book_at_count", "variance", "off_by", "book_size", "abc",
        "sku", "location", "bin", "description", counted_in_period="in_period", variance_value="stock_value",
    )  # fmt: skip
    book = placed(world.rows("stock"), ground).select(
        *LINE, "sku", "location", "bin", "description", pl.col("abc").fill_null("C"), "critical", "minimum",
        "maximum", "unit_cost", "currency", book="quantity",
    )  # fmt: skip
    shown = ("sku", "location", "bin", "description", "abc")
    lines = book.join(counted, on=LINE, how="full", coalesce=True).with_columns(
        *(pl.coalesce(name, f"{name}_right").alias(name) for name in shown),
        world.days_since("counted_on").alias("count_days"),
        pl.col("counted_in_period").fill_null(False),
        pl.lit(world.alive("stock_counts")).alias("counts_alive"),
    )
    within = in_time = pl.lit(None, pl.Boolean)
    if "stock-variance" in by_slug:
        limits = Params(by_slug["stock-variance"], world.settings, lines.columns)
        within = ~out_of_tolerance(limits, "off_by", "book_size")
    if "count-overdue" in by_slug:
        limits = Params(by_slug["count-overdue"], world.settings, lines.columns)
        days = (
            pl.when(pl.col("abc") == "A")
            .then(limits.count_days_a)
            .when(pl.col("abc") == "B")
            .then(limits.count_days_b)
            .otherwise(limits.count_days_c)
        )
        counted_lately = (pl.col("count_days") <= days).fill_null(False)
        in_time = pl.when(counted_lately).then(pl.lit(True)).when("counts_alive").then(pl.lit(False))
    return (
        lines.with_columns(within.alias("within"), in_time.alias("count_in_time"))
        .sort(LINE)
        .select(pl.col(name).cast(kind) for name, kind in STOCK.items())
    )


PRODUCTS: Mapping[str, pl.DataType] = {
    "product": pl.String(), "paid_seats": pl.Int64(), "resolved": pl.Int64(), "unresolved": pl.Int64(),
    "usage_known": pl.Boolean(), "billed": pl.Boolean(),
}  # fmt: skip


def products(seats: Grain, ground: Ground) -> pl.DataFrame:
    """Every product with paid seats: how many resolve to somebody, whether its usage can be believed.

    `billed` = there is a subscription invoice for it to hold against its contract; null where invoices are not alive.
    """
    world = ground.world
    doubts = usage.usage_of(ground).select("product_key", usage_known=~(pl.col("frozen") | pl.col("concealed")))
    invoices = (
        world.rows("invoices")
        .filter(pl.col("kind") == "subscription")
        .select(product_key(world.settings, pl.col("product")).alias("product_key"), billed=pl.lit(True))
        .unique()
    )
    return (
        seats.frame.filter("counted")
        .group_by("product_key", maintain_order=True)
        .agg(
            pl.col("product").first(),
            pl.len().alias("paid_seats"),
            (~pl.col("unclaimed")).sum().alias("resolved"),
            pl.col("unclaimed").sum().alias("unresolved"),
        )
        .join(doubts, on="product_key", how="left", maintain_order="left")
        .join(invoices, on="product_key", how="left", maintain_order="left")
        .with_columns(
            pl.when("billed")
            .then(pl.lit(True))
            .when(pl.lit(world.alive("invoices")))
            .then(pl.lit(False))
            .alias("billed")
        )
        .sort("product_key")
        .select(pl.col(name).cast(kind) for name, kind in PRODUCTS.items())
    )
