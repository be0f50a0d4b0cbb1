"""Reads landed files as one delivery of text records."""

from pathlib import Path

import polars as pl

from connectors.files.drop import plain_files
from connectors.files.errors import FileError
from connectors.files.formats import READERS, SUFFIXES
from connectors.files.sheet import Sheet, too_long
from connectors.files.sizes import hold_file, hold_parquet, hold_workbook
from tieout.feeds import canonical
from tieout.mapping import ShapeError, as_json, named, with_absent
from tieout.pull import UNREADABLE, Records
from tieout.settings import Limits, Source

_USUAL = Limits()
_HOLD_UNPACKED = {"xlsx": hold_workbook, "parquet": hold_parquet}


def read(folder: Path, source: Source) -> Records:
    """Read what `fetch` left in `folder`; one file that cannot be read makes the whole delivery fail."""
    paths = [path for path in plain_files(folder) if path.name != "manifest.json"]
    if not paths:
        return Records.failed(f"source {source.name!r}: nothing was delivered")
    rows, unreadable, before, kinds = [], [], 0, {_kind(path, source) for path in paths}
    names: dict[str, str] = {}
    for path in paths:
        try:
            sheet = read_file(path, source)
            found = sheet.rows.rename(_known_names(sheet.rows.columns, names))
            if len(paths) > 1 and _kind(path, source) != "jsonl":  # in the rows of one file nobody would miss it
                named(source, [name for name in found.columns if name != "_row"])
        except (FileError, ShapeError) as error:
            return Records.failed(f"{path.name}: {error}")
        rows.append(found.with_columns(pl.col("_row") + before))
        unreadable.append(sheet.unreadable.with_columns(pl.col("_row") + before))
        before += sheet.records
    united = pl.concat(rows, how="diagonal")
    return clean(with_absent(united, source) if kinds == {"jsonl"} else united, pl.concat(unreadable), source.limits)


def _known_names(columns: list[str], names: dict[str, str]) -> dict[str, str]:
    """The names that earlier files of a delivery gave to columns of one, where case and space are all that differs.

    Adds to `names` what is new.
    """
    words = [canonical(name) for name in columns]
    own = {word: name for word, name in zip(words, columns, strict=True) if words.count(word) == 1}
    known = {name: names[word] for word, name in own.items() if word in names}
    names |= {word: name for word, name in own.items() if word not in names}
    return known


def read_file(path: Path, source: Source) -> Sheet:
    """The records of one file; raises FileError when it cannot be used, or is larger than the source's limits."""
    kind = _kind(path, source)
    if kind is None:
        raise FileError(f"its kind is unknown; call it {', '.join(SUFFIXES)}, or declare a format for {source.name!r}")
    hold_file(path, source.limits)
    if kind in _HOLD_UNPACKED:
        _HOLD_UNPACKED[kind](path, source.limits)
    return READERS[kind](path, source)


def _kind(path: Path, source: Source) -> str | None:
    return source.format or SUFFIXES.get(path.suffix.lower())


def clean(rows: pl.DataFrame, unreadable: pl.DataFrame, limits: Limits = _USUAL) -> Records:
    """Make empty null, set blank records aside, and take out what holds NUL characters, or a cell beyond its limit."""
    columns = [name for name in rows.columns if name != "_row"]
    rows = rows.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in columns)
    blank = rows.select(pl.all_horizontal(pl.lit(True), *(pl.col(name).is_null() for name in columns))).to_series()
    nul = pl.any_horizontal(pl.lit(False), *(pl.col(name).str.contains("\0", literal=True) for name in columns))
    huge = pl.any_horizontal(pl.lit(False), *(pl.col(name).str.len_chars() > limits.cell_chars for name in columns))
    why = (
        pl.when(nul.fill_null(False))
        .then(pl.lit("it holds NUL characters, as a damaged or wrongly encoded file does"))
        .when(huge.fill_null(False))
        .then(pl.lit(too_long(limits.cell_chars)))
    )
    told = rows.with_columns(why.alias("\0why"))
    torn = told["\0why"].is_not_null()
    damaged = told.filter(torn).select("_row", pl.concat_list("\0why").alias("reasons"), as_json(columns).alias("raw"))
    return Records(
        rows=rows.filter(~blank & ~torn),
        unreadable=pl.concat([unreadable, damaged.cast(UNREADABLE)]).sort("_row"),
        columns=tuple(columns),
        blank=int(blank.sum()),
    )
