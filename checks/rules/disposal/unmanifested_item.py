"""Something the disposal vendor has that the register never listed.

Finds: items of disposal records whose serial and tag are on no register row, nor the serial of their device.
Matters: either we disposed of what we did not know we had, or the vendor names the wrong device.
Do: Ask what the serial was; register and write it off, or have the record corrected.
Quiet: drives of registered devices; assets that have since been deleted from the register.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="unmanifested-item",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="high",
    remedy="Ask what the serial was; register and write it off, or have the record corrected.",
    population=pl.col("recorded"),
    fails=lambda p: ~pl.col("manifested"),
    requires=("assets",),
    since="received_on",
    fires=({"manifested": False, "assets__row": None},),
    quiet=({"manifested": True, "is_drive": True, "assets__row": None}, {"manifested": False, "recorded": False}),
)
