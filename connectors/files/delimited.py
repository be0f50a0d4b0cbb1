"""Reads delimited text: CSV and its kin, whatever parts the cells."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import polars as pl

from connectors.files.errors import FileError, hold
from connectors.files.plain_text import open_text, undecodable
from connectors.files.sheet import BATCH, Sheet, Unreadable, named, set_aside, too_long, without_nameless
from tieout.settings import Source


class _Lines:
    """The lines of a text with their own ends, some of which can be given back to be read again."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._given_back: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._text)
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self, lines: list[str]) -> None:
        self._given_back.extendleft(reversed(lines))
        self.number -= len(lines)


def _csv_records(lines: _Lines, delimiter: str) -> Iterator[list[str] | str]:
    """The cells of each record, or the reason why there are none.

    After a quote that does not close as it should, reading goes on with the next line: one stray quote must not
    swallow the records below it.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken = []
        first = lines.number + 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            lines.give_back(lines.taken[1:])
            lines.taken = lines.taken[:1]
            if len(lines.taken[0]) > csv.field_size_limit():
                yield f"line {first}: {too_long(csv.field_size_limit())}"
            else:
                yield f"a quote in line {first} does not close as it should"


def read_csv(path: Path, source: Source) -> Sheet:
    """Records of a delimited text file; a cell too many or too few makes a record unreadable."""
    csv.field_size_limit(source.limits.cell_chars)
    with open_text(path, source.encoding) as text:
        try:
            return _read_delimited(_Lines(text), source)
        except UnicodeError as error:
            raise FileError(undecodable(path, text.encoding)) from error


def _read_delimited(lines: _Lines, source: Source) -> Sheet:
    for _ in zip(range(source.skip_rows), lines, strict=False):
        pass
    records = _csv_records(lines, source.delimiter)
    header = next((record for record in records if isinstance(record, str) or _says_something(record)), None)
    if header is None:
        raise FileError("it is empty, without even a header line")
    if isinstance(header, str):
        raise FileError(f"its header cannot be read: {header}")
    names = named(header, source.limits)
    frames, batch, unreadable = [], _Batch(names), list[Unreadable]()
    number, most = 0, source.limits.rows
    for number, record in enumerate(records, 1):
        if number > most:
            hold(number, "rows", source.limits)
        if isinstance(record, list) and len(record) == len(names):
            batch.add(number, record)
            if batch.is_full:
                frames.append(batch.frame())
        elif isinstance(record, str) or len(record) > 1 or _says_something(record):
            last = lines.number
            reason = record if isinstance(record, str) else f"line {last}: {len(record)} cells instead of {len(names)}"
            unreadable.append((number, reason, "".join(lines.taken).rstrip("\r\n")))
    frames.append(batch.frame())
    return Sheet(without_nameless(pl.concat(frames)), set_aside(unreadable), number)


def _says_something(record: list[str]) -> bool:
    return any(cell.strip() for cell in record)


class _Batch:
    """Records on their way to columns."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._numbers: list[int] = []
        self._records: list[list[str]] = []

    def add(self, number: int, record: list[str]) -> None:
        self._numbers.append(number)
        self._records.append(record)

    @property
    def is_full(self) -> bool:
        return len(self._records) >= BATCH

    def frame(self) -> pl.DataFrame:
        cells = zip(*self._records, strict=True) if self._records else ([] for _ in self._names)
        columns = [pl.Series(name, column, pl.String) for name, column in zip(self._names, cells, strict=True)]
        numbers = pl.Series("_row", self._numbers, pl.Int64)
        self._numbers, self._records = [], []
        return pl.DataFrame([*columns, numbers])
