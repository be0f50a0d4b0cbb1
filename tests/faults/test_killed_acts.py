"""Whoever kills a command finds, after the next one, the state before it or the state it would have left."""

import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import crash, decisions
from pipelines.publish import fingerprints
from pipelines.verify import verify
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, Tieout, run_steps
from tests.faults.figures import measured
from tests.faults.victims import begin_command

OLD, NEXT = "2018-03", "2018-04"
CANARY = "Cora Canary"
PEOPLE = "person_id,full_name,email,username,status,end_date\nP-2,Bob Stays,bob@x.org,bob,active,\n"
CORA = f"P-1,{CANARY},cora@x.org,cora,terminated,2018-02-01\n"
ASSETS = "asset_tag,serial,asset_class,status,custodian\nT2,SERX2,laptop,in_use,P-2\n"
HERS = "T1,SERX1,laptop,in_use,P-1\n"
TWO = ("--preparer", "Ada", "--reviewer", "Bob")
CHANGING = ("anchors", "decisions")
"""Published tables that tell how much was vouched for, which is more where an act was begun twice, and when."""
DAMAGED = b"no database"

State = tuple[object, ...]
Act = tuple[str, ...]


def deliver(root: Path, month: str, **feeds: str) -> None:
    for feed, text in feeds.items():
        path = root / "inbox" / month / f"{feed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def state(root: Path) -> State:
    """What was decided, and everything people see: tables, pages, what is kept of closed months."""
    workspace = Workspace.open(root)
    entries = decisions.read(workspace)
    log, named = [entry.kind for entry in entries], {entry.file for entry in entries}
    pages = {path.relative_to(root): path.read_bytes() for path in workspace.reports.rglob("*.html")}
    databases = {path.relative_to(root): path for path in workspace.published.rglob("*.duckdb")}
    tables = {
        (name, table): text
        for name, path in databases.items()
        for table, text in fingerprints(path).items()
        if table.split("/")[0] not in CHANGING
    }
    kept = [path.relative_to(root) for folder in ("landing", "inbox") for path in sorted((root / folder).rglob("*"))]
    names = sorted(pages) if "purge" in log else pages  # which say when it was
    originals = sorted(path.name for path in (workspace.decisions / "imports").glob("*") if path.stem in named)
    return log, names, tables, kept, originals


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month with a leaver, and one after it without her."""
    root = tmp_path_factory.mktemp("acts") / "books"
    deliver(root, OLD, people=PEOPLE + CORA, assets=ASSETS + HERS)
    deliver(root, NEXT, people=PEOPLE, assets=ASSETS)
    (root / "tieout.toml").write_text(MINIMAL)
    for month in (OLD, NEXT):
        run_steps(Workspace.open(root), month)
    return root


@pytest.fixture(scope="module")
def before(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Act]]:
    """The workspace in which a command is to be killed, made once, and what the command is."""
    folder, made = tmp_path_factory.mktemp("before"), dict[str, tuple[Path, Act]]()
    at = ("--at", "2018-04-03")
    acts: dict[str, Act] = {
        "close": ("close", NEXT, *TWO, *at),
        "reopen": ("reopen", NEXT, *TWO, *at, "--reason", "typo"),
        "purge": ("purge", "--before", NEXT, "--by", "Ada", "--approver", "Bob", "--reason", "retention"),
        "rebuild": ("rebuild",),
        "accept": ("accept", "assets", "--period", NEXT, "--reason", "sold", "--by", "Ada", "--approver", "Bob",
                   "--until", "2018-04-30", *at),
        "import": ("decisions", "import", "reviewed.csv", "--by", "Ada", *at),
    }  # fmt: skip

    def make(name: str) -> tuple[Path, Act]:
        if name not in made:
            root = folder / name
            shutil.copytree(ran, root)
            workspace, act = Workspace.open(root), acts[name]
            if name == "reopen":
                begin_command("", *acts["close"], "-w", str(root)).join()
            if name == "accept":
                deliver(root, NEXT, assets=ASSETS.splitlines()[0] + "\n")
                run_steps(workspace, NEXT)
            if name == "rebuild":
                begin_command("", *acts["close"], "-w", str(root)).join()
                (root / "published" / "tieout.duckdb").write_bytes(DAMAGED)
                shutil.rmtree(root / "published" / "closed")
            if name == "import":
                (exception,) = query(workspace.published_database, "SELECT exception_id FROM exceptions LIMIT 1").row(0)
                (folder / "reviewed.csv").write_text(f"exception_id,decision\n{exception},acknowledge\n")
                act = tuple(str(folder / word) if word == "reviewed.csv" else word for word in act)
            made[name] = root, act
        return made[name]

    return make


def damaged(root: Path) -> bool:
    """Whether the published database is the one that is to be made again."""
    return (root / "published" / "tieout.duckdb").read_bytes() == DAMAGED


def points_of(root: Path, act: Act, tieout: Tieout, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a command that nobody kills comes to each point."""
    passed = Counter[str]()
    with monkeypatch.context() as patched:
        patched.setattr(crash, "point", lambda name: passed.update([name]))
        answer = tieout(*act, "-w", root)
        assert answer.code == 0, answer.err
    return passed


def hold_killed(root: Path, act: Act, point: str, old: State | None, new: State, tieout: Tieout) -> None:
    """Kill a command at a point: the next one, whatever it is, leaves the old state or the new, and all vouched for."""
    victim = begin_command(point, *act, "-w", str(root))
    victim.join()
    assert victim.exitcode == -signal.SIGKILL, point
    workspace = Workspace.open(root)
    left = decisions.read(workspace)
    told = tieout("decisions", "list", "-w", root)
    assert (told.code, "Traceback" in told.err) == (0, False)
    findings = verify(workspace)
    assert decisions.read(workspace)[: len(left)] == left or act[0] == "purge"
    if damaged(root):
        assert act == ("rebuild",)
    else:
        assert findings == [], point
        assert state(root) in (old, new), point
    if damaged(root) or state(root) == old:
        answer = tieout(*act, "-w", root)
        assert answer.code == 0, answer.err
        assert state(root) == new, point
        assert verify(workspace) == []
    assert [*root.rglob("pledge.json"), *root.rglob("switch.json")] == []


def spread(passed: Counter[str]) -> list[str]:
    """Ten times each point that is an act's own, three times those that several share, at other passes each time."""
    own = (*crash.OF_ACTS, "decision-logged")
    return [
        f"{point}:{n * passes // times + 1}"
        for point, passes in sorted(passed.items())
        for times in ((10 if point in own else 3),)
        for n in range(times)
    ]


FAST = {"close": ["decision-logged"], "purge": ["tables-cleared"], "import": ["file-placed:2"]}


EVERY = ("close", "reopen", "purge", "rebuild", "accept", "import")


@pytest.mark.parametrize(
    ("name", "every"),
    [*((name, False) for name in FAST), *(pytest.param(name, True, marks=pytest.mark.slow) for name in EVERY)],
)
def test_a_killed_command_leaves_the_old_state_or_the_new(
    name: str,
    every: bool,
    before: Callable[[str], tuple[Path, Act]],
    tmp_path: Path,
    tieout: Tieout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, act = before(name)
    old = None if damaged(root) else state(root)
    shutil.copytree(root, tmp_path / "whole")
    passed = points_of(tmp_path / "whole", act, tieout, monkeypatch)
    new = state(tmp_path / "whole")
    assert old != new
    for point in spread(passed) if every else FAST[name]:
        shutil.copytree(root, tmp_path / "books")
        hold_killed(tmp_path / "books", act, point, old, new, tieout)
        shutil.rmtree(tmp_path / "books")
        measured(f"kills of commands other than a run ({name})", 1, 1)
