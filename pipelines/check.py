"""Looks at the dropped files as a run would, and keeps nothing: what is wrong, where, and what is expected."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors import files, systems
from pipelines import catalogue, delivery
from pipelines.delivery import PLACE
from pipelines.errors import ConfigError
from pipelines.workspace import Workspace, end_of_period
from tieout.feeds import FEEDS
from tieout.intake import Verdict, judge
from tieout.settings import Source
from tieout.staging import Staged, stage

SAID_ROW_BY_ROW = ("quarantined-rows", "unmapped-values")


@dataclass(frozen=True)
class Found:
    """What was looked at, and every problem in one sentence each."""

    files: int
    rows: int
    problems: list[str]


def look(workspace: Workspace, period: str | None, paths: Sequence[Path]) -> Found:
    """Check some files, or everything delivered for one month (the newest if none is named)."""
    if paths:
        month = delivery.month_of(workspace, period)
        months = [*delivery.dropped(workspace), month]
        sources, problems = [_source_of(workspace, path, months) for path in paths], []
    else:
        month = delivery.choose(workspace, period, datetime.now(UTC))
        sources = [due.source for due in delivery.due(workspace, month) if not due.source.is_live]
        problems = [f"{path}: {why}" for path, why in delivery.strays(workspace, month).items()]
    looks = [_look_at(workspace, source, month) for source in sources]
    found = [problem for look in looks for problem in look.problems]
    return Found(
        files=sum(look.files for look in looks),
        rows=sum(look.rows for look in looks),
        problems=([] if paths else catalogue.doubts(workspace.rules)) + problems + found,
    )


def _look_at(workspace: Workspace, source: Source, period: str) -> Found:
    """Look at one delivery as a run would, without what came before it."""
    settings, as_of = workspace.settings, end_of_period(period, workspace.settings.zone)
    with tempfile.TemporaryDirectory() as folder:
        fetched = files.fetch(source, workspace.root, workspace.inbox, period, Path(folder))
        if not fetched.files:
            said = judge(source, settings, as_of, fetched).reasons
            return Found(0, 0, [f"{source.feed}/{source.name}: {sentence}" for _, sentence in said])
        records = systems.read(Path(folder), source)
        staged = stage(records, source, settings)
    verdict = judge(source, settings, as_of, fetched, records, staged)
    where = ", ".join(file.origin for file in fetched.files)
    return Found(len(fetched.files), staged.landed, [f"{where}: {said}" for said in _problems(staged, verdict)])


def _problems(staged: Staged, verdict: Verdict) -> Iterator[str]:
    """What is wrong with single rows and columns, and what else the verdict rests on."""
    for row, reasons in staged.quarantine.select("_row", "reasons").iter_rows():
        yield f"row {row}: {'; '.join(reasons)}"
    for unmapped in staged.unmapped:
        yield (
            f"{unmapped.column} {unmapped.value!r} ({unmapped.count} rows) is no asset class and counts as other; "
            f"name its class under [class_aliases]"
        )
    yield from map(str, staged.warnings)
    yield from (sentence for slug, sentence in verdict.reasons if slug not in SAID_ROW_BY_ROW)


def _source_of(workspace: Workspace, path: Path, periods: Sequence[str]) -> Source:
    """The source whose delivery a file is: one of the config that claims it, else by the file's own name."""
    whole = path.resolve()
    if not whole.is_file():
        raise ConfigError(f"{path} is no file.")
    for source in workspace.settings.sources:
        months = periods if source.path is None or PLACE in source.path else [""]
        if any(whole in {p.resolve() for p in delivery.files_of(workspace, source, month)} for month in months):
            return source.model_copy(update={"path": str(whole)})
    feed, _, name = whole.stem.lower().partition(".")
    if feed not in FEEDS:
        raise ConfigError(
            f"{path} names no feed and no source's path leads to it; call it <feed>{whole.suffix}, where the feeds are "
            f"{', '.join(FEEDS)}."
        )
    return Source(name=name or feed, feed=feed, path=str(whole))
