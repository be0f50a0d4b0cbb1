"""Decisions: who may take which, that none can be changed afterwards, and that a file is recorded whole or not."""

import json
import logging
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import openpyxl
import polars as pl
import pytest
import xlsxwriter

from pipelines import decisions as log
from pipelines import returned
from pipelines.definitions import IMPORT, define
from pipelines.errors import TieoutError
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, MakeWorkspace, Tieout, run_steps
from tests.worlds import settings
from tieout.admission import refusal
from tieout.chain import FIRST_LINK, ChainError, head, verify
from tieout.decisions import Entry, Proposal, Standing
from tieout.four_eyes import same_person

TODAY = date(2026, 10, 5)
SEAT = Standing("s1", "leaver-seat", "Figma/u-1", "open", Decimal(1200), "licence_pool", is_event=False)
IDLE = Standing("s1", "inactive-seat", "Figma/u-1", "open", None, "licence_pool", is_event=False)
EVENT = Standing("s1", "unknown-scan-code", "X9", "open", None, None, is_event=True)
POLICY = Standing("s1", "policy", "exempt.x.A", "open", None, None, is_event=False, about="policy", stated_by="Ada")
WAIVER: dict[str, Any] = {"kind": "waive", "until": "2026-12-31", "approver": "Bob"}
ROLES = {
    "roles": {
        "manager": {"people": ["bob@x.org"], "may": ["approve", "waive"], "limit": 1000},
        "controller": {"people": ["Cem"], "may": ["realise", "accept", "approve"]},
    }
}


def entry(seq: int, kind: str, who: str, **more: Any) -> Entry:
    said = {"exception_id": "s1", "kind": kind, "who": who, "seq": seq, "at": "2026-10-01T12:00:00Z", **more}
    return Entry.model_validate({"os_user": "u", "channel": "cli", "previous": FIRST_LINK, **said}).sealed()


def refused(standing: Standing | None, *earlier: Entry, tables: dict[str, Any] | None = None, **said: Any) -> str:
    """Why a proposal is refused; empty when it is not."""
    proposal = Proposal.model_validate({"exception_id": "s1", "kind": "acknowledge", "who": "Ada", **said})
    return refusal(proposal, standing, earlier, settings(**(tables or {})), TODAY) or ""


# -- what may be recorded --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "said", "why"),
    [
        (SEAT, {}, ""),
        (SEAT, {"who": " "}, "it does not say who decides"),
        (None, {}, "no exception is called s1"),
        (SEAT, WAIVER, ""),
        (SEAT, {**WAIVER, "until": None}, "a waiver needs the day it ends (until), 2027-10-05 at the latest"),
        (SEAT, {**WAIVER, "until": "2027-10-05"}, ""),
        (SEAT, {**WAIVER, "until": "2027-10-06"}, "must lie between 2026-10-05 and 2027-10-05 (365 days)"),
        (SEAT, {**WAIVER, "until": "2026-10-04"}, "must lie between"),
        (SEAT, {**WAIVER, "approver": None}, "to waive needs a second person (approver)"),
        (SEAT, {"until": "2026-12-31"}, "until has no meaning for acknowledge"),
        (SEAT, {"kind": "assign"}, "to assign needs the name of who is to see to it"),
        (SEAT, {"kind": "keep"}, "cannot be kept: only an inactive-seat can"),
        (IDLE, {"kind": "keep"}, ""),
        (IDLE, {"kind": "keep", "until": "2027-01-04"}, "must lie between 2026-10-05 and 2027-01-03 (90 days)"),
        (SEAT, {"kind": "accept", "approver": "Bob"}, "cannot be accepted; waive it until a day"),
        (EVENT, {"kind": "accept", "approver": "Bob"}, ""),
        (EVENT, {"kind": "approve"}, "is no licence that could be given back"),
        (SEAT, {"kind": "approve"}, ""),
        (POLICY, {"kind": "approve", "who": "Bob"}, ""),
        (POLICY, {"kind": "waive"}, "is a change of policy, which can only be approved"),
        (SEAT, {"kind": "correct"}, "a correction needs the number"),
        (SEAT, {"kind": "correct", "corrects": 7}, "D7 is no decision about s1"),
    ],
)
def test_what_a_decision_needs(standing: Standing | None, said: dict[str, Any], why: str) -> None:
    assert (why in refused(standing, **said)) if why else refused(standing, **said) == ""


@pytest.mark.parametrize("kind", ["acknowledge", "assign", "waive", "dispute", "approve"])
def test_what_is_settled_leaves_nothing_to_decide(kind: str) -> None:
    settled = Standing("s1", "leaver-seat", "Figma/u-1", "resolved", None, "licence_pool", is_event=False)
    assert f"is resolved, so there is nothing to {kind}" in refused(settled, **{**WAIVER, "kind": kind})


SAME = [
    ("Ada", "ADA "), ("Ada Byron", "ada  byron"), ("ada@x.org", "Ada@X.org"), ("Ada Byron <ada@x.org>", "ada@x.org"),
    ("ada.byron@x.org", "Ada Byron"), ("Byron, Ada", "ada.byron@x.org"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_nobody_seconds_himself_under_another_spelling(one: str, other: str) -> None:
    assert same_person(one, other)
    assert "cannot approve what" in refused(SEAT, **{**WAIVER, "who": one, "approver": other})
    assert "cannot approve what" in refused(EVENT, kind="accept", who=one, approver=other)
    approved = entry(1, "approve", one)
    assert "somebody else must release" in refused(SEAT, approved, kind="release", who=other)
    steps = [approved, entry(2, "release", other)]
    assert "somebody else must realise" in refused(SEAT, *steps, kind="realise", who=one, document="CN-1")
    by_ada = Standing("s1", "policy", "w", "open", None, None, is_event=False, about="policy", stated_by=one)
    assert "somebody else must approve" in refused(by_ada, kind="approve", who=other)


@pytest.mark.parametrize("kind", ["override", "reopen", "purge"])
def test_what_is_out_of_the_ordinary_has_a_reason(kind: str) -> None:
    about = Standing(
        "s1", "x", "y", "open", None, None, is_event=False, about="source" if kind == "override" else "period"
    )
    said: dict[str, Any] = {"kind": kind, "approver": "Bob", "until": "2026-12-31" if kind == "override" else None}
    for reason in (None, " "):
        assert refused(about, **said, reason=reason) == f"to {kind} needs a reason"
    assert refused(about, **said, reason="site sold") == ""


def test_two_people_are_two() -> None:
    for one, other in [("Ada", "Bob"), ("ada@x.org", "ada@y.org"), ("Ada Byron", "Ada Lovelace"), ("?", "!")]:
        assert not same_person(one, other)


def test_a_reclaim_goes_step_by_step() -> None:
    assert "there is no decision to approve it yet" in refused(SEAT, kind="release")
    approved, released = entry(1, "approve", "Ada"), entry(2, "release", "Bob")
    assert "D1 by Ada says so already" in refused(SEAT, approved, kind="approve", who="Cem")
    assert refused(SEAT, approved, kind="release", who="Bob") == ""
    assert "needs the document" in refused(SEAT, approved, released, kind="realise", who="Cem")
    gone = Standing("s1", "leaver-seat", "Figma/u-1", "resolved", None, "licence_pool", is_event=False)
    assert refused(gone, approved, released, kind="realise", who="Cem", document="CN-1") == ""


def test_a_licence_that_is_found_again_is_approved_again() -> None:
    again = replace(SEAT, opened_on=date(2026, 10, 2))  # the steps below are of the first
    first = entry(1, "approve", "Ada"), entry(2, "release", "Bob")
    assert refused(again, *first, kind="approve", who="Ada") == ""
    assert "there is no decision to approve it yet" in refused(again, *first, kind="release", who="Cem")
    second = entry(3, "approve", "Ada", at="2026-10-02T12:00:00Z")
    assert "D3 by Ada says so already" in refused(again, *first, second, kind="approve", who="Cem")
    assert refused(again, *first, second, kind="release", who="Cem") == ""
    assert refused(again, *first, second, kind="correct", corrects=3) == ""


def test_a_correction_names_what_still_counts() -> None:
    approved, released = entry(1, "approve", "Ada"), entry(2, "release", "Bob")
    assert "D1 carries D2 (release)" in refused(SEAT, approved, released, kind="correct", corrects=1)
    taken_back = entry(3, "correct", "Bob", corrects=2)
    assert "D2 no longer counts" in refused(SEAT, approved, released, taken_back, kind="correct", corrects=2)
    assert refused(SEAT, approved, released, taken_back, kind="correct", corrects=1) == ""
    assert refused(SEAT, approved, kind="approve", who="Cem", corrects=1) == ""


@pytest.mark.parametrize(
    ("standing", "said", "why"),
    [
        (EVENT, {**WAIVER, "approver": "Bob"}, ""),
        (EVENT, {**WAIVER, "approver": "Dan"}, "Dan may not waive: it needs the role manager"),
        (EVENT, {"kind": "accept", "approver": "Bob"}, "Bob may not accept: it needs the role controller"),
        (SEAT, {"kind": "approve", "who": "Bob"}, "Bob may approve up to 1000 EUR, and this is worth 1200.00"),
        (IDLE, {"kind": "approve", "who": "bob@x.org"}, "up to 1000 EUR, and nobody knows what this is worth"),
        (SEAT, {"kind": "approve", "who": "Cem"}, ""),
        (SEAT, {"kind": "approve", "who": "Cem", "role": "manager"}, "Cem does not have the role manager"),
        (
            SEAT,
            {"kind": "approve", "who": "Cem", "role": "king"},
            "'king' is no role; the roles are controller, manager",
        ),
        (SEAT, {"kind": "dispute", "who": "Anybody"}, ""),
        (SEAT, {"kind": "dispute", "who": "Anybody", "role": "manager"}, "Anybody does not have the role manager"),
        (EVENT, {**WAIVER, "who": "Dan", "role": "controller"}, "Dan does not have the role controller"),
        (EVENT, {**WAIVER, "who": "Cem", "role": "controller"}, ""),
    ],
)
def test_roles_say_who_may_and_up_to_what(standing: Standing, said: dict[str, Any], why: str) -> None:
    answer = refused(standing, tables=ROLES, **said)
    assert (why in answer) if why else answer == ""


def test_a_right_that_no_role_has_is_nobodys() -> None:
    approved = entry(1, "approve", "Cem")
    assert "[roles] has none" in refused(SEAT, approved, tables=ROLES, kind="release", who="Bob")


# -- the chain -------------------------------------------------------------------------------------------------------


def chain(count: int) -> list[str]:
    entries: list[Entry] = []
    for seq in range(1, count + 1):
        entries.append(entry(seq, "acknowledge", "Zoë", previous=head(entries), value=Decimal("1.50")))
    return [one.line for one in entries]


def test_a_whole_chain_verifies_and_ends_in_its_head() -> None:
    entries = verify(chain(5))
    assert [one.seq for one in entries] == [1, 2, 3, 4, 5]
    assert head(entries) == entries[-1].sha256
    assert head(verify([])) == FIRST_LINK


def test_every_edit_of_an_entry_is_named() -> None:
    whole = chain(3)
    for place in range(0, len(whole[1]), 7):
        changed = whole[1][:place] + chr(ord(whole[1][place]) ^ 1) + whole[1][place + 1 :]
        with pytest.raises(ChainError, match="line 2"):
            verify([whole[0], changed, whole[2]])
    with pytest.raises(ChainError, match="line 1"):
        verify([whole[0].replace(",", ", ", 1), *whole[1:]])


def test_removed_swapped_repeated_and_resealed_entries_are_named() -> None:
    whole = chain(4)
    for lines in (whole[1:], [whole[0], *whole[2:]], [whole[1], whole[0]], [whole[0], whole[0]]):
        with pytest.raises(ChainError):
            verify(lines)
    forged = Entry.model_validate_json(whole[1]).model_copy(update={"who": "Eve"}).sealed()
    with pytest.raises(ChainError, match="line 3 does not follow"):
        verify([whole[0], forged.line, *whole[2:]])


# -- in a workspace --------------------------------------------------------------------------------------------------

ASSETS = "asset_tag,asset_class,status,serial\n" + "".join(f"T{n},laptop,in_use,none\n" for n in range(1, 6))
SCANS = "count_id,scan_id,code,location,scanned_at\nc1,1,LOST-1,Berlin,2026-08-10\n"


@pytest.fixture(scope="module")
def august(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two months dropped and the first of them published."""
    root = tmp_path_factory.mktemp("august")
    (root / "tieout.toml").write_text(MINIMAL)
    for period in ("2026-08", "2026-09"):
        folder = root / "inbox" / period
        folder.mkdir(parents=True)
        (folder / "assets.csv").write_text(ASSETS)
    (root / "inbox" / "2026-08" / "scans.csv").write_text(SCANS)
    run_steps(Workspace.open(root), "2026-08")
    return root


@pytest.fixture
def books(august: Path, tmp_path: Path) -> Workspace:
    """A workspace of one's own, as August left it."""
    shutil.copytree(august, tmp_path, dirs_exist_ok=True)
    return Workspace.open(tmp_path)


def ids(workspace: Workspace) -> dict[str, str]:
    found = query(
        workspace.published_database, "SELECT subject, exception_id FROM exceptions_current WHERE status = 'open'"
    )
    return dict(found.iter_rows())


def statuses(workspace: Workspace) -> dict[str, str]:
    found = query(workspace.published_database, "SELECT subject, status FROM exceptions_current ORDER BY subject")
    return dict(found.iter_rows())


AT = ("--at", "2026-09-10")


def test_decisions_take_effect_with_the_next_run(books: Workspace, tieout: Tieout) -> None:
    of = ids(books)
    where = ("-w", books.root, "--by", "Ada", *AT)
    assert tieout("decide", of["T1"][:9], of["T2"][:9], "--as", "assign", "--to", "bob", *where)[0] == 0
    waive = ("--as", "waive", "--until", "2026-12-31", "--approver", "Cem", "--reason", "old-stock")
    assert tieout("decide", of["T3"], *waive, *where)[2] == "Recorded 1; they count from the run of 2026-09 on.\n"
    assert tieout("decide", of["LOST-1"], "--as", "accept", "--approver", "Cem", *where)[0] == 0
    run_steps(books, "2026-08")  # before the decisions: nothing changes
    assert set(statuses(books).values()) == {"open"}
    run_steps(books, "2026-09")
    assert statuses(books) == {
        "LOST-1": "accepted", "T1": "in_progress", "T2": "in_progress", "T3": "waived", "T4": "open", "T5": "open",
    }  # fmt: skip
    shown = query(books.published_database, "SELECT seq, kind, state, exception_id FROM decisions ORDER BY seq")
    assert shown.select("seq", "kind", "state").rows() == [
        (1, "assign", "counts"), (2, "assign", "counts"), (3, "waive", "counts"), (4, "accept", "counts"),
    ]  # fmt: skip
    assert query(books.published_database, "SELECT decision FROM exceptions_current WHERE subject = 'T3'").item() == (
        "waived until 2026-12-31 by Ada, approved by Cem: old-stock"
    )
    code, out, err = tieout("decisions", "list", "-w", books.root, "--json")
    assert (code, [row["kind"] for row in json.loads(out)]) == (0, ["assign", "assign", "waive", "accept"])
    assert err == f"4 decisions, chain head {head(log.read(books))[:16]}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["zzz", "--as", "acknowledge"], "no exception is called zzz"),
        (["T1", "zzz", "--as", "acknowledge"], "1 of 2 refused; zzz: no exception"),
        (["T1", "--as", "forget"], "'forget' is no decision; they are acknowledge, assign,"),
        (["T1", "--as", "waive", "--until", "soon"], "until is 'soon'; write a date like 2027-01-31"),
        (["T1", "--as", "waive", "--until", "2026-12-01", "--approver", "ADA"], "ADA cannot approve what Ada asks for"),
        (["T1", "--as", "correct", "--corrects", "D9"], "D9 is no decision about"),
    ],
)
def test_a_refusal_is_one_sentence_and_records_nothing(
    books: Workspace, tieout: Tieout, arguments: list[str], said: str
) -> None:
    of = ids(books)
    code, _, err = tieout("decide", *(of.get(word, word) for word in arguments), "--by", "Ada", "-w", books.root, *AT)
    assert code == 1
    assert said in err
    assert len(err.splitlines()) == 1
    assert not log.log_of(books).exists()


def test_a_beginning_that_two_ids_share_names_none(books: Workspace) -> None:
    known = [Standing(name, "r", "s", "open", None, None, is_event=False) for name in ("ab", "ab1", "ab2")]
    ask = log.as_asked(1, {"exception_id": "ab", "kind": "acknowledge", "who": "Ada"})
    assert log._found(ask, known)[0] == known[0]
    assert log._found(ask, known[1:])[1] == "ab begins the ids of 2 exceptions; write more of it"


def test_what_can_go_wrong_with_the_log_is_named(books: Workspace, tieout: Tieout) -> None:
    of = ids(books)
    for subject in ("T1", "T2"):
        tieout("decide", of[subject], "--as", "acknowledge", "--by", "Ada", "-w", books.root, *AT)
    path = log.log_of(books)
    whole = path.read_bytes()
    assert whole.endswith(b"}\n")
    for content, said in [
        (whole[:-1], "line 2 is cut off"),
        (whole[:-9], "line 2 is cut off"),
        (whole.replace(b"Ada", b"Eve", 1), "line 1 was changed after it was recorded"),
        (whole.split(b"\n")[1] + b"\n", "line 1 does not follow"),
        (whole + b"\xff\n", "line 3 is no UTF-8 text"),
        (whole + b"{}\n", "line 3 is no decision"),
    ]:
        path.write_bytes(content)
        for command in (["decisions", "list"], ["decide", of["T3"], "--as", "acknowledge", "--by", "Ada"]):
            code, _, err = tieout(*command, "-w", books.root)
            assert (code, len(err.splitlines())) == (1, 1)
            assert said in err
        with pytest.raises(TieoutError, match="put the log back"):
            run_steps(books, "2026-09")
        assert path.read_bytes() == content


def test_a_waiver_that_matches_nothing_is_reported(
    books: Workspace, tieout: Tieout, caplog: pytest.LogCaptureFixture
) -> None:
    of = ids(books)
    waive = ("--as", "waive", "--until", "2026-12-31", "--approver", "Cem")
    tieout("decide", of["T1"], *waive, "--by", "Ada", "-w", books.root, *AT)
    (books.root / "inbox" / "2026-09" / "assets.csv").write_text(
        ASSETS.replace("T1,laptop,in_use,none", "T1,laptop,in_use,REAL01")
    )
    caplog.set_level("WARNING")
    logging.getLogger("tieout").propagate = True  # a command before may have switched it off
    run_steps(books, "2026-09")
    assert f"waiver D1 matches nothing: {of['T1']} is not open" in caplog.text
    assert query(books.published_database, "SELECT state FROM decisions").item() == "idle"


# -- import ----------------------------------------------------------------------------------------------------------


def answers(of: dict[str, str]) -> list[dict[str, str]]:
    """A reviewed list as a spreadsheet leaves it: columns in another order, stray spaces, a row without an answer."""
    rows = [("T1", "Waive ", "2026-12-31", "Cem"), ("T2", "", "", ""), ("T3", "acknowledge", "", "")]
    return [
        {
            "Subject": subject,
            " Decision ": decision,
            "until": until,
            "Exception ID": f" {of[subject]} ",
            "approver": approver,
            "Period": "2026-08",
        }
        for subject, decision, until, approver in rows
    ]


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".csv":
        path.write_bytes(b"\xef\xbb\xbf" + pl.DataFrame(rows).write_csv(line_terminator="\r\n").encode())
    else:
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, values in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
                sheet.write_row(number, 0, values)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".json"])
def test_a_reviewed_file_is_previewed_then_recorded_once(
    books: Workspace, tieout: Tieout, tmp_path: Path, suffix: str
) -> None:
    file = written(tmp_path / f"reviewed{suffix}", answers(ids(books)))
    arguments = ("decisions", "import", file, "--by", "Ada", "-w", books.root, "--json", *AT)
    code, out, err = tieout(*arguments, "--dry-run")
    assert (code, err) == (0, "2 would be recorded; nothing was.\n")
    assert not log.log_of(books).exists()
    code, out, _ = tieout(*arguments)
    receipts = [(row["row"], row["subject"], row["decision"], row["outcome"], row["said"]) for row in json.loads(out)]
    assert (code, receipts) == (
        0,
        [
            (1, "T1", "waive", "accepted", "D1"),
            (2, "T2", "", "no answer", ""),
            (3, "T3", "acknowledge", "accepted", "D2"),
        ],
    )
    recorded = log.read(books)
    assert {(one.channel, one.who) for one in recorded} == {("import", "Ada")}
    (kept,) = (log.log_of(books).parent / "imports").iterdir()
    assert kept.name == f"{recorded[0].file}{suffix}"
    assert kept.read_bytes() == file.read_bytes()
    code, _, err = tieout(*arguments)
    assert (code, "was imported before (D1 to D2)" in err) == (2, True)
    run_steps(books, "2026-09")
    assert statuses(books)["T1"] == "waived"


def test_one_bad_row_and_nothing_is_recorded(books: Workspace, tieout: Tieout, tmp_path: Path) -> None:
    of = ids(books)
    rows = [
        {"exception_id": of["T1"], "decision": "acknowledge", "by": "Bob", "period": "2026-08"},
        {"exception_id": "ffff", "decision": "acknowledge", "by": "Bob", "period": ""},
        {"exception_id": of["T2"], "decision": "acknowledge", "by": "Bob", "period": ""},
        {"exception_id": of["T2"][:12], "decision": "dispute", "by": "Bob", "period": ""},
        {"exception_id": of["T3"], "decision": "acknowledge", "by": "Bob", "period": "2026-07"},
        {"exception_id": of["T4"], "decision": "fixed it", "by": "Bob", "period": ""},
        {"exception_id": of["T5"], "decision": "waive", "by": "Bob", "period": ""},
        {"exception_id": "", "decision": "acknowledge", "by": "Bob", "period": ""},
        {"exception_id": of["LOST-1"], "decision": "acknowledge", "by": "", "period": ""},
        {"exception_id": "eeee", "decision": "acknowledge", "by": "Bob", "period": "2026-09"},
    ]
    file = written(tmp_path / "reviewed.csv", rows)
    code, out, err = tieout("decisions", "import", file, "-w", books.root, "--json", *AT)
    said = [(row["outcome"], row["said"]) for row in json.loads(out)]
    assert code == 1
    assert said[0] == ("accepted", "D1")
    assert [outcome for outcome, _ in said[1:]] == ["refused"] * 9
    parts = [
        "no exception is called ffff",
        "two answers",
        "two answers",
        "it answers 2026-07, but 2026-08 is published since",
        "'fixed it' is no decision",
        "a waiver needs the day it ends",
        "it names no exception",
        "who decides",
        "it answers 2026-09, but 2026-08 is the newest month published",
    ]
    for (_, why), part in zip(said[1:], parts, strict=True):
        assert part in why
    assert "nothing was recorded: 9 of 10 refused; ffff: no exception is called ffff." in err
    assert not log.log_of(books).exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "decision\nwaive\n", "a.csv names no exception; it needs the columns exception_id and decision."),
        ("a.csv", "exception_id,reason\na,b\n", "a.csv: it has no column for what is decided"),
        ("a.csv", "exception_id,decision,kind\na,waive,keep\n", "two columns say the same thing"),
        ("a.txt", "x", "a.txt: its kind is unknown; call it .csv, .xlsx or .json."),
        ("a.json", "{", "a.json: it is no JSON"),
        ("a.json", "{}", "a.json: it must hold a list of objects."),
        ("a.xlsx", "no workbook", "a.xlsx: it is no readable workbook"),
        ("a.csv", "exception_id,decision\na,b,c\n", "a.csv: row 1 cannot be read"),
        ("gone.csv", None, "gone.csv is no file."),
        ("gone.json", None, "gone.json is no file."),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    books: Workspace, tieout: Tieout, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    code, out, err = tieout("decisions", "import", tmp_path / name, "-w", books.root)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


def test_a_limit_says_nothing_of_a_reclaim_whose_worth_is_not_known(
    make_workspace: MakeWorkspace, tieout: Tieout
) -> None:
    roles = "[roles.buyer]\npeople = ['Bob']\nmay = ['approve']\nlimit = 1000\n"
    seat = {"product": "Figma", "seat_id": "u-1", "email": "cy@x.org", "status": "active", "last_active_at": "Never"}
    line = {
        "contract_id": "C", "line_no": "1", "vendor": "V", "product": "Figma", "quantity": "1", "unit_price": "60000",
        "currency": "USD", "billing_period": "annual", "term_start": "2026-01-01",
    }  # fmt: skip
    people = "person_id,full_name,email,status,end_date\nP1,Cy,cy@x.org,terminated,2026-07-01\n"
    tables = {"seats": seat, "entitlements": line}
    files = {f"2026-08/{feed}.csv": f"{','.join(row)}\n{','.join(row.values())}\n" for feed, row in tables.items()}
    root = make_workspace(roles, {"2026-08/people.csv": people, **files})
    run_steps(Workspace.open(root), "2026-08")
    signing = ("decide", "reclaim/2026-08", "--as", "approve", "--by", "Bob", "-w", root)
    unvalued = tieout(*signing)
    assert unvalued.code == 1
    assert "Bob may approve up to 1000 EUR, and nobody knows what this is worth" in unvalued.err
    (root / "inbox" / "2026-08" / "fx_rates.csv").write_text("currency,as_of,rate\nUSD,2026-08-31,0.01\n")
    run_steps(Workspace.open(root), "2026-08")
    assert tieout(*signing).code == 0


def test_a_list_between_semicolons_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Exception ID;Decision;Comment\nab;waive;one, two\n", encoding="utf-8-sig")
    assert returned.read(tmp_path / "a.csv").rows == ({"exception_id": "ab", "kind": "waive", "comment": "one, two"},)


def answered(workbook: Path, target: Path, decided_by: str, answers: dict[str, dict[str, Any]]) -> Path:
    """An owner's workbook as a person leaves it: decisions by subject, in columns that were moved about."""
    book = openpyxl.load_workbook(workbook)
    front, sheet = book["Read me"], book["Exceptions"]
    next(row for row in front.iter_rows() if row[0].value == "Decided by")[1].value = decided_by
    head, *rows = sheet.iter_rows(values_only=True)
    for number, name in enumerate(reversed(head), 1):
        place = head.index(name)
        sheet.cell(1, number).value = f"{name} "
        for line, row in enumerate(rows, 2):
            said = answers.get(row[head.index("Subject")], {})
            value = said.get(name, row[place])
            sheet.cell(line, number).value = f"{value}  " if isinstance(value, str) else value
    sheet.title = "Tabelle1"
    book.save(target)
    return target


ANSWERS = {
    "T1": {"Decision": "waive", "Until": date(2026, 12, 31), "Approver": "Cem", "Reason": "old stock"},
    "T3": {"Decision": "acknowledge"},
}


def test_an_owners_workbook_comes_back(books: Workspace, tieout: Tieout, tmp_path: Path) -> None:
    (workbook,) = (books.reports / "2026-08" / "owners").glob("*.xlsx")
    file = answered(workbook, tmp_path / "back.xlsx", "ada@x.org", ANSWERS)
    assert tieout("decisions", "import", file, "-w", books.root, *AT)[0] == 0
    told = [(one.kind, one.who, one.until, one.approver, one.reason) for one in log.read(books)]
    assert sorted(told) == [
        ("acknowledge", "ada@x.org", None, None, None),
        ("waive", "ada@x.org", date(2026, 12, 31), "Cem", "old stock"),
    ]  # fmt: skip


@pytest.mark.slow
def test_an_owners_workbook_comes_back_from_libreoffice(books: Workspace, tieout: Tieout, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if not office:
        pytest.skip("no LibreOffice on this machine: install it to see workbooks saved by it")
    (workbook,) = (books.reports / "2026-08" / "owners").glob("*.xlsx")
    file = answered(workbook, tmp_path / "back.xlsx", "ada@x.org", ANSWERS)
    saved = tmp_path / "saved"
    command = [office, f"-env:UserInstallation={(tmp_path / 'office').as_uri()}", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*command, "--outdir", str(saved), str(file)], check=True, capture_output=True, timeout=120)
    assert tieout("decisions", "import", saved / "back.xlsx", "-w", books.root, *AT)[0] == 0
    assert sorted((one.kind, one.who) for one in log.read(books)) == [
        ("acknowledge", "ada@x.org"), ("waive", "ada@x.org"),
    ]  # fmt: skip
    assert {one.until for one in log.read(books)} == {date(2026, 12, 31), None}


def test_a_workbook_of_another_month_or_version_is_told(books: Workspace, tieout: Tieout, tmp_path: Path) -> None:
    (workbook,) = (books.reports / "2026-08" / "owners").glob("*.xlsx")
    book = openpyxl.load_workbook(answered(workbook, tmp_path / "back.xlsx", "ada@x.org", ANSWERS))
    marks = {row[0].value: row[1] for row in book["marks"].iter_rows()}
    marks["period"].value = "2026-07"
    sheet = book["Tabelle1"]
    sheet.delete_cols(next(cell.column for cell in sheet[1] if cell.value == "Period "))
    book.save(tmp_path / "old.xlsx")
    code, out, _ = tieout("decisions", "import", tmp_path / "old.xlsx", "-w", books.root, "--json", *AT)
    assert code == 1
    said = {row["said"] for row in json.loads(out) if row["outcome"] == "refused"}
    assert said == {"it answers 2026-07, but 2026-08 is published since"}
    marks["schema"].value = "tieout-decisions/0"
    book.save(tmp_path / "old.xlsx")
    code, _, err = tieout("decisions", "import", tmp_path / "old.xlsx", "-w", books.root, *AT)
    assert (code, "was made by another version (tieout-decisions/0)" in err) == (2, True)


def test_returned_files_are_taken_in_by_the_sensors_job(books: Workspace, tmp_path: Path) -> None:
    folder = log.log_of(books).parent / "returned"
    folder.mkdir(parents=True)
    one = ids(books)["T1"]
    file = written(folder / "back.json", [{"exception_id": one, "decision": "waive", "by": "Ada"}])
    definitions = define(books)
    sensor, job = definitions.resolve_sensor_def("returned_files"), definitions.resolve_job_def(IMPORT)
    with dg.DagsterInstance.ephemeral() as instance:
        (asked,) = sensor(dg.build_sensor_context(instance))
        failed = job.execute_in_process(run_config=asked.run_config, instance=instance, raise_on_error=False)
        assert not failed.success
        receipts = folder / "back.json.receipts.csv"
        assert "a waiver needs the day it ends" in receipts.read_text()
        assert file.exists()
        written(file, [{"exception_id": one, "decision": "acknowledge", "by": "Ada"}])
        (again,) = sensor(dg.build_sensor_context(instance))
        assert again.run_key != asked.run_key
        assert job.execute_in_process(run_config=again.run_config, instance=instance).success
        assert list(sensor(dg.build_sensor_context(instance))) == []
    assert [(entry.kind, entry.who) for entry in log.read(books)] == [("acknowledge", "Ada")]
    assert (folder / "imported" / "back.json").exists()
    assert "accepted" in receipts.read_text()


# -- what changed between months -------------------------------------------------------------------------------------


def test_diff_tells_new_resolved_reopened_and_aged(books: Workspace, tieout: Tieout) -> None:
    inbox = books.root / "inbox"
    (inbox / "2026-09" / "assets.csv").write_text(ASSETS.replace("T1,laptop,in_use,none", "T1,laptop,in_use,REAL01"))
    (inbox / "2026-10").mkdir()
    (inbox / "2026-10" / "assets.csv").write_text(
        (ASSETS + "T6,laptop,in_use,none\n").replace("T2,laptop,in_use,none", "T2,laptop,in_use,REAL02")
    )
    for period in ("2026-09", "2026-10"):
        run_steps(books, period)

    def told(earlier: str, later: str) -> dict[str, list[str]]:
        code, out, _ = tieout("diff", earlier, later, "-w", books.root, "--json")
        assert code == 0
        found: dict[str, list[str]] = {}
        for row in json.loads(out):
            if row["rule"] == "unusable-serial":
                found.setdefault(row["change"], []).append(row["subject"])
        return found

    assert told("2026-08", "2026-09") == {"resolved": ["T1"], "aged": ["T2", "T3", "T4", "T5"]}
    assert told("2026-09", "2026-10") == {
        "new": ["T6"], "reopened": ["T1"], "resolved": ["T2"], "aged": ["T3", "T4", "T5"],
    }  # fmt: skip
    assert told("2026-08", "2026-10") == {
        "new": ["T6"], "reopened": ["T1"], "resolved": ["T2"], "aged": ["T3", "T4", "T5"],
    }  # fmt: skip
    for arguments, said in [
        (("2026-10", "2026-09"), "2026-10 is not before 2026-09; name the earlier month first."),
        (("2026-08", "2026-12"), "2026-12 is not published; the published months are 2026-08, 2026-09, 2026-10."),
    ]:
        code, out, err = tieout("diff", *arguments, "-w", books.root)
        assert (code, out, said in err) == (2, "", True)


def test_an_instant_may_be_stated(books: Workspace, tieout: Tieout) -> None:
    of = ids(books)
    where = ("--by", "Ada", "-w", books.root)
    tieout("decide", of["T1"], "--as", "acknowledge", "--at", "2026-09-10T12:00", *where)
    assert log.read(books)[0].at == datetime(2026, 9, 10, 10, tzinfo=UTC)
    code, _, err = tieout("decide", of["T2"], "--as", "acknowledge", "--at", "later", *where)
    assert (code, "--at 'later' is not a date" in err) == (2, True)
