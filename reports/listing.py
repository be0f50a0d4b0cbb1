"""Long lists as pages carry them: a block of data that the page's own script searches, sorts and unfolds.

Texts that repeat are written once and pointed to, so that fifty thousand rows with all their evidence stay a file that
opens at once. Without scripts the first rows can be read all the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import polars as pl
from markupsafe import Markup

from reports.about import About
from tieout.money import MONEY, rounded

LIMIT = 50_000
"""Rows a page carries."""
READABLE = 25
"""Rows that can be read without scripts."""
DETAIL = ("key", "heading", "note", "name", "value")
"""Texts: what stands under a row, `name` and `value` below a heading; without a name the heading stands alone."""


@dataclass(frozen=True)
class Column:
    """One column of a list; what is not `shown` in the table stands under the row and in downloads.

    Money is in reporting currency, or in the one that the column `currency` names. `order` ranks values that are
    neither numbers nor words. A cell links to `link` and the value of the column `to`.
    """

    name: str
    title: str
    kind: Literal["text", "number", "money", "date", "tag"] = "text"
    facet: bool = False
    shown: bool = True
    currency: str = ""
    order: tuple[str, ...] = ()
    link: str = ""
    to: str = ""


Answers = Mapping[str, tuple[str, tuple[str, ...]]]
"""Decisions that can be taken in a list: what each kind is called, and the fields it needs.

The column `may` of the list holds the kinds that make sense for a row, joined by commas.
"""


@dataclass(frozen=True)
class Listing:
    """One list of a page. `rows` are all it carries, as text, in the order in which it is first shown; `total` is how
    many there are, and `elsewhere` says where the others stand.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: pl.DataFrame
    total: int
    elsewhere: str
    island: Markup

    @property
    def shown(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.shown)

    @property
    def first(self) -> list[dict[str, str | None]]:
        """The rows that can be read without scripts."""
        return self.rows.head(READABLE).to_dicts()

    @property
    def left_out(self) -> int:
        """Rows that the page is too small for."""
        return self.total - self.rows.height


def build(
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: pl.DataFrame,
    about: About,
    *,
    details: pl.DataFrame | None = None,
    answers: Answers | None = None,
    elsewhere: str = "the published database has them",
) -> Listing:
    """A list of rows in their order, at most LIMIT of them; `details` are about the rows that its `key` names.

    The first column tells rows apart. Money without a currency of its own is in the reporting currency.
    """
    home = about.reporting_currency
    texts = as_text(columns, rows.head(LIMIT), home)
    columns = in_currency(columns, home)
    data: dict[str, Any] = {
        "name": name,
        "title": title,
        "period": about.period,
        "columns": _packed(columns, texts),
        "rows": texts.height,
    }
    if details is not None:
        data |= _under(texts[columns[0].name], details)
    if answers:
        data["answers"] = {"kinds": answers}
    return Listing(name, title, columns, texts, rows.height, elsewhere, _as_island(data))


def as_text(columns: Sequence[Column], rows: pl.DataFrame, home: str) -> pl.DataFrame:
    """Every value as people read it, exactly: amounts to the minor unit of their currency, days as YYYY-MM-DD."""
    return rows.select(_text_of(column, rows, home) for column in columns)


def in_currency(columns: Sequence[Column], home: str) -> tuple[Column, ...]:
    """Columns whose title says that their amounts are in reporting currency."""
    return tuple(
        replace(one, title=f"{one.title} ({home})") if one.kind == "money" and not one.currency else one
        for one in columns
    )


@cache
def minor_unit(currency: str) -> int:
    """Decimal places of a currency, as the domain rounds it."""
    third = pl.lit(Decimal("0.3333333333"), MONEY)
    smallest: Decimal = pl.select(rounded(third, pl.lit(currency))).item()
    return -int(smallest.normalize().as_tuple().exponent)


# -- inside ----------------------------------------------------------------------------------------------------------


def _text_of(column: Column, rows: pl.DataFrame, home: str) -> pl.Expr:
    value, dtype = pl.col(column.name), rows.schema[column.name]
    if column.kind == "money" and column.currency:
        text = value.cast(pl.String)
        for currency in rows[column.currency].unique().drop_nulls().sort():
            text = pl.when(pl.col(column.currency) == currency).then(_exact(value, currency)).otherwise(text)
        return text.alias(column.name)
    if column.kind == "money":
        return _exact(value, home)
    if isinstance(dtype, pl.Decimal):
        return value.cast(pl.String).str.replace(r"\.?0+$", "")
    if dtype == pl.Boolean:
        return value.replace_strict({True: "yes", False: "no"}, default=None, return_dtype=pl.String)
    if isinstance(dtype, pl.List):
        return value.cast(pl.List(pl.String)).list.join("; ")
    if isinstance(dtype, pl.Datetime):
        return value.dt.to_string("%Y-%m-%d %H:%M")
    return value.cast(pl.String)


def _exact(amount: pl.Expr, currency: str) -> pl.Expr:
    """An amount with all its digits, and zeros to the minor unit."""
    places = minor_unit(currency)
    text = amount.cast(pl.String)
    return text.str.replace(rf"(\.\d{{{places}}}\d*?)0*$", "$1") if places else text.str.replace(r"\.?0+$", "")


def _packed(columns: Sequence[Column], texts: pl.DataFrame) -> list[dict[str, Any]]:
    """Columns for the script: each different value once, and where it stands, if that is shorter."""
    distinct = texts.select(pl.all().drop_nulls().unique().sort().implode()).row(0, named=True) if texts.width else {}
    repeats = [name for name, values in distinct.items() if 2 * len(values) < texts.height]
    places = texts.select(pl.col(name).cast(pl.Enum(distinct[name])).to_physical() for name in repeats)
    return [
        {name: value for name, value in vars(column).items() if value}
        | (
            {"values": distinct[column.name], "at": places[column.name].to_list()}
            if column.name in repeats
            else {"values": texts[column.name].to_list()}
        )
        for column in columns
    ]


def _under(keys: pl.Series, details: pl.DataFrame) -> dict[str, Any]:
    """What stands under each row: blocks of [heading, note, name, value, name, value …], as places among the texts."""
    about_rows = details.join(keys.rename("key").to_frame(), on="key", how="semi", maintain_order="left")
    said = about_rows.select(DETAIL).with_columns(pl.exclude("key").fill_null(""))
    _, *parts = DETAIL
    texts = pl.concat([said[part].rename("text") for part in parts]).unique().sort()
    coded = said.select("key", pl.col(parts).cast(pl.Enum(texts)).to_physical())
    no_pair = pl.lit([], pl.List(coded.schema["name"]))
    pair = pl.when(said["name"] == "").then(no_pair).otherwise(pl.concat_list("name", "value"))
    told = coded.with_columns(pair.alias("pair"))
    blocks = (
        told.group_by("key", "heading", "note", maintain_order=True)
        .agg(pl.col("pair").explode(empty_as_null=False))
        .select("key", block=pl.concat_list("heading", "note", "pair"))
        .group_by("key", maintain_order=True)
        .agg("block")
    )
    of_rows = keys.rename("key").to_frame().join(blocks, on="key", how="left", maintain_order="left")
    return {"texts": texts.to_list(), "details": of_rows["block"].to_list()}


def _as_island(data: Mapping[str, Any]) -> Markup:
    """Data as JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
