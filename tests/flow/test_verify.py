"""Whatever is edited, cut short, taken away or rewritten is named; and what is derived is made again as it was."""

import json
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines import anchors, closing, decisions, steps, verify
from pipelines.closed import manifest_of
from pipelines.decisions import Act, as_asked
from pipelines.errors import TieoutError
from pipelines.publish import fingerprints, waiting
from pipelines.rebuild import rebuild
from pipelines.steps import Month
from pipelines.warehouse import CONTENTS, query
from pipelines.whole import sha256_of
from pipelines.workspace import Workspace
from tests.conftest import Tieout, run_steps
from tests.faults.figures import measured
from tests.flow.test_closing import ASSETS, CONFIG, ORDERS, RECEIPTS, UNORDERED, deliver
from tieout.chain import FIRST_LINK

AT = datetime(2026, 9, 2, tzinfo=UTC)
DECIDED = "exception_id,decision,who\n{},acknowledge,Cy\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """August, with decisions, signed off; and September, with a delivery that came too late for August."""
    root = tmp_path_factory.mktemp("verify") / "books"
    deliver(root, "2026-08", assets=ASSETS, purchases=ORDERS, receipts=RECEIPTS + UNORDERED)
    (root / "inbox" / "2026-08" / "assets.csv.control.toml").write_text("rows = 2\n")
    (root / "tieout.toml").write_text(CONFIG)
    workspace = Workspace.open(root)
    run_steps(workspace, "2026-08")
    sql = "SELECT exception_id FROM exceptions WHERE rule = 'unordered-receipt'"
    exception = query(workspace.published_database, sql).item()
    answers = root / "answers.csv"
    answers.write_text(DECIDED.format(exception))
    decisions.import_file(workspace, answers, Act(AT, "import"), who=None, role=None)
    said = {"exception_id": exception, "kind": "assign", "owner": "Di", "who": "Cy"}
    decisions.record(workspace, [as_asked(1, said)], Act(AT, "cli"))
    closing.close(workspace, "2026-08", "Ada", "Bob", Act(AT, "cli"), None)
    deliver(root, "2026-08", receipts=RECEIPTS + UNORDERED + UNORDERED.replace("R-2", "R-3"))
    deliver(root, "2026-09", assets=ASSETS, purchases=ORDERS)
    run_steps(workspace, "2026-09")
    return workspace


@pytest.fixture
def books(ran: Workspace, tmp_path: Path) -> Workspace:
    """A copy to spoil."""
    shutil.copytree(ran.root, tmp_path / "books")
    return Workspace.open(tmp_path / "books")


def kept(workspace: Workspace) -> list[Path]:
    """Every landed file, manifest and decision."""
    folders = (workspace.landing, decisions.log_of(workspace).parent)
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def spoilt(content: bytes, dice: random.Random) -> Iterator[bytes | None]:
    """The content in every way an accident or a hand may leave it; None where the file is gone."""
    place, lines = dice.randrange(len(content)), content.splitlines(keepends=True)
    yield content[:place] + bytes([content[place] ^ 1 << dice.randrange(8)]) + content[place + 1 :]
    yield content[:place]
    yield content[:place] + b" " + content[place:]
    yield content + dice.choice([b"\n", b" ", b"\0", b"{}\n"])
    yield dice.randbytes(len(content))
    yield b"".join(lines[: dice.randrange(len(lines))])
    yield b"".join(dice.sample(lines, len(lines)) if len(lines) > 1 else lines[::-1] * 2)
    yield None


def test_nothing_is_found_where_nothing_was_changed(ran: Workspace) -> None:
    assert verify.verify(ran) == []


@pytest.mark.parametrize("times", [pytest.param(60, id="some"), pytest.param(300, id="many", marks=pytest.mark.slow)])
def test_whatever_is_spoilt_is_named(times: int, ran: Workspace) -> None:
    """Every file in a way of its own, so often that all ways come up; the same seed spoils the same."""
    dice, edits = random.Random(20261031), 0
    paths = [path for path in kept(ran) if path != anchors.anchors_of(ran)]
    for number in range(times):
        path = paths[number % len(paths)]
        content = path.read_bytes()
        after = dice.choice(list(spoilt(content, dice)))
        if after == content:
            continue
        path.unlink()
        if after is not None:
            path.write_bytes(after)
        findings = verify.inputs(ran)
        path.write_bytes(content)
        named = path.stem.split(".")[0] if path.parent.name == "imports" else str(path)
        assert any(named in finding for finding in findings), (path, after, findings)
        assert all("\n" not in finding for finding in findings)
        edits += 1
    assert verify.inputs(ran) == []
    measured("edits of what is kept that verify named", edits, edits)


def test_what_did_not_land_is_named(books: Workspace) -> None:
    folder = next(books.landing.glob("2026-08/assets/assets/*"))
    strangers = [folder / "more.csv", folder.parent / "x.csv", books.landing / "2026-08" / "y.csv"]
    for path in strangers:
        path.write_text("asset_tag\nT2\n")
    (books.landing / "2026-08" / ".delivered.json.77").write_text("a killed run's")
    assert [finding.split()[0] for finding in verify.inputs(books)] == sorted(map(str, strangers))


def test_one_month_alone_is_held_and_its_page_says_what_was_found(books: Workspace) -> None:
    (august,) = books.landing.glob("2026-08/assets/assets/*/assets.csv")
    august.chmod(0o644)
    august.write_text(ASSETS.replace("in_stock", "lost"))
    assert verify.inputs(books, "2026-09") == []
    (finding,) = verify.inputs(books, "2026-08")
    assert finding.startswith(f"{august} was changed after it landed")
    steps.render(Month(books, "2026-08"))
    page = (waiting(books, "2026-08") / "audit.html").read_text()
    assert finding.removeprefix(f"{books.root}/") in page
    assert str(books.root) not in page


def test_a_file_rewritten_with_its_manifest_is_named(books: Workspace) -> None:
    manifest = next(books.landing.glob("2026-08/assets/assets/*/manifest.json"))
    landed = manifest.with_name("assets.csv")
    old = sha256_of(landed)
    landed.chmod(0o644)
    landed.write_text(ASSETS.replace("in_stock", "lost"))
    manifest.write_text(manifest.read_text().replace(old, sha256_of(landed)))
    findings = verify.inputs(books)
    assert [str(manifest) in finding for finding in findings] == [True, True]
    assert "was changed after it was written" in findings[0]
    assert "does not come to the name of its folder" in findings[1]


def test_a_log_rewritten_with_a_whole_chain_of_its_own_is_named(books: Workspace) -> None:
    log, previous, lines = decisions.read(books), FIRST_LINK, []
    for entry in log:
        forged = entry.model_copy(update={"previous": previous, "os_user": "nobody", "sha256": ""}).sealed()
        lines.append(forged.line)
        previous = forged.sha256
    decisions.log_of(books).write_text("".join(f"{line}\n" for line in lines))
    assert len(decisions.read(books)) == len(log)
    assert any(f"line {len(log)} is another decision than the D{len(log)}" in said for said in verify.inputs(books))


def test_a_log_cut_short_between_two_lines_is_named_even_with_its_anchors(books: Workspace) -> None:
    path = decisions.log_of(books)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert any("but D3 is on record in" in finding for finding in verify.inputs(books))
    anchors.anchors_of(books).unlink()
    findings = verify.verify(books)
    assert any(f"but D3 is on record in {books.published_database}" in finding for finding in findings)
    assert any(str(anchors.anchors_of(books)) in finding for finding in findings)


def test_a_cut_or_edited_file_of_anchors_is_named(books: Workspace) -> None:
    path = anchors.anchors_of(books)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))
    assert any(str(path) in finding for finding in verify.verify(books))
    path.write_text("".join([lines[0].replace("landed/", "lan.ed/"), *lines[1:]]))
    assert any(f"{path}: line 1 is not as it was written" in finding for finding in verify.verify(books))


def test_a_changed_published_table_and_a_lost_page_are_named(books: Workspace, tieout: Tieout) -> None:
    with duckdb.connect(str(books.published_database)) as connection:
        connection.execute("UPDATE exceptions SET status = 'resolved'")
    page = books.published / "closed" / "2026-08" / "v1" / "reports" / "index.html"
    page.unlink()
    answer = tieout("verify", "-w", books.root, "--json")
    assert (answer.code, answer.err) == (1, "findings: 2\n")
    assert [finding.split(";")[0] for finding in json.loads(answer.out)] == [
        f"{page} is missing",
        f"{books.published_database}: the table exceptions is not as it was published",
    ]


def test_a_lost_table_without_rows_is_named(books: Workspace) -> None:
    with duckdb.connect(str(books.published_database)) as connection:
        assert connection.execute("SELECT count(*) FROM suggestions").fetchall() == [(0,)]
        connection.execute("DROP TABLE suggestions")
    (finding,) = verify.verify(books)
    assert "the table suggestions is not as it was published" in finding


def test_a_month_that_is_run_again_with_other_deliveries_is_vouched_for_anew(books: Workspace) -> None:
    before = fingerprints(books.published_database)
    deliver(
        books.root,
        "2026-09",
        assets=ASSETS + ASSETS.splitlines()[-1].replace("T1,SER0001X", "T2,SER0002X") + "\n",
        purchases=ORDERS,
    )
    run_steps(books, "2026-09")
    after = fingerprints(books.published_database)
    assert verify.verify(books) == []
    assert before["sources/2026-08"] == after["sources/2026-08"]
    assert before["sources/2026-09"] != after["sources/2026-09"]


def test_a_damaged_warehouse_is_made_again_to_the_same_tables(books: Workspace, tieout: Tieout) -> None:
    before = fingerprints(books.published_database)
    for folder in (books.published, books.reports):
        shutil.rmtree(folder)
    (books.tables / CONTENTS).write_bytes(b"damaged")
    answer = tieout("rebuild", "-w", books.root)
    assert answer.code == 0, answer.err
    assert "2026-08  made again, and came to what was signed" in answer.err
    assert fingerprints(books.published_database) == before
    assert (books.reports / "2026-09" / "index.html").is_file()
    assert {path.name for path in books.warehouse.iterdir()} == {"lock", "tables"}
    assert tieout("verify", "-w", books.root).code == 0


def test_nothing_is_made_again_from_inputs_that_were_changed(books: Workspace, tieout: Tieout) -> None:
    landed = next(books.landing.glob("2026-08/assets/assets/*/assets.csv"))
    landed.write_text(ASSETS.replace("in_stock", "lost"))
    before = (books.tables / CONTENTS).read_bytes()
    answer = tieout("rebuild", "-w", books.root)
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (1, "", 1)
    assert f"{landed} was changed after it landed" in answer.err
    assert (books.tables / CONTENTS).read_bytes() == before


def test_a_closed_month_that_comes_to_something_else_leaves_all_as_it_was(
    books: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another version of Tieout judges otherwise than the one the month was signed with."""
    (signed,) = closing.closed(books).values()
    other = {**manifest_of(books, signed).tables, "exceptions": "0" * 64}
    monkeypatch.setattr("pipelines.rebuild.digest.of_tables", lambda tables: other)
    before = (books.tables / CONTENTS).read_bytes(), books.published_database.read_bytes()
    with pytest.raises(TieoutError, match="does not come to what was signed: exceptions differ; nothing was changed"):
        rebuild(books, lambda said: None)
    assert ((books.tables / CONTENTS).read_bytes(), books.published_database.read_bytes()) == before
