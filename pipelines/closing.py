"""Signing off a month: what stands in the way, what is frozen, what is kept."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from pipelines import __version__, crash, decisions, landing, publish, steps
from pipelines.again import results
from pipelines.closed import SUBJECT, Closing, Manifest, closed, keep, purged, refuse_purged
from pipelines.decisions import Act, Asked, reclaim_of
from pipelines.errors import ConfigError, TieoutError
from pipelines.interrupted import refuse_half_done
from pipelines.pledges import pledged
from pipelines.steps import RUNS, Month
from pipelines.warehouse import PERIOD, Warehouse
from pipelines.whole import make_shared, place, share, sweep, unfinished
from pipelines.workspace import Workspace, end_of_period
from tieout import digest, policy_changes
from tieout.chain import head
from tieout.decisions import Proposal, Standing, not_corrected
from tieout.feeds import FEEDS


def close(workspace: Workspace, period: str, preparer: str, reviewer: str, act: Act, role: str | None) -> Closing:
    """Sign off a month under one content hash.

    Raises TieoutError, which lists everything that stands in the way.
    """
    with workspace.lock():
        sweep(workspace.folders)
        refuse_purged(workspace, period)
        refuse_half_done(workspace, period)
        _hold_ran(workspace, period)
        obstacles = list(_obstacles(workspace, period, act.at))
        if obstacles:
            raise TieoutError(f"{period} cannot be closed: {'; '.join(obstacles)}.")
        manifest = freeze(workspace, period)
        proposal = Proposal(
            exception_id=f"{SUBJECT}{period}",
            kind="close",
            who=preparer,
            approver=reviewer,
            role=role,
            comment="; ".join(manifest.conditions) or None,
        )
        content = keep(workspace, manifest)
        _record(workspace, proposal, act, content, dry_run=True)
        with pledged(workspace, "show", {"months": [period]}):
            _record(workspace, proposal, act, content)
            _show(workspace, [period])
        return closed(workspace)[period]


def reopen(
    workspace: Workspace, period: str, preparer: str, reviewer: str, act: Act, role: str | None, reason: str
) -> Closing:
    """Let a closed month change again; what was signed stays kept beside what will be."""
    with workspace.lock():
        sweep(workspace.folders)
        closing = closed(workspace).get(period)
        if closing is None:
            raise ConfigError(f"{period} is not closed; the closed months are {_listed(closed(workspace))}.")
        later = [other for other in closed(workspace) if other > period]
        if later:
            raise TieoutError(
                f"{period} cannot be reopened: {min(later)} is closed and builds on it; reopen that first."
            )
        proposal = Proposal(
            exception_id=f"{SUBJECT}{period}", kind="reopen", who=preparer, approver=reviewer, role=role, reason=reason
        )
        _record(workspace, proposal, act, closing.content, dry_run=True)
        with pledged(workspace, "show", {"months": [period]}):
            _record(workspace, proposal, act, closing.content)
            _show(workspace, [period])
        return closing


def show_again(workspace: Workspace, said: Mapping[str, Any]) -> None:
    """Show the months that a command had changed, or was about to, when it was killed."""
    _show(workspace, said["months"])


def freeze(workspace: Workspace, period: str) -> Manifest:
    """Everything a month's results follow from, with a fingerprint of each result."""
    delivered = landing.recall(workspace, period)
    assert delivered is not None  # it ran
    log = decisions.read(workspace)
    warehouse = Warehouse(workspace.tables)
    tables = results(warehouse, period)
    runs = warehouse.read("rule_runs", period=period)
    conditions = tuple(_conditions(warehouse, period))
    return Manifest(
        period=period,
        tieout=__version__,
        settings=workspace.settings.model_dump(mode="json"),
        delivered=delivered,
        rules=dict(runs.select("rule", "rule_hash").sort("rule").iter_rows()),
        decisions=len(log),
        chain_head=head(log),
        tables=digest.of_tables(tables),
        conditions=conditions,
    )


def put_aside(workspace: Workspace) -> None:
    """Keep what was signed, for good: pages and a database of its own for every closed month that has none yet."""
    for closing in closed(workspace).values():
        folder = closing.kept_in(workspace)
        if not folder.exists():
            make_shared(folder.parent, workspace.published)
            making = unfinished(folder)
            shutil.copytree(workspace.reports / closing.period, making / "reports")
            publish.set_aside(workspace, Warehouse(workspace.tables), making, closing)
            share(making, workspace.published)
            place(making, folder)
            crash.point("month-kept")


# -- inside ----------------------------------------------------------------------------------------------------------


def _hold_ran(workspace: Workspace, period: str) -> None:
    runs = Warehouse(workspace.tables).read(RUNS)
    months = runs[PERIOD].to_list() if runs.width else []
    if period not in months:
        raise ConfigError(f"{period} never ran to its end; the months that did are {_listed(months)}.")
    if period in closed(workspace):
        raise TieoutError(f"{period} is closed already; to change it, reopen it with `tieout reopen {period}`.")
    judged_at = runs.filter(pl.col(PERIOD) == period)["as_of"].item()
    if judged_at < end_of_period(period, workspace.settings.zone):
        raise TieoutError(f"{period} was judged at {judged_at:%Y-%m-%d}, before its end; run it again, then close it.")


def _obstacles(workspace: Workspace, period: str, at: datetime) -> Iterator[str]:
    """Everything that stands in the way of signing a month off, a sentence each."""
    today = at.astimezone(workspace.settings.zone).date()
    log = not_corrected(decisions.read(workspace))
    warehouse = Warehouse(workspace.tables)
    sources = warehouse.read("sources", period=period)
    exceptions = warehouse.read("exceptions", period=period)
    since = policy_changes.unsigned(period, {*closed(workspace), *purged(workspace)})
    changes = warehouse.read("policy_changes", upto=period).filter(since)
    runs = warehouse.read("rule_runs", period=period)
    candidates = warehouse.read("reclaim_candidates", period=period).height
    required = _required(workspace, period)
    for feed, source, verdict, override in sources.select("feed", "source", "verdict", "override").iter_rows():
        if verdict == "RED" and (feed, source) in required and override is None:
            yield f"the required source {feed}/{source} is missing or refused (see `tieout accept`)"
    landed = sources.select(wrong=pl.col("landed") != pl.sum_horizontal("used", "duplicate", "quarantined"))
    parts = ("fired", "superseded", "exempt", "clean", "unknown", "not_evaluated")
    divided = runs.select(wrong=pl.col("population") != pl.sum_horizontal(parts))
    if landed["wrong"].any():
        yield "rows landed are not rows used, duplicate and quarantined"
    if divided["wrong"].any():
        yield "the population of a rule is not the sum of its parts"
    decided = [entry.exception_id for entry in log if entry.at <= at]
    late = exceptions.filter(
        (pl.col("severity") == "critical")
        & (pl.col("status") == "open")
        & (pl.col("due_on") < today)
        & ~pl.col("exception_id").is_in(decided)
    )
    for rule, subject, due in late.select("rule", "subject", "due_on").sort("rule", "subject").iter_rows():
        yield f"nobody decided about {rule} {subject}, which is critical and was due on {due}"
    approvals = {entry.exception_id for entry in log if entry.kind == "approve"}
    loosening = changes.filter(pl.col("loosened").fill_null(True) & pl.col("approver").is_null())
    for month, what, change in loosening.select(PERIOD, "what", "change_id").sort(PERIOD, "what").iter_rows():
        if change not in approvals:
            yield f"nobody approved the change of {what} in {month} (`tieout decide {change} --as approve`)"
    reclaim = reclaim_of(workspace, period)
    signed = [entry for entry in log if entry.exception_id == reclaim.exception_id and entry.kind == "approve"]
    if candidates and not signed:
        yield f"nobody signed the reclaim (`tieout decide {reclaim.exception_id} --as approve`)"
    elif candidates and signed[-1].document != reclaim.content:
        yield f"the reclaim that {signed[-1].who} signed has changed since; sign it again"


def _required(workspace: Workspace, period: str) -> set[tuple[str, str]]:
    """The sources a month cannot do without: state feeds, but those declared optional, and what is declared so."""
    delivered = landing.recall(workspace, period)
    assert delivered is not None
    sources = [snapshot.source for snapshot in delivered.snapshots]
    return {
        (source.feed, source.name)
        for source in sources
        if (FEEDS[source.feed].is_state if source.required is None else source.required)
    }


def _conditions(warehouse: Warehouse, period: str) -> Iterator[str]:
    """The shortfalls a month is closed with, a sentence each."""
    for feed, source, verdict, override in (
        warehouse.read("sources", period=period)
        .select("feed", "source", "verdict", "override")
        .sort("feed", "source")
        .iter_rows()
    ):
        if verdict != "GREEN" or override:
            yield f"{feed}/{source} is {verdict}{f' ({override})' if override else ''}"
    runs = warehouse.read("rule_runs", period=period)
    silent = runs.filter(pl.col("not_evaluated") > 0)["rule"].sort().to_list()
    idle = runs.filter(pl.col("reason").is_not_null())["rule"].sort().to_list()
    if unjudged := sorted({*silent, *idle}):
        yield f"not or not wholly evaluated: {', '.join(unjudged)}"
    waived = warehouse.read("exceptions", period=period).filter(pl.col("status") == "waived").height
    if waived:
        yield f"{waived} exceptions are waived"


def _record(workspace: Workspace, proposal: Proposal, act: Act, content: str, *, dry_run: bool = False) -> None:
    about = Standing(
        exception_id=proposal.exception_id,
        rule="month",
        subject=proposal.exception_id.removeprefix(SUBJECT),
        status="open",
        value=None,
        value_kind=None,
        is_event=False,
        about="period",
        content=content,
    )
    decisions.record_one(workspace, Asked(1, proposal.exception_id, proposal), about, act, dry_run=dry_run)


def _show(workspace: Workspace, months: Sequence[str]) -> None:
    """Let the pages of months and the published database tell their new state, and keep what was signed of them."""
    warehouse = Warehouse(workspace.tables)
    for period in months:
        steps.keep_state(Month(workspace, period), warehouse)
    for period in months:
        steps.render(Month(workspace, period))
    steps.publish(Month(workspace, months[-1]))
    crash.point("months-shown")
    put_aside(workspace)


def _listed(months: Iterable[str]) -> str:
    return ", ".join(sorted(months)) or "none"
