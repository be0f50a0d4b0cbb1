"""Reads Excel workbooks."""

from pathlib import Path

import fastexcel
import polars as pl

from connectors.files.errors import FileError
from connectors.files.sheet import Sheet, named, without_nameless
from tieout.mapping import as_json
from tieout.settings import Source

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
    names = named([name or "" for name in cells.row(header)], source.limits)
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
    return Sheet(without_nameless(rows), unreadable, len(cells) - header - 1)


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
