"""Holds staged rows against their feed's contract, so that no mistake of our own reaches a rule."""

from functools import cache

import pandera.polars as pa
import polars as pl
from pandera.config import CONFIG
from pandera.errors import SchemaErrors

from tieout.feeds import ASSET_CLASSES, Column, Feed, Kind
from tieout.staging import staged_schema

if not CONFIG.validation_enabled:
    raise RuntimeError("the contracts are switched off: remove PANDERA_VALIDATION_ENABLED from the environment")


class ContractError(Exception):
    """Staged rows that break their own feed's contract: a defect of Tieout, not of the delivery."""


@cache
def contract(feed: Feed) -> pa.DataFrameSchema:
    """The contract of a feed's staged rows: types, what must be filled, allowed values."""
    columns = {
        name: _column(feed[name]) if name in feed else pa.Column(dtype, nullable=name == "extra")
        for name, dtype in staged_schema(feed).items()
    }
    return pa.DataFrameSchema({**columns, "_snapshot": pa.Column(pl.String, required=False)}, strict=True)


def hold(feed: Feed, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the staged rows unchanged; raises ContractError with one sentence if they break the contract."""
    try:
        contract(feed).validate(frame, lazy=True)
    except SchemaErrors as errors:
        first = errors.failure_cases.row(0, named=True)
        raise ContractError(
            f"staged rows of {feed.name} break their contract in {first['column'] or 'their columns'}: "
            f"{first['check']} ({first['failure_case']}); please report it with the source's configuration"
        ) from errors
    return frame


def _column(column: Column) -> pa.Column:
    checks = []
    if column.kind is Kind.ENUM:
        checks.append(pa.Check.isin(column.values))
    elif column.kind is Kind.ASSET_CLASS:
        checks.append(pa.Check.isin(ASSET_CLASSES))
    elif column.kind is Kind.CURRENCY:
        checks.append(pa.Check.str_matches("^[A-Z]{3}$"))
    nullable = not column.required and column.default is None
    return pa.Column(column.kind.dtype, checks, nullable=nullable)
