"""One row a person: what they hold, and of leavers what of it is still open and since when all of it is gone."""

from collections.abc import Mapping, Sequence

import polars as pl

from tieout.facts.ground import Ground
from tieout.facts.loan import BACK
from tieout.identity.devices import ON_BOOKS
from tieout.rule import Grain, Params, Rule

PEOPLE: Mapping[str, pl.DataType] = {
    "person_id": pl.String(), "status": pl.String(), "employment_type": pl.String(), "department": pl.String(),
    "cost_center": pl.String(), "location": pl.String(), "start_date": pl.Date(), "left_on": pl.Date(),
    "present": pl.Boolean(), "devices_held": pl.Int64(), "seats_held": pl.Int64(), "accounts_active": pl.Int64(),
    "still_open": pl.Int64(), "last_open_on": pl.Date(), "done_on": pl.Date(), "done_days": pl.Int64(),
}  # fmt: skip
MEMORY = {
    "person_id": pl.String(), "left_on": pl.Date(), "last_open_on": pl.Date(), "done_on": pl.Date(),
}  # fmt: skip
"""Per leaver: the last as_of at which something of theirs was open, and when all of it was gone."""

RETURNS: Mapping[str, pl.DataType] = {
    "person_id": pl.String(), "asset_tag": pl.String(), "asset_class": pl.String(), "department": pl.String(),
    "left_on": pl.Date(), "due_on": pl.Date(), "returned_on": pl.Date(), "in_time": pl.Boolean(),
}  # fmt: skip
"""One row a device of a leaver."""
RETURN_RULE = "held-by-leaver"
EARLY_DAYS = 30  # what is given back within so many days before the last one is given back because of it


def build(ground: Ground, grains: Mapping[str, Grain], returns: pl.DataFrame) -> pl.DataFrame:
    """Everyone HR shows or showed.

    Counts are null where their source is not alive; `still_open` is what a leaver still has of all three. `done_on` is
    the day on which nothing was left: that of the last return, or the first as_of that no longer showed what an
    earlier one did; the last day of work where none did. `done_days` counts to as_of while something is open.
    """
    world = ground.world
    assets = grains["asset"].frame.filter(pl.col("status").is_in(ON_BOOKS))
    seats = grains["seat"].frame.filter(pl.col("counted"))
    accounts = grains["account"].frame.filter(pl.col("status") == "active")
    held = {
        "devices_held": (_per_person(assets, "custodian_id"), "assets"),
        "seats_held": (_per_person(seats, "holder_id"), "seats"),
        "accounts_active": (_per_person(accounts, "owner_id"), "accounts"),
    }
    frame = ground.people.known
    for name, (counts, feed) in held.items():
        known = pl.lit(world.alive(feed) and world.admitted(feed))
        frame = frame.join(counts, on="person_id", how="left", maintain_order="left").with_columns(
            pl.when(known).then(pl.col("len").fill_null(0)).alias(name)
        )
        frame = frame.drop("len")
    left = pl.col("left_on")
    remembered = world.remembered("memory_offboarding", MEMORY).rename(
        {"left_on": "left_before", "done_on": "done_before"}
    )
    last_return = returns.filter(pl.col("returned_on").is_not_null()).group_by("person_id").agg(
        pl.col("returned_on").max().alias("last_return")
    )  # fmt: skip
    still_open = pl.when(left.is_not_null()).then(pl.sum_horizontal(*held, ignore_nulls=False).cast(pl.Int64))
    today = pl.lit(world.today)
    same = left.eq_missing(pl.col("left_before"))
    gone = still_open == 0
    first_gone = (
        pl.when(pl.col("last_open_on").is_not_null()).then(today).otherwise(pl.max_horizontal("left_on", "last_return"))
    )
    frame = (
        frame.join(remembered, on="person_id", how="left", maintain_order="left")
        .join(last_return, on="person_id", how="left", maintain_order="left")
        .with_columns(
            still_open.alias("still_open"),
            pl.when(still_open > 0).then(today).when(same).then("last_open_on").alias("last_open_on"),
        )
        .with_columns(
            pl.when(pl.col("still_open") > 0).then(None)
            .when(same & pl.col("done_before").is_not_null()).then("done_before")
            .when(gone & left.is_not_null()).then(first_gone)
            .cast(pl.Date)
            .alias("done_on")
        )
        .with_columns(
            pl.when(pl.col("still_open").is_not_null() | pl.col("done_on").is_not_null())
            .then((pl.coalesce("done_on", today) - left).dt.total_days().clip(0))
            .alias("done_days")
        )
    )  # fmt: skip
    return frame.sort("person_id").select(pl.col(name).cast(kind) for name, kind in PEOPLE.items())


def returns(ground: Ground, assets: Grain, rules: Sequence[Rule]) -> pl.DataFrame:
    """Every device that a leaver has to give back, or gave back: when it was due, and whether it came in time.

    Due the `return_days` of held-by-leaver after the last day. A movement tells the day of the return, else the
    register's change of status. `in_time` is null while it is neither back nor overdue, and where it left the person
    on an unknown day.
    """
    world = ground.world
    leavers = ground.people.known.filter("leaver").select("person_id", "left_on", "department")
    held = assets.frame.select("tag_key", "asset_tag", "asset_class", "status", "status_since", "custodian_id")
    now = held.filter(pl.col("status").is_in(ON_BOOKS)).select("tag_key", person_id="custodian_id", held=pl.lit(True))
    before = ground.assets_before.filter(pl.col("status").is_in(ON_BOOKS))
    once = pl.concat(
        [
            before.select("tag_key", person_id="custodian_id"),
            assets.frame.select("tag_key", person_id="last_custodian_id"),
        ]
    )
    given_back = (
        ground.movements.filter(pl.col("kind").is_in([*BACK, "transfer"]) & pl.col("asset_key").is_not_null())
        .select("occurred_on", tag_key="asset_key", person_id="from_id")
        .join(leavers, on="person_id")
        .filter(pl.col("occurred_on") >= pl.col("left_on").dt.offset_by(f"-{EARLY_DAYS}d"))
        .group_by("tag_key", "person_id")
        .agg(pl.col("occurred_on").min().alias("moved_back_on"))
    )
    pairs = pl.concat([now.drop("held"), once, given_back.drop("moved_back_on")]).drop_nulls().unique()
    limits = [Params(rule, world.settings, held.columns).return_days for rule in rules if rule.slug == RETURN_RULE]
    due_on = pl.col("left_on") + pl.duration(days=limits[0] if limits else pl.lit(None, pl.Int64))
    since = pl.when(pl.col("status_since") >= pl.col("left_on").dt.offset_by(f"-{EARLY_DAYS}d")).then("status_since")
    in_hand = pl.col("held").fill_null(False)
    return (
        pairs.join(leavers, on="person_id")
        .join(now, on=["tag_key", "person_id"], how="left")
        .join(given_back, on=["tag_key", "person_id"], how="left")
        .join(held, on="tag_key", how="left")
        .with_columns(
            due_on.alias("due_on"),
            pl.when(~in_hand).then(pl.coalesce("moved_back_on", since)).alias("returned_on"),
            pl.col("asset_tag").fill_null(pl.col("tag_key")),
        )
        .filter(in_hand | pl.col("returned_on").is_not_null())
        .with_columns(
            pl.when(pl.col("returned_on").is_not_null())
            .then(pl.col("returned_on") <= pl.col("due_on"))
            .when(pl.col("due_on") < pl.lit(world.today))
            .then(pl.lit(False))
            .alias("in_time")
        )
        .sort("person_id", "tag_key")
        .select(pl.col(name).cast(kind) for name, kind in RETURNS.items())
    )


def memory(ground: Ground, people: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Since when all of each leaver's things are gone."""
    kept = people.filter(pl.col("left_on").is_not_null()).select(list(MEMORY))
    return {"memory_offboarding": kept}


def _per_person(rows: pl.DataFrame, holder: str) -> pl.DataFrame:
    """How many rows each person has: person_id, len."""
    counted = rows.filter(pl.col(holder).is_not_null()).group_by(person_id=holder)
    return counted.agg(pl.len().cast(pl.Int64))
