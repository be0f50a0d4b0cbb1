"""A device in use that exists but that no management system knows.

Finds: entries in use for more than a week, of a managed class, with other evidence of existence and no endpoint record.
Matters: it gets no updates, no encryption and no remote wipe.
Do: Enrol the device, or correct its class.
Quiet: devices nothing has shown at all (ghost-asset); not evaluated while a management system is not alive.
"""

import polars as pl

from tieout.rule import Rule, absent, certainly, longer, within

RULE = Rule(
    slug="unmanaged-device",
    grain="asset",
    subject="asset_tag",
    process="assign",
    severity="high",
    remedy="Enrol the device, or correct its class.",
    population=(pl.col("status") == "in_use") & pl.col("managed_class"),
    params={"evidence_days": 45, "enrol_days": 7},
    fails=lambda p: (
        longer("status_days", p.enrol_days, "status_seen_days")
        & absent("endpoints")
        & certainly("endpoints_certain")
        & within("elsewhere_days", p.evidence_days, "elsewhere_certain")
    ),
    requires=("endpoints",),
    value="asset_value",
    value_kind="asset",
    since="status_since",
    fires=({"endpoints__row": None, "endpoints_days": None, "elsewhere_days": 10},),
    quiet=(
        {"endpoints__row": None, "endpoints_days": None, "elsewhere_days": 46},
        {"endpoints__row": None, "endpoints_days": None, "elsewhere_days": 10, "status_days": 7},
        {"elsewhere_days": 10},
        {"endpoints__row": None, "elsewhere_days": 10, "managed_class": False},
    ),
)
