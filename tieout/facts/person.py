"""One row a person HR shows or showed: what they hold, when they joined, whether HR still shows them."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.identity.devices import ON_BOOKS
from tieout.rule import Grain

COMPUTERS = ("laptop", "desktop")
JOINER_DAYS = 90
"""For so long after starting, people are joiners: the limit `joiner_to_days` of unequipped-joiner."""


def _held(ground: Ground) -> pl.DataFrame:
    """What each person holds, with the day they got it: the later of the status's date and the last handover.

    `shown_since` is since when the register was seen to say so.
    """
    same = pl.col("custodian") == pl.col("custodian_before")
    shown = pl.max_horizontal("status_seen_on", "custodian_change_after")
    assets = ground.assets.select(
        "_id", "tag_key", "asset_class", "status", "status_since", "status_seen_on", "allowed", "custodian",
        "custodian_before", "custodian_change_after",
    ).filter(pl.col("status").is_in(ON_BOOKS) & pl.col("custodian").is_not_null())  # fmt: skip
    handed = (
        ground.movements.filter(pl.col("asset_key").is_not_null() & pl.col("to_id").is_not_null())
        .group_by(tag_key="asset_key", person_id="to_id")
        .agg(pl.col("occurred_on").max().alias("handed_on"))
    )
    return (
        assets.join(ground.custodians.select("_id", "person_id"), on="_id")
        .filter(pl.col("person_id").is_not_null())
        .join(handed, on=["tag_key", "person_id"], how="left")
        .with_columns(
            pl.max_horizontal("status_since", "handed_on").alias("held_since"),
            pl.when(same).then(shown).otherwise(pl.lit(ground.world.today)).alias("shown_since"),
        )
    )


def _excess(held: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """Per person the class with most devices in use beyond what policy allows, and since when."""
    place = pl.int_range(pl.len()).over("person_id", "asset_class")
    return (
        held.filter((pl.col("status") == "in_use") & pl.col("allowed").is_not_null())
        .sort(pl.coalesce("held_since", "shown_since"), "tag_key")
        .with_columns(place.alias("place"))
        .filter(pl.col("place") >= pl.col("allowed"))
        .group_by("person_id", "asset_class")
        .agg(
            pl.len().cast(pl.Int64).alias("excess"),
            pl.col("held_since").first().alias("excess_since"),
            pl.col("shown_since").first().alias("excess_shown_since"),
            pl.col("tag_key").sort().str.join("; ").alias("excess_tags"),
        )
        .sort(pl.coalesce("excess_since", "excess_shown_since"), "asset_class")
        .unique("person_id", keep="first", maintain_order=True)
        .with_columns(
            ground.world.days_since("excess_since").alias("excess_days"),
            ground.world.days_since("excess_shown_since").alias("excess_shown_days"),
        )
    )


def build(ground: Ground) -> Grain:
    """Everyone known."""
    world = ground.world
    held = _held(ground)
    rows = held.group_by("person_id").agg(
        pl.col("_id").sort().alias("assets__row"), pl.col("asset_class").is_in(COMPUTERS).any().alias("holds_computer")
    )
    alive = pl.lit(world.alive("assets"))
    people_alive = pl.lit(world.alive("people"))
    started = world.days_since("start_date")
    policy = world.settings.policy
    joiner_days = world.settings.limit(["unequipped-joiner"], "joiner_to_days", JOINER_DAYS)
    frame = (
        ground.people.known.join(rows, on="person_id", how="left")
        .join(_excess(held, ground), on="person_id", how="left")
        .with_columns(
            pl.when("present").then(pl.lit(True)).when(people_alive).then(pl.lit(False)).alias("present"),
            pl.when("holds_computer").then(pl.lit(True)).when(alive).then(pl.lit(False)).alias("holds_computer"),
            alive.alias("assets__alive"),
            started.alias("started_days"),
            pl.col("excess").fill_null(0),
            (pl.col("excess") > 0).fill_null(False).alias("in_excess"),
        )
        .with_columns(
            (~pl.col("present") & pl.col("in_green")).fill_null(False).alias("newly_absent"),
            pl.when(~pl.col("present")).then(pl.lit("subject_gone")).alias("let_go"),
        )
    )
    settled = (
        (pl.col("status") == "active")
        & (pl.col("employment_type") == "employee")
        & (pl.col("started_days").is_null() | (pl.col("started_days") > joiner_days))
    )
    departments = (
        frame.filter(settled & pl.col("department").is_not_null())
        .group_by("department")
        .agg(pl.len().alias("size"), pl.col("holds_computer").mean().alias("equipped"))
        .filter((pl.col("size") >= policy.department_size) & (pl.col("equipped") < policy.equipped_share))
        .select("department", unequipped=pl.lit(True))
    )
    frame = frame.join(departments, on="department", how="left").with_columns(
        pl.when(people_alive | pl.col("department").is_null())
        .then(pl.col("unequipped").fill_null(False))
        .alias("department_exempt")
    )
    return Grain(
        name="person",
        feed="people",
        frame=frame.sort("person_id").select(list(HEALTHY)),
        leans=dict.fromkeys(
            (
                "holds_computer",
                "in_excess",
                "excess",
                "excess_days",
                "excess_shown_days",
                "excess_since",
                "excess_tags",
                "department_exempt",
            ),
            ("assets",),
        ),
    )


HEALTHY: dict[str, Any] = {
    "_id": 0, "person_id": "p1", "status": "active", "status_before": "active", "employment_type": "employee",
    "department": "Lab", "cost_center": "100", "location": "Berlin", "start_date": date(2020, 1, 1),
    "started_days": 2495, "present": True, "newly_absent": False, "let_go": None, "seen_on": date(2026, 9, 30),
    "holds_computer": True, "in_excess": False, "excess": 0, "excess_since": None, "excess_days": None,
    "excess_shown_days": None,
    "excess_tags": None, "department_exempt": False, "assets__row": [0], "assets__alive": True,
}  # fmt: skip
