"""Nobody approves his own request, by whatever way it comes in and by whatever name he calls himself."""

import json
import shutil
from pathlib import Path

import pytest
import xlsxwriter

from pipelines import decisions
from pipelines.closing import close
from pipelines.decisions import Act
from pipelines.warehouse import query
from pipelines.workspace import Workspace, read_as_of
from tests.conftest import MINIMAL, Tieout, run_steps

MONTH, DAY = "2026-08", "2026-09-01"
FEEDS = {
    "people": "person_id,full_name,email,other_emails,username,status,end_date\n"
    "P1,Ada Byron,ada@x.org,a.king@y.org,abyron,active,\nP2,Bob Hill,bob@x.org,,bhill,active,\n"
    "P3,Cy Gone,cy@x.org,,cgone,terminated,2026-08-28\n",
    "seats": "product,seat_id,email,status,paid,assigned_at,last_active_at\n"
    "Figma,u-1,cy@x.org,active,true,2026-01-01,2026-08-01\n",
    "entitlements": "contract_id,line_no,vendor,product,quantity,unit_price,currency,billing_period,term_start,"
    "term_end\nC,1,V,Figma,1,600,EUR,annual,2026-01-01,2026-12-31\n",
    "assets": "asset_tag,asset_class,status,serial\nT1,laptop,in_stock,none\n",
    "scans": "count_id,scan_id,code,location,scanned_at\nc1,1,LOST-1,Berlin,2026-08-10\n",
    "tickets": "ticket_id,kind,status,opened_at\nT-1,repair,open,2026-08-01\n",
}
NAMES = [
    ("Ada Byron", "BYRON, ada"), ("ada@x.org", "ABYRON"), ("P1", "A.King@y.org"), ("Ada Byron <ada@x.org>", "p1"),
    ("Ada Byron", "a.king@y.org"),
]  # fmt: skip
"""One person twice, by name, addresses, number and username in several spellings."""
SECONDED = ("waive", "accept", "override", "close", "reopen", "purge", "csv", "workbook", "page")
LADDER = ("release", "realise")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month with something for every decision there is, and nothing in the way of signing it off."""
    root = tmp_path_factory.mktemp("four-eyes")
    (root / "tieout.toml").write_text(MINIMAL)
    folder = root / "inbox" / MONTH
    folder.mkdir(parents=True)
    for feed, text in FEEDS.items():
        (folder / f"{feed}.csv").write_text(text)
    (folder / "tickets.csv.control.toml").write_text("rows = 2\n")
    workspace = Workspace.open(root)
    run_steps(workspace, MONTH)
    said = {"kind": "approve", "who": "Zoe", "exception_id": f"reclaim/{MONTH}"}
    decisions.record(workspace, [decisions.as_asked(1, said)], act(workspace))
    return root


def act(workspace: Workspace) -> Act:
    return Act(read_as_of(DAY, workspace.settings.zone), "cli")


@pytest.fixture
def books(ran: Path, tmp_path: Path) -> Path:
    shutil.copytree(ran, tmp_path / "books")
    return tmp_path / "books"


def subject(root: Path, rule: str) -> str:
    sql = f"SELECT exception_id FROM exceptions_current WHERE rule = '{rule}'"
    return str(query(root / "published" / "tieout.duckdb", sql).item())


def returned(root: Path, kind: str, one: str, other: str) -> Path:
    """A file of decisions as it comes back: one seat waived by one, approved by the other."""
    row = {
        "exception_id": subject(root, "leaver-seat"), "decision": "waive", "by": one, "approver": other,
        "until": "2026-12-31",
    }  # fmt: skip
    path = root / f"returned.{ {'csv': 'csv', 'workbook': 'xlsx', 'page': 'json'}[kind] }"
    if kind == "csv":
        path.write_text(",".join(row) + "\n" + ",".join(f'"{value}"' for value in row.values()) + "\n")
    elif kind == "page":
        path.write_text(json.dumps([row]))
    else:
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("decisions")
            sheet.write_row(0, 0, row.keys())
            sheet.write_row(1, 0, row.values())
    return path


def asked(root: Path, way: str, one: str, other: str) -> tuple[object, ...]:
    """The command with which one asks for something and the other approves it."""
    by, at = ("--by", one, "--approver", other), ("--at", DAY)
    two = ("--preparer", one, "--reviewer", other)
    match way:
        case "waive":
            return "decide", subject(root, "leaver-seat"), "--as", "waive", "--until", "2026-12-31", *by, *at
        case "accept":
            return "decide", subject(root, "unknown-scan-code"), "--as", "accept", *by, *at
        case "override":
            until = ("--until", "2026-12-31", "--reason", "x")
            return "accept", "tickets", "--period", MONTH, *until, *by, *at
        case "close":
            return "close", MONTH, *two, *at
        case "reopen":
            return "reopen", MONTH, *two, *at, "--reason", "x"
        case "purge":
            return "purge", "--before", "2018-01", "--reason", "x", *by
    return "decisions", "import", returned(root, way, one, other), *at


@pytest.mark.parametrize("way", SECONDED)
def test_nobody_approves_what_he_asks_for(way: str, books: Path, tieout: Tieout) -> None:
    workspace = Workspace.open(books)
    if way == "reopen":
        close(workspace, MONTH, "Zoe", "Bob", act(workspace), None)
    before = decisions.read(workspace)
    for one, other in NAMES:
        answer = tieout(*asked(books, way, one, other), "-w", books)
        assert answer.code == 1, (way, one, other)
        assert "cannot approve what" in answer.err
        assert len(answer.err.splitlines()) == 1
        assert decisions.read(workspace) == before
    answer = tieout(*asked(books, way, "Ada Byron", "bhill"), "-w", books)
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("step", LADDER)
def test_nobody_takes_two_steps_of_a_reclaim(step: str, books: Path, tieout: Tieout) -> None:
    workspace, seat = Workspace.open(books), subject(books, "leaver-seat")

    def take(kind: str, who: str) -> tuple[int, str]:
        answer = tieout("decide", seat, "--as", kind, "--by", who, "--document", "CN-1", "--at", DAY, "-w", books)
        return answer.code, answer.err

    assert take("approve", "ada@x.org" if step == "release" else "Zoe")[0] == 0
    if step == "realise":
        assert take("release", "ada@x.org")[0] == 0
    before = decisions.read(workspace)
    for name in {name for names in NAMES for name in names}:
        code, said = take(step, name)
        assert (code, f"somebody else must {step}" in said, len(said.splitlines())) == (1, True, 1), name
    assert decisions.read(workspace) == before
    assert take(step, "bhill")[0] == 0
