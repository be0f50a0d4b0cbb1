"""One serial on two or more register rows of one maker.

Finds: valid serials that two or more entries on the books share, where the maker is the same or not told.
Matters: one device is counted, depreciated and insured twice, or two devices cannot be told apart.
Do: Look at both devices; correct the serial or merge the rows.
Quiet: placeholders, and rows that are retired, disposed or lost.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="duplicate-serial",
    grain="serial",
    subject="serial_key",
    process="tag",
    severity="medium",
    remedy="Look at both devices; correct the serial or merge the rows.",
    population=pl.col("entries") > 0,
    fails=lambda p: pl.col("entries") > 1,
    shows=("tags",),
    fires=({"entries": 2, "tags": "A-1; A-2"},),
    quiet=({"entries": 1},),
)
