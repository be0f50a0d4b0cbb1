"""Forgets people: what is older than it need be is taken away, and what must stay no longer says who it was about."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from connectors import files
from pipelines import anchors, collecting, crash, decisions, delivery, landing, publish, sending, steps
from pipelines.anchors import KEPT, LANDED, SIGNED
from pipelines.closed import closed, purged
from pipelines.decisions import Act, Asked
from pipelines.errors import ConfigError
from pipelines.interrupted import refuse_half_done
from pipelines.pledges import pledged
from pipelines.sample import workpapers
from pipelines.steps import RUNS, Month
from pipelines.warehouse import PERIOD, Warehouse
from pipelines.whole import sha256_of, sweep
from pipelines.workspace import Workspace, check_period
from tieout import personal
from tieout.chain import tombstones
from tieout.decisions import PURGE, Proposal, Standing
from tieout.feeds import FEEDS


@dataclass(frozen=True)
class Purged:
    """What a purge takes away: the months, those held although they are old, and how many texts that name somebody."""

    months: tuple[str, ...]
    held: tuple[str, ...]
    people: int


def look(workspace: Workspace, before: str, at: datetime) -> Purged:
    """What a purge would take away; raises ConfigError where the retention forbids it."""
    keeps, earlier = workspace.settings.retention, [one.removeprefix(PURGE) for one in _earlier(workspace)]
    if earlier and before < max(earlier):
        raise ConfigError(f"what lies before {max(earlier)} was purged already; name that month or a later one.")
    latest = f"{at.year - keeps.evidence_years}-{at:%m}"
    if check_period(before) > latest:
        raise ConfigError(
            f"evidence is kept for {keeps.evidence_years} years ([retention] evidence_years), so that nothing from "
            f"{latest} on may be purged; name a month up to {latest}."
        )
    old = [period for period in _months(workspace) if period < before]
    months = tuple(period for period in old if not keeps.holds(period))
    return Purged(months, tuple(period for period in old if period not in months), len(_forgotten(workspace, before)))


def purge(workspace: Workspace, before: str, who: str, approver: str, reason: str, act: Act) -> Purged:
    """Purge every month before one, but those that are held; raises TieoutError when it is refused."""
    with workspace.lock():
        sweep(workspace.folders)
        refuse_half_done(workspace, "9999-12")
        found = look(workspace, before, act.at)
        asked = Proposal(
            exception_id=f"{PURGE}{before}", kind="purge", who=who, approver=approver, reason=reason,
            comment=", ".join(found.months),
        )  # fmt: skip
        _record(workspace, before, asked, act, dry_run=True)
        with pledged(workspace, "purge", {"asked": asked.model_dump(mode="json"), "at": act.at.isoformat()}):
            _carry_out(workspace, before, asked, act)
        return found


def purge_again(workspace: Workspace, said: Mapping[str, Any]) -> None:
    """Carry out the purge that was under way when it was killed."""
    asked, act = Proposal.model_validate(said["asked"]), Act(datetime.fromisoformat(said["at"]), "cli")
    _carry_out(workspace, asked.exception_id.removeprefix(PURGE), asked, act)


# -- inside ----------------------------------------------------------------------------------------------------------


def _carry_out(workspace: Workspace, before: str, asked: Proposal, act: Act) -> None:
    """Take away and forget; the names are known from the tables and the log, so that each of these goes whole."""
    months = [month for month in (asked.comment or "").split(", ") if month]
    if not any(entry.kind == "purge" and entry.at == act.at for entry in decisions.read(workspace)):
        _clear_tables(workspace, before, months)
        crash.point("tables-cleared")
        _clear_files(workspace, months)
        crash.point("files-cleared")
        sending.forget(workspace, before)
        _record(workspace, before, asked, act)
    _clear_imports(workspace)
    _show(workspace)


def _months(workspace: Workspace) -> list[str]:
    """Every month of which there is anything."""
    ran = Warehouse(workspace.tables).periods(RUNS)
    return sorted({*ran, *landing.landed_periods(workspace)})


def _earlier(workspace: Workspace) -> list[str]:
    return [entry.exception_id for entry in decisions.read(workspace) if entry.kind == "purge"]


def _forgotten(workspace: Workspace, before: str) -> pl.Series:
    """The texts that say who somebody is, or quote who decided, in the months to be purged and nowhere else."""
    holds = workspace.settings.retention.holds
    is_old = (pl.col(PERIOD) < before) & ~pl.col(PERIOD).map_elements(holds, pl.Boolean)
    gone, kept = {}, {}
    warehouse = Warehouse(workspace.tables)
    for name in FEEDS:
        rows = warehouse.read(f"staged_{name}")
        if rows.width:
            gone[name], kept[name] = rows.filter(is_old), rows.filter(~is_old)
    log = decisions.read(workspace)
    left = tombstones(log, before, holds).entries
    said = {text for was, now in zip(log, left, strict=True) if was != now for text in was.words}
    still_said = {text for was, now in zip(log, left, strict=True) if was == now for text in was.words}
    old = pl.concat([personal.named(gone), pl.Series(sorted(said - still_said), dtype=pl.String)])
    return old.filter(~old.is_in(personal.named(kept).implode())).unique().sort()


def _record(workspace: Workspace, before: str, asked: Proposal, act: Act, *, dry_run: bool = False) -> None:
    """Enter the purge in the log, and leave of the decisions before it what says nothing of a person."""
    about = Standing(
        exception_id=asked.exception_id, rule="months before", subject=before, status="open", value=None,
        value_kind=None, is_event=False, about="period",
    )  # fmt: skip
    left = tombstones(decisions.read(workspace), before, workspace.settings.retention.holds)
    said = asked.model_copy(update={"document": left.sha256})
    decisions.record_one(workspace, Asked(1, said.exception_id, said), about, act, left.entries, dry_run)


def _clear_imports(workspace: Workspace) -> None:
    """Take away the files that no decision names any more, and what was answered to them."""
    known = {entry.file for entry in decisions.read(workspace) if entry.file}
    for original in (decisions.log_of(workspace).parent / "imports").glob("*"):
        if original.name.split(".")[0] not in known:
            original.unlink()
    for original in collecting.imported(workspace):
        if sha256_of(original) not in known:
            collecting.receipts_of(workspace, original).unlink(missing_ok=True)
            original.unlink()


def _clear_files(workspace: Workspace, months: Sequence[str]) -> None:
    """Take away what landed, was dropped, shown, sampled, kept and signed of the months."""
    dropped = delivery.dropped(workspace)
    for period in months:
        for folder in _folders(workspace, period):
            shutil.rmtree(folder, ignore_errors=True)
        for path in (*dropped.get(period, ()), *workpapers(workspace, period)):
            if path.is_relative_to(workspace.root):
                path.unlink(missing_ok=True)
                files.control_of(path).unlink(missing_ok=True)
        for path in anchors.signed_in(workspace).glob(f"{period}.*.json"):
            path.unlink()
    (workspace.warehouse / "last-failure.txt").unlink(missing_ok=True)
    ends = ((LANDED, "/"), (KEPT, "/"), (SIGNED, "."))
    gone = tuple(f"{kind}{period}{end}" for period in months for kind, end in ends)
    known = anchors.vouched(anchors.read(workspace))
    anchors.vouch(workspace, {name: None for name in known if name.startswith(gone)})


def _folders(workspace: Workspace, period: str) -> Iterator[Path]:
    yield workspace.landing / period
    yield workspace.inbox / period
    yield workspace.reports / period
    yield workspace.published / "closed" / period


def _clear_tables(workspace: Workspace, before: str, months: Sequence[str]) -> None:
    """Leave rows without those whom they were about, in files that never held them."""
    forgotten = _forgotten(workspace, before)
    warehouse = Warehouse(workspace.tables)
    with warehouse.transaction():
        for table in warehouse.tables():
            for period in warehouse.periods(table):
                rows = warehouse.read(table, period=period)
                left = personal.of_purged_month(table, rows) if period in months else rows
                left = personal.without(table, left, forgotten)
                if table == RUNS and period in months:
                    left = left.with_columns(pl.lit("purged").alias("state"))
                if not left.equals(rows):
                    warehouse.write(table, left, period)


def _show(workspace: Workspace) -> None:
    """Publish what is left, and the pages of the months that are not sealed."""
    warehouse = Warehouse(workspace.tables)
    ran = warehouse.periods(RUNS)
    sealed = {*closed(workspace), *purged(workspace)}
    for period in ran:
        if period not in sealed:
            steps.render(Month(workspace, period))
    if ran:
        publish.publish(workspace, Warehouse(workspace.tables), ran[-1])
