"""Spares: what differs from the book, what is short, what to order, and what to count next."""

import polars as pl

from reports.about import About
from reports.listing import Column
from reports.page import valued
from reports.sections import Card, Sections, long_list
from reports.tables import Tables, counted, of_period, silent, total, unless, unvalued

WHAT = (
    Column("line", "Spare"),
    Column("sku", "Article", facet=True, shown=False),
    Column("description", "What it is"),
    Column("location", "Location", facet=True),
    Column("abc", "ABC", facet=True),
    Column("critical", "Critical", facet=True),
)
VARIANCE = (
    *WHAT,
    Column("book_at_count", "Book", "number"),
    Column("counted", "Counted", "number"),
    Column("variance", "Variance", "number"),
    Column("variance_value", "Worth", "money"),
    Column("within", "Within tolerance", facet=True),
    Column("counted_on", "Counted on", "date"),
)
ORDER = (
    *WHAT,
    Column("book", "Book", "number"),
    Column("minimum", "Minimum", "number"),
    Column("maximum", "Maximum", "number"),
    Column("order", "To order", "number"),
    Column("cost", "Costs", "money", currency="currency"),
    Column("currency", "Currency", shown=False),
)
NEXT = (
    *WHAT,
    Column("counted_on", "Last counted", "date"),
    Column("count_days", "Days ago", "number"),
    Column("book", "Book", "number"),
)
REQUESTS = (
    Column("ticket_id", "Ticket"),
    Column("kind", "Asks to", facet=True),
    Column("sku", "Article"),
    Column("critical", "Critical", facet=True),
    Column("waited", "Hours open", "number"),
    Column("met_from_stock", "Met from stock", facet=True),
    Column("value", "Latest price", "money"),
)


def build(tables: Tables, about: About) -> Sections:
    """The page on spares of one period."""
    lines = of_period(tables, "stock_positions", about.period).with_columns(
        pl.concat_str("sku", "location", "bin", separator="/", ignore_nulls=True).alias("line")
    )
    differing = lines.filter(pl.col("counted_in_period").fill_null(False) & (pl.col("variance") != 0)).sort(
        "variance_value", "line", descending=[True, False], nulls_last=True
    )
    short = _to_order(lines)
    due = lines.filter(~pl.col("count_in_time").fill_null(True) | pl.col("counted_on").is_null()).sort(
        "abc", pl.col("count_days").fill_null(100_000), "line", descending=[False, True, False], nulls_last=True
    )
    asked = of_period(tables, "requests", about.period).with_columns(pl.col("hours").round(1).alias("waited"))
    critical = short.filter(pl.col("critical").fill_null(False)).height
    home, missing = about.reporting_currency, silent(tables, about, "stock", "stock_counts")
    return Sections(
        "Spares",
        "The spares book against its counts, and against what it should hold.",
        (
            Card(counted(differing.height, missing), "lines counted differ from the book", alarm=differing.height > 0,
                 link="#variance"),
            Card(valued(total(differing["variance_value"]), home, missing),
                 f"those differences are worth{unvalued(differing['variance_value'])}", link="#variance"),
            Card(counted(short.height, missing), f"lines below their minimum, {critical:,} of them critical",
                 alarm=critical > 0, link="#order"),
            Card(counted(due.height, missing), "lines to count next", link="#count"),
        ),
        (
            long_list("variance", "Counted in this period, and different", "variance = counted − book at the count.",
                      VARIANCE, differing, about, unless(missing, "What was counted agrees with the book.")),
            long_list("order", "To order", "What is below its minimum, up to its maximum (else the minimum), critical "
                      "spares first.", ORDER, short, about, unless(missing, "Nothing is below its minimum.")),
            long_list("count", "To count next", "A before B before C, the longest not counted first.", NEXT, due, about,
                      unless(missing, "Every line was counted in time.")),
            long_list("requests", "Requests for spares and purchases", "", REQUESTS,
                      asked.sort("hours", "ticket_id", descending=[True, False], nulls_last=True), about,
                      unless(silent(tables, about, "tickets"), "Nobody asked for a spare.")),
        ),
    )  # fmt: skip


def _to_order(lines: pl.DataFrame) -> pl.DataFrame:
    """Articles of a location of which the book holds less than the minimum, with what fills them up."""
    wanted = pl.max_horizontal("maximum", "minimum") - pl.col("book")
    return (
        lines.filter(pl.col("book") < pl.col("minimum"))
        .with_columns(order=wanted, cost=wanted * pl.col("unit_cost"))
        .with_columns(pl.col("cost").cast(lines.schema["unit_cost"]))
        .sort(~pl.col("critical").fill_null(False), "abc", "line", nulls_last=True)
    )
