"""One row a purchase order line: what arrived of it, and what lay idle on the shelf when it was ordered."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any

import polars as pl

from tieout import money, normalize
from tieout.facts.ground import Ground
from tieout.rule import Grain

MEMORY_IDLE_UNITS = {"tag_key": pl.String(), "po_number": pl.String(), "line_no": pl.String()}
LINE = ["po_number", "line_no"]


def build(ground: Ground) -> Grain:
    """Every line procurement ordered."""
    world = ground.world
    received = (
        world.rows("receipts")
        .group_by("po_number", line_no="po_line_no")
        .agg(
            pl.when(pl.col("quantity").is_not_null().all()).then(pl.col("quantity").sum()).alias("received"),
            pl.col("_id").sort().alias("receipts__row"),
        )
    )
    claimed = (
        idle_units(ground)
        .group_by(LINE)
        .agg(pl.len().cast(pl.Int64).alias("idle_units"), pl.col("tag_key").sort().str.join("; ").alias("idle_tags"))
    )
    start = pl.lit(ground.history_start("receipts"), pl.Date)
    alive = pl.lit(world.alive("receipts"))
    none_came = (pl.col("ordered_on") >= start).fill_null(False) & alive
    short = pl.col("quantity") - pl.col("received")  # what else came while receipts are not alive only makes it less
    frame = (
        world.rows("purchases")
        .join(received, on=LINE, how="left", maintain_order="left")
        .join(claimed, on=LINE, how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("receipts__row").is_not_null()).then("received").when(none_came).then(0).alias("received"),
            pl.col("idle_units").fill_null(0),
            alive.alias("receipts__alive"),
            pl.lit(world.alive("assets")).alias("assets__alive"),
            (pl.col("sku").is_not_null() | pl.col("asset_class").is_not_null()).alias("deliverable"),
            world.fresh(pl.col("ordered_on")).alias("in_period"),
            pl.col("expected_on").alias("promised_on"),
            world.days_since("ordered_on").alias("ordered_days"),
            world.days_since("expected_on").alias("promised_days"),
        )
        .with_columns(
            pl.when(alive | (short <= 0)).then(short).alias("outstanding"),
            pl.when(alive | (short < 0)).then(-short).alias("surplus"),
            pl.when((pl.col("idle_units") > 0) | pl.lit(world.alive("assets"))).then("idle_units").alias("idle_units"),
        )
    )
    amounts = {
        "outstanding_value": pl.col("outstanding"),
        "surplus_value": pl.col("surplus"),
        "avoidable_value": pl.min_horizontal(pl.col("quantity"), pl.col("idle_units").cast(money.MONEY)),
    }
    for name, units in amounts.items():
        frame = money.valued(frame, name, units * pl.col("unit_cost"), pl.col("currency"), world)
    return Grain(
        name="purchase_line",
        feed="purchases",
        frame=frame.sort(LINE).select(list(HEALTHY)),
        leans={
            **dict.fromkeys(
                ("received", "outstanding", "surplus", "outstanding_value", "surplus_value"), ("receipts",)
            ),
            **dict.fromkeys(("idle_units", "idle_tags", "avoidable_value"), ("assets",)),
        },
    )


def idle_units(ground: Ground) -> pl.DataFrame:
    """Which unit on the shelf could have met which order line: tag_key, po_number, line_no.

    A unit lay idle when it had been in stock for 30 days on the day of the order, by this register or the one before.
    It counts for one line only, oldest order first; what a line once claimed it keeps, whatever becomes of the unit,
    unless the line is cancelled: then the unit may meet another order.
    """
    world = ground.world
    cancelled = world.rows("purchases").filter(pl.col("status") == "cancelled")
    claimed = world.remembered("memory_idle_units", MEMORY_IDLE_UNITS).join(cancelled, on=LINE, how="anti")
    assets = ground.assets.with_columns(normalize.code(pl.col("sku")).alias("sku_key")).filter(
        pl.col("sku_key").is_not_null()
    )
    now = assets.filter(pl.col("status") == "in_stock").select(
        "tag_key", "sku_key", idle_since=pl.coalesce("status_since", "status_seen_on"), until=pl.lit(world.today)
    )
    was = assets.filter((pl.col("status_before") == "in_stock") & (pl.col("status") != "in_stock")).select(
        "tag_key", "sku_key", idle_since="status_since_before", until=pl.coalesce("status_since", "seen_on")
    )
    idle_for = pl.duration(days=world.settings.policy.idle_before_order_days)
    units = (
        pl.concat([now, was])
        .drop_nulls()
        .join(claimed, on="tag_key", how="anti")
        .select("sku_key", (pl.col("idle_since") + idle_for).alias("idle_from"), "until", "tag_key")
        .filter(pl.col("idle_from") <= pl.col("until"))
    )
    orders = (
        world.rows("purchases")
        .filter((pl.col("status") != "cancelled") & world.fresh(pl.col("ordered_on"), "assets"))
        .select(normalize.code(pl.col("sku")).alias("sku_key"), "ordered_on", *LINE, pl.col("quantity").ceil())
        .join(claimed.select(LINE).unique(), on=LINE, how="anti")
        .join(units, on="sku_key", how="semi")
        .drop_nulls()
        .sort("ordered_on", *LINE)
    )
    new = pl.DataFrame(_taken(orders, units), schema=MEMORY_IDLE_UNITS, orient="row")
    return pl.concat([claimed, new]).sort("tag_key")


def _taken(orders: pl.DataFrame, units: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Each unit that an order line takes, and the line: one line after the other, the units first that leave first."""
    coming: dict[str, list[tuple[date, date, str]]] = {}
    for sku, idle_from, until, tag in units.sort("idle_from", descending=True).iter_rows():
        coming.setdefault(sku, []).append((idle_from, until, tag))
    on_shelf: dict[str, list[tuple[date, date, str]]] = {sku: [] for sku in coming}
    for sku, ordered_on, po_number, line_no, wants in orders.iter_rows():
        idle = on_shelf[sku]
        while coming[sku] and coming[sku][-1][0] <= ordered_on:
            idle_from, until, tag = coming[sku].pop()
            heappush(idle, (until, idle_from, tag))
        taken = 0
        while idle and taken < wants:
            until, _, tag = heappop(idle)
            if until >= ordered_on:
                yield tag, po_number, line_no
                taken += 1


def memory(ground: Ground) -> dict[str, pl.DataFrame]:
    """The units that order lines have claimed."""
    return {"memory_idle_units": idle_units(ground)}


HEALTHY: dict[str, Any] = {
    "_id": 0, "po_number": "PO-1", "line_no": "1", "vendor": "Shop", "sku": "S-1", "asset_class": "laptop",
    "quantity": Decimal(2), "status": "open", "deliverable": True, "in_period": True, "ordered_on": date(2026, 9, 1),
    "ordered_days": 60, "promised_on": date(2026, 9, 20), "promised_days": 41, "cost_center": "100",
    "requested_by": "p1", "received": Decimal(2), "outstanding": Decimal(0), "surplus": Decimal(0), "idle_units": 0,
    "idle_tags": None, "receipts__row": [0], "receipts__alive": True, "assets__alive": True,
    "outstanding_value": Decimal(0), "outstanding_value_amount": Decimal(0), "outstanding_value_currency": "EUR",
    "surplus_value": Decimal(0), "surplus_value_amount": Decimal(0), "surplus_value_currency": "EUR",
    "avoidable_value": Decimal(0), "avoidable_value_amount": Decimal(0), "avoidable_value_currency": "EUR",
}  # fmt: skip
