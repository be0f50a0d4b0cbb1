"""What a figure is: a numerator, a denominator and what was left out, taken from the rows that explain it.

A figure whose denominator is nothing has no value: null, never 0 and never 100 %. Rows whose answer is not known are
left out of both and counted as `excluded`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import polars as pl

from tieout.findings import OPEN_STATUSES
from tieout.money import MONEY
from tieout.world import World

Unit = Literal["share", "days", "hours", "count", "money", "ratio"]
Kind = Literal["measured", "estimated", "assumed"]

FIGURE: Mapping[str, pl.DataType] = {
    "scope": pl.String(), "numerator": MONEY, "denominator": MONEY, "excluded": pl.Int64(), "value": MONEY,
}  # fmt: skip
ALL = "all"
NO_SCOPE = "none"  # the scope of rows that name no class, owner, product …


@dataclass(frozen=True)
class Month:
    """What figures are taken from: the world and the tables of one period, the golden ones and the exceptions.

    `categories` gives the subject folder of each rule. `tables` must hold what the figures asked for name.
    """

    world: World
    tables: Mapping[str, pl.DataFrame]
    categories: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def exceptions(self) -> pl.DataFrame:
        """The exceptions of the period with `is_waived`, `is_open` (waived ones not) and the `category` of the rule."""
        slug, status = pl.col("rule"), pl.col("status")
        category = slug.replace_strict(dict(self.categories), default="own", return_dtype=pl.String)
        return self.tables["exceptions"].with_columns(
            (status == "waived").alias("is_waived"),
            (status.is_in(OPEN_STATUSES) & (status != "waived")).alias("is_open"),
            category.alias("category"),
        )

    @cached_property
    def current(self) -> pl.DataFrame:
        """The open exceptions without the legacy, which is listed apart."""
        return self.exceptions.filter(pl.col("is_open") & ~pl.col("legacy"))


@dataclass(frozen=True)
class Metric:
    """One figure: what it says, in which unit, which way is bad, and how it is taken.

    `scopes` says what else than `all` it is taken for. Where nobody delivers a feed in `needs`, or it is not alive,
    there is no value.
    """

    name: str
    doc: str
    unit: Unit
    measure: Callable[[Month], pl.DataFrame]
    bad: Literal["high", "low"] | None = None
    scopes: str = ""
    needs: tuple[str, ...] = ()
    kind: Kind = "measured"

    def taken(self, month: Month) -> pl.DataFrame:
        """The figure by scope, with all columns of FIGURE."""
        world = month.world
        alive = all(world.configured(feed) and world.alive(feed) for feed in self.needs)
        measured = self.measure(month) if alive else unknown()
        missing = [pl.lit(None, kind).alias(name) for name, kind in FIGURE.items() if name not in measured.columns]
        return measured.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in FIGURE.items())


def shares(rows: pl.DataFrame, answer: pl.Expr, by: str | None = None, weight: pl.Expr | None = None) -> pl.DataFrame:
    """The share of rows (or of their weight) for which the answer is true among those for which it is known."""
    one = pl.lit(1) if weight is None else weight
    told = rows.with_columns(_weight=one.cast(MONEY)).with_columns(
        _answer=pl.when(pl.col("_weight").is_not_null()).then(answer)
    )
    true, known = pl.col("_answer").fill_null(False), pl.col("_answer").is_not_null()
    measures = {
        "numerator": pl.col("_weight").filter(true).sum(),
        "denominator": pl.col("_weight").filter(known).sum(),
        "excluded": (~known).sum(),
    }
    value = pl.when(pl.col("denominator") != 0).then(pl.col("numerator") / pl.col("denominator"))
    return _scoped(told, by, measures).with_columns(value.alias("value"))


def durations(rows: pl.DataFrame, length: str, quantile: float, by: str | None = None) -> pl.DataFrame:
    """A quantile of lengths of time, between two of them in proportion; the denominator is how many there are."""
    known = pl.col(length).is_not_null()
    measures = {
        "denominator": known.sum(),
        "excluded": (~known).sum(),
        "value": pl.col(length).cast(pl.Float64).quantile(quantile, "linear").round(6),
    }
    return _scoped(rows, by, measures)


def counts(rows: pl.DataFrame, by: str | None = None, amount: pl.Expr | None = None) -> pl.DataFrame:
    """How many rows there are, or what they come to; amounts that are not known are left out."""
    told = pl.lit(1) if amount is None else amount
    rows = rows.with_columns(_amount=told.cast(MONEY))
    known = pl.col("_amount").is_not_null()
    worth = pl.when((known.sum() > 0) | (pl.len() == 0)).then(pl.col("_amount").sum())
    return _scoped(rows, by, {"numerator": worth, "excluded": (~known).sum(), "value": worth})


def unknown() -> pl.DataFrame:
    """A figure that cannot be taken."""
    return pl.DataFrame([{"scope": ALL, "excluded": 0}], schema=dict(FIGURE))


def _scoped(rows: pl.DataFrame, by: str | None, measures: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The measures over all rows, and over those of each scope."""
    parts = [rows.select(pl.lit(ALL).alias("scope"), **measures)]
    if by:
        scope = pl.col(by).fill_null(NO_SCOPE).alias("scope")
        parts.append(rows.group_by(scope).agg(**measures).sort("scope"))
    return pl.concat(parts)
