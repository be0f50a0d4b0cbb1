"""Holds everything that is kept against what was recorded of it: landed files, decisions, sign-offs, published tables.

Each finding is one sentence that names the file, line or table. What follows from what, and where each fingerprint
lies, is told in docs/reliability.md.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pipelines import anchors, closed, decisions, landing
from pipelines.anchors import DECISION, KEPT, LANDED, PUBLISHED, SIGNED, Anchor
from pipelines.errors import TieoutError
from pipelines.landing import Snapshot
from pipelines.publish import fingerprints
from pipelines.warehouse import QueryError, query
from pipelines.whole import sha256_of
from pipelines.workspace import Workspace
from tieout.decisions import Entry

BACKUP = "put it back from a backup"


T = TypeVar("T")


def verify(workspace: Workspace) -> list[str]:
    """Everything that is not as it was recorded, a sentence each; none when all is. Changes nothing.

    Raises InUseError while a run is going on.
    """
    with workspace.lock():
        return [*inputs(workspace), *published(workspace)]


def inputs(workspace: Workspace, period: str = "") -> list[str]:
    """What is wrong with that from which all else can be made again: what landed, what was decided and signed.

    With a period, of what landed just that month's is held: all of it may take long.
    """
    log, broken_log = _read(decisions.read, workspace)
    vouching, broken_anchors = _read(anchors.read, workspace)
    known = anchors.vouched(vouching or ())
    landed = _landed(workspace, known, period) if vouching is not None else ()
    decided = (*_decided(workspace, log, known), *_closed(workspace, log, known)) if log is not None else ()
    return [*broken_anchors, *broken_log, *landed, *decided]


def _read(read: Callable[[Workspace], T], workspace: Workspace) -> tuple[T | None, list[str]]:
    """What a log holds, or what is wrong with it."""
    try:
        return read(workspace), []
    except TieoutError as problem:
        return None, [str(problem)]


# -- what landed -----------------------------------------------------------------------------------------------------


def _landed(workspace: Workspace, known: Mapping[str, str], period: str) -> Iterator[str]:
    yield from _unlike(workspace.landing / period, f"{LANDED}{period}/" if period else LANDED, known)
    used = set()
    for path in sorted(workspace.landing.glob(f"{period or '[0-9]*'}/delivered.json")):
        if anchors.name_of(LANDED, workspace.landing, path) not in known:
            yield _unknown(workspace, path)
        try:
            delivered = landing.recall(workspace, path.parent.name)
        except ValueError:
            yield f"{path} cannot be read; {BACKUP}"
            continue
        for snapshot in (*delivered.snapshots, *delivered.late) if delivered else ():
            if snapshot.snapshot_id:
                used.add(landing.folder_of(workspace, path.parent.name, snapshot))
                yield from _named(workspace, path.parent.name, snapshot, str(path))
    for manifest in landing.manifests(workspace, period):
        yield from _snapshot(workspace, manifest)
        if manifest.parent in used and anchors.name_of(LANDED, workspace.landing, manifest) not in known:
            yield _unknown(workspace, manifest)
    yield from _strays(workspace, period)


def _unknown(workspace: Workspace, path: Path) -> str:
    return (
        f"{path} is not on record in {anchors.anchors_of(workspace)}; if a run was interrupted, run the month again, "
        f"otherwise put both back from a backup"
    )


def _named(workspace: Workspace, period: str, snapshot: Snapshot, where: str) -> Iterator[str]:
    """Whether a snapshot that is named somewhere landed."""
    folder = landing.folder_of(workspace, period, snapshot)
    if not (folder / "manifest.json").is_file():
        yield f"{folder}, which {where} names, has no manifest.json; {BACKUP}"


def _snapshot(workspace: Workspace, path: Path) -> Iterator[str]:
    """Whether a landed folder holds what its manifest says, and bears the name that follows from it."""
    folder = path.parent
    try:
        manifest = json.loads(path.read_bytes())
        contents = dict(manifest["contents"])
        identity = landing.identify(landing.read_fetched(manifest), manifest["reading"])
        place = (manifest["period"], manifest["feed"], manifest["source"], manifest["snapshot_id"])
        stated = {file["name"]: file["sha256"] for file in manifest["files"]}
    except (ValueError, KeyError, TypeError):
        yield f"{path} cannot be read; {BACKUP}"
        return
    if (
        place != folder.relative_to(workspace.landing).parts
        or identity != folder.name
        or not stated.items() <= contents.items()
    ):
        yield f"{path} was changed: what it says does not come to the name of its folder; {BACKUP}"
    there = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if not file.is_dir()}
    del there["manifest.json"]
    for name in sorted({*contents, *there}):
        if name not in there:
            yield f"{folder / name} is missing; {BACKUP}"
        elif name not in contents:
            yield f"{folder / name} did not land there; take it away"
        elif there[name].is_symlink() or sha256_of(there[name]) != contents[name]:
            yield f"{folder / name} was changed after it landed; {BACKUP}"


def _strays(workspace: Workspace, period: str) -> Iterator[str]:
    """Files below landing that no run puts there; hidden ones are what a killed run left, which the next one sweeps."""
    for path in sorted((workspace.landing / period).rglob("*")):
        parts = path.relative_to(workspace.landing).parts
        if path.is_dir() or any(part.startswith(".") for part in parts[:4]):
            continue
        if parts[1:] == ("delivered.json",) or (
            len(parts) >= 5 and (Path(workspace.landing, *parts[:4]) / "manifest.json").exists()
        ):
            continue
        yield f"{path} did not land there; take it away, or put its manifest.json back from a backup"


# -- what was decided and signed -------------------------------------------------------------------------------------


def _decided(workspace: Workspace, log: tuple[Entry, ...], known: Mapping[str, str]) -> Iterator[str]:
    path = decisions.log_of(workspace)
    for name, sha256 in known.items():
        if name.startswith(DECISION):
            yield from _entry(path, log, int(name.removeprefix(DECISION)), sha256, str(anchors.anchors_of(workspace)))
    imported = {entry.file for entry in log if entry.file}
    originals = {file.name.split(".")[0]: file for file in sorted((path.parent / "imports").glob("*"))}
    for sha256 in sorted(imported - originals.keys()):
        yield f"{path.parent / 'imports' / sha256}.*, from which decisions were imported, is missing; {BACKUP}"
    for sha256, file in originals.items():
        if not file.name.startswith(".") and sha256_of(file) != sha256:
            yield f"{file} was changed after it was imported; {BACKUP}"


def _entry(path: Path, log: tuple[Entry, ...], number: int, sha256: str, witness: str) -> Iterator[str]:
    """Whether the log still has the entry that somebody vouches for."""
    if len(log) < number:
        yield f"{path} has {len(log)} decisions, but D{number} is on record in {witness}; {BACKUP}"
    elif number and log[number - 1].sha256 != sha256:
        yield f"{path}: line {number} is another decision than the D{number} on record in {witness}; {BACKUP}"


def _closed(workspace: Workspace, log: tuple[Entry, ...], known: Mapping[str, str]) -> Iterator[str]:
    yield from _unlike(anchors.signed_in(workspace), SIGNED, known)
    purged = closed.purged(workspace)
    for closing in (one for one in closed.closings(workspace) if one.period not in purged):
        try:
            manifest = closed.manifest_of(workspace, closing)
        except TieoutError as problem:
            yield str(problem)
            continue
        said = f"what was signed for {closing.period}"
        yield from _entry(decisions.log_of(workspace), log, manifest.decisions, manifest.chain_head, said)
        for snapshot in (*manifest.delivered.snapshots, *manifest.delivered.late):
            if snapshot.snapshot_id:
                yield from _named(workspace, closing.period, snapshot, said)


# -- what is published -----------------------------------------------------------------------------------------------


def published(workspace: Workspace) -> Iterator[str]:
    """What is published, or kept of closed months, and is not as it was when Tieout wrote it."""
    log, _ = _read(decisions.read, workspace)
    vouching, _ = _read(anchors.read, workspace)
    known = anchors.vouched(vouching or ())
    yield from _unlike(workspace.published / "closed", KEPT, known)
    recorded = {name.removeprefix(PUBLISHED): text for name, text in known.items() if name.startswith(PUBLISHED)}
    database, again = workspace.published_database, "make it again with `tieout rebuild`"
    if not database.exists():
        if recorded:
            yield f"{database} is missing; {again}"
        return
    try:
        found = fingerprints(database)
        states = query(database, "SELECT decisions, chain_head, anchors, anchors_head FROM anchors").rows()
    except QueryError as problem:
        yield f"{database} cannot be read ({problem}); {again}"
        return
    other = {name for name in found.keys() | recorded.keys() if found.get(name) != recorded.get(name)}
    for table in sorted({name.split("/")[0] for name in other}) if vouching is not None else ():
        yield f"{database}: the table {table} is not as it was published; {again}"
    for decided, chain_head, number, anchors_head in states:
        if log is not None:
            yield from _entry(decisions.log_of(workspace), log, decided, chain_head, str(database))
        if vouching is not None:
            yield from _anchor(anchors.anchors_of(workspace), vouching, number, anchors_head, database)


def _anchor(path: Path, vouching: tuple[Anchor, ...], number: int, sha256: str, database: Path) -> Iterator[str]:
    """Whether the file of anchors still has the line that the published database names."""
    if number and (len(vouching) < number or vouching[number - 1].sha256 != sha256):
        yield f"{path}: line {number} is missing or another than the one on record in {database}; {BACKUP}"


def _unlike(folder: Path, kind: str, known: Mapping[str, str]) -> Iterator[str]:
    """Files below a folder that are missing, or other than what is vouched for."""
    for name, sha256 in known.items():
        path = folder / name.removeprefix(kind)
        if name.startswith(kind) and not path.is_file():
            yield f"{path} is missing; {BACKUP}"
        elif name.startswith(kind) and sha256_of(path) != sha256:
            yield f"{path} was changed after it was written; {BACKUP}, or if a run was interrupted, run the month again"
