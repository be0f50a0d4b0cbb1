"""Months that are signed off: what stands in the way, what stays as it was, and what comes too late."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.closed import closed
from pipelines.closing import close
from pipelines.decisions import Act
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import Tieout, run_steps

CONFIG = """organisation = "X"
reporting_currency = "EUR"
timezone = "UTC"
"""
ASSETS = """asset_tag,serial,manufacturer,model,asset_class,status,status_since
T1,SER0001X,Apple,M,laptop,in_stock,2026-07-01
T2,,Apple,M,laptop,in_stock,2026-07-01
"""
"""The second has no serial: an exception without a value, open in every month."""
ORDERS = """po_number,line_no,sku,asset_class,quantity,unit_cost,currency,ordered_on,status
PO-1,1,S,laptop,1,900,EUR,2026-07-01,open
"""
RECEIPTS = """receipt_id,line_no,po_number,po_line_no,quantity,received_on
R-1,1,PO-1,1,1,2026-07-20
"""
UNORDERED = "R-2,1,PO-9,1,1,2026-08-20\n"
SIGN = ("--preparer", "Ada", "--reviewer", "Bob")
OVERRIDE = ("--period", "2026-09", "--reason", "x", "--until", "2026-12-31", "--by", "Ada", "--approver", "Bob")


def deliver(root: Path, period: str, **feeds: str) -> None:
    for feed, text in feeds.items():
        path = root / "inbox" / period / f"{feed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def ask(root: Path, sql: str) -> list[tuple[object, ...]]:
    return query(root / "published" / "tieout.duckdb", sql).rows()


def told_by_audit(root: Path) -> str:
    return (root / "reports" / "2026-08" / "audit.html").read_text()


@pytest.fixture(scope="module")
def august(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose August ran, with nothing in the way of signing it off."""
    root = tmp_path_factory.mktemp("august")
    (root / "tieout.toml").write_text(CONFIG)
    deliver(root, "2026-08", assets=ASSETS, purchases=ORDERS, receipts=RECEIPTS)
    run_steps(Workspace.open(root), "2026-08")
    return root


@pytest.fixture(scope="module")
def signed(august: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after it was signed off."""
    root = tmp_path_factory.mktemp("signed") / "books"
    shutil.copytree(august, root)
    close(Workspace.open(root), "2026-08", "Ada", "Bob", Act(datetime.now(UTC), "cli"), None)
    return root


@pytest.fixture
def closed_books(signed: Path, tmp_path: Path) -> Path:
    """A workspace of one's own, whose August is signed off."""
    shutil.copytree(signed, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def books(august: Path, tmp_path: Path) -> Path:
    """A workspace of one's own, as August left it."""
    shutil.copytree(august, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_closed_month_stays_as_it_was_and_comes_to_the_same(books: Path, tieout: Tieout) -> None:
    answer = tieout("close", "2026-08", *SIGN, "-w", books, "--json")
    assert answer.code == 0, answer.err
    content = json.loads(answer.out)["content"]
    assert ask(books, "SELECT state, version, content, preparer, reviewer FROM periods") == [
        ("closed", 1, content, "Ada", "Bob")
    ]
    assert "findings of tieout verify" in told_by_audit(books)
    assert "are as they were recorded" in told_by_audit(books)
    kept = books / "published" / "closed" / "2026-08" / "v1"
    assert (kept / "reports" / "index.html").is_file()
    assert query(kept / "tieout.duckdb", "SELECT period FROM exceptions GROUP BY ALL").height <= 1
    deliver(books, "2026-08", assets=ASSETS.replace("in_stock", "lost"))
    before = ask(books, "FROM exceptions ORDER BY ALL")
    again = tieout("run", "-w", books, "--period", "2026-08")
    assert again.code == 0, again.err
    assert f"2026-08  is closed; run again it comes to the same ({content[:16]})" in again.err
    assert ask(books, "FROM exceptions ORDER BY ALL") == before
    twice = tieout("close", "2026-08", *SIGN, "-w", books)
    assert (twice.code, "2026-08 is closed already" in twice.err) == (1, True)


@pytest.mark.slow
def test_a_limit_changed_since_does_not_reach_a_closed_month(closed_books: Path, tieout: Tieout) -> None:
    (closed_books / "tieout.toml").write_text(CONFIG + "[policy]\nidle_days = 1\n")
    assert "comes to the same" in tieout("run", "-w", closed_books, "--period", "2026-08").err


def test_what_was_signed_cannot_be_edited_unnoticed(closed_books: Path, tieout: Tieout) -> None:
    (manifest,) = (closed_books / "decisions" / "closed").iterdir()
    manifest.write_text(
        manifest.read_text().replace('"in_stock"', '"lost"').replace("GREEN", "RED").replace("EUR", "USD")
    )
    answer = tieout("run", "-w", closed_books, "--period", "2026-08")
    assert (answer.code, "was changed after 2026-08 was closed" in answer.err) == (1, True)


def test_a_re_run_that_differs_is_told_and_changes_nothing(closed_books: Path, tieout: Tieout) -> None:
    (landed,) = (closed_books / "landing" / "2026-08" / "assets").glob("*/*/assets.csv")
    landed.chmod(0o644)
    landed.write_text(ASSETS.replace("in_stock", "in_use"))
    before = ask(closed_books, "FROM exceptions ORDER BY ALL")
    answer = tieout("run", "-w", closed_books, "--period", "2026-08")
    assert answer.code == 1
    assert "a re-run does not come to the same: " in answer.err
    assert "nothing was changed" in answer.err
    assert ask(closed_books, "FROM exceptions ORDER BY ALL") == before


def test_late_data_counts_in_the_next_month_and_is_told_there(closed_books: Path, tieout: Tieout) -> None:
    august = ask(closed_books, "FROM exceptions WHERE period = '2026-08' ORDER BY ALL")
    deliver(closed_books, "2026-08", receipts=RECEIPTS + UNORDERED)
    deliver(closed_books, "2026-09", assets=ASSETS, purchases=ORDERS)
    assert tieout("run", "-w", closed_books, "-q").code == 0
    assert ask(closed_books, "FROM exceptions WHERE period = '2026-08' ORDER BY ALL") == august
    found = "SELECT period, subject FROM exceptions WHERE rule = 'unordered-receipt'"
    assert ask(closed_books, found) == [("2026-09", "R-2/1")]
    told = ask(closed_books, "SELECT period, adjusts, rule, subject, change, sources FROM adjustments")
    assert told == [
        ("2026-09", "2026-08", "unordered-receipt", "R-2/1", "would have been found", ["receipts/receipts"])
    ]
    sources = ask(closed_books, "SELECT source, landed, used + duplicate FROM sources WHERE source LIKE '%late%'")
    assert sources == [("receipts.late-2026-08", 2, 2)]
    deliver(closed_books, "2026-10", assets=ASSETS, purchases=ORDERS)
    assert tieout("run", "-w", closed_books, "-q").code == 0
    assert ask(closed_books, "SELECT count(*) FROM adjustments WHERE period = '2026-10'") == [(0,)]
    assert ask(closed_books, found + " AND period = '2026-10'") == [("2026-10", "R-2/1")]


def test_reopening_takes_two_people_and_keeps_both_versions(closed_books: Path, tieout: Tieout) -> None:
    alone = tieout(
        "reopen", "2026-08", "--preparer", "Ada", "--reviewer", "ada", "--reason", "typo", "-w", closed_books
    )
    assert (alone.code, "cannot approve" in alone.err) == (1, True)
    assert tieout("reopen", "2026-08", *SIGN, "--reason", "typo", "-w", closed_books).code == 0
    assert ask(closed_books, "SELECT state, version FROM periods") == [("reopened", 1)]
    assert "are as they were recorded" in told_by_audit(closed_books)
    deliver(closed_books, "2026-08", receipts=RECEIPTS + UNORDERED)
    assert tieout("run", "-w", closed_books, "-q", "--period", "2026-08").code == 0
    assert ask(closed_books, "SELECT subject FROM exceptions WHERE rule = 'unordered-receipt'") == [("R-2/1",)]
    assert tieout("close", "2026-08", *SIGN, "-w", closed_books).code == 0
    assert "are as they were recorded" in told_by_audit(closed_books)
    assert "typo" in told_by_audit(closed_books)
    assert {path.name for path in (closed_books / "published" / "closed" / "2026-08").iterdir()} == {"v1", "v2"}
    one, two = (
        query(closed_books / "published" / "closed" / "2026-08" / v / "tieout.duckdb", "FROM exceptions")
        for v in ("v1", "v2")
    )
    assert two.height == one.height + 1


@pytest.mark.slow
def test_what_a_closed_month_builds_on_does_not_run_again(books: Path, tieout: Tieout) -> None:
    deliver(books, "2026-09", assets=ASSETS, purchases=ORDERS, receipts=RECEIPTS)
    assert tieout("run", "-w", books, "-q").code == 0
    assert tieout("close", "2026-09", *SIGN, "-w", books).code == 0
    answer = tieout("run", "-w", books, "--period", "2026-08", "-q")
    assert (answer.code, "2026-09 is closed and builds on it" in answer.err) == (1, True)
    answer = tieout("reopen", "2026-08", *SIGN, "--reason", "x", "-w", books)
    assert (answer.code, "is not closed" in answer.err) == (2, True)


# -- what stands in the way ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_missing_source_stands_in_the_way_until_two_people_accept_it(books: Path, tieout: Tieout) -> None:
    deliver(books, "2026-09", purchases=ORDERS)
    assert tieout("run", "-w", books, "-q").code == 3
    refused = tieout("close", "2026-09", *SIGN, "-w", books)
    assert (refused.code, "the required source assets/assets is missing or refused" in refused.err) == (1, True)
    accept = (
        "accept",
        "assets",
        "--period",
        "2026-09",
        "--reason",
        "system down",
        "--until",
        "2030-01-01",
        "-w",
        books,
    )
    alone = tieout(*accept, "--by", "Ada", "--approver", "ADA")
    assert (alone.code, "cannot approve" in alone.err) == (1, True)
    assert tieout(*accept, "--by", "Ada", "--approver", "Bob").code == 0
    assert tieout("run", "-w", books, "-q").code == 3  # still not used
    done = tieout("close", "2026-09", *SIGN, "-w", books)
    assert done.code == 0, done.err
    assert (
        "Condition: assets/assets is RED (system down; accepted by Ada, approved by Bob until 2030-01-01)" in done.out
    )


def test_an_override_lifts_the_bound_that_was_broken_and_no_other(books: Path, tieout: Tieout) -> None:
    """August's register had two assets; a hundred and then half of them, twice."""
    many = ASSETS + "".join(f"T{n},SERX{n:04},Apple,M,laptop,in_stock,2026-07-01\n" for n in range(3, 101))
    fewer = "".join(many.splitlines(keepends=True)[:51])
    deliver(books, "2026-08", assets=many)
    assert tieout("run", "-w", books, "-q").code == 0
    deliver(books, "2026-09", assets=fewer, purchases=ORDERS, receipts=RECEIPTS)
    assert tieout("run", "-w", books, "-q").code == 0
    verdict = "SELECT verdict, override IS NULL FROM sources WHERE feed = 'assets' AND period = '2026-09'"
    assert ask(books, verdict) == [("AMBER", True)]
    gone = "SELECT count(*) FROM exceptions WHERE period = '2026-09' AND rule = 'vanished-asset'"
    assert ask(books, gone) == [(0,)]
    said = ("--period", "2026-09", "--reason", "site sold", "--until", "2030-01-01", "--by", "Ada", "--approver", "Bob")
    over = tieout("accept", "assets", *(text.replace("2030", "2026") for text in said), "-w", books)
    assert (over.code, "it would never count" in over.err) == (2, True)
    assert tieout("accept", "assets/assets", *said, "-w", books).code == 0
    assert ask(books, verdict) == [("AMBER", True)]  # until the month runs again
    assert tieout("run", "-w", books, "-q").code == 0
    assert ask(books, verdict) == [("GREEN", False)]
    assert ask(books, gone) == [(50,)]
    nothing = tieout("accept", "assets", *said, "-w", books)
    assert (nothing.code, "is GREEN, so there is nothing to accept" in nothing.err) == (2, True)
    unknown = tieout("accept", "asets", *said, "-w", books)
    assert (unknown.code, "they are assets/assets" in unknown.err) == (2, True)


LEAVER = """person_id,full_name,email,status,end_date
p1,Ada L,ada@x.org,terminated,2026-07-15
"""
SEATS = """product,seat_id,email,status,paid,assigned_at,last_active_at
Figma,u-1,ada@x.org,active,true,2026-01-01,2026-07-01
"""
LINES = """contract_id,line_no,vendor,product,quantity,unit_price,currency,billing_period,term_start,term_end
C,1,V,Figma,1,600,EUR,annual,2026-01-01,2026-12-31
"""
ACCOUNTS = """account_id,username,email,status,kind
a1,ada,ada@x.org,active,human
"""


def test_what_people_must_decide_first(tmp_path: Path, tieout: Tieout) -> None:
    """A critical exception past due, a loosened limit and an unsigned reclaim are all told at once."""
    (tmp_path / "tieout.toml").write_text(CONFIG)
    feeds = {"people": LEAVER, "seats": SEATS, "entitlements": LINES, "accounts": ACCOUNTS, "assets": ASSETS}
    for period in ("2026-07", "2026-08"):
        deliver(tmp_path, period, **feeds)
    assert tieout("run", "-w", tmp_path, "-q", "--period", "2026-07").code == 0
    (tmp_path / "tieout.toml").write_text(CONFIG + "[rules.idle-stock]\non = false\n")
    assert tieout("run", "-w", tmp_path, "-q").code == 0
    close = ("close", "2026-08", *SIGN, "-w", tmp_path)
    said = tieout(*close).err
    assert "nobody signed the reclaim (`tieout decide reclaim/2026-08 --as approve`)" in said
    assert "nobody approved the change of rules.idle-stock.on" in said
    ((change,),) = ask(tmp_path, "SELECT change_id FROM policy_changes WHERE period = '2026-08'")
    decide = ("-w", tmp_path, "--by")
    assert tieout("decide", "reclaim/2026-08", "--as", "approve", *decide, "Cem").code == 0
    again = tieout("decide", "reclaim/2026-08", "--as", "approve", *decide, "Dana")
    assert (again.code, "says so already" in again.err) == (1, True)
    assert tieout("decide", str(change), "--as", "approve", *decide, "Cem").code == 0
    critical = ask(
        tmp_path, "SELECT exception_id FROM exceptions_current WHERE severity = 'critical' AND status = 'open'"
    )
    for (exception,) in critical:
        assert tieout("decide", str(exception), "--as", "acknowledge", *decide, "Cem").code == 0
    done = tieout(*close)
    assert done.code == 0, done.err


def test_what_was_loosened_in_a_month_that_nobody_signed_is_approved_with_the_next(
    tmp_path: Path, tieout: Tieout
) -> None:
    """A month may be closed while the one before it is open; a change does not slip through between two closed ones."""
    (tmp_path / "tieout.toml").write_text(CONFIG)
    for period in ("2026-07", "2026-08", "2026-09"):
        deliver(tmp_path, period, people=LEAVER)
    assert tieout("run", "-w", tmp_path, "-q", "--period", "2026-07").code == 0
    assert tieout("close", "2026-07", *SIGN, "-w", tmp_path).code == 0
    (tmp_path / "tieout.toml").write_text(CONFIG + "[rules.idle-stock]\non = false\n")
    for period in ("2026-08", "2026-09"):
        assert tieout("run", "-w", tmp_path, "-q", "--period", period).code == 0
    close = ("close", "2026-09", *SIGN, "-w", tmp_path)
    assert "nobody approved the change of rules.idle-stock.on in 2026-08" in tieout(*close).err
    audit = (tmp_path / "reports" / "2026-09" / "audit.html").read_text()
    assert "rules.idle-stock.on" in audit
    ((change,),) = ask(tmp_path, "SELECT change_id FROM policy_changes WHERE period = '2026-08'")
    assert tieout("decide", str(change), "--as", "approve", "-w", tmp_path, "--by", "Cem").code == 0
    done = tieout(*close)
    assert done.code == 0, done.err


def test_a_signature_is_void_when_what_was_signed_changes(tmp_path: Path, tieout: Tieout) -> None:
    (tmp_path / "tieout.toml").write_text(CONFIG)
    feeds = {"people": LEAVER, "seats": SEATS, "entitlements": LINES}
    deliver(tmp_path, "2026-08", **feeds)
    assert tieout("run", "-w", tmp_path, "-q").code == 0
    assert tieout("decide", "reclaim/2026-08", "--as", "approve", "--by", "Cem", "-w", tmp_path).code == 0
    deliver(tmp_path, "2026-08", entitlements=LINES.replace("600", "720"))
    assert tieout("run", "-w", tmp_path, "-q").code == 0
    said = tieout("close", "2026-08", *SIGN, "-w", tmp_path).err
    assert "the reclaim that Cem signed has changed since; sign it again" in said
    page = tmp_path / "reports" / "2026-08" / "reclaim.html"
    assert "Signed: reclaim approved by Cem" in page.read_text()
    assert ": VOID, it changed since" in page.read_text()
    assert tieout("decide", "reclaim/2026-08", "--as", "approve", "--by", "Cem", "-w", tmp_path).code == 0
    assert tieout("close", "2026-08", *SIGN, "-w", tmp_path).code == 0
    assert set(closed(Workspace.open(tmp_path))) == {"2026-08"}
    assert "VOID" not in page.read_text()


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (("close", "2026-07", *SIGN), 2, "2026-07 never ran to its end; the months that did are 2026-08"),
        (("close", "2026-8", *SIGN), 2, "'2026-8' is not a period"),
        (("close", "2026-08", "--preparer", "Ada", "--reviewer", "ADA "), 1, "cannot approve what"),
        (("reopen", "2026-08", *SIGN, "--reason", "x"), 2, "2026-08 is not closed; the closed months are none"),
        (("accept", "assets", *OVERRIDE), 2, "2026-09 never ran; run it first with `tieout run --period 2026-09`."),
    ],
)
def test_wrong_usage_is_one_sentence(
    books: Path,
    tieout: Tieout,
    said: tuple[str, ...],
    code: int,
    why: str,
) -> None:
    answer = tieout(*said, "-w", books)
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (code, "", 1)
    assert why in answer.err
