"""Turns text records into typed rows of a feed: nothing is guessed, what breaks the contract is set aside whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import polars as pl

from tieout.feeds import DATA_BEARING, FEEDS, Feed, Kind
from tieout.mapping import ShapeError, as_json, shape
from tieout.parsing import Reading, expected, parse
from tieout.pull import UNREADABLE, Records
from tieout.settings import Settings, Source

_SHOWN = 80  # characters of a bad value that a reason quotes


@dataclass(frozen=True)
class Doubt:
    """Identifiers that a spreadsheet may have damaged: kept as they are, but said."""

    column: str
    count: int
    example: str
    why: str

    def __str__(self) -> str:
        return f"{self.column}: {self.count} values such as {self.example!r} {self.why}"


@dataclass(frozen=True)
class Unmapped:
    """A value that is no asset class and no alias of one; its rows are of class *other*."""

    column: str
    value: str
    count: int


@dataclass(frozen=True)
class Staged:
    """What became of every record of a delivery.

    `rows` are the feed's typed columns with `extra`, `_source` and `_row`, in the order of the delivery;
    `quarantine` has `_row`, every reason and the record as it came; `duplicates` counts rows identical to one kept.
    `blank` counts records without content, which are no rows. `fill` is the share of readable records that fill
    each column of the feed, `columns` the system's own column names. With a `failure` nothing was staged.
    """

    rows: pl.DataFrame
    quarantine: pl.DataFrame
    landed: int = 0
    duplicates: int = 0
    blank: int = 0
    columns: tuple[str, ...] = ()
    fill: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[Doubt, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    failure: str | None = None

    def __post_init__(self) -> None:
        if self.landed != self.used + self.duplicates + self.quarantined:
            raise ArithmeticError(
                f"{self.landed} rows landed, but {self.used} used + {self.duplicates} duplicate + "
                f"{self.quarantined} quarantined rows are accounted for"
            )

    @property
    def used(self) -> int:
        return self.rows.height

    @property
    def quarantined(self) -> int:
        return self.quarantine.height

    @classmethod
    def failed(cls, feed: Feed, why: str) -> Self:
        """A delivery of which no row can be used."""
        return cls(pl.DataFrame(schema=staged_schema(feed)), pl.DataFrame(schema=UNREADABLE), failure=why)


def staged_schema(feed: Feed) -> dict[str, pl.DataType]:
    """Columns and types of staged rows; the pipeline adds `_snapshot` when it knows it."""
    return {**feed.schema, "extra": pl.String(), "_source": pl.String(), "_row": pl.Int64()}


def stage(records: Records, source: Source, settings: Settings) -> Staged:
    """Type a delivery's records, set aside those that break the contract, and keep one of identical rows."""
    feed = FEEDS[source.feed]
    if records.failure:
        return Staged.failed(feed, records.failure)
    if not (records.columns or records.landed):  # of what names its columns in its records, none came
        return Staged(pl.DataFrame(schema=staged_schema(feed)), records.unreadable, blank=records.blank)
    try:
        shaped = shape(records.rows, source)
    except ShapeError as error:
        return Staged.failed(feed, str(error))
    reading = Reading(source, settings)
    text = shaped.with_columns(_trimmed(name) for name in feed.schema)
    typed = text.with_columns(parse(pl.col(column.name), column, reading) for column in feed.columns)
    reasons = _reasons(text, typed, feed, reading)
    sound = reasons.list.len() == 0
    quarantine = (
        records.rows.with_columns(reasons.alias("reasons"))
        .filter(~sound)
        .with_columns(as_json(list(records.columns)).alias("raw"))
    )
    typed = typed.with_columns(_guests(feed, settings))
    rows = typed.filter(sound).with_columns(*_defaults(feed), pl.lit(source.name).alias("_source"))
    unique = _unique(rows, feed)
    return Staged(
        rows=unique.select(list(staged_schema(feed))),
        quarantine=pl.concat([records.unreadable, quarantine.select(list(UNREADABLE))]).sort("_row"),
        landed=records.landed,
        duplicates=rows.height - unique.height,
        blank=records.blank,
        columns=records.columns,
        fill=_fill(text, feed),
        warnings=_doubts(text, feed),
        unmapped=_unmapped(text, feed, reading),
    )


def _unique(rows: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    """The first of identical rows, in order; only rows of one key can be, and finding these takes much less time."""
    rows = rows.sort("_row")
    repeated = rows.select(pl.struct(feed.key).hash().is_duplicated()).to_series()
    if not repeated.any():
        return rows
    several = rows.filter(repeated).unique([*feed.schema, "extra"], keep="first")
    return pl.concat([rows.filter(~repeated), several]).sort("_row")


def _trimmed(name: str) -> pl.Expr:
    trimmed = pl.col(name).str.strip_chars()
    return pl.when(trimmed != "").then(trimmed).alias(name)


def _reasons(text: pl.DataFrame, typed: pl.DataFrame, feed: Feed, reading: Reading) -> pl.Series:
    """Every reason why each row breaks the contract; an empty list for a sound row."""
    unread = {column.name: text[column.name].is_not_null() & typed[column.name].is_null() for column in feed.columns}
    reasons = [
        pl.select(
            pl.when(unread[column.name])
            .then(
                pl.format(
                    "{}: '{}' is not {}",
                    pl.lit(column.name),
                    text[column.name].str.head(_SHOWN),
                    pl.lit(expected(column, reading)),
                )
            )
            .when(pl.lit(column.required) & text[column.name].is_null())
            .then(pl.lit(f"{column.name} is empty, but every row needs it"))
            .alias(column.name)
        ).to_series()
        for column in feed.columns
        if unread[column.name].any() or (column.required and text[column.name].has_nulls())
    ]
    if not reasons:
        return pl.repeat([], text.height, dtype=pl.List(pl.String), eager=True)
    return pl.DataFrame(reasons).select(pl.concat_list(pl.all()).list.drop_nulls().alias("reasons")).to_series()


def _guests(feed: Feed, settings: Settings) -> list[pl.Expr]:
    """An account that does not say what it is for is a guest's if its address is none of the organisation's own."""
    if feed.name != "accounts" or not settings.email_domains:
        return []
    domain = pl.coalesce("email", "username").str.to_lowercase().str.extract(r"@([^@\s]+)$")
    own = [(domain == name) | domain.str.ends_with(f".{name}") for name in settings.email_domains]
    guest = pl.col("kind").is_null() & ~pl.any_horizontal(own)
    return [pl.when(guest).then(pl.lit("guest")).otherwise("kind").alias("kind")]


def _defaults(feed: Feed) -> list[pl.Expr]:
    """Fill what the contract says of empty fields."""
    filled = [
        pl.col(column.name).fill_null(pl.lit(column.default).cast(column.kind.dtype))
        for column in feed.columns
        if column.default is not None
    ]
    filled += [
        pl.when(pl.col(column.name).list.len() > 0).then(pl.col(column.name)).alias(column.name)
        for column in feed.columns
        if column.kind is Kind.LIST
    ]
    if "data_bearing" in feed:
        filled.append(pl.col("data_bearing").fill_null(pl.col("asset_class").is_in(DATA_BEARING)))
    if "committed_until" in feed:
        filled.append(pl.col("committed_until").fill_null(pl.col("term_end")))
    return filled


def _fill(text: pl.DataFrame, feed: Feed) -> dict[str, float]:
    if text.is_empty():
        return {}
    return {name: 1 - text[name].null_count() / text.height for name in feed.schema}


def _doubts(text: pl.DataFrame, feed: Feed) -> tuple[Doubt, ...]:
    """Identifiers in the spreadsheet form of a large number, or short of the zeros that their fellows begin with."""
    doubts: list[Doubt] = []
    for column in feed.columns:
        if column.kind is not Kind.ID:
            continue
        values = text[column.name].drop_nulls()
        formulas = values.filter(values.str.contains('^="[^"]*"$'))
        rounded = values.filter(values.str.contains(r"^\d(\.\d+)?E\+\d{2,}$"))
        digits = values.filter(values.str.contains(r"^\d+$"))
        widths = digits.filter(digits.str.contains("^0.")).str.len_chars().unique()
        short = digits.filter(digits.str.len_chars() < widths[0]) if widths.len() == 1 else digits.clear()
        for damaged, why in (
            (formulas, "are formulas by which an export keeps text from a spreadsheet; have it write the text alone"),
            (rounded, "look like numbers that a spreadsheet rounded"),
            (short, "are shorter than the others, as when a spreadsheet drops leading zeros"),
        ):
            if damaged.len():
                doubts.append(Doubt(column.name, damaged.len(), str(damaged.min()), why))
    return tuple(doubts)


def _unmapped(text: pl.DataFrame, feed: Feed, reading: Reading) -> tuple[Unmapped, ...]:
    found: list[Unmapped] = []
    for column in feed.columns:
        if column.kind is Kind.ASSET_CLASS:
            unknown = text.filter(
                pl.col(column.name).is_not_null() & reading.asset_class(pl.col(column.name)).is_null()
            )
            counts = unknown.group_by(column.name).len().sort(column.name)
            found += [Unmapped(column.name, value, count) for value, count in counts.iter_rows()]
    return tuple(found)
