"""Frames as text on a terminal or in a pipe."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from tieout.spreadsheet import as_csv

WIDEST = 60
"""Characters of a value that a table shows; CSV and JSON show all."""
_CONTROLS = "[\x00-\x1f\x7f-\x9f]"


def as_text(frame: pl.DataFrame, form: Literal["table", "csv", "json"], whole: str = "") -> str:
    """Every row of a frame; numbers exact, lists joined by `;` in CSV, instants in UTC.

    In CSV a text that a spreadsheet would run has an apostrophe before it. A table cuts long values, but those of the
    column `whole`.
    """
    match form:
        case "csv":
            return as_csv(_flat(frame))
        case "json":
            return as_json_text(frame.with_columns(_finite(frame)).to_dicts())
        case "table":
            return _table(frame, whole)


def as_json_text(answer: object) -> str:
    """Any answer as JSON; money as exact text, dates as ISO 8601."""
    return json.dumps(answer, default=_plain, ensure_ascii=False, indent=1) + "\n"


def as_page(answer: Mapping[str, Any]) -> str:
    """An answer of several parts for people: what is short as `name: value`, each list of rows as a table below.

    Parts that are empty are left out. Words that are `_` in the names are spaces on the page.
    """
    short = {name: in_words(value) for name, value in answer.items() if not _is_rows(value)}
    lines = [f"{name.replace('_', ' ')}: {text}" for name, text in short.items() if text]
    tables = {name: rows for name, rows in answer.items() if _is_rows(rows)}
    parts = ["\n".join(lines) + "\n"] if lines else []
    for name, rows in tables.items():
        frame = pl.DataFrame(
            [{key: in_words(value) for key, value in row.items()} for row in rows], infer_schema_length=None
        )
        parts.append(f"{name.replace('_', ' ').upper()}\n{_table(frame)}")
    return "\n".join(parts)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def on_a_line(text: str) -> str:
    """A text without what would break its line, or steer the terminal that shows it."""
    return re.sub(_CONTROLS, "�", " ".join(text.split()))


def in_words(value: object) -> str:
    """A value on one line: nothing as nothing, lists with commas, tables as `name = value`."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {in_words(inner)}" for name, inner in value.items() if inner is not None)
    if isinstance(value, list | tuple):
        return ", ".join(map(in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"
    return on_a_line(value) if isinstance(value, str) else _plain(value)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    return frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(";") for name in lists)


def _finite(frame: pl.DataFrame) -> Iterator[pl.Expr]:
    """The numbers of a frame that JSON has a word for; what is infinite or no number is nothing."""
    floats = (name for name, kind in frame.schema.items() if kind.is_float())
    return (pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"  # a JSON number would become a float on the other side
    return str(value)


def _table(frame: pl.DataFrame, whole: str = "") -> str:
    """Columns of plain text, as wide as their widest value, long values cut, no zeros at the end of an amount."""

    def shown(name: str) -> pl.Expr:
        text = (
            pl.col(name)
            .cast(pl.String, strict=False)
            .fill_null("")
            .str.replace_all(r"\s+", " ")
            .str.replace_all(_CONTROLS, "�")
        )
        cut = pl.when(text.str.len_chars() > WIDEST).then(text.str.head(WIDEST - 1) + "…").otherwise(text)
        return text if name == whole else cut

    amounts = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Decimal) and kind.scale]
    told = _flat(frame).with_columns(pl.col(amounts).cast(pl.String).str.replace(r"\.?0+$", ""))
    cells = told.select(map(shown, told.columns))
    columns = [[name, "-" * len(name), *cells[name].to_list()] for name in cells.columns]
    widths = [max(map(len, column)) for column in columns]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    )
    return "\n".join([*lines, f"({frame.height} {'row' if frame.height == 1 else 'rows'})", ""])
