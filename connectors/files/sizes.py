"""Refuses what is too large by the name of the limit it breaks, before it is unpacked or read into memory."""

import re
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq
from pyarrow import ArrowException

from connectors.files.errors import FileError, hold
from tieout.settings import Limits

_BLOCK = 1 << 20
_DEFLATED = 1032  # times its size a deflated byte can come to
_ROW = re.compile(rb"""\sr\s*=\s*["'][A-Z]*([0-9]{1,9})["']""")
_COLUMN = re.compile(rb"""\sr\s*=\s*["']([A-Z]{2,})[0-9]""")
_TEXT = re.compile(rb"<(?:\w+:)?si[\s>/]")
_SHARES = re.compile(rb"""\st\s*=\s*["']s["']""")
_SHARED = re.compile(rb"""\st\s*=\s*["']s["'][^<>]*>\s*<(?:\w+:)?v>\s*([0-9]{1,9})\s*<""")
_LONGEST_MARK = 64  # bytes of such a mark, where a block may cut it
_CELLS = 64_000_000
"""Cells from the first to the last of a sheet, empty ones between them included: that many are held at once."""


def hold_file(path: Path, limits: Limits) -> None:
    """Raise FileError for a file that is larger than `file_bytes`."""
    hold(path.stat().st_size, "file_bytes", limits)


def hold_workbook(path: Path, limits: Limits) -> None:
    """Raise FileError for a workbook that unpacks to more than its limits, whatever it says of itself."""
    try:
        with zipfile.ZipFile(path) as book:
            members = book.infolist()
            hold(sum(member.file_size for member in members), "unpacked_bytes", limits)
            if sum(member.compress_size for member in members) * _DEFLATED > limits.unpacked_bytes:
                hold(sum(_unpacked(path, member, limits) for member in members), "unpacked_bytes", limits)
            texts = _shared_texts(book, members)
            for member in members:
                if _is_sheet(book, member):
                    with book.open(member) as sheet:
                        _hold_sheet(sheet, limits)
                    _hold_texts(book, member, texts, limits)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise FileError("it is no readable workbook; is it damaged, password-protected or of another kind?") from error


def hold_parquet(path: Path, limits: Limits) -> None:
    """Raise FileError for a Parquet file that declares more than its limits."""
    try:
        about = pq.read_metadata(path)
        unpacked = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
        sizes = ((about.num_rows, "rows"), (about.num_columns, "columns"), (unpacked, "unpacked_bytes"))
    except (ArrowException, OSError, ValueError) as error:
        raise FileError("it is no readable Parquet file; is it damaged or cut off?") from error
    for size, name in sizes:
        hold(size, name, limits)


def _unpacked(path: Path, member: zipfile.ZipInfo, limits: Limits) -> int:
    """The bytes a member unpacks to, counted without keeping them; it stops counting above the limit."""
    if member.compress_type != zipfile.ZIP_DEFLATED:
        return member.compress_size
    unpacker, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(30)
        file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
        left = member.compress_size
        while left and not unpacker.eof and size <= limits.unpacked_bytes:
            packed = file.read(min(left, _BLOCK))
            if not packed:
                break
            left -= len(packed)
            while packed and size <= limits.unpacked_bytes:
                size += len(unpacker.decompress(packed, _BLOCK))
                packed = unpacker.unconsumed_tail
    return size


def _is_sheet(book: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a member is a worksheet, wherever in the archive it lies."""
    with book.open(member) as part:
        return b"worksheet" in part.read(_LONGEST_MARK * 64)


def _shared_texts(book: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> list[int]:
    """The length of each text that cells refer to by number, its marks included."""
    starts, end = array("Q"), 0
    for member in members:
        if member.filename.lower().endswith("sharedstrings.xml"):
            with book.open(member) as part:
                kept = b""
                while block := part.read(_BLOCK):
                    begun, text = len(kept), kept + block
                    starts.extend(end - begun + one.start() for one in _TEXT.finditer(text) if one.end() > begun)
                    end += len(block)
                    kept = text[-_LONGEST_MARK:]
    return [after - start for start, after in pairwise([*starts, end])]


def _hold_texts(book: zipfile.ZipFile, member: zipfile.ZipInfo, texts: list[int], limits: Limits) -> None:
    """One long text that millions of cells refer to is held once for each of them."""
    longest = max(texts, default=0)
    with book.open(member) as sheet:
        shares = sum(len(_SHARES.findall(text)) for text in _blocks(sheet))
    if shares * longest <= limits.unpacked_bytes:
        return
    held = 0
    with book.open(member) as sheet:
        for text in _blocks(sheet):
            numbers = [int(number) for number in _SHARED.findall(text)]
            unread = max(0, len(_SHARES.findall(text)) - len(numbers))
            held += sum(texts[number] for number in numbers if number < len(texts)) + unread * longest
            hold(held, "unpacked_bytes", limits)


def _hold_sheet(sheet: IO[bytes], limits: Limits) -> None:
    """A sheet with one cell in its last corner is as large as a full one."""
    rows, columns = 0, 1
    for text in _blocks(sheet):
        rows = max(rows, max(map(int, _ROW.findall(text)), default=0))
        named = max(set(_COLUMN.findall(text)), key=lambda name: (len(name), name), default=b"A")
        columns = max(columns, _number(named))
        hold(columns, "columns", limits)
        hold(rows, "rows", limits)
        if rows * columns > _CELLS:
            raise FileError(f"its sheet spans {rows:,} rows and {columns:,} columns, more than {_CELLS:,} cells")


def _blocks(sheet: IO[bytes]) -> Iterator[bytes]:
    kept = b""
    while block := sheet.read(_BLOCK):
        yield kept + block
        kept = block[-_LONGEST_MARK:]


def _number(name: bytes) -> int:
    """The number of a column by its letters: A is 1, AA is 27."""
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number
