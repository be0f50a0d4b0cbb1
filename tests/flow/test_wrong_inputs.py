"""Deliveries that cannot be used: one clear sentence each, the rest goes on, and nothing is left half written."""

import random
import re
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from pipelines.warehouse import query
from tests.conftest import MINIMAL, command
from tests.flow.conftest import Ran

PERIOD = "2026-09"
CONFIG = """
[[sources]]
name = "console"
feed = "seats"
path = "exports/{period}/members.csv"
"""

SAID = {
    "accounts": "incomplete-pull: accounts.parquet: it is no readable Parquet file; is it damaged or cut off?",
    "assets": "incomplete-pull: assets.csv: line 2 is not utf-8 (bytes fc); declare the encoding the file was written "
    "in",
    "endpoints": "incomplete-pull: endpoints.xlsx: it is no readable workbook; is it damaged, password-protected or of "
    "another kind?",
    "entitlements": "schema-drift: source 'entitlements': there is no column for entitlements.contract_id (nor for "
    "line_no, product, quantity, unit_price, currency, billing_period, term_start), which every row needs; the nearest "
    "is 'contract'",
    "ledger": "incomplete-pull: ledger.csv: it is empty, without even a header line",
    "seats": "missing-source: exports/2026-09/members.csv was not delivered",
    "stock": "incomplete-pull: stock.jsonl: line 1 is no JSON object: Expecting ',' delimiter: line 1 column 10 (char "
    "9)",
}
"""Feed → why its delivery is refused."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    root = tmp_path_factory.mktemp("wrong")
    inbox = root / "inbox" / PERIOD
    inbox.mkdir(parents=True)
    (root / "tieout.toml").write_text(MINIMAL + CONFIG)
    (inbox / "people.csv").write_text("person_id,full_name,status\n1,Ada,active\n")
    (inbox / "assets.csv").write_bytes("asset_tag,asset_class,status\nMüller,laptop,in_use\n".encode("cp1252"))
    (inbox / "accounts.parquet").write_bytes(random.Random(1).randbytes(500))
    (inbox / "entitlements.csv").write_text("contract,vendor\n1,Acme\n")
    (inbox / "ledger.csv").touch()
    (inbox / "stock.jsonl").write_text('{"sku": 1\n')
    (inbox / "asets.csv").write_text("asset_tag\n")
    _cut_off_workbook(inbox / "endpoints.xlsx")
    done = command("run", "-w", root)
    assert done.code == 3, done.err
    return Ran(root, done.out, done.err)


def _cut_off_workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    for number in range(200):
        book.worksheets[0].append([f"e-{number}", number])
    book.save(path)
    path.write_bytes(path.read_bytes()[:2000])


def ask(ran: Ran, sql: str) -> pl.DataFrame:
    return query(ran.root / "published" / "tieout.duckdb", sql)


def test_each_is_refused_in_one_sentence(ran: Ran) -> None:
    refused = ask(ran, "SELECT feed, reasons FROM sources WHERE verdict = 'RED'")
    assert dict(refused.iter_rows()) == {feed: [said] for feed, said in SAID.items()}
    assert ask(ran, "SELECT feed, used FROM sources WHERE verdict = 'GREEN'").rows() == [("people", 1)]


def test_the_run_says_so_and_goes_on(ran: Ran) -> None:
    for said in SAID.values():
        assert said.partition(": ")[2] in ran.progress
    assert "inbox/2026-09/asets.csv is not read: no feed is named 'asets'" in ran.progress
    assert ran.progress.splitlines()[-1].startswith("tieout: done, but not accepted: accounts/accounts, assets/assets")
    assert "Traceback" not in ran.progress
    page = (ran.root / "reports" / PERIOD / "reconciliation.html").read_text("utf-8")
    assert re.search(r"INCOMPLETE\W.*7 of 8 sources were not fully accepted", re.sub(r"<[^>]+>", "", page))


def test_every_record_is_accounted_for_and_nothing_is_concluded(ran: Ran) -> None:
    assert ask(ran, "FROM sources WHERE landed <> used + duplicate + quarantined").is_empty()
    reasons = ask(ran, "SELECT reasons FROM quarantine WHERE feed = 'entitlements'")["reasons"].to_list()
    assert [reason[0].startswith("the delivery is not used: ") for reason in reasons] == [True]
    assert ask(ran, "FROM exceptions").is_empty()


def test_nothing_is_left_half_written(ran: Ran) -> None:
    names = [path.name for path in ran.root.rglob("*") if not path.is_relative_to(ran.root / "warehouse" / "dagster")]
    assert not [name for name in names if name.startswith(".") or "building" in name]
    snapshots = list((ran.root / "landing" / PERIOD).glob("*/*/*"))
    assert len(snapshots) == 7
    assert all((snapshot / "manifest.json").is_file() for snapshot in snapshots)


def test_check_says_the_same_before_a_run(ran: Ran) -> None:
    done = command("check", "-w", ran.root)
    assert done.code == 1
    for said in SAID.values():
        assert said.partition(": ")[2] in done.out
    assert done.err.endswith("problems: 8\n")
