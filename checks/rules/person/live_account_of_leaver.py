"""An account that somebody who has left can still sign in with.

Finds: active accounts whose person is terminated, with a last day before as_of or none told.
Matters: data of the organisation is open to somebody who no longer works for it.
Do: Disable the account now, then review what was done with it since the last day.
Quiet: through the last working day; when the person was rehired.
"""

import polars as pl

from tieout.rule import Rule, graded

RULE = Rule(
    slug="live-account-of-leaver",
    grain="account",
    subject="account_id",
    process="offboard",
    severity=lambda p: graded(("critical", pl.col("used_after_leaving")), otherwise="high"),
    remedy="Disable the account now, then review what was done with it since the last day.",
    population=pl.col("status") == "active",
    fails=lambda p: pl.col("owner_leaver"),
    requires=("people",),
    since="owner_left_on",
    shows=("username", "owner_id", "last_login_on"),
    fires=({"owner_leaver": True}, {"owner_leaver": True, "used_after_leaving": True}),
    quiet=({"owner_leaver": True, "status": "suspended"}, {"owner_leaver": False}),
)
