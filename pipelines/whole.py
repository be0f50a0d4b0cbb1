"""Puts files in their place whole: a reader, a crash or a full disk leaves the old content or the new, never a part.

What is not finished bears a name of its own, by which the next run knows what a killed one left.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines import crash
from pipelines.errors import TieoutError

UNFINISHED = ".unfinished-"


def unfinished(path: Path) -> Path:
    """Where something is made before it is put in its place."""
    return path.with_name(f"{UNFINISHED}{path.name}.{os.getpid()}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, replacing the one that was there."""
    written = write_beside(path, content)
    try:
        place(written, path)
    except OSError:
        written.unlink(missing_ok=True)
        raise
    crash.point("file-placed")


def write_beside(path: Path, content: bytes) -> Path:
    """Write what is to become a file beside its place; returns where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = unfinished(path)
    try:
        written.write_bytes(content)
    except OSError:
        written.unlink(missing_ok=True)  # it would only fill the disk further
        raise
    crash.point("file-written")
    return written


def place(made: Path, target: Path) -> None:
    """Put a file that was made beside it in the place of another."""
    settle(made)
    made.replace(target)
    settle(target.parent)


def place_all(record: Path, root: Path, made: Mapping[Path, Path], gone: Iterable[Path]) -> None:
    """Put files in their places together, target → what was made for it, and take others away.

    What is to be done is written down before the first is touched: after a kill `complete` does the rest of it.
    """
    for one in made.values():
        settle(one)
    switch = {
        "made": {_name(target, root): _name(one, root) for target, one in made.items()},
        "gone": [_name(one, root) for one in gone],
    }
    write_whole(record, json.dumps(switch).encode())
    crash.point("switch-recorded")
    complete(record, root)


def complete(record: Path, root: Path) -> None:
    """Do the rest of what a record says is to be done, and remove it; without one nothing is.

    Raises TieoutError where the record cannot be read.
    """
    if not record.exists():
        return
    try:
        switch = json.loads(record.read_bytes())
        made = {root / target: root / one for target, one in switch["made"].items()}
        gone = [root / one for one in switch["gone"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TieoutError(f"{record} cannot be read; remove it, and run the newest month again.") from None
    for target, one in made.items():
        if one.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            one.replace(target)
            crash.point("file-switched")
    for target in gone:
        target.unlink(missing_ok=True)
    for folder in {target.parent for target in (*made, *gone) if target.parent.is_dir()}:
        settle(folder)
    record.unlink()
    settle(record.parent)
    crash.point("switch-done")


def _name(path: Path, root: Path) -> str:
    """How a record names a file: below the root without it, so that a workspace can be moved."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def share(path: Path, like: Path) -> None:
    """Let whoever may enter a folder read a file in it, or all that is in a folder below it.

    All else that Tieout writes is for its own user alone.
    """
    mode = like.stat().st_mode & 0o777
    for one in (path, *path.rglob("*")):
        one.chmod(mode if one.is_dir() else mode & 0o666)


def make_shared(folder: Path, like: Path) -> None:
    """Make a folder, and those above it that are missing, as open as another."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        one.chmod(like.stat().st_mode & 0o777)


def settle(path: Path) -> None:
    """Make sure that a file's content, or a directory's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hex, however large it is."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep(folders: Iterable[Path]) -> int:
    """Remove what killed runs left unfinished; only under the workspace's lock. Returns how much that was."""
    left = [path for folder in folders for path in sorted(folder.rglob(f"{UNFINISHED}*"))]
    for path in left:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # it may have gone with its folder
    return len(left)
