"""Reads files of decisions that came back from people: a table or list of any program, or a workbook of ours."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import fastexcel

from connectors.files.errors import FileError
from connectors.files.reading import read_file
from pipelines.errors import ConfigError
from reports.workbook import DECIDED_BY, MARKS, READ_ME, SCHEMA, SHEET
from tieout.settings import Source

FIELDS = {
    "exception_id": "exception_id", "id": "exception_id", "exception": "exception_id",
    "decision": "kind", "kind": "kind", "as": "kind",
    "who": "who", "by": "who", "decided_by": "who",
    "owner_to": "owner", "to": "owner", "assign_to": "owner",
    "role": "role", "reason": "reason", "comment": "comment", "until": "until", "approver": "approver",
    "approved_by": "approver", "document": "document", "corrects": "corrects", "period": "period",
}  # fmt: skip
"""What a column may be called → the field it fills; others are left alone."""
Row = dict[str, str]


@dataclass(frozen=True)
class Returned:
    """What a file says: its rows by field, empty values left out, and who decided, where the file says it once."""

    rows: tuple[Row, ...]
    who: str | None


def read(path: Path) -> Returned:
    """The decisions in a CSV, XLSX, JSON or JSON Lines file; raises ConfigError when it cannot be used as a whole."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".json":
            return Returned(_fields(_json_rows(path)), None)
        if suffix == ".xlsx":
            sheets = _sheets(path)
            who, period = _marked(path, sheets)
            rows = _fields(_table(path, _answered(sheets)))
            marked = {"period": period} if period else {}
            return Returned(tuple(marked | row for row in rows), who)
        if suffix not in (".csv", ".jsonl"):
            raise FileError("its kind is unknown; call it .csv, .xlsx or .json")
        return Returned(_fields(_table(path, None)), None)
    except FileNotFoundError:
        raise ConfigError(f"{path} is no file.") from None
    except FileError as problem:
        raise ConfigError(f"{path.name}: {problem}.") from None


def _fields(rows: Iterable[Mapping[str, str | None]]) -> tuple[Row, ...]:
    """Rows by the fields they fill, without the spaces, cases and empty texts that spreadsheets leave."""
    found = []
    columns = set[str]()
    for row in rows:
        named = (("_".join(name.strip().lower().replace("-", " ").split()), value) for name, value in row.items())
        filled = [(FIELDS[name], (value or "").strip()) for name, value in named if name in FIELDS]
        said = dict(filled)
        if len(said) < len(filled):
            twice = next(field for field, number in Counter(field for field, _ in filled).items() if number > 1)
            names = ", ".join(name for name, field in FIELDS.items() if field == twice)
            raise FileError(f"two columns say the same thing, of those that may be called {names}; keep one")
        columns |= said.keys()
        found.append({field: text for field, text in said.items() if text})
    if "exception_id" in columns and "kind" not in columns:
        raise FileError("it has no column for what is decided; it needs the columns exception_id and decision")
    return tuple(found)


def _table(path: Path, sheet: str | None) -> list[dict[str, str | None]]:
    with path.open("rb") as lines:
        head = lines.readline()
    delimiter = ";" if head.count(b";") > head.count(b",") else ","  # as spreadsheets of half of Europe save it
    read_rows = read_file(path, Source(name="decisions", feed="tickets", sheet=sheet, delimiter=delimiter))
    if read_rows.unreadable.height:
        number, reasons = read_rows.unreadable.select("_row", "reasons").row(0)
        raise FileError(f"row {number} cannot be read: {reasons[0]}")
    return read_rows.rows.drop("_row").to_dicts()


def _json_rows(path: Path) -> list[dict[str, str | None]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, UnicodeDecodeError) as problem:
        raise FileError(f"it is no JSON ({problem})") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileError("it must hold a list of objects")
    return [{name: None if value is None else str(value) for name, value in row.items()} for row in rows]


# -- a workbook of ours ----------------------------------------------------------------------------------------------


def _sheets(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError
    try:
        return fastexcel.read_excel(path).sheet_names
    except fastexcel.FastExcelError:
        raise FileError("it is no readable workbook; is it damaged, password-protected or of another kind?") from None


def _answered(sheets: list[str]) -> str | None:
    """The sheet that holds the answers: ours, or what its name was changed to."""
    return SHEET if SHEET in sheets else next((one for one in sheets if one not in (READ_ME, MARKS)), None)


def _marked(path: Path, sheets: list[str]) -> tuple[str | None, str | None]:
    """Who decided, and the month that is answered, as far as the workbook's own sheets say it."""
    said = dict(_pairs(path, READ_ME)) if READ_ME in sheets else {}
    marks = dict(_pairs(path, MARKS)) if MARKS in sheets else {}
    if marks.get("schema", SCHEMA) != SCHEMA:
        raise FileError(f"it was made by another version ({marks['schema']}); answer in a workbook of the latest run")
    return said.get(DECIDED_BY), marks.get("period")


def _pairs(path: Path, sheet: str) -> Iterable[tuple[str, str]]:
    """The first two cells of every line of a sheet in which both are filled."""
    cells = fastexcel.read_excel(path).load_sheet(sheet, header_row=None, dtypes="string").to_polars()
    if cells.width > 1:
        yield from (
            (str(name).strip(), str(value).strip()) for name, value, *_ in cells.drop_nulls(cells.columns[:2]).rows()
        )
