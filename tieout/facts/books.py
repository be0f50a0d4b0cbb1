"""What finance and procurement hold of the register's assets: ledger rows, orders, and what an asset is worth."""

import polars as pl

from tieout import money, normalize
from tieout.facts.ground import Ground
from tieout.once import once
from tieout.world import filled, told_twice

LEANS = {
    "asset_value": ("ledger",),
    "ledgered": ("ledger", "receipts", "purchases"),
    "ordered": ("purchases",),
    "disposal_recorded": ("disposals",),
}


@once
def ledger(ground: Ground) -> pl.DataFrame:
    """Every ledger row with the asset its tag or serial means, its net book value, and whether it is written off.

    `doubtful` rows name several assets, or tell a key twice; `single` ones name any at all: a placeholder for a serial
    names none. `written_off` is null where it is told twice. Without an accumulated depreciation the net book value is
    the cost less straight-line depreciation over the row's life, where the row tells it.
    """
    world = ground.world
    rows = world.rows("ledger")
    meant = ground.devices.resolve(rows).select("_id", "asset_key", doubtful=pl.col("conflict") | pl.col("uncertain"))
    disputed = told_twice("asset_tag") | told_twice("serial")
    resolved = ground.devices.normal(rows).join(meant, on="_id", how="left", maintain_order="left")
    by_life = money.depreciated(pl.col("cost"), pl.col("in_service_on"), world, pl.col("life_months"))
    return resolved.with_columns(
        pl.when(pl.col("accumulated_depreciation").is_not_null())
        .then(pl.col("cost") - pl.col("accumulated_depreciation"))
        .otherwise(pl.coalesce(by_life, "cost"))
        .alias("net_book"),
        pl.when(~told_twice("disposed_on"))
        .then((pl.col("disposed_on") <= pl.lit(world.today)).fill_null(False))
        .alias("written_off"),
        (pl.col("tag_key").is_not_null() | pl.col("serial_key").is_not_null() | disputed).alias("single"),
        pl.col("doubtful") | disputed,
    )


@once
def in_ledger(ground: Ground) -> pl.DataFrame:
    """Every asset that a ledger row names by any key, be the row of another one as well: tag_key, in_ledger."""
    named = ground.devices.named(ground.world.rows("ledger"))
    return named.select(tag_key="asset_key", in_ledger=pl.lit(True)).unique()


def order_lines(ground: Ground) -> pl.DataFrame:
    """For every asset with an order: the lines it may have come from: tag_key, po_number, line_no.

    The receipt of its serial names the line; else the order's lines for its sku; else any line of the order.
    """
    assets = ground.assets.filter(pl.col("po_number").is_not_null()).select(
        "tag_key", "serial_key", "po_number", sku_key=normalize.code(pl.col("sku"))
    )
    receipts = ground.devices.normal(ground.world.rows("receipts")).select(
        "serial_key", "po_number", line_no="po_line_no"
    )
    received = assets.join(receipts.drop_nulls().unique(), on=["serial_key", "po_number"]).select(
        "tag_key", "po_number", "line_no"
    )
    lines = ground.world.rows("purchases").select("po_number", "line_no", sku_key=normalize.code(pl.col("sku")))
    rest = assets.join(received, on="tag_key", how="anti")
    by_sku = rest.join(lines.drop_nulls().unique(), on=["po_number", "sku_key"]).select(
        "tag_key", "po_number", "line_no"
    )
    rest = rest.join(by_sku, on="tag_key", how="anti")
    by_order = rest.join(lines.select("po_number", "line_no").unique(), on="po_number", how="left").select(
        "tag_key", "po_number", "line_no"
    )
    return pl.concat([received, by_sku, by_order]).unique()


def pools(ground: Ground) -> pl.DataFrame:
    """Ledger rows that stand for all units of an order line, with each asset that may be one of them."""
    pooled = ledger(ground).filter(~pl.col("single") & pl.col("po_number").is_not_null())
    pooled = pooled.select(
        "_id", "po_number", "po_line_no", "quantity", "cost", "currency", "net_book", "written_off", "ledger_id"
    )
    lines = order_lines(ground)
    return pooled.join(lines, on="po_number").filter(
        pl.col("po_line_no").is_null() | pl.col("line_no").is_null() | (pl.col("po_line_no") == pl.col("line_no"))
    )


def of_assets(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Adds the asset's worth (net book value, else depreciated cost, else unvalued), its ledger row and its order."""
    world = ground.world
    single = (
        ledger(ground)
        .filter(pl.col("single") & pl.col("asset_key").is_not_null())
        .select("_id", "net_book", "currency", "written_off", tag_key="asset_key")
    )
    units = pl.when(pl.col("quantity") > 0).then("quantity")
    pooled = pools(ground).select("_id", pl.col("net_book") / units, "currency", "written_off", "tag_key")
    booked = (
        pl.concat([single, pooled])
        .unique(["tag_key", "_id"], maintain_order=True)
        .sort("_id")
        .group_by("tag_key")
        .agg(
            pl.when(pl.col("currency").n_unique() == 1)
            .then(pl.col("net_book").filter(~pl.col("written_off")).sum())
            .alias("net_book"),
            pl.col("currency").first().alias("book_currency"),
            pl.col("_id").alias("ledger__row"),
            (~pl.col("written_off")).any().alias("in_service"),
        )
    )
    orders = (
        world.rows("purchases")
        .select("po_number", pl.col("_id").alias("purchases__row"))
        .group_by("po_number")
        .agg(pl.col("purchases__row").sort())
    )
    disposals = ground.disposed_assets.select("tag_key", disposal_recorded=pl.lit(True))
    joined = (
        frame.join(booked, on="tag_key", how="left", maintain_order="left")
        .join(in_ledger(ground), on="tag_key", how="left", maintain_order="left")
        .join(orders, on="po_number", how="left", maintain_order="left")
        .join(disposals, on="tag_key", how="left", maintain_order="left")
    )
    start = ground.history_start("purchases")
    within_history = (pl.col("purchased_on") >= pl.lit(start, pl.Date)).fill_null(False)
    known = pl.col("purchases__row").is_not_null()
    alive = {feed: pl.lit(world.alive(feed)) for feed in ("ledger", "purchases", "disposals")}
    book = pl.col("in_service") & pl.col("net_book").is_not_null()
    amount = pl.when(book).then("net_book").otherwise(money.depreciated(pl.col("cost"), pl.col("purchased_on"), world))
    currency = pl.when(book).then("book_currency").otherwise("currency")
    told = joined.with_columns(
        pl.when(known)
        .then(pl.lit(True))
        .when(within_history & alive["purchases"] & ~told_twice("po_number"))
        .then(pl.lit(False))
        .alias("ordered"),
        alive["purchases"].alias("purchases__alive"),
        pl.when(pl.col("ledger__row").is_not_null() | pl.col("in_ledger"))
        .then(pl.lit(True))
        .when(alive["ledger"])
        .then(pl.lit(False))
        .alias("ledgered"),
        alive["ledger"].alias("ledger__alive"),
        pl.when("disposal_recorded")
        .then(pl.lit(True))
        .when(alive["disposals"])
        .then(pl.lit(False))
        .alias("disposal_recorded"),
        filled("po_number").alias("order_named"),
    )
    with_cost = money.valued(told, "cost_value", pl.col("cost"), pl.col("currency"), world)
    return money.valued(with_cost, "asset_value", amount, currency, world)
