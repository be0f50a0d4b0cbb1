"""What `tieout explain` says: which thing an id names, what each rule answers and why not, and what the sources say."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipelines import catalogue
from pipelines.errors import ConfigError
from pipelines.explain import as_told, explain
from pipelines.workspace import Workspace
from tests.conftest import HOLD, MINIMAL, run_steps

CONFIG = """\
[products."Figma"]
aliases = ["Figma Professional"]
[[exempt]]
rule = "unusable-serial"
subject = "t4"
who = "Ada"
why = "a prototype without a plate"
until = 2027-12-31
[[routes]]
owner = "berlin"
asset_class = "laptop"
location = "Berlin"
rule = "held-by-leaver"
[rules.lease-overdue]
on = false
"""
PEOPLE = """\
person_id,full_name,email,status,end_date
P1,Ada A,{ada}@x.org,active,
P2,Bob B,bob@x.org,terminated,2026-07-20
"""
FILES = {
    "assets": "asset_tag,asset_class,status,status_since,serial,custodian,location\n"
    "T1,laptop,in_use,2026-01-10,SER-0001,P1,Berlin\n"
    "T2,laptop,in_use,2026-01-10,SER-0002,P2,Berlin\n"
    "T3,laptop,retired,2026-07-10,SER-0003,,Berlin\n"
    "T4,monitor,in_use,2026-07-10,none,P1,Berlin\n"
    "T6,laptop,in_stock,,SER-0006,,Berlin\n"
    "T5,laptop,in_repair,,SER-0005,P1,Berlin\n"
    "dup-9,monitor,in_stock,2026-07-10,SER-0009,,Berlin\n",
    "accounts": "account_id,username,email,person_id,status\n"
    "a-1,ada,ada@x.org,P1,active\ndup-9,bob,bob@x.org,P2,suspended\n",
    "seats": "product,seat_id,email,status,paid,assigned_at,last_active_at\n"
    "Figma,u-1,ada@x.org,active,true,2026-01-10T09:00,2026-08-30T09:00\n",
    "entitlements": "contract_id,line_no,vendor,product,quantity,unit_price,currency,billing_period,term_start,"
    "term_end\n"
    "C-1,1,Figma Inc,Figma,1,100,EUR,annual,2026-01-01,2026-12-31\n",
    "ledger": "ledger_id,asset_tag,cost,currency\nL-1,T1,900,EUR\n",
    "stock": "sku,location,bin,quantity\nDOCK-1,Berlin,A1,5\n",
}
ENDPOINTS = """\
endpoint_id,serial,last_seen_at,user_email
e-1,ser-0001,2026-{month}-28T09:00,ada@x.org
"""
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two months; in the first one Ada had another address; in the second the endpoints are refused."""
    root = tmp_path_factory.mktemp("books")
    (root / "tieout.toml").write_text(MINIMAL + CONFIG, encoding="utf-8")
    for period, ada in (("2026-08", "ada.old"), ("2026-09", "ada")):
        folder = root / "inbox" / period
        folder.mkdir(parents=True)
        files = {**FILES, "people": PEOPLE.format(ada=ada)}
        files["endpoints"] = (
            ENDPOINTS.format(month=period[5:]) if ada == "ada.old" else "endpoint_id,serial\ne-1,SER-0001\n"
        )
        for feed, text in files.items():
            (folder / f"{feed}.csv").write_text(text, encoding="utf-8")
    workspace = Workspace.open(root)
    for period in ("2026-08", "2026-09"):
        run_steps(workspace, period)
    return workspace


def told(books: Workspace, asked: str, period: str) -> Answer:
    """What is said of an id, asked once."""
    return _told(books.root, asked, period)


@cache
def _told(root: Path, asked: str, period: str) -> Answer:
    return explain(Workspace.open(root), asked, period)


def rule(answer: Answer, slug: str) -> Answer:
    """What one rule says."""
    return next(row for row in answer["rules"] if row["rule"] == slug)


@pytest.mark.parametrize(
    ("asked", "kind", "name"),
    [
        ("T1", "asset", "T1"), ("t1", "asset", "T1"), ("ser-0001", "asset", "T1"), ("S/N: SER-0001", "asset", "T1"),
        ("P1", "person", "P1"), ("ada@x.org", "person", "P1"), ("ADA.OLD@x.org", "person", "P1"),
        ("ada", "person", "P1"),
        ("a-1", "account", "a-1"), ("Figma/u-1", "seat", "Figma/u-1"), ("figma professional/u-1", "seat", "Figma/u-1"),
        ("u-1", "seat", "Figma/u-1"), ("C-1/1", "line", "C-1/1"), ("C-1", "contract", "C-1"),
        ("Figma Professional", "product", "Figma Professional"), ("asset:dup-9", "asset", "dup-9"),
        ("account:dup-9", "account", "dup-9"),
    ],
)  # fmt: skip
def test_the_kind_of_an_id_is_found_out(
    books: Workspace, monkeypatch: pytest.MonkeyPatch, asked: str, kind: str, name: str
) -> None:
    monkeypatch.setattr(catalogue, "rules_of", lambda _: ())  # they are not asked here, and take long to answer
    answer = explain(books, asked, None)
    assert (answer["kind"], answer["name"], answer["period"]) == (kind, name, "2026-09")


def test_an_answer_is_what_the_run_left_and_can_be_told_as_json(books: Workspace) -> None:
    answer = told(books, "T1", "2026-09")
    assert answer["differs_from_the_run"] == []
    assert json.dumps(answer, default=str)


def test_an_endpoint_is_the_asset_it_was_matched_to(books: Workspace) -> None:
    answer = told(books, "e-1", "2026-08")
    assert (answer["kind"], answer["name"]) == ("asset", "T1")
    assert {row["how"] for row in answer["matches"]} == {"serial SER-0001", "person_id P1"}


def test_an_exception_is_found_by_the_beginning_of_its_id(books: Workspace) -> None:
    listed = told(books, "T2", "2026-09")["exceptions"]
    held = next(row for row in listed if row["rule"] == "held-by-leaver")
    answer = explain(books, held["exception_id"][:6], None)
    assert (answer["kind"], answer["name"]) == ("asset", "T2")
    assert [row["exception_id"] for row in answer["exceptions"]] == [row["exception_id"] for row in listed]


def test_a_rule_that_fired_says_by_what_and_who_answers_for_it(books: Workspace) -> None:
    answer = told(books, "T2", "2026-08")
    held = rule(answer, "held-by-leaver")
    assert (held["answer"], held["judged"]["custodian_left_days"], held["limits"]["return_days"]) == (
        "fired",
        "42",
        "14",
    )
    listed = next(row for row in answer["exceptions"] if row["rule"] == "held-by-leaver")
    assert (listed["owner"], listed["route"][:10], listed["status"]) == ("berlin", "routes[1]:", "open")
    assert answer["history"][0]["why"] == "new"
    text = as_told(answer)
    assert "held-by-leaver: fired [T2]" in text
    assert "custodian_left_days = 42" in text


def test_a_quiet_rule_says_why_not(books: Workspace) -> None:
    held = rule(told(books, "T1", "2026-08"), "held-by-leaver")
    assert (held["answer"], held["judged"]["custodian_leaver"], held["limits"]["return_days"]) == (
        "clean",
        "false",
        "14",
    )


def test_a_rule_that_another_overtook_names_it(books: Workspace) -> None:
    ghost = rule(told(books, "T2", "2026-08"), "ghost-asset")
    assert (ghost["answer"], ghost["why"]) == ("superseded", "superseded by held-by-leaver")


def test_an_unknown_answer_names_what_is_missing(books: Workspace) -> None:
    idle = rule(told(books, "T6", "2026-08"), "idle-stock")
    assert (idle["answer"], idle["without_a_value"], idle["not_alive"]) == ("unknown", ["status_days"], [])


def test_a_feed_that_nobody_delivers_is_named(books: Workspace) -> None:
    stayed = rule(told(books, "T5", "2026-08"), "overstayed-repair")
    assert (stayed["answer"], "status_days" in stayed["without_a_value"]) == ("not evaluated", False)
    assert stayed["not_alive"] == ["tickets is not configured"]


def test_what_cannot_be_evaluated_names_the_source(books: Workspace) -> None:
    ghost = rule(told(books, "T1", "2026-09"), "ghost-asset")
    assert (ghost["answer"], ghost["not_alive"]) == ("not evaluated", ["endpoints is not alive"])


def test_an_exemption_says_by_whom_and_why(books: Workspace) -> None:
    left_alone = rule(told(books, "T4", "2026-09"), "unusable-serial")
    assert left_alone["answer"] == "exempt"
    assert "Ada until 2027-12-31: a prototype without a plate" in left_alone["why"]


def test_rules_that_look_elsewhere_or_are_off_are_named(books: Workspace) -> None:
    answer = told(books, "T3", "2026-09")
    assert "held-by-leaver" in answer["not_looked_at_by"]
    assert answer["switched_off"] == ["lease-overdue"]


def test_claims_stand_side_by_side_with_where_they_landed(books: Workspace) -> None:
    claims = told(books, "T1", "2026-08")["claims"]
    serials = {(c["feed"], c["landed_row"], c["value"]) for c in claims if c["field"] == "serial"}
    assert serials == {("assets", 1, "SER-0001"), ("endpoints", 1, "ser-0001")}
    silent = {(c["feed"], c["source"], c["value"]) for c in told(books, "T1", "2026-09")["claims"] if not c["field"]}
    assert ("endpoints", "endpoints", "not alive") in silent
    assert ("endpoints", "endpoints", "no record") in {
        (c["feed"], c["source"], c["value"]) for c in told(books, "T2", "2026-08")["claims"]
    }


def test_what_a_person_holds_is_linked(books: Workspace) -> None:
    linked = told(books, "bob@x.org", "2026-09")["linked"]
    assert ("held-by-leaver", "T2", "fired") in {(row["rule"], row["subject"], row["outcome"]) for row in linked}


def test_a_rule_is_explained_by_its_limits_counts_and_open_exceptions(books: Workspace) -> None:
    answer = told(books, "held-by-leaver", "2026-09")
    assert (answer["kind"], answer["open_now"]) == ("rule", 1)
    assert [row["fired"] for row in answer["periods"]] == [1, 1]
    assert [row["subject"] for row in answer["open_exceptions"]] == ["T2"]


def test_an_answer_that_the_run_did_not_give_is_said(books: Workspace) -> None:
    config = books.root / "tieout.toml"
    before = config.read_text(encoding="utf-8")
    config.write_text(before + "[policy]\ncritical_days = 100\n", encoding="utf-8")
    try:
        said = explain(Workspace.open(books.root), "T2", None)["differs_from_the_run"]
    finally:
        config.write_text(before, encoding="utf-8")
    assert len(said) == 1
    assert said[0].startswith("held-by-leaver of T2: severity critical there, high here")


@pytest.mark.parametrize(
    ("asked", "period", "said"),
    [
        ("dup-9", None, "'dup-9' names several things; write one of asset:dup-9, account:dup-9."),
        ("T11", None, "nothing is known by 'T11' in 2026-09; the nearest known: T1"),
        ("held-by-laver", None, "the nearest known: held-by-leaver"),
        ("DOCK-1", None, "the nearest known: DOCK-1/Berlin, DOCK-1/Berlin/A1."),
        ("nobody at all", None, "name an exception, tag, serial, person, seat or rule."),
        ("T1", "2026-10", "2026-10 is not complete; the complete months are 2026-08, 2026-09."),
        ("T1", "October", "'October' is not a period; write a month like 2026-10."),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(books: Workspace, asked: str, period: str | None, said: str) -> None:
    with pytest.raises(ConfigError) as problem:
        explain(books, asked, period)
    assert said in str(problem.value)
    assert problem.value.exit_code == 2


def test_while_a_run_is_going_on_it_says_so(books: Workspace) -> None:
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "explain", "T1", "-w", str(books.root)]
    with subprocess.Popen([sys.executable, "-c", HOLD, str(books.root)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        holder.kill()
    assert (told.returncode, told.stdout, "is in use by" in told.stderr) == (1, "", True)
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("asset T1, 2026-09 (as of 2026-09-30 21:59 UTC)")


def test_nothing_on_disk_changes(books: Workspace) -> None:
    def tree(root: Path) -> dict[str, bytes]:
        kept = (path for path in sorted(root.rglob("*")) if path.is_file() and "warehouse" not in path.parts)
        return {str(path): path.read_bytes() for path in kept}

    before = tree(books.root)
    explain(books, "T1", None)
    assert tree(books.root) == before
