"""Which columns say who somebody is, and how tables look when those who are to be forgotten are."""

from collections.abc import Iterator, Mapping

import polars as pl

from tieout.feeds import FEEDS, Feed, Kind

FORGOTTEN = "[purged]"
_NAMING = (
    "person_id", "full_name", "email", "other_emails", "username", "manager_id", "account_id", "aliases",
    "display_name", "user_email", "user_name", "hostname", "seat_id", "handler", "owner", "scanned_by",
)  # fmt: skip
_MEMORY = "memory_"
_WORD = 5
"""Characters from which a name is looked for inside of other texts; shorter ones are parts of ordinary words."""
_KEPT = {
    "exceptions": ("owner", "evidence", "decision"),
    "exception_history": (),
    "rule_runs": (),
    "metrics": (),
    "sources": ("extracted_by", "override"),
    "periods": ("preparer", "reviewer", "conditions"),
    "decisions": ("who", "os_user", "role", "reason", "comment", "approver", "owner", "file"),
}
"""Tables of which a purged month keeps its rows, and the columns of theirs that may name somebody or quote a record."""


def columns_of(feed: Feed) -> list[str]:
    """Columns of a feed that say who somebody is."""
    return [c.name for c in feed.columns if c.kind is Kind.PERSON or c.name in _NAMING]


def named(feeds: Mapping[str, pl.DataFrame]) -> pl.Series:
    """Every text that says who somebody is in staged rows, once."""
    found = [pl.Series([], dtype=pl.String)]
    for name, rows in feeds.items():
        for column in columns_of(FEEDS[name]):
            if column in rows.columns:
                texts = rows[column]
                found.append((texts.explode() if isinstance(texts.dtype, pl.List) else texts).cast(pl.String))
    return pl.concat(column.alias("named") for column in found).drop_nulls().unique().sort()


def of_purged_month(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """What stays of a month's rows of one table: events and accounts, without whom they are about."""
    if table.startswith(_MEMORY):
        return rows  # the next month builds on it
    feed = FEEDS.get(table.removeprefix("staged_"))
    if feed and not feed.is_state:
        return _blanked(rows, [*columns_of(feed), "extra"])
    return _blanked(rows, _KEPT[table]) if table in _KEPT else rows.clear()


def without(table: str, rows: pl.DataFrame, forgotten: pl.Series) -> pl.DataFrame:
    """The rows without the texts that name those who are to be forgotten; what is remembered of them goes whole."""
    exact, names = pl.lit(forgotten).implode(), [FORGOTTEN] * len(forgotten)
    within = [text for text in forgotten if len(text) >= _WORD and not text.isdigit()]
    quoted = [f'"{text}"' for text in forgotten if text not in within]

    def cleaned(name: str) -> pl.Expr:
        column = pl.col(name)
        if name.startswith("subject"):  # its parts are joined by /
            parts = column.str.split("/").list.eval(pl.element().replace(forgotten, names))
            column = parts.list.join("/")
        inside = column.str.replace_many(within, [FORGOTTEN]) if within else column
        inside = inside.str.replace_many(quoted, [f'"{FORGOTTEN}"']) if quoted else inside
        return pl.when(column.is_in(exact)).then(pl.lit(FORGOTTEN)).otherwise(inside).alias(name)

    after = rows.with_columns(
        [cleaned(name) for name in _texts(rows)]
        + [
            pl.col(name).list.eval(pl.element().replace(forgotten, names)).alias(name)
            for name, kind in rows.schema.items()
            if kind == pl.List(pl.String)
        ]
    )
    if table.startswith(_MEMORY) and table != "memory_exceptions":  # an exception is carried on, whomever it was about
        touched = (pl.col(name).str.contains(FORGOTTEN, literal=True) for name in _texts(rows))
        return after.filter(~pl.any_horizontal(pl.lit(False), *touched).fill_null(False))
    return after


def _texts(rows: pl.DataFrame) -> Iterator[str]:
    return (name for name, kind in rows.schema.items() if kind == pl.String)


def _blanked(rows: pl.DataFrame, columns: list[str] | tuple[str, ...]) -> pl.DataFrame:
    return rows.with_columns(pl.lit(None, rows.schema[name]).alias(name) for name in columns if name in rows.columns)
