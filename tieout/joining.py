"""How many records of a delivery name somebody or something that is known: a mapping gone wrong shows here first.

Who names what is told by key alone, as a rate; which person or asset a record means is resolved in `identity`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
    """Every key that names a person or a device, in normal form; each sorted and without repeats."""

    people: pl.Series
    devices: pl.Series


def known(tables: Mapping[str, pl.DataFrame]) -> Known:
    """The keys in those of the tables in WHO and WHAT that there are."""
    return Known(_keys(tables, WHO, normalize.email), _keys(tables, WHAT, normalize.serial))


def joined(rows: pl.DataFrame, feed: Feed, who: Known) -> float | None:
    """The share of the rows that name anybody or anything of whom one is known.

    Null where no row names any, or where nobody is known yet: then nothing can be told.
    """
    named, found = [], []
    for columns, normal, keys in (
        (_people_of(feed), normalize.email, who.people),
        (_devices_of(feed), normalize.serial, who.devices),
    ):
        if not keys.is_empty():
            named += [normal(pl.col(name)).is_not_null() for name in columns]
            found += [normal(pl.col(name)).is_in(keys.implode()) for name in columns]
    if not named:
        return None
    naming = rows.select(pl.any_horizontal(named).alias("named"), pl.any_horizontal(found).alias("found"))
    total = int(naming["named"].sum())
    return naming.filter("named", "found").height / total if total else None


def _people_of(feed: Feed) -> list[str]:
    """Columns that mean people; those of HR itself say who there is."""
    meant = [c.name for c in feed.columns if c.kind is Kind.PERSON or c.name in _OF_PEOPLE]
    return [] if feed.name == "people" else meant


def _devices_of(feed: Feed) -> list[str]:
    """Columns that mean devices; those of the register itself say what there is."""
    return [] if feed.name == "assets" else [c.name for c in feed.columns if c.name in _OF_DEVICES]


def _keys(
    tables: Mapping[str, pl.DataFrame], naming: Mapping[str, Sequence[str]], normal: Callable[[pl.Expr], pl.Expr]
) -> pl.Series:
    keys = [pl.Series([], dtype=pl.String)]
    for table, columns in naming.items():
        for column in tables[table].get_columns() if table in tables else ():
            if column.name in columns:
                keys.append((column.explode() if isinstance(column.dtype, pl.List) else column).cast(pl.String))
    united = pl.concat(column.alias("key") for column in keys).to_frame()
    return united.select(normal(pl.col("key"))).to_series().drop_nulls().unique().sort()
