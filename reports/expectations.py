"""What the month's results were held against before they were published: every expectation, and whether it holds."""

import polars as pl

from reports.about import About
from reports.listing import Column
from reports.sections import Card, Section, Sections, long_list, table
from reports.tables import Tables, of_period

NOT_HELD = "The results of this month were not held against anything."
BROKEN = (
    Column("about", "Table"), Column("says", "What is expected of it"), Column("severity", "If not", "tag"),
    Column("unexpected", "Rows that break it", "number"), Column("examples", "For example"),
)  # fmt: skip
EVERY = (
    Column("name", "Table and what is expected of it"),
    Column("held", "Holds", facet=True),
    Column("severity", "If not", "tag", facet=True),
    Column("rows", "Rows looked at", "number"),
    Column("unexpected", "Rows that break it", "number"),
    Column("about", "Table", facet=True, shown=False),
    Column("expectation", "Type", facet=True, shown=False),
    Column("examples", "For example", shown=False),
)


def build(tables: Tables, about: About) -> Sections:
    """The page of one period."""
    rows = _rows(tables, about)
    return Sections(
        "Expectations",
        "Great Expectations puts these to the results of every month before they are shown: columns, keys, words and "
        "equalities. Where a critical one does not hold, nothing is published.",
        cards(tables, about),
        (
            broken(tables, about),
            long_list("every", "Every expectation", "", EVERY, rows.with_columns(
                name=pl.format("{} {}", "about", "says")), about, NOT_HELD),
        ),
    )  # fmt: skip


def cards(tables: Tables, about: About) -> tuple[Card, ...]:
    """How many expectations there are, and how many do not hold."""
    rows = _rows(tables, about)
    fails = rows.filter(~pl.col("held")).height
    known = rows.height > 0
    return (
        Card(f"{rows.height:,}" if known else "?", "expectations of the results", link="expectations.html"),
        Card(f"{fails:,}" if known else "?", "of them do not hold", fails > 0, "expectations.html#broken"),
    )


def broken(tables: Tables, about: About) -> Section:
    """What does not hold, with some of what breaks it."""
    rows = _rows(tables, about)
    nothing = f"All {rows.height:,} hold." if rows.height else NOT_HELD
    lead = "The results contradict what they promise: please report it."
    return table("broken", "Expectations that do not hold", lead, BROKEN, rows.filter(~pl.col("held")), about, nothing)


def _rows(tables: Tables, about: About) -> pl.DataFrame:
    return of_period(tables, "expectations", about.period).with_columns(pl.col("examples").list.join("; "))
