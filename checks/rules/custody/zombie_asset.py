"""A device the register wrote off that is still alive.

Finds: entries disposed or lost that checked in or were scanned, and retired ones that checked in or were scanned at
another place, within the window and more than two days after the status was set.
Matters: a device that left the books, with its data, is in somebody's hands.
Do: Find it through its user; put it back on the books or complete its disposal.
Quiet: a scan of a retired device in its own closet; while life-after-death is open.
"""

import polars as pl

from tieout.rule import Rule, certainly, longer, within

RULE = Rule(
    slug="zombie-asset",
    grain="asset",
    subject="asset_tag",
    process="retire",
    severity="high",
    remedy="Find it through its user; put it back on the books or complete its disposal.",
    population=pl.col("status").is_in(["disposed", "lost", "retired"]),
    off_books=True,
    params={"evidence_days": 45, "settle_days": 2},
    fails=lambda p: (
        (
            within("endpoints_days", p.evidence_days, "endpoints_certain")
            & longer("seen_after_status_days", p.settle_days, "seen_after_shown_days")
        )
        | (
            within("scans_days", p.evidence_days, "scans__alive")
            & longer("scanned_after_status_days", p.settle_days, "scanned_after_shown_days")
            & ((pl.col("status") != "retired") | pl.col("elsewhere_scanned"))
        )
        | ~(certainly("endpoints_certain") & certainly("scans__alive"))  # later evidence may be missing
    ),
    after=("life-after-death",),
    value="asset_value",
    value_kind="asset",
    since="status_since",
    fires=(
        {"status": "disposed", "endpoints_days": 1, "seen_after_status_days": 30},
        {"status": "disposed", "endpoints_days": 1, "seen_after_status_days": None, "seen_after_shown_days": 3},
        {
            "status": "lost",
            "endpoints_days": None,
            "scans_days": 3,
            "scanned_after_status_days": 3,
            "elsewhere_scanned": False,
        },
        {
            "status": "retired",
            "endpoints_days": None,
            "scans_days": 3,
            "scanned_after_status_days": 3,
            "elsewhere_scanned": True,
        },
    ),
    quiet=(
        {"status": "disposed", "endpoints_days": 1, "seen_after_status_days": 2},
        {
            "status": "retired",
            "endpoints_days": None,
            "scans_days": 3,
            "scanned_after_status_days": 3,
            "elsewhere_scanned": False,
        },
        {"status": "disposed", "endpoints_days": 46, "seen_after_status_days": 30},
    ),
)
