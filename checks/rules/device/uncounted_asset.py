"""A tracked item that nothing has shown for a year, of a class no management system sees.

Finds: entries on the books of a tracked class that is not managed, for longer than the limit, without any evidence of
existence in that time; the limit is shorter where the item holds data.
Matters: monitors, servers and network gear vanish unnoticed, because nothing reports that they are gone.
Do: Count it: scan it at its place, or start looking for it.
Quiet: items registered or changed within the limit; while missing-in-count is open.
"""

import polars as pl

from tieout.rule import Rule, graded, within

RULE = Rule(
    slug="uncounted-asset",
    grain="asset",
    subject="asset_tag",
    process="count",
    severity=lambda p: graded(("high", pl.col("data_bearing")), otherwise="medium"),
    remedy="Count it: scan it at its place, or start looking for it.",
    population=pl.col("status").is_in(["in_stock", "in_use", "in_repair"])
    & pl.col("tracked_class")
    & ~pl.col("managed_class"),
    params={"uncounted_days": 365, "uncounted_data_days": 90},
    fails=lambda p: (
        (
            pl.col("data_bearing")
            & (pl.col("on_books_days") > p.uncounted_data_days)
            & ~within("existence_days", p.uncounted_data_days, "existence_certain")
        )
        | (
            (pl.col("on_books_days") > p.uncounted_days)
            & ~within("existence_days", p.uncounted_days, "existence_certain")
        )
    ),
    requires=("scans",),
    after=("missing-in-count",),
    value="asset_value",
    value_kind="asset",
    fires=(
        {"managed_class": False, "data_bearing": False, "on_books_days": 366, "existence_days": None},
        {"managed_class": False, "on_books_days": 91, "existence_days": 91},
    ),
    quiet=(
        {"managed_class": False, "data_bearing": False, "on_books_days": 365, "existence_days": None},
        {"managed_class": False, "data_bearing": False, "on_books_days": 400, "existence_days": 365},
        {"managed_class": False, "on_books_days": 400, "existence_days": 90},
        {"on_books_days": 400, "existence_days": None},
    ),
)
