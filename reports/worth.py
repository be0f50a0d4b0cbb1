"""What exceptions are worth: one line a kind of value, because kinds are never added up."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

KINDS = {
    "licence_pool": "a year's price of seats that nobody needs",
    "exposure": "at stake with vendors: seats beyond contract, goods beyond order or need, goods that never came",
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
    return worth_by(counted.with_columns(all=pl.lit(True)), "all").get(True, ())


def worth_by(counted: pl.DataFrame, name: str) -> dict[Any, tuple[Worth, ...]]:
    """The same for every value of a column."""
    kinds = {kind: place for place, kind in enumerate(KINDS)}
    lines = (
        counted.filter(pl.col("value_kind").is_in(list(KINDS)))
        .group_by(name, "value_kind", "subject")
        .agg(pl.len().alias("exceptions"), pl.col("value").max())
        .group_by(name, "value_kind")
        .agg(
            pl.col("exceptions").sum(), subjects=pl.len(), unvalued=pl.col("value").null_count(),
            value=pl.col("value").sum(),
        )
        .sort(pl.col("value_kind").replace_strict(kinds, default=None, return_dtype=pl.Int64))
    )  # fmt: skip
    found: dict[Any, tuple[Worth, ...]] = {}
    for key, kind, exceptions, subjects, unvalued, value in lines.iter_rows():
        added = kind != NEVER_ADDED
        known = value if added and unvalued < subjects else None
        line = Worth(kind, KINDS[kind], exceptions, subjects, unvalued, known, added)
        found[key] = (*found.get(key, ()), line)
    return found
