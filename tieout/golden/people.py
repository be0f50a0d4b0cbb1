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

HOLDINGS = {"person_id": pl.String(), "product_key": pl.Categorical()}
"""Which products people have paid seats of; those that are only out of sight are kept."""

RETURNS: Mapping[str, pl.DataType] = {
    "person_id": pl.String(), "asset_tag": pl.String(), "asset_class": pl.String(), "department": pl.String(),
    "left_on": pl.Date(), "due_on": pl.Date(), "returned_on": pl.Date(), "in_time": pl.Boolean(),
}  # fmt: skip
"""One row a device of a leaver."""
RETURN_RULE = "held-by-leaver"
EARLY_DAYS = 30  # what is given back within so many days before the last one is given back because of it


def build(ground: Ground, grains: Mapping[str, Grain], returns: pl.DataFrame, seats_held: pl.DataFrame) -> pl.DataFrame:
    """Everyone HR shows or showed; `seats_held` as it is told below.

    A count is null where a source that is not alive might show more; `still_open` is what a leaver is seen to have of
    all three, null where nothing is seen and something might be hidden.
    """
    world = ground.world
    assets = grains["asset"].frame.filter(pl.col("status").is_in(ON_BOOKS))
    accounts = grains["account"].frame.filter(pl.col("status") == "active")
    counted = {
        "devices_held": _per_person(assets, "custodian_id"),
        "accounts_active": _per_person(accounts, "owner_id"),
    }
    frame = ground.people.known.join(seats_held, on="person_id", how="left", maintain_order="left")
    for name, counts in counted.items():
        frame = frame.join(counts.rename({"len": name}), on="person_id", how="left", maintain_order="left")
    frame = frame.with_columns(pl.col("seats_held", *counted).fill_null(0))
    first = "memory_holdings" not in world.memory
    certain = {
        "devices_held": pl.lit(world.alive("assets")),
        "seats_held": pl.col("seats_hidden").is_null() & pl.lit(world.alive("seats") or not first),
        "accounts_active": pl.lit(world.alive("accounts")),
    }
    seen = pl.sum_horizontal(*certain).cast(pl.Int64)
    told = pl.col("left_on").is_not_null() & ((seen > 0) | pl.all_horizontal(certain.values()))
    frame = frame.with_columns(
        pl.when(told).then(seen).alias("still_open"),
        *(pl.when(known).then(name).alias(name) for name, known in certain.items()),
    )
    done = _done(frame, ground, returns)
    return done.sort("person_id").select(pl.col(name).cast(kind) for name, kind in PEOPLE.items())


def _done(frame: pl.DataFrame, ground: Ground, returns: pl.DataFrame) -> pl.DataFrame:
    """Since when nothing of a leaver is left, and how long that took, to as_of while something is.

    The day is that of the last return, or the first as_of that no longer showed what an earlier one did; the last day
    of work where none ever showed anything.
    """
    today, left = pl.lit(ground.world.today), pl.col("left_on")
    remembered = ground.world.remembered("memory_offboarding", MEMORY)
    before = remembered.rename({"left_on": "left_before", "done_on": "done_before"})
    back = returns.filter(pl.col("returned_on").is_not_null()).group_by("person_id")
    same = left.eq_missing(pl.col("left_before"))
    was_seen = pl.col("last_open_on").is_not_null()
    first_gone = pl.when(was_seen).then(today).otherwise(pl.max_horizontal("left_on", "last_return"))
    done_on = (
        pl.when(pl.col("still_open") > 0).then(None)
        .when(same & pl.col("done_before").is_not_null()).then("done_before")
        .when((pl.col("still_open") == 0) & left.is_not_null()).then(first_gone)
    )  # fmt: skip
    known = pl.col("still_open").is_not_null() | pl.col("done_on").is_not_null()
    took = (pl.coalesce("done_on", today) - left).dt.total_days().clip(0)
    return (
        frame.join(before, on="person_id", how="left", maintain_order="left")
        .join(back.agg(pl.col("returned_on").max().alias("last_return")), on="person_id", how="left")
        .with_columns(
            pl.when(pl.col("still_open") > 0).then(today).when(same).then("last_open_on").alias("last_open_on")
        )
        .with_columns(done_on.cast(pl.Date).alias("done_on"))
        .with_columns(pl.when(known).then(took).alias("done_days"))
    )


def holdings(ground: Ground, seats: Grain) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who has paid seats of what, in the order of the seats, and what they had that is out of sight now: `HOLDINGS`.

    Out of sight is what is not seen because its source is not alive.
    """
    counted = seats.frame.lazy().filter(pl.col("counted") & pl.col("holder_id").is_not_null())
    held = counted.select("product_key", person_id="holder_id").select(list(HOLDINGS)).collect()
    alive = ground.world.alive_for("seats", pl.col("product_key"), ground.coverage("seats"))
    before = ground.world.remembered("memory_holdings", HOLDINGS).filter(~alive)
    return held, before.join(held, on=list(HOLDINGS), how="anti")


def seats_held(held: pl.DataFrame, hidden: pl.DataFrame) -> pl.DataFrame:
    """How many paid seats each person has, and whether others may be hidden: person_id, seats_held, seats_hidden."""
    counts = _per_person(held, "person_id").rename({"len": "seats_held"})
    others = hidden.select("person_id", seats_hidden=pl.lit(True)).unique()
    return counts.join(others, on="person_id", how="full", coalesce=True)


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


def memory(people: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Since when all of each leaver's things are gone."""
    return {"memory_offboarding": people.filter(pl.col("left_on").is_not_null()).select(list(MEMORY))}


def _per_person(rows: pl.DataFrame, holder: str) -> pl.DataFrame:
    """How many rows each person has: person_id, len."""
    counted = rows.filter(pl.col(holder).is_not_null()).group_by(person_id=holder)
    return counted.agg(pl.len().cast(pl.Int64))
