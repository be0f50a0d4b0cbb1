"""The log of decisions as a chain: every entry names the sha256 of the one before, and a purge vouches for its gaps."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tieout.decisions import Entry
from tieout.personal import FORGOTTEN

FIRST_LINK = "0" * 64
"""What the first entry names as the one before it."""


@dataclass(frozen=True)
class Tombstones:
    """A log in which the entries of purged months say nothing of a person, and the sha256 over those entries."""

    entries: tuple[Entry, ...]
    sha256: str


class ChainError(ValueError):
    """The log is not what was recorded; the sentence names the line."""


def verify(lines: Sequence[str]) -> tuple[Entry, ...]:
    """The entries of a log, each held against the one before it; raises ChainError at the first that does not fit."""
    entries: list[Entry] = []
    previous = FIRST_LINK
    for number, line in enumerate(lines, 1):
        try:
            entry = Entry.model_validate_json(line)
        except ValueError:
            raise ChainError(f"line {number} is no decision") from None
        if entry.seq != number or entry.previous != previous:
            raise ChainError(f"line {number} does not follow from the line before it")
        if entry.line != line or (entry.sha256 != entry.fingerprint and not entry.purged):
            raise ChainError(f"line {number} was changed after it was recorded")
        entries.append(entry)
        previous = entry.sha256
    _hold_tombstones(entries)
    return tuple(entries)


def tombstones(entries: Sequence[Entry], before: str, held: Callable[[str], bool]) -> Tombstones:
    """The log as a purge of the months before one leaves it; those that are held stay as they are."""
    left = tuple(
        entry if _month(entry) >= before or held(_month(entry)) or entry.kind == "purge" else _tombstone(entry)
        for entry in entries
    )
    return Tombstones(left, _over([entry for entry in left if entry.purged]))


def _tombstone(entry: Entry) -> Entry:
    nobody = {"who": FORGOTTEN, "os_user": FORGOTTEN, "purged": True}
    told = ("role", "reason", "comment", "approver", "owner", "file")
    return entry.model_copy(update=nobody | dict.fromkeys(told))


def _hold_tombstones(entries: Sequence[Entry]) -> None:
    """Whether the newest purge vouches for what is left of every entry that no longer tells all."""
    purged = [entry for entry in entries if entry.purged]
    newest = next((entry for entry in reversed(entries) if entry.kind == "purge"), None)
    if purged and (newest is None or _over(purged) != newest.document):
        raise ChainError(f"line {purged[0].seq}, or another one that was purged, was changed since")


def _over(entries: Sequence[Entry]) -> str:
    return hashlib.sha256("\n".join(entry.line for entry in entries).encode()).hexdigest()


def _month(entry: Entry) -> str:
    return entry.at.strftime("%Y-%m")


def head(entries: Sequence[Entry]) -> str:
    """The sha256 of the newest entry, which vouches for all before it."""
    return entries[-1].sha256 if entries else FIRST_LINK
