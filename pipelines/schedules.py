"""What starts by itself: the monthly run on the first and when files arrive, and the import of returned decisions."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from pipelines import collecting
from pipelines.decisions import REFUSED
from pipelines.delivery import dropped
from pipelines.whole import sha256_of
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


def imports(job: str, workspace: Workspace) -> dg.JobDefinition:
    """Take in one file of decisions that came back; fails, and leaves receipts beside it, when one is refused."""

    @dg.op(config_schema={"file": str}, description="Record all decisions of a returned file, or none.")
    def returned_decisions(context: dg.OpExecutionContext) -> None:
        named = {path.name: path for path in collecting.waiting(workspace)}
        path = named.get(context.op_config["file"])
        if path is None:
            return  # taken in meanwhile
        receipts = collecting.collect(workspace, path, datetime.now(UTC))
        refused = [receipt for receipt in receipts if receipt.outcome == REFUSED]
        if refused:
            raise dg.Failure(f"{path.name}: {len(refused)} refused, nothing was recorded; row {refused[0].row}: "
                             f"{refused[0].said}.")  # fmt: skip
        context.log.info("%s: %d decisions recorded", path.name, sum(bool(receipt.decision) for receipt in receipts))

    @dg.job(name=job, executor_def=dg.in_process_executor)
    def import_returned() -> None:
        returned_decisions()

    return import_returned


def returned(job: str, workspace: Workspace) -> dg.SensorDefinition:
    """Take in files of decisions as they come back into `decisions/returned/`; a corrected file is tried again."""

    @dg.sensor(job_name=job, minimum_interval_seconds=300)
    def returned_files(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        for path in collecting.waiting(workspace):
            config = {"ops": {"returned_decisions": {"config": {"file": path.name}}}}
            yield dg.RunRequest(run_key=f"{path.name}-{sha256_of(path)[:16]}", run_config=config)

    return returned_files
