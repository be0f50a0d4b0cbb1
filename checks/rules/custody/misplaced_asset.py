"""A device that was scanned at another place than the register says.

Finds: entries in stock, in repair, or in use in a class that places may hold, whose latest scan in the window is
elsewhere and later than the register's last change of status and than the last movement.
Matters: the next count will report it missing, and a spare cannot be found when needed.
Do: Correct the location, or bring the device back.
Quiet: a sub-place is at its place; a scan older than the last movement; a movement that the register was drawn before.
"""

import polars as pl

from tieout.rule import Rule, certainly, within

RULE = Rule(
    slug="misplaced-asset",
    grain="asset",
    subject="asset_tag",
    process="transfer",
    severity="medium",
    remedy="Correct the location, or bring the device back.",
    population=pl.col("status").is_in(["in_stock", "in_repair"])
    | ((pl.col("status") == "in_use") & (pl.col("custody") != "person")),
    params={"evidence_days": 45},
    fails=lambda p: (
        (
            within("scans_days", p.evidence_days, "scans__alive")
            & pl.col("elsewhere_scanned")
            & pl.col("scanned_after_changes")
        )
        | ~certainly("scans__alive")  # a later scan may be missing
    ),
    requires=("scans",),
    value="asset_value",
    value_kind="asset",
    since="scans__scanned_on",
    shows=("location", "scans__place_key"),
    fires=(
        {"status": "in_stock", "scans_days": 3, "elsewhere_scanned": True, "scanned_after_changes": True},
        {"custody": "place", "scans_days": 45, "elsewhere_scanned": True, "scanned_after_changes": True},
    ),
    quiet=(
        {"status": "in_stock", "scans_days": 46, "elsewhere_scanned": True, "scanned_after_changes": True},
        {"status": "in_stock", "scans_days": 3, "elsewhere_scanned": False, "scanned_after_changes": True},
        {"status": "in_stock", "scans_days": 3, "elsewhere_scanned": True, "scanned_after_changes": False},
        {"scans_days": 3, "elsewhere_scanned": True, "scanned_after_changes": True},
    ),
)
