"""Writes workbooks in which nothing can run: texts are texts, amounts are numbers, and nothing is protected."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl

from reports import entries
from reports.about import About
from reports.listing import Column, in_currency, minor_unit
from reports.owners import Pack

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

SCHEMA = "tieout-decisions/1"
"""What the hidden sheet says of the layout, for the import to know."""
SHEET, MARKS, READ_ME, DECIDED_BY = "Exceptions", "marks", "Read me", "Decided by"
LIMIT = 20_000
"""Rows of a workbook; more are in the page."""
LONGEST = 4_000
"""Characters of evidence in a cell."""
FITS = 32_767
"""Characters that a cell can hold at all."""
DECISION = ("Decision", "Until", "Approver", "To", "Reason", "Comment")
SHOWN = ("subject", "title", "remedy", "severity", "due_on", "value", "value_kind")
REST = ("status", "age_days", "since", "hold", "amount", "currency", "evidence", "rule", "exception_id", "period")
TITLES = {"evidence": "Evidence", "exception_id": "Exception ID", "period": "Period"}
"""Heads of columns that the import reads, or that no list has."""
WIDTHS = {"subject": 24, "title": 38, "remedy": 48, "evidence": 60, "exception_id": 20, "Comment": 30, "Reason": 20}


def owner_workbook(pack: Pack, about: About) -> bytes:
    """The workbook of an owner: what it is, their exceptions with columns to decide in, and marks for the import.

    Rows stand in the order of their weight, settled ones left out.
    """
    open_rows = pack.rows.filter(pl.col("may").is_not_null())
    listed = open_rows.head(LIMIT).drop("evidence")
    rows = listed.join(_evidence(pack), left_on="exception_id", right_on="key", how="left", maintain_order="left")
    said = [
        f"{pack.owner}: exceptions of {about.period}",
        f"{about.organisation}, as of {about.today}",
        "",
        *pack.summary,
        "",
        f"Answer in the sheet {SHEET}: choose a decision, and fill what it needs.",
        "Sort and filter as you like, move columns, leave rows empty; leave the last two columns as they are.",
        "Send the file back: `tieout decisions import FILE` shows what it would record, and records all or nothing.",
    ]
    if open_rows.height > LIMIT:
        said.insert(3, f"These are the {LIMIT:,} that weigh most of {open_rows.height:,}; the page has all.")
    with Sheets(about) as book:
        front = book.sheet(READ_ME)
        front.set_column(0, 0, 22)
        front.set_column(1, 1, 90)
        for line, text in enumerate(said):
            front.write_string(line, 0, text, book.bold if line == 0 else None)
        line = len(said) + 1
        front.write_string(line, 0, DECIDED_BY, book.bold)
        front.write_string(line, 1, "", book.to_fill)
        front.write_string(line + 2, 0, "Decision", book.bold)
        front.write_string(line + 2, 1, "Meaning, and what it needs", book.bold)
        for number, (kind, (meaning, needs)) in enumerate(entries.ANSWERS.items(), line + 3):
            front.write_string(number, 0, kind)
            front.write_string(number, 1, f"{meaning} (needs: {', '.join(needs)})" if needs else meaning)
        _list(book, rows, about)
        marks = book.sheet(MARKS)
        lines = [("schema", SCHEMA), ("period", about.period), ("owner", pack.owner)]
        for number, (name, value) in enumerate([*lines, *(("decision", kind) for kind in entries.ANSWERS)]):
            marks.write_string(number, 0, name)
            marks.write_string(number, 1, value)
        first = len(lines) + 1
        book.workbook.define_name("decisions", f"={MARKS}!$B${first}:$B${first + len(entries.ANSWERS) - 1}")
        marks.hide()
    return book.content


def _list(book: "Sheets", rows: pl.DataFrame, about: About) -> None:
    titles = {column.name: column for column in in_currency(entries.COLUMNS, about.reporting_currency)}
    columns = [*SHOWN, *DECISION, *REST]
    sheet = book.sheet(SHEET)
    for number, name in enumerate(columns):
        title = TITLES.get(name) or (titles[name].title if name in titles else name)
        sheet.write_string(0, number, title, book.head)
        hidden = {"hidden": True} if name == "period" else {}
        sheet.set_column(number, number, WIDTHS.get(name, 13), book.to_fill if name in DECISION else None, hidden)
        if name not in DECISION:
            column = titles.get(name, Column(name, name))
            book.write(sheet, number, column, rows[name])
    last = max(rows.height, 1)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, last, len(columns) - 1)
    sheet.data_validation(1, len(SHOWN), last, len(SHOWN), {
        "validate": "list", "source": "=decisions", "error_title": "Decision",
        "error_message": "Choose one of the list, or leave it empty.",
    })  # fmt: skip
    sheet.data_validation(1, len(SHOWN) + 1, last, len(SHOWN) + 1, {
        "validate": "date", "criteria": "between", "minimum": about.today, "maximum": about.today + timedelta(days=730),
        "error_title": "Until", "error_message": "Write the last day on which it holds, like 2027-01-31.",
    })  # fmt: skip
    sheet.set_column(len(SHOWN) + 1, len(SHOWN) + 1, 13, book.day_to_fill)


def _evidence(pack: Pack) -> pl.DataFrame:
    """What the sources say of each exception, in one cell."""
    told = pack.details.filter(~pl.col("heading").is_in(["History"]))
    fields = pl.format("{} = {}", "name", pl.col("value").fill_null(""))
    return (
        told.group_by("key", "heading", "note", maintain_order=True)
        .agg(fields.drop_nulls().str.join(", ").alias("fields"))
        .select("key", text=pl.concat_str("heading", pl.lit(": "), "note", pl.lit(" "), "fields").str.strip_chars())
        .group_by("key", maintain_order=True)
        .agg(pl.col("text").str.join("\n").str.head(LONGEST).alias("evidence"))
    )


class Sheets:
    """A workbook on its way to bytes, the same whenever it is written."""

    def __init__(self, about: About) -> None:
        self._about = about
        self._buffer = BytesIO()

    def __enter__(self) -> "Sheets":
        import xlsxwriter

        options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
        self.workbook: Workbook = xlsxwriter.Workbook(self._buffer, options)
        self.workbook.set_properties({"created": self._about.as_of.replace(tzinfo=None)})
        add = self.workbook.add_format
        self.bold, self.to_fill = add({"bold": True}), add({"bg_color": "#FFF7DB"})
        self.day, self.day_to_fill = (
            add({"num_format": "yyyy-mm-dd"} | more) for more in ({}, {"bg_color": "#FFF7DB"})
        )
        places = minor_unit(self._about.reporting_currency)
        self._money = add({"num_format": f"#,##0{'.' + '0' * places if places else ''}"})
        self._amount = add({"num_format": "#,##0.00##"})
        self.head = add({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#E4F0F9"})
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.workbook.close()

    @property
    def content(self) -> bytes:
        return self._buffer.getvalue()

    def sheet(self, name: str) -> "Worksheet":
        return self.workbook.add_worksheet(name)

    def table(self, name: str, columns: Sequence[Column], rows: pl.DataFrame) -> None:
        """A sheet of rows under the names that the CSV and the database have: numbers as numbers, all else as text.

        The head stays in sight, and every column can be filtered.
        """
        sheet = self.sheet(name)
        for number, column in enumerate(columns):
            sheet.write_string(0, number, column.name, self.head)
            sheet.set_column(number, number, WIDTHS.get(column.name, 15))
            self.write(sheet, number, column, rows[column.name])
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(rows.height, 1), len(columns) - 1)

    def lines(self, name: str, lines: Sequence[Sequence[object]]) -> None:
        """A sheet of lines as they are; the first of each block is its head."""
        sheet = self.sheet(name)
        sheet.set_column(0, 20, 18)
        for line, values in enumerate(lines):
            is_head = line == 0 or not lines[line - 1]
            for number, value in enumerate(values):
                self._put(sheet, line, number, value, self.head if is_head else None)

    def write(self, sheet: "Worksheet", number: int, column: Column, values: pl.Series) -> None:
        """Write a column below its head."""
        form = self._money if column.kind == "money" else None
        for line, value in enumerate(values, 1):
            self._put(sheet, line, number, value, form)

    def _put(self, sheet: "Worksheet", line: int, number: int, value: object, form: Any) -> None:
        match value:
            case None | "":
                return
            case bool():
                sheet.write_string(line, number, "yes" if value else "no", form)
            case Decimal() | int() | float():
                sheet.write_number(line, number, value, form or (self._amount if isinstance(value, Decimal) else None))
            case date():
                sheet.write_datetime(line, number, value, self.day)
            case _:
                sheet.write_string(line, number, str(value)[:FITS], form)
