"""Gives the results to everybody: one database file, swapped whole, that readers keep open as long as they like."""

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from checks.expectations import CRITICAL
from pipelines import anchors, crash, decisions
from pipelines.anchors import KEPT, PUBLISHED
from pipelines.closed import Closing
from pipelines.errors import TieoutError
from pipelines.intake import staged_table
from pipelines.warehouse import PERIOD, Shown, Warehouse, contents
from pipelines.whole import UNFINISHED, make_shared, place, place_all, sha256_of, share, unfinished
from pipelines.workspace import Workspace
from tieout import digest
from tieout.feeds import FEEDS
from tieout.published import TABLES

EXPECTED = "expectations"
"""The table of what a month was held against, and what came of it."""
FINGERPRINTS = "fingerprints"
"""The private table of what the months of published tables came to, by what their files hold."""


def publish(workspace: Workspace, warehouse: Warehouse, latest: str) -> int:
    """Build the published database beside the old one, and let it and the pages that wait take their places together.

    Returns its number of rows. `latest` is the newest month that is complete. Raises TieoutError if its rows are not
    what the verdicts allow, or break what is expected of them.
    """
    _hold_against_verdicts(warehouse, latest)
    _hold_against_expectations(warehouse, latest)
    log = decisions.read(workspace)
    anchors.vouch_for_decisions(workspace, log)
    warehouse.write("anchors", anchors.state(workspace, log), latest)
    target = workspace.published_database
    shown = {
        name: Shown(table.stored_as or name, table.doc, table.columns, latest if table.latest_only else None)
        for name, table in TABLES.items()
    }
    with ThreadPoolExecutor() as beside:  # the database waits for the disk, fingerprints for one core
        fingerprinted = beside.submit(_fingerprints, warehouse, shown, latest)
        building, rows = _build(warehouse, target, shown)
    gone = {name: None for name in anchors.vouched(anchors.read(workspace)) if name.startswith(PUBLISHED)}
    there = {f"{PUBLISHED}{name}": text for name, text in fingerprinted.result().items()}
    vouching = anchors.prepared(workspace, {**gone, **there})
    share(building, workspace.published)
    waiting = sorted(workspace.reports.glob(f"{UNFINISHED}*"))
    pages, left = _pages(workspace, waiting)
    crash.point("pages-ready")
    place_all(workspace.switch, workspace.root, {**pages, target: building, **vouching}, left)
    for folder in waiting:
        shutil.rmtree(folder)
    return rows


def set_aside(workspace: Workspace, warehouse: Warehouse, folder: Path, closing: Closing) -> None:
    """Write a database of one month alone into the folder in which what is kept of it is made, and vouch for it all."""
    shown = {name: Shown(t.stored_as or name, t.doc, t.columns, closing.period) for name, t in TABLES.items()}
    target = folder / "tieout.duckdb"
    building, _ = _build(warehouse, target, shown)
    place(building, target)
    kept = sorted(path for path in folder.rglob("*") if path.is_file())
    name = anchors.name_of(KEPT, workspace.published / "closed", closing.kept_in(workspace))
    anchors.vouch(workspace, {f"{name}/{path.relative_to(folder).as_posix()}": sha256_of(path) for path in kept})


def fingerprints(database: Path) -> dict[str, str]:
    """Fingerprints of each table's columns and of each month of it; raises QueryError when it is no whole database."""
    found = {}
    for table, frame in contents(database):
        found[table] = digest.of_table(frame.clear())
        for (period,), rows in frame.partition_by(PERIOD, as_dict=True).items():
            found[f"{table}/{period}"] = digest.of_table(rows)
    return found


def in_words(broken: pl.DataFrame) -> list[str]:
    """What does not hold, a sentence each, with some of what breaks it."""
    sentence, found = pl.format("it does not hold that {} {}", "about", "says"), pl.col("examples").list.join("; ")
    with_examples = pl.when(found == "").then(sentence).otherwise(pl.format("{} ({})", sentence, found))
    return broken.select(with_examples.alias("told"))["told"].to_list()


def waiting(workspace: Workspace, period: str) -> Path:
    """The folder in which a month's pages wait until its database is ready, too."""
    return workspace.reports / f"{UNFINISHED}{period}"


def _fingerprints(warehouse: Warehouse, shown: Mapping[str, Shown], latest: str) -> dict[str, str]:
    """The same of a database made of these tables; months whose files are as they were are not read again."""
    before = warehouse.read(FINGERPRINTS)
    known = dict(before.select("rows", "fingerprint").iter_rows()) if before.width else {}
    found, told = {}, {}
    for table, show in shown.items():
        found[table] = digest.of_table(pl.DataFrame(schema=dict.fromkeys(show.columns, pl.String)))
        for period, file in warehouse.files(show.table).items():
            if show.period in (None, period):
                rows = digest.of_value([digest.WAY, sha256_of(file), *show.columns])
                if rows not in known:
                    frame = warehouse.read(show.table, period=period, columns=list(show.columns))
                    known[rows] = None if frame.is_empty() else digest.of_table(frame)
                told[rows] = known[rows]
                if fingerprint := known[rows]:
                    found[f"{table}/{period}"] = fingerprint
    warehouse.write(FINGERPRINTS, pl.DataFrame({"rows": told.keys(), "fingerprint": told.values()}), latest)
    return found


def _pages(workspace: Workspace, waiting: Sequence[Path]) -> tuple[dict[Path, Path], list[Path]]:
    """The pages that wait, place → page, and those there are of owners who have nothing any more.

    What people laid beside them stays.
    """
    pages: dict[Path, Path] = {}
    left = []
    for folder in waiting:
        month = workspace.reports / folder.name.removeprefix(UNFINISHED)
        share(folder, workspace.reports)
        for page in sorted(path for path in folder.rglob("*") if path.is_file()):
            target = month / page.relative_to(folder)
            make_shared(target.parent, workspace.reports)
            pages[target] = page
        for page in sorted(month.glob("*/*.html")):
            if page not in pages:
                left += [page, page.with_suffix(".xlsx")]
    return pages, left


def _build(warehouse: Warehouse, target: Path, shown: Mapping[str, Shown]) -> tuple[Path, int]:
    """A database beside the place it is for, and its number of rows."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = unfinished(target)
    rows = warehouse.publish(building, shown)
    crash.point("database-built")
    return building, rows


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


def _hold_against_expectations(warehouse: Warehouse, period: str) -> None:
    """Whatever led here, nothing may be published that was found to break what must hold."""
    rows = warehouse.read(EXPECTED, period=period)
    broken = rows.filter(~pl.col("held") & (pl.col("severity") == CRITICAL)) if rows.width else rows
    if broken.height:
        others = f" (and {broken.height - 1} more)" if broken.height > 1 else ""
        raise TieoutError(
            f"{period} is not published, because its results contradict what they promise: {in_words(broken)[0]}"
            f"{others}; run `tieout rebuild`, and report it if that does not help."
        )
