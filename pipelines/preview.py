"""A look at a month that is not over: everything a run would do, beside the workspace, which stays as it is."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from pipelines import again, decisions, expected, landing, publish, steps
from pipelines.errors import ConfigError
from pipelines.steps import Month
from pipelines.warehouse import Warehouse
from pipelines.whole import UNFINISHED, share
from pipelines.workspace import Workspace
from tieout.findings import OPEN_STATUSES

STEPS = (steps.pull, steps.reconcile, steps.age, again.adjust, steps.figure, expected.expect, steps.render)


@dataclass(frozen=True)
class Preview:
    """What a run would come to: how many exceptions each rule would have open, new and settled, and who was refused."""

    rules: pl.DataFrame
    not_accepted: list[str]


def preview(
    workspace: Workspace, period: str, as_of: datetime | None, pages: Path | None, *, offline: bool = False
) -> Preview:
    """Run a month beside the workspace; its pages go to `pages`, where that is given.

    Raises ConfigError where that lies among what the workspace keeps.
    """
    kept = (workspace.inbox, *workspace.folders)
    if pages and any(pages.resolve().is_relative_to(folder) for folder in kept):
        raise ConfigError(f"{pages} belongs to the workspace, which a preview leaves as it is; name another folder.")
    with workspace.lock(), _beside(workspace, period) as aside:
        month = Month(aside, period, as_of, offline=offline)
        for step in STEPS:
            step(month)
        if pages:
            share(publish.waiting(aside, period), workspace.reports)
            shutil.copytree(publish.waiting(aside, period), pages, dirs_exist_ok=True)
        return Preview(_by_rule(Warehouse(aside.tables), period), steps.not_accepted(aside, period))


def _by_rule(warehouse: Warehouse, period: str) -> pl.DataFrame:
    """One row a rule that has something to tell: rule, open, new, settled."""
    listed = warehouse.read("exceptions", period=period)
    changed = warehouse.read("exception_history", period=period).select(
        "exception_id",
        came=pl.col("why").is_in(["new", "returned"]),
        went=~pl.col("to_status").is_in(OPEN_STATUSES),
    )
    return (
        listed.join(changed, on="exception_id", how="left")
        .group_by("rule")
        .agg(
            pl.col("status").is_in(OPEN_STATUSES).sum().alias("open"),
            pl.col("came").sum().alias("new"),
            pl.col("went").sum().alias("settled"),
        )
        .sort("rule")
    )


@contextmanager
def _beside(workspace: Workspace, period: str) -> Iterator[Workspace]:
    """The workspace with folders of its own for everything that a run writes, what earlier months left included."""
    with TemporaryDirectory(prefix=UNFINISHED, dir=workspace.warehouse) as folder:
        aside = workspace.moved(Path(folder), "warehouse", "landing", "decisions", "reports", "published")
        aside.warehouse.mkdir()
        decided = decisions.log_of(workspace).parent
        if decided.exists():
            shutil.copytree(decided, decisions.log_of(aside).parent)
        Warehouse(aside.tables).take_over(Warehouse(workspace.tables))
        for other in landing.landed_periods(workspace):
            kept = landing.recall(workspace, other)
            if kept and other != period:
                landing.record(aside, other, kept)
        yield aside
