"""A device in use that no known person or place answers for.

Finds: entries in use whose class needs a person and whose custodian is none HR knows; whose class may be held by a
place and that neither a known person nor a known place holds; or whose custodian names neither.
Matters: nobody can be asked for it.
Do: Find out who uses it and record the custodian.
Quiet: a server held by a room; a device of somebody HR showed before and no longer does (vanished-person says so). Not
evaluated while a feed that may know the custodian as a place is not alive.
"""

import polars as pl

from tieout.rule import Rule

_HELD_BY_SOMEBODY = pl.col("custodian_known") | pl.col("custodian_is_place")

RULE = Rule(
    slug="held-by-stranger",
    grain="asset",
    subject="asset_tag",
    process="assign",
    severity="high",
    remedy="Find out who uses it and record the custodian.",
    population=pl.col("status") == "in_use",
    provided=lambda p: (
        (pl.col("custody") == "person") | pl.col("custodian_known") | pl.col("custodian_is_place").is_not_null()
    ),
    fails=lambda p: (
        ((pl.col("custody") == "person") & ~pl.col("custodian_known"))
        | ((pl.col("custody") != "person") & ~(_HELD_BY_SOMEBODY | pl.col("placed")))
        | (pl.col("custodian_named") & ~_HELD_BY_SOMEBODY)
    ),
    requires=("people",),
    value="asset_value",
    value_kind="asset",
    shows=("custodian", "location"),
    fires=(
        {"custodian_known": False, "custodian": "nobody@example.org", "custodian_id": None},
        {"custodian_known": False, "custodian": None, "custodian_named": False, "custodian_id": None},
        {"custody": "either", "custodian_known": False, "custodian_named": False, "placed": False},
        {"custody": "place", "custodian_known": False, "custodian": "Mr X"},
    ),
    quiet=(
        {"custody": "place", "custodian_known": False, "custodian_named": False},
        {"custody": "either", "custodian_known": False, "custodian_is_place": True, "placed": False},
        {"custodian_known": False, "status": "in_stock"},
    ),
)
