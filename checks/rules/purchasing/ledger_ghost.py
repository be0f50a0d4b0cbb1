"""A ledger entry with book value whose asset is gone.

Finds: entries with a tag or serial, a net book value and no disposal, whose asset is on no register row, disposed,
lost, or retired for longer than the limit.
Matters: the balance sheet shows what is not there.
Do: Write the entry off, or find the asset.
Quiet: pooled entries; entries without book value.
"""

import polars as pl

from tieout.rule import Rule, longer

RULE = Rule(
    slug="ledger-ghost",
    grain="ledger_row",
    subject="ledger_id",
    process="dispose",
    severity="high",
    remedy="Write the entry off, or find the asset.",
    population=pl.col("single") & (pl.col("net_book") > 0) & ~pl.col("written_off"),
    params={"retired_days": 90},
    fails=lambda p: (
        ~pl.col("registered")
        | pl.col("asset_status").is_in(["disposed", "lost"])
        | (
            (pl.col("asset_status") == "retired")
            & longer("asset_status_days", p.retired_days, "asset_status_seen_days")
        )
    ),
    requires=("assets",),
    value="book_value",
    value_kind="asset",
    fires=(
        {"registered": False, "asset_status": "none"},
        {"asset_status": "lost"},
        {"asset_status": "retired", "asset_status_days": 91},
    ),
    quiet=(
        {"asset_status": "retired", "asset_status_days": 90},
        {"asset_status": "lost", "written_off": True},
        {"asset_status": "lost", "net_book": 0},
        {"registered": False, "asset_status": "none", "single": False},
    ),
)
