"""When the monthly run starts by itself: on the first of the month, and when files arrive in the inbox."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from pipelines.delivery import dropped
from pipelines.workspace import Workspace, end_of_period


def monthly(job: str, workspace: Workspace) -> dg.ScheduleDefinition:
    """Run the month that has just ended, at six in the morning of the first."""

    @dg.schedule(job_name=job, cron_schedule="0 6 1 * *", execution_timezone=workspace.settings.timezone)
    def first_of_the_month(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        ended = context.scheduled_execution_time.replace(day=1) - timedelta(days=1)
        return dg.RunRequest(partition_key=ended.strftime("%Y-%m"))

    return first_of_the_month


def inbox(job: str, workspace: Workspace) -> dg.SensorDefinition:
    """Run a month that is over whenever the files dropped for it have changed."""

    @dg.sensor(job_name=job, minimum_interval_seconds=300)
    def dropped_files(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        for period, files in dropped(workspace).items():
            if end_of_period(period, workspace.settings.zone) > datetime.now(UTC):
                continue
            state = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
            yield dg.RunRequest(
                partition_key=period,
                run_key=f"{period}-{hashlib.sha256(repr(state).encode()).hexdigest()[:16]}",
            )

    return dropped_files
