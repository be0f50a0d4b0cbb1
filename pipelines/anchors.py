"""Vouches in another place for what was written: `decisions/anchors.jsonl`, one JSON object a line, only added to.

Each line names the fingerprint of things as they were written, and the sha256 of the line before. So what was edited,
taken away or put back to an older state since is told from what Tieout wrote. The published database names a line in
turn, so that neither of the two can be cut short unnoticed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from pipelines import landing
from pipelines.errors import TieoutError
from pipelines.whole import place, sha256_of, write_beside
from pipelines.workspace import Workspace
from tieout import digest
from tieout.chain import FIRST_LINK, head
from tieout.decisions import Entry

DECISION, SIGNED, PUBLISHED, LANDED, KEPT, SEEN = "decision/", "signed/", "published/", "landed/", "kept/", "seen/"
"""What the names of things vouched for begin with: an entry of the log by number, a file below `decisions/closed`, a
month of a published table, a file below `landing` or `published/closed`, how many decisions a month's last run knew."""


@dataclass(frozen=True)
class Anchor:
    """One line: thing → its fingerprint, or nothing where the thing is no more."""

    vouches: Mapping[str, str | None]
    previous: str
    sha256: str = ""

    def sealed(self) -> "Anchor":
        """The same with the sha256 over what it vouches for and the line before."""
        return replace(self, sha256=digest.of_value({"vouches": dict(self.vouches), "previous": self.previous}))

    @property
    def line(self) -> str:
        """The anchor as the file has it, without its line end."""
        return digest.canonical(asdict(self))


_ANCHOR = TypeAdapter(Anchor)


def anchors_of(workspace: Workspace) -> Path:
    """The file that holds every anchor."""
    return workspace.decisions / "anchors.jsonl"


def signed_in(workspace: Workspace) -> Path:
    """The folder of what was signed for closed months."""
    return workspace.decisions / "closed"


def read(workspace: Workspace) -> tuple[Anchor, ...]:
    """Every anchor so far, oldest first; raises TieoutError, which names the line, when the file was changed."""
    path = anchors_of(workspace)
    if not path.exists():
        return ()
    found: list[Anchor] = []
    previous = FIRST_LINK
    *lines, rest = path.read_bytes().split(b"\n")
    for number, line in enumerate([*lines, rest] if rest else lines, 1):
        try:
            anchor = _ANCHOR.validate_json(line)
        except ValueError:
            anchor = None
        if anchor is None or anchor.previous != previous or anchor.sealed().line.encode() != line or line is rest:
            raise TieoutError(
                f"{path}: line {number} is not as it was written; put the file back as it was, from a backup."
            )
        found.append(anchor)
        previous = anchor.sha256
    return tuple(found)


def vouched(anchors: tuple[Anchor, ...]) -> dict[str, str]:
    """Everything that is vouched for, by name, as it was written last."""
    latest: dict[str, str | None] = {}
    for anchor in anchors:
        latest |= anchor.vouches
    return {name: fingerprint for name, fingerprint in latest.items() if fingerprint is not None}


def vouch(workspace: Workspace, things: Mapping[str, str | None]) -> None:
    """Write down the fingerprints of things just written; those that are known already add nothing."""
    for target, made in prepared(workspace, things).items():
        place(made, target)


def prepared(workspace: Workspace, things: Mapping[str, str | None]) -> dict[Path, Path]:
    """The file of anchors with the fingerprints of things, made beside its place: target → what was made.

    Nothing where all is known already.
    """
    anchors = read(workspace)
    known = vouched(anchors)
    new = {name: fingerprint for name, fingerprint in sorted(things.items()) if known.get(name) != fingerprint}
    if not new:
        return {}
    added = Anchor(new, anchors[-1].sha256 if anchors else FIRST_LINK).sealed()
    text = "".join(f"{anchor.line}\n" for anchor in (*anchors, added))
    return {anchors_of(workspace): write_beside(anchors_of(workspace), text.encode())}


def vouch_for_landed(workspace: Workspace, period: str) -> None:
    """Vouch for what was delivered for a month, and for every snapshot that nobody vouches for yet.

    A snapshot never changes, so that one that is vouched for is not looked at again.
    """
    known = vouched(read(workspace))
    named = {name_of(LANDED, workspace.landing, path): path for path in landing.manifests(workspace)}
    new = {name: path for name, path in named.items() if name not in known}
    delivered = landing.record_of(workspace, period)
    new[name_of(LANDED, workspace.landing, delivered)] = delivered
    vouch(workspace, {name: sha256_of(path) for name, path in new.items()})


def vouch_for_decisions(workspace: Workspace, log: Sequence[Entry]) -> None:
    """Vouch for the newest decision, and so for all before it, and for what was signed since nobody vouched for it."""
    known = vouched(read(workspace))
    folder = signed_in(workspace)
    signed = {name_of(SIGNED, folder, path): path for path in sorted(folder.glob("[0-9]*.json"))}
    new: dict[str, str | None] = {n: sha256_of(path) for n, path in signed.items() if n not in known}
    if log:
        new[f"{DECISION}{len(log)}"] = head(log)
    vouch(workspace, new)


def state(workspace: Workspace, log: Sequence[Entry]) -> pl.DataFrame:
    """The one row with which the published database vouches for the log of decisions and for this file.

    The lines that only vouch for published tables do not count, so that publishing the same twice says the same.
    """
    counting = [
        (number, anchor.sha256)
        for number, anchor in enumerate(read(workspace), 1)
        if not all(name.startswith(PUBLISHED) for name in anchor.vouches)
    ]
    number, sha256 = counting[-1] if counting else (0, FIRST_LINK)
    row = {"decisions": len(log), "chain_head": head(log), "anchors": number, "anchors_head": sha256}
    return pl.DataFrame([row])


def name_of(kind: str, folder: Path, path: Path) -> str:
    """What a file below a folder is called among the things vouched for."""
    return f"{kind}{path.relative_to(folder).as_posix()}"
