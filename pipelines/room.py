"""Looks before a run whether the disk has room for it, so that it does not fill up half-way."""

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipelines import delivery
from pipelines.errors import TieoutError
from pipelines.workspace import Workspace

LEAST = 32 * 1024 * 1024
"""Bytes that a run needs whatever was delivered: Dagster's records, the logs, the tables of a database."""
COPIES = 4
"""How often what was delivered is on the disk at most: landed, in the private tables, published."""
_MEGABYTE = 1024 * 1024
_FULL = ("No space left", "disk is full", "disk I/O error", "quota exceeded")


def hold_room(workspace: Workspace, period: str) -> None:
    """Raise TieoutError where the disk has less room than a run of the month will need."""
    delivered = sum(path.stat().st_size for path in delivery.dropped(workspace).get(period, ()))
    again = sum(path.stat().st_size for path in (*workspace.tables.glob("*/*"), *workspace.published.glob("*.duckdb")))
    needed = LEAST + COPIES * delivered + again
    free = shutil.disk_usage(workspace.root).free
    if free < needed:
        raise TieoutError(
            f"the disk that holds {workspace.root} has {free // _MEGABYTE:,} MB free, and a run of {period} needs "
            f"about {needed // _MEGABYTE:,} MB; free some space and run again."
        )


def is_full(problem: BaseException) -> bool:
    """Whether a full disk is behind a problem, whoever reports it."""
    return any(
        (isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT))
        or any(sign in str(cause) for sign in _FULL)
        for cause in _causes(problem)
    )


def full(place: Path) -> str:
    """What to tell of a full disk."""
    return f"the disk that holds {place} is full; free some space and run again. What was published before stands."


def _causes(problem: BaseException | None) -> Iterator[BaseException]:
    """A problem and what led to it, each once: what led to what may go in a circle."""
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        yield problem
        problem = problem.__cause__ or problem.__context__
