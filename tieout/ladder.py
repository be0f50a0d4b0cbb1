"""Reclaim rates by cohort: of the units identified in a month, what was approved, released and turned into cash."""

from collections.abc import Mapping

import polars as pl

from tieout.figures import Metric, Month, counts, shares
from tieout.money import MONEY

SAVED: Mapping[str, pl.DataType] = {
    "product": pl.String(), "units": MONEY, "annual_value": MONEY, "identified_on": pl.Date(),
    "approved_on": pl.Date(), "released_on": pl.Date(), "regranted_on": pl.Date(), "realised_kind": pl.String(),
    "verified": pl.Boolean(), "realised_value": MONEY,
}  # fmt: skip
"""What rates need to know of a saving."""
CASH = ("reduction", "credit")
"""What a document proves as money; avoidance is shown apart, in no saving."""


def _cohorts(month: Month) -> pl.DataFrame:
    """Every saving ever identified, with the month it was identified in."""
    return month.tables["savings"].with_columns(cohort=pl.col("identified_on").dt.strftime("%Y-%m"))


def _cash() -> pl.Expr:
    """What a saving brought in as money that a document proves; null where it brought none."""
    return pl.when(pl.col("realised_kind").is_in(CASH) & pl.col("verified")).then("realised_value")


def _approved(month: Month) -> pl.DataFrame:
    return shares(_cohorts(month), pl.col("approved_on").is_not_null(), "cohort", pl.col("units"))


def _released(month: Month) -> pl.DataFrame:
    """Approvals that still have time are left out, unless they are released already."""
    days = month.world.settings.policy.released_days
    took = (pl.col("released_on") - pl.col("approved_on")).dt.total_days()
    time_is_up = month.world.days_since("approved_on") > days
    in_time = pl.when(took.is_not_null()).then(took <= days).when(time_is_up).then(pl.lit(False))
    approved = _cohorts(month).filter(pl.col("approved_on").is_not_null())
    return shares(approved, in_time, "cohort", pl.col("units"))


def _realised(month: Month) -> pl.DataFrame:
    """Cash ÷ a year's value of what was identified; units without a value are left out."""
    rows = _cohorts(month)
    identified = counts(rows, "cohort", pl.col("annual_value")).rename({"numerator": "denominator"}).drop("value")
    cash = counts(rows.with_columns(cash=_cash().fill_null(0)), "cohort", pl.col("cash")).select("scope", "numerator")
    value = pl.when(pl.col("denominator") != 0).then(pl.col("numerator") / pl.col("denominator"))
    return identified.join(cash, on="scope", how="left", maintain_order="left").with_columns(value.alias("value"))


def _false_reclaims(month: Month) -> pl.DataFrame:
    released = _cohorts(month).filter(pl.col("released_on").is_not_null() & pl.col("approved_on").is_not_null())
    return shares(released, pl.col("regranted_on").is_not_null(), "product", pl.col("units"))


def realised(month: Month) -> pl.DataFrame:
    """The cash that documents prove by now and did not by the end of the period before."""
    now = month.tables["savings"].select(cash=_cash())
    before = month.world.remembered("memory_savings", SAVED).select(cash=-_cash())
    return counts(pl.concat([now, before]).drop_nulls(), None, pl.col("cash"))


METRICS: tuple[Metric, ...] = (
    Metric(
        "reclaim_approved", "Units approved for reclaim ÷ units identified, by the month they were identified in.",
        "share", _approved, "low", "cohort",
    ),
    Metric(
        "reclaim_released",
        "Units released within `released_days` of approval ÷ units approved; approvals that still have time are left "
        "out.",
        "share", _released, "low", "cohort",
    ),
    Metric(
        "reclaim_realised",
        "Cash that documents prove (reductions and credits) ÷ a year's value of what was identified.",
        "share", _realised, "low", "cohort",
    ),
    Metric(
        "false_reclaims", "Units granted again soon after their release ÷ units released.",
        "share", _false_reclaims, "high", "product",
    ),
)  # fmt: skip
