"""Whoever kills a run finds the old state or the new one, loses no decision, and the next run needs no hand."""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import crash, decisions
from pipelines.errors import TieoutError
from pipelines.interrupted import last_not_ended, refuse_half_done
from pipelines.publish import fingerprints
from pipelines.verify import published
from pipelines.warehouse import query
from pipelines.whole import UNFINISHED
from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, Tieout, run_steps
from tests.faults.figures import measured
from tests.faults.victims import FORKS, begin, decide, run_month

MONTH = "2026-08"
PEOPLE = "person_id,full_name,status,end_date\nP1,Ada,active,\nP2,Bob,terminated,2026-01-31\n"
ASSETS = "asset_tag,serial,asset_class,status,custodian\nT1,SERX1,laptop,in_use,P2\n"
VARIANTS = {"one": ASSETS, "two": ASSETS + "T2,SERX2,laptop,in_stock,P1\n"}
"""Two deliveries for the same month, of which the published results are one or the other."""
CHANGING = ("anchors", "decisions")
"""Published tables that go on changing while the deliveries stay."""

State = tuple[dict[str, str], dict[str, bytes]]


def deliver(root: Path, variant: str) -> None:
    (root / "inbox" / MONTH / "assets.csv").write_text(VARIANTS[variant])


def state(root: Path) -> State:
    """The fingerprints of the published tables, and the pages."""
    tables = fingerprints(root / "published" / "tieout.duckdb")
    pages = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (root / "reports" / MONTH).rglob("*")
        if path.is_file()
    }
    return {name: text for name, text in tables.items() if name.split("/")[0] not in CHANGING}, pages


def kept_apart(found: State, whole: dict[str, State]) -> tuple[set[str], set[str]]:
    """Which variants the database and the pages are."""
    return (
        {variant for variant, (tables, _) in whole.items() if tables == found[0]},
        {variant for variant, (_, pages) in whole.items() if pages == found[1]},
    )


def unfinished(root: Path) -> list[Path]:
    return list(root.rglob(f"{UNFINISHED}*"))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, State]]:
    """A workspace whose month ran with either delivery, the first one last, and what it came to."""
    root = tmp_path_factory.mktemp("crashes") / "books"
    (root / "inbox" / MONTH).mkdir(parents=True)
    (root / "tieout.toml").write_text(MINIMAL)
    (root / "inbox" / MONTH / "people.csv").write_text(PEOPLE)
    whole = {}
    for variant in ("two", "one"):
        deliver(root, variant)
        run_steps(Workspace.open(root), MONTH)
        whole[variant] = state(root)
    assert whole["one"][0] != whole["two"][0]
    assert whole["one"][1] != whole["two"][1]
    return root, whole


@pytest.fixture
def books(ran: tuple[Path, dict[str, State]], tmp_path: Path) -> Path:
    shutil.copytree(ran[0], tmp_path / "books")
    return tmp_path / "books"


def killed_at(root: Path, point: str) -> None:
    """Let a run die at a point."""
    victim = begin(run_month, root, MONTH, point)
    victim.join()
    assert victim.exitcode == -signal.SIGKILL, point


def killed_after(root: Path, seconds: float) -> bool:
    """Let a run die after some time; false when it came to its end before."""
    victim = begin(run_month, root, MONTH)
    time.sleep(seconds)
    victim.kill()
    victim.join()
    return victim.exitcode == -signal.SIGKILL


def hold_whole(root: Path, whole: dict[str, State]) -> str:
    """After the next command, the database and the pages are all of one delivery, which is returned.

    Nothing of them is other than what Tieout vouches for.
    """
    workspace = Workspace.open(root)
    tables, pages = kept_apart(state(root), whole)
    assert tables == pages
    assert list(published(workspace)) == []
    (variant,) = tables
    return variant


def hold_completes(root: Path, whole: dict[str, State], variant: str) -> None:
    """The next run comes to the same as if nobody had been killed, and leaves nothing behind."""
    victim = begin(run_month, root, MONTH)
    victim.join()
    assert victim.exitcode == 0
    assert kept_apart(state(root), whole) == ({variant}, {variant})
    assert unfinished(root) == []
    assert last_not_ended(Workspace.open(root)) is None


def test_killed_runs_leave_the_old_state_and_the_next_one_completes(
    books: Path, ran: tuple[Path, dict[str, State]]
) -> None:
    deliver(books, "two")
    for point in ("tables-written:5", "pages-ready"):
        killed_at(books, point)
        assert hold_whole(books, ran[1]) == "one"
    workspace = Workspace.open(books)
    with pytest.raises(TieoutError, match="did not come to its end; run it again first"):
        refuse_half_done(workspace, MONTH)
    assert unfinished(books) != []
    hold_completes(books, ran[1], "two")


@pytest.mark.parametrize("point", ["switch-recorded", "file-switched", "file-switched:7"])
def test_whoever_comes_next_completes_a_publication(
    point: str, books: Path, ran: tuple[Path, dict[str, State]], tieout: Tieout
) -> None:
    deliver(books, "two")
    killed_at(books, point)
    assert {"two"} not in kept_apart(state(books), ran[1])
    assert tieout("sql", "FROM periods", "-w", books).code == 0
    assert hold_whole(books, ran[1]) == "two"


def test_a_record_of_a_publication_that_cannot_be_read_is_one_sentence(books: Path, tieout: Tieout) -> None:
    workspace = Workspace.open(books)
    workspace.switch.write_text("{")
    answer = tieout("run", "-w", books)
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert "switch.json cannot be read; remove it, and run the newest month again" in answer.err


def chained(root: Path, whole: dict[str, State], kills: Iterator[str | float]) -> int:
    """Kill one run after the other, each fifth of them followed by one that completes; returns the kills."""
    count = 0
    for number, kill in enumerate(kills):
        variant = ("one", "two")[number // 5 % 2]
        deliver(root, variant)
        if isinstance(kill, str):
            killed_at(root, kill)
            count += 1
        else:
            count += killed_after(root, kill)
        hold_whole(root, whole)
        if number % 5 == 4:
            hold_completes(root, whole, variant)
    return count


@pytest.mark.slow
def test_every_point(books: Path, ran: tuple[Path, dict[str, State]]) -> None:
    points = [point for point in crash.POINTS if point != "decision-logged"] * 10
    random.Random(4).shuffle(points)
    measured("kills at named points", chained(books, ran[1], iter(points)), len(points))


@pytest.mark.slow
def test_random_moments(books: Path, ran: tuple[Path, dict[str, State]]) -> None:
    began = time.monotonic()
    hold_completes(books, ran[1], "one")
    longest = time.monotonic() - began
    dice, count = random.Random(5), 0
    while count < 200:
        count += chained(books, ran[1], iter([dice.uniform(0, longest) for _ in range(10)]))
    measured("kills at random moments", count, count)


@pytest.mark.parametrize("kills", [pytest.param(2, id="two"), pytest.param(40, id="forty", marks=pytest.mark.slow)])
def test_acknowledged_decisions_survive(books: Path, kills: int) -> None:
    workspace, dice, acknowledged = Workspace.open(books), random.Random(6), 0
    exception = query(workspace.published_database, "SELECT exception_id FROM exceptions LIMIT 1").item()
    for number in range(kills):
        told, tells = FORKS.Pipe(duplex=False)
        before = len(decisions.read(workspace))
        point = ("file-written", "decision-logged", "file-placed", "")[number % 4]
        victim = begin(decide, books, exception, tells, f"{point}:{dice.randrange(2, 6)}" if point else "")
        tells.close()
        if not point:
            time.sleep(dice.uniform(0.5, 1.5))
            victim.kill()
        victim.join()
        while True:
            try:
                acknowledged = told.recv()
            except EOFError:
                break
        recorded = len(decisions.read(workspace))
        assert acknowledged <= recorded <= max(acknowledged, before) + 1
    assert acknowledged > 0
    measured("acknowledged decisions after kills", acknowledged, acknowledged)
