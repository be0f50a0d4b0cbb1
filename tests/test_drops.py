"""Files dropped elsewhere: copied byte for byte from where they lie, and only from a server that is known."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paramiko
import pytest

from tests.peer import CANARY
from tests.test_real_servers import pulled

KEY = paramiko.RSAKey.generate(2048)
GOES_ON = threading.Event()
PEOPLE = "person_id,full_name,status\n0042,Zoë Ünal,active\n0043,Left Early,terminated\n"


class _Login(paramiko.ServerInterface):
    """Lets one user in, by a password."""

    def check_auth_password(self, username: str, password: str) -> int:
        is_right = (username, password) == ("tieout", CANARY)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    """Shows a folder to read."""

    root = Path()

    def _local(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        found = []
        if path.endswith("/closed"):
            return paramiko.SFTP_PERMISSION_DENIED
        for entry in sorted(self._local(path).iterdir()):
            told = paramiko.SFTPAttributes.from_stat(entry.stat())
            told.filename = entry.name
            found.append(told)
        return found

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._local(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        local = self._local(path)
        handle = _Stalling(flags) if local.name.startswith("stalls") else paramiko.SFTPHandle(flags)
        handle.readfile = local.open("rb")
        if local.name.startswith("grows"):
            local.write_text(PEOPLE + "0044,Came Later,active\n", encoding="utf-8")
        return handle


class _Stalling(paramiko.SFTPHandle):
    """Answers no question for what a file holds, as a server does whose disk hangs."""

    def read(self, offset: int, length: int) -> bytes:
        GOES_ON.wait(20)
        return b""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of an SFTP server that shows a folder with a file for October."""
    (tmp_path / "out" / "2026-10").mkdir(parents=True)
    (tmp_path / "out" / "2026-10" / "hr.csv").write_text(PEOPLE, encoding="utf-8")
    _Files.root = tmp_path / "out"
    transports: list[paramiko.Transport] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(KEY)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
            transport.start_server(server=_Login())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"sftp://127.0.0.1:{listening.getsockname()[1]}/{{period}}/*.csv"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()
    for transport in transports:
        transport.close()


HOST_KEY = f"{KEY.get_name()} {KEY.get_base64()}"
LOGIN = {"feed": "people", "connector": "drop", "user": "tieout", "password": "${PASSWORD}"}


@pytest.mark.proves("drop", "fixture", "an SFTP server")
def test_files_come_from_an_sftp_server(server: str, tmp_path: Path) -> None:
    (tmp_path / "pulls").mkdir()
    fetched, staged = pulled(tmp_path / "pulls", **LOGIN, url=server, host_key=HOST_KEY)
    assert (fetched.outcome, fetched.proof) == ("complete", "end of file"), fetched.why
    assert staged.rows["full_name"].to_list() == ["Zoë Ünal", "Left Early"]
    assert fetched.files[0].bytes == len(PEOPLE.encode())


def test_a_server_with_another_key_is_sent_no_password(server: str, tmp_path: Path) -> None:
    other = paramiko.RSAKey.generate(2048)
    fetched, staged = pulled(tmp_path, **LOGIN, url=server, host_key=f"{other.get_name()} {other.get_base64()}")
    assert (fetched.outcome, staged.landed) == ("failed", 0)
    assert "does not match" in str(fetched.why)


def test_a_server_that_nobody_knows_is_sent_no_password(server: str, tmp_path: Path) -> None:
    fetched, _ = pulled(tmp_path, **LOGIN, url=server)
    assert fetched.outcome == "failed"
    assert "not found in known_hosts" in str(fetched.why)


def test_a_wrong_password_is_told(server: str, tmp_path: Path) -> None:
    fetched, _ = pulled(tmp_path, **{**LOGIN, "password": "${WRONG}"}, url=server, host_key=HOST_KEY)
    assert fetched.outcome == "failed"
    assert "Authentication failed" in str(fetched.why)
    assert "wrong-password" not in str(fetched.why)


@pytest.mark.parametrize(
    ("folder", "name", "said"),
    [
        (
            "2026-10/closed",
            "hr.csv",
            "/2026-10/closed cannot be listed: Permission denied; what lies there is not known",
        ),
        ("2026-10/open", "grows.csv", "grows.csv changed while it was copied; pull it again when it is written"),
        ("2026-10/open", "stalls.csv", "cannot be fetched: no answer within request_seconds = 1"),
    ],
)
def test_what_may_not_be_the_whole_is_no_delivery(
    server: str, tmp_path: Path, folder: str, name: str, said: str
) -> None:
    (tmp_path / "out" / folder).mkdir()
    (tmp_path / "out" / folder / name).write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "out/2026-10/whole").mkdir()
    (tmp_path / "out/2026-10/whole/a.csv").write_text(PEOPLE, encoding="utf-8")
    limits = {"request_seconds": 1}
    GOES_ON.clear()
    url = server.replace("*.csv", "*/*.csv")
    try:
        fetched, _ = pulled(tmp_path, **LOGIN, url=url, host_key=HOST_KEY, limits=limits)
    finally:
        GOES_ON.set()
    assert fetched.outcome == "failed"
    assert said in str(fetched.why)


def test_a_folder_among_files_is_none_and_so_is_a_file_half_uploaded(server: str, tmp_path: Path) -> None:
    (tmp_path / "out/2026-10/old").mkdir()
    (tmp_path / "out/2026-10/.hr.csv.part").write_text("person_id")
    fetched, staged = pulled(tmp_path, **LOGIN, url=server.replace("*.csv", "*"), host_key=HOST_KEY)
    assert fetched.outcome == "complete", fetched.why
    assert staged.used == 2


def test_a_delivery_is_copied_for_no_longer_than_a_limit(tmp_path: Path) -> None:
    (tmp_path / "hr.csv").write_text(PEOPLE, encoding="utf-8")
    ours: dict[str, Any] = {"feed": "people", "connector": "drop", "url": f"file://{tmp_path}/hr.csv"}
    fetched, _ = pulled(tmp_path, **ours, limits={"seconds": 1e-9})
    assert (fetched.outcome, fetched.why) == ("failed", "the pull took longer than its limit, seconds = 1e-09")


class _Short(BaseHTTPRequestHandler):
    """A bucket's object that is cut off, though its answer is whole: its head tells of ten bytes more."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PEOPLE.encode())))
        self.send_header("Last-Modified", "Sat, 31 Oct 2026 00:00:00 GMT")
        self.end_headers()

    def do_GET(self) -> None:
        body = PEOPLE.encode()[:-10]
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        pass


def test_an_object_of_which_fewer_bytes_come_than_are_told_is_no_delivery(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Short) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        keys = {"access_key": "${PASSWORD}", "secret_key": "${ADMIN}"}
        endpoint = f"http://127.0.0.1:{store.server_address[1]}"
        ours: dict[str, Any] = {"feed": "people", "connector": "drop", "url": "s3://exports/{period}/hr.csv"}
        fetched, _ = pulled(tmp_path, **ours, **keys, endpoint=endpoint)
        store.shutdown()
    said = "fewer bytes of exports/2026-10/hr.csv came than its store says there are; pull it again"
    assert (fetched.outcome, fetched.why) == ("failed", said)
