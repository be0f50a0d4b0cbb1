"""A device that a completed count should have found at its place and did not.

Finds: entries in stock or in use whose location and class a completed count of the period covers, that did not change
from before its cut-off, that no scan of that count resolves to at any place, and that did not check in since shortly
before the cut-off.
Matters: it may be stolen, and the next count will miss it too.
Do: Search the place and ask the last custodian; correct the location or start an approved write-off.
Quiet: when the count brought fewer scans than its scanner declares, or found too little of its scope. Stays open until
there is evidence of existence later than the count, or it leaves the books with an approved movement. A count whose
cut-off lies in an earlier period is of this one when it was finished or first delivered in it, or could not be judged
until now because the register or what else shows the device was missing.
"""

import polars as pl

from tieout.facts.counting import MINIMUM_FOUND
from tieout.rule import Rule, graded, later, within

RULE = Rule(
    slug="missing-in-count",
    grain="asset",
    subject="asset_tag",
    process="count",
    severity=lambda p: graded(("critical", pl.col("data_bearing")), otherwise="high"),
    remedy="Search the place and ask the last custodian; correct the location or start an approved write-off.",
    population=pl.col("status").is_in(["in_stock", "in_use"]) | pl.col("was_open"),
    event="count_is_news",
    params={"checkin_before_count_days": 7, "minimum_found": MINIMUM_FOUND},
    provided=lambda p: (
        ~pl.col("in_count") | (pl.col("count_complete") & (pl.col("count_found_share") >= p.minimum_found))
    ),
    fails=lambda p: (
        pl.col("status").is_in(["in_stock", "in_use"])
        & pl.col("in_count")
        & pl.col("settled_before_count")
        & ~pl.col("counted")
        & ~within("checked_in_before_days", p.checkin_before_count_days, "endpoints_certain")
    ),
    clears=lambda p: (
        later("existence_on", pl.col("open_since"), "existence_certain")
        | (pl.col("written_off") & pl.col("write_off_approved"))
    ),
    requires=("counts", "scans"),
    value="asset_value",
    value_kind="asset",
    since="counts__cut_off_on",
    fires=(
        {
            "in_count": True,
            "count_complete": True,
            "count_found_share": 0.9,
            "counted": False,
            "settled_before_count": True,
            "checked_in_before_days": 8,
        },
    ),
    quiet=(
        {"in_count": True, "count_complete": True, "count_found_share": 0.9, "counted": True},
        {
            "in_count": True,
            "count_complete": True,
            "count_found_share": 0.9,
            "counted": False,
            "settled_before_count": True,
            "checked_in_before_days": 7,
        },
        {
            "in_count": True,
            "count_complete": True,
            "count_found_share": 0.9,
            "counted": False,
            "settled_before_count": False,
            "checked_in_before_days": 8,
        },
    ),
)
