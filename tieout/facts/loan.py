"""One row a thing that was ever lent: a device, or an article in one person's hands, and whether it is still out.

A device is back with the next check-in, return or reclaim, or when it is handed on to somebody else. Of an article
pieces are counted: what was brought back before the log begins never makes up for later loans.
"""

from datetime import date
from typing import Any

import polars as pl

from tieout import money, normalize
from tieout.facts.ground import Ground
from tieout.identity.people import Keys
from tieout.rule import Grain

BACK = ("checkin", "return", "reclaim")
HANDED_ON = ("transfer", "assign")
ORDER = ["occurred_at", "event_id"]


def lending(ground: Ground) -> pl.DataFrame:
    """Every movement that lends, brings back or hands on, with the thing it moved and the persons' keys.

    `asset_thing` is set for devices, else `sku_key`; a person's key is the person_id, else the text as given.
    `identified` and `borrower_identified` are false where a register or HR that is not alive might name them otherwise.
    """
    assets_alive, people_alive = pl.lit(ground.world.alive("assets")), pl.lit(ground.world.alive("people"))
    moves = ground.devices.normal(ground.movements.filter(pl.col("kind").is_in(["checkout", *BACK, *HANDED_ON])))
    tags = ground.assets.select(asset_key="tag_key", registered_tag="asset_tag", asset_class="asset_class")
    return (
        moves.join(tags, on="asset_key", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("asset_key", "tag_key", "serial_key").alias("asset_thing"),
            pl.coalesce("registered_tag", pl.col("asset_tag").str.strip_chars(), "serial_key").alias("asset_name"),
            pl.col("sku").str.strip_chars(),
            *(
                pl.coalesce(f"{end}_id", normalize.email(pl.col(f"{end}_person"))).alias(f"{end}_key")
                for end in ("from", "to")
            ),
            pl.coalesce("to_id", pl.col("to_person").str.strip_chars()).alias("borrower"),
            (pl.col("asset_key").is_not_null() | pl.col("tag_key").is_not_null() | assets_alive).alias("identified"),
            (pl.col("to_id").is_not_null() | people_alive).alias("borrower_identified"),
            pl.col("quantity").fill_null(1),
        )
        .sort(*ORDER)
    )


def build(ground: Ground) -> Grain:
    """The latest loan of every thing."""
    world = ground.world
    moves = lending(ground)
    alive = pl.lit(world.alive("movements"))
    loans = pl.concat([_devices(moves), _articles(moves)], how="diagonal_relaxed")
    due_on = world.local_date(pl.col("due_at"))
    frame = ground.person(loans, Keys(any_kind="to_person", on="occurred_on"), "borrower").with_columns(
        pl.when(~pl.col("out")).then(pl.lit(False)).when(alive & ~pl.col("doubtful")).then(pl.lit(True)).alias("lent"),
        due_on.alias("due_on"),
        world.days_since(due_on).fill_null(0).alias("overdue_days"),
        pl.when(due_on.is_null()).then(world.days_since("occurred_on")).otherwise(0).alias("undated_days"),
        pl.min_horizontal(pl.when(due_on < pl.lit(world.today)).then(due_on), "borrower_left_on").alias("since_on"),
    )
    people = ("borrower_leaver", "borrower", "thing", "since_on", "identified")
    return Grain(
        name="loan",
        feed="movements",
        frame=frame.sort("thing_key").select(list(HEALTHY)),
        keys={"thing": "thing_key"},
        leans={**dict.fromkeys(people, ("movements", "people")), "asset_class": ("assets",)},
    )


def _devices(moves: pl.DataFrame) -> pl.DataFrame:
    """The latest loan of each device, and whether anything later brought it back or handed it on."""
    of_devices = moves.filter(pl.col("asset_thing").is_not_null())
    lent = of_devices.filter(pl.col("kind") == "checkout").unique("asset_thing", keep="last", maintain_order=True)
    later = of_devices.select("asset_thing", *ORDER, "kind", taker="to_key").join(
        lent.select("asset_thing", "to_key", *(pl.col(c).alias(f"lent_{c}") for c in ORDER)), on="asset_thing"
    )
    at_once = pl.col("occurred_at") == pl.col("lent_occurred_at")
    since = (pl.col("occurred_at") > pl.col("lent_occurred_at")) | (
        at_once & (pl.col("event_id") > pl.col("lent_event_id"))
    )
    away = pl.col("kind").is_in(HANDED_ON) & pl.col("taker").ne_missing(pl.col("to_key"))
    closed = later.filter(since & (pl.col("kind").is_in(BACK) | away)).select("asset_thing", back=pl.lit(True))
    return lent.join(closed.unique(), on="asset_thing", how="left", maintain_order="left").select(
        "_id", "_differing", "occurred_on", "due_at", "to_person", "borrower", "asset_class", "identified",
        thing="asset_name", thing_key="asset_thing", pieces="quantity",
        out=pl.col("back").is_null(), doubtful=pl.lit(False),
    )  # fmt: skip


def _articles(moves: pl.DataFrame) -> pl.DataFrame:
    """The latest loan of each article to each person, and how many pieces of it are still out.

    `doubtful` = pieces came back since without anybody's name.
    """
    of_stock = moves.filter(pl.col("asset_thing").is_null() & pl.col("sku_key").is_not_null())
    lent = of_stock.filter((pl.col("kind") == "checkout") & pl.col("to_key").is_not_null())
    giver = pl.when(pl.col("kind").is_in(BACK)).then(pl.coalesce("from_key", "to_key")).otherwise("from_key")
    back = of_stock.filter(pl.col("kind") != "checkout").with_columns(giver.alias("person_key"))
    anonymous = (
        back.filter(pl.col("kind").is_in(BACK) & pl.col("person_key").is_null())
        .group_by("sku_key")
        .agg(pl.col("occurred_at").max().alias("anonymous_at"))
    )
    pair = ["sku_key", "person_key"]
    signed = pl.concat(
        [
            lent.select("sku_key", *ORDER, "quantity", person_key="to_key", back=pl.lit(0)),
            back.select("sku_key", *ORDER, -pl.col("quantity"), "person_key", back=pl.lit(1)).drop_nulls("person_key"),
        ],
        how="diagonal",
    ).sort(*pair, "occurred_at", "back", "event_id")
    total = pl.col("quantity").cum_sum().over(pair)
    balance = (
        signed.with_columns(total.alias("total"))
        .group_by(pair)
        .agg((pl.col("total").last() - pl.min_horizontal(pl.col("total").min(), money.zero())).alias("pieces"))
    )
    return (
        lent.rename({"to_key": "person_key"})
        .unique(pair, keep="last", maintain_order=True)
        .join(balance, on=pair, how="left", maintain_order="left")
        .join(anonymous, on="sku_key", how="left", maintain_order="left")
        .select(
            "_id", "_differing", "occurred_on", "due_at", "to_person", "borrower", "pieces",
            thing=pl.concat_str("sku", "borrower", separator="/"),
            thing_key=pl.concat_str(pair, separator="/"),
            identified="borrower_identified",
            out=pl.col("pieces") > 0,
            doubtful=(pl.col("anonymous_at") >= pl.col("occurred_at")).fill_null(False),
        )
    )  # fmt: skip


HEALTHY: dict[str, Any] = {
    "_id": 0, "thing": "A-1", "thing_key": "A-1", "identified": True, "asset_class": "laptop",
    "occurred_on": date(2026, 10, 1),
    "due_on": date(2026, 10, 31), "lent": True, "pieces": 1, "overdue_days": 0, "undated_days": 0, "since_on": None,
    "borrower": "p1", "borrower_leaver": False, "people__row": 0, "people__alive": True,
}  # fmt: skip
