"""What every format gives: the records of one file as text, and those that are none."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from connectors.files.errors import FileError, hold
from tieout.pull import UNREADABLE
from tieout.settings import Limits

BATCH = 50_000
"""Records that are Python objects at one time: bounds memory."""
Unreadable = tuple[int, str, str]
"""A record that is none: its number, why, and the text as it came."""
_NAMELESS = "nameless column "  # and its place, from 1


@dataclass(frozen=True)
class Sheet:
    """What one file holds: rows of text with `_row`, the records that are none, and how many records in all."""

    rows: pl.DataFrame
    unreadable: pl.DataFrame
    records: int


def too_long(cell_chars: int) -> str:
    """Why a record with an overlong cell is none."""
    return f"a cell is longer than its limit, cell_chars = {cell_chars}"


def named(header: Sequence[str], limits: Limits) -> list[str]:
    """The names of a file's columns, each its own; one without a name is called by its place."""
    hold(len(header), "columns", limits)
    names = [name if name.strip() else f"{_NAMELESS}{place}" for place, name in enumerate(header, 1)]
    for place, name in enumerate(names, 1):
        if "\0" in name:
            raise FileError("its header holds NUL characters; declare the encoding the file was written in")
        if name in names[: place - 1]:
            raise FileError(f"two columns are called {name!r}; give each its own name")
        if name == "_row":
            raise FileError("a column is called '_row', which is kept for the number of the record; rename it")
    return names


def without_nameless(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop the columns that have neither a name nor any value."""
    nameless = [name for name in rows.columns if name.startswith(_NAMELESS)]
    return rows.drop(name for name in nameless if (rows[name].fill_null("") == "").all())


def set_aside(unreadable: list[Unreadable]) -> pl.DataFrame:
    """Records that are none, as a frame."""
    rows = [(number, [reason], raw) for number, reason, raw in unreadable]
    return pl.DataFrame(rows, schema=UNREADABLE, orient="row")
