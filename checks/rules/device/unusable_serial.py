"""A register row whose serial identifies nothing.

Finds: entries on the books of a tracked class whose serial is missing or a placeholder such as `0000` or `TBD`.
Matters: without a serial nothing any other system says can be tied to the row.
Do: Read the serial off the device and enter it.
Quiet: consumables, cables and accessories.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unusable-serial",
    grain="asset",
    subject="asset_tag",
    process="tag",
    severity="medium",
    remedy="Read the serial off the device and enter it.",
    population=pl.col("status").is_in(["in_stock", "in_use", "in_repair"]) & pl.col("tracked_class"),
    fails=lambda p: pl.col("serial_quality") != "ok",
    shows=("serial",),
    fires=(
        {"serial_quality": "missing", "serial": None, "serial_key": None},
        {"serial_quality": "placeholder", "serial": "TBD", "serial_key": None},
    ),
    quiet=({"serial_quality": "missing", "status": "retired"}, {"serial_quality": "missing", "tracked_class": False}),
)
