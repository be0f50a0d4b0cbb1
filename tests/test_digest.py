"""Fingerprints of tables: what they tell apart, and what they do not."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from tieout.digest import of_table

ROWS = pl.DataFrame(
    {
        "name": ["a", "b,c", 'd"', None],
        "note": ["", None, "x\ny", "z"],
        "paid": [True, False, None, True],
        "price": [Decimal("1.50"), None, Decimal(2), Decimal(0)],
        "on": [date(2026, 1, 1), None, date(2026, 1, 2), None],
        "at": [datetime(2026, 1, 1, tzinfo=UTC), None, None, None],
        "tags": [["x", "y"], [], None, ["x"]],
    }
)


def test_columns_count_by_name_and_rows_by_place() -> None:
    assert of_table(ROWS.select(sorted(ROWS.columns))) == of_table(ROWS)
    assert of_table(ROWS.reverse()) != of_table(ROWS)


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        ("note", 0, None),
        ("note", 1, ""),
        ("note", 2, "x"),
        ("name", 1, "b"),
        ("paid", 2, False),
        ("price", 1, Decimal(0)),
        ("at", 1, datetime(2026, 1, 1, microsecond=1, tzinfo=UTC)),
        ("tags", 1, None),
        ("tags", 0, ["x,y"]),
    ],
)
def test_one_cell_that_differs_is_seen(name: str, row: int, value: object) -> None:
    cells = ROWS[name].to_list()
    cells[row] = value
    assert of_table(ROWS.with_columns(pl.Series(name, cells, ROWS.schema[name]))) != of_table(ROWS)


def test_a_cell_does_not_run_into_the_next() -> None:
    one, other = pl.DataFrame({"a": ['x","y'], "b": ["z"]}), pl.DataFrame({"a": ["x"], "b": ['y","z']})
    assert of_table(one) != of_table(other)


def test_it_is_the_same_however_many_rows_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = of_table(ROWS)
    monkeypatch.setattr("tieout.digest._AT_ONCE", 1)
    assert of_table(ROWS) == whole


def test_a_table_without_rows_is_known_by_its_columns() -> None:
    assert of_table(ROWS.clear()) != of_table(ROWS.clear().drop("note"))
    assert of_table(ROWS.clear()) != of_table(ROWS)
