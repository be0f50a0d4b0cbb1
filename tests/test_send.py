"""People are told once what concerns them, and the silent are reminded by the ladder."""

import json
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, Tieout, run_steps
from tests.faults.figures import measured
from tests.faults.victims import begin_command

CONFIG = """
[notify]
sender = "tieout@example.org"
finance = ["cfo@example.org"]
escalate_to = ["head@example.org"]
remind_after = [7, 14]
webhook = "${CHAT_WEBHOOK}"

[notify.smtp]
host = "127.0.0.1"
port = PORT
security = "none"

[owners.it]
email = "it@example.org"

[[routes]]
owner = "it"
asset_class = ["laptop"]

[[routes]]
owner = "nobody's\\nlist"
asset_class = ["monitor"]
"""
REGISTER = (
    "asset_tag,asset_class,status,serial\nT1,laptop,in_use,none\nT2,laptop,in_use,none\nM1,monitor,in_stock,none\n"
)


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails in the way of SMTP, as far as that needs."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[EmailMessage] = []
        self.refuses = ""
        self.takes = 99
        """So many mails in one connection."""


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        before = len(self.server.mails)
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"MAIL" and len(self.server.mails) - before == self.server.takes:
                self.wfile.write(b"421 enough of you\r\n")
                return
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(message_from_bytes(body, policy=policy.default))  # type: ignore[arg-type] # stubs know the old Message
            if word == b"RCPT" and self.server.refuses and self.server.refuses.encode() in line:
                self.wfile.write(b"550 nobody of that name\r\n")
            else:
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    said: list[Any] = []

    class Room(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Room) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("CHAT_WEBHOOK", f"http://127.0.0.1:{running.server_port}/hook/SECRET")
        yield said
        running.shutdown()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("books")
    (root / "inbox" / "2026-08").mkdir(parents=True)
    (root / "inbox" / "2026-08" / "assets.csv").write_text(REGISTER)
    (root / "tieout.toml").write_text(MINIMAL + CONFIG.replace("PORT", "2525"))
    run_steps(Workspace.open(root), "2026-08")
    return root


@pytest.fixture
def send(ran: Path, server: MailServer, chat: list[Any], tieout: Tieout) -> Iterator[Callable[..., Any]]:
    port = str(server.server_address[1])
    (ran / "tieout.toml").write_text(MINIMAL + CONFIG.replace("PORT", port))
    yield lambda *more: tieout("send", "-w", ran, *more)
    (ran / "decisions" / "sent.jsonl").unlink(missing_ok=True)


def addressed(server: MailServer) -> list[str]:
    return [str(mail["To"]) for mail in server.mails]


def test_a_server_that_takes_one_mail_a_connection_gets_them_all(send: Callable[..., Any], server: MailServer) -> None:
    server.takes = 1
    assert send("--at", "2026-09-01")[0] == 0
    assert addressed(server) == ["it@example.org", "cfo@example.org"]


def test_an_address_refused_among_others_is_told_and_nobody_hears_twice(
    send: Callable[..., Any], server: MailServer, ran: Path
) -> None:
    config = (ran / "tieout.toml").read_text()
    (ran / "tieout.toml").write_text(config.replace('"cfo@example.org"', '"cfo@example.org", "gone@example.org"'))
    server.refuses = "gone@example.org"
    code, out, err = send("--at", "2026-09-01")
    assert (code, "3 to send, 2 sent." in err) == (1, True)
    assert "sent, but not to gone@example.org (550 nobody of that name)" in out
    assert "0 to send" in send("--at", "2026-09-01")[2]
    assert addressed(server) == ["it@example.org", "cfo@example.org, gone@example.org"]


def test_everybody_hears_once_of_what_concerns_them(
    send: Callable[..., Any], server: MailServer, chat: list[Any]
) -> None:
    code, out, err = send("--at", "2026-09-01")
    assert (code, "nobody's list has no address" in err, "3 to send, 3 sent." in err) == (0, True, True)
    assert addressed(server) == ["it@example.org", "cfo@example.org"]
    pack, reclaim = server.mails
    names = [part.get_filename() for part in pack.iter_attachments()]
    assert names == ["it.html", "it.xlsx"]
    body = pack.get_body(("plain",))
    assert body is not None
    lines = body.get_content().splitlines()
    assert lines[0] == "2 exceptions of 2026-08 to see to, 2 new."
    assert lines.index("") == 6  # six lines, then how to answer
    assert [part.get_filename() for part in reclaim.iter_attachments()] == [
        "reclaim.html",
        "reclaim.xlsx",
        "reclaim.csv",
    ]
    assert "it: 2 open" in chat[0]["text"]
    code, out, err = send("--at", "2026-09-02")
    assert (code, out, len(server.mails), len(chat)) == (0, "", 2, 1)


KILLS = [f"{point}:{n}" for point in ("message-sent", "file-written", "file-placed") for n in (1, 2, 3)]


@pytest.mark.parametrize("points", [["message-sent:1"], pytest.param(KILLS * 4, marks=pytest.mark.slow)])
def test_whoever_sends_after_a_kill_leaves_nobody_out(
    points: list[str], send: Callable[..., Any], ran: Path, server: MailServer, chat: list[Any]
) -> None:
    for point in points:
        victim = begin_command(point, "send", "-w", str(ran), "--at", "2026-09-01")
        victim.join()
        assert victim.exitcode == -signal.SIGKILL
        assert send("--at", "2026-09-01")[0] == 0
        named = {str(mail["Message-ID"]): str(mail["To"]) for mail in server.mails}
        assert sorted(named.values()) == ["cfo@example.org", "it@example.org"]  # one that came twice has one name
        assert 3 <= len(server.mails) + len(chat) <= 4
        assert chat
        assert len((ran / "decisions" / "sent.jsonl").read_text().splitlines()) == 3
        (ran / "decisions" / "sent.jsonl").unlink()
        server.mails.clear()
        chat.clear()
        measured("kills of commands other than a run (send)", 1, 1)


def test_the_silent_are_reminded_by_the_ladder_and_the_last_goes_further_up(
    send: Callable[..., Any], server: MailServer, ran: Path, tieout: Tieout
) -> None:
    for day in ("01", "07", "08", "09", "15", "30"):
        assert send("--at", f"2026-09-{day}")[0] == 0
    reminders = [(mail["To"], mail["Subject"]) for mail in server.mails[2:]]
    assert reminders == [
        ("it@example.org", "Reminder: 2026-08, 2 exceptions for it"),
        ("it@example.org, head@example.org", "Reminder: 2026-08, 2 exceptions for it"),
    ]


def test_who_has_answered_is_not_reminded(
    send: Callable[..., Any], server: MailServer, ran: Path, tieout: Tieout
) -> None:
    send("--at", "2026-09-01")
    found = tieout("sql", "SELECT exception_id FROM exceptions_current WHERE owner = 'it'", "-w", ran, "--json").out
    one = json.loads(found)[0]["exception_id"]
    decide = ("decide", one, "--as", "acknowledge", "--by", "Ada", "--at", "2026-09-02", "-w", ran)
    assert tieout(*decide).code == 0
    send("--at", "2026-09-30")
    (ran / "decisions" / "log.jsonl").unlink()
    assert len(server.mails) == 2


def test_a_dry_run_shows_the_mails_and_sends_none(
    send: Callable[..., Any], server: MailServer, chat: list[Any]
) -> None:
    code, out, _ = send("--dry-run")
    assert (code, server.mails, chat) == (0, [], [])
    assert "To: it@example.org\nSubject: Example 2026-08: 2 exceptions for it\nAttached: it.html" in out
    told = json.loads(send("--dry-run", "--json").out)
    assert [one["files"] for one in told[:2]] == [
        ["it.html", "it.xlsx"],
        ["reclaim.html", "reclaim.xlsx", "reclaim.csv"],
    ]


def test_what_was_refused_is_told_and_sent_again(
    send: Callable[..., Any], server: MailServer, chat: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.refuses = "cfo@example.org"
    monkeypatch.setenv("CHAT_WEBHOOK", "http://127.0.0.1:9/hook/SECRET")
    code, out, err = send("--at", "2026-09-01", "--json")
    outcomes = [one["outcome"] for one in json.loads(out)]
    assert (code, outcomes[0], "3 to send, 1 sent." in err) == (1, "sent", True)
    assert "550" in outcomes[1]
    assert outcomes[2] == "not sent: http://127.0.0.1:9 cannot be reached (ConnectError)"
    server.refuses = ""
    send("--at", "2026-09-01")
    assert addressed(server) == ["it@example.org", "cfo@example.org"]


def test_wrong_ways_to_send_are_one_sentence(ran: Path, tieout: Tieout, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = MINIMAL + '[owners.it]\nemail = "it@example.org"\n[[routes]]\nowner = "it"\n'
    (ran / "tieout.toml").write_text(plain)
    code, _, err = tieout("send", "-w", ran)
    assert (code, "[notify] needs a sender, and [notify.smtp] a host." in err) == (2, True)
    code, _, err = tieout("send", "-w", ran, "--period", "2026-01")
    assert (code, "2026-01 has no report; run `tieout run --period 2026-01` first." in err) == (2, True)
    (ran / "tieout.toml").write_text(plain + '[notify.smtp]\nhost = "x"\npassword = "hunter2"\n')
    code, _, err = tieout("send", "-w", ran)
    assert (code, "holds a secret in plain text" in err, "hunter2" in err) == (2, True, False)


def test_open_names_the_page_and_the_pages_there_are(ran: Path, tieout: Tieout) -> None:
    (ran / "tieout.toml").write_text(MINIMAL)
    code, out, _ = tieout("open", "reclaim", "-w", ran, "--path")
    assert (code, out) == (0, f"{ran / 'reports' / '2026-08' / 'reclaim.html'}\n")
    code, _, err = tieout("open", "spares", "-w", ran, "--path")
    assert (code, "is no page; those there are: audit, disposal, expectations, index, owners/it, " in err) == (2, True)
