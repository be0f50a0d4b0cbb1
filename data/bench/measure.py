"""One measurement in a process of its own: `python -m data.bench.measure WHAT WORKSPACE` prints it as JSON.

The month measured is the first of the workspace. Wall and CPU seconds; peak memory in MB, of the whole process.
"""

import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from checks.rules import discover
from data.bench import engine
from data.bench.company import PERIODS
from pipelines import again, expected, steps
from pipelines.steps import Month
from pipelines.warehouse import Shown, Warehouse
from pipelines.workspace import Workspace
from tieout import facts
from tieout.docket import judge_all
from tieout.facts.ground import Ground
from tieout.published import TABLES

PERIOD = PERIODS[0]
TODAY = date(2026, 7, 31)
HISTORY = 36
STEPS = (
    steps.pull,
    steps.reconcile,
    steps.age,
    again.adjust,
    steps.figure,
    expected.expect,
    steps.render,
    steps.publish,
)
_COMMAND = "from pipelines.cli import main; main()"
Times = dict[str, dict[str, float]]


def month(workspace: Workspace, times: Times) -> None:
    """Every step of a month, from the inbox to the published database and the pages; leaves the workspace so."""
    _clear(workspace)
    with _timed(times, "month"):
        for step in STEPS:
            with _timed(times, step.__name__):
                step(Month(workspace, PERIOD))


def second(workspace: Workspace, times: Times) -> None:
    """The month after the one measured, which it builds on."""
    with _timed(times, "second"):
        for step in STEPS:
            step(Month(workspace, PERIODS[1]))


def history(workspace: Workspace, times: Times) -> None:
    """The second month again, with 36 months behind it instead of one: each as the first was, events told anew.

    What changed in the first of them changed in none of the others. They are published, as the run before left them.
    """
    warehouse = Warehouse(workspace.tables)
    last = int(PERIOD[:4]) * 12 + int(PERIOD[5:])
    before = [f"{(month - 1) // 12}-{(month - 1) % 12 + 1:02}" for month in range(last - HISTORY + 1, last + 1)]
    with warehouse.transaction():
        for table in warehouse.tables():
            rows = warehouse.read(table, period=PERIOD)
            later = rows.clear() if table == "exception_history" else rows
            for number, period in enumerate(before if rows.width else ()):
                warehouse.write(table, later if number else rows, period)
        warehouse.drop(PERIODS[1])
    steps.publish(Month(workspace, PERIOD))
    with _timed(times, "history"):
        for step in STEPS:
            step(Month(workspace, PERIODS[1]))


def command(workspace: Workspace, times: Times) -> None:
    """The month by the command itself: Python's start, Dagster and its records included."""
    _clear(workspace)
    with _timed(times, "command"):
        _call("-c", _COMMAND, "run", "--quiet", "--period", PERIOD, "--workspace", str(workspace.root))


def start(workspace: Workspace, times: Times) -> None:
    """How long the command takes to say how it is used, and the library to be loaded that it is made with.

    Each was called before: what a large month left of the disk's cache is no matter of either.
    """
    calls = {"help": ("-c", _COMMAND, "--help"), "typer": ("-c", "import typer")}
    for asked in calls.values():
        _call(*asked)
    for name, asked in calls.items():
        with _timed(times, name):
            _call(*asked)


def floor(workspace: Workspace, times: Times) -> None:
    """Reading the same inputs once, and writing the same outputs once, with nothing in between."""
    kept = Warehouse(workspace.tables)
    tables = {name: kept.read(name, period=PERIOD) for name in kept.tables()}
    shown = {name: Shown(t.stored_as or name, t.doc, t.columns, PERIOD) for name, t in TABLES.items()}
    pages = [path.read_bytes() for path in sorted((workspace.reports / PERIOD).rglob("*")) if path.is_file()]
    with TemporaryDirectory() as folder, _timed(times, "floor"):
        for path in sorted((workspace.inbox / PERIOD).iterdir()):
            pl.read_parquet(path)
        warehouse = Warehouse(Path(folder) / "tables")
        warehouse.write_all(tables, PERIOD)
        warehouse.publish(Path(folder) / "published.duckdb", shown)
        for number, page in enumerate(pages):
            (Path(folder) / str(number)).write_bytes(page)


def sql(workspace: Workspace, times: Times) -> dict[str, set[str]]:
    """The twelve rules as hand-written SQL."""
    with _timed(times, "sql"):
        return engine.ask(workspace.tables, workspace.settings, PERIOD, TODAY)


def rules(workspace: Workspace, times: Times) -> dict[str, set[str]]:
    """The same twelve rules by the house, evidence and owners included."""
    return _judged(workspace, times, "rules", list(engine.RULES))


def script(workspace: Workspace, times: Times) -> dict[str, set[str]]:
    """Five of them as a pandas script."""
    from data.bench import script as pandas_script

    with _timed(times, "script"):
        return pandas_script.ask(workspace.inbox / PERIOD, TODAY)


def five(workspace: Workspace, times: Times) -> dict[str, set[str]]:
    """The same five rules by the house."""
    names = ["below-minimum", "overstock", "lease-overdue", "duplicate-asset-tag", "live-account-of-leaver"]
    return _judged(workspace, times, "five", names)


def managed(workspace: Workspace, times: Times) -> None:
    """The register held against device management, both ways."""
    _judged(workspace, times, "managed", ["unmanaged-device", "unregistered-device"])


MEASURED: dict[str, Callable[[Workspace, Times], Any]] = {
    one.__name__: one for one in (month, floor, sql, rules, script, five, managed, second, history, command, start)
}


def _judged(workspace: Workspace, times: Times, name: str, slugs: list[str]) -> dict[str, set[str]]:
    asked = [rule for rule in discover() if rule.slug in slugs]
    with _timed(times, name):
        world = steps.world_of(Month(workspace, PERIOD), Warehouse(workspace.tables))
        found = judge_all(asked, facts.of_records(Ground(world)), world)["findings"]
    fired = found.filter(pl.col("outcome").is_in(["fired", "superseded", "exempt"]))
    return {slug: set(fired.filter(pl.col("rule") == slug)["subject_key"]) for slug in slugs}


def _clear(workspace: Workspace) -> None:
    """Take away whatever was made of the inbox."""
    for made in (workspace.landing, workspace.warehouse, workspace.decisions, workspace.published, workspace.reports):
        shutil.rmtree(made, ignore_errors=True)


def _call(*arguments: str) -> None:
    """Run Python; raises CalledProcessError where that fails."""
    subprocess.run([sys.executable, "-W", "ignore", *arguments], check=True, capture_output=True)


@contextmanager
def _timed(times: Times, name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), _cpu()
    yield
    times[name] = {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu}


def _cpu() -> float:
    """Seconds of CPU that this process took, and those it called."""
    took = os.times()
    return took.user + took.system + took.children_user + took.children_system


def main() -> None:
    """Measure what is named, and say what it found by rule where it finds anything."""
    logging.disable(logging.WARNING)
    what, times = sys.argv[1], Times()
    found = MEASURED[what](Workspace.open(Path(sys.argv[2])), times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    by_rule = {rule: sorted(subjects) for rule, subjects in (found or {}).items()}
    sys.stdout.write(json.dumps({"times": times, "peak_mb": peak, "found": by_rule}) + "\n")


if __name__ == "__main__":
    main()
