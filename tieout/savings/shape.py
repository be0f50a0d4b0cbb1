"""What is kept of a saving, from when it is identified to what it brought in."""

from collections.abc import Mapping

import polars as pl

from tieout import money
from tieout.reclaim import AMOUNTS
from tieout.savings.settlement import SETTLED

OPEN = ("identified", "approved")
"""States in which the seat is still there and paid for."""
RETURNS = ("kept", "withdrawn")
"""States from which a row returns; any other end is final, and what is found later gets a row of its own."""
LEAVES = ("shrunk", "lapsed", "expired", "released", "kept", "withdrawn")
"""Moves that end an open row."""
SUBJECT = ["subject_type", "subject_key"]

DETAILS: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "subject": pl.String(), "reason": pl.String(), "product": pl.String(),
    "product_key": pl.String(), "seat_id": pl.String(), "source": pl.String(), "person_id": pl.String(),
    "cost_center": pl.String(), "vendor": pl.String(), "contract_id": pl.String(), "line_no": pl.String(),
    "bucket": pl.String(), "units": money.MONEY, "quantity": money.MONEY, "currency": pl.String(),
    **dict.fromkeys(AMOUNTS, money.MONEY), "committed_until": pl.Date(), "decide_by": pl.Date(),
    "lapses_on": pl.Date(),
}  # fmt: skip
"""What is known of a saving as long as it is open; afterwards as it was last known."""

STEPS: Mapping[str, pl.DataType] = {
    "state": pl.String(), "because": pl.String(), "identified_on": pl.Date(), "opened_on": pl.Date(),
    "approval": pl.Int64(), "approved_on": pl.Date(), "approved_by": pl.String(),
    "release": pl.Int64(), "released_by": pl.String(), "released_on": pl.Date(), "release_snapshot": pl.String(),
    "ended_on": pl.Date(), "regranted_on": pl.Date(), **SETTLED,
}  # fmt: skip

SAVINGS: Mapping[str, pl.DataType] = {
    "subject_type": pl.String(), "subject_key": pl.String(), "number": pl.Int64(), **DETAILS, **STEPS,
}  # fmt: skip
"""One row a saving ever identified, as it stands: `memory_savings`, and published as `savings`.

`number` tells the rows of one subject apart. `opened_on` = since when it is found without a break; `ended_on` = when
it left the open ones; `approval`, `release` and `claim` are numbers of decisions.
"""


def typed() -> list[pl.Expr]:
    """The columns of `SAVINGS`, each of its kind."""
    return [pl.col(name).cast(kind) for name, kind in SAVINGS.items()]
