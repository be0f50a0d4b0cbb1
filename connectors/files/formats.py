"""Turns one file of each format into text records, exactly as they stand in it."""

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import fastexcel
import polars as pl
from polars.datatypes import DataTypeClass

from connectors.texts import as_text, decode, is_text, member
from tieout.mapping import as_json, nested_fields
from tieout.pull import UNREADABLE
from tieout.settings import Limits, Source

_NAMELESS = "nameless column "  # and its place, from 1
SUFFIXES = {".csv": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl", ".parquet": "parquet"}
_BATCH = 50_000  # records that are Python objects at one time: bounds memory
_SINGLE_BYTE = re.compile("cp125|cp437|cp85|iso8859|mac")  # which take any bytes for text
_LINE_END = re.compile("\r\n|\r|\n")


class FileError(Exception):
    """A file that cannot be used as a whole; the text is one sentence for the user."""


def hold(size: int, name: str, limits: Limits) -> None:
    """Raise FileError for a size above the limit of that name."""
    limit = getattr(limits, name)
    if size > limit:
        raise FileError(f"it {beyond(name, limit)}")


def hold_name(name: str) -> None:
    """Raise FileError for a name that is no text, as of a file that was unpacked from another system's archive."""
    if not is_text([name]):
        raise FileError(f"the name of {name!a} is not UTF-8; rename the file")


def beyond(name: str, limit: int) -> str:
    """What to say of a thing that is larger than a limit."""
    return f"is larger than its limit, {name} = {limit}; if that is right, raise it under limits"


@dataclass(frozen=True)
class Sheet:
    """What one file holds: rows of text with `_row`, the records that are none, and how many records in all."""

    rows: pl.DataFrame
    unreadable: pl.DataFrame
    records: int


def too_long(cell_chars: int) -> str:
    """Why a record with an overlong cell is none."""
    return f"a cell is longer than its limit, cell_chars = {cell_chars}"


Unreadable = tuple[int, str, str]  # number of the record, reason, text as it came


# --- CSV -------------------------------------------------------------------------------------------------------------


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
    with _open_text(path, source.encoding) as text:
        try:
            return _read_delimited(_Lines(text), source)
        except UnicodeError as error:
            raise FileError(_undecodable(path, text.encoding)) from error


def _read_delimited(lines: _Lines, source: Source) -> Sheet:
    for _ in zip(range(source.skip_rows), lines, strict=False):
        pass
    records = _csv_records(lines, source.delimiter)
    header = next((record for record in records if isinstance(record, str) or _says_something(record)), None)
    if header is None:
        raise FileError("it is empty, without even a header line")
    if isinstance(header, str):
        raise FileError(f"its header cannot be read: {header}")
    names = _named(header, source.limits)
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
    return Sheet(_without_nameless(pl.concat(frames)), _set_aside(unreadable), number)


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
        return len(self._records) >= _BATCH

    def frame(self) -> pl.DataFrame:
        cells = zip(*self._records, strict=True) if self._records else ([] for _ in self._names)
        columns = [pl.Series(name, column, pl.String) for name, column in zip(self._names, cells, strict=True)]
        numbers = pl.Series("_row", self._numbers, pl.Int64)
        self._numbers, self._records = [], []
        return pl.DataFrame([*columns, numbers])


_NO_TEXT = {
    b"PK\x03": "a workbook or an archive under the name of a text; name it .xlsx if it is one",
    b"\xd0\xcf\x11": "a workbook of the kind before .xlsx under the name of a text; save it as .xlsx",
    b"\x1f\x8b\x08": "compressed; deliver what is in it",
}
"""What files are that begin with some bytes, and what to do."""


def _open_text(path: Path, encoding: str) -> TextIO:
    """Open a text with its own line ends; a byte order mark says more than the declared encoding."""
    with path.open("rb") as file:
        start = file.read(3)
    if start in _NO_TEXT:
        raise FileError(f"it is {_NO_TEXT[start]}")
    if start.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        if _SINGLE_BYTE.match(codecs.lookup(encoding).name) and _is_utf8(path):
            raise FileError(f"it is UTF-8, but declared as {encoding}; declare encoding = 'utf-8'")
        return path.open(encoding=encoding, errors="strict", newline="")
    except LookupError as error:
        raise FileError(f"the declared encoding {encoding!r} is unknown; name one like 'utf-8' or 'cp1252'") from error


def _is_utf8(path: Path) -> bool:
    """Whether a file has more than ASCII, and all of it is UTF-8, as text of a single-byte encoding never is."""
    decoder, is_more = codecs.getincrementaldecoder("utf-8")(), False
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                is_more |= not block.isascii()
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return is_more


def _undecodable(path: Path, encoding: str) -> str:
    """Say where a file stops being text of its encoding."""
    data = path.read_bytes()
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data[: error.start].decode(encoding, errors="replace"))) + 1
        bytes_ = data[error.start : error.end].hex(" ")
        return f"line {line} is not {encoding} (bytes {bytes_}); declare the encoding the file was written in"
    return f"it is not {encoding}; declare the encoding the file was written in"


# --- Excel -----------------------------------------------------------------------------------------------------------

_ERRORS = {
    "NA": "#N/A", "Div0": "#DIV/0!", "Name": "#NAME?", "Null": "#NULL!", "Num": "#NUM!", "Ref": "#REF!",
    "Value": "#VALUE!",
}  # fmt: skip


def read_xlsx(path: Path, source: Source) -> Sheet:
    """Records of a worksheet: every cell as text, hidden and blank rows counted, rows with an error set aside."""
    cells, errors = _cells(path, source)
    filled = (
        cells.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        if cells.width
        else pl.Series(dtype=pl.Boolean)
    )
    header = next((place for place in filled.arg_true() if place >= source.skip_rows), None)
    if header is None:
        raise FileError("the sheet is empty, without even a header row")
    if source.sheet is None and (others := _others_like(path, header, cells.row(header))):
        raise FileError(
            f"rows stand below the same header in {' and '.join(map(repr, others))}, too; declare sheet to name the "
            f"one to read, or put all rows into one"
        )
    names = _named([name or "" for name in cells.row(header)], source.limits)
    rows = cells[header + 1 :]
    rows.columns = names
    rows = rows.with_row_index("_row", offset=1).select(*names, pl.col("_row").cast(pl.Int64))
    reasons: dict[int, list[str]] = {}
    for place, column, shown in errors:
        if place > header:
            reasons.setdefault(place - header, []).append(
                f"row {place + 1} of the sheet: {names[column]} shows {shown}"
            )
    broken = rows.filter(pl.col("_row").is_in(list(reasons)))
    unreadable = broken.select(
        "_row",
        pl.Series("reasons", [reasons[row] for row in broken["_row"]], pl.List(pl.String)),
        as_json(names).alias("raw"),
    )
    rows = rows.filter(~pl.col("_row").is_in(list(reasons)))
    return Sheet(_without_nameless(rows), unreadable, len(cells) - header - 1)


def _cells(path: Path, source: Source) -> tuple[pl.DataFrame, list[tuple[int, int, str]]]:
    """Every cell of the sheet as text, and where errors show: row, column, text."""
    try:
        book = fastexcel.read_excel(path)
        name = source.sheet if source.sheet is not None else 0
        if isinstance(name, str) and name not in book.sheet_names:
            raise FileError(f"there is no sheet {name!r}; its sheets are {', '.join(map(repr, book.sheet_names))}")
        batch, found = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_arrow_with_errors()
        floats = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="float").to_polars()
        numbers = None  # where cells hold numbers, which as truth values are true or false, while texts are none
        if source.decimal_separator != ".":
            numbers = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="boolean").to_polars()
    except fastexcel.FastExcelError as error:
        raise FileError("it is no readable workbook; is it damaged, password-protected or of another kind?") from error
    cells = pl.DataFrame(batch)
    cells = cells.select(_as_shown(cells[name], floats[name]) for name in cells.columns)
    if numbers is not None:
        marked = cells.select(pl.all().str.replace(".", source.decimal_separator, literal=True))
        cells = cells.select(cells[n].zip_with(numbers[n].is_null(), marked[n]) for n in cells.columns)
    errors = []
    for fault in found.errors if found else []:
        row, column = fault.offset_position
        shown = _ERRORS.get(fault.detail.partition("(")[2].rstrip(")'"), "an error")
        cells[row, column] = shown
        errors.append((row, column, shown))
    return cells, errors


def _others_like(path: Path, place: int, header: tuple[str | None, ...]) -> list[str]:
    """The sheets but the first that have the same header at a place, and rows below it."""
    book, names = fastexcel.read_excel(path), [name for name in header if name]
    found = []
    for sheet in book.sheet_names[1:]:
        top = book.load_sheet(sheet, header_row=None, skip_rows=0, n_rows=place + 2, dtypes="string").to_polars()
        if top.height > place + 1 and list(filter(None, top.row(place))) == names:
            found.append(sheet)
    return found


def _as_shown(text: pl.Series, number: pl.Series) -> pl.Series:
    """The text of cells, with the 15 digits of a number that Excel shows where the reader cut decimals off."""
    plain = text.str.contains(r"^-?\d+(\.\d+)?$")
    cut = plain & number.is_not_null() & (text.cast(pl.Float64, strict=False) != number)
    return text.zip_with(~cut.fill_null(False), number.round_sig_figs(15).cast(pl.String)).alias(text.name)


# --- JSON Lines ------------------------------------------------------------------------------------------------------


def read_jsonl(path: Path, source: Source) -> Sheet:
    """Records of a JSON Lines file: numbers as written, nested values as compact JSON text."""
    with _open_text(path, source.encoding) as text:
        try:
            return _read_objects(text, source)
        except UnicodeError as error:
            raise FileError(_undecodable(path, text.encoding)) from error


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
        if len(records) >= _BATCH:
            frames.append(frame())
            numbers, records = [], []
    if unreadable and not keys:
        _, reason, line = unreadable[0]
        is_list = line.lstrip().startswith("[")
        raise FileError("it is one JSON list; write each of its records on a line of its own" if is_list else reason)
    frames.append(frame())
    return Sheet(pl.concat(frames, how="diagonal"), _set_aside(unreadable), number)


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


# --- Parquet ---------------------------------------------------------------------------------------------------------


def read_parquet(path: Path, source: Source) -> Sheet:
    """Records of a Parquet file: decimals exact, dates and instants ISO, nested values as compact JSON text."""
    try:
        table = pl.read_parquet(path, hive_partitioning=False, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileError("it is no readable Parquet file; is it damaged or cut off?") from error
    names = _named(table.columns, source.limits)
    mark = source.decimal_separator
    rows = table.select(_typed_as_text(pl.col(name), dtype, mark) for name, dtype in table.schema.items())
    rows = rows.with_row_index("_row", offset=1).select(*names, pl.col("_row").cast(pl.Int64))
    return Sheet(rows, _set_aside([]), table.height)


def _typed_as_text(value: pl.Expr, dtype: pl.DataType, mark: str) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if dtype.time_zone else ""))
    if dtype.is_float():  # a column of whole numbers with gaps comes as floats: 12.0 is 12, NaN is a gap
        text = value.fill_nan(None).cast(pl.String)
        return text.str.strip_suffix(".0").str.replace(".", mark, literal=True)
    if dtype.is_decimal():
        return value.cast(pl.String).str.replace(".", mark, literal=True)
    if isinstance(dtype, pl.Duration):
        return value.dt.to_string("iso")
    if dtype.is_nested():
        member = (
            pl.struct(_without_bytes(value, dtype).alias("_")).struct.json_encode().str.slice(len('{"_":')).str.head(-1)
        )
        return pl.when(value.is_not_null()).then(member).alias(value.meta.output_name())
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("hex")
    return value.cast(pl.String)


def _without_bytes(value: pl.Expr, dtype: pl.DataType | DataTypeClass) -> pl.Expr:
    """A nested value with its bytes in hex, because JSON knows none."""
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("hex")
    if isinstance(dtype, pl.List | pl.Array):
        inner = _without_bytes(pl.element(), dtype.inner)
        return (value if isinstance(dtype, pl.List) else value.arr.to_list()).list.eval(inner)
    if isinstance(dtype, pl.Struct):
        fields = [_without_bytes(value.struct.field(f.name), f.dtype).alias(f.name) for f in dtype.fields]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    return value


# --- all formats -----------------------------------------------------------------------------------------------------


def _named(header: Sequence[str], limits: Limits) -> list[str]:
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


def _without_nameless(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop the columns that have neither a name nor any value."""
    nameless = [name for name in rows.columns if name.startswith(_NAMELESS)]
    return rows.drop(name for name in nameless if (rows[name].fill_null("") == "").all())


def _set_aside(unreadable: list[Unreadable]) -> pl.DataFrame:
    rows = [(number, [reason], raw) for number, reason, raw in unreadable]
    return pl.DataFrame(rows, schema=UNREADABLE, orient="row")


READERS: Mapping[str, Callable[[Path, Source], Sheet]] = {
    "csv": read_csv,
    "xlsx": read_xlsx,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}
