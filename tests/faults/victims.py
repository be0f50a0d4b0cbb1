"""Processes that die, race or read on: forked from one that has imported everything, so that each begins at once."""

import importlib
import multiprocessing
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from checks import expectations
from pipelines import cli, closing, crash, decisions, purge, rebuild, sending
from pipelines.decisions import Act, Asked
from pipelines.errors import InUseError
from pipelines.interrupted import under_way
from pipelines.warehouse import QueryError, query
from pipelines.workspace import Workspace
from tests.conftest import nothing_expected, run_steps
from tieout.decisions import Proposal

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
PRELOADED = (closing, purge, rebuild, sending)
"""What commands import when they are called, and a victim has already."""


def run_month(root: Path, period: str, crash_at: str = "") -> None:
    """Run a month as `tieout run` does, without Dagster."""
    os.environ["TIEOUT_CRASH_AT"] = crash_at
    importlib.reload(crash)
    workspace = Workspace.open(root)
    with workspace.lock(), under_way(workspace, period):
        run_steps(workspace, period)


def command(crash_at: str, environment: Mapping[str, str], *arguments: str) -> None:
    """Do what a command does, without Great Expectations, as the commands that tests run in their own process."""
    expectations.validate = nothing_expected
    os.environ.update(environment)
    os.environ["TIEOUT_CRASH_AT"] = crash_at
    importlib.reload(crash)
    sys.argv = ["tieout", *arguments]
    cli.main()


def begin_command(crash_at: str, *arguments: str) -> ForkServerProcess:
    """A command that is under way, in this process's environment."""
    return begin(command, crash_at, dict(os.environ), *arguments)


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


def race(root: Path, rounds: int, start: Barrier, tried: Barrier, told: Connection) -> None:
    """Try to take the workspace at the same instant as others, time and again; tell each time what came of it."""
    workspace = Workspace.open(root)
    for _ in range(rounds):
        start.wait()
        try:
            with workspace.lock():
                tried.wait()
                told.send("")
        except InUseError as refusal:
            tried.wait()
            told.send(str(refusal))


def read_on(root: Path, enough: Event, told: Connection) -> None:
    """Read the published database over and over; tell of the first time, then how often, or of an error."""
    workspace, count = Workspace.open(root), 0
    try:
        while not enough.is_set():
            query(workspace.published_database, "SELECT count(*) FROM sources JOIN rule_runs USING (period)")
            count += 1
            if count == 1:
                told.send(count)
        told.send(count)
    except QueryError as problem:
        told.send(problem)


def begin(target: object, *arguments: object) -> ForkServerProcess:
    """A victim that is under way."""
    victim = FORKS.Process(target=target, args=arguments)  # type: ignore[arg-type] # any callable
    victim.start()
    return victim
