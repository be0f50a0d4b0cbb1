"""Lays a system's own columns out as the columns of a feed, still as text."""

import re
from difflib import get_close_matches

import polars as pl

from tieout.feeds import FEEDS, Feed, canonical
from tieout.settings import Source

_PART = re.compile(r"\{([^{}]+)\}")
_MEMBER = re.compile(r"([^{}]+?)\.(\d{1,3})((?:\.[^.{}'\[\]]+)*)")
_ANY_OTHER = "*"


class ShapeError(Exception):
    """A delivery that cannot be laid out as its feed; the text is one sentence for the user."""


def shape(records: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Lay records out as the columns of their feed.

    Gives every column of the feed as String (null = empty), `extra` (JSON text of what the feed does not know,
    null if there is nothing) and `_row`. Raises ShapeError if a required or a named column is not there.
    """
    feed = FEEDS[source.feed]
    columns = [name for name in records.columns if name != "_row"]
    wanted = named(source, columns) if source.columns else _alike(feed, columns)
    wanted = {name: ways for name, ways in wanted.items() if name not in source.constants}
    _complain_of_missing(feed, source, wanted, columns)
    used = {column for ways in wanted.values() for way in ways for column in _columns_of(way, columns)}
    laid_out = [
        _translate(_lay_out(name, source, wanted, columns), source.values.get(name, {})).alias(name)
        for name in feed.schema
    ]
    extra = as_json([name for name in columns if name not in used]).alias("extra")
    return records.select(*laid_out, extra, pl.col("_row"))


def as_json(columns: list[str]) -> pl.Expr:
    """The filled ones of some text columns as the text of one JSON object; null if none is filled.

    Names are sorted, so that the order of the columns in a file changes nothing.
    """
    if not columns:
        return pl.lit(None, pl.String)
    members = [
        pl.when(pl.col(name).is_not_null()).then(pl.struct(pl.col(name)).struct.json_encode().str.slice(1).str.head(-1))
        for name in sorted(columns)
    ]
    joined = pl.concat_str(members, separator=",", ignore_nulls=True)
    return pl.when(joined != "").then(pl.concat_str(pl.lit("{"), joined, pl.lit("}")))


def nested_fields(source: Source) -> list[str]:
    """The fields that a mapping names inside of others, like `owner.email`."""
    mapped = {field for ways in source.columns.values() for way in ways for field in fields_of(way)}
    return sorted(field for field in mapped if "." in field)


def with_members(records: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Records with each mapped field that stands in a list, like `emails.0.address`, as a column of its own."""
    mapped = {field for ways in source.columns.values() for way in ways for field in fields_of(way)}
    found = [place for name in sorted(mapped - set(records.columns)) if (place := _MEMBER.fullmatch(name))]
    return records.with_columns(
        pl.col(place[1]).str.json_path_match(f"$[{place[2]}]{_nested(place[3])}").alias(place[0])
        for place in found
        if place[1] in records.columns
    )


def _nested(path: str) -> str:
    return "".join(f"['{name}']" for name in path.split(".")[1:])


def with_absent(records: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Records of a kind that leaves out what is empty, with what none of them has as empty columns: it is unknown.

    That is a mapped field of a column that may be empty or has another way, and any where there are no records. One
    that every row of the feed needs is not made up.
    """
    required = FEEDS[source.feed].required
    fields = {name: {field for way in ways for field in fields_of(way)} for name, ways in source.columns.items()}
    optional = {name for name, found in fields.items() if name not in required or found & set(records.columns)}
    mapped = {field for name, found in fields.items() if name in optional or records.is_empty() for field in found}
    return records.with_columns(pl.lit(None, pl.String).alias(name) for name in sorted(mapped - set(records.columns)))


def nearest(name: str, columns: list[str]) -> str:
    """Half a sentence that helps to find what `name` was meant to be among `columns`."""
    if not columns:
        return "none of its records has any column"
    by_canonical = {canonical(column): column for column in columns}
    close = get_close_matches(canonical(name), list(by_canonical), n=1, cutoff=0.5)
    if close:
        return f"the nearest is {by_canonical[close[0]]!r}"
    if len(columns) == 1 and (found := next((sign for sign in ";\t|," if sign in columns[0]), None)):
        return f"the whole header is one column: declare delimiter = {found!r}"
    return f"the file has {', '.join(map(repr, columns))}"


def named(source: Source, columns: list[str]) -> dict[str, list[str]]:
    """The mapping as configured, every column it names being there; raises ShapeError where one is not."""
    for feed_column, ways in source.columns.items():
        for way in ways:
            for name in _columns_of(way, columns):
                if name not in columns:
                    raise ShapeError(
                        f"source {source.name!r}: columns.{feed_column} names {name!r}, which is not in the file; "
                        f"{nearest(name, columns)}"
                    )
    return source.columns


def _alike(feed: Feed, columns: list[str]) -> dict[str, list[str]]:
    """The file's columns that bear the name of a feed column."""
    found: dict[str, list[str]] = {}
    for column in columns:
        if (name := canonical(column)) in feed:
            found.setdefault(name, []).append(column)
    for name, bearers in found.items():
        if name in bearers:
            found[name] = [name]
        elif len(bearers) > 1:
            raise ShapeError(
                f"{' and '.join(map(repr, bearers))} both stand for {feed.name}.{name}; "
                f"rename one or say which in the source's columns"
            )
    return found


def _complain_of_missing(feed: Feed, source: Source, wanted: dict[str, list[str]], columns: list[str]) -> None:
    missing = [name for name in feed.required if name not in wanted and name not in source.constants]
    if missing:
        elsewhere = "" if wanted or not columns else "; if its header stands elsewhere, declare skip_rows or sheet"
        others = f" (nor for {', '.join(missing[1:])})" if missing[1:] else ""
        raise ShapeError(
            f"source {source.name!r}: there is no column for {feed.name}.{missing[0]}{others}, which every row needs; "
            f"{nearest(missing[0], columns)}{elsewhere}"
        )


def _columns_of(way: str, columns: list[str]) -> list[str]:
    """The columns of the file that one way of filling a feed column reads."""
    return [way] if way in columns else fields_of(way)


def fields_of(way: str) -> list[str]:
    """The fields that one way of filling a column reads: the parts of a template, or the one it names."""
    return _PART.findall(way) or [way]


def _lay_out(name: str, source: Source, wanted: dict[str, list[str]], columns: list[str]) -> pl.Expr:
    if name in source.constants:
        return pl.lit(source.constants[name])
    ways = [_column(way, source) if way in columns else _fill(way) for way in wanted.get(name, [])]
    if len(ways) > 1:
        return pl.coalesce(_filled(way) for way in ways)
    return ways[0] if ways else pl.lit(None, pl.String)


def _column(name: str, source: Source) -> pl.Expr:
    """A column as it is, or with *Never* where its empty cell says so; one that no row fills says nothing."""
    text = pl.col(name)
    if name not in source.never:
        return text
    return pl.when(_filled(text).is_null() & _filled(text).is_not_null().any()).then(pl.lit("Never")).otherwise(text)


def _filled(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.strip_chars() != "").then(text)


def _fill(template: str) -> pl.Expr:
    """`{A} {B}` filled per row; the text between two parts stays only where both sides are there."""
    texts, names = _PART.split(template)[::2], _PART.findall(template)
    pieces: list[pl.Expr] = []
    begun = pl.lit(False)
    for place, (before, name) in enumerate(zip(texts, names, strict=False)):
        part = _filled(pl.col(name))
        stays = begun if place else part.is_not_null()
        pieces += [pl.when(part.is_not_null() & stays).then(pl.lit(before)), part]
        begun = begun | part.is_not_null()
    pieces.append(pl.when(part.is_not_null()).then(pl.lit(texts[-1])))
    return pl.when(begun).then(pl.concat_str(pieces, ignore_nulls=True))


def _translate(text: pl.Expr, values: dict[str, str]) -> pl.Expr:
    """Replace the values a map names: any case, outer space ignored; `""` is an empty cell, `*` any other that is not.

    Without `*` others are kept.
    """
    if not values:
        return text
    seen = text.fill_null("").str.strip_chars().str.to_lowercase()
    names = {key.strip().lower(): value for key, value in values.items() if key != _ANY_OTHER}
    others = pl.when(seen != "").then(pl.lit(values[_ANY_OTHER])) if _ANY_OTHER in values else text
    return seen.replace_strict(names, default=others, return_dtype=pl.String) if names else others
