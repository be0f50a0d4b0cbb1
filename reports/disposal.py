"""Chain of custody: every batch on its way out, the stage each item has reached, and what proves it."""

import polars as pl

from reports.about import About
from reports.entries import COLUMNS, SETTLED, Exceptions
from reports.listing import Column
from reports.sections import Card, Sections, long_list
from reports.tables import Tables, counted, of_period, silent, unless

NO_BATCH = "no batch"
BATCHES = (
    Column("batch_id", "Batch"),
    Column("vendor", "Vendor", facet=True),
    Column("route", "Routes"),
    Column("items", "Items", "number"),
    Column("finished", "Finished", "number"),
    Column("data", "With data", "number"),
    Column("certified", "of them certified", "number"),
    Column("longest", "Longest in a stage, days", "number"),
    Column("flawed", "With flaws", "number"),
    Column("stages", "Where they are"),
)
ITEMS = (
    Column("item", "Item"),
    Column("batch_id", "Batch", facet=True),
    Column("stage", "Stage", facet=True),
    Column("stage_days", "Days in it", "number"),
    Column("state", "State", facet=True),
    Column("data_bearing", "Holds data", facet=True),
    Column("certified", "Certified", facet=True),
    Column("missing_documents", "Missing documents"),
    Column("flaws", "Flaws"),
    Column("asset_class", "Class", facet=True, shown=False),
    Column("vendor", "Vendor", facet=True, shown=False),
    Column("route", "Route", facet=True, shown=False),
    Column("is_drive", "A drive of another item", shown=False),
    Column("recorded", "There is a disposal record", facet=True, shown=False),
    Column("stage_on", "Stage reached on", "date", shown=False),
    Column("out_on", "Out on", "date", shown=False),
    Column("certified_on", "Certified on", "date", shown=False),
)
OPEN = tuple(column for column in COLUMNS if column.name != "may")


def build(tables: Tables, about: About, exceptions: Exceptions) -> Sections:
    """The page on disposal of one period."""
    items = of_period(tables, "disposals", about.period).with_columns(
        pl.col("batch_id").fill_null(NO_BATCH),
        state=pl.when("redeployed").then(pl.lit("redeployed")).when("finished").then(pl.lit("finished"))
        .when(pl.col("finished").is_null()).then(pl.lit("not known")).otherwise(pl.lit("under way")),
    )  # fmt: skip
    gone = items.filter(pl.col("data_bearing").fill_null(False) & pl.col("out_on").is_not_null())
    proven = gone.filter(pl.col("certified").fill_null(False)).height
    under_way = items.filter(pl.col("state") == "under way").height
    rows = exceptions.rows.filter((pl.col("process") == "dispose") & ~pl.col("status").is_in(SETTLED))
    missing = silent(tables, about, "disposals")
    nothing = unless(missing, "Nothing is on its way out.")
    alive = rows.filter(pl.col("rule") == "life-after-death").height
    return Sections(
        "Disposal",
        "What left or is leaving, batch by batch; data-bearing items need a certificate that names them.",
        (
            Card(counted(under_way, missing), f"of {items.height:,} items under way", link="#items"),
            Card(f"{proven:,} of {gone.height:,}", "data-bearing items that left are certified",
                 alarm=proven < gone.height, link="#items"),
            Card(counted(alive, missing), "showed life after their end", alarm=alive > 0, link="#open"),
            Card(counted(rows.height, missing), "open exceptions of the disposal", link="#open"),
        ),
        (
            long_list("batches", "Batches", "", BATCHES, _batches(items), about, nothing),
            long_list("open", "What is wrong", "Also what lived on after its certificate.", OPEN, rows, about,
                      unless(missing, "Nothing is wrong with the disposal."), exceptions.details),
            long_list("items", "Every item", "", ITEMS,
                      items.sort("finished", "stage_days", "item", descending=[False, True, False], nulls_last=True),
                      about, nothing),
        ),
    )  # fmt: skip


def _batches(items: pl.DataFrame) -> pl.DataFrame:
    """One row a batch: how many items, how far, and how many are proven; the slowest first."""
    data = pl.col("data_bearing").fill_null(False)
    under_way = pl.col("state") == "under way"
    stages = (
        items.group_by("batch_id", "stage").len().sort("batch_id", "len", "stage", descending=[False, True, False])
        .group_by("batch_id", maintain_order=True)
        .agg(pl.format("{} {}", "len", pl.col("stage").fill_null("no stage")).str.join(", ").alias("stages"))
    )  # fmt: skip
    return (
        items.sort("item").group_by("batch_id").agg(
            pl.col("vendor").drop_nulls().unique().sort().str.join(", "),
            pl.col("route").drop_nulls().unique().sort().str.join(", "),
            items=pl.len(),
            finished=pl.col("finished").fill_null(False).sum(),
            data=data.sum(),
            certified=(data & pl.col("certified").fill_null(False)).sum(),
            longest=pl.col("stage_days").filter(under_way).max(),
            flawed=(pl.col("flaws").is_not_null() | pl.col("missing_documents").is_not_null()).sum(),
        )
        .join(stages, on="batch_id")
        .sort("longest", "batch_id", descending=[True, False], nulls_last=True)
    )  # fmt: skip
