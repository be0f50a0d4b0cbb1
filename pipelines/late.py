"""What was delivered for a month after it was closed: it changes nothing there, and counts in the next month.

Rows of late event deliveries are taken in by the next month; what the closed month would have said, had it known, is
the next month's prior-period adjustment.
"""

from pipelines import delivery, landing
from pipelines.closed import closed, manifest_of
from pipelines.delivery import PLACE
from pipelines.landing import Delivered, Snapshot
from pipelines.workspace import Workspace
from tieout.settings import Source


def find(workspace: Workspace, period: str) -> tuple[Snapshot, ...]:
    """The deliveries found now for closed months before this one that no month has taken in yet.

    Only the latest closed months are looked at (`late_periods` in policy), and only sources that deliver each month
    under a name of its own.
    """
    earlier = sorted(other for other in closed(workspace) if other < period)[-workspace.settings.policy.late_periods :]
    known = _taken_in(workspace, period)
    found = []
    for other in reversed(earlier):
        for due in delivery.due(workspace, other):
            if not _monthly(due.source):
                continue
            snapshot = landing.land(workspace, due.source, other, discovered=due.discovered, late=True)
            content = _content(other, snapshot)
            if snapshot.snapshot_id and content not in known:
                known.add(content)
                found.append(snapshot)
    return tuple(found)


def with_late(delivered: Delivered, late: tuple[Snapshot, ...]) -> Delivered:
    """What a closed month would have been delivered, had the late deliveries come in time."""
    instead = {(one.source.feed, one.source.name): one for one in late}
    kept = [instead.pop((one.source.feed, one.source.name), one) for one in delivered.snapshots]
    return Delivered(delivered.as_of, (*kept, *instead.values()))


def _taken_in(workspace: Workspace, period: str) -> set[tuple[object, ...]]:
    """The content of every delivery that a month before this one took in, in time or late."""
    taken = set()
    for other in landing.landed_periods(workspace):
        delivered = landing.recall(workspace, other)
        if delivered and other < period:
            taken |= {_content(one.late_for or other, one) for one in (*delivered.snapshots, *delivered.late)}
    for other, closing in closed(workspace).items():
        taken |= {_content(other, one) for one in manifest_of(workspace, closing).delivered.snapshots}
    return taken


def _content(period: str, snapshot: Snapshot) -> tuple[object, ...]:
    return (period, snapshot.source.feed, *sorted(file.sha256 for file in snapshot.fetched.files))


def _monthly(source: Source) -> bool:
    return source.connector == "file" and (source.path is None or PLACE in source.path)
