"""Pages made of cards, short tables and long lists: those on sources, people, stock, disposal and for the auditor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from reports import listing
from reports.about import About
from reports.listing import Column, Listing


@dataclass(frozen=True)
class Card:
    """One figure that stands large at the head of a page, with the words that follow it."""

    figure: str
    text: str
    alarm: bool = False
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A short table: every value as people read it."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, str | None], ...]


@dataclass(frozen=True)
class Section:
    """One part of a page; `nothing` is what it says when it has no rows."""

    name: str
    title: str
    lead: str
    part: Table | Listing
    nothing: str

    @property
    def is_list(self) -> bool:
        return isinstance(self.part, Listing)

    @property
    def is_empty(self) -> bool:
        return not (self.part.total if isinstance(self.part, Listing) else self.part.rows)


@dataclass(frozen=True)
class Sections:
    """A whole page."""

    title: str
    lead: str
    cards: tuple[Card, ...]
    sections: tuple[Section, ...]


def table(
    name: str, title: str, lead: str, columns: Sequence[Column], rows: pl.DataFrame, about: About, nothing: str
) -> Section:
    """A section with a short table of some columns of some rows."""
    text = listing.as_text(columns, rows, about.reporting_currency)
    shown = listing.in_currency(columns, about.reporting_currency)
    return Section(name, title, lead, Table(title, shown, tuple(text.to_dicts())), nothing)


def long_list(
    name: str, title: str, lead: str, columns: Sequence[Column], rows: pl.DataFrame, about: About, nothing: str,
    details: pl.DataFrame | None = None,
) -> Section:  # fmt: skip
    """A section with a list to search; its first column tells rows apart, `details` stand under them."""
    built = listing.build(f"{name}-list", title, columns, rows, about, details=details)
    return Section(name, title, lead, built, nothing)
