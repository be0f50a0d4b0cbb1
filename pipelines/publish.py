"""Gives the results to everybody: one database file, swapped whole, that readers keep open as long as they like."""

import os
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from pipelines.errors import TieoutError
from pipelines.intake import staged_table
from pipelines.landing import settle
from pipelines.warehouse import PERIOD, Shown, Warehouse
from pipelines.workspace import Workspace
from tieout.feeds import FEEDS
from tieout.published import TABLES


def publish(workspace: Workspace, warehouse: Warehouse, latest: str) -> int:
    """Build the published database beside the old one and put it in its place; returns its number of rows.

    `latest` is the newest month that is complete. Raises TieoutError if its rows are not what the verdicts allow.
    """
    _hold_against_verdicts(warehouse, latest)
    target = workspace.published_database
    sweep(workspace)
    return _write(
        warehouse,
        target,
        {
            name: Shown(table.stored_as or name, table.doc, table.columns, latest if table.latest_only else None)
            for name, table in TABLES.items()
        },
    )


def set_aside(warehouse: Warehouse, target: Path, period: str) -> None:
    """Write a database of one month alone, to be kept."""
    shown = {name: Shown(t.stored_as or name, t.doc, t.columns, period) for name, t in TABLES.items()}
    _write(warehouse, target, shown)


def _write(warehouse: Warehouse, target: Path, shown: Mapping[str, Shown]) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.{os.getpid()}.building")
    rows = warehouse.publish(building, shown)
    settle(building)
    building.replace(target)
    settle(target.parent)
    return rows


def sweep(workspace: Workspace) -> None:
    """Remove what a killed run left half built; only under the workspace's lock."""
    for leftover in workspace.published.glob(".*.building*"):
        leftover.unlink()


def _hold_against_verdicts(warehouse: Warehouse, period: str) -> None:
    """The order of steps is no gate: whatever led here, no row of a refused delivery may be among those used."""
    sources = warehouse.read("sources", period=period, columns=["feed", "source", "verdict"])
    accepted = set(sources.filter(pl.col("verdict") != "RED").select("feed", "source").iter_rows())
    for feed in FEEDS.values():
        rows = warehouse.read(staged_table(feed), period=period, columns=[PERIOD, "_source"])
        used = set(rows["_source"].unique()) if rows.width else set()
        for source in sorted(used):
            if (feed.name, source) not in accepted:
                raise TieoutError(
                    f"{period} holds rows of {feed.name}/{source}, which is not accepted; run the month again."
                )
