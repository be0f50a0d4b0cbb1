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


def test_a_correction_replaces_its_row_even_where_it_is_cut_itself() -> None:
    move = {"event_id": "M1", "kind": "return", "asset_tag": "A-1", "_period": "2026-09", "occurred_at": "2026-09-10"}
    kept = [{**move, "event_id": "M2"}, {**move, "event_id": "M2", "_period": "2026-10", "occurred_at": "2026-10-10"}]
    put_off = {**move, "_period": "2026-10", "occurred_at": "2026-11-10"}
    rows = world({"movements": [move, put_off, *kept]}).rows("movements")
    assert rows.select("event_id", "_period", "_first_period").rows() == [("M2", "2026-10", "2026-09")]
