"""One row a line of the spares book that was ever counted: the latest count against the book at that instant."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from tieout import money, normalize
from tieout.facts.ground import Ground
from tieout.rule import Grain
from tieout.world import World

PLACE = ["sku_key", "place_key"]
LINE = [*PLACE, "bin_key"]
TAKEN_IN, GIVEN_OUT = ("receive", "return", "checkin", "repair_in"), ("assign", "checkout", "repair_out", "dispose")
"""Movements that add to the shelf, and those that take from it, even where they do not say which."""


def placed(rows: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Rows with sku, location and bin in normal form."""
    return rows.with_columns(
        normalize.code(pl.col("sku")).alias("sku_key"),
        ground.place("location").alias("place_key"),
        normalize.code(pl.col("bin")).alias("bin_key"),
    )


MEMORY = {
    **dict.fromkeys(LINE, pl.String()), "counted_at": pl.Datetime("us", "UTC"), "counted": money.MONEY,
    "off_by": money.MONEY, "book_size": money.MONEY, "previous_off_by": money.MONEY,
    "previous_book_size": money.MONEY,
}  # fmt: skip
"""What the latest count of each line showed when it was first judged, because the book of that day is gone later."""


def counts(ground: Ground) -> pl.DataFrame:
    """Every count of every line, oldest first."""
    world = ground.world
    return (
        placed(world.rows("stock_counts"), ground)
        .with_columns(counted_on=world.local_date(pl.col("counted_at")), counted="quantity")
        .sort("counted_at", "count_id")
    )


def latest_counts(ground: Ground) -> pl.DataFrame:
    """The latest count of every line."""
    return counts(ground).unique(LINE, keep="last", maintain_order=True)


def _moved_since(counts: pl.DataFrame, book: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Net units moved to (+) or from (−) each counted line after its count, known to the bin or not.

    Movements name a location, sometimes down to the bin (`Store/A1`). One that names only the location counts for its
    only bin, and a loan or a receipt that names none for the only line of its article, of those in the book or else
    ever counted; with several it leaves the book at the count unknown (`unplaced`).
    """
    device = pl.col("asset_tag").is_not_null() | pl.col("serial").is_not_null()
    moves = ground.movements.filter(pl.col("sku_key").is_not_null() & ~device).with_columns(
        pl.col("quantity").fill_null(1)
    )
    legs = pl.concat(
        moves.select(
            "sku_key", "occurred_at", (pl.col("quantity") * pl.lit(sign, pl.Int64).cast(money.MONEY)).alias("moved"),
            pl.coalesce(ground.place(f"{end}_location"), pl.when(pl.col("kind").is_in(kinds)).then(pl.lit("")))
            .alias("where"),
        ).drop_nulls()
        for end, sign, kinds in (("to", 1, TAKEN_IN), ("from", -1, GIVEN_OUT))
    )  # fmt: skip
    lines = counts.with_columns((pl.col("place_key") + "/" + pl.col("bin_key").str.to_lowercase()).alias("bin_place"))
    known = latest_counts(ground).select(LINE)
    for key, number in ((PLACE, "bins"), (["sku_key"], "lines")):
        meant = pl.concat([book.select(LINE), known.join(book, on=key, how="anti")])
        lines = lines.join(
            meant.with_columns(pl.len().over(key).alias(number)), on=LINE, how="left", maintain_order="left"
        )
    after = lines.join(legs, on="sku_key").filter(pl.col("occurred_at") > pl.col("counted_at"))
    nowhere = pl.col("where") == ""
    here = pl.when(nowhere).then("lines").when(pl.col("where") == pl.col("place_key")).then("bins")
    in_bin = pl.col("where") == pl.col("bin_place")
    to_bin = in_bin | ((here == 1) & pl.lit(ground.world.alive("stock")))
    return (
        after.filter(in_bin | here.is_not_null())
        .group_by(LINE)
        .agg(pl.col("moved").filter(to_bin).sum().alias("moved_since"), (~to_bin).any().alias("unplaced"))
    )


def _against_book(counted: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Counts, one a line, with how far each is off the book: the book of today less what moved since the count."""
    world = ground.world
    book = placed(world.rows("stock"), ground)
    booked = book.select(
        *LINE, "abc", "unit_cost", "currency", "description", book_quantity="quantity", stock__row="_id",
        book_sku="sku", book_location="location", book_bin="bin",
    )  # fmt: skip
    alive = pl.lit(world.alive("stock"))
    known = pl.col("stock__row").is_not_null()
    return (
        counted.join(booked, on=LINE, how="left", maintain_order="left")
        .join(_moved_since(counted, book, ground), on=LINE, how="left", maintain_order="left")
        .with_columns(
            *(pl.coalesce(f"book_{name}", name).alias(name) for name in ("sku", "location", "bin")),
            pl.col("abc").fill_null("C"),
            alive.alias("stock__alive"),
            pl.lit(world.alive("movements")).alias("movements__alive"),
            pl.lit(None, pl.UInt32).alias("movements__row"),
            pl.when(known).then("book_quantity").when(alive).then(money.zero()).alias("book_quantity"),
        )
        .with_columns(
            pl.when(pl.col("movements__alive") & ~pl.col("unplaced").fill_null(False))
            .then(pl.col("book_quantity") - pl.col("moved_since").fill_null(0))
            .alias("book_at_count")
        )
        .with_columns((pl.col("counted") - pl.col("book_at_count")).alias("variance"))
        .with_columns(
            pl.col("variance").abs().alias("off_by"),
            pl.col("book_at_count").abs().alias("book_size"),
        )
    )


def _fresh(world: World) -> pl.Expr:
    """True for counts of this period, and those before it whose book nobody could tell until now."""
    return world.fresh(pl.col("counted_on"), "stock", "movements")


def _with_previous(latest: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Adds how far the count before the latest was off: 0 without one, null where its book is not known.

    A count that was judged earlier is as remembered from then; another one is put to today's book.
    """
    world = ground.world
    rest = counts(ground).join(latest.select([*LINE, "_id"]), on="_id", how="anti")
    second = rest.unique(LINE, keep="last", maintain_order=True)
    fresh = _against_book(second.filter(_fresh(world)), ground)
    before = world.remembered("memory_stock_counts", MEMORY)
    joined = (
        latest.join(second.select(*LINE, second_at="counted_at", second_counted="counted"), on=LINE, how="left")
        .join(fresh.select(*LINE, fresh_off_by="off_by", fresh_book_size="book_size"), on=LINE, how="left")
        .join(before.select(*LINE, pl.all().exclude(LINE).name.prefix("before_")), on=LINE, how="left")
    )
    no_other = pl.col("second_at").is_null()
    known_already = pl.col("before_counted_at") == pl.col("counted_at")
    judged_before = (pl.col("before_counted_at") == pl.col("second_at")) & (
        pl.col("before_counted") == pl.col("second_counted")
    )
    return joined.with_columns(
        pl.when(no_other)
        .then(money.zero())
        .otherwise(
            pl.coalesce(
                pl.when(known_already).then(f"before_previous_{name}"),
                pl.when(judged_before).then(f"before_{name}"),
                f"fresh_{name}",
            )
        )
        .alias(f"previous_{name}")
        for name in ("off_by", "book_size")
    )


def build(ground: Ground) -> Grain:
    """Every counted line of spares."""
    world = ground.world
    latest = latest_counts(ground).with_columns(world.fresh(pl.col("counted_on")).alias("in_period"))
    frame = _with_previous(_against_book(latest, ground), ground)
    valued = money.valued(frame, "stock_value", pl.col("off_by") * pl.col("unit_cost"), pl.col("currency"), world)
    return Grain(
        name="stock_line",
        feed="stock_counts",
        frame=valued.sort(LINE).select(list(HEALTHY)),
        keys={"sku": "sku_key", "location": "place_key", "bin": "bin_key"},
        leans={
            **dict.fromkeys(("abc", "book_quantity", "description", "stock_value"), ("stock",)),
            **dict.fromkeys(
                ("book_at_count", "variance", "off_by", "book_size", "previous_off_by", "previous_book_size"),
                ("stock", "movements"),
            ),
        },
    )


def memory(frame: pl.DataFrame, ground: Ground) -> dict[str, pl.DataFrame]:
    """What the latest count of each line showed, and the one before, as first judged."""
    before = ground.world.remembered("memory_stock_counts", MEMORY)
    known = before.select(*LINE, "counted_at", "counted", known_off_by="off_by", known_book_size="book_size")
    kept = frame.join(known, on=[*LINE, "counted_at", "counted"], how="left", maintain_order="left")
    now = kept.with_columns(
        pl.when(pl.col("known_off_by").is_not_null()).then(f"known_{name}").otherwise(name).alias(name)
        for name in ("off_by", "book_size")
    ).select(pl.col(name).cast(dtype) for name, dtype in MEMORY.items())
    return {"memory_stock_counts": now.sort(LINE)}


HEALTHY: dict[str, Any] = {
    "_id": 0, "sku": "S-1", "sku_key": "S-1", "location": "Store", "place_key": "store", "bin": "A1", "bin_key": "A1",
    "counted_at": datetime(2026, 10, 20, 13, tzinfo=UTC), "counted_on": date(2026, 10, 20), "in_period": True,
    "counted": Decimal(100), "abc": "A", "description": None,
    "book_quantity": Decimal(100), "book_at_count": Decimal(100), "variance": Decimal(0), "off_by": Decimal(0),
    "book_size": Decimal(100), "previous_off_by": Decimal(0), "previous_book_size": Decimal(100),
    "stock_value": Decimal(0), "stock_value_amount": Decimal(0),
    "stock_value_currency": "EUR", "stock__row": 0, "stock__alive": True, "movements__row": None,
    "movements__alive": True,
}  # fmt: skip
