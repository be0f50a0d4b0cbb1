"""What has been delivered: which months, and which sources owe a delivery for one of them."""

import glob
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors import files
from pipelines import landing
from pipelines.errors import ConfigError
from pipelines.landing import Delivered, Snapshot
from pipelines.workspace import MONTH, Workspace, check_period, end_of_period
from tieout.settings import Source

PLACE = "{period}"


@dataclass(frozen=True)
class Due:
    """A source that owes a delivery; `discovered` when it is known by its files alone, not by the config."""

    source: Source
    discovered: bool = False


# -- months ----------------------------------------------------------------------------------------------------------


def dropped(workspace: Workspace) -> dict[str, list[Path]]:
    """Month → the files that lie there for it, in the inbox and where sources say."""
    found: dict[str, set[Path]] = {}
    for folder in workspace.inbox.glob("*"):
        if MONTH.fullmatch(folder.name):
            for source in files.discover(workspace.inbox, folder.name):
                found.setdefault(folder.name, set()).update(files_of(workspace, source, folder.name))
    for source in workspace.settings.sources:
        if source.path and PLACE in source.path:
            for period in {month for path in files_of(workspace, source, "*") for month in MONTH.findall(str(path))}:
                found.setdefault(period, set()).update(files_of(workspace, source, period))
    return {period: sorted(paths) for period, paths in sorted(found.items()) if paths}


def choose(workspace: Workspace, period: str | None, as_of: datetime | None) -> str:
    """The month to run: the one asked for, else the newest delivered.

    Raises ConfigError when nothing is delivered for it, or when it is not over yet and no as_of is given.
    """
    chosen = month_of(workspace, period)
    delivered = sorted({*dropped(workspace), *landing.landed_periods(workspace)})
    undated = _is_live(workspace) or any(
        files_of(workspace, s, "") for s in workspace.settings.sources if s.path and PLACE not in s.path
    )
    if not delivered and not undated:
        months = [folder.name for folder in workspace.inbox.glob("*") if MONTH.fullmatch(folder.name)]
        unread = {path: why for month in ["", *months] for path, why in strays(workspace, month).items()}
        raise ConfigError(
            f"nothing is delivered in {workspace.root} yet; "
            f"drop files like {workspace.inbox.name}/2026-10/assets.csv there."
            + "".join(f" {path} is not read: {why}." for path, why in list(unread.items())[:1])
        )
    if chosen not in delivered and not undated:
        raise ConfigError(f"nothing is delivered for {chosen}; the delivered months are {', '.join(delivered)}.")
    if as_of is None and end_of_period(chosen, workspace.settings.zone) > datetime.now(UTC):
        raise ConfigError(f"{chosen} is not over yet; name the day to judge at, like --as-of {chosen}-15.")
    return chosen


def month_of(workspace: Workspace, period: str | None) -> str:
    """The month asked for, else the newest delivered; raises ConfigError for what is no month."""
    return newest(workspace) if period is None else check_period(period)


def newest(workspace: Workspace) -> str:
    """The newest delivered month; the last one over, where nothing is dropped and live sources are asked."""
    first = datetime.now(workspace.settings.zone).replace(day=1)
    over = (first - timedelta(days=1)).strftime("%Y-%m")
    there = dropped(workspace)
    if not there and _is_live(workspace):
        return over
    return max({*there, *landing.landed_periods(workspace)}, default=over)


def _is_live(workspace: Workspace) -> bool:
    return any(source.is_live for source in workspace.settings.sources)


# -- sources ---------------------------------------------------------------------------------------------------------


def due(workspace: Workspace, period: str) -> list[Due]:
    """Every source that owes a delivery: those of the config, files in the inbox, and files of earlier months.

    A file source that is absent while exactly one new one of its feed appears is the same source under a new name.
    A file source of earlier months whose feed has got a source in the config since is that one.
    """
    configured = workspace.settings.sources
    claimed = {path for source in configured for path in files_of(workspace, source, period)}
    found = {
        (source.feed, source.name): paths
        for source in files.discover(workspace.inbox, period)
        if not claimed.issuperset(paths := files_of(workspace, source, period))
    }
    known = _known(workspace, period)
    configured_since = {s.feed for s in configured} - {s.source.feed for s in known if not s.discovered}
    expected = {(s.source.feed, s.source.name) for s in known if s.discovered and s.source.feed not in configured_since}
    expected -= {(source.feed, source.name) for source in configured}
    renamed = _renamed(expected - set(found), set(found) - expected)
    return [Due(source) for source in configured] + [
        Due(_file_source(workspace, key, found.get(renamed[key], []) if key in renamed else []), discovered=True)
        for key in sorted((expected | set(found)) - set(renamed.values()))
    ]


def replayed(workspace: Workspace, period: str, before: Delivered) -> Delivered:
    """What landed for a month, and the sources that owe it a delivery by what earlier months have shown since.

    A new name in the month's own delivery may be the absent source's; then nothing is taken for missing in that feed.
    """
    there = {(snapshot.source.feed, snapshot.source.name) for snapshot in before.snapshots}
    known = _known(workspace, period)
    new = {feed for feed, _ in there - {(snapshot.source.feed, snapshot.source.name) for snapshot in known}}
    absent = [
        Snapshot(source, True, "", files.missing(source, workspace.inbox, period))
        for source in (snapshot.source.model_copy(update={"path": None}) for snapshot in known if snapshot.discovered)
        if (source.feed, source.name) not in there and source.feed not in new
    ]
    return replace(before, snapshots=before.snapshots + tuple(absent))


def strays(workspace: Workspace, period: str) -> dict[Path, str]:
    """Files in a month's inbox, and what lies in no month's, that neither name nor a source's path gives to a feed."""
    inbox = workspace.inbox
    claimed = {path for s in workspace.settings.sources for at in (period, "*") for path in files_of(workspace, s, at)}
    lost = dict.fromkeys(files.plain_files(inbox), f"it lies in no month's folder, like {inbox.name}/2026-10")
    for folder in sorted(inbox.glob("[!.]*/")):
        if not MONTH.fullmatch(folder.name) and not claimed.issuperset(files.plain_files(folder)):
            lost[folder] = "no month is named so; a month is written like 2026-10"
    unread = lost | files.strays(inbox, period)
    return {workspace.below(path): why for path, why in unread.items() if path not in claimed}


def _known(workspace: Workspace, period: str) -> tuple[Snapshot, ...]:
    """The sources of the latest earlier month."""
    earlier = [other for other in landing.landed_periods(workspace) if other < period]
    delivered = landing.recall(workspace, earlier[-1]) if earlier else None
    return delivered.snapshots if delivered else ()


def _renamed(absent: set[tuple[str, str]], new: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Absent source → the new one that is it, feed by feed, where there is no doubt."""
    by_feed = {
        feed: ([key for key in absent if key[0] == feed], [key for key in new if key[0] == feed]) for feed, _ in absent
    }
    return {old[0]: now[0] for old, now in by_feed.values() if len(old) == 1 and len(now) == 1}


def _file_source(workspace: Workspace, key: tuple[str, str], under_other_name: list[Path]) -> Source:
    feed, name = key
    paths = [glob.escape(workspace.below(path).as_posix()) for path in under_other_name]
    return Source(name=name, feed=feed, path=paths[0] if paths else None)


def files_of(workspace: Workspace, source: Source, period: str) -> list[Path]:
    """The files that are a source's delivery for a month; a source that is asked over the network has none."""
    return [] if source.is_live else files.find(source, workspace.root, workspace.inbox, period)
