"""A device in use that no system, scanner, ticket or hand has shown for longer than its class may stay unseen.

Finds: register entries in use for longer than the window, of a managed class, without any evidence of existence in
the window: no management check-in, no scan, no open repair ticket, no movement by hand.
Matters: money and data may be gone while the books still carry them.
Do: Ask the custodian to show the device; return, retire or report it lost.
Quiet: while the custodian is on leave; while missing-in-count or held-by-leaver is open for it; not evaluated while a
source that could show it is not alive.
"""

import polars as pl

from tieout.rule import Rule, longer, within

RULE = Rule(
    slug="ghost-asset",
    grain="asset",
    subject="asset_tag",
    process="retire",
    severity="high",
    remedy="Ask the custodian to show the device; return, retire or report it lost.",
    population=(pl.col("status") == "in_use") & pl.col("managed_class"),
    params={"evidence_days": 45},
    fails=lambda p: (
        longer("status_days", p.evidence_days, "status_seen_days")
        & ~within("existence_days", p.evidence_days, "existence_certain")
        & ~pl.col("custodian_on_leave")
    ),
    requires=("endpoints",),
    after=("missing-in-count", "held-by-leaver"),
    value="asset_value",
    value_kind="asset",
    since="existence_on",
    fires=(
        {"existence_days": 46, "endpoints_days": 46},
        {"existence_days": None, "endpoints__row": None},
        {"existence_days": 60, "status_days": None, "status_seen_days": 62},
    ),
    quiet=(
        {"existence_days": 45},
        {"existence_days": None, "custodian_on_leave": True},
        {"existence_days": None, "status_days": 45},
        {"existence_days": None, "status": "in_stock"},
        {"existence_days": None, "managed_class": False},
    ),
)
