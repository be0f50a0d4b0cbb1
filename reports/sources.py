"""Every pull of a period: what came, what it was good for, how it changed, and what was set aside with its reasons."""

import polars as pl

from reports import expectations
from reports.about import About
from reports.listing import Column
from reports.sections import Card, Sections, long_list, table
from reports.tables import Tables, of_period

VERDICTS = ("RED", "AMBER", "GREEN")
PULLS = (
    Column("name", "Source"),
    Column("verdict", "Verdict", "tag", facet=True, order=VERDICTS),
    Column("landed", "Landed", "number"),
    Column("used", "Used", "number"),
    Column("duplicate", "Duplicate", "number"),
    Column("quarantined", "Quarantined", "number"),
    Column("before", "Used before", "number"),
    Column("as_of", "Speaks for", "date"),
    Column("reasons", "What is wrong with it"),
    Column("feed", "Feed", facet=True, shown=False),
    Column("system", "System", facet=True, shown=False),
    Column("endpoint_or_file", "Endpoint or file", shown=False),
    Column("filters", "Filters", shown=False),
    Column("extracted_at", "Extracted at", "date", shown=False),
    Column("extracted_by", "Extracted by", shown=False),
    Column("warnings", "Warnings", shown=False),
    Column("lacks", "Columns that no row fills", shown=False),
    Column("reading", "How it was read", shown=False),
    Column("proof", "What proves its end", shown=False),
    Column("distinct", "Different records", "number", shown=False),
    Column("declared", "Records declared", "number", shown=False),
    Column("pages", "Pages", "number", shown=False),
    Column("retries", "Requests repeated", "number", shown=False),
    Column("waited_seconds", "Seconds waited", "number", shown=False),
    Column("override", "Override", shown=False),
    Column("snapshot_id", "Snapshot", shown=False),
)
FINDINGS = (
    Column("rule", "Finding"), Column("subject", "Source"), Column("verdict", "Verdict", "tag"), Column("why", "Why"),
)  # fmt: skip
SET_ASIDE = (
    Column("place", "Row"),
    Column("source", "Source", facet=True),
    Column("reasons", "Why", facet=True),
    Column("raw", "As it came"),
    Column("feed", "Feed", facet=True, shown=False),
    Column("snapshot_id", "Snapshot", shown=False),
)
VERDICTS_OVER_TIME = (Column("name", "Source"),)


def build(tables: Tables, about: About) -> Sections:
    """The page on sources of one period."""
    name = pl.format("{}/{}", "feed", "source").alias("name")
    before = of_period(tables, "sources", about.previous or "").select("feed", "source", before="used")
    pulls = (
        of_period(tables, "sources", about.period)
        .join(before, on=["feed", "source"], how="left", maintain_order="left")
        .with_columns(name, *(_local(column, about) for column in ("as_of", "extracted_at")))
        .sort(pl.col("verdict").replace_strict({v: n for n, v in enumerate(VERDICTS)}, default=None), "name")
    )
    set_aside = (
        of_period(tables, "quarantine", about.period)
        .with_columns(
            pl.format("{}/{} {}", "feed", "source", "row").alias("place"),
            pl.col("reasons").list.join("; "),
        )
        .sort("feed", "source", "row")
    )
    months = [*about.earlier[-11:], about.period]
    verdicts = (
        tables["sources"]
        .lazy()
        .filter(pl.col("period").is_in(months))
        .with_columns(name)
        .collect()
        .pivot("period", index="name", values="verdict", aggregate_function="first")
        .sort("name")
    )
    shown = [month for month in months if month in verdicts.columns]
    missing = pulls["snapshot_id"].null_count()
    refused = pulls.filter(pl.col("verdict") == "RED").height
    findings = of_period(tables, "source_exceptions", about.period).sort("rule", "subject")
    return Sections(
        "Sources",
        "landed = used + duplicate + quarantined, for every source; absence is concluded from GREEN ones alone.",
        (
            Card(f"{pulls.height:,}", "sources configured", link="#pulls"),
            Card(f"{refused:,}", f"not accepted, {missing:,} of them missing", alarm=refused > 0, link="#pulls"),
            Card(f"{pulls['landed'].sum():,}", "rows landed", link="#pulls"),
            Card(f"{set_aside.height:,}", "rows set aside", link="#quarantine"),
            *expectations.cards(tables, about),
        ),
        (
            long_list("pulls", "Every pull", "Unfold a source for where it came from, what it lacks and who accepted "
                      "it.", PULLS, pulls, about, "No source is configured."),
            table("findings", "What is wrong with sources", "", FINDINGS, findings, about, "Nothing is wrong."),
            table("verdicts", "Verdicts over the months", "", (*VERDICTS_OVER_TIME, *(Column(month, month, "tag")
                  for month in shown)), verdicts, about, "No source was ever pulled."),
            long_list("quarantine", "Rows set aside", "As they came, with every reason; correct them at their source.",
                      SET_ASIDE, set_aside, about, "No row was set aside."),
            expectations.broken(tables, about),
        ),
    )  # fmt: skip


def _local(column: str, about: About) -> pl.Expr:
    """An instant where the organisation is; a state known to be of all time is said so."""
    return pl.col(column).dt.convert_time_zone(about.timezone)
