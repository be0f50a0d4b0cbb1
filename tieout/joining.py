"""How many records of a delivery name somebody or something that is known: a mapping gone wrong shows here first.

Who names what is told by key alone, as a rate; which person or asset a record means is resolved in `identity`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import polars as pl

from tieout import normalize
from tieout.feeds import Feed, Kind

_OF_PEOPLE = ("person_id", "email", "user_email", "username", "user_name", "seat_id")
_OF_DEVICES = ("serial", "asset_tag", "parent_serial", "code")
WHO = {
    "people": ("person_id", "email", "other_emails", "username"),
    "accounts": ("account_id", "username", "email", "aliases"),
    "memory_person_keys": ("key",),
    "memory_accounts": ("account_id",),
}
"""Feeds, and what is remembered of earlier months, with the columns that name a person."""
WHAT = {
    "assets": ("asset_tag", "serial"),
    "endpoints": ("asset_tag", "serial"),
    "memory_assets": ("asset_tag", "serial_key"),
}
"""The same for devices."""


@dataclass(frozen=True)
class Known:
    """Every key that names a person or a device, in normal form; each without repeats."""

    people: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    devices: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))

    def plus(self, table: str, rows: pl.DataFrame) -> Self:
        """The same with the keys of a table more; one that names nobody and nothing adds none."""
        return replace(
            self,
            people=_united(self.people, rows, WHO.get(table, ()), normalize.email),
            devices=_united(self.devices, rows, WHAT.get(table, ()), normalize.serial),
        )


def joined(rows: pl.DataFrame, feed: Feed, who: Known) -> float | None:
    """The share of the rows that name anybody or anything of whom one is known.

    Null where no row names any, or where nobody is known yet: then nothing can be told.
    """
    looked_up = [
        (name, normal, keys.to_frame("key"))
        for columns, normal, keys in (
            (_people_of(feed), normalize.email, who.people),
            (_devices_of(feed), normalize.serial, who.devices),
        )
        for name in columns
        if not keys.is_empty()
    ]
    rest = rows.select(name for name, _, _ in looked_up)
    for name, normal, keys in reversed(looked_up):  # addresses first, which know most; ids come at the beginning
        rest = rest.with_columns(normal(pl.col(name))).join(keys, left_on=name, right_on="key", how="anti")
    known = rows.height - rest.height if looked_up else 0
    strangers = rest.filter(pl.any_horizontal(pl.lit(False), pl.all().is_not_null())).height
    return known / (known + strangers) if known + strangers else None


def _people_of(feed: Feed) -> list[str]:
    """Columns that mean people; those of HR itself say who there is."""
    meant = [c.name for c in feed.columns if c.kind is Kind.PERSON or c.name in _OF_PEOPLE]
    return [] if feed.name == "people" else meant


def _devices_of(feed: Feed) -> list[str]:
    """Columns that mean devices; those of the register itself say what there is."""
    return [] if feed.name == "assets" else [c.name for c in feed.columns if c.name in _OF_DEVICES]


def _united(
    keys: pl.Series, rows: pl.DataFrame, columns: Sequence[str], normal: Callable[[pl.Expr], pl.Expr]
) -> pl.Series:
    named = [rows[name] for name in columns if name in rows.columns]
    if not named:
        return keys
    texts = [(one.explode() if isinstance(one.dtype, pl.List) else one).cast(pl.String).alias("key") for one in named]
    more = pl.concat(texts).unique().to_frame().select(normal(pl.col("key"))).to_series()
    return pl.concat([keys.alias("key"), more]).drop_nulls().unique()
