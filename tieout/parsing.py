"""Reads the text of one column as its type. What cannot be read for certain becomes null, never a guess."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from tieout.feeds import NEVER, SCALE, Column, Kind, canonical
from tieout.kinds import EPOCHS
from tieout.normalize import each_once
from tieout.settings import Settings, Source

DIGITS = {Kind.MONEY: 14, Kind.NUMBER: 9, Kind.RATE: 9, Kind.INTEGER: 9, Kind.SPAN: 4}
"""Digits before the point: Decimal(38, 10) holds the product of money and a number, a year of it and more."""
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(9999, 12, 31)  # outside lies a two-digit year or a mistake
_YEAR_ONE = datetime(1, 1, 2, tzinfo=UTC)  # until then, and from 1601 to 1970, calendars of systems begin
_NEVER_FROM, _NEVER_UNTIL = datetime(1600, 12, 31, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000  # in 1973; a smaller count is one of seconds
_LAST_COUNT = 253_402_300_799_000_000  # microseconds from 1970 to that last day's end
_ISO = (
    r"^(?<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?<minute>[0-9]{2}:[0-9]{2})(?::(?<second>[0-9]{2})(?:[.,](?<part>[0-9]{1,6})[0-9]*)?)?)?"
    r" ?(?:(?<utc>[Zz]|UTC)|(?<sign>[+-])(?<hours>[0-9]{2})(?::?(?<minutes>[0-9]{2}))?)?$"
)
_PLAIN_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_PLAIN_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
_TRUE, _FALSE = ("true", "yes", "y", "1"), ("false", "no", "n", "0")
_TIME_OF_DAY = re.compile("%[-_0]?[HIklTRrXcs+]")
_OFFSET = re.compile("%[:#]?z")
_UTC = re.compile("(?<!%)Z$| (?:UTC|GMT)$")  # written out in a pattern, it says as much as an offset
_JSON_TEXTS = r'^\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]$'


@dataclass(frozen=True)
class Reading:
    """How one source writes its values."""

    source: Source
    settings: Settings

    @property
    def zone(self) -> str:
        """The zone of instants that name none."""
        return self.source.timezone or self.settings.timezone

    def formats(self, column: Column) -> list[str]:
        """The declared date patterns of a column, tried in order before ISO 8601."""
        return self.source.formats.get(column.name, self.source.date_format)

    def asset_class(self, text: pl.Expr) -> pl.Expr:
        """The asset class a text names, by the workspace's aliases first; null if it names none."""
        return fold(text).replace_strict(self.settings.class_words, default=None, return_dtype=pl.String)


def parse(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    """Read trimmed text as the column's type; null where it is empty or cannot be read for certain."""
    if column.kind in _WORDS:
        dtype = column.kind.dtype
        return each_once(text, lambda each: _PARSERS[column.kind](each, column, reading), dtype).alias(column.name)
    return _PARSERS.get(column.kind, _as_it_is)(text, column, reading).alias(column.name)


def expected(column: Column, reading: Reading) -> str:
    """What a value of the column looks like, in words that end a sentence."""
    if column.kind is Kind.ENUM:
        return f"one of {', '.join(column.values)}"
    words = _EXPECTED.get(column.kind, "text")
    if column.kind in (Kind.DATE, Kind.INSTANT, Kind.USED) and (formats := reading.formats(column)):
        words += f" or {' or '.join(formats)}"
    if column.kind in DIGITS:
        words += f" ({_marks(reading.source)})"
    return words


def fold(text: pl.Expr) -> pl.Expr:
    """Text as words are compared: any case, outer space dropped, `-`, space and `_` alike."""
    return text.str.strip_chars().str.to_lowercase().str.replace_all(r"[-_\s]+", "_")


def amount(text: pl.Expr, source: Source, kind: Kind = Kind.MONEY) -> pl.Expr:
    """A number in the source's notation as Decimal; null if it is none or has too many digits or decimals.

    Negative are `-12.50`, `12.50-` and `(12.50)`. Thousands must be grouped by the declared separator. Money may bear
    the sign of its currency.
    """
    if source.decimal_separator == ".":
        dtype = pl.Decimal(38, SCALE)
        return _plainly(
            text,
            rf"^-?[0-9]{{1,{DIGITS[kind]}}}(?:\.[0-9]{{1,{SCALE}}})?$",
            lambda plain: plain.cast(dtype, strict=False),
            lambda rest: _any_amount(rest, source, kind),
            dtype,
        )
    return _any_amount(text, source, kind)


def _any_amount(text: pl.Expr, source: Source, kind: Kind) -> pl.Expr:
    text = text.str.replace_all("\u2212", "-").str.replace_all("[\u00a0\u202f]", " ").str.replace_all("’", "'")
    if kind is Kind.MONEY:
        text = text.str.replace(r"^([-+(]*)\s*\p{Sc}\s*", "$1").str.replace(r"\s*\p{Sc}\s*([-)]?)$", "$1")
    text = (
        pl.when(text.str.contains(r"^\([^-+()]+\)$"))
        .then(pl.concat_str(pl.lit("-"), text.str.slice(1).str.head(-1)))
        .when(text.str.contains(r"^[^-+()]+-$"))
        .then(pl.concat_str(pl.lit("-"), text.str.head(-1).str.strip_chars()))
        .otherwise(text)
    )
    point, group = re.escape(source.decimal_separator), re.escape(source.thousands_separator)
    whole = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+)" if group else r"[0-9]+"
    written = text.str.contains(rf"^[-+]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)$")
    plain = text.str.replace_all(source.thousands_separator, "", literal=True) if group else text
    plain = plain.str.replace(source.decimal_separator, ".", literal=True)
    fits = plain.str.contains(rf"^[-+]?0*[0-9]{{0,{DIGITS[kind]}}}(?:\.[0-9]{{0,{SCALE}}}0*)?$")
    return pl.when(written & fits).then(plain).cast(pl.Decimal(38, SCALE), strict=False)


def _as_it_is(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    return text


def _boolean(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    words = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
    return text.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)


def _enumeration(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    return fold(text).replace_strict({canonical(v): v for v in column.values}, default=None, return_dtype=pl.String)


def _asset_class(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    return pl.when(text.is_not_null()).then(reading.asset_class(text).fill_null("other"))


def _list(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    """`a; b`, or the JSON text of a list of texts as nested values arrive."""
    of_json = text.str.extract_all(r'"(?:[^"\\]|\\.)*"').list.eval(
        pl.element().str.slice(1).str.head(-1).str.replace_all(r"\\(.)", "$1")
    )
    values = pl.when(text.str.contains(_JSON_TEXTS)).then(of_json).otherwise(text.str.split(";"))
    return values.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))


def _number(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    return amount(text, reading.source, column.kind)


def _rate(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    rate = _number(text, column, reading)
    return pl.when(rate > 0).then(rate)


def _integer(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    number = _number(text, column, reading)
    whole = number.cast(pl.Int64, strict=False)
    return pl.when(whole.cast(pl.Decimal(38, SCALE)) == number).then(whole)


def _currency(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    code = text.str.to_uppercase()
    return pl.when(code.str.contains("^[A-Z]{3}$")).then(code)


def _date(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    """A day; of an instant, the day it falls on at the source's place."""
    ways = [
        _by_pattern(text, pattern, reading.zone).dt.convert_time_zone(reading.zone).dt.date()
        if pattern in EPOCHS or _OFFSET.search(pattern) or _UTC.search(pattern)
        else text.str.to_date(pattern, strict=False)
        for pattern in reading.formats(column)
    ]
    ways = [pl.when(way.is_between(_FIRST_DAY, _LAST_DAY)).then(way) for way in ways]
    iso = _plainly(
        text,
        _PLAIN_DAY,
        lambda plain: plain.str.to_date("%Y-%m-%d", strict=False),
        lambda rest: _iso_instant(rest, reading.zone).dt.convert_time_zone(reading.zone).dt.date(),
        pl.Date(),
    )
    return pl.coalesce(*ways, pl.when(iso.is_between(_FIRST_DAY, _LAST_DAY)).then(iso))


def _instant(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    at = _any_instant(text, column, reading)
    return pl.when(at.dt.date().is_between(_FIRST_DAY, _LAST_DAY)).then(at)


def _used(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    """An instant of use; systems write *never* as a word or as the first day of their calendar.

    A year of the first centuries is one of two digits: nobody knows whether of never or of last week.
    """
    at = _any_instant(text, column, reading)
    word = text.str.contains(r"^(?i:never)$|^(1970|0001)-01-01")
    never = word | at.is_between(_NEVER_FROM, _NEVER_UNTIL, closed="left") | (at < _YEAR_ONE)
    return pl.when(never).then(pl.lit(NEVER)).when((at >= _NEVER_UNTIL) & (at.dt.date() <= _LAST_DAY)).then(at)


def _any_instant(text: pl.Expr, column: Column, reading: Reading) -> pl.Expr:
    ways = [_by_pattern(text, pattern, reading.zone) for pattern in reading.formats(column)]
    iso = _plainly(
        text,
        _PLAIN_INSTANT,
        lambda plain: plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False),
        lambda rest: _iso_instant(rest, reading.zone),
        pl.Datetime("us", "UTC"),
    )
    return pl.coalesce(*ways, iso)


def _plainly(
    text: pl.Expr,
    plain: str,
    quick: Callable[[pl.Expr], pl.Expr],
    careful: Callable[[pl.Expr], pl.Expr],
    dtype: pl.DataType,
) -> pl.Expr:
    """Read text of the usual form the quick way, and the rest, if there is any, with all care: ten times as long."""

    def told(texts: pl.Series) -> pl.Series:
        usual = texts.str.contains(plain).fill_null(True)
        if usual.all():
            return _read(texts, quick)
        nothing = pl.repeat(None, texts.len(), dtype=pl.String, eager=True)
        known, rest = texts.zip_with(usual, nothing), texts.zip_with(~usual, nothing)
        return _read(known, quick).zip_with(usual, _read(rest, careful))

    return text.map_batches(told, return_dtype=dtype)


def _read(texts: pl.Series, way: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    return texts.to_frame("text").select(way(pl.col("text"))).to_series()


def _by_pattern(text: pl.Expr, pattern: str, zone: str) -> pl.Expr:
    if pattern in EPOCHS:
        return _counted(text, pattern)
    if _OFFSET.search(pattern):
        return text.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
    if _TIME_OF_DAY.search(pattern):
        local = text.str.to_datetime(pattern, time_unit="us", strict=False)
    else:
        local = text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
    return _at_home(local, "UTC" if _UTC.search(pattern) else zone)


def _counted(text: pl.Expr, pattern: str) -> pl.Expr:
    """An instant that is counted since 1970 began; seconds are not taken for milliseconds of its first years."""
    count = text.str.extract(r"^([0-9]{1,14})(?:\.[0-9]*)?$").cast(pl.Int64)
    least = _MILLISECONDS_FROM if pattern == "epoch_milliseconds" else 0
    known = pl.when((count == 0) | count.is_between(least, _LAST_COUNT // EPOCHS[pattern])).then(count)
    return (known * EPOCHS[pattern]).cast(pl.Datetime("us", "UTC"))


def _iso_instant(text: pl.Expr, zone: str) -> pl.Expr:
    """An ISO 8601 day or instant in UTC; without a zone it is local, a day alone is its midnight."""
    parts = text.str.extract_groups(_ISO)
    local = pl.concat_str(
        parts.struct["day"],
        pl.lit("T"),
        parts.struct["minute"].fill_null("00:00"),
        pl.lit(":"),
        parts.struct["second"].fill_null("00"),
        pl.lit("."),
        parts.struct["part"].fill_null("").str.pad_end(6, "0"),
    ).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    minutes = parts.struct["hours"].cast(pl.Int64) * 60 + parts.struct["minutes"].fill_null("0").cast(pl.Int64)
    ahead = pl.when(parts.struct["sign"] == "-").then(-minutes).otherwise(minutes)
    ahead = pl.when(parts.struct["utc"].is_not_null()).then(0).otherwise(ahead)
    zoned = (local - pl.duration(minutes=ahead)).dt.replace_time_zone("UTC")
    return pl.when(ahead.is_not_null()).then(zoned).otherwise(_at_home(local, zone))


def _at_home(local: pl.Expr, zone: str) -> pl.Expr:
    """A local time in UTC: of an hour that comes twice the first, a skipped one by the clock of the day before."""
    first = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    day = pl.duration(days=1)
    before = (local - day).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(first, before.dt.convert_time_zone("UTC") + day)


def _marks(source: Source) -> str:
    grouped = f"{source.thousands_separator!r} between thousands" if source.thousands_separator else "no thousands mark"
    return f"decimal mark {source.decimal_separator!r}, {grouped}"


_PARSERS: Mapping[Kind, Callable[[pl.Expr, Column, Reading], pl.Expr]] = {
    Kind.LIST: _list,
    Kind.DATE: _date,
    Kind.INSTANT: _instant,
    Kind.USED: _used,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.SPAN: _integer,
    Kind.MONEY: _number,
    Kind.RATE: _rate,
    Kind.CURRENCY: _currency,
    Kind.BOOL: _boolean,
    Kind.ENUM: _enumeration,
    Kind.ASSET_CLASS: _asset_class,
}

_WORDS = (Kind.BOOL, Kind.CURRENCY, Kind.ENUM, Kind.ASSET_CLASS)
"""Kinds of which there are few different texts."""

_EXPECTED: Mapping[Kind, str] = {
    Kind.BOOL: "true or false",
    Kind.CURRENCY: "a three-letter currency code such as EUR",
    Kind.DATE: "a date such as 2026-10-31",
    Kind.INSTANT: "an instant such as 2026-10-31T23:59:00+01:00",
    Kind.USED: "an instant such as 2026-10-31T23:59:00+01:00, or Never",
    Kind.NUMBER: f"a number of at most {DIGITS[Kind.NUMBER]} digits and {SCALE} decimals",
    Kind.MONEY: f"an amount of at most {DIGITS[Kind.MONEY]} digits and {SCALE} decimals",
    Kind.RATE: f"a number above zero of at most {DIGITS[Kind.RATE]} digits and {SCALE} decimals",
    Kind.INTEGER: f"a whole number of at most {DIGITS[Kind.INTEGER]} digits",
    Kind.SPAN: f"a whole number of at most {DIGITS[Kind.SPAN]} digits",
}
