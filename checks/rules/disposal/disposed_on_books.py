"""A device that is gone and still on the books.

Finds: entries in stock, in use or in repair whose device, or drive with a tag of its own, was destroyed, certified or
released.
Matters: it is counted, insured, depreciated and looked for.
Do: Set the entry to disposed, with an approved movement.
Quiet: devices redeployed after wiping; a device of which only single drives were destroyed.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="disposed-on-books",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="medium",
    remedy="Set the entry to disposed, with an approved movement.",
    population=pl.col("gone_on").is_not_null() & ~pl.col("redeploys"),
    fails=lambda p: pl.col("on_books"),
    requires=("assets",),
    value="asset_value",
    value_kind="asset",
    since="gone_on",
    fires=(
        {"on_books": True, "register_disposed": False},
        {"on_books": True, "register_disposed": False, "is_drive": True, "is_device": False},
    ),
    quiet=({"on_books": False}, {"on_books": True, "redeploys": True}, {"on_books": True, "gone_on": None}),
)
