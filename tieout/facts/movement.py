"""One row an entry of the movements log: what the record of a change of custody lacks."""

from datetime import date
from typing import Any

import polars as pl

from tieout.approval import other_than
from tieout.facts.ground import Ground
from tieout.rule import Grain
from tieout.world import filled, told_twice

REQUIRED = {
    "transfer": ("asset", "from_person", "to_person", "to_location", "condition", "reason", "approved_by"),
    "relocation": ("asset", "from_location", "to_location"),
    "assign": ("asset", "to_person", "to_location", "condition", "reason", "approved_by"),
    "return": ("asset", "from_person", "to_location", "condition", "reason", "approved_by"),
    "reclaim": ("asset", "from_person", "reason"),
}
"""What a change of custody must say, beside the instant; a transfer that names no person is a relocation."""
CONFIRMED = ("transfer", "assign")
"""Changes that the receiver confirms, where policy asks for it."""
FIELDS = tuple(dict.fromkeys(field for fields in REQUIRED.values() for field in fields))


def build(ground: Ground) -> Grain:
    """Every movement."""
    world = ground.world
    moves = ground.devices.normal(ground.movements)
    classes = ground.assets.select("asset_class", asset_key="tag_key")
    nobody = ~(filled("from_person") | filled("to_person"))
    people_alive = world.alive("people")
    parties = (("from_person", "from_id"), ("to_person", "to_id"))
    by_others = pl.all_horizontal(
        other_than("approved_by", "approved_by_id", party, party_id, people_alive=people_alive)
        for party, party_id in parties
    )
    named = (
        pl.any_horizontal(pl.col("tag_key", "serial_key").is_not_null())
        | told_twice("asset_tag")
        | told_twice("serial")
    )
    given = {field: filled(field) for field in FIELDS if field != "asset"} | {"asset": named, "approved_by": by_others}
    change = pl.col("change")
    needed = {
        **{field: change.is_in([kind for kind in REQUIRED if field in REQUIRED[kind]]) for field in FIELDS},
        "confirmed_at": change.is_in(CONFIRMED) & pl.lit(world.settings.policy.confirm),
    }
    given["confirmed_at"] = filled("confirmed_at")
    stock_only = pl.col("sku_key").is_not_null() & ~named
    frame = (
        moves.join(classes, on="asset_key", how="left", maintain_order="left")
        .with_columns(
            pl.when((pl.col("kind") == "transfer") & nobody)
            .then(pl.lit("relocation"))
            .otherwise("kind")
            .alias("change"),
            world.fresh(pl.col("occurred_on")).alias("in_period"),
        )
        .with_columns(
            (change.is_in(list(REQUIRED)) & ~stock_only).alias("custody_change"),
            pl.concat_list(pl.when(needed[field] & ~given[field]).then(pl.lit(field)) for field in needed)
            .list.drop_nulls()
            .list.join("; ")
            .alias("missing"),
            pl.all_horizontal(~needed[field] | given[field] for field in needed).alias("complete"),
        )
        .sort("event_id")
    )
    return Grain(
        name="movement",
        feed="movements",
        frame=frame.select(list(HEALTHY)),
        leans={"complete": ("movements", "people"), "missing": ("movements", "people"), "asset_class": ("assets",)},
    )


HEALTHY: dict[str, Any] = {
    "_id": 0, "event_id": "M-1", "kind": "transfer", "change": "transfer", "custody_change": True,
    "asset_class": "laptop", "occurred_on": date(2026, 10, 5), "in_period": True, "complete": True, "missing": "",
}  # fmt: skip
