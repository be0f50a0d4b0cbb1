"""Where deliveries land: immutable, named by their content, and remembered by the month they were delivered for.

    landing/<period>/<feed>/<source>/<snapshot_id>/   the files as they came, and manifest.json
    landing/<period>/delivered.json                   which snapshot each source delivered last for the period

A replay of a period reads what landed, never the inbox.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from connectors import files, systems
from pipelines import __version__, crash
from pipelines.side_by_side import side_by_side
from pipelines.sources import wire_of
from pipelines.whole import settle, sha256_of, unfinished, write_whole
from pipelines.workspace import Workspace
from tieout.feeds import FEEDS
from tieout.pull import Fetched
from tieout.settings import Source

log = logging.getLogger("tieout")

_UNSHAPING = {"name", "path", "required", "bounds", "covers", "history_from", "limits", "options"}
"""What a source's config says that does not change how its rows are read."""


@dataclass(frozen=True)
class Snapshot:
    """What one source delivered for one period; `snapshot_id` is empty when nothing landed.

    `discovered` tells a file found in the inbox from a source of the config. `late_for` is the closed month whose
    delivery it is, where it came too late for that.
    """

    source: Source
    discovered: bool
    snapshot_id: str
    fetched: Fetched
    late_for: str = ""

    @property
    def name(self) -> str:
        """What the source is called in the month that takes the delivery in."""
        return f"{self.source.name}.late-{self.late_for}" if self.late_for else self.source.name


@dataclass(frozen=True)
class Delivered:
    """Everything delivered for one period, and the instant the period is judged at.

    `late` are deliveries for closed months: of event feeds the rows count now, of state feeds nothing does.
    """

    as_of: datetime
    snapshots: tuple[Snapshot, ...]
    late: tuple[Snapshot, ...] = ()

    @property
    def taken_in(self) -> tuple[Snapshot, ...]:
        """The deliveries whose rows count in the period."""
        return self.snapshots + tuple(one for one in self.late if not FEEDS[one.source.feed].is_state)


_DELIVERED = TypeAdapter(Delivered)
_FETCHED = TypeAdapter(Fetched)


def land(
    workspace: Workspace, source: Source, period: str, *, discovered: bool = False, late: bool = False
) -> Snapshot:
    """Fetch one source's delivery and keep it for good; the same content lands once."""
    return land_all(workspace, [(source, discovered)], period, late=late)[0]


def land_all(
    workspace: Workspace, owed: Sequence[tuple[Source, bool]], period: str, *, late: bool = False
) -> list[Snapshot]:
    """Fetch the delivery of each source, of which is said whether it was discovered, and keep them in that order.

    What is asked over the network is pulled side by side; all else happens in this thread.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(_incoming(workspace.landing, number)) for number in range(len(owed))]
        live = [(source, folder) for (source, _), folder in zip(owed, folders, strict=True) if source.is_live]
        pulls = [
            (systems.place_of(source), partial(systems.fetch, source, period, folder, wire_of(source)))
            for source, folder in live
        ]
        pulled = iter(stack.enter_context(side_by_side(pulls)))
        landed = []
        for (source, discovered), folder in zip(owed, folders, strict=True):
            if source.is_live:
                fetched = next(pulled)()
                log.info("         %s: %s", source.name, fetched.account)
            else:
                fetched = files.fetch(source, workspace.root, workspace.inbox, period, folder)
            landed.append(_keep(workspace, period, folder, Snapshot(source, discovered, "", fetched), late=late))
    return landed


def standing(before: Delivered | None, source: Source) -> Snapshot | None:
    """What a source is remembered to have delivered for the period, if it landed."""
    known = before.snapshots if before else ()
    found = (one for one in known if (one.source.feed, one.source.name) == (source.feed, source.name))
    kept = next(found, None)
    return replace(kept, source=source) if kept and kept.snapshot_id else None


def folder_of(workspace: Workspace, period: str, snapshot: Snapshot) -> Path:
    """The folder a snapshot landed in."""
    month = snapshot.late_for or period
    return workspace.landing / month / snapshot.source.feed / snapshot.source.name / snapshot.snapshot_id


def record(workspace: Workspace, period: str, delivered: Delivered) -> None:
    """Remember what was delivered for a period, all at once."""
    write_whole(record_of(workspace, period), _DELIVERED.dump_json(delivered, indent=2))
    crash.point("delivered-recorded")


def recall(workspace: Workspace, period: str) -> Delivered | None:
    """What was delivered for a period when it last ran; None when it never did."""
    path = record_of(workspace, period)
    return _DELIVERED.validate_json(path.read_bytes()) if path.exists() else None


def reading(source: Source) -> str:
    """A fingerprint of how a source's rows are read: its mapping and its formats, as far as the config states them."""
    return _hash(source.model_dump(mode="json", exclude=_UNSHAPING, exclude_defaults=True))


def identify(fetched: Fetched, shaping: object) -> str:
    """First 16 hex digits over the content of the files, what was said about it, and how its rows are read."""
    said = json.loads(
        _FETCHED.dump_json(fetched, include={"extracted_at", "extracted_by", "system", "filters", "control"})
    )
    return _hash([sorted(file.sha256 for file in fetched.files), said, shaping])


def read_fetched(manifest: Mapping[str, object]) -> Fetched:
    """What a manifest says of how the pull went; raises ValueError when it does not."""
    return _FETCHED.validate_json(json.dumps(manifest))


def landed_periods(workspace: Workspace) -> list[str]:
    """Periods that ran before, oldest first."""
    return sorted(path.parent.name for path in workspace.landing.glob("[0-9]*/delivered.json"))


def record_of(workspace: Workspace, period: str) -> Path:
    """The file that says what was delivered for a period."""
    return workspace.landing / period / "delivered.json"


def manifests(workspace: Workspace, period: str = "") -> list[Path]:
    """The manifest of every snapshot that ever landed, or landed for one period, in the order of their paths."""
    return sorted(workspace.landing.glob(f"{period or '[0-9]*'}/*/*/*/manifest.json"))


def _keep(workspace: Workspace, period: str, folder: Path, brought: Snapshot, *, late: bool) -> Snapshot:
    """Give what a source brought its name, and put its folder in its place."""
    source, fetched = brought.source, brought.fetched
    if not fetched.files:
        return brought
    snapshot = replace(brought, snapshot_id=identify(fetched, _shaping(source)), late_for=period if late else "")
    kept = folder_of(workspace, period, snapshot)
    crash.point("delivery-fetched")
    if not kept.exists():
        manifest = {
            "period": period,
            "feed": source.feed,
            "source": source.name,
            "snapshot_id": snapshot.snapshot_id,
            "tieout": __version__,
            "reading": _shaping(source),
            "contents": {path.name: sha256_of(path) for path in sorted(folder.iterdir())},
            **json.loads(_FETCHED.dump_json(fetched)),
        }
        write_whole(folder / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False).encode())
        _place(folder, kept)
    crash.point("delivery-landed")
    return snapshot


def _shaping(source: Source) -> dict[str, object]:
    """What the config says, defaults included, that changes how a source's rows are read."""
    return source.model_dump(mode="json", exclude=_UNSHAPING)


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _incoming(landing: Path, number: int) -> Iterator[Path]:
    folder = unfinished(landing / f"delivery-{number}")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place(folder: Path, kept: Path) -> None:
    for path in _all(folder):
        settle(path)
    kept.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(kept)
    settle(kept.parent)


def _all(folder: Path) -> Iterable[Path]:
    return [*sorted(folder.rglob("*")), folder]
