"""Processes that are made to die: forked from one that has imported everything, so that each begins at once."""

import importlib
import multiprocessing
import os
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from pipelines import crash, decisions
from pipelines.decisions import Act, Asked
from pipelines.interrupted import under_way
from pipelines.workspace import Workspace
from tests.conftest import run_steps
from tieout.decisions import Proposal

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


def run_month(root: Path, period: str, crash_at: str = "") -> None:
    """Run a month as `tieout run` does, without Dagster."""
    os.environ["TIEOUT_CRASH_AT"] = crash_at
    importlib.reload(crash)
    workspace = Workspace.open(root)
    with workspace.lock(), under_way(workspace, period):
        run_steps(workspace, period)


def decide(root: Path, exception_id: str, told: Connection, crash_at: str = "") -> None:
    """Record one decision after the other, and tell the number of each when it is recorded."""
    os.environ["TIEOUT_CRASH_AT"] = crash_at
    importlib.reload(crash)
    workspace = Workspace.open(root)
    proposal = Proposal(exception_id=exception_id, kind="acknowledge", who="Cy")
    while True:
        act = Act(datetime(2026, 9, 2, tzinfo=UTC), "cli")
        (receipt,) = decisions.record(workspace, [Asked(1, exception_id, proposal)], act)
        told.send(int(receipt.said.removeprefix("D")))


def begin(target: object, *arguments: object) -> ForkServerProcess:
    """A victim that is under way."""
    victim = FORKS.Process(target=target, args=arguments)  # type: ignore[arg-type]
    victim.start()
    return victim
