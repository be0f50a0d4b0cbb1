"""What exceptions are worth: one line a kind of value, because kinds are never added up."""

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from reports.tables import total

KINDS = {
    "licence_pool": "a year's price of seats that nobody needs",
    "exposure": "what may be owed to a vendor",
    "overcharge": "billed beyond what was agreed",
    "asset": "book value of the devices concerned",
    "stock": "spares that differ from the book or are short",
    "view": "the same money seen from another side: shown with each exception, never added",
}
NEVER_ADDED = "view"


@dataclass(frozen=True)
class Worth:
    """What open exceptions of one kind are worth in reporting currency.

    A subject counts once, at its highest. `unvalued` are subjects without a value; `value` is None where all are.
    `added` is false for the kind that is never added up.
    """

    kind: str
    meaning: str
    exceptions: int
    subjects: int
    unvalued: int
    value: Decimal | None
    added: bool


def worth(counted: pl.DataFrame) -> tuple[Worth, ...]:
    """One line a kind of value that some exception has; a subject counts once, at its highest."""
    lines = []
    for kind, meaning in KINDS.items():
        of_kind = counted.filter(pl.col("value_kind") == kind)
        highest = of_kind.group_by("subject").agg(pl.col("value").max())["value"]
        added = kind != NEVER_ADDED
        value = total(highest) if added else None
        lines.append(Worth(kind, meaning, of_kind.height, len(highest), highest.null_count(), value, added))
    return tuple(line for line in lines if line.exceptions)
