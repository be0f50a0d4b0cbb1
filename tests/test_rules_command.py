"""The rules a workspace is judged by: listed and shown with their limits, tried with others on past months."""

import json
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest

from pipelines.backtest import backtest
from pipelines.cli import main
from pipelines.errors import ConfigError
from pipelines.rulebook import listed, shown
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, run_steps

PERIODS = ("2026-07", "2026-08", "2026-09")
CONFIG = """\
[policy]
return_days = 21
[policy.classes.monitor]
idle_days = 400
[rules.held-by-leaver]
critical_days = 60
[rules.duplicate-serial]
on = false
[rules.unusable-serial]
severity = "high"
"""
ASSETS = """\
asset_tag,asset_class,status,status_since,serial,custodian
T1,laptop,in_stock,2026-04-20,S-00001,
T2,laptop,in_stock,2026-05-20,S-00002,
T3,monitor,in_stock,2026-04-20,S-00003,
T4,laptop,in_stock,2026-01-02,S-00004,
T5,laptop,in_use,2026-01-02,S-00005,P2
"""
PEOPLE = "person_id,full_name,email,status,end_date\nP1,Ada,ada@x.org,active,\nP2,Bob,bob@x.org,terminated,2026-07-20\n"
OPEN = "SELECT period, rule, subject FROM exceptions WHERE status <> 'resolved' ORDER BY ALL"


def make(root: Path, config: str) -> Workspace:
    root.mkdir()
    (root / "tieout.toml").write_text(MINIMAL + config, encoding="utf-8")
    for period in PERIODS:
        (root / "inbox" / period).mkdir(parents=True)
        (root / "inbox" / period / "assets.csv").write_text(ASSETS, encoding="utf-8")
        (root / "inbox" / period / "people.csv").write_text(PEOPLE, encoding="utf-8")
    return Workspace.open(root)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three months of a small register."""
    workspace = make(tmp_path_factory.mktemp("rules") / "books", CONFIG)
    for period in PERIODS:
        run_steps(workspace, period)
    return workspace


def open_ones(workspace: Workspace) -> pl.DataFrame:
    return query(workspace.published_database, OPEN)


def test_the_list_says_what_is_in_force_and_open(books: Workspace) -> None:
    rules = {row["rule"]: row for row in listed(books).iter_rows(named=True)}
    assert rules["held-by-leaver"] == {
        "rule": "held-by-leaver",
        "category": "custody",
        "severity": "critical, high or medium, by what is found",
        "on": True,
        "limits": "return_days = 21; critical_days = 60",
        "open": 1,
    }
    assert rules["idle-stock"]["limits"] == "idle_days = 180, for monitor 400"
    assert not rules["duplicate-serial"]["on"]


def test_a_rule_says_where_each_limit_stands(books: Workspace) -> None:
    held = shown(books, "held-by-leaver")
    limits = {row["limit"]: (row["value"], row["said_in"], row["default"]) for row in held["limits"]}
    assert limits == {"return_days": ("21", "policy", "14"), "critical_days": ("60", "rules.held-by-leaver", "30")}
    stated = shown(books, "unusable-serial")
    assert (stated["severity"], stated["severity_said_in"]) == ("high", "rules.unusable-serial")
    assert (held["not_evaluated_without"], held["from"], held["open_now"]) == (["people"], "catalogue", 1)
    assert "ghost-asset" in held["goes_before"]
    assert held["title"] == "A device on the books that somebody who has left still holds"
    assert [(row["period"], row["fired"]) for row in held["periods"]] == [(p, 1) for p in PERIODS]
    by_class = {(row["for"], row["value"], row["said_in"]) for row in shown(books, "idle-stock")["limits"]}
    assert by_class == {("all", "180", "default"), ("monitor", "400", "policy.classes.monitor")}


@pytest.mark.parametrize(
    ("change", "asset_class", "config"),
    [
        ("idle_days=100", None, "[rules.idle-stock]\nidle_days = 100\n"),
        pytest.param("idle_days=300", None, "[rules.idle-stock]\nidle_days = 300\n", marks=pytest.mark.slow),
        pytest.param("idle_days=100", "laptop", "[policy.classes.laptop]\nidle_days = 100\n", marks=pytest.mark.slow),
    ],
)
def test_a_backtest_says_what_real_runs_under_the_limit_find(
    books: Workspace, tmp_path: Path, change: str, asset_class: str | None, config: str
) -> None:
    before = {path: path.read_bytes() for path in books.root.rglob("*") if path.suffix in (".toml", ".json", ".html")}
    told = backtest(books, "idle-stock", change, asset_class, 3)
    assert {path: path.read_bytes() for path in before} == before
    really = make(tmp_path / "really", CONFIG + config)
    for period in PERIODS:
        run_steps(really, period)
    key = ["period", "rule", "subject"]
    opened = open_ones(really).join(open_ones(books), on=key, how="anti").with_columns(change=pl.lit("opened"))
    closed = open_ones(books).join(open_ones(really), on=key, how="anti").with_columns(change=pl.lit("closed"))
    assert told.height
    assert (
        told.select(*key, "change").rows()
        == pl.concat([opened, closed]).sort("period", "change", "rule", "subject").rows()
    )


@pytest.mark.slow
def test_a_backtest_says_what_would_only_have_weighed_more_or_less(books: Workspace) -> None:
    told = backtest(books, "held-by-leaver", "critical_days=100", None, 3).select(
        "period", "subject", "change", "severity"
    )
    assert told.rows() == [("2026-09", "T5", "regraded from critical", "high")]


@pytest.mark.slow
def test_a_backtest_looks_at_so_many_months_and_the_limit_in_force_changes_nothing(books: Workspace) -> None:
    assert backtest(books, "idle-stock", "idle_days=100", None, 1)["period"].unique().to_list() == ["2026-09"]
    assert backtest(books, "idle-stock", "idle_days=180", None, 2).is_empty()


@pytest.mark.parametrize(
    ("slug", "change", "asset_class", "said"),
    [
        ("idle-stok", "idle_days=1", None, "'idle-stok' is not a rule; did you mean 'idle-stock'?"),
        ("idle-stock", "idle_day=1", None, "idle-stock has no such limit; did you mean 'idle_days'?"),
        ("duplicate-asset-tag", "idle_days=1", None, "duplicate-asset-tag has no such limit."),
        ("idle-stock", "idle_days=soon", None, "should be a number from 0 on, like --set idle_days=30."),
        ("idle-stock", "idle_days=-1", None, "should be a number from 0 on"),
        ("idle-stock", "idle_days", None, "should be a number from 0 on"),
        ("idle-stock", "idle_days=1", "laptops", "is not an asset class; did you mean 'laptop'?"),
    ],
)
def test_what_cannot_be_tried_is_one_sentence(
    books: Workspace, slug: str, change: str, asset_class: str | None, said: str
) -> None:
    with pytest.raises(ConfigError) as problem:
        backtest(books, slug, change, asset_class, 3)
    assert said in str(problem.value)


def test_a_workspace_without_a_month_has_rules_and_no_counts(tmp_path: Path) -> None:
    workspace = make(tmp_path / "new", "")
    assert listed(workspace)["open"].null_count() == listed(workspace).height
    assert shown(workspace, "idle-stock")["periods"] == []
    with pytest.raises(ConfigError, match="has no complete month yet"):
        backtest(workspace, "idle-stock", "idle_days=1", None, 3)


def test_the_commands_answer_as_text_and_as_json(
    books: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["tieout", *words, "-w", str(books.root)])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        return capsys.readouterr().out

    assert "idle_days = 180, for monitor 400" in say("rules", "list")
    assert {row["rule"] for row in json.loads(say("rules", "list", "--json"))} >= {"idle-stock", "held-by-leaver"}
    assert "do: Ask for the device back" in say("rules", "show", "held-by-leaver")
    assert json.loads(say("rules", "show", "idle-stock", "--json"))["grain"] == "asset"
    assert "opened  idle-stock" in say("rules", "backtest", "idle-stock", "--set", "idle_days=100")
    rows = json.loads(say("rules", "backtest", "idle-stock", "--set", "idle_days=100", "--periods", "1", "--json"))
    assert {row["change"] for row in rows} == {"opened"}


def test_a_backtest_needs_no_published_database(books: Workspace, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(books.root, copied)
    shutil.rmtree(copied / "published")
    assert backtest(Workspace.open(copied), "idle-stock", "idle_days=100", None, 1).height
