"""What is expected of each published table: its columns, rows, keys and values, and how tables add up.

Each expectation carries, as `says` in its meta, a sentence that follows the name of its table.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from great_expectations import expectations as gxe

from checks.expectations import CRITICAL, UNASKED, WARNING
from checks.expectations.equalities import EQUALITIES
from tieout.published import TABLES
from tieout.published.table import Published


def suites(used: Mapping[str, int]) -> Iterator[tuple[str, list[Any]]]:
    """The expectations of every table; `used` is how many rows of each feed the month used."""
    for name, table in TABLES.items():
        if name not in UNASKED:
            grave = CRITICAL if table.vital else WARNING
            yield name, [*_shape(table, grave, used), *_values(table, grave), *_equalities(name)]


def _shape(table: Published, grave: str, used: Mapping[str, int]) -> Iterator[Any]:
    """The columns are there, rows are where the feed had some, and no two rows are of the same thing."""
    yield gxe.ExpectTableColumnsToMatchSet(
        column_set=list(table.columns), exact_match=True, severity=grave, meta=_says("has the columns documented")
    )
    least, says = table.least, f"has {table.least} rows or more"
    if table.of_feed:
        least, says = int(used.get(table.of_feed, 0) > 0), f"has rows when rows of {table.of_feed} were used"
    if least:  # any number, none included, is no expectation
        yield gxe.ExpectTableRowCountToBeBetween(min_value=least, severity=grave, meta=_says(says))
    if table.key:
        key = ", ".join(map(_quoted, table.key))
        twice = f"SELECT {key}, count(*) AS rows_of_it FROM {{batch}} GROUP BY ALL HAVING rows_of_it > 1"
        yield _nothing_in(twice, grave, f"has one row a {', '.join(table.key)}")


def _values(table: Published, grave: str) -> Iterator[Any]:
    """Columns that are never empty, and those that hold one of a few words."""
    filled = (*table.key, *table.always)
    if filled:
        columns = ", ".join(map(_quoted, filled))
        empty = " OR ".join(f"{_quoted(column)} IS NULL" for column in filled)
        yield _nothing_in(f"SELECT {columns} FROM {{batch}} WHERE {empty}", grave, f"always tells {', '.join(filled)}")
    for column, words in table.words.items():
        says = f"has in {column} nothing but {', '.join(words)}"
        yield gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[*words], severity=grave, meta=_says(says))


def _equalities(name: str) -> Iterator[Any]:
    return (_nothing_in(one.broken, one.severity, one.says) for one in EQUALITIES.get(name, ()))


def _nothing_in(query: str, grave: str, says: str) -> Any:
    """What a query finds breaks it: a fraction of the work of an expectation a column."""
    return gxe.UnexpectedRowsExpectation(unexpected_rows_query=query, severity=grave, meta=_says(says))


def _says(sentence: str) -> dict[str, str]:
    return {"says": sentence}


def _quoted(name: str) -> str:
    return f'"{name}"'
