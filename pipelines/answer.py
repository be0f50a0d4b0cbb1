"""Frames as text on a terminal or in a pipe."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import polars as pl

WIDEST = 60
"""Characters of a value that a table shows; CSV and JSON show all."""


def as_text(frame: pl.DataFrame, form: Literal["table", "csv", "json"]) -> str:
    """Every row of a frame; numbers exact, lists joined by `;` in CSV, instants in UTC."""
    match form:
        case "csv":
            return _flat(frame).write_csv()
        case "json":
            return json.dumps(frame.to_dicts(), default=_plain, ensure_ascii=False, indent=1) + "\n"
        case "table":
            return _table(frame)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    return frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(";") for name in lists)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"  # a JSON number would become a float on the other side
    return str(value)


def _table(frame: pl.DataFrame) -> str:
    """Columns of plain text, as wide as their widest value, long values cut."""
    text = pl.all().cast(pl.String, strict=False).fill_null("").str.replace_all(r"\s+", " ")
    cut = pl.when(text.str.len_chars() > WIDEST).then(text.str.head(WIDEST - 1) + "…").otherwise(text)
    cells = _flat(frame).select(cut)
    columns = [[name, "-" * len(name), *cells[name].to_list()] for name in cells.columns]
    widths = [max(map(len, column)) for column in columns]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    )
    return "\n".join([*lines, f"({frame.height} {'row' if frame.height == 1 else 'rows'})", ""])
