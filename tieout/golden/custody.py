"""Changes of custody of the period, each counted once: those a movement records, and the silent ones."""

from collections.abc import Mapping

import polars as pl

from tieout.facts.ground import Ground
from tieout.facts.movement import CONFIRMED
from tieout.rule import Grain

CHANGES: Mapping[str, pl.DataType] = {
    "change": pl.String(), "kind": pl.String(), "asset_class": pl.String(), "occurred_on": pl.Date(),
    "complete": pl.Boolean(), "missing": pl.String(),
}  # fmt: skip


def changes(ground: Ground, grains: Mapping[str, Grain]) -> pl.DataFrame:
    """Every custody change of the period, and whether its record is complete; null where that is not known.

    Where policy asks for confirmation, an assign or a transfer is complete only when the receiver confirmed it within
    `confirm_days`. A custodian that changed without any movement naming the new one is a silent change.
    """
    world = ground.world
    policy = world.settings.policy
    confirmed = world.rows("movements").select("_id", "confirmed_at", "occurred_at")
    days = (world.local_date(pl.col("confirmed_at")) - world.local_date(pl.col("occurred_at"))).dt.total_days()
    late = pl.col("kind").is_in(CONFIRMED) & pl.lit(policy.confirm) & (days > policy.confirm_days).fill_null(False)
    recorded = (
        grains["movement"]
        .frame.filter(pl.col("custody_change") & pl.col("in_period"))
        .join(confirmed, on="_id", how="left", maintain_order="left")
        .select(
            "kind", "asset_class", "occurred_on", change="event_id",
            complete=pl.col("complete") & ~late,
            missing=pl.when(late & pl.col("complete")).then(pl.lit("confirmed in time")).otherwise("missing"),
        )
    )  # fmt: skip
    silent = grains["asset"].frame.filter(pl.col("custodian_changed") & ~pl.col("handed_over").fill_null(False))
    unrecorded = silent.select(
        "asset_class", change="asset_tag", kind=pl.lit("silent"),
        complete=pl.when(~pl.col("handed_over")).then(pl.lit(False)), missing=pl.lit("the movement"),
    )  # fmt: skip
    return (
        pl.concat([recorded, unrecorded], how="diagonal")
        .with_columns(pl.col("missing").replace("", None))
        .select(pl.col(name).cast(kind) for name, kind in CHANGES.items())
        .sort("kind", "change")
    )
