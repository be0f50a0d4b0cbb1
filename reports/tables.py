"""The published tables as pages read them, and the equalities they must satisfy."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl

from reports.about import About
from tieout.feeds import FEEDS

Tables = Mapping[str, pl.DataFrame] | Mapping[str, pl.LazyFrame]
"""Published tables by name, each with its `period` column; of lazy ones only what a page needs is read."""


class InequalityError(ValueError):
    """Two figures that must be equal are not; the sentence names them and both values."""


def tie(what: str, left: int | Decimal, right: int | Decimal) -> None:
    """Hold two figures against each other; raises InequalityError when they differ."""
    if left != right:
        raise InequalityError(f"{what}: {left:,} is not {right:,}; the report is not written")


def of_period(tables: Tables, name: str, period: str) -> pl.DataFrame:
    """One period's rows of a table."""
    return scanned(tables, name, period).collect()


def scanned(tables: Tables, name: str, period: str) -> pl.LazyFrame:
    """The same, not read yet, for tables of which a page needs little."""
    return tables[name].lazy().filter(pl.col("period") == period)


def silent(tables: Tables, about: About, *feeds: str) -> tuple[str, ...]:
    """The feeds that are not delivered whole: from what is absent there nothing follows.

    A feed of states has to be delivered in the period; one of events, at any time.
    """
    now = of_period(tables, "sources", about.period)
    broken = set(now.filter(pl.col("verdict") != "GREEN")["feed"])
    delivered, ever = set(now["feed"]), set(tables["sources"].lazy().select("feed").collect()["feed"])
    return tuple(feed for feed in feeds if feed in broken or feed not in (delivered if FEEDS[feed].is_state else ever))


def unless(missing: Sequence[str], sentence: str) -> str:
    """A sentence about what is not there; where feeds are missing, that it is not known."""
    return f"Not known: there is no whole delivery of {', '.join(missing)}." if missing else sentence


def counted(number: int, missing: Sequence[str]) -> str:
    """A number as a figure; nothing found is "?" where feeds are missing."""
    return f"{number:,}" if number or not missing else "?"


def unvalued(values: pl.Series) -> str:
    """How many of some amounts have no value, as words after their sum; empty where all or none have one."""
    missing = values.null_count()
    return f", {missing:,} unvalued" if 0 < missing < values.len() else ""


def total(values: pl.Series) -> Decimal | None:
    """The exact sum of amounts; 0 of no rows, None where there are rows and none has a value."""
    known = values.drop_nulls().to_list()
    return sum(known, Decimal(0)) if known or values.is_empty() else None


def summed(name: str) -> pl.Expr:
    """The same for a column of the rows, or groups of rows, that it is put to."""
    amounts = pl.col(name)
    return pl.when((amounts.count() > 0) | (pl.len() == 0)).then(amounts.sum()).alias(name)
