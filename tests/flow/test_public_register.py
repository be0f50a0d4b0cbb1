"""Exports of a public asset register become a report by the mapping that the docs show, and nothing else.

The samples have the register's own headers and quirks. Where TIEOUT_PUBLIC_DATA names a folder with the register's
published sample files, the same is shown with those.
"""

import os
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import run_steps

DOCS = Path(__file__).parents[2] / "docs" / "mapping-a-source.md"
SAMPLES = Path(__file__).parents[1] / "samples" / "register"
PERIOD = "2024-03"


def mapping() -> str:
    """The example that users copy."""
    match = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert match
    return match[1]


def run(root: Path, files: dict[str, Path]) -> Workspace:
    """A workspace with the documented mapping, run over these exports."""
    exports = root / "exports" / PERIOD
    exports.mkdir(parents=True)
    for name, path in files.items():
        shutil.copyfile(path, exports / name)
    (root / "tieout.toml").write_text(mapping(), encoding="utf-8")
    workspace = Workspace.open(root)
    run_steps(workspace, PERIOD)
    return workspace


def ask(workspace: Workspace, sql: str) -> pl.DataFrame:
    return query(workspace.published_database, sql)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    files = {path.name: path for path in SAMPLES.glob("*.csv")}
    return run(tmp_path_factory.mktemp("ours"), files)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = os.environ.get("TIEOUT_PUBLIC_DATA")
    if not folder:
        pytest.skip("TIEOUT_PUBLIC_DATA names no folder with the register's published files")
    files = {f"{name}.csv": Path(folder) / f"{name}-sample.csv" for name in ("users", "assets", "licenses")}
    return run(tmp_path_factory.mktemp("published"), files)


@pytest.mark.parametrize("register", ["ours", "published"])
def test_every_row_is_accounted_for_and_what_is_lacking_is_said(register: str, request: pytest.FixtureRequest) -> None:
    workspace: Workspace = request.getfixturevalue(register)
    sources = ask(workspace, "FROM sources ORDER BY feed")
    assert sources["feed"].to_list() == ["assets", "entitlements", "people"]
    assert "RED" not in sources["verdict"].to_list()
    assert sources.filter(pl.col("landed") != pl.sum_horizontal("used", "duplicate", "quarantined")).is_empty()
    assert sources["used"].min() > 0
    for row in sources.iter_rows(named=True):
        landed = workspace.root / row["endpoint_or_file"]
        assert row["landed"] == pl.read_csv(landed, infer_schema=False).height
    lacks = dict(sources.select("feed", "lacks").iter_rows())
    assert {"serial", "currency"} <= set(lacks["assets"])
    assert {"auto_renew", "notice_days"} <= set(lacks["entitlements"])
    said = ask(workspace, "SELECT DISTINCT unnest(reasons) AS said FROM quarantine")["said"].to_list()
    assert "status is empty, but every row needs it" in said
    assert all(re.match(r"\w+(:| is empty)", reason) for reason in said)
    assert ask(workspace, "SELECT subject FROM source_exceptions WHERE rule = 'unmapped-values'").rows() == [
        ("assets/register-assets",)
    ]
    page = (workspace.reports / PERIOD / "reconciliation.html").read_text(encoding="utf-8")
    assert re.search(r"not filled: [\w, ]*serial[\w, ]*currency", page)


def test_our_register_is_read_exactly(ours: Workspace) -> None:
    assert ask(ours, "SELECT source, landed, used, quarantined FROM sources ORDER BY 1").rows() == [
        ("register-assets", 7, 5, 2),
        ("register-licences", 7, 4, 3),
        ("register-users", 6, 6, 0),
    ]
    assert ask(ours, "SELECT feed, row, reasons FROM quarantine ORDER BY ALL").rows() == [
        ("assets", 3, ["status is empty, but every row needs it"]),
        ("assets", 6, ["status: 'Asset' is not one of on_order, in_stock, in_use, in_repair, retired, disposed, lost"]),
        ("entitlements", 2, ["vendor is empty, but every row needs it"]),
        ("entitlements", 4, ["term_start is empty, but every row needs it"]),
        ("entitlements", 5, ["line_no is empty, but every row needs it"]),
    ]
    lines = "SELECT contract_id, line_no, quantity::INT, unit_price::TEXT, currency, term_start::TEXT, term_end::TEXT"
    assert ask(ours, f"{lines} FROM entitlement_positions ORDER BY ALL").rows() == [
        ("34197", "4c2713a1-0001", 56, "12.5800000000", "USD", "2022-11-24", "2026-02-26"),
        ("34197", "4c2713a1-0006", 5, "0.9900000000", "USD", "2022-11-24", "2026-02-26"),
        ("398520-7", "5d2713a1-0007", 12, "66.0700000000", "USD", "1989-05-09", "2016-04-03"),
        ("64491", "e93c361f-0003", 23, "1066.0700000000", "USD", "2020-04-13", None),
    ]
    found = "SELECT rule, subject FROM exceptions WHERE rule LIKE 'held-by-%' ORDER BY ALL"
    assert ask(ours, found).rows() == [("held-by-leaver", "HS-000102"), ("held-by-stranger", "HS-000105")]
