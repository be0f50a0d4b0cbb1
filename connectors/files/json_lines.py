"""Reads JSON Lines: one object a line."""

from pathlib import Path
from typing import TextIO

import polars as pl

from connectors.files.errors import FileError, hold
from connectors.files.plain_text import open_text, undecodable
from connectors.files.sheet import BATCH, Sheet, Unreadable, set_aside
from connectors.texts import as_text, decode, is_text, member
from tieout.mapping import nested_fields
from tieout.settings import Source


def read_jsonl(path: Path, source: Source) -> Sheet:
    """Records of a JSON Lines file: numbers as written, nested values as compact JSON text."""
    with open_text(path, source.encoding) as text:
        try:
            return _read_objects(text, source)
        except UnicodeError as error:
            raise FileError(undecodable(path, text.encoding)) from error


def _read_objects(text: TextIO, source: Source) -> Sheet:
    limits, nested = source.limits, nested_fields(source)
    frames, unreadable = list[pl.DataFrame](), list[Unreadable]()
    numbers, records = list[int](), list[dict[str, str | None]]()

    def frame() -> pl.DataFrame:
        names = dict.fromkeys(name for record in records for name in record)
        rows = pl.DataFrame(records, schema=dict.fromkeys(names, pl.String), orient="row")
        return rows.with_columns(pl.Series("_row", numbers, pl.Int64))

    number, keys = 0, set[str]()
    for number, line in enumerate(text, 1):
        if number > limits.rows:
            hold(number, "rows", limits)
        try:
            if record := _object(line, nested, source.decimal_separator):
                records.append(record)
                numbers.append(number)
                if not keys.issuperset(record):
                    keys.update(record)
                    hold(len(keys), "columns", limits)
        except (ValueError, RecursionError) as error:
            unreadable.append((number, f"line {number} is no JSON object: {error}", line.rstrip("\r\n")))
        if len(records) >= BATCH:
            frames.append(frame())
            numbers, records = [], []
    if unreadable and not keys:
        _, reason, line = unreadable[0]
        is_list = line.lstrip().startswith("[")
        raise FileError("it is one JSON list; write each of its records on a line of its own" if is_list else reason)
    frames.append(frame())
    return Sheet(pl.concat(frames, how="diagonal"), set_aside(unreadable), number)


def _object(line: str, nested: list[str], mark: str) -> dict[str, str | None]:
    """One line's object as texts, with what the mapping names inside of it; an empty line has none."""
    if not line.strip():
        return {}
    record = decode(line)
    if not isinstance(record, dict):
        raise ValueError("it holds something else")
    values = {name: value for name in nested if (value := member(record, name)) is not None} | record
    texts = {name: value if value is None else as_text(value, mark) for name, value in values.items()}
    if "\\u" in line and not is_text([*texts, *texts.values()]):
        raise ValueError("it holds half a character")
    return texts
