"""One row a sign-in account: its state, and the person it belongs to."""

from datetime import date
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.feeds import NEVER
from tieout.identity.people import ACCOUNT_KEYS
from tieout.rule import Grain
from tieout.world import told_twice


def build(ground: Ground) -> Grain:
    """Every account of the directory; whose one is that two rows tell differently may be unknown."""
    world = ground.world
    alive = pl.lit(world.alive("people"))
    people = ground.people.known.select(
        owner_id="person_id", people__row="_id", owner_leaver="leaver", owner_left_on="left_on",
        owner_end_date="end_date", present="present",
    )  # fmt: skip
    disputed = pl.any_horizontal(told_twice(key) for key in (*ACCOUNT_KEYS.columns, "aliases"))
    nobody = alive & ~pl.col("conflict") & ~disputed & pl.col("owner_id").is_null()
    leaver = (
        pl.when(pl.col("owner_id").is_not_null() & (pl.col("present") | alive)).then("owner_leaver")
        .when(nobody).then(pl.lit(False))
    )  # fmt: skip
    login = pl.when(pl.col("last_login_at") > pl.lit(NEVER)).then(world.local_date(pl.col("last_login_at")))
    frame = (
        ground.accounts.join(people, on="owner_id", how="left", maintain_order="left")
        .with_columns(
            leaver.alias("owner_leaver"),
            alive.alias("people__alive"),
            (
                pl.when(pl.col("owner_id").is_not_null() & (pl.col("present") | alive))
                .then(pl.lit(True))
                .when(nobody)
                .then(pl.lit(False))
            ).alias("owner_known"),
            login.alias("last_login_on"),
            (login > pl.col("owner_end_date")).alias("used_after_leaving"),
        )
        .sort("account_id")
    )
    return Grain(
        name="account",
        feed="accounts",
        frame=frame.select(list(HEALTHY)),
        leans=dict.fromkeys(
            ("owner_id", "owner_known", "owner_leaver", "owner_left_on", "used_after_leaving", "conflict"), ("people",)
        ),
    )


HEALTHY: dict[str, Any] = {
    "_id": 0, "account_id": "u1", "username": "ada", "kind": "human", "status": "active",
    "last_login_on": date(2026, 10, 30), "owner_id": "p1", "conflict": False, "owner_known": True,
    "owner_leaver": False,
    "owner_left_on": None, "used_after_leaving": None, "people__row": 0, "people__alive": True,
}  # fmt: skip
