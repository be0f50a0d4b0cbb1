"""One monthly run from the command line: the very definitions Dagster shows, driven in this process."""

import io
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import datetime

import dagster as dg

from pipelines import again, room
from pipelines.closed import closed
from pipelines.definitions import JOB, define
from pipelines.discretion import discreet
from pipelines.errors import TieoutError
from pipelines.home import prepare_home
from pipelines.interrupted import half_done, under_way
from pipelines.landing import landed_periods
from pipelines.steps import Month
from pipelines.whole import write_whole
from pipelines.workspace import Workspace

log = logging.getLogger("tieout")


def run(
    workspace: Workspace, period: str, as_of: datetime | None = None, *, replays: bool = True, offline: bool = False
) -> None:
    """Run a period, then replay the later ones that ran before, because they build on it.

    Raises TieoutError with one sentence for whatever stops it.
    """
    with workspace.lock(), _one_sentence(workspace, period):
        room.hold_room(workspace, period)
        os.environ.update(prepare_home(workspace))
        if period in closed(workspace):
            closing = again.reproduce(workspace, period)
            log.info("%s  is closed; run again it comes to the same (%s)", period, closing.content[:16])
            return
        with under_way(workspace, period) as before, _dagster(workspace) as perform:
            for other in half_done(workspace, before, period):
                perform(Month(workspace, other, replay=True, offline=True))
            later = [other for other in landed_periods(workspace) if other > period] if replays else []
            perform(Month(workspace, period, as_of, offline=offline))
            for other in later:
                log.info("%s  replayed, because %s changed", other, period)
                perform(Month(workspace, other, replay=True, offline=True))


@contextmanager
def _dagster(workspace: Workspace) -> Iterator[Callable[[Month], None]]:
    """Performs a month as Dagster's job; what Dagster says when it cannot keep its records is told in one sentence."""
    job = define(workspace).resolve_job_def(JOB)
    quiet = {"console": {"config": {"log_level": "CRITICAL"}}}  # the progress lines say what people need

    def perform(month: Month) -> None:
        house = {
            "workspace": str(workspace.root),
            "as_of": month.as_of.isoformat() if month.as_of else "",
            "replay": month.replay,
            "offline": month.offline,
        }
        asked = {"resources": {"house": {"config": house}}, "loggers": quiet}
        job.execute_in_process(partition_key=month.period, instance=instance, run_config=asked)

    with redirect_stderr(io.StringIO()), dg.DagsterInstance.get() as instance:
        yield perform


@contextmanager
def _one_sentence(workspace: Workspace, period: str) -> Iterator[None]:
    """Whatever stops the run as one sentence for the user; where it is a defect, its details go to a file."""
    try:
        yield
    except dg.DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None
    except Exception as problem:
        if room.is_full(problem):
            raise TieoutError(room.full(workspace.root)) from problem
        if isinstance(problem, TieoutError | OSError):
            raise
        details = workspace.warehouse / "last-failure.txt"
        write_whole(details, discreet("".join(traceback.format_exception(problem))).encode())
        raise TieoutError(
            f"The run of {period} failed ({type(problem).__name__}: {discreet(_first_line(problem))}); nothing was "
            f"published. Please report it with {details}."
        ) from problem


def _first_line(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "no message")
