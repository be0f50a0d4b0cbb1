"""One row a record that says whose it is: an account or a seat, and whether its keys agree on one person."""

from typing import Any

import polars as pl

from tieout.facts.ground import SEAT_KEYS, Ground
from tieout.identity.people import ACCOUNT_KEYS, Keys
from tieout.rule import SEPARATOR, Grain
from tieout.world import filled


def build(ground: Ground) -> Grain:
    """Every account, and every seat, by the text the catalogue names it by."""
    alive = pl.lit(ground.world.alive("people"))
    accounts = ground.accounts.filter(pl.col("status").ne_missing("deprovisioned")).select(
        pl.col("_id"), pl.lit(None, pl.UInt32).alias("seats__row"), pl.col("account_id").alias("claimant"),
        pl.col("account_id").alias("claimant_key"), pl.lit("account").alias("record"), _conflict(ACCOUNT_KEYS),
    )  # fmt: skip
    seats = ground.holders.select(
        pl.lit(None, pl.UInt32).alias("_id"), pl.col("_id").alias("seats__row"),
        (pl.col("product") + "/" + pl.col("seat_id")).alias("claimant"),
        (pl.col("product_key") + SEPARATOR + pl.col("seat_id")).alias("claimant_key"),
        pl.lit("seat").alias("record"), _conflict(SEAT_KEYS),
    )  # fmt: skip
    frame = pl.concat([accounts, seats.collect()]).with_columns(
        pl.when(alive).then("conflict"),  # a key that names two people may name one where all are there
        pl.lit(None, pl.UInt32).alias("people__row"),
        alive.alias("people__alive"),
        pl.lit(ground.world.alive("seats")).alias("seats__alive"),
    )
    return Grain(
        name="claimant",
        feed="accounts",
        also=("seats",),
        frame=frame.select(list(HEALTHY)),
        keys={"claimant": "claimant_key"},
        gone=pl.when(pl.col("subject_key").str.contains(SEPARATOR, literal=True))
        .then(
            ground.world.alive_for(
                "seats", pl.col("subject_key").str.split(SEPARATOR).list.first(), ground.coverage("seats")
            )
        )
        .otherwise(pl.lit(ground.world.alive("accounts"))),
        leans={"conflict": ("people",)},
    )


def _conflict(keys: Keys) -> pl.Expr:
    """Whether the keys disagree; null where two rows of the record tell one of them differently."""
    disputed = pl.any_horizontal(pl.col(column).is_null() & filled(column) for column in keys.columns)
    return pl.col("conflict") | pl.when(~disputed).then(pl.lit(False))


HEALTHY: dict[str, Any] = {
    "_id": 0, "seats__row": None, "seats__alive": True, "claimant": "u1", "claimant_key": "u1", "record": "account",
    "conflict": False, "people__row": None, "people__alive": True,
}  # fmt: skip
