"""A new employee without a computer.

Finds: active employees who started 3 to 90 days before as_of and hold no laptop or desktop.
Matters: they cannot work, or they work on a device nobody registered.
Do: Hand out a device, or record the one they have.
Quiet: departments of which most do without.
"""

import polars as pl

from tieout.facts.person import JOINER_DAYS
from tieout.rule import Rule

RULE = Rule(
    slug="unequipped-joiner",
    grain="person",
    subject="person_id",
    process="onboard",
    severity="medium",
    remedy="Hand out a device, or record the one they have.",
    population=pl.col("present") & (pl.col("status") == "active") & (pl.col("employment_type") == "employee"),
    params={"joiner_from_days": 3, "joiner_to_days": JOINER_DAYS},
    fails=lambda p: (
        (pl.col("started_days") >= p.joiner_from_days)
        & (pl.col("started_days") <= p.joiner_to_days)
        & ~pl.col("holds_computer")
        & pl.when(pl.col("department_exempt").is_not_null()).then(pl.lit(True))
    ),
    exempt="department_exempt",
    requires=("assets",),
    since="start_date",
    fires=(
        {"started_days": 3, "holds_computer": False},
        {"started_days": 90, "holds_computer": False},
    ),
    quiet=(
        {"started_days": 2, "holds_computer": False},
        {"started_days": 91, "holds_computer": False},
        {"started_days": 30, "holds_computer": False, "employment_type": "contractor"},
        {"started_days": 30},
        {"started_days": 30, "holds_computer": False, "status": None, "present": False},
    ),
)
