"""Three plain files and three lines of config: it runs, and says which rules it could not put and why."""

import re
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from checks.rules import discover
from pipelines.warehouse import query
from tests.conftest import MINIMAL, command

PERIOD = "2026-09"
FILES = {
    "people.csv": "person_id,full_name,email,status,end_date\n"
    "1,Ada,ada@x.example,active,\n2,Ben,ben@x.example,terminated,2026-08-31\n",
    "assets.csv": "asset_tag,asset_class,status,serial,custodian\n"
    "T1,laptop,in_use,ABC1234,1\nT2,laptop,in_use,DEF1234,2\nT3,monitor,in_stock,none,\n",
    "seats.csv": "product,seat_id,email,status,assigned_at,last_active_at\n"
    "Figma,u1,ada@x.example,active,2026-01-01,2026-09-20\nFigma,u2,ben@x.example,active,2026-01-01,2026-08-20\n",
}
FOUND = {("held-by-leaver", "T2"), ("unusable-serial", "T3"), ("leaver-seat", "Figma/u2")}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("three")
    (root / "inbox" / PERIOD).mkdir(parents=True)
    (root / "tieout.toml").write_text(MINIMAL)
    for name, text in FILES.items():
        (root / "inbox" / PERIOD / name).write_text(text)
    assert command("run", "-w", root, "--quiet").code == 0
    return root


def ask(root: Path, sql: str) -> pl.DataFrame:
    return query(root / "published" / "tieout.duckdb", sql)


def test_it_finds_what_three_feeds_can_show(root: Path) -> None:
    assert set(ask(root, "SELECT rule, subject FROM exceptions").rows()) == FOUND


def test_rules_that_were_not_evaluated_say_why(root: Path) -> None:
    runs = {run["rule"]: run for run in ask(root, "FROM rule_runs").iter_rows(named=True)}
    assert set(runs) == {rule.slug for rule in discover()}
    silent = {slug: run["reason"] for slug, run in runs.items() if run["reason"]}
    assert silent["ghost-asset"] == "no source delivers endpoints"
    assert silent["live-account-of-leaver"] == "no source delivers accounts"
    for slug, reason in silent.items():
        feeds = reason.removeprefix("no source delivers ").split(" or ")
        assert not {"people", "assets", "seats"} & set(feeds), slug
        assert runs[slug]["not_evaluated"] == runs[slug]["population"]
        assert runs[slug]["fired"] == 0
    assert not {rule for rule, _ in FOUND} & set(silent)


def test_the_report_says_so(root: Path) -> None:
    page = (root / "reports" / PERIOD / "reconciliation.html").read_text("utf-8")
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
    section = text.partition("What could not be judged")[2]
    for slug, reason in ask(root, "SELECT rule, reason FROM rule_runs WHERE reason IS NOT NULL").iter_rows():
        assert re.search(rf"{slug} ?: {re.escape(reason)}\.", section), slug
