"""The equalities that licence money must satisfy in every period; a run in which one does not hold has failed."""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from tieout.reclaim import AMOUNTS
from tieout.savings import OPEN

LINE = ["contract_id", "line_no"]


class InequalityError(ValueError):
    """Two figures that must be equal are not; the sentence names them and both values."""


def tie_out(tables: Mapping[str, pl.DataFrame]) -> None:
    """Hold waterfall, candidates, savings and roll-forward of one period against each other.

    `tables` are waterfall, entitlement_positions, reclaim_candidates, memory_exceptions, savings and
    money_rollforward. Raises InequalityError at the first figures that differ.
    """
    waterfall, candidates = tables["waterfall"], tables["reclaim_candidates"]
    told = tables["entitlement_positions"].filter(pl.col("in_force") & pl.col("observed").fill_null(False))
    _tie(
        "quantity of {} against its units in the waterfall",
        told.select(pl.concat_str(LINE, separator="/").alias("name"), value="quantity"),
        waterfall.filter(pl.col("contract_id").is_not_null()).group_by(LINE).agg(value=pl.col("units").sum()).select(
            pl.concat_str(LINE, separator="/").alias("name"), "value"
        ),
    )  # fmt: skip
    in_lines = candidates.join(told, on=LINE, how="semi")
    reclaimable = waterfall.filter(pl.col("bucket").is_not_null() & (pl.col("part") != "unassigned"))
    for name in AMOUNTS:
        of_lines = reclaimable.filter(pl.col("contract_id").is_not_null())
        _tie(f"{name} of {{}} by reason against its seats", _sums(of_lines, name), _sums(in_lines, name))
    is_open = pl.col("state").is_in(OPEN)
    seats = tables["savings"].filter(is_open & (pl.col("subject_type") == "seat"))
    found = seats.join(candidates, on=["product_key", "seat_id"], how="semi")
    waived = tables["memory_exceptions"].filter(pl.col("status") == "waived").select("subject_key", reason="rule")
    open_candidates = candidates.join(waived, on=["subject_key", "reason"], how="anti")
    _tie(
        "seats of {} that may be given back against those identified",
        _counts(open_candidates),
        _counts(found),
    )
    _roll(tables["money_rollforward"], tables["savings"].filter(is_open))


def _roll(roll: pl.DataFrame, standing: pl.DataFrame) -> None:
    """Opening and every step make the closing, and the closing is what stands open: units, money, each currency."""
    closing = pl.col("cause") == "closing"
    named = roll.with_columns(name=pl.lit("all savings"))
    by_currency = roll.with_columns(name=pl.col("currency").fill_null("no currency"))
    for column, rows, what in (
        ("units", named, "units of {}"), ("value", named, "value of {}"), ("amount", by_currency, "amount in {}"),
    ):  # fmt: skip
        steps, ends = (
            rows.filter(part).group_by("name").agg(value=pl.col(column).sum()) for part in (~closing, closing)
        )
        _tie(f"{what}, opening and changes against closing", steps, ends)
    open_now = standing.select(
        pl.col("currency").fill_null("no currency").alias("name"), value=pl.col("annual_amount").fill_null(0)
    ).group_by("name").agg(pl.col("value").sum())  # fmt: skip
    ends = by_currency.filter(closing).group_by("name").agg(value=pl.col("amount").sum())
    _tie("amount in {}, closing against what is identified", ends, open_now)


def _sums(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    line = pl.concat_str(LINE, separator="/").alias("name")
    return rows.select(line, value=pl.col(column).fill_null(0)).group_by("name").agg(pl.col("value").sum())


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by(name="product_key").agg(value=pl.len())


def _tie(what: str, left: pl.DataFrame, right: pl.DataFrame) -> None:
    """Hold one value a name against another; a name that one side lacks counts as nothing there."""
    both = left.join(right, on="name", how="full", coalesce=True).with_columns(
        pl.col("value").fill_null(0), pl.col("value_right").fill_null(0)
    )
    wrong = both.filter(pl.col("value") != pl.col("value_right")).sort("name")
    if not wrong.is_empty():
        name, *values = wrong.select("name", "value", "value_right").row(0)
        one, other = (f"{Decimal(value).normalize():,f}" for value in values)
        raise InequalityError(f"{what.format(name)}: {one} is not {other}")
