"""What a period has to work with."""

import polars as pl

from tests.worlds import staged, world

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


def test_of_rows_of_one_key_one_counts_and_each_is_there_as_it_landed() -> None:
    seat = {"product": "Figma", "seat_id": "u-1", "email": "ada@x.org", "status": "active"}
    told = [{**seat, "seat_id": "u-2"}, seat, {**seat, "product": "FIGMA ", "email": "eve@x.org"}]
    w = world({"seats": told})
    counted = w.rows("seats").select("seat_id", "email", "_differing")
    assert counted.rows() == [("u-1", None, ["email"]), ("u-2", "ada@x.org", None)]
    assert w.delivered("seats")["email"].to_list() == ["ada@x.org", "ada@x.org", "eve@x.org"]
    named = pl.DataFrame({"_id": [2, 0], "why": ["second", "other"]}, schema={"_id": pl.UInt32, "why": pl.String})
    landed = w.landed("seats", named).sort("why").select("why", "seat_id", "email")
    assert landed.rows() == [("other", "u-2", "ada@x.org"), ("second", "u-1", "eve@x.org")]


def test_rows_count_in_the_order_in_which_they_landed_however_they_are_handed_on() -> None:
    moves = [{"event_id": f"M{n}", "kind": "return", "occurred_at": "2026-10-01"} for n in range(4)]
    rows = staged("movements", moves)
    for shuffled in (rows, rows.reverse(), pl.concat([rows[2:], rows[:2]])):
        assert world({"movements": shuffled}).rows("movements")["event_id"].to_list() == ["M0", "M1", "M2", "M3"]
