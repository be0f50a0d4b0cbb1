"""Finds the files of a source where people drop them, and copies them byte for byte."""

import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from glob import escape
from pathlib import Path

from connectors.files.control import CONTROL, control_of, declared, read_control
from connectors.files.errors import FileError, beyond, hold_name
from connectors.files.formats import SUFFIXES
from tieout.feeds import FEEDS
from tieout.pull import Fetched, RawFile
from tieout.settings import Source

_CONTROL_BYTES = 1 << 20  # a control file says a few lines
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def discover(inbox: Path, period: str) -> list[Source]:
    """The sources that dropped files stand for: one for each `<feed>[.<source>]` in the period's inbox."""
    found = {(feed, name): Source(name=name, feed=feed) for feed, name, _ in _dropped(inbox / period)}
    return [found[key] for key in sorted(found)]


def strays(inbox: Path, period: str) -> dict[Path, str]:
    """Files in the period's inbox that nobody finds by their name, and why not."""
    folder = inbox / period
    named = {path for _, _, path in _dropped(folder)}
    unnamed = {path: _why_unread(path) for path in plain_files(folder) if path not in named}
    controls = {path: path.with_name(path.name.removesuffix(CONTROL)) for path in folder.glob(f"*{CONTROL}")}
    lone = {
        path: f"it speaks for {file.name}, which is not there; call it <file>{CONTROL}"
        for path, file in controls.items()
        if not file.is_file()
    }
    return dict(sorted((unnamed | lone).items()))


def _why_unread(path: Path) -> str:
    feed, _, name = path.stem.partition(".")
    if feed.lower() not in FEEDS:
        return f"no feed is named {feed!r}; the feeds are {', '.join(FEEDS)}"
    if path.suffix.lower() not in SUFFIXES:
        return f"files of its kind are not read; save it as {feed} with {', '.join(SUFFIXES)}"
    return f"{name!r} cannot name a source; letters, digits and . _ - can"


def find(source: Source, root: Path, inbox: Path, period: str) -> list[Path]:
    """The files that are a source's delivery for the period, in the order of their names."""
    if source.path is not None:
        return _matching(root, source.path.replace("{period}", period))
    dropped = [(name, path) for feed, name, path in _dropped(inbox / period) if feed == source.feed]
    own = [path for name, path in dropped if name == source.name]
    return own or [path for name, path in dropped if name == source.feed]


def fetch(source: Source, root: Path, inbox: Path, period: str, folder: Path) -> Fetched:
    """Copy a source's delivery and its control files byte for byte into `folder`, and say what came."""
    paths = find(source, root, inbox, period)
    if not paths:
        return missing(source, inbox, period)
    if source.path is None and len(paths) > 1:
        return Fetched("failed", why=f"{' and '.join(p.name for p in paths)} are one delivery twice; keep one of them")
    most, within = source.limits.file_bytes, _home(source, root, inbox, period)
    try:
        files = tuple(
            _copy(path, folder / name, root, within, most) for path, name in zip(paths, _names(paths), strict=True)
        )
        said = []
        for path, file in zip(paths, files, strict=True):
            if (control := control_of(path)).is_file():
                landed = control_of(folder / file.name)
                _copy(control, landed, root, within, _CONTROL_BYTES)
                said.append(read_control(landed))
    except FileError as error:
        return Fetched("failed", why=str(error))
    return declared(files, said)


def missing(source: Source, inbox: Path, period: str) -> Fetched:
    """What a source brings that has delivered nothing."""
    return Fetched("missing", why=f"{_expected(source, inbox, period)} was not delivered")


def plain_files(folder: Path) -> list[Path]:
    """The files people dropped in a folder, by name; hidden ones, Office's lock files and control files are none."""
    return sorted(filter(_is_plain, folder.iterdir())) if folder.is_dir() else []


def _is_plain(path: Path) -> bool:
    return path.is_file() and is_delivery(path.name)


def is_delivery(name: str) -> bool:
    """Whether a name is that of a file to read: not hidden, none of Office's lock files and no control file."""
    return not name.startswith((".", "~$")) and not name.endswith(CONTROL)


def _dropped(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Feed, source and file of everything in an inbox folder that bears a feed's name."""
    for path in plain_files(folder):
        feed, _, name = path.stem.partition(".")
        feed = feed.lower()
        if path.suffix.lower() in SUFFIXES and feed in FEEDS and _NAME.fullmatch(name or feed):
            yield feed, name or feed, path


def _matching(root: Path, pattern: str) -> list[Path]:
    exact = root / pattern  # an absolute pattern replaces the root
    if exact.is_file():
        return [exact]
    anchor, whole = Path(exact.anchor), Path(escape(str(root))) / pattern  # the folder of a workspace is no pattern
    found = anchor.glob(str(whole.relative_to(anchor)))
    return sorted(filter(_is_plain, found), key=lambda path: (path.name, path.as_posix()))


def _expected(source: Source, inbox: Path, period: str) -> str:
    if source.path is not None:
        return source.path.replace("{period}", period)
    name = source.feed if source.name == source.feed else f"{source.feed}.{source.name}"
    return f"{inbox.name}/{period}/{name}.csv (or .xlsx, .jsonl, .parquet)"


def _names(paths: list[Path]) -> list[str]:
    """Names for the landed files: their own, or numbered ones where two from different folders are alike."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [f"{place:04}-{name}" for place, name in enumerate(names, 1)]


def _home(source: Source, root: Path, inbox: Path, period: str) -> Path:
    """The folder that a source's files lie in, or below: the fixed part of its path, or the month's inbox."""
    if source.path is None:
        return inbox / period
    parts = Path(source.path.replace("{period}", period)).parts
    fixed = tuple(itertools.takewhile(lambda part: not set(part) & set("*?["), parts))
    home = root.joinpath(*fixed)
    return home.parent if fixed == parts else home


def _copy(path: Path, target: Path, root: Path, within: Path, most: int) -> RawFile:
    """Copy a file that lies where it should, and no more of it than it may have."""
    origin = path.relative_to(root) if path.is_relative_to(root) else path
    hold_name(str(origin))
    digest, size = hashlib.sha256(), 0
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(within.resolve(strict=True)):
            raise FileError(f"{origin} is a link that leads out of its folder; drop the file itself")
        with open(real, "rb", opener=_opened) as came, target.open("xb") as landed:
            while block := came.read(1 << 20):
                digest.update(block)
                size += landed.write(block)
                if size > most:
                    raise FileError(f"{origin} {beyond('file_bytes', most)}")
            landed.flush()
            os.fsync(landed.fileno())
    except OSError as error:
        raise FileError(f"{origin} cannot be copied: {error.strerror or error}") from error
    return RawFile(name=target.name, sha256=digest.hexdigest(), bytes=size, origin=origin.as_posix())


def _opened(path: str, flags: int) -> int:
    """Open a file, but no link that took its place since it was looked at, and nothing that could keep us waiting."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
