"""One row an entry of the fixed-asset ledger: whether its asset exists, and whether both books give one cost.

The cost is compared once for each asset, or each pooled order line, at the lowest ledger_id of its rows.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout import money
from tieout.facts import books, existence
from tieout.facts.ground import Ground
from tieout.rule import Grain


def _costs(ground: Ground) -> pl.DataFrame:
    """The cost of each asset or pooled line in both books: ledger_id (the lowest), ledger_cost, register_cost.

    Null register_cost where the currencies differ, a cost is not told, or one of several rows may be missing.
    """
    ledger_alive, assets_alive = (pl.lit(ground.world.alive(feed)) for feed in ("ledger", "assets"))
    register = ground.assets.select("tag_key", register_cost="cost", register_currency="currency", asset_row="_id")
    line = ["po_number", "po_line_no"]
    single = books.ledger(ground).filter(pl.col("single") & pl.col("asset_key").is_not_null())
    assets = single.group_by(tag_key="asset_key").agg(*_booked()).join(register, on="tag_key")
    pools = books.pools(ground)
    units = (
        pools.unique([*line, "tag_key"])
        .join(register, on="tag_key")
        .group_by(line)
        .agg(
            pl.when(assets_alive).then(_total("register_cost")).alias("register_cost"),
            _only("register_currency"),
            pl.col("asset_row").sort().alias("assets_of"),
        )
    )
    pooled = pools.unique("_id").group_by(line).agg(*_booked()).join(units, on=line, nulls_equal=True)
    columns = ["ledger_id", "ledger_cost", "currency", "register_cost", "register_currency", "assets_of"]
    of_assets = assets.with_columns(assets_of=pl.concat_list("asset_row"))
    both = pl.concat([of_assets.select(columns), pooled.select(columns)])
    same = ledger_alive & (pl.col("currency") == pl.col("register_currency")).fill_null(False)
    return both.select(
        "ledger_id", "ledger_cost", "assets_of", pl.when(same).then("register_cost").alias("register_cost"),
    )  # fmt: skip


def _booked() -> tuple[pl.Expr, ...]:
    """What the ledger says of some of its rows together."""
    return pl.col("ledger_id").min(), _total("cost").alias("ledger_cost"), _only("currency")


def _total(column: str) -> pl.Expr:
    """The sum of a column, null where one of its values is not told."""
    return pl.when(pl.col(column).is_not_null().all()).then(pl.col(column).sum())


def _only(column: str) -> pl.Expr:
    """The one value of a column, null where it has several."""
    return pl.when(pl.col(column).n_unique() == 1).then(pl.col(column).first()).alias(column)


def build(ground: Ground) -> Grain:
    """Every ledger entry."""
    world = ground.world
    evidence = existence.of_assets(ground).select(
        "existence_days", "existence_on", "existence_certain", "asset_class", "status_since", "status_seen_on",
        asset_key="tag_key", asset_status="status", asset_row="_id",
    )  # fmt: skip
    alive = pl.lit(world.alive("assets"))
    rows = books.ledger(ground).join(evidence, on="asset_key", how="left", maintain_order="left")
    frame = (
        rows.join(_costs(ground), on="ledger_id", how="left", maintain_order="left")
        .with_columns(
            alive.alias("assets__alive"),
            pl.coalesce("assets_of", pl.concat_list("asset_row")).list.drop_nulls().alias("assets__row"),
            pl.when(pl.col("asset_key").is_not_null())
            .then(pl.lit(True))
            .when(alive & ~pl.col("doubtful"))
            .then(pl.lit(False))
            .alias("registered"),
            world.days_since("status_since").alias("asset_status_days"),
            world.days_since("status_seen_on").alias("asset_status_seen_days"),
            (pl.col("ledger_cost") - pl.col("register_cost")).abs().alias("cost_gap"),
            pl.when(pl.col("assets_of").is_not_null())
            .then(pl.lit(True))
            .when(alive)
            .then(pl.lit(False))
            .alias("compared"),
            (pl.col("existence_on") - pl.col("disposed_on")).dt.total_days().alias("seen_after_days"),
            pl.coalesce("asset_status", pl.when(alive & ~pl.col("doubtful")).then(pl.lit("none"))).alias(
                "asset_status"
            ),
            pl.col("existence_certain").fill_null(alive),
        )
        .with_columns(pl.when(pl.col("assets__row").list.len() > 0).then("assets__row").alias("assets__row"))
        .sort("ledger_id")
    )
    for name, amount in (("book_value", pl.col("net_book")), ("gap_value", pl.col("cost_gap"))):
        frame = money.valued(frame, name, amount, pl.col("currency"), world)
    seen = tuple(sorted({"assets", *existence.FEEDS}))
    return Grain(
        name="ledger_row",
        feed="ledger",
        frame=frame.select(list(HEALTHY)),
        leans={
            **dict.fromkeys(
                (
                    "registered",
                    "asset_status",
                    "asset_status_days",
                    "asset_status_seen_days",
                    "asset_class",
                    "cost_gap",
                    "compared",
                    "gap_value",
                ),
                ("assets",),
            ),
            **dict.fromkeys(("existence_days", "existence_on", "existence_certain", "seen_after_days"), seen),
        },
    )


HEALTHY: dict[str, Any] = {
    "_id": 0, "ledger_id": "L-1", "asset_tag": "A-1", "serial": "C02X1", "single": True, "asset_class": "laptop",
    "net_book": Decimal(800), "written_off": False, "disposed_on": None, "registered": True, "asset_status": "in_use",
    "asset_status_days": 294, "asset_status_seen_days": 90,
    "compared": True, "ledger_cost": Decimal(900), "register_cost": Decimal(900),
    "cost_gap": Decimal(0), "existence_days": 0, "existence_on": date(2026, 10, 31), "existence_certain": True,
    "seen_after_days": None, "assets__row": [0], "assets__alive": True, "book_value": Decimal(800),
    "book_value_amount": Decimal(800), "book_value_currency": "EUR", "gap_value": Decimal(0),
    "gap_value_amount": Decimal(0), "gap_value_currency": "EUR",
}  # fmt: skip
