"""What the people of a month are told: owners their packs, finance the reclaim, breaches, reminders to the silent."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pipelines import decisions, steps
from pipelines.errors import ConfigError
from pipelines.steps import Month
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from reports import About, controls, entries, owners
from reports.controls import Breach
from reports.owners import Pack
from reports.page import many

CHAT = "chat"
"""Whom a message is for that goes to the webhook."""


@dataclass(frozen=True)
class Message:
    """One mail, or one message to the chat. `about` tells what it is, so that it is sent once."""

    about: str
    to: tuple[str, ...]
    subject: str
    text: str
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Due:
    """What is to be sent now, and in one sentence each who cannot be told, and what would change that."""

    messages: tuple[Message, ...]
    unreachable: tuple[str, ...]


def due(workspace: Workspace, period: str, sent: Mapping[str, datetime], now: datetime) -> Due:
    """What a month's people have not been told yet; `sent` says when which message went out.

    Raises ConfigError when the month has no report.
    """
    folder = workspace.reports / period
    if not (folder / "index.html").is_file():
        raise ConfigError(f"{period} has no report; run `tieout run --period {period}` first.")
    tables, about, rules = steps.told(Month(workspace, period), Warehouse(workspace.tables))
    packs = [pack for pack in owners.build(about, rules, entries.gather(tables, about, rules)) if pack.open]
    addresses = {pack.owner: _address(workspace, pack.owner) for pack in packs}
    breaches = controls.breaches(tables, about)
    wanted = [
        *(_pack_mail(pack, addresses[pack.owner], folder, about) for pack in packs),
        *_reminders(workspace, packs, addresses, folder, about, sent, now),
        _reclaim_mail(workspace, folder, about),
        *(_breach_mail(one, _address(workspace, one.owner), about) for one in breaches),
        *_chat_line(workspace, packs, about),
    ]
    answering = addresses | {one.owner: _address(workspace, one.owner) for one in breaches}
    return Due(
        tuple(
            replace(message, subject=_on_one_line(message.subject))
            for message in wanted
            if message.to and message.about not in sent
        ),
        tuple(_unreachable(workspace, answering)),
    )


def _address(workspace: Workspace, owner: str) -> tuple[str, ...]:
    """The address of an owner: the configured one, or the owner's own name where that is one."""
    stated = workspace.settings.owners.get(owner)
    address = (stated.email if stated else None) or (owner if "@" in owner else None)
    return (address,) if address else ()


def _on_one_line(text: str) -> str:
    """A text without line ends, which in the head of a mail would begin another line of it."""
    return " ".join(text.split())


def _unreachable(workspace: Workspace, addresses: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    for owner, address in addresses.items():
        if not address:
            named = json.dumps(owner, ensure_ascii=False)
            yield f"{_on_one_line(owner)} has no address; give [owners.{named}] an email."
    if not workspace.settings.notify.finance:
        yield "nobody gets the licence reclaim; name their addresses as finance in [notify]."


def _pack_mail(pack: Pack, to: tuple[str, ...], folder: Path, about: About) -> Message:
    subject = f"{about.organisation} {about.period}: {many(pack.open, 'exception')} for {pack.owner}"
    text = "\n".join(
        [*pack.summary, "", "The page and the workbook are attached; send either back with your decisions."]
    )
    return Message(_about_pack(pack, about), to, subject, text, _pack_files(pack, folder))


def _about_pack(pack: Pack, about: About) -> str:
    return f"{about.period} pack {pack.owner}"


def _pack_files(pack: Pack, folder: Path) -> tuple[Path, ...]:
    found = sorted((folder / "owners").glob("*"))
    mine = {f"{pack.file}.html", f"{pack.file}.xlsx", *(f"{pack.file}.{n}.html" for n in range(2, len(pack.parts) + 1))}
    return tuple(path for path in found if path.name in mine)


def _reminders(
    workspace: Workspace, packs: Iterable[Pack], addresses: dict[str, tuple[str, ...]], folder: Path, about: About,
    sent: Mapping[str, datetime], now: datetime,
) -> Iterable[Message]:  # fmt: skip
    """A reminder to owners who answered nothing since they got their pack, one a step; the last goes up, too."""
    notify = workspace.settings.notify
    answered = {entry.exception_id for entry in decisions.read(workspace)}
    for pack in packs:
        began = sent.get(_about_pack(pack, about))
        stated = workspace.settings.owners.get(pack.owner)
        is_silent = answered.isdisjoint(pack.rows["exception_id"])
        if began is None or not is_silent or (stated and not stated.reminders):
            continue
        passed = [days for days in sorted(notify.remind_after) if (now - began).days >= days]
        if passed:
            is_last = passed[-1] == max(notify.remind_after)
            yield Message(
                f"{about.period} reminder {passed[-1]} {pack.owner}",
                (*addresses[pack.owner], *(notify.escalate_to if is_last else ())),
                f"Reminder: {about.period}, {many(pack.open, 'exception')} for {pack.owner}",
                "\n".join([f"{pack.owner} has not answered for {many((now - began).days, 'day')}.", *pack.summary]),
                _pack_files(pack, folder),
            )


def _reclaim_mail(workspace: Workspace, folder: Path, about: About) -> Message:
    files = tuple(folder / f"reclaim.{suffix}" for suffix in ("html", "xlsx", "csv"))
    text = (
        f"The licence reclaim of {about.period} is attached as page, workbook and CSV; all three agree to the cent.\n"
        f"To sign it: tieout decide reclaim/{about.period} --as approve --by ..."
    )
    subject = f"{about.organisation} {about.period}: licence reclaim"
    return Message(f"{about.period} reclaim", tuple(workspace.settings.notify.finance), subject, text, files)


def _breach_mail(breach: Breach, to: tuple[str, ...], about: About) -> Message:
    value = "not known" if breach.value is None else f"{breach.value.normalize():f}"
    limit = "may get worse by" if breach.what == "change" else "its limit is"
    text = (
        f"{breach.figure} of {breach.scope} is {value}; {limit} {breach.limit.normalize():f}.\n"
        f"{breach.owner} answers by {breach.due_on}{', which is past' if breach.overdue else ''}; it has been so for "
        f"{many(breach.periods_open, 'period')}."
    )
    subject = f"{about.organisation} {about.period}: {breach.figure} of {breach.scope} is beyond its threshold"
    return Message(f"{about.period} breach {breach.figure}/{breach.scope}/{breach.what}", to, subject, text)


def _chat_line(workspace: Workspace, packs: Sequence[Pack], about: About) -> Iterable[Message]:
    if not workspace.settings.notify.webhook:
        return
    lines = [
        f"{about.organisation} {about.period}: {many(sum(pack.open for pack in packs), 'exception')} to see to",
        *(
            f"{_on_one_line(pack.owner)}: {pack.open:,} open, {pack.overdue:,} overdue, {pack.critical:,} critical"
            for pack in packs
        ),
    ]
    yield Message(f"{about.period} chat", (CHAT,), lines[0], "\n".join(lines))
