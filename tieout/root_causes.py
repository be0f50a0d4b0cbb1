"""Where exceptions come from: the lifecycle step that should have prevented them, and what keeps producing them.

Beside the process, exceptions are counted by bin (where spares and devices lie), team (the department that holds the
thing) and step (the check of a process that failed). A cause is recurring when it had new or returning exceptions in
three periods in a row.
"""

from collections.abc import Mapping

import polars as pl

from tieout import normalize
from tieout.figures import Month
from tieout.metrics import OF_ASSETS
from tieout.money import MONEY

ROOT_CAUSES: Mapping[str, pl.DataType] = {
    "kind": pl.String(), "name": pl.String(), "exceptions": pl.Int64(), "new": pl.Int64(), "reopened": pl.Int64(),
    "overdue": pl.Int64(), "subjects": pl.Int64(), "valued": pl.Int64(), "value": MONEY,
    "periods_in_a_row": pl.Int64(), "recurring": pl.Boolean(),
}  # fmt: skip
MEMORY = {"kind": pl.String(), "name": pl.String(), "periods_in_a_row": pl.Int64()}
RECURRING_FROM = 3  # periods in a row
NEVER_ADDED = "view"
OF_LINES = ("stock_line", "book_line")


def trace(month: Month) -> dict[str, pl.DataFrame]:
    """The causes of the open exceptions, largest first, and how long each has kept producing them."""
    listed = _placed(month)
    opened = month.tables["exception_history"].filter(
        (pl.col("to_status") == "open") & pl.col("why").is_in(["new", "returned"])
    )
    opened = opened.select("exception_id", opened=pl.col("why")).unique("exception_id")
    causes = pl.concat(
        [
            listed.select(pl.all(), kind=pl.lit(kind), name=name)
            for kind, name in (
                ("process", pl.col("process")),
                ("bin", pl.col("bin_name")),
                ("team", pl.col("team_name")),
                ("step", pl.format("{}: {}", "process", "rule")),
            )
        ]
    ).filter(pl.col("name").is_not_null())
    before = month.world.remembered("memory_root_causes", MEMORY).rename({"periods_in_a_row": "row_before"})
    today = pl.lit(month.world.today)
    added = pl.when(pl.col("value_kind") != NEVER_ADDED).then("value")
    highest = pl.col("added").rank("ordinal", descending=True).over("kind", "name", "subject") == 1
    counted = (
        causes.join(opened, on="exception_id", how="left", maintain_order="left")
        .with_columns(added.alias("added"))
        .with_columns(pl.when(highest).then("added").alias("once"))  # a subject counts once, at its highest
        .group_by("kind", "name")
        .agg(
            pl.len().alias("exceptions"),
            (pl.col("opened") == "new").sum().alias("new"),
            (pl.col("opened") == "returned").sum().alias("reopened"),
            (pl.col("due_on") < today).sum().alias("overdue"),
            pl.col("subject").n_unique().alias("subjects"),
            pl.col("added").count().alias("valued"),
            pl.when(pl.col("value_kind").drop_nulls().n_unique() == 1).then(
                pl.when(pl.col("once").count() > 0).then(pl.col("once").sum())
            ).alias("value"),
        )
        .join(before, on=["kind", "name"], how="left")
    )  # fmt: skip
    produced = (pl.col("new") + pl.col("reopened")) > 0
    in_a_row = pl.when(produced).then(pl.col("row_before").fill_null(0) + 1).otherwise(0)
    table = (
        counted.with_columns(in_a_row.alias("periods_in_a_row"))
        .with_columns((pl.col("periods_in_a_row") >= RECURRING_FROM).alias("recurring"))
        .select(pl.col(name).cast(kind) for name, kind in ROOT_CAUSES.items())
        .sort("kind", "exceptions", "name", descending=[False, True, False])
    )
    return {
        "root_causes": table,
        "memory_root_causes": table.filter(pl.col("periods_in_a_row") > 0).select(list(MEMORY)),
    }


def _placed(month: Month) -> pl.DataFrame:
    """The open exceptions with the bin and the team each is about, where it is about one."""
    tag = normalize.code(pl.col("subject"))
    in_bin = pl.concat_str("location", "bin", separator="/", ignore_nulls=True)
    devices = (
        month.tables["devices"]
        .filter("on_register")
        .select(tag=normalize.code(pl.col("asset_tag")), device_bin=pl.when(pl.col("bin").is_not_null()).then(in_bin))
        .drop_nulls("tag")
        .unique("tag")
    )
    people = month.tables["people"].select("person_id", team_name="department")
    teams = month.tables["involved"].join(people, on="person_id").select("exception_id", "team_name")
    of_device = pl.col("subject_type").is_in(OF_ASSETS)
    line = pl.when(pl.col("subject_type").is_in(OF_LINES)).then(pl.col("subject").str.replace(r"^[^/]*/", ""))
    return (
        month.current.with_columns(pl.when(of_device).then(tag).alias("tag"), line.alias("line_bin"))
        .join(devices, on="tag", how="left", maintain_order="left")
        .join(teams, on="exception_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("line_bin", "device_bin").alias("bin_name"))
    )
