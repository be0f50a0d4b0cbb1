"""Sends what there is to say, each message once: mails by SMTP, a line to the chat by its webhook.

What went out is written down in `decisions/sent.jsonl`, one JSON object a line, so that nobody hears of it twice.
"""

import json
import mimetypes
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path

from connectors import http
from connectors.pages import PullError
from connectors.vault import Vault
from pipelines import crash
from pipelines.decisions import log_of
from pipelines.errors import ConfigError, TieoutError
from pipelines.notices import CHAT, Message
from pipelines.whole import write_whole
from pipelines.workspace import Workspace
from tieout import digest
from tieout.settings import Notify

SENT = "sent"
CLOSING = 421
"""What a mail server answers that takes no more in this connection."""


@dataclass(frozen=True)
class Outcome:
    """What became of a message: sent, or why not."""

    to: str
    subject: str
    outcome: str
    files: str


def deliver(workspace: Workspace, messages: Sequence[Message], now: datetime) -> list[Outcome]:
    """Send messages and write down those that went out; what could not be sent may be sent again.

    Raises ConfigError where `[notify]` does not say how.
    """
    notify = workspace.settings.notify
    if any(message.to != (CHAT,) for message in messages) and not (notify.smtp.host and notify.sender):
        raise ConfigError("nobody can be told by mail: [notify] needs a sender, and [notify.smtp] a host.")
    done = []
    with workspace.lock(), closing(_Way(notify, now)) as way:
        for message in messages:
            try:
                refused = way.send(message)
                crash.point("message-sent")
            except (PullError, smtplib.SMTPException, OSError, ValueError) as problem:
                done.append(as_outcome(message, f"not sent: {way.blotted(problem)}"))
            else:
                _note(workspace, message, now)
                done.append(as_outcome(message, f"{SENT}, but not to {refused}" if refused else SENT))
    return done


def as_outcome(message: Message, outcome: str) -> Outcome:
    """What became of a message, as a list shows it."""
    return Outcome(", ".join(message.to), message.subject, outcome, ", ".join(path.name for path in message.files))


def sent(workspace: Workspace) -> dict[str, datetime]:
    """When each message went out, by what it was about; raises TieoutError when the list of them is damaged."""
    path = _list_of(workspace)
    if not path.exists():
        return {}
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {line["about"]: datetime.fromisoformat(line["at"]) for line in lines}
    except (ValueError, KeyError, TypeError):
        raise TieoutError(
            f"{path} is damaged; put it back from a backup, or remove it to tell everybody again."
        ) from None


def forget(workspace: Workspace, before: str) -> None:
    """No longer know what went out before a month, and to whom."""
    path = _list_of(workspace)
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        write_whole(path, "".join(line for line in lines if json.loads(line)["at"][:7] >= before).encode())


# -- inside ----------------------------------------------------------------------------------------------------------


def _list_of(workspace: Workspace) -> Path:
    return log_of(workspace).with_name("sent.jsonl")


def _note(workspace: Workspace, message: Message, now: datetime) -> None:
    path = _list_of(workspace)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    line = {"about": message.about, "to": message.to, "subject": message.subject, "at": now.isoformat()}
    write_whole(path, f"{before}{json.dumps(line, ensure_ascii=False)}\n".encode())


class _Way:
    """The way out: the mail server is asked only when the first mail goes out, and one connection serves them all."""

    def __init__(self, notify: Notify, now: datetime) -> None:
        self._notify, self._now, self._vault = notify, now, Vault()
        self._server: smtplib.SMTP | None = None

    def send(self, message: Message) -> str:
        """Send one; returns in words which of its addresses the server refused while it took the mail for others."""
        if message.to == (CHAT,) and self._notify.webhook:
            http.post(self._vault.open(self._notify.webhook), {"text": message.text})
            return ""
        mail = self._mail(message)
        try:
            refused = self._open().send_message(mail)
        except smtplib.SMTPSenderRefused as problem:
            if problem.smtp_code != CLOSING:
                raise
            refused = self._open().send_message(mail)
        return ", ".join(
            f"{address} ({code} {said.decode(errors='replace')})" for address, (code, said) in refused.items()
        )

    def _open(self) -> smtplib.SMTP:
        """The connection; a new one where the server has closed it, as some do after a mail or ten."""
        try:
            if self._server and self._server.noop():
                return self._server
        except smtplib.SMTPServerDisconnected:
            pass
        self._server = self._connected()
        return self._server

    def close(self) -> None:
        if self._server:
            self._server.close()

    def blotted(self, problem: Exception) -> str:
        """What went wrong, on one line and without a secret."""
        return self._vault.blot(" ".join(str(problem).split()) or type(problem).__name__)

    def _connected(self) -> smtplib.SMTP:
        smtp = self._notify.smtp
        assert smtp.host  # without one, no mail is delivered
        trusted = ssl.create_default_context()
        server: smtplib.SMTP
        if smtp.security == "tls":
            server = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=30, context=trusted)
        else:
            server = smtplib.SMTP(smtp.host, smtp.port, timeout=30)
            if smtp.security == "starttls":
                server.starttls(context=trusted)
        if smtp.user and smtp.password:
            server.login(smtp.user, self._vault.open(smtp.password))
        return server

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = self._notify.sender, ", ".join(message.to)
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(self._now)
        name, at = digest.of_value([message.about, *message.to]), parseaddr(str(self._notify.sender))[1]
        mail["Message-ID"] = f"<{name}@{at.rpartition('@')[2]}>"  # a mailbox shows it once, however often it comes
        if self._notify.reply_to:
            mail["Reply-To"] = self._notify.reply_to
        mail.set_content(message.text)
        for path in message.files:
            main, _, sub = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
            mail.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)
        return mail
