"""Looks at the dropped files as a run would, and keeps nothing: what is wrong, where, and what is expected."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors import files
from pipelines import delivery
from pipelines.delivery import PLACE
from pipelines.errors import ConfigError
from pipelines.workspace import Workspace, check_period
from tieout.feeds import FEEDS
from tieout.settings import Source
from tieout.staging import Staged, stage


@dataclass(frozen=True)
class Found:
    """What was looked at, and every problem in one sentence each."""

    files: int
    rows: int
    problems: list[str]


def look(workspace: Workspace, period: str | None, paths: Sequence[Path]) -> Found:
    """Check some files, or everything delivered for one month (the newest if none is named)."""
    dropped = delivery.dropped(workspace)
    month = check_period(period) if period else max(dropped, default="")
    if paths:
        sources = [_source_of(workspace, path, [*dropped, month]) for path in paths]
        problems = []
    else:
        sources = [due.source for due in delivery.due(workspace, month)] if month else []
        problems = [
            f"{path.relative_to(workspace.root)}: no feed is named {path.name.split('.')[0]!r}; "
            f"the feeds are {', '.join(FEEDS)}"
            for path in delivery.strays(workspace, month)
        ]
        if not sources:
            problems.append(f"nothing is delivered in {workspace.root}; drop files into {workspace.inbox}")
    read = [_look_at(workspace, source, month) for source in sources]
    return Found(
        files=sum(count for count, _, _ in read),
        rows=sum(rows for _, rows, _ in read),
        problems=problems + [problem for _, _, found in read for problem in found],
    )


def _look_at(workspace: Workspace, source: Source, period: str) -> tuple[int, int, list[str]]:
    """Number of files and rows of one delivery, and its problems."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = files.fetch(source, workspace.root, workspace.inbox, period, Path(folder))
        if not fetched.files:
            wanted = fetched.outcome == "failed" or FEEDS[source.feed].is_state or source.required
            return 0, 0, [f"{source.feed}/{source.name}: {fetched.why}"] if wanted else []
        staged = stage(files.read(Path(folder), source), source, workspace.settings)
    where = ", ".join(file.origin for file in fetched.files)
    return len(fetched.files), staged.landed, [f"{where}: {problem}" for problem in _problems(staged)]


def _problems(staged: Staged) -> Iterator[str]:
    if staged.failure:
        yield staged.failure
    for row, reasons in staged.quarantine.select("_row", "reasons").iter_rows():
        yield f"row {row}: {'; '.join(reasons)}"
    for unmapped in staged.unmapped:
        yield (
            f"{unmapped.column} {unmapped.value!r} ({unmapped.count} rows) is no asset class and counts as other; "
            f"name its class under [class_aliases]"
        )
    yield from map(str, staged.warnings)


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
