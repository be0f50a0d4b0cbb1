"""Which decisions may be recorded: what they need, by whom, in which order, and by how many people."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType

from tieout.decisions import KEPT_RULE, RECLAIMED, About, Entry, Proposal, Standing, not_corrected
from tieout.four_eyes import same_person
from tieout.settings import Settings

_ONLY: dict[About, tuple[tuple[str, ...], str]] = {
    "policy": (("approve", "correct"), "a change of policy, which can only be approved"),
    "reclaim": (("approve", "correct"), "the reclaim of a month, which can only be approved"),
    "source": (("override", "correct"), "a delivery; `tieout accept` overrides its bounds"),
    "period": (("close", "reopen", "purge"), "a month; `tieout close`, `tieout reopen` and `tieout purge` are for it"),
}
"""The decisions that make sense about anything but an exception, and what to say of others."""
LADDER = {"release": "approve", "realise": "release"}
"""Steps of a reclaim, each with the one it stands on; nobody takes two steps in a row."""
ABOUT_OPEN = ("acknowledge", "assign", "keep", "waive", "accept", "dispute", "approve")
SECONDED = ("waive", "accept", "override", "close", "reopen", "purge")
"""Decisions that need a second person, as `approver`: who reviews, where a month is closed or reopened."""
REASONED = ("override", "reopen", "purge")
"""Decisions that need a reason."""


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
    begun = standing.opened_on or date.min
    standing_entries = [
        entry
        for entry in not_corrected(earlier)
        if entry.exception_id == standing.exception_id and entry.at.astimezone(settings.zone).date() >= begun
    ]
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
    if kind in REASONED and not (proposal.reason or "").strip():
        return f"to {kind} needs a reason"
    if kind == "override":
        if until is None:
            return "an override needs the day it ends (until)"
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
        follows = LADDER.get(entry.kind) == named.kind and entry.seq > named.seq
        if follows and entry.exception_id == named.exception_id:
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
    kind, stated_role = proposal.kind, proposal.role
    if not settings.roles:
        return None
    if stated_role and stated_role not in settings.roles:
        return f"{stated_role!r} is no role; the roles are {', '.join(sorted(settings.roles))}"
    if stated_role and stated_role not in _held_by(proposal.who, settings):
        return f"{proposal.who} does not have the role {stated_role}"
    if kind not in (*SECONDED, "approve", *LADDER):
        return None
    person = proposal.approver if kind in SECONDED else proposal.who
    assert person is not None  # a missing approver was refused before
    held = {stated_role} if stated_role and kind not in SECONDED else _held_by(person, settings)
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


def _held_by(person: str, settings: Settings) -> set[str]:
    """The roles that somebody has."""
    return {name for name, role in settings.roles.items() if any(same_person(person, p) for p in role.people)}
