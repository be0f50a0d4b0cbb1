"""What people decide about exceptions: the entries of an append-only log, and which of them may stand.

Every entry names the sha256 of the one before it, so that an edited, removed or inserted entry breaks the chain. A
correction is a new entry that names the one it takes back. An entry counts for every period whose as_of it is not
later than, so that an old month run again comes to the same answer.
"""

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Literal, get_args

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from tieout.feeds import SCALE
from tieout.personal import FORGOTTEN
from tieout.settings import Settings

Kind = Literal[
    "acknowledge", "assign", "keep", "waive", "accept", "dispute", "approve", "release", "realise", "correct",
    "override", "close", "reopen", "purge",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
About = Literal["exception", "policy", "reclaim", "source", "period"]
"""What a decision can be about: an exception, a policy change, a month's reclaim, a source's delivery, a month."""
_ONLY: dict[About, tuple[tuple[str, ...], str]] = {
    "policy": (("approve", "correct"), "a change of policy, which can only be approved"),
    "reclaim": (("approve", "correct"), "the reclaim of a month, which can only be approved"),
    "source": (("override", "correct"), "a delivery; `tieout accept` overrides its bounds"),
    "period": (("close", "reopen", "purge"), "a month; `tieout close`, `tieout reopen` and `tieout purge` are for it"),
}
"""The decisions that make sense about anything but an exception, and what to say of others."""
STATES = {
    "acknowledge": "acknowledged",
    "assign": "in_progress",
    "waive": "waived",
    "accept": "accepted",
    "dispute": "disputed",
}
"""The status an exception has by a decision."""
LADDER = {"release": "approve", "realise": "release"}
"""Steps of a reclaim, each with the one it stands on; nobody takes two steps in a row."""
ABOUT_OPEN = ("acknowledge", "assign", "keep", "waive", "accept", "dispute", "approve")
SECONDED = ("waive", "accept", "override", "close", "reopen", "purge")
"""Decisions that need a second person, as `approver`: who reviews, where a month is closed or reopened."""
KEPT_RULE = "inactive-seat"
RECLAIMED = "licence_pool"
PURGE = "purge/"
"""What the id of a purge begins with in the log; the first month that it leaves follows."""
FIRST_LINK = "0" * 64
"""What the first entry names as the one before it."""

DECISIONS: dict[str, pl.DataType] = {
    "seq": pl.Int64(), "exception_id": pl.String(), "kind": pl.String(), "who": pl.String(), "os_user": pl.String(),
    "role": pl.String(), "channel": pl.String(), "at": pl.Datetime("us", "UTC"), "reason": pl.String(),
    "comment": pl.String(), "until": pl.Date(), "approver": pl.String(), "owner": pl.String(),
    "document": pl.String(), "value": pl.Decimal(38, SCALE), "corrects": pl.Int64(), "file": pl.String(),
    "previous": pl.String(), "sha256": pl.String(),
}  # fmt: skip

Plain = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]


class Proposal(BaseModel):
    """What somebody wants to be recorded about one exception.

    `until` is the last day a waiver or a kept seat holds; `owner` who is to see to it; `document` what proves it;
    `corrects` the number of the entry that no longer counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exception_id: str
    kind: Kind
    who: str
    role: str | None = None
    reason: str | None = None
    comment: str | None = None
    until: date | None = None
    approver: str | None = None
    owner: str | None = None
    document: str | None = None
    corrects: int | None = None


class Entry(Proposal):
    """One entry of the log. `value` is what the exception was worth when it was decided; null = unvalued."""

    seq: Annotated[int, Field(ge=1)]
    os_user: str
    channel: Literal["cli", "import"]
    at: datetime
    value: Plain | None = None
    file: str | None = None  # sha256 of the imported file
    previous: str
    sha256: str = ""
    purged: bool | None = None  # true where it no longer says who decided; its sha256 is that of what it said

    @property
    def line(self) -> str:
        """The entry as the log has it, without its line end."""
        return json.dumps(_said(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def words(self) -> list[str]:
        """Everything in it that says who somebody is, or that somebody wrote."""
        said = (self.who, self.os_user, self.approver, self.owner, self.role, self.reason, self.comment)
        return [text for text in said if text]

    def sealed(self) -> "Entry":
        """The same with its sha256, which is taken over everything else it says."""
        return self.model_copy(update={"sha256": _fingerprint(self)})


@dataclass(frozen=True)
class Standing:
    """How the thing stands that somebody decides about, as last published.

    `is_event` tells rules about things that happened from rules about how things are. `stated_by` is who wrote a
    policy change, where its author is known. `content` is the sha256 of what is signed, where a signature is void as
    soon as that changes.
    """

    exception_id: str
    rule: str
    subject: str
    status: str
    value: Decimal | None
    value_kind: str | None
    is_event: bool
    about: About = "exception"
    stated_by: str | None = None
    content: str | None = None


@dataclass(frozen=True)
class Tombstones:
    """A log in which the entries of purged months say nothing of a person, and the sha256 over those entries."""

    entries: tuple[Entry, ...]
    sha256: str


class ChainError(ValueError):
    """The log is not what was recorded; the sentence names the line."""


# -- the chain -------------------------------------------------------------------------------------------------------


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
        if entry.line != line or (entry.sha256 != _fingerprint(entry) and not entry.purged):
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


def _said(entry: Entry) -> dict[str, object]:
    return entry.model_dump(mode="json", exclude_none=True)


def _fingerprint(entry: Entry) -> str:
    said = {name: value for name, value in _said(entry).items() if name != "sha256"}
    canonical = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


# -- what may be recorded --------------------------------------------------------------------------------------------


def refusal(
    proposal: Proposal,
    standing: Standing | None,
    earlier: Sequence[Entry],
    settings: Settings,
    today: date,
    people: Mapping[str, str] = MappingProxyType({}),
) -> str | None:
    """Why a proposal cannot be recorded, as one clear sentence; None when it can.

    `today` is the local date of the decision; `people` says whose a name, an address, a username or a person_id
    is, in small letters, as far as HR and the accounts tell.
    """
    if not proposal.who.strip():
        return "it does not say who decides"
    if standing is None:
        return f"no exception is called {proposal.exception_id}"
    standing_entries = [entry for entry in not_corrected(earlier) if entry.exception_id == standing.exception_id]
    return (
        _unfit(proposal, standing)
        or _incomplete(proposal, settings, today)
        or _uncorrectable(proposal, earlier)
        or _out_of_order(proposal, standing, [e for e in standing_entries if e.seq != proposal.corrects], people)
        or _alone(proposal, standing, people)
        or _unauthorised(proposal, standing, settings)
    )


def completed(proposal: Proposal, settings: Settings, today: date) -> Proposal:
    """The proposal with the day a kept seat is kept until, where it does not say."""
    if proposal.kind == "keep" and proposal.until is None:
        return proposal.model_copy(update={"until": today + timedelta(days=settings.policy.keep_days)})
    return proposal


def same_person(one: str, other: str, people: Mapping[str, str] = MappingProxyType({})) -> bool:
    """True when two texts name one person: by name or e-mail in any case, or by a name spelt out in the address.

    Also where both are known as keys of one person. In doubt it says yes: two steps of one person look like four eyes,
    two people are asked once more.
    """
    one_is, other_is = ({people[key] for key in keys_in(text) if key in people} for text in (one, other))
    if one_is & other_is:
        return True
    names, addresses = _identify(one)
    other_names, other_addresses = _identify(other)
    if addresses and other_addresses:
        return bool(addresses & other_addresses)
    spelt = names | {_spelt(address) for address in addresses}
    other_spelt = other_names | {_spelt(address) for address in other_addresses}
    return bool(spelt & other_spelt - {""})


def keys_in(text: str) -> list[str]:
    """By what a text that names somebody is looked up: its parts in small letters, of names the words in one order."""
    return [part if "@" in part else _spelt(part) for part in _parts(text)]


def _parts(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [part.strip() for part in folded.replace(">", "<").split("<") if part.strip()]


def _identify(text: str) -> tuple[set[str], set[str]]:
    """The names and the addresses in `Ada Byron`, `ada@x.org` or `Ada Byron <ada@x.org>`."""
    parts = _parts(text)
    addresses = {part for part in parts if "@" in part}
    return {_spelt(part) for part in parts if "@" not in part}, addresses


def _spelt(text: str) -> str:
    """The words of a name or of the part of an address before the @, in one order."""
    local = text.split("@")[0]
    return " ".join(sorted("".join(c if c.isalnum() else " " for c in local).split()))


def _unfit(proposal: Proposal, standing: Standing) -> str | None:
    """Whether this kind of decision makes sense for what it is about."""
    kind, name = proposal.kind, f"{standing.rule} {standing.subject}"
    if standing.about != "exception":
        kinds, instead = _ONLY[standing.about]
        return None if kind in kinds else f"{name} is {instead}"
    if kind in ("override", "close", "reopen", "purge"):
        return f"{name} is an exception, so there is nothing to {kind}"
    if kind in ABOUT_OPEN and standing.status in ("resolved", "accepted"):
        return f"{name} is {standing.status}, so there is nothing to {kind}"
    if kind == "accept" and not standing.is_event:
        return f"{name} is about how things are now, not about an event, so it cannot be accepted; waive it until a day"
    if kind == "keep" and standing.rule != KEPT_RULE:
        return f"{name} cannot be kept: only an {KEPT_RULE} can; waive it until a day"
    if kind in ("approve", *LADDER) and standing.value_kind != RECLAIMED:
        return f"{name} is no licence that could be given back, so there is nothing to {kind}"
    return None


def _incomplete(proposal: Proposal, settings: Settings, today: date) -> str | None:
    """Whether everything is said that this kind of decision needs."""
    kind, until = proposal.kind, proposal.until
    limits = {"waive": settings.policy.waive_days, "keep": settings.policy.keep_days}
    if kind == "override":
        if until is None:
            return "an override needs the day it ends (until)"
        if not (proposal.reason or "").strip():
            return "an override needs its reason"
    elif kind in limits:
        last = today + timedelta(days=limits[kind])
        if until is None and kind == "waive":
            return f"a waiver needs the day it ends (until), {last} at the latest"
        if until and not today <= until <= last:
            return f"until is {until}, but must lie between {today} and {last} ({limits[kind]} days)"
    elif until:
        return f"until has no meaning for {kind}: only a waiver, a kept seat or an override ends on a day"
    if kind in SECONDED and not (proposal.approver or "").strip():
        return f"to {kind} needs a second person (approver)"
    if kind == "assign" and not (proposal.owner or "").strip():
        return "to assign needs the name of who is to see to it (to)"
    if kind == "realise" and not (proposal.document or "").strip():
        return "to mark it realised needs the document that proves it"
    if kind == "correct" and proposal.corrects is None:
        return "a correction needs the number of the decision it takes back (corrects)"
    return None


def _uncorrectable(proposal: Proposal, earlier: Sequence[Entry]) -> str | None:
    """Whether the entry that is to be taken back exists, still counts, and carries no other."""
    number = proposal.corrects
    if number is None:
        return None
    named = next((entry for entry in earlier if entry.seq == number), None)
    if named is None or named.exception_id != proposal.exception_id:
        return f"D{number} is no decision about {proposal.exception_id}"
    counting = not_corrected(earlier)
    if named.kind == "correct" or named not in counting:
        return f"D{number} no longer counts, so there is nothing to correct"
    for entry in counting:
        if LADDER.get(entry.kind) == named.kind and entry.exception_id == named.exception_id:
            return f"D{number} carries D{entry.seq} ({entry.kind}); correct that one first"
    return None


def _out_of_order(
    proposal: Proposal, standing: Standing, counting: Sequence[Entry], people: Mapping[str, str]
) -> str | None:
    """Whether the step before was taken, by somebody else, and this one not yet."""
    kind = proposal.kind
    if kind not in ("approve", *LADDER):
        return None
    done = next((entry for entry in counting if entry.kind == kind), None)
    if done and done.document == (standing.content or done.document):
        return f"D{done.seq} by {done.who} says so already ({kind})"
    if kind == "approve":
        return None
    before = next((entry for entry in counting if entry.kind == LADDER[kind]), None)
    if before is None:
        return f"there is no decision to {LADDER[kind]} it yet, on which to {kind}"
    if same_person(before.who, proposal.who, people):
        return f"{proposal.who} took the step before (D{before.seq}, {before.kind}); somebody else must {kind}"
    return None


def _alone(proposal: Proposal, standing: Standing, people: Mapping[str, str]) -> str | None:
    """Whether one person stands on both sides."""
    if proposal.approver and same_person(proposal.who, proposal.approver, people):
        return f"{proposal.approver} cannot approve what {proposal.who} asks for; name somebody else as approver"
    if standing.stated_by and same_person(proposal.who, standing.stated_by, people):
        return f"{proposal.who} asked for this change; somebody else must approve it"
    return None


def _unauthorised(proposal: Proposal, standing: Standing, settings: Settings) -> str | None:
    """Whether `[roles]` lets the person do it, in the role they name, up to the value at stake."""
    kind = proposal.kind
    if proposal.role and proposal.role not in settings.roles and settings.roles:
        return f"{proposal.role!r} is no role; the roles are {', '.join(sorted(settings.roles))}"
    if not settings.roles or kind not in (*SECONDED, "approve", *LADDER):
        return None
    person = proposal.approver if kind in SECONDED else proposal.who
    assert person is not None  # a missing approver was refused before
    held = {name for name, role in settings.roles.items() if any(same_person(person, p) for p in role.people)}
    if proposal.role and kind not in SECONDED:
        if proposal.role not in held:
            return f"{person} does not have the role {proposal.role}"
        held = {proposal.role}
    right = "close" if kind in ("reopen", "purge") else kind
    able = {name for name, role in settings.roles.items() if right in role.may}
    if not held & able:
        need = f"the role {' or '.join(sorted(able))}" if able else "a role that may, and [roles] has none"
        return f"{person} may not {kind}: it needs {need}"
    limits = [settings.roles[name].limit for name in held & able]
    if any(limit is None for limit in limits) or standing.value_kind is None:
        return None
    highest = max(limit for limit in limits if limit is not None)
    stated = f"{highest:f} {settings.reporting_currency}"
    if standing.value is None:
        return f"{person} may {kind} up to {stated}, and nobody knows what this is worth"
    if standing.value > highest:
        return f"{person} may {kind} up to {stated}, and this is worth {standing.value:.2f}"
    return None


# -- what counts -----------------------------------------------------------------------------------------------------


def not_corrected(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that no other takes back; corrections themselves included."""
    listed = list(entries)
    taken_back = {entry.corrects for entry in listed if entry.corrects is not None}
    return [entry for entry in listed if entry.seq not in taken_back]


def as_frame(entries: Iterable[Entry]) -> pl.DataFrame:
    """The log as a table, one row an entry."""
    rows = [{**entry.model_dump(), "value": entry.value} for entry in entries]
    return pl.DataFrame([{name: row[name] for name in DECISIONS} for row in rows], schema=DECISIONS)


def not_corrected_frame(log: pl.DataFrame) -> pl.DataFrame:
    """The entries that no other takes back, corrections themselves left out; oldest first."""
    taken_back = log["corrects"].drop_nulls().implode()
    return log.filter(~pl.col("seq").is_in(taken_back), pl.col("kind") != "correct").sort("at", "seq")


def in_force(log: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The entries that count at an instant: taken by then, and by then not taken back; oldest first."""
    return not_corrected_frame(log.filter(_taken_by(as_of)))


def account(log: pl.DataFrame, as_of: datetime, settings: Settings, exceptions: pl.DataFrame) -> pl.DataFrame:
    """The whole log with what became of each entry at an instant, as `state`, and the month it was taken in.

    `exceptions` is the list of that period. States: `later` (taken after as_of), `taken back`, `expired`, `idle` (a
    waiver of something that is not, or no longer, an exception), `counts`.
    """
    counting = in_force(log, as_of)["seq"].implode()
    today = as_of.astimezone(settings.zone).date()
    waived = exceptions.filter(pl.col("status") == "waived")["exception_id"].implode()
    state = (
        pl.when(~_taken_by(as_of)).then(pl.lit("later"))
        .when((pl.col("kind") != "correct") & ~pl.col("seq").is_in(counting)).then(pl.lit("taken back"))
        .when(pl.col("until") < pl.lit(today)).then(pl.lit("expired"))
        .when((pl.col("kind") == "waive") & ~pl.col("exception_id").is_in(waived)).then(pl.lit("idle"))
        .otherwise(pl.lit("counts"))
    )  # fmt: skip
    month = pl.col("at").dt.convert_time_zone(settings.timezone).dt.strftime("%Y-%m")
    return log.with_columns(month.alias("period"), state.alias("state"), in_words().alias("decision")).sort("seq")


def _taken_by(as_of: datetime) -> pl.Expr:
    return pl.col("at") <= pl.lit(as_of, pl.Datetime("us", "UTC"))


def in_words() -> pl.Expr:
    """A decision as one phrase: what, by whom, and what stands with it."""
    done = {
        **STATES, "assign": "assigned", "keep": "kept", "approve": "reclaim approved", "release": "released",
        "realise": "realised", "correct": "taken back", "override": "accepted as it is", "close": "closed",
        "reopen": "reopened",
        "purge": "purged",
    }  # fmt: skip

    def part(text: str, column: str) -> pl.Expr:
        filled = pl.col(column).is_not_null() & (pl.col(column).cast(pl.String) != "")
        return pl.when(filled).then(pl.format(text, pl.col(column).cast(pl.String))).otherwise(pl.lit(""))

    return pl.concat_str(
        pl.col("kind").replace_strict(done),
        part(" to {}", "owner"),
        part(" until {}", "until"),
        part(" by {}", "who"),
        part(", approved by {}", "approver"),
        part(", document {}", "document"),
        part(": {}", "reason"),
        part(" ({})", "comment"),
    )
