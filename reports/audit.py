"""For the auditor: who signed what, where figures come from, what was decided, overridden, loosened and reopened."""

from dataclasses import replace

import polars as pl

from reports.about import About
from reports.listing import Column
from reports.sections import Card, Sections, long_list, table
from reports.tables import Tables, of_period
from tieout.metrics import METRICS
from tieout.policy_changes import unsigned

PERIODS = (
    Column("period", "Period"), Column("state", "State"), Column("version", "Version", "number"),
    Column("preparer", "Prepared by"), Column("reviewer", "Reviewed by"), Column("closed_at", "Signed at", "date"),
    Column("conditions", "Conditions"), Column("content", "Content hash"),
)  # fmt: skip
PROOF = (
    Column("name", "Source"), Column("verdict", "Verdict", "tag"), Column("landed", "Landed", "number"),
    Column("used", "Used", "number"), Column("reading", "Read as"), Column("proof", "What proves its end"),
    Column("override", "Override"), Column("snapshot_id", "Snapshot"),
)  # fmt: skip
FIGURES = (
    Column("figure", "Figure"),
    Column("name", "Name", facet=True, shown=False),
    Column("scope", "Of", shown=False),
    Column("value", "Value", "number"),
    Column("numerator", "Counted", "number"),
    Column("denominator", "Of how many", "number"),
    Column("excluded", "Left out", "number"),
    Column("unit", "Unit", facet=True),
    Column("kind", "Kind", facet=True),
    Column("threshold", "Threshold", "number"),
    Column("breached", "Breached", facet=True),
    Column("rests_on", "Rests on", shown=False),
)
RULES = (
    Column("rule", "Rule"), Column("population", "Population", "number"), Column("fired", "Fired", "number"),
    Column("superseded", "Superseded", "number"), Column("exempt", "Exempt", "number"),
    Column("clean", "Clean", "number"), Column("unknown", "Unknown", "number"),
    Column("not_evaluated", "Not evaluated", "number"), Column("rule_hash", "Hash of the rule", shown=False),
    Column("params", "Limits in force", shown=False), Column("reason", "Why not evaluated", shown=False),
)  # fmt: skip
DECISIONS = (
    Column("number", "Decision"),
    Column("at", "Taken at", "date"),
    Column("kind", "Kind", facet=True),
    Column("said", "What was decided"),
    Column("thing", "About", link="reconciliation.html#", to="listed"),
    Column("who", "By", facet=True),
    Column("approver", "Approved by"),
    Column("state", "State", facet=True),
    Column("exception_id", "Exception", shown=False),
    Column("os_user", "Recorded by", facet=True, shown=False),
    Column("role", "Role", shown=False),
    Column("channel", "Channel", facet=True, shown=False),
    Column("reason", "Reason", shown=False),
    Column("comment", "Comment", shown=False),
    Column("until", "Until", "date", shown=False),
    Column("document", "Document", shown=False),
    Column("value", "Worth when decided", "money", shown=False),
    Column("file", "Hash of the imported file", shown=False),
    Column("sha256", "Hash of the entry", shown=False),
    Column("listed", "Listed in this period", shown=False),
)
CHANGES = (
    Column("period", "Period"), Column("what", "Change"), Column("rule", "Rule"), Column("from_value", "From"),
    Column("to_value", "To"),
    Column("loosened", "Loosens"), Column("silenced", "Silenced", "number"), Column("added", "Added", "number"),
    Column("who", "By"), Column("why", "Why"), Column("until", "Until", "date"), Column("approved", "Approved"),
)  # fmt: skip
VERIFIED = (Column("finding", "What is not as it was recorded"),)
CONFLICTS = (
    Column("exception_id", "About"), Column("os_user", "One person at the keyboard"), Column("kinds", "Steps"),
    Column("people", "In the names of"),
)  # fmt: skip
LATE = (
    Column("exception_id", "Exception", shown=False), Column("subject", "Subject"), Column("rule", "Rule", facet=True),
    Column("adjusts", "Closed month", facet=True), Column("change", "Change", facet=True),
    Column("value_closed", "As closed", "money"), Column("value_now", "As it would be", "money"),
    Column("difference", "Difference", "money"), Column("sources", "By deliveries of"),
)  # fmt: skip
WAIVERS, LADDER, MONTHS = ("waive", "keep"), ("approve", "release", "realise"), ("close", "reopen", "purge")
NEEDS = {metric.name: metric.needs for metric in METRICS}


def build(tables: Tables, about: About) -> Sections:
    """The auditor's page of one period."""
    at = pl.col("at").dt.convert_time_zone(about.timezone)
    listed = of_period(tables, "exceptions", about.period)["exception_id"].implode()
    known = tables["exceptions"].lazy().sort("period").unique("exception_id", keep="last")
    things = known.select("exception_id", thing=pl.format("{} {}", "rule", "subject"))
    log = (
        tables["decisions"]
        .lazy()
        .with_columns(at, number=pl.format("D{}", "seq"), said="decision")
        .join(things, on="exception_id", how="left")
        .with_columns(
            pl.coalesce("thing", "exception_id"),
            listed=pl.when(pl.col("exception_id").is_in(listed)).then("exception_id"),
        )
        .sort("seq")
        .collect()
    )
    counting = log.filter(pl.col("state").is_in(["counts", "later"]))  # what a month comes to is approved after its end
    months = [*about.earlier, about.period]
    periods = pl.DataFrame({"period": months}).join(
        tables["periods"].lazy().collect(), on="period", how="left", maintain_order="left"
    ).with_columns(pl.col("closed_at").dt.convert_time_zone(about.timezone))  # fmt: skip
    settled = periods.filter(pl.col("state").is_in(["closed", "purged"]))["period"].to_list()
    changes = _changes(tables, unsigned(about.period, settled), counting)
    unapproved = changes.filter(pl.col("loosened").fill_null(False) & (pl.col("approved") == "no")).height
    conflicts = _conflicts(counting)
    sources = of_period(tables, "sources", about.period).with_columns(name=pl.format("{}/{}", "feed", "source"))
    runs = of_period(tables, "rule_runs", about.period).sort("rule")
    figures = of_period(tables, "metrics", about.period).with_columns(
        figure=pl.when(pl.col("scope") == "all").then("name").otherwise(pl.format("{} / {}", "name", "scope")),
        rests_on=pl.col("name").replace_strict(
            _rests_on(sources), default="what the month came to", return_dtype=pl.String
        ),
    )
    verified = pl.DataFrame({"finding": about.verified}, schema={"finding": pl.String})
    reopened = periods.filter(pl.col("state") == "reopened").height
    overrides = log.filter(
        (pl.col("kind") == "override") & pl.col("exception_id").str.starts_with(f"source/{about.period}/")
    )
    late = of_period(tables, "adjustments", about.period).sort("adjusts", "rule", "subject")
    waivers = log.filter(pl.col("kind").is_in(WAIVERS))
    nothing = "There is none."
    return Sections(
        "Audit",
        f"The log held {about.decisions:,} decisions as this page was written, each naming the hash of the one before; "
        f"its head is {about.chain_head}."
        if about.decisions
        else "The log held no decision as this page was written.",
        (
            Card(periods["state"].tail(1).fill_null("open")[0], f"is the state of {about.period}", link="#periods"),
            Card(f"{overrides.height:,}", "overrides of deliveries", link="#overrides"),
            Card(f"{unapproved:,}", "loosening policy changes without approval", alarm=unapproved > 0, link="#policy"),
            Card(f"{conflicts.height:,}", "role conflicts", alarm=conflicts.height > 0, link="#conflicts"),
            Card(f"{reopened:,}", "months opened again", link="#periods"),
            Card(f"{verified.height:,}", "findings of tieout verify", alarm=verified.height > 0, link="#verify"),
        ),
        (
            table("periods", "Months and signatures", "", PERIODS, periods, about, nothing),
            table("sign-offs", "Closed, opened again, purged", "Who did it, who agreed, and why.",
                  (*_of(DECISIONS), Column("reason", "Reason")), log.filter(pl.col("kind").is_in(MONTHS)), about,
                  nothing),
            table("verify", "Held against what was recorded",
                  "The decisions, the sign-offs and what landed for this month, as this page was written; the command "
                  "tieout verify holds every month and what is published, too.",
                  VERIFIED, verified, about, "Decisions, sign-offs and what landed for this month are as they were "
                  "recorded. The command tieout verify holds every month and what is published, too."),
            table("proof", "Where it comes from, and what proves it whole",
                  "Every figure rests on these deliveries; unfold them on the page on sources.",
                  PROOF, sources.sort("name"), about, "No source is configured."),
            table("overrides", "Overrides", "Deliveries that two people took as they are.", _of(DECISIONS), overrides,
                  about, nothing),
            table("policy", "Policy changes", "What limits, switches and exemptions say since the last closed period.",
                  CHANGES, changes, about, nothing),
            table("conflicts", "Role conflicts", "Steps of one saving that one person at the keyboard recorded.",
                  CONFLICTS, conflicts, about, nothing),
            table("waivers", "Waivers and kept seats", "", _of(DECISIONS), waivers, about, nothing),
            long_list("adjustments", "What late deliveries would have changed in closed months", "", LATE,
                      late, about, nothing),
            long_list("figures", "Figures", "Each with what it counts, of how many, and how many were left out.",
                      FIGURES, figures.sort("name", "scope"), about, "No figure was taken."),
            long_list("rules", "Rules", "population = fired + superseded + exempt + clean + unknown + not evaluated.",
                      RULES, runs, about, "No rule was run."),
            long_list("decisions", "Every decision", "Only ever added to; a correction names the one it takes back.",
                      DECISIONS, log, about, nothing),
        ),
    )  # fmt: skip


def _rests_on(sources: pl.DataFrame) -> dict[str, str]:
    """The deliveries that each figure rests on, with their verdicts, by the name of the figure."""
    came = {
        feed: ", ".join(
            f"{name} {verdict}" for name, verdict in rows.select("name", "verdict").sort("name").iter_rows()
        )
        for (feed,), rows in sources.group_by("feed")
    }
    return {
        figure: "; ".join(came.get(str(feed), f"{feed}: nothing came") for feed in needs)
        for figure, needs in NEEDS.items()
        if needs
    }


def _of(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(replace(column, link="") for column in columns if column.shown)


def _changes(tables: Tables, since: pl.Expr, counting: pl.DataFrame) -> pl.DataFrame:
    """The policy changes that a sign-off of the period answers for, and who approved each."""
    approvals = counting.filter(pl.col("kind") == "approve").select(change_id="exception_id", by="who")
    approved = pl.coalesce("approver", "by", pl.when(pl.col("loosened").fill_null(False)).then(pl.lit("no")))
    return (
        tables["policy_changes"]
        .lazy()
        .filter(since)
        .collect()
        .join(approvals.unique("change_id", keep="last"), on="change_id", how="left", maintain_order="left")
        .with_columns(approved=approved)
        .sort("period", "what", "change_id")
    )


def _conflicts(counting: pl.DataFrame) -> pl.DataFrame:
    """Exceptions of which one person at the keyboard recorded several steps that take different people."""
    return (
        counting.filter(pl.col("kind").is_in(LADDER))
        .group_by("exception_id", "os_user")
        .agg(
            pl.col("kind").unique(maintain_order=True).str.join(", ").alias("kinds"),
            pl.col("who").unique(maintain_order=True).str.join(", ").alias("people"),
            pl.col("kind").n_unique().alias("steps"),
        )
        .filter(pl.col("steps") > 1)
        .sort("exception_id", "os_user")
    )
