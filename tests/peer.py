"""A system to pull from, on this machine: it pages as a stream says its system does, from the sample beside it, and can
be told to misbehave in every way that systems do."""

import copy
import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connectors.pages import KEY, dig, records_at
from connectors.streams import Stream
from connectors.walks import Cursor, Empty, Keyset, Link, Next, Total

CAP = 5
"""Rows that the peer puts on a page at most, whatever is asked for."""
ROWS = 17
"""Rows of every list of rows: four pages, the last one short."""
CANARY = "canary-3f9c1e7a5b"
"""The credential of every source in these tests."""


@dataclass
class Reply:
    """One answer on its way; a fault may change it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    is_cut: bool = False
    is_slow: bool = False  # its headers come a byte at a time, for three seconds
    date: datetime | None = None  # by the peer's clock


@dataclass(frozen=True)
class Asked:
    """One request to a list: its stream, its number among those to it, where the page begins, and how it was asked."""

    stream: Stream
    number: int
    start: int
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    total: int


Fault = Callable[[Asked, Reply], None]


@dataclass
class Scene:
    """What the peer is: its streams, the sample of each, and what goes wrong."""

    streams: list[Stream]
    sample: Mapping[str, Any]
    fault: Fault = lambda asked, reply: None
    change: Callable[[dict[str, Any], int], None] = lambda record, place: None
    grow: bool = False
    vary: str = ""  # a further field that tells records apart
    lists: dict[tuple[str, ...], list[dict[str, Any]]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    came_late: set[str] = field(default_factory=set)

    @property
    def keys(self) -> set[tuple[str, ...]]:
        """Keys of all rows that were there to be pulled."""
        keys = {s.name: [self.vary] if self.vary else s.key for s in self.streams if not s.looked_up}
        rows = (
            (keys[name], record) for (name, *_), records in self.lists.items() if name in keys for record in records
        )
        return {tuple(str(dig(record, part)) for part in key) for key, record in rows}


class Peer(ThreadingHTTPServer):
    """The peer, listening on a port of its own."""

    daemon_threads = True
    scene: Scene

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked_for_token: list[dict[str, str]] = []
        self.strangers: list[Mapping[str, str]] = []  # headers of requests to places that are no list

    def grant(self, form: dict[str, str]) -> Reply:
        """A token, another each time, that is good for an hour."""
        self.asked_for_token.append(form)
        token = f"{CANARY}-{len(self.asked_for_token)}"
        return Reply(body={"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections are dropped here on purpose."""


@contextmanager
def peer() -> Iterator[Peer]:
    """A peer that listens until the end of the block."""
    with Peer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write an answer
    disable_nagle_algorithm = True
    server: Peer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.form = dict(parse_qsl(sent)) if "=" in sent else json.loads(sent or "{}")
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path.endswith("/token"):
            return self._send(self.server.grant(query | getattr(self, "form", {})))
        scene = self.server.scene
        for stream in scene.streams:
            if stream.total_path and _matches(stream.total_path, parts.path):
                count = len(_rows(scene, stream, "", {}))
                body: Any = {stream.total: count} if stream.total else [{"ID": n} for n in range(count)]
                return self._send(Reply(body=body))
        by_detail = sorted(scene.streams, key=lambda stream: -len(stream.params))
        for stream in by_detail:
            is_asked = stream.params.keys() <= query.keys() or ("_after" in query and len(stream.params) <= len(query))
            said = {name: value for name, value in stream.params.items() if "{" not in value}
            is_asked &= all(query.get(name, value) == value for name, value in said.items() if isinstance(value, str))
            if _matches(stream.path, parts.path) and stream.method == self.command and is_asked:
                return self._send(self._page(scene, stream, parts.path, query))
        self.server.strangers.append(dict(self.headers.items()))
        return self._send(Reply(404, {"message": "no such place"}))

    def _page(self, scene: Scene, stream: Stream, path: str, query: dict[str, str]) -> Reply:
        number = scene.asked[stream.name] = scene.asked.get(stream.name, 0) + 1
        walk = stream.walk
        paging = {getattr(walk, name) for name in ("limit", "start", "param") if hasattr(walk, name)} | {"_after"}
        others = {name: value for name, value in query.items() if name not in paging}
        records = _rows(scene, stream, path, others)
        size = CAP if walk.by != "whole" else len(records)
        start = _start(stream, query, records, size)
        shown = records[start : start + size]
        follows = start + len(shown) < len(records)
        body = copy.deepcopy(scene.sample.get(stream.name))
        if stream.records.endswith("*"):
            table = {record[KEY]: {k: v for k, v in record.items() if k != KEY} for record in shown}
            body = _put(body, stream.records.removesuffix("*").removesuffix("."), table or None)
        else:
            body = _put(body, stream.records, shown)
        reply = Reply(body=body)
        if stream.total.startswith("header:"):
            reply.headers[stream.total.removeprefix("header:")] = str(
                len(records) - (start if walk.by == "keyset" else 0)
            )
        elif stream.total and not stream.total_path:
            _put(body, stream.total, len(records))
        after = f"{self.server.url}{path}?{urlencode({**others, '_after': start + len(shown)})}"
        match walk:
            case Cursor():
                _put(body, walk.at, f"c{start + len(shown)}" if follows else "")
            case Next():
                if walk.more:
                    _put(body, walk.more, follows)
                if walk.last:
                    _put(body, walk.last, not follows)
                _put(body, walk.at, after if follows else None)
            case Link() if follows:
                reply.headers["Link"] = f'<{self.server.url}{path}?_after=0>; rel="self", <{after}>; rel="next"'
        asked = Asked(stream, number, start, path, query, dict(self.headers.items()), len(records))
        scene.fault(asked, reply)
        if scene.grow and number == 1:
            records.insert(0, _clone(records[0], stream, 900, scene.vary))
            scene.came_late.add(str(dig(records[0], scene.vary or stream.key[0])))
        return reply

    def _send(self, reply: Reply) -> None:
        raw = json.dumps(reply.body, ensure_ascii=False).encode() if reply.raw is None else reply.raw
        if reply.is_slow:
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 36:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.05)
        self.send_response_only(reply.status)
        self.send_header("Date", format_datetime(reply.date or datetime.now(UTC), usegmt=True))
        headers = {"Content-Type": "application/json", **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if reply.is_cut:
            self.wfile.write(raw[: len(raw) // 2])
            self.close_connection = True
            return
        self.wfile.write(raw)


def _matches(template: str, path: str) -> bool:
    place = template.split("://", 1)[-1].partition("/")[2] if "://" in template else template
    pattern = re.sub(r"\\\{[^{}]+\\\}", "[^/]+", re.escape(place.strip("/")))
    return re.fullmatch(pattern, path.strip("/")) is not None


def _rows(scene: Scene, stream: Stream, path: str, others: Mapping[str, str]) -> list[dict[str, Any]]:
    """The records of one list: the sample's, and for rows as many more of their kind as make four pages."""
    place = (
        (stream.name,) if stream.total_path else (stream.name, path, *(f"{n}={v}" for n, v in sorted(others.items())))
    )
    if place not in scene.lists:
        samples = list(records_at(copy.deepcopy(scene.sample.get(stream.name)), stream.records) or [])
        records = samples
        if not stream.looked_up and samples:
            records = samples + [
                _clone(samples[n % len(samples)], stream, n, scene.vary) for n in range(len(samples), ROWS)
            ]
            if any(name == stream.name for name, *_ in scene.lists):  # another list of the same stream: other rows
                records = [
                    _clone(record, stream, 1000 * len(scene.lists) + n, scene.vary) for n, record in enumerate(records)
                ]
            for n, record in enumerate(records):
                scene.change(record, n)
        scene.lists[place] = sorted(records, key=lambda record: str(dig(record, stream.key[0])))
    return scene.lists[place]


def _clone(sample: Mapping[str, Any], stream: Stream, number: int, vary: str) -> dict[str, Any]:
    record = copy.deepcopy(dict(sample))
    for part in filter(None, [stream.key[0], vary]):
        value = dig(record, part)
        _put(record, part, value + 100_000 * (number + 1) if isinstance(value, int) else f"{value}-{number:05}")
    return record


def _start(stream: Stream, query: Mapping[str, str], records: list[dict[str, Any]], size: int) -> int:
    match stream.walk:
        case Total() | Empty() as walk:
            at = int(query.get(walk.start, walk.first_start)) - walk.first_start
            return at * size if walk.counts == "pages" else at
        case Cursor() as walk:
            cursor = unquote(query.get(walk.param, ""))
            return int(cursor[1:]) if cursor.startswith("c") else 0
        case Keyset() as walk:
            pattern = re.escape(walk.then).replace(r"\{last\}", "(.+)")
            found = re.fullmatch(pattern, query.get(walk.param, ""))
            keys = [str(dig(record, stream.key[0])) for record in records]
            return sum(key <= found[1] for key in keys) if found else 0
        case _:
            return int(query.get("_after", 0))


def _put(body: Any, path: str, value: Any) -> Any:
    """Put a value where `dig` finds it; returns the body, which is the value where the path is empty."""
    if not path:
        return value
    here = body
    while path not in here and "." in path:
        head, _, rest = path.partition(".")
        if not isinstance(here.get(head), dict):
            whole = next((name for name in here if path.startswith(f"{name}.")), None)
            if whole is None:
                here[head] = {}
            else:
                head, rest = whole, path.removeprefix(f"{whole}.")
        here, path = here[head], rest
    here[path] = value
    return body


def gzipped(raw: bytes) -> bytes:
    """A body as servers pack it."""
    return gzip.compress(raw, mtime=0)


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate for this machine that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    here = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = made.add_extension(here, critical=False).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "here.pem").write_bytes(private + signed.public_bytes(Encoding.PEM))
    return folder / "here.pem"
