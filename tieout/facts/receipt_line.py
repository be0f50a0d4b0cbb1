"""One row a receipt at the dock: whether procurement knows the order line it names."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.rule import Grain
from tieout.world import told_twice


def build(ground: Ground) -> Grain:
    """Every receipt line."""
    world = ground.world
    lines = world.rows("purchases").select("po_number", po_line_no="line_no", purchases__row="_id")
    start = pl.lit(ground.history_start("purchases"), pl.Date)
    alive = pl.lit(world.alive("purchases"))
    within_history = (pl.col("received_on") >= start).fill_null(False)
    disputed = told_twice("po_number") | told_twice("po_line_no")
    frame = (
        world.rows("receipts")
        .join(lines, on=["po_number", "po_line_no"], how="left", maintain_order="left")
        .with_columns(
            world.fresh(pl.col("received_on")).alias("in_period"),
            alive.alias("purchases__alive"),
            pl.when(pl.col("purchases__row").is_not_null()).then(pl.lit(True))
            .when(within_history & alive & ~disputed).then(pl.lit(False)).alias("ordered"),
        )
        .sort("receipt_id", "line_no")
    )  # fmt: skip
    return Grain(
        name="receipt_line", feed="receipts", frame=frame.select(list(HEALTHY)), leans={"ordered": ("purchases",)}
    )


HEALTHY: dict[str, Any] = {
    "_id": 0, "receipt_id": "R-1", "line_no": "1", "po_number": "PO-1", "po_line_no": "1", "quantity": Decimal(1),
    "received_on": date(2026, 10, 5), "location": "Berlin", "in_period": True, "ordered": True, "purchases__row": 0,
    "purchases__alive": True,
}  # fmt: skip
