"""The steps of a month: pull, reconcile, age, figure, render, publish.

Each reads what it needs from the warehouse, leaves its result there and says one line of progress. Dagster asks for
nothing else.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import polars as pl

import reports
from checks.expectations import EXPECTATIONS
from checks.rules import categories
from pipelines import __version__, anchors, catalogue, crash, delivery, intake, landing, late, verify
from pipelines import decisions as decision_log
from pipelines import publish as publishing
from pipelines.closed import closings, refuse_sealed
from pipelines.errors import TieoutError
from pipelines.landing import Delivered, Snapshot
from pipelines.warehouse import PERIOD, Warehouse
from pipelines.whole import write_whole
from pipelines.workspace import Workspace, end_of_period
from tieout import chain, controls, decisions, exceptions, figures, policy, policy_changes, savings
from tieout import reconcile as domain
from tieout.feeds import FEEDS, Feed
from tieout.once import Afresh, Each
from tieout.published import TABLES
from tieout.pull import Fetched
from tieout.settings import Source
from tieout.tie_out import InequalityError, tie_out
from tieout.world import BOOKKEEPING, World

log = logging.getLogger("tieout")

RUNS = "periods"
"""The table of months that are complete: when they were judged, and whether they are signed off."""
PERIODS = {
    "as_of": pl.Datetime("us", "UTC"), "tieout": pl.String(), "state": pl.String(), "version": pl.Int64(),
    "content": pl.String(), "preparer": pl.String(), "reviewer": pl.String(),
    "closed_at": pl.Datetime("us", "UTC"), "conditions": pl.String(),
}  # fmt: skip
MEMORY = "memory_"
"""Tables whose name begins so are what one period keeps for the next."""
_UNTIL_ALL_ARE_KNOWN = {"findings", "rule_runs", "source_exceptions", "memory_people", "memory_person_keys"}
"""Tables that a month keeps when all of it is judged: they are added to, or tell who people are."""


@dataclass(frozen=True)
class Month:
    """The month a run is for. Without `as_of` it is judged at its end; a replay reads what landed.

    Offline, no source is asked over the network: what it delivered for the month before counts.

    With `delivered` it takes in just that: a closed month, performed again beside the warehouse.
    """

    workspace: Workspace
    period: str
    as_of: datetime | None = None
    replay: bool = False
    offline: bool = False
    delivered: Delivered | None = None


@dataclass(frozen=True)
class Pulled:
    """What a pull brought: one row a source, and per feed the number of its rows and the first few of them."""

    sources: pl.DataFrame
    rows: Mapping[str, int]
    first: Mapping[str, pl.DataFrame]


def pull(month: Month) -> Pulled:
    """Land every delivery of the month, judge it and take it in."""
    for loose in catalogue.exposed(month.workspace.rules):
        log.warning("         %s", loose)
    with step(month, "feeds") as (warehouse, say), warehouse.transaction():
        delivered = _deliver(month)
        today = delivered.as_of.astimezone(month.workspace.settings.zone).date()
        overrides = decision_log.overrides(month.workspace, month.period, today)
        taken, rows, first = [], {}, {}
        accounts = intake.accounts_before(warehouse, month.period)
        known = intake.remembered(warehouse, month.period)
        for feed in FEEDS.values():
            of_feed = intake.take(month.workspace, warehouse, month.period, feed, delivered, overrides, accounts, known)
            for one in of_feed:
                known = known.plus(feed.name, one.rows)
            rows[feed.name] = sum(one.rows.height for one in of_feed)
            first[feed.name] = pl.concat([one.rows.head(10) for one in of_feed]) if of_feed else pl.DataFrame()
            taken += of_feed
        sources = intake.keep_accounts(month.workspace, warehouse, month.period, taken)
        say(_account_of(sources))
    for one in taken:
        if one.verdict.color != "GREEN":
            log.warning("         %s is %s: %s", one.subject, one.verdict.color, one.verdict.reasons[0].sentence)
    strays = {} if month.replay or month.delivered else delivery.strays(month.workspace, month.period)
    for path, why in strays.items():
        log.warning("         %s is not read: %s", path, why)
    return Pulled(sources, rows, first)


def reconcile(month: Month) -> dict[str, int]:
    """Put every rule to the month; returns the number of findings by outcome."""
    with step(month, "reconcile") as (warehouse, say):
        world, rules = world_of(month, warehouse), catalogue.rules_of(month.workspace.rules)
        tables: dict[str, pl.DataFrame] = {}
        with warehouse.transaction():
            for some in domain.tables(world, rules):
                asked = some.keys() & _UNTIL_ALL_ARE_KNOWN
                tables |= {name: some[name] for name in asked}
                warehouse.write_all({name: some[name] for name in some if name not in asked}, month.period)
                del some  # or it would stay until the next are worked out
            delivered = warehouse.read(intake.DELIVERY_EXCEPTIONS, period=month.period).drop(PERIOD)
            tables["source_exceptions"] = pl.concat([delivered, tables["source_exceptions"]])
            tables |= policy_changes.compare(world, rules, tables)
            warehouse.write_all(tables, month.period)
        runs, findings = tables["rule_runs"], tables["findings"]
        outcomes = dict(findings.group_by("outcome").len().sort("outcome").iter_rows())
        silent = runs.filter((pl.col("not_evaluated") > 0) | pl.col("reason").is_not_null()).height
        say(f"{runs.height} rules, {outcomes.get('fired', 0):,} findings, {silent} rules could not judge everything")
    for rule, subject in policy.idle_exemptions(world.settings, findings, world.today):
        log.warning("         the exemption of %s from %s matches nothing", subject, rule)
    return outcomes


def age(month: Month) -> dict[str, int]:
    """Carry the exception list on; returns the number of exceptions by status."""
    with step(month, "exceptions") as (warehouse, say):
        findings = warehouse.read("findings", period=month.period).drop(PERIOD)
        world = world_of(month, warehouse)
        tables = exceptions.age(world, findings)
        warehouse.write_all(tables, month.period)
        statuses = dict(tables["exceptions"].group_by("status").len().sort("status").iter_rows())
        say(", ".join(f"{count:,} {status}" for status, count in statuses.items()) or "none")
    return statuses


def figure(month: Month) -> dict[str, int]:
    """Take the month's figures from its exceptions; returns the number of decisions by state. Completes the month."""
    with step(month, "figures") as (warehouse, say), warehouse.transaction():
        world = world_of(month, warehouse)
        listed = warehouse.read("exceptions", period=month.period).drop(PERIOD)
        account = decisions.account(world.decisions, world.as_of, world.settings, listed)
        _keep_decisions(warehouse, account, month.period)
        warehouse.write_all(_savings(world, warehouse), month.period)
        tables = {name: warehouse.read(name, period=month.period).drop(PERIOD) for name in controls.READS}
        taken = controls.control(figures.Month(world, tables, categories()))
        warehouse.write_all(taken, month.period)
        unheld = pl.DataFrame(schema=EXPECTATIONS)  # whatever these figures were held against before
        warehouse.write(publishing.EXPECTED, unheld, month.period)
        keep_state(month, warehouse)
        anchors.vouch(month.workspace, {f"{anchors.SEEN}{month.period}": str(account.height)})
        states = dict(account.group_by("state").len().sort("state").iter_rows())
        say(_account_of_figures(taken))
    for number, exception in account.filter(pl.col("state") == "idle").select("seq", "exception_id").iter_rows():
        log.warning("         waiver D%d matches nothing: %s is not open", number, exception)
    return states


def _savings(world: World, warehouse: Warehouse) -> dict[str, pl.DataFrame]:
    """The ladder of savings and its roll-forward; raises TieoutError where licence money does not add up."""
    names = ("reclaim_candidates", "reclaim_pools", "waterfall", "entitlement_positions", "findings",
             "memory_exceptions", "memory_coverage")  # fmt: skip
    told = {name: warehouse.read(name, period=world.period).drop(PERIOD) for name in names}
    told["seats"] = warehouse.read("seats", period=world.period, columns=savings.OF_SEATS)
    climbed = savings.climb(world, told)
    try:
        tie_out(told | climbed)
    except InequalityError as problem:
        raise TieoutError(f"{world.period} is not reported or published: {problem}.") from problem
    return climbed


def render(month: Month) -> dict[str, int]:
    """Write the month's pages, which wait to be published; returns the number of their bytes."""
    with step(month, "reports") as (warehouse, say):
        try:
            files = reports.render(*told(month, warehouse))
        except reports.InequalityError as problem:
            raise TieoutError(f"{month.period} is not reported or published: {problem}") from problem
        folder = publishing.waiting(month.workspace, month.period)
        for name, content in files.items():
            write_whole(folder / name, content)
        say(f"{len(files)} files for {month.workspace.reports / month.period}")
    return {name: len(content) for name, content in files.items()}


def told(month: Month, warehouse: Warehouse) -> tuple[Mapping[str, pl.LazyFrame], reports.About, dict[str, str]]:
    """What a report is made of: the published tables up to the month, the run, and each rule's docstring."""
    shown = Each(TABLES, lambda name: _shown(month, warehouse, name))
    prose = {rule.slug: rule.doc for rule in catalogue.rules_of(month.workspace.rules)}
    return shown, _about(month, warehouse), prose


def keep_state(month: Month, warehouse: Warehouse) -> None:
    """Write down that the month is complete, and whether it is signed off."""
    signed = [one for one in closings(month.workspace) if one.period == month.period]
    last = signed[-1] if signed else None
    is_closed = last is not None and last.reopened is None
    state = {
        "as_of": _as_of(month),
        "tieout": __version__,
        "state": "closed" if is_closed else "reopened" if signed else "open",
        "version": last.version if last else None,
        "content": last.content if last else None,
        "preparer": last.entry.who if last else None,
        "reviewer": last.entry.approver if last else None,
        "closed_at": last.entry.at if last else None,
        "conditions": last.entry.comment if last else None,
    }
    warehouse.write(RUNS, pl.DataFrame([state], schema=PERIODS), month.period)


def publish(month: Month) -> dict[str, int]:
    """Swap the published database for one with this month's results; returns the number of its rows."""
    with step(month, "published") as (warehouse, say):
        rows = publishing.publish(month.workspace, warehouse, warehouse.periods(RUNS)[-1])
        say(f"{rows:,} rows in {month.workspace.published_database}")
    return {"rows": rows}


def world_of(month: Month, warehouse: Warehouse) -> World:
    """Everything the domain may know of the month, read as it is asked for: the warehouse has to stay open."""
    return World(
        period=month.period,
        as_of=_as_of(month),
        settings=month.workspace.settings,
        feeds=Afresh(FEEDS, lambda name: _rows(warehouse, FEEDS[name], month.period)),
        sources=warehouse.read("sources", upto=month.period),
        memory=_memory(warehouse, month.period),
        decisions=decisions.as_frame(decision_log.read(month.workspace)),
    )


def not_accepted(workspace: Workspace, period: str) -> list[str]:
    """Sources of a month that are missing or were refused, as `feed/source`."""
    sources = Warehouse(workspace.tables).read("sources", period=period)
    refused = sources.filter(pl.col("verdict") == "RED").select(pl.format("{}/{}", "feed", "source"))
    return refused.to_series().sort().to_list()


# -- inside ----------------------------------------------------------------------------------------------------------


def _as_of(month: Month) -> datetime:
    """The instant the month was pulled for."""
    delivered = month.delivered or landing.recall(month.workspace, month.period)
    return delivered.as_of if delivered else end_of_period(month.period, month.workspace.settings.zone)


def _about(month: Month, warehouse: Warehouse) -> reports.About:
    settings, log = month.workspace.settings, decision_log.read(month.workspace)
    return reports.About(
        organisation=settings.organisation,
        period=month.period,
        as_of=_as_of(month),
        reporting_currency=settings.reporting_currency,
        timezone=settings.timezone,
        version=__version__,
        config_hash=month.workspace.config_hash,
        decisions=len(log),
        chain_head=chain.head(log),
        earlier=tuple(period for period in warehouse.periods(RUNS) if period < month.period),
        lasting=frozenset(rule.slug for rule in catalogue.rules_of(month.workspace.rules) if rule.remembers),
        reclaim=decision_log.reclaim_of(month.workspace, month.period).content or "",
        verified=tuple(
            finding.replace(f"{month.workspace.root}/", "") for finding in verify.inputs(month.workspace, month.period)
        ),
    )


def _deliver(month: Month) -> Delivered:
    """What landed for the month: just now, or earlier when this is a replay."""
    workspace, period = month.workspace, month.period
    if month.delivered:
        return month.delivered
    refuse_sealed(workspace, period)
    before = landing.recall(workspace, period)
    if month.replay and before:
        delivered = delivery.replayed(workspace, period, before)
    else:
        delivery.choose(workspace, period, month.as_of)
        delivered = _delivered_now(month, before)
    landing.record(workspace, period, delivered)
    anchors.vouch_for_landed(workspace, period)
    return delivered


def _delivered_now(month: Month, before: Delivered | None) -> Delivered:
    """What every source delivers now; what it dropped before stands where all of that was tidied away since."""
    workspace, period = month.workspace, month.period
    as_of = month.as_of or end_of_period(period, workspace.settings.zone)
    due = delivery.due(workspace, period)
    stands = [_pulled_before(month, one.source, before, as_of) for one in due]
    owed = [(one.source, one.discovered) for one, stood in zip(due, stands, strict=True) if not stood]
    landed = iter(landing.land_all(workspace, owed, period))
    snapshots = tuple(stood or next(landed) for stood in stands)
    if before and all(one.fetched.outcome == "missing" for one in snapshots if not one.source.is_live):
        pulled = (one for one in snapshots if one.source.is_live)
        snapshots = (*pulled, *(one for one in before.snapshots if not one.source.is_live))
    return Delivered(as_of, snapshots, late.find(workspace, period))


def _pulled_before(month: Month, source: Source, before: Delivered | None, as_of: datetime) -> Snapshot | None:
    """What was pulled over the network for the month already, where that is not to be asked for again.

    A whole pull from after as_of stands: the source cannot say any more what it knew then.
    """
    if not source.is_live:
        return None
    kept = landing.standing(before, source)
    if month.offline:
        why = f"{source.name} was not pulled for {month.period} before, and this run is offline"
        return kept or Snapshot(source, False, "", Fetched("missing", why=why))
    extracted = kept.fetched.extracted(month.workspace.settings.zone) if kept else None
    stands = kept and kept.fetched.outcome == "complete" and extracted and extracted >= as_of
    return kept if stands else None


def _keep_decisions(warehouse: Warehouse, account: pl.DataFrame, period: str) -> None:
    """Write the whole log anew, by the month in which each entry was taken; at least an empty table."""
    for month in sorted({period, *account[PERIOD]}):
        warehouse.write("decisions", account.filter(pl.col(PERIOD) == month), month)


def _rows(warehouse: Warehouse, feed: Feed, period: str) -> pl.DataFrame:
    """Accepted rows of a feed: the month's for a state feed, all up to it for an event feed."""
    table = intake.staged_table(feed)
    rows = warehouse.read(table, period=period) if feed.is_state else warehouse.read(table, upto=period)
    schema = {**feed.schema, **BOOKKEEPING}
    return rows.rename({PERIOD: "_period"}).select(list(schema)) if rows.width else pl.DataFrame(schema=schema)


def _shown(month: Month, warehouse: Warehouse, name: str) -> pl.LazyFrame:
    """A published table as it is once the period is published; the decisions as they are now, after its run, too."""
    table, period = TABLES[name], month.period
    stored, columns = table.stored_as or name, list(table.columns)
    if name == "decisions":  # a month is signed, and what it comes to is approved, after its run
        log, listed = (
            decisions.as_frame(decision_log.read(month.workspace)),
            warehouse.read("exceptions", period=period),
        )
        return decisions.account(log, _as_of(month), month.workspace.settings, listed).lazy().select(columns)
    if table.latest_only:
        return warehouse.scan(stored, period=period, columns=columns)
    return warehouse.scan(stored, upto=period, columns=columns)


def _memory(warehouse: Warehouse, period: str) -> Mapping[str, pl.DataFrame]:
    """What the latest earlier month kept for this one."""
    earlier = [other for other in warehouse.periods(RUNS) if other < period]
    if not earlier:
        return {}
    tables = [table for table in warehouse.tables() if table.startswith(MEMORY)]
    return Each(tables, lambda table: warehouse.read(table, period=earlier[-1]).drop(PERIOD))


def _account_of(sources: pl.DataFrame) -> str:
    landed, used, duplicate, quarantined = (sources[name].sum() for name in intake.CONSERVED)
    return (
        f"{sources.height} sources, {landed:,} rows landed = {used:,} used + {duplicate:,} duplicate "
        f"+ {quarantined:,} quarantined"
    )


def _account_of_figures(taken: Mapping[str, pl.DataFrame]) -> str:
    metrics, trust = taken["metrics"], taken["trust"]
    states = ", ".join(f"{count} {state}" for state, count in trust.group_by("state").len().sort("state").iter_rows())
    breached = taken["escalations"].filter(pl.col("status") == "open").height
    return f"{metrics.height:,} figures, {states or 'nothing to trust'}, {breached} thresholds breached"


class _Say:
    """Holds the sentence that a step's progress line ends with."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, text: str) -> None:
        self.text = text


@contextmanager
def step(month: Month, name: str) -> Iterator[tuple[Warehouse, _Say]]:
    """Open the warehouse for one step, and say in one line what it did and how long it took."""
    began, say = monotonic(), _Say()
    crash.point(f"{name}-begun")
    yield Warehouse(month.workspace.tables), say
    crash.point(f"{name}-done")
    log.info("%s  %-10s %s (%.1f s)", month.period, name, say.text, monotonic() - began)
