"""Readers see the old results or the new ones, whole; and no row of a refused delivery among them."""

import subprocess
import sys

import polars as pl
import pytest

from pipelines import publish
from pipelines.errors import TieoutError
from pipelines.warehouse import Warehouse, query
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace, run_steps
from tieout.published import TABLES

READER = """
import sys, duckdb
count = lambda: connection.execute("SELECT count(*) FROM sources").fetchone()[0]
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    print(count(), flush=True)
    sys.stdin.readline()
    print(count(), flush=True)
"""


@pytest.fixture
def workspace(make_workspace: MakeWorkspace) -> Workspace:
    row = "asset_tag,asset_class,status,serial\nT1,laptop,in_use,none\n"
    return Workspace.open(make_workspace(files={f"2026-0{n}/assets.csv": row for n in (8, 9)}))


def test_a_reader_keeps_what_it_opened_while_results_are_swapped(workspace: Workspace) -> None:
    run_steps(workspace, "2026-08")
    command = [sys.executable, "-c", READER, str(workspace.published_database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1\n"
        run_steps(workspace, "2026-09")
        assert reader.communicate("go\n")[0] == "1\n"
    assert subprocess.run(command, input="go\n", capture_output=True, text=True, check=True).stdout == "2\n2\n"
    assert [path.name for path in workspace.published.iterdir()] == ["tieout.duckdb"]
    shown = [
        query(workspace.published_database, f"SELECT DISTINCT period FROM {t} ORDER BY 1").to_series().to_list()
        for t in ("exceptions", "exceptions_current")
    ]
    assert shown == [["2026-08", "2026-09"], ["2026-09"]]


def test_rows_of_a_refused_delivery_stop_the_publication(workspace: Workspace) -> None:
    run_steps(workspace, "2026-08")
    before = workspace.published_database.read_bytes()
    warehouse = Warehouse(workspace.tables)
    sources = warehouse.read("sources").with_columns(pl.lit("RED").alias("verdict"))
    warehouse.write("sources", sources, "2026-08")
    with pytest.raises(TieoutError, match="holds rows of assets/assets, which is not accepted"):
        publish.publish(workspace, warehouse, "2026-08")
    assert workspace.published_database.read_bytes() == before


def test_the_same_month_twice_is_the_same_and_explains_itself(workspace: Workspace) -> None:
    answers = []
    for _ in range(2):
        run_steps(workspace, "2026-08")
        answers.append({table: query(workspace.published_database, f"FROM {table}").rows() for table in TABLES})
    assert answers[0] == answers[1]
    silent = "SELECT count(*) FROM {} WHERE NOT internal AND coalesce(comment, '') = ''"
    assert query(workspace.published_database, silent.format("duckdb_tables()")).item() == 0
    assert query(workspace.published_database, silent.format("duckdb_columns()")).item() == 0
