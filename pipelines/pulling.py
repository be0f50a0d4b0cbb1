"""One source pulled now: to look at what would come, or to have it anew for a month."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connectors import systems
from pipelines import anchors, delivery, landing
from pipelines.closed import refuse_sealed
from pipelines.errors import ConfigError
from pipelines.landing import Delivered
from pipelines.limits import nearest
from pipelines.sources import wire_of
from pipelines.workspace import Workspace, end_of_period
from tieout.intake import Verdict, judge
from tieout.pull import Fetched
from tieout.settings import Source
from tieout.staging import Staged, stage


@dataclass(frozen=True)
class Look:
    """What a pull brought, what became of its rows, and what it would be good for."""

    source: Source
    period: str
    fetched: Fetched
    staged: Staged | None
    verdict: Verdict

    def as_answer(self) -> dict[str, Any]:
        """The look as one answer: what came, by what proof, and the verdict with its reasons."""
        report, staged = self.fetched.report, self.staged
        return {
            "source": f"{self.source.feed}/{self.source.name}",
            "system": self.fetched.system,
            "period": self.period,
            "verdict": self.verdict.color,
            "reasons": [sentence for _, sentence in self.verdict.reasons],
            "outcome": self.fetched.outcome,
            "proof": self.fetched.proof,
            "declared": report.declared if report else None,
            "distinct": report.distinct if report else None,
            "pages": report.pages if report else None,
            "retries": report.retries if report else None,
            "waited_seconds": report.waited if report else None,
            "rows": staged.landed if staged else 0,
            "used": staged.used if staged else 0,
            "duplicate": staged.duplicates if staged else 0,
            "quarantined": staged.quarantined if staged else 0,
            "notes": list(self.fetched.notes),
            "lacks": [name for name, share in staged.fill.items() if not share] if staged else [],
        }


def live_source(workspace: Workspace, name: str) -> Source:
    """The source of that name; raises ConfigError when there is none, or when it drops files."""
    sources = {source.name: source for source in workspace.settings.sources}
    if name not in sources:
        known = nearest(name, sources) if sources else "the config has no [[sources]]."
        raise ConfigError(f"{name!r} is no source of {workspace.root}; {known}")
    if not sources[name].is_live:
        raise ConfigError(f"{name} drops files; `tieout check` looks at them, `tieout run` takes them in.")
    return sources[name]


def look(workspace: Workspace, source: Source, period: str | None) -> Look:
    """Pull a source whole and judge it as a first delivery; nothing is kept."""
    month = delivery.month_of(workspace, period)
    with TemporaryDirectory(prefix="tieout-pull-") as folder:
        fetched = systems.fetch(source, month, Path(folder), wire_of(source))
        records = systems.read(Path(folder), source) if fetched.files else None
    staged = stage(records, source, workspace.settings) if records else None
    as_of = end_of_period(month, workspace.settings.zone)
    return Look(source, month, fetched, staged, judge(source, workspace.settings, as_of, fetched, records, staged))


def pull_again(workspace: Workspace, source: Source, period: str | None) -> tuple[Fetched, bool]:
    """Pull a source anew for a month that has run; whether its next run takes that in.

    A pull that is not whole replaces none that is: the source cannot say any more what it knew then.
    """
    month = delivery.month_of(workspace, period)
    with workspace.lock():
        refuse_sealed(workspace, month)
        before = landing.recall(workspace, month)
        if before is None:
            raise ConfigError(
                f"{month} has not run yet; `tieout run --period {month}` pulls {source.name}. "
                f"To look at what would come, add --dry-run."
            )
        snapshot = landing.land(workspace, source, month)
        stood = landing.standing(before, source)
        counts = snapshot.fetched.outcome == "complete" or not stood or stood.fetched.outcome != "complete"
        if counts:
            kept = tuple(one for one in before.snapshots if (one.source.feed, one.name) != (source.feed, source.name))
            landing.record(workspace, month, Delivered(before.as_of, (*kept, snapshot), before.late))
        anchors.vouch_for_landed(workspace, month)
    return snapshot.fetched, counts
