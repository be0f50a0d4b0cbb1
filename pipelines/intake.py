"""Takes what landed into the warehouse: read, stage, hold against the contract, judge.

Rows of accepted snapshots become rows of `staged_<feed>`; the rest is in `quarantine` with its reasons, row by row.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from checks.contracts import hold
from connectors import systems
from pipelines import landing
from pipelines.landing import Delivered, Snapshot
from pipelines.warehouse import PERIOD, Warehouse
from pipelines.workspace import Workspace
from tieout import joining
from tieout.feeds import FEEDS, Feed
from tieout.intake import Override, Profile, Verdict, judge, keys_of, overridden
from tieout.mapping import as_json
from tieout.pull import UNREADABLE, Records
from tieout.source_exceptions import SOURCE_EXCEPTIONS
from tieout.staging import Staged, stage, staged_schema

CONSERVED = ("landed", "used", "duplicate", "quarantined")
"""Columns of `sources`; the first is the sum of the others."""

Overrides = Mapping[tuple[str, str], Override]
"""What was decided about deliveries: by feed and source."""
Accounts = Mapping[str, pl.DataFrame]
"""What earlier months wrote down of every source: `sources` and `profiles`."""

_UTC = pl.Datetime("us", "UTC")
SOURCES = {
    "feed": pl.String(), "source": pl.String(), "snapshot_id": pl.String(), "system": pl.String(),
    "endpoint_or_file": pl.String(), "filters": pl.String(), "extracted_at": _UTC, "extracted_by": pl.String(),
    "verdict": pl.String(), **dict.fromkeys(CONSERVED, pl.Int64()), "as_of": _UTC,
    "reasons": pl.List(pl.String), "warnings": pl.List(pl.String), "lacks": pl.List(pl.String),
    "reading": pl.String(), "override": pl.String(), "proof": pl.String(), "distinct": pl.Int64(),
    "declared": pl.Int64(), "pages": pl.Int64(), "retries": pl.Int64(), "waited_seconds": pl.Float64(),
}  # fmt: skip
"""One row a source and period: what came, where from, and what it is good for."""
QUARANTINE = {
    "feed": pl.String(), "source": pl.String(), "snapshot_id": pl.String(), "row": pl.Int64(),
    "reasons": pl.List(pl.String), "raw": pl.String(),
}  # fmt: skip
DELIVERY_EXCEPTIONS = "delivery_exceptions"
"""The table of what the verdicts of a period's deliveries rest on."""
PROFILES = {
    "feed": pl.String(), "source": pl.String(), "rows": pl.Int64(), "columns": pl.List(pl.String), "fill": pl.String(),
    "joined": pl.Float64(),
}  # fmt: skip
"""What GREEN snapshots looked like; later ones are held against it."""


@dataclass(frozen=True)
class Taken:
    """What became of one snapshot."""

    snapshot: Snapshot
    verdict: Verdict
    rows: pl.DataFrame
    quarantine: pl.DataFrame
    landed: int
    staged: Staged | None
    override: Override | None
    joined: float | None = None

    @property
    def subject(self) -> str:
        """What its source exceptions are about: feed/source."""
        return f"{self.snapshot.source.feed}/{self.snapshot.name}"


def remembered(warehouse: Warehouse, period: str) -> joining.Known:
    """Who and what is known from earlier months, before the first feed of this one is judged."""
    known = joining.Known()
    for name in sorted((joining.WHO.keys() | joining.WHAT.keys()) - FEEDS.keys()):
        earlier = [other for other in warehouse.periods(name) if other < period]
        if earlier:
            known = known.plus(name, warehouse.read(name, period=earlier[-1]))
    return known


def accounts_before(warehouse: Warehouse, period: str) -> Accounts:
    """What months before this one wrote down of every source."""
    return {name: warehouse.read(name, before=period) for name in ("sources", "profiles")}


def take(
    workspace: Workspace,
    warehouse: Warehouse,
    period: str,
    feed: Feed,
    delivered: Delivered,
    overrides: Overrides,
    accounts: Accounts,
    known: joining.Known,
) -> list[Taken]:
    """Take in every snapshot of one feed; `known` is who and what the feeds before it name."""
    due = [snapshot for snapshot in delivered.taken_in if snapshot.source.feed == feed.name]
    taken = [
        _take_one(workspace, warehouse, period, snapshot, delivered.as_of, overrides, accounts, known)
        for snapshot in due
    ]
    empty = pl.DataFrame(schema={**staged_schema(feed), "_snapshot": pl.String()})
    in_order = sorted(taken, key=lambda one: one.snapshot.name)  # so that nobody has to sort millions of rows later
    warehouse.write(staged_table(feed), pl.concat([empty, *(one.rows for one in in_order)]), period)
    return taken


def keep_accounts(workspace: Workspace, warehouse: Warehouse, period: str, taken: Iterable[Taken]) -> pl.DataFrame:
    """Write down what came of every source; returns the period's `sources`."""
    taken = list(taken)
    sources = pl.DataFrame([_account(workspace, one) for one in taken], schema=SOURCES)
    warehouse.write("sources", sources, period)
    warehouse.write("quarantine", pl.concat([pl.DataFrame(schema=QUARANTINE), *map(_quarantined, taken)]), period)
    warehouse.write(DELIVERY_EXCEPTIONS, _source_exceptions(taken), period)
    green = [one for one in taken if one.staged and one.verdict.color == "GREEN"]
    warehouse.write("profiles", pl.DataFrame([_profile_row(one) for one in green], schema=PROFILES), period)
    return sources


def staged_table(feed: Feed) -> str:
    """The warehouse's table of a feed's accepted rows."""
    return f"staged_{feed.name}"


def _take_one(
    workspace: Workspace,
    warehouse: Warehouse,
    period: str,
    snapshot: Snapshot,
    as_of: datetime,
    overrides: Overrides,
    accounts: Accounts,
    known: joining.Known,
) -> Taken:
    source, settings, feed = snapshot.source, workspace.settings, FEEDS[snapshot.source.feed]
    standing = overrides.get((source.feed, source.name))
    if not snapshot.snapshot_id:
        verdict = judge(source, settings, as_of, snapshot.fetched)
        nothing = pl.DataFrame(schema=UNREADABLE)
        override = standing if standing and standing.counts(verdict) else None
        return Taken(snapshot, verdict, _as_taken(snapshot, feed, None), nothing, 0, None, override)
    records = systems.read(landing.folder_of(workspace, period, snapshot), source)
    staged = stage(records, source, settings)
    before = _before(warehouse, period, snapshot, feed, accounts)
    joined, held = joining.joined(staged.rows, feed, known), _held(accounts, snapshot)
    judged = judge(source, settings, as_of, snapshot.fetched, records, staged, before, joined, held)
    override = standing if standing and standing.counts(judged) else None
    verdict = overridden(judged, override)
    if verdict.color == "RED":
        quarantine = _all_set_aside(records, staged, verdict)
        return Taken(snapshot, verdict, _as_taken(snapshot, feed, None), quarantine, records.landed, staged, override)
    rows = _as_taken(snapshot, feed, staged)
    return Taken(snapshot, verdict, rows, staged.quarantine, staged.landed, staged, override, joined)


def _as_taken(snapshot: Snapshot, feed: Feed, staged: Staged | None) -> pl.DataFrame:
    rows = hold(feed, staged.rows) if staged else pl.DataFrame(schema=staged_schema(feed))
    return rows.with_columns(
        pl.lit(snapshot.name).alias("_source"), pl.lit(snapshot.snapshot_id, pl.String).alias("_snapshot")
    )


def _all_set_aside(records: Records, staged: Staged, verdict: Verdict) -> pl.DataFrame:
    """Every row of a snapshot that is not used, each with a reason: its own, or the snapshot's."""
    own = pl.concat([records.unreadable, staged.quarantine]).unique("_row", keep="last")
    why = f"the delivery is not used: {verdict.reasons[0].sentence}"
    others = records.rows.join(own, on="_row", how="anti").select(
        "_row", pl.concat_list(pl.lit(why)).alias("reasons"), as_json(list(records.columns)).alias("raw")
    )
    return pl.concat([own, others]).sort("_row")


def _before(warehouse: Warehouse, period: str, snapshot: Snapshot, feed: Feed, accounts: Accounts) -> Profile | None:
    """What the source looked like before: a state feed's last GREEN delivery, all accepted rows of an event feed."""
    green = _earlier(accounts["profiles"], snapshot)
    if green.is_empty() and feed.is_state:
        return None
    last = None if green.is_empty() else green.row(-1, named=True)
    table = staged_table(feed)
    periods = {"period": last[PERIOD]} if last and feed.is_state else {"before": period}
    told = warehouse.scan(table, **periods)
    if told.collect_schema().names():
        needed = dict.fromkeys((*feed.key, *([feed.dated] if feed.dated else [])))
        told = told.filter(pl.col("_source") == snapshot.name).select(*needed)
    rows = told.collect()
    if last is None:
        return None if rows.is_empty() else Profile(rows.height, keys_of(rows, feed), {}, ())
    fill, columns = json.loads(last["fill"]), tuple(last["columns"])
    months = _months_between(last[PERIOD], period)
    return Profile(rows.height, keys_of(rows, feed), fill, columns, last.get("joined"), months)


def _held(accounts: Accounts, snapshot: Snapshot) -> int:
    """The number of rows of a source's latest accepted delivery that held any."""
    earlier = _earlier(accounts["sources"], snapshot)
    return next((used for used in reversed(earlier["used"].to_list()) if used), 0) if earlier.height else 0


def _earlier(told: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """What a table of earlier months says of a source, the latest last."""
    of_source = (pl.col("feed") == snapshot.source.feed) & (pl.col("source") == snapshot.name)
    return told if told.is_empty() else told.filter(of_source)


def _months_between(earlier: str, later: str) -> int:
    (year, month), (other_year, other_month) = (map(int, period.split("-")) for period in (earlier, later))
    return 12 * (other_year - year) + other_month - month


# -- accounts --------------------------------------------------------------------------------------------------------


def _account(workspace: Workspace, taken: Taken) -> dict[str, object]:
    snapshot, fetched, report = taken.snapshot, taken.snapshot.fetched, taken.snapshot.fetched.report
    used, quarantined = taken.rows.height, taken.quarantine.height
    return {
        "feed": snapshot.source.feed,
        "source": snapshot.name,
        "snapshot_id": snapshot.snapshot_id or None,
        "system": fetched.system or FEEDS[snapshot.source.feed].system,
        "endpoint_or_file": ", ".join(file.origin for file in fetched.files) or None,
        "filters": fetched.filters,
        "extracted_at": fetched.extracted(workspace.settings.zone),
        "extracted_by": fetched.extracted_by,
        "verdict": taken.verdict.color,
        "landed": taken.landed,
        "used": used,
        "duplicate": taken.landed - used - quarantined,
        "quarantined": quarantined,
        "as_of": taken.verdict.as_of,
        "reasons": [f"{slug}: {sentence}" for slug, sentence in taken.verdict.reasons],
        "warnings": [*fetched.notes, *(map(str, taken.staged.warnings) if taken.staged else ())],
        "lacks": [name for name, share in taken.staged.fill.items() if not share] if taken.staged else [],
        "reading": landing.reading(snapshot.source),
        "override": taken.override.said if taken.override else None,
        "proof": fetched.proof,
        "distinct": report.distinct if report else None,
        "declared": report.declared if report else None,
        "pages": report.pages if report else None,
        "retries": report.retries if report else None,
        "waited_seconds": report.waited if report else None,
    }


def _source_exceptions(taken: list[Taken]) -> pl.DataFrame:
    """One row a slug and source, with everything that was said of it."""
    said = [
        (reason.slug, one.subject, one.verdict.color, reason.sentence)
        for one in taken
        for reason in one.verdict.reasons
    ]
    rows = pl.DataFrame(said, schema=SOURCE_EXCEPTIONS, orient="row")
    return rows.group_by("rule", "subject", "verdict", maintain_order=True).agg(pl.col("why").str.join("; "))


def _quarantined(taken: Taken) -> pl.DataFrame:
    snapshot = taken.snapshot
    return taken.quarantine.select(
        pl.lit(snapshot.source.feed).alias("feed"),
        pl.lit(snapshot.name).alias("source"),
        pl.lit(snapshot.snapshot_id).alias("snapshot_id"),
        pl.col("_row").alias("row"),
        "reasons",
        "raw",
    )


def _profile_row(taken: Taken) -> dict[str, object]:
    staged = taken.staged
    assert staged is not None
    return {
        "feed": taken.snapshot.source.feed,
        "source": taken.snapshot.name,
        "rows": staged.used,
        "columns": list(staged.columns),
        "fill": json.dumps(staged.fill),
        "joined": taken.joined,
    }
