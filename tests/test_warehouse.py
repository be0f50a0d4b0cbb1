"""What is written to the warehouse comes back as it was."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.warehouse import QueryError, Shown, StorageError, Warehouse, query
from tieout.feeds import FEEDS, SCALE, Kind

EVERY_KIND = pl.DataFrame(
    {
        "text": ['Zoë; "O\'Neil"\n', "", None],
        "list": [["a", "b;c"], [], None],
        "day": [date(2026, 2, 28), date(1, 1, 1), None],
        "instant": [datetime(2026, 10, 25, 1, 30, 0, 123456, UTC), datetime(1970, 1, 1, tzinfo=UTC), None],
        "money": [Decimal("12345678901234567890.0123456789"), Decimal("-0.0000000001"), None],
        "integer": [2**63 - 1, -(2**63), None],
        "flag": [True, False, None],
        "share": [0.1, -1e300, None],
        'odd "name"; DROP': ["x", "y", "z"],
    },
    schema_overrides={"money": pl.Decimal(38, SCALE), "instant": pl.Datetime("us", "UTC")},
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "tables")


def test_every_type_survives(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.write("things", EVERY_KIND, "2026-10")
    again = Warehouse(tmp_path / "tables")
    assert_frame_equal(again.read("things").drop("period"), EVERY_KIND)


def test_every_feeds_schema_survives(warehouse: Warehouse) -> None:
    for feed in FEEDS.values():
        empty = pl.DataFrame(schema=feed.schema)
        warehouse.write(feed.name, empty, "2026-10")
        assert warehouse.read(feed.name).drop("period").schema == empty.schema
    assert {kind.dtype for kind in Kind} <= {dtype for feed in FEEDS.values() for dtype in feed.schema.values()}


def test_a_write_replaces_its_period_only(warehouse: Warehouse) -> None:
    warehouse.write("t", pl.DataFrame({"n": [1, 2]}), "2026-09")
    warehouse.write("t", pl.DataFrame({"n": [3]}), "2026-10")
    warehouse.write("t", pl.DataFrame({"n": [9, 8, 7]}), "2026-09")
    assert warehouse.read("t")["n"].to_list() == [9, 8, 7, 3]
    assert warehouse.read("t", period="2026-10")["n"].to_list() == [3]
    assert warehouse.read("t", upto="2026-09")["n"].to_list() == [9, 8, 7]
    assert warehouse.periods("t") == ["2026-09", "2026-10"]
    warehouse.drop("2026-09")
    assert warehouse.periods("t") == ["2026-10"]


def test_columns_may_come_and_go(warehouse: Warehouse) -> None:
    warehouse.write("t", pl.DataFrame({"a": [1], "b": ["x"]}), "2026-08")
    warehouse.write("t", pl.DataFrame({"b": ["y"], "c": [Decimal("1.5")]}), "2026-09")
    warehouse.write("t", pl.DataFrame({"d": [None]}), "2026-10")
    assert warehouse.read("t").rows(named=True) == [
        {"period": "2026-08", "a": 1, "b": "x", "c": None, "d": None},
        {"period": "2026-09", "a": None, "b": "y", "c": Decimal("1.5"), "d": None},
        {"period": "2026-10", "a": None, "b": None, "c": None, "d": None},
    ]


def test_the_order_of_many_rows_is_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    many = pl.DataFrame({"n": pl.int_range(500_000, eager=True).reverse()})
    for period in ("2026-10", "2026-09"):
        warehouse.write("t", many, period)
    assert_frame_equal(warehouse.read("t", period="2026-10").select("n"), many)
    assert_frame_equal(warehouse.read("t", columns=["n"]), pl.concat([many, many]))
    warehouse.publish(tmp_path / "p.duckdb", {"t": Shown("t", "", {"n": ""})})
    assert_frame_equal(query(tmp_path / "p.duckdb", "FROM t"), pl.concat([many, many]))


def test_a_table_never_written_is_empty(warehouse: Warehouse) -> None:
    assert warehouse.read("nothing").is_empty()
    assert warehouse.periods("nothing") == []


def test_a_failed_transaction_leaves_the_old_rows(warehouse: Warehouse) -> None:
    warehouse.write("t", pl.DataFrame({"n": ["one"]}), "2026-09")
    tables = {"t": pl.DataFrame({"n": ["two"]}), "u": pl.DataFrame({"n": [object()]})}
    with pytest.raises(StorageError, match="cannot write"):
        warehouse.write_all(tables, "2026-09")
    for one in (warehouse, Warehouse(warehouse.folder)):
        assert one.read("t")["n"].to_list() == ["one"]
        assert one.tables() == ["t"]


def test_no_file_is_left_of_rows_that_were_replaced(warehouse: Warehouse) -> None:
    warehouse.write("t", pl.DataFrame({"n": ["old"]}), "2026-09")
    warehouse.write("t", pl.DataFrame({"n": ["new"]}), "2026-09")
    for table in ("t", "never"):
        (warehouse.folder / table).mkdir(exist_ok=True)
        (warehouse.folder / table / "2026-08.3.parquet").write_bytes(b"of a run that was killed")
    warehouse.write("u", pl.DataFrame({"n": [1]}), "2026-09")
    left = [path.relative_to(warehouse.folder).as_posix() for path in warehouse.folder.glob("*/*")]
    assert sorted(left) == ["t/2026-09.2.parquet", "u/2026-09.3.parquet"]


def test_one_warehouse_takes_over_another(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.write("t", pl.DataFrame({"n": [1]}), "2026-09")
    other = Warehouse(tmp_path / "other")
    for number in (2, 3):
        other.write("u", pl.DataFrame({"n": [number]}), "2026-10")
    warehouse.take_over(other)
    assert warehouse.tables() == ["u"]
    assert Warehouse(warehouse.folder).read("u").rows() == [("2026-10", 3)]
    assert other.read("u").rows() == [("2026-10", 3)]


def test_tables_of_an_older_version_are_told_as_such(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.write("t", pl.DataFrame({"n": [1]}), "2026-09")
    with pytest.raises(StorageError, match="written by an older version of Tieout; run the latest month again"):
        warehouse.read("t", columns=["n", "later"])
    with pytest.raises(StorageError, match="written by an older version of Tieout; run the latest month again"):
        warehouse.publish(tmp_path / "p.duckdb", {"t": Shown("t", "", {"n": "", "later": ""})})
    warehouse.write("t", pl.DataFrame({"n": [2], "later": ["x"]}), "2026-10")
    assert warehouse.read("t", columns=["n", "later"]).rows() == [(1, None), (2, "x")]
    shown = {"t": Shown("t", "", {"n": "", "later": ""}, "2026-09")}
    assert warehouse.publish(tmp_path / "q.duckdb", shown) == 1
    assert query(tmp_path / "q.duckdb", "FROM t").rows() == [(1, None)]


def test_tables_are_published_out_of_a_folder_of_any_name(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "Büro [1] *'s?")
    warehouse.write("t", pl.DataFrame({"n": [1]}), "2026-09")
    assert warehouse.publish(tmp_path / "p.duckdb", {"t": Shown("t", "", {"n": ""})}) == 1


@pytest.fixture
def published(warehouse: Warehouse, tmp_path: Path) -> Path:
    """A published file of a table with one row in each of two periods, of which the second is shown."""
    path = tmp_path / "published.duckdb"
    for number, period in enumerate(("2026-09", "2026-10")):
        warehouse.write("t", pl.DataFrame({"n": [number], "hidden": ["x"]}), period)
    warehouse.publish(path, {"shown": Shown("t", "It's a table.", {"n": "a number"}, "2026-10")})
    return path


def test_the_published_file_explains_itself(published: Path) -> None:
    assert query(published, "FROM shown").rows() == [(1,)]
    assert query(published, "SELECT comment FROM duckdb_tables()").item() == "It's a table."
    assert query(published, "SELECT comment FROM duckdb_columns() WHERE table_name = 'shown'").item() == "a number"
    assert "v1.4.0" in str(query(published, "SELECT tags FROM duckdb_databases() WHERE path IS NOT NULL").item())


def test_queries_cannot_change_or_reach_anything(published: Path) -> None:
    (published.parent / "secret.csv").write_text("a\n1\n")
    before = sorted(path.name for path in published.parent.iterdir())
    for sql in (
        "DELETE FROM shown",
        f"SELECT * FROM '{published.parent}/secret.csv'",
        f"FROM read_text('{published.parent}/secret.csv')",
        f"FROM glob('{published.parent}/*')",
        f"FROM sniff_csv('{published.parent}/secret.csv')",
        f"ATTACH '{published.parent}/new.duckdb'",
        f"COPY shown TO '{published.parent}/out.csv'",
        f"EXPORT DATABASE '{published.parent}/out'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        f"SET profile_output = '{published.parent}/out'",
        "FROM sql",
        "SELECT getenv('HOME')",
        "CREATE TABLE more AS SELECT 1",
        "SELEC 1",
    ):
        with pytest.raises(QueryError):
            query(published, sql)
    assert sorted(path.name for path in published.parent.iterdir()) == before
    assert query(published, "SELECT n FROM shown").item() == 1


def test_a_query_may_name_columns_alike_and_one_without_an_answer_is_told_so(published: Path) -> None:
    joined = query(published, "SELECT one.n, other.n, 5 AS n_1 FROM shown one, shown other")
    assert joined.to_dicts() == [{"n": 1, "n_1": 1, "n_1_1": 5}]
    for sql, why in (
        ("", "it asks nothing; write one like FROM exceptions_current"),
        ("-- later", "it asks nothing; write one like FROM exceptions_current"),
        (
            "SELECT now() - now() AS age",
            "a column has a type that cannot be shown, as INTERVAL; write (column)::VARCHAR",
        ),
    ):
        with pytest.raises(QueryError) as refused:
            query(published, sql)
        assert str(refused.value) == why


def test_a_query_that_takes_too_long_is_ended(published: Path) -> None:
    endless = "SELECT count(*) FROM range(10000000000) a(n), range(1000) b WHERE n % 7 = 1"
    with pytest.raises(QueryError, match=r"it took longer than 0\.2 seconds"):
        query(published, endless, 0.2)
