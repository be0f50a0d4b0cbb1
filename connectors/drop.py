"""Files that others drop elsewhere: on this machine, an SFTP server, or S3-compatible storage.

**Asks** for the files that `url` names: `sftp://host/exports/{period}/hr-*.csv`, `s3://bucket/{period}/assets.csv`,
`file:///mnt/share/assets-{period}.xlsx`. Several files are one delivery. A control file beside a file
(`<file>.control.toml`) vouches for it, as in the inbox. An SFTP server is known by its `host_key`, written as in
`known_hosts`, or by that file itself.

**Delivers** any feed, read like files of the inbox: `format`, `encoding`, `delimiter`, `columns` and so on apply.

**Gaps**: a file proves nothing about its end; only a control file does.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import fsspec
import paramiko
from fsspec.core import has_magic
from paramiko.ssh_exception import SSHException
from pydantic import field_validator

from connectors.files.control import control_of, declared, read_control
from connectors.files.drop import is_delivery
from connectors.files.errors import FileError, hold_name
from connectors.pages import PullError
from connectors.system import Delivery, Options, System
from connectors.vault import Credential
from connectors.wire import Limits, Wire
from tieout.feeds import FEEDS
from tieout.pull import Fetched, RawFile

_TROUBLE = (OSError, EOFError, ValueError, SSHException)
_LARGEST = 4 * 1024**3  # bytes of one file


class DropOptions(Options):
    """The first four are for SFTP, the others for S3; a credential is a reference, as everywhere."""

    url: str
    user: str = ""
    password: Credential | None = None
    private_key_file: str = ""
    host_key: str = ""
    access_key: Credential | None = None
    secret_key: Credential | None = None
    region: str = ""
    endpoint: str = ""  # of storage that is not Amazon's, like https://storage.example.com

    @field_validator("url")
    @classmethod
    def _is_place(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("file", "sftp", "s3") or not parts.path or "@" in parts.netloc:
            raise ValueError("is no place for files; write file:///…, sftp://host/… or s3://bucket/…")
        return url


def _copy(options: DropOptions, folder: Path, wire: Wire) -> Fetched:
    """Copy a delivery and its control files byte for byte into `folder`, and say what came."""
    place = options.url.replace("{period}", wire.period)
    try:
        store = _store(options, wire)
        path = urlsplit(place).netloc + urlsplit(place).path if place.startswith("s3:") else urlsplit(place).path
        found = _found(store, path)
        if not found:
            return Fetched("missing", why=f"{place} was not delivered")
        files, said = [], []
        for name in found:
            files.append(_fetched(store, name, folder, options.limits, wire))
            if _is_there(store, control_of(Path(name)).as_posix()):
                control = _fetched(store, control_of(Path(name)).as_posix(), folder, options.limits, wire)
                said.append(read_control(folder / control.name))
    except FileError as error:
        return Fetched("failed", why=str(error))
    except TimeoutError:
        seconds = options.limits.request_seconds
        raise PullError(f"{place} cannot be fetched: no answer within request_seconds = {seconds:g}") from None
    except _TROUBLE as error:
        raise PullError(
            f"{place} cannot be fetched: {type(error).__name__} {' '.join(str(error).split())[:160]}"
        ) from None
    return declared(tuple(files), said)


def _found(store: Any, path: str) -> list[str]:
    """The files at a place, by name; a folder that cannot be listed is an error, not an empty one."""
    if not has_magic(path):
        return [path] if _is_there(store, path) else []
    told = store.glob(path, detail=True)
    return sorted(name for name, one in told.items() if one["type"] != "directory" and is_delivery(Path(name).name))


def _is_there(store: Any, name: str) -> bool:
    """Whether there is a file; unlike `exists` of stores it raises when they do not tell."""
    try:
        store.info(name)
    except FileNotFoundError:
        return False
    return True


def _fetched(store: Any, name: str, folder: Path, limits: Limits, wire: Wire) -> RawFile:
    hold_name(name)
    target = folder / Path(name).name
    if target.exists():
        raise FileError(f"two files of the delivery are called {target.name}; rename one")
    digest, size = hashlib.sha256(), 0
    before = _state(store, name)
    with store.open(name, "rb") as came, target.open("xb") as landed:
        while block := came.read(1 << 20):
            digest.update(block)
            size += landed.write(block)
            if size > _LARGEST:
                raise FileError(f"{target.name} is larger than {_LARGEST} bytes")
            wire.hold_time(limits)
    if before["size"] != size or before != _state(store, name):
        raise FileError(f"{target.name} changed while it was copied; pull it again when it is written")
    return RawFile(name=target.name, sha256=digest.hexdigest(), bytes=size, origin=name)


def _state(store: Any, name: str) -> dict[str, Any]:
    """What changes with a file that somebody still writes."""
    told = store.info(name)
    return {key: told.get(key) for key in ("size", "mtime")}


def _store(options: DropOptions, wire: Wire) -> Any:
    """What the files lie in, as fsspec sees it."""
    parts = urlsplit(options.url)
    match parts.scheme:
        case "s3":
            store = _bucket(options, wire)
        case "sftp":
            store = _sftp(options, parts.hostname or "", parts.port or 22, wire)
        case _:
            store = fsspec.filesystem("file", skip_instance_cache=True)
    store.ls = _listing(store.ls)
    return store


def _listing(ls: Callable[..., Any]) -> Callable[..., Any]:
    """The way a store lists a folder, with errors that its search for files does not pass over."""

    def listed(path: str, **how: Any) -> Any:
        try:
            return ls(path, **how)
        except FileNotFoundError:
            raise
        except OSError as error:
            why = error.strerror or " ".join(str(error).split())[:160] or type(error).__name__
            raise PullError(f"{path} cannot be listed: {why}; what lies there is not known") from None

    return listed


def _bucket(options: DropOptions, wire: Wire) -> Any:
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    class Bucket(ArrowFSWrapper):  # type: ignore[misc] # fsspec has no types
        def open(self, path: str, mode: str) -> "_Object":
            return _Object(path, self.fs.open_input_file(path))

    keys = {"access_key": options.access_key, "secret_key": options.secret_key}
    opened = {name: wire.vault.open(key) for name, key in keys.items() if key}
    elsewhere = urlsplit(options.endpoint)
    place = {"endpoint_override": elsewhere.netloc, "scheme": elsewhere.scheme} if options.endpoint else {}
    patience = {"connect_timeout": 30, "request_timeout": options.limits.request_seconds}
    return Bucket(S3FileSystem(region=options.region or "us-east-1", **opened, **place, **patience))


class _Object:
    """An object of a bucket. Where fewer bytes come than the store says, pyarrow tells of none that are missing, and
    leaves in the buffer what was there before: what is as it was filled is read again over another filling."""

    def __init__(self, name: str, file: Any) -> None:
        self._name, self._file = name, file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def read(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end. Raises FileError where not all came."""
        block = bytearray(b"\xff" * most)
        size = self._file.readinto(block)
        if block[:size].endswith(b"\xff"):
            self._file.seek(-size, os.SEEK_CUR)
            again = bytearray(size)
            if self._file.readinto(again) != size or again != block[:size]:
                raise FileError(f"fewer bytes of {self._name} came than its store says there are; pull it again")
        return bytes(block[:size])


def _sftp(options: DropOptions, host: str, port: int, wire: Wire) -> Any:
    """An SFTP server whose key is known; to any other the password is not sent."""
    from fsspec.implementations.sftp import SFTPFileSystem

    class Known(SFTPFileSystem):  # type: ignore[misc] # fsspec has no types
        cachable = False

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys()
            if options.host_key:
                name = host if port == 22 else f"[{host}]:{port}"
                entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {options.host_key}")
                self.client.get_host_keys().add(name, entry.key.get_name(), entry.key)
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()
            self.ftp.get_channel().settimeout(options.limits.request_seconds)

    return Known(
        host,
        port=port,
        username=options.user or None,
        password=wire.vault.open(options.password) if options.password else None,
        key_filename=options.private_key_file or None,
        look_for_keys=False,
        allow_agent=False,
        timeout=30,
    )


SYSTEM = System(
    title="dropped files",
    options=DropOptions,
    copy=_copy,
    deliveries={feed: Delivery() for feed in FEEDS},
)
