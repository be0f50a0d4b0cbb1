"""One monthly run from the command line: the very definitions Dagster shows, driven in this process."""

import logging
import os
import traceback
from datetime import datetime

import dagster as dg

from pipelines import again
from pipelines.closed import closed
from pipelines.definitions import JOB, define
from pipelines.errors import TieoutError
from pipelines.home import prepare_home
from pipelines.interrupted import half_done, under_way
from pipelines.landing import landed_periods
from pipelines.whole import write_whole
from pipelines.workspace import Workspace

log = logging.getLogger("tieout")


def run(
    workspace: Workspace, period: str, as_of: datetime | None = None, *, replays: bool = True, offline: bool = False
) -> None:
    """Run a period, then replay the later ones that ran before, because they build on it.

    Raises TieoutError with one sentence for whatever stops it.
    """
    os.environ.update(prepare_home(workspace))
    with workspace.lock(), dg.DagsterInstance.get() as instance:
        if period in closed(workspace):
            closing = again.reproduce(workspace, period)
            log.info("%s  is closed; run again it comes to the same (%s)", period, closing.content[:16])
            return
        with under_way(workspace, period) as before:
            job = define(workspace).resolve_job_def(JOB)
            for other in half_done(workspace, before, period):
                _run_one(workspace, job, instance, other, None, replay=True, offline=True)
            later = [other for other in landed_periods(workspace) if other > period] if replays else []
            _run_one(workspace, job, instance, period, as_of, replay=False, offline=offline)
            for other in later:
                log.info("%s  replayed, because %s changed", other, period)
                _run_one(workspace, job, instance, other, None, replay=True, offline=True)


def _run_one(
    workspace: Workspace,
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    period: str,
    as_of: datetime | None,
    *,
    replay: bool,
    offline: bool,
) -> None:
    house = {
        "workspace": str(workspace.root),
        "as_of": as_of.isoformat() if as_of else "",
        "replay": replay,
        "offline": offline,
    }
    quiet = {"console": {"config": {"log_level": "CRITICAL"}}}  # the progress lines say what people need
    try:
        job.execute_in_process(
            partition_key=period,
            instance=instance,
            run_config={"resources": {"house": {"config": house}}, "loggers": quiet},
        )
    except TieoutError:
        raise
    except Exception as problem:
        details = workspace.warehouse / "last-failure.txt"
        write_whole(details, "".join(traceback.format_exception(problem)).encode())
        raise TieoutError(
            f"The run of {period} failed ({type(problem).__name__}: {_first_line(problem)}); nothing was published. "
            f"Please report it with {details}."
        ) from problem


def _first_line(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "no message")
