"""No credential is told by a log line, an error, a traceback or Dagster's records; private files are private."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import discretion, steps
from pipelines.errors import TieoutError
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace, Tieout, run_steps
from tests.faults.figures import measured

CANARY, IN_FILE = "canary-5e1f0a9c77", "canary-in-a-file-31d"
ROWS = "asset_tag,asset_class,status,serial\nT1,laptop,in_use,none\n"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(IN_FILE)
    monkeypatch.setenv("TRY_WEBHOOK", CANARY)
    monkeypatch.setenv("TRY_TOKEN_FILE", str(tmp_path / "key"))


def holding_any(root: Path) -> list[Path]:
    """Files below a folder that hold a credential in any spelling."""
    words = [word.encode() for word in (CANARY, IN_FILE)]
    words += [word.decode().encode("utf-16-le") for word in words]
    return [path for path in root.rglob("*") if path.is_file() and any(word in path.read_bytes() for word in words)]


def failing(message: str) -> Iterator[Exception]:
    """Every way an error may come to hold a credential."""
    yield RuntimeError(message)
    yield OSError(5, message)
    yield TieoutError(f"the source said {message}")
    chained = RuntimeError("no more")
    chained.__cause__ = ValueError(message)
    yield chained


def throw(problem: Exception) -> None:
    raise problem


@pytest.mark.usefixtures("credentials")
def test_what_a_config_refers_to_is_never_told(
    make_workspace: MakeWorkspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = '\n[notify]\nwebhook = "${TRY_WEBHOOK}"\n[notify.smtp]\npassword = "${TRY_TOKEN}"\n'
    Workspace.open(make_workspace(config))
    assert discretion.discreet(f"a {CANARY} b {IN_FILE}") == "a [credential] b [credential]"
    monkeypatch.setattr(steps.log, "propagate", True)
    steps.log.warning("it said %s", CANARY)
    assert set(caplog.messages) == {"it said [credential]"}
    for problem in failing(CANARY):
        with pytest.raises(TieoutError) as told:
            discretion.discreetly(lambda problem=problem: throw(problem))
        assert CANARY not in str(told.value)
        assert told.value.__cause__ is None
        assert told.value.__context__ is None
    with pytest.raises(KeyError):
        discretion.discreetly(lambda: throw(KeyError("harmless")))


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=() if n == 3 else pytest.mark.slow) for n in range(len(list(failing(""))))]
)
@pytest.mark.usefixtures("credentials")
def test_a_failing_run_leaves_no_credential(
    number: int, make_workspace: MakeWorkspace, tieout: Tieout, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_workspace('\n[notify]\nwebhook = "${TRY_WEBHOOK}"\n', {"2026-08/assets.csv": ROWS})
    (root / "inbox" / "2026-08" / "note.txt").write_text("of no feed")
    monkeypatch.setenv("TIEOUT_DEBUG", "1")

    def fail(*_: object) -> None:
        steps.log.info("asking with %s", CANARY)
        raise list(failing(f"Bearer {CANARY}"))[number]

    monkeypatch.setattr(steps, "_deliver", fail)
    answer = tieout("run", "-w", root)
    assert answer.code == 1
    assert CANARY not in answer.out + answer.err
    assert "asking with [credential]" in answer.err
    assert holding_any(root) == []
    measured("failures that told no credential", 1, 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f'password = "{CANARY}"', "notify.password holds a secret in plain text"),
        (f'hook = {{ access_key = "{CANARY}" }}', "notify.hook.access_key holds a secret in plain text"),
        (f'url = "https://me:{CANARY}@x.org/"', "notify.url is an address with a password in it"),
    ],
)
def test_a_plain_text_secret_is_refused_without_telling_it(
    line: str, said: str, make_workspace: MakeWorkspace, tieout: Tieout
) -> None:
    answer = tieout("check", "-w", make_workspace(f"\n[notify]\n{line}\n"))
    assert answer.code == 2
    assert said in answer.err
    assert CANARY not in answer.err


def test_what_is_not_published_is_for_its_user_alone(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(files={"2026-08/assets.csv": ROWS})
    (root / "published").mkdir(mode=0o755)
    (root / "published").chmod(0o755)
    (root / "reports").mkdir()
    (root / "reports").chmod(0o750)
    workspace = Workspace.open(root)
    with workspace.lock():
        run_steps(workspace, "2026-08")
    modes = {path.relative_to(root).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")}
    for name, mode in modes.items():
        match name.split("/")[0]:
            case "landing" | "warehouse" | "decisions":
                assert mode & 0o077 == 0, (name, oct(mode))
            case "published":
                assert mode in (0o755, 0o644), (name, oct(mode))
            case "reports":
                assert mode in (0o750, 0o640), (name, oct(mode))
    assert {"warehouse/tables/contents.json", "published/tieout.duckdb", "reports/2026-08/index.html"} <= modes.keys()
