"""Which months are signed off, and what was frozen when they were.

A closing is an entry of the decision log that names the sha256 of a manifest: what was delivered, the config, the
rules, the decisions taken until then, and a fingerprint of every result. It lies in the folder `closed` beside the log.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipelines import decisions
from pipelines.errors import TieoutError
from pipelines.landing import Delivered
from pipelines.whole import write_whole
from pipelines.workspace import Workspace
from tieout import digest
from tieout.chain import FIRST_LINK
from tieout.decisions import Entry

SUBJECT = "period/"
"""What the id of a closing begins with in the log; the month follows."""


@dataclass(frozen=True)
class Manifest:
    """Everything a month's results follow from, and what they were; `tables` has a fingerprint of each."""

    period: str
    tieout: str
    settings: dict[str, Any]
    delivered: Delivered
    rules: dict[str, str]
    decisions: int
    chain_head: str
    tables: dict[str, str]
    conditions: tuple[str, ...]


_MANIFEST = TypeAdapter(Manifest)


@dataclass(frozen=True)
class Closing:
    """One sign-off of a month; `version` counts them from 1, and `reopened` is the entry that took it back."""

    period: str
    version: int
    entry: Entry
    reopened: Entry | None = None

    @property
    def content(self) -> str:
        """The sha256 of what was signed."""
        return self.entry.document or FIRST_LINK

    def kept_in(self, workspace: Workspace) -> Path:
        """The folder that keeps the pages and the database that were signed."""
        return workspace.published / "closed" / self.period / f"v{self.version}"


def closings(workspace: Workspace) -> list[Closing]:
    """Every sign-off there ever was, oldest first."""
    found: list[Closing] = []
    for entry in decisions.read(workspace):
        period = entry.exception_id.removeprefix(SUBJECT)
        if entry.kind == "close":
            version = 1 + sum(one.period == period for one in found)
            found.append(Closing(period, version, entry))
        elif entry.kind == "reopen":
            found = [
                Closing(one.period, one.version, one.entry, entry)
                if one.period == period and one.reopened is None
                else one
                for one in found
            ]
    return found


def purged(workspace: Workspace) -> set[str]:
    """The months of which nobody's data is there any more, so that they cannot be performed again."""
    months = (entry.comment or "" for entry in decisions.read(workspace) if entry.kind == "purge")
    return {month for listed in months for month in listed.split(", ") if month}


def closed(workspace: Workspace) -> dict[str, Closing]:
    """The sign-off of every month that is closed now, and that could be performed again."""
    gone = purged(workspace)
    return {one.period: one for one in closings(workspace) if one.reopened is None and one.period not in gone}


def refuse_purged(workspace: Workspace, period: str) -> None:
    """Raise TieoutError for a month whose deliveries are no more."""
    if period in purged(workspace):
        raise TieoutError(f"{period} was purged; it stays as it is, and cannot be run or signed off again.")


def refuse_sealed(workspace: Workspace, period: str) -> None:
    """Raise TieoutError for a month that may not change: a closed one, or one that a closed one builds on."""
    refuse_purged(workspace, period)
    sealed = closed(workspace)
    if period in sealed:
        raise TieoutError(
            f"{period} is closed (by {sealed[period].entry.who} and {sealed[period].entry.approver}); "
            f"reopen it first with `tieout reopen {period}`."
        )
    later = [other for other in sealed if other > period]
    if later:
        raise TieoutError(
            f"{period} cannot run again: {min(later)} is closed and builds on it; "
            f"reopen it first with `tieout reopen {min(later)}`."
        )


def keep(workspace: Workspace, manifest: Manifest) -> str:
    """Store a manifest under its sha256, which is returned."""
    said = _MANIFEST.dump_python(manifest, mode="json")
    content = digest.of_value(said)
    write_whole(_path(workspace, manifest.period, content), _MANIFEST.dump_json(manifest, indent=1))
    return content


def manifest_of(workspace: Workspace, closing: Closing) -> Manifest:
    """What a closing froze; raises TieoutError when it is lost or was changed since."""
    path = _path(workspace, closing.period, closing.content)
    try:
        manifest = _MANIFEST.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise TieoutError(f"{path}, which says what was closed, is missing; put it back from a backup.") from None
    except ValueError:
        raise TieoutError(f"{path} cannot be read; put it back from a backup.") from None
    if digest.of_value(_MANIFEST.dump_python(manifest, mode="json")) != closing.content:
        raise TieoutError(f"{path} was changed after {closing.period} was closed; put it back from a backup.")
    return manifest


def _path(workspace: Workspace, period: str, content: str) -> Path:
    return decisions.log_of(workspace).parent / "closed" / f"{period}.{content}.json"
