"""A device that arrived at the dock and never reached the register.

Finds: serials received more than a few days ago that no register row bears.
Matters: between dock and desk is where new devices disappear.
Do: Find the unit, tag it and enter it in the register.
Quiet: fresh deliveries; units sent back, whose receipts come to none; while unregistered-device is open for the serial.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="received-unregistered",
    grain="received_serial",
    subject="serial_key",
    process="tag",
    severity="high",
    remedy="Find the unit, tag it and enter it in the register.",
    population=pl.col("received_on").is_not_null(),
    params={"register_days": 5},
    fails=lambda p: (pl.col("received_days") > p.register_days) & ~pl.col("registered"),
    requires=("assets",),
    after=("unregistered-device",),
    value_kind="asset",
    since="received_on",
    shows=("po_number",),
    fires=({"registered": False, "received_days": 6},),
    quiet=({"registered": False, "received_days": 5}, {"registered": True}),
)
