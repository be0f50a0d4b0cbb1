"""Carries through what a process began and did not live to end.

An act that changes several places, one after the other, is written down in `warehouse/pledge.json` before the first.
Whoever next holds the workspace finds it there and does all of it again: each step may be done twice.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from pipelines import crash
from pipelines.errors import TieoutError
from pipelines.whole import sweep, write_whole
from pipelines.workspace import Workspace

log = logging.getLogger("tieout")


@contextmanager
def pledged(workspace: Workspace, what: Literal["show", "purge"], said: Mapping[str, Any]) -> Iterator[None]:
    """Say what is under way until it is done; `said` is all that is needed to do it again."""
    write_whole(workspace.pledge, json.dumps({"what": what, "said": said}).encode())
    crash.point("pledged")
    yield
    workspace.pledge.unlink()
    crash.point("pledge-kept")


def carry_through(workspace: Workspace) -> None:
    """Do again what was pledged and not done; where that fails it is told, and tried again the next time."""
    from pipelines import closing, purge  # they make the pledges

    acts = {"show": closing.show_again, "purge": purge.purge_again}
    log.warning("a command before this one did not come to its end; what it began is completed first")
    sweep(workspace.folders)
    try:
        pledge = json.loads(workspace.pledge.read_bytes())
        acts[pledge["what"]](workspace, pledge["said"])
    except (TieoutError, OSError, ValueError, KeyError) as problem:
        log.warning("it could not be completed: %s", problem)
    else:
        workspace.pledge.unlink()
