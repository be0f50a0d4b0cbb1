"""The pages of a pull: landed as they came, with what was asked, and read again as rows of text.

One file, `pages.gz`, is a row of gzip members, one a page, so that `zcat` shows all of it: a line of JSON that says
what was asked, when, and what came, then the body byte for byte.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from connectors.files.reading import clean
from connectors.texts import (
    NamedTwice,
    NamedTwiceError,
    as_text,
    compact,
    decode,
    decode_marked,
    flat,
    is_text,
    named_twice,
)
from tieout.pull import UNREADABLE, RawFile, Records

PAGES = "pages.gz"
KEY = "_key"
"""The field that names a record which stood under that name in a table."""
ROWS = "rows"
"""The stream whose records are the rows of the feed; others are looked up."""
_BATCH = 50_000  # records that are Python objects at one time: bounds memory


class PullError(Exception):
    """A pull that does not go on, in one sentence for the user; `status` is the system's answer, if it gave one."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class HostileError(PullError):
    """The source pointed elsewhere: nothing of the pull is used."""


class ShiftedError(PullError):
    """The source changed while it was read, or its total is not what came."""


@dataclass(frozen=True)
class Page:
    """One answer of a source.

    `asked` says what was asked, without credentials; `count` is the number of its records and `records_at` where in the
    body they stand ("" = the body itself, "….*" = the values of a table in it); `carried` are fields that every record
    of it gets beside its own.
    """

    asked: str
    at: datetime
    body: bytes
    count: int
    records_at: str = ""
    stream: str = ROWS
    carried: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None


class PageFile:
    """Pages on their way to the disk."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / PAGES
        self.pages = self.rows = 0
        self._file = self.path.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def add(self, page: Page) -> None:
        """Write one page."""
        said = {name: value for name, value in vars(page).items() if name != "body" and value not in (None, {})}
        head = json.dumps(said | {"at": page.at.isoformat(), "bytes": len(page.body)}, ensure_ascii=False)
        self._file.write(gzip.compress(head.encode() + b"\n" + page.body + b"\n", compresslevel=1, mtime=0))
        self.pages += 1
        self.rows += page.count if page.stream == ROWS else 0

    def mark(self) -> tuple[int, int, int]:
        """Where the file stands now, to go back to."""
        return self._file.tell(), self.pages, self.rows

    def back_to(self, mark: tuple[int, int, int]) -> None:
        """Forget the pages since a mark."""
        place, self.pages, self.rows = mark
        self._file.seek(place)
        self._file.truncate()

    def landed(self, origin: str) -> RawFile:
        """What lies on the disk, after the last page."""
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return RawFile(name=PAGES, sha256=digest, bytes=self.path.stat().st_size, origin=origin)


def dig(data: object, path: str) -> Any:
    """What stands at `outer.inner` in an answer; None where nothing does. A key may hold dots itself."""
    while path:
        if not isinstance(data, dict):
            return None
        if path in data:
            return data[path]
        names = path.split(".")
        whole = next((n for n in range(len(names), 0, -1) if ".".join(names[:n]) in data), None)
        if whole is None:
            return None
        data, path = data[".".join(names[:whole])], ".".join(names[whole:])
    return data


def records_at(data: object, place: str) -> list[Any] | None:
    """The records of an answer; None where the place for them is missing or holds something else."""
    if place.endswith("*"):
        table = dig(data, place.removesuffix("*").removesuffix("."))
        if not isinstance(table, Mapping):
            return None
        return [_keyed(name, value) if isinstance(value, dict) else value for name, value in table.items()]
    found = dig(data, place)
    if place and isinstance(found, Mapping):
        found = [found]
    return found if isinstance(found, list) else None


def _keyed(name: str, record: dict[str, Any]) -> dict[str, Any]:
    """A record with the name it stood under; one that names a key twice still does."""
    return NamedTwice([(KEY, name), *record.pairs]) if isinstance(record, NamedTwice) else {KEY: name, **record}


# -- reading ---------------------------------------------------------------------------------------------------------


def read(path: Path, mark: str = ".") -> tuple[Records, dict[str, pl.DataFrame]]:
    """The rows of a landed pull, and the records of its other streams by name; a damaged file fails as a whole.

    Numbers are given with that decimal mark, as the source's own texts have it.
    """
    streams: dict[str, _Stream] = {ROWS: _Stream(mark)}
    try:
        for head, body in _pages(path):
            streams.setdefault(head.get("stream", ROWS), _Stream(mark)).add(head, body)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        return Records.failed(f"{path.name} cannot be read: {error}"), {}
    main = streams.pop(ROWS)
    looked_up = {name: clean(stream.frame(), stream.unreadable()).rows for name, stream in streams.items()}
    return clean(main.frame(), main.unreadable()), looked_up


def _pages(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    with gzip.open(path, "rb") as file:
        while line := file.readline():
            head = json.loads(line)
            body = file.read(head["bytes"])
            if len(body) != head["bytes"] or file.read(1) != b"\n":
                raise ValueError("it ends within a page")
            yield head, body.decode("utf-8-sig")


def _records(body: str, place: str) -> tuple[list[Any], bool]:
    """The records of a page, and whether one of them names a key twice; raises ValueError where the page does."""
    try:
        return records_at(decode(body) if body.strip() else None, place) or [], False
    except NamedTwiceError:
        page = decode_marked(body)
        records = records_at(page, place) or []
        if named_twice(page) != sum(map(named_twice, records)):
            raise
        return records, True


class _Stream:
    """Records on their way to columns."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._number = 0
        self._numbers: list[int] = []
        self._rows: list[dict[str, str | None]] = []
        self._frames: list[pl.DataFrame] = []
        self._unreadable: list[tuple[int, list[str], str]] = []

    def add(self, head: Mapping[str, Any], body: str) -> None:
        records, twice = _records(body, head.get("records_at", ""))
        carried = head.get("carried", {})
        torn = "\\u" in body
        for record in records:
            self._number += 1
            row = flat(record, self._mark) if isinstance(record, dict) else {}
            if not isinstance(record, dict):
                self._unreadable.append((self._number, ["it is no record but a bare value"], compact(record)))
            elif twice and named_twice(record):
                self._unreadable.append((self._number, ["it names a key twice"], compact(record)))
            elif torn and not is_text([*row, *row.values()]):
                self._unreadable.append((self._number, ["it holds half a character"], ascii(as_text(record))))
            else:
                self._numbers.append(self._number)
                self._rows.append(row | carried)
        if len(self._rows) >= _BATCH:
            self._frames.append(self._batch())

    def frame(self) -> pl.DataFrame:
        return pl.concat([*self._frames, self._batch()], how="diagonal")

    def unreadable(self) -> pl.DataFrame:
        return pl.DataFrame(self._unreadable, schema=UNREADABLE, orient="row")

    def _batch(self) -> pl.DataFrame:
        names = dict.fromkeys(name for row in self._rows for name in row)
        rows = pl.DataFrame(self._rows, schema=dict.fromkeys(names, pl.String), orient="row")
        rows = rows.with_columns(pl.Series("_row", self._numbers, pl.Int64))
        self._numbers, self._rows = [], []
        return rows
