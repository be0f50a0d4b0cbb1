"""The published tables as pages read them, and the equalities they must satisfy."""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

Tables = Mapping[str, pl.DataFrame]
"""Published tables by name, each with its `period` column."""


class InequalityError(ValueError):
    """Two figures that must be equal are not; the sentence names them and both values."""


def tie(what: str, left: int | Decimal, right: int | Decimal) -> None:
    """Hold two figures against each other; raises InequalityError when they differ."""
    if left != right:
        raise InequalityError(f"{what}: {left:,} is not {right:,}; the report is not written")


def of_period(tables: Tables, name: str, period: str) -> pl.DataFrame:
    """One period's rows of a table."""
    return tables[name].filter(pl.col("period") == period)


def total(values: pl.Series) -> Decimal | None:
    """The exact sum of amounts; 0 of no rows, None where there are rows and none has a value."""
    known = values.drop_nulls().to_list()
    return sum(known, Decimal(0)) if known or values.is_empty() else None
