"""Tells whether the last run came to its end, and what is to be run again because it did not.

While a run is under way `warehouse/under-way.json` says so; what finds it without a run has a half-done month before
it. Only under the workspace's lock.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from pipelines.closed import closed, refuse_sealed
from pipelines.errors import TieoutError
from pipelines.landing import landed_periods
from pipelines.whole import sweep, write_whole
from pipelines.workspace import Workspace

log = logging.getLogger("tieout")


@dataclass(frozen=True)
class Begun:
    """A run that began, and the first month it was to change."""

    period: str
    at: datetime


_BEGUN = TypeAdapter(Begun)


@contextmanager
def under_way(workspace: Workspace, period: str) -> Iterator[Begun | None]:
    """Say that a run is under way until it ends well; gives the run before it, where that did not.

    What that one left unfinished is swept away, and its months stay half done until a run of them ends well.
    """
    refuse_sealed(workspace, period)
    before = last_not_ended(workspace)
    sweep(workspace.folders)
    first = min(period, before.period) if before else period
    write_whole(_note(workspace), _BEGUN.dump_json(Begun(first, datetime.now(UTC).replace(microsecond=0))))
    yield before
    ended(workspace)


def half_done(workspace: Workspace, before: Begun | None, period: str) -> list[str]:
    """The months up to one that are to be replayed first, because the run before did not come to its end."""
    if before is None:
        return []
    log.warning("the run of %s that began at %s did not come to its end", before.period, before.at.isoformat())
    sealed = max(closed(workspace), default="")  # it and what it builds on cannot have been changed
    return [other for other in landed_periods(workspace) if before.period <= other < period and other > sealed]


def last_not_ended(workspace: Workspace) -> Begun | None:
    """The last run, when it was killed or failed after it began to change a month."""
    note = _note(workspace)
    begun = _BEGUN.validate_json(note.read_bytes()) if note.exists() else None
    return begun if begun and begun.period in landed_periods(workspace) else None


def ended(workspace: Workspace) -> None:
    """Say that every month is whole again."""
    _note(workspace).unlink(missing_ok=True)


def refuse_half_done(workspace: Workspace, period: str) -> None:
    """Raise TieoutError for a month that a run left half done, or that builds on one."""
    begun = last_not_ended(workspace)
    if begun and begun.period <= period:
        raise TieoutError(
            f"the run of {begun.period} that began at {begun.at.isoformat()} did not come to its end; "
            f"run it again first with `tieout run --period {begun.period}`."
        )


def _note(workspace: Workspace) -> Path:
    return workspace.warehouse / "under-way.json"
