"""Lets no text turn into a formula where a spreadsheet opens a CSV file, and reads every text back as it was.

A text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that begins with
apostrophes before such a text; taking one apostrophe away gives the text back. Numbers stay numbers.
"""

import re

import polars as pl

_LEADS = r"=+\-@\t\r\n＝＋－＠"  # the wide ones are what Japanese keyboards write
_FORMULA = rf"^'*[{_LEADS}]"
_GUARDED = rf"^''*[{_LEADS}]"
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?$"
_SPLITS = r"[;\t]"
"""What separates cells in other countries: a text that holds it must be quoted, or its rest is a cell of its own."""


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text as a spreadsheet may see it; its column names, too."""
    safe = frame.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_NUMBER))
        .then(pl.format("'{}", name))
        .otherwise(name)
        .alias(name)
        for name, kind in frame.schema.items()
        if kind == pl.String
    )
    return safe.rename(lambda name: f"'{name}" if re.match(_FORMULA, name) else name)


def as_read(text: pl.Expr) -> pl.Expr:
    """A guarded text as it was before."""
    return pl.when(text.str.contains(_GUARDED)).then(text.str.slice(1)).otherwise(text)


def as_csv(frame: pl.DataFrame) -> str:
    """A frame as CSV that no spreadsheet runs, whatever separates its cells; nulls are empty."""
    texts = frame.select(pl.col(pl.String)).get_columns()
    splits = any(bool(text.str.contains(_SPLITS).any()) for text in texts)
    return guarded(frame).write_csv(quote_style="non_numeric" if splits else "necessary")
