"""What a period has to work with."""

import polars as pl

from tests.worlds import world

SCHEMA = {"tag": pl.String(), "seen": pl.Date(), "rank": pl.Int64()}


def test_memory_of_an_earlier_version_is_read_as_far_as_it_goes() -> None:
    kept = pl.DataFrame({"tag": ["A", "B"], "dropped_since": [1, 2]})
    remembered = world(memory={"memory_tags": kept}).remembered("memory_tags", SCHEMA)
    assert remembered.rows() == [("A", None, None), ("B", None, None)]
    assert dict(remembered.schema) == SCHEMA


def test_memory_that_shares_no_column_still_has_its_rows() -> None:
    kept = pl.DataFrame({"dropped_since": [1, 2]})
    assert world(memory={"memory_tags": kept}).remembered("memory_tags", SCHEMA).height == 2


def test_no_memory_is_empty_with_its_columns() -> None:
    remembered = world().remembered("memory_tags", SCHEMA)
    assert (remembered.height, dict(remembered.schema)) == (0, SCHEMA)
