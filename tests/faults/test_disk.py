"""A full disk or one that may not be written to is one sentence; what was there before stands."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from pipelines import room
from pipelines.errors import TieoutError
from pipelines.warehouse import CONTENTS, StorageError, Warehouse
from pipelines.whole import write_whole
from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, MakeWorkspace, Tieout
from tests.faults.figures import measured

ROWS = "asset_tag,asset_class,status,serial\nT1,laptop,in_use,none\n"
UNCHECKED = "from pipelines import room; room.hold_room = lambda *asked: None; from pipelines.cli import main; main()"
"""The command without its look before the run, so that the disk fills up in the middle of it."""


class Usage(NamedTuple):
    free: int


def test_too_little_room_is_said_before_anything_is_done(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.open(make_workspace(files={"2026-08/assets.csv": ROWS}))
    monkeypatch.setattr(room.shutil, "disk_usage", lambda place: Usage(room.LEAST))
    with pytest.raises(TieoutError, match="has 32 MB free, and a run of 2026-08 needs about 32 MB; free some space"):
        room.hold_room(workspace, "2026-08")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda place: Usage(room.LEAST + 1_000_000))
    room.hold_room(workspace, "2026-08")


def test_a_full_disk_is_known_whoever_tells_it() -> None:
    problem = RuntimeError("no more records")
    problem.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert room.is_full(problem)
    assert not room.is_full(RuntimeError("another"))


def test_the_old_file_stands_where_the_new_one_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    write_whole(path, b"old")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"page.html": b"old"}


def test_a_damaged_table_is_one_sentence(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    warehouse.write("t", pl.DataFrame({"n": [1]}), "2026-09")
    (file,) = warehouse.files("t").values()
    file.write_bytes(b"x" * 20_000)
    with pytest.raises(StorageError, match="if it is damaged, `tieout rebuild` makes it again"):
        warehouse.read("t")
    (tmp_path / CONTENTS).write_bytes(b"x")
    with pytest.raises(StorageError, match="if it is damaged, `tieout rebuild` makes it again"):
        Warehouse(tmp_path)


def test_a_place_that_is_a_file_is_one_sentence(make_workspace: MakeWorkspace, tieout: Tieout) -> None:
    root = make_workspace(files={"2026-08/assets.csv": ROWS})
    (root / "warehouse").touch()
    answer = tieout("run", "-w", root)
    assert answer.code == 1
    assert answer.err == f"tieout: {root / 'warehouse'}: File exists.\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A place where a disk of any size can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)


def run(root: Path, program: str = UNCHECKED) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, "run", "-q", "-w", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_runs_on_a_disk_that_fills_up_or_may_not_be_written(disk: Path) -> None:
    root = disk / "books"
    (root / "inbox" / "2026-08").mkdir(parents=True)
    (root / "tieout.toml").write_text(MINIMAL)
    (root / "inbox" / "2026-08" / "assets.csv").write_text(ROWS)
    assert run(root).returncode == 0
    published = root / "published" / "tieout.duckdb"
    before = published.read_bytes()
    (root / "inbox" / "2026-08" / "assets.csv").write_text(ROWS + "T2,laptop,in_use,none\n")
    used = shutil.disk_usage(disk).used
    stopped = 0
    for spare in (8, 100, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000):
        remount(disk, f"size={used + spare * 1024}")
        answer = run(root)
        said = f"tieout: the disk that holds {root} is full; free some space and run again."
        assert (answer.returncode == 1 and said in answer.stderr) or answer.returncode == 0
        assert "Traceback" not in answer.stderr
        if answer.returncode == 0:
            break
        stopped += 1
        assert published.read_bytes() == before
    assert stopped > 3
    remount(disk, "size=0")
    assert run(root).returncode == 0
    assert published.read_bytes() != before
    measured("runs stopped by a full disk", stopped, stopped)
    remount(disk, "ro")
    answer = run(root)
    assert answer.returncode == 1
    assert "lock cannot be read or written (Read-only file system)" in answer.stderr
