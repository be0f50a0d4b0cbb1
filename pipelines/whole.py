"""Puts files in their place whole: a reader, a crash or a full disk leaves the old content or the new, never a part.

What is not finished bears a name of its own, by which the next run knows what a killed one left.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pipelines import crash

UNFINISHED = ".unfinished-"


def unfinished(path: Path) -> Path:
    """Where something is made before it is put in its place."""
    return path.with_name(f"{UNFINISHED}{path.name}.{os.getpid()}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, replacing the one that was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = unfinished(path)
    try:
        written.write_bytes(content)
        crash.point("file-written")
        place(written, path)
    except OSError:
        written.unlink(missing_ok=True)  # it would only fill the disk further
        raise
    crash.point("file-placed")


def place(made: Path, target: Path) -> None:
    """Put a file that was made beside it in the place of another."""
    settle(made)
    made.replace(target)
    settle(target.parent)


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
