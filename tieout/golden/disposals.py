"""One row a thing on its way out: which stage it has reached, for how long, and what proves it."""

from collections.abc import Mapping

import polars as pl

from tieout.disposal import records
from tieout.facts.ground import Ground
from tieout.rule import Grain

DISPOSALS: Mapping[str, pl.DataType] = {
    "item": pl.String(), "asset_class": pl.String(), "is_drive": pl.Boolean(), "batch_id": pl.String(),
    "vendor": pl.String(), "route": pl.String(), "data_bearing": pl.Boolean(), "recorded": pl.Boolean(),
    "stage": pl.String(), "stage_on": pl.Date(), "stage_days": pl.Int64(), "finished": pl.Boolean(),
    "redeployed": pl.Boolean(), "out_on": pl.Date(), "certified": pl.Boolean(), "certified_on": pl.Date(),
    "missing_documents": pl.String(), "flaws": pl.String(),
}  # fmt: skip


def build(items: Grain, ground: Ground) -> pl.DataFrame:
    """Every item of every disposal; `missing_documents` names what its route requires and none of its records says."""
    batches = (
        records(ground)
        .filter("current")
        .group_by("item_key", maintain_order=True)
        .agg(pl.col("batch_id", "vendor").drop_nulls().last())
    )
    return (
        items.frame.join(batches, on="item_key", how="left", maintain_order="left")
        .with_columns(pl.col("missing_documents", "flaws").replace("", None))
        .sort("item_key")
        .select(pl.col(name).cast(kind) for name, kind in DISPOSALS.items())
    )
