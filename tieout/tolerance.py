"""How far a count of spares may be off the book: by the value class of the line, and never for less than a unit."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tieout.rule import Params

TOLERANCES: Mapping[str, Any] = {
    "tolerance_a": 0.01,
    "tolerance_b": 0.03,
    "tolerance_c": 0.05,
    "tolerance_units": 1,
}
"""Shares of the book by class A, B and C, and the least number of units; the limits of rules on counts of spares."""


def out_of_tolerance(p: Params, off_by: str, book: str) -> pl.Expr:
    """True where `off_by` units off a book of `book` units are too many for the line's class (column `abc`)."""
    share = (
        pl.when(pl.col("abc") == "A")
        .then(p.tolerance_a)
        .when(pl.col("abc") == "B")
        .then(p.tolerance_b)
        .otherwise(p.tolerance_c)
    )
    return (pl.col(off_by) >= p.tolerance_units) & (pl.col(off_by) > pl.col(book) * share)
