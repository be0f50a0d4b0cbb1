"""An asset that finance wrote off and that is still in use.

Finds: ledger entries with a disposal date whose asset showed evidence of existence more than a week later, within its
window.
Matters: assets off the books are insured by nobody and missed by nobody.
Do: Reverse the write-off, or dispose of the asset.
Quiet: evidence from the days around the write-off.
"""

import polars as pl

from tieout.rule import Rule, certainly, within

RULE = Rule(
    slug="written-off-in-use",
    grain="ledger_row",
    subject="ledger_id",
    process="dispose",
    severity="high",
    remedy="Reverse the write-off, or dispose of the asset.",
    population=pl.col("written_off"),
    params={"evidence_days": 45, "settle_days": 7},
    fails=lambda p: (
        (within("existence_days", p.evidence_days, "existence_certain") & (pl.col("seen_after_days") > p.settle_days))
        | ~certainly("existence_certain")  # later evidence may be missing
    ),
    requires=("assets",),
    value_kind="asset",
    since="disposed_on",
    fires=({"written_off": True, "seen_after_days": 8},),
    quiet=(
        {"written_off": True, "seen_after_days": 7},
        {"written_off": True, "existence_days": 46, "seen_after_days": 8},
    ),
)
