"""One row a serial that arrived at the dock: whether the register has it by now."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground) -> Grain:
    """Every valid serial ever received and not sent back, since it first arrived."""
    world = ground.world
    receipts = ground.devices.normal(world.rows("receipts")).filter(pl.col("serial_key").is_not_null())
    alive = pl.lit(world.alive("assets"))
    registered = ground.devices.register.select("serial_key", named=pl.lit(True)).drop_nulls().unique()
    frame = (
        receipts.group_by("serial_key")
        .agg(
            pl.col("_id").sort(),
            pl.col("received_on").min(),
            pl.col("po_number").sort_by("_id").last(),
            pl.col("quantity").fill_null(1).sum(),
        )
        .filter(pl.col("quantity") > 0)
        .join(registered, on="serial_key", how="left")
        .with_columns(
            world.days_since("received_on").alias("received_days"),
            pl.when("named").then(pl.lit(True)).when(alive).then(pl.lit(False)).alias("registered"),
            alive.alias("assets__alive"),
            pl.lit(None, pl.UInt32).alias("assets__row"),
        )
        .sort("serial_key")
    )
    return Grain(
        name="received_serial", feed="receipts", frame=frame.select(list(HEALTHY)), leans={"registered": ("assets",)}
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "serial_key": "C02X1", "po_number": "PO-1", "received_on": date(2026, 1, 5), "received_days": 299,
    "registered": True, "assets__row": None, "assets__alive": True,
}  # fmt: skip
