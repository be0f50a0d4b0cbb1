"""Files dropped elsewhere: copied byte for byte from where they lie, and only from a server that is known."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from tests.peer import CANARY
from tests.test_real_servers import pulled

KEY = paramiko.RSAKey.generate(2048)
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
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = self._local(path).open("rb")
        return handle


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
