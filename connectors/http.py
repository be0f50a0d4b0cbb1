"""The one door to the web: asks, waits, tries again, and trusts no answer that is not whole.

A credential goes to the configured origin only. An answer counts when its status is 2xx, its body came to its end (a
cut-off gzip is told), and it is JSON; a login page is not. What may pass is tried again within named limits.
"""

import json
import random
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from connectors.pages import HostileError, PullError
from connectors.texts import member
from connectors.unreached import broke_off, cannot_pass
from connectors.waits import asked_wait, instant, is_throttled
from connectors.wire import Limits, Wire

_AGAIN = {408, 425, 429, *range(500, 600)} - {501, 505, 511}  # 501 and its like are said of every such request
_NO_CONTENT = 204  # the one success that has no body
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_PASSING = ("ratelimited", "internal_error", "fatal_error", "service_unavailable")  # as Slack says it in a 200
_MESSAGES = ("message", "error_description", "errorSummary", "detail", "messages", "title", "error.message", "error",
             "errors.0.detail", "errors.0.description", "errors.0.message", "errors.0", "errorMessages.0")  # fmt: skip


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


class Key(Protocol):
    """What opens a source: the headers that go with each request, and whether they can be had anew."""

    def headers(self) -> Mapping[str, str]: ...

    def renew(self) -> bool: ...


class NoKey:
    """A source that asks for no credential."""

    def headers(self) -> Mapping[str, str]:
        return {}

    def renew(self) -> bool:
        return False


@dataclass(frozen=True)
class Answer:
    """A whole answer: where it came from, its headers, its body as it came, and what the body says."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    data: Any
    at: datetime


class _NotNowError(Exception):
    """An answer that may be another one later; `after` is how many seconds the source asks to wait."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Client:
    """Asks one origin."""

    def __init__(
        self, base: str, key: Key, limits: Limits, wire: Wire, headers: Mapping[str, str] | None = None
    ) -> None:
        self.base, self.limits, self.wire = base, limits, wire
        self._key, self._origin = key, origin_of(base)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "tieout",
            **(headers or {}),
        }
        timeout = httpx.Timeout(min(30.0, limits.request_seconds))
        try:
            self._http = httpx.Client(follow_redirects=False, timeout=timeout, verify=_trusted())
        except (httpx.InvalidURL, ValueError, ImportError):
            raise PullError("what HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names is no proxy that can be used") from None

    def close(self) -> None:
        self._http.close()

    def resolve(self, link: str, beside: str | None = None) -> str:
        """A link as a whole address at the configured origin; raises HostileError for any other."""
        below = f"{self.base.rstrip('/')}/{link.lstrip('/')}" if link else self.base
        whole = urljoin(beside, link) if beside else link if "://" in link else below
        if origin_of(whole) != self._origin or "@" in urlsplit(whole).netloc:
            raise HostileError(
                f"the source points to {_bare(whole)}, which is not at {self._origin}; nothing was sent there"
            )
        return whole

    def ask(self, url: str, params: Mapping[str, str | list[str]] | None = None, method: str = "GET", body: Any = None,
            form: Mapping[str, str] | None = None) -> Answer:  # fmt: skip
        """One whole answer; raises PullError, which says why there is none."""
        url = self.resolve(url)
        renewed = False
        for attempt in range(1, self.wire.tries + 1):
            self.wire.hold_time(self.limits)
            try:
                return self._once(url, params, method, body, form)
            except PullError as error:
                if error.status != 401 or renewed or not self._key.renew():
                    raise
                renewed = True
                self.wire.retries += 1
            except _NotNowError as later:
                if attempt == self.wire.tries:
                    raise PullError(f"{later}, {attempt} times running, to {_bare(url)}") from None
                self.wire.retries += 1
                self._wait(later.after, attempt, str(later))
        raise PullError(f"{self._origin} refuses the credential that it has just given")

    def _wait(self, asked: float | None, attempt: int, why: str) -> None:
        seconds = asked or min(2.0**attempt, 60) * random.uniform(0.5, 1)  # to ask at once is no advice either
        left = self.limits.wait_seconds - self.wire.waited
        if seconds > left:
            raise PullError(
                f"{why} and asks to wait {seconds:.0f} s, but {left:.0f} s are left of wait_seconds = "
                f"{self.limits.wait_seconds:g}; pull later, or raise that limit"
            )
        self.wire.say(f"waits {seconds:.1f} s: {why}")
        self.wire.waited += seconds
        self.wire.sleep(seconds)

    def _once(
        self, url: str, params: Mapping[str, str | list[str]] | None, method: str, body: Any, form: Any
    ) -> Answer:
        for _ in range(_MOST_REDIRECTS):
            headers = {**self._headers, **self._key.headers()}
            if not all(value.isascii() and value.isprintable() for value in headers.values()):
                raise PullError(
                    "the credential holds a line break or a sign that no header carries; was it copied whole?"
                )
            try:
                request = self._http.build_request(
                    method, url, params=params or None, json=body, data=form, headers=headers
                )
                deadline = self.wire.clock() + self.limits.request_seconds
                response = self._begun(request)
                try:
                    raw = self._whole(response, deadline)
                finally:
                    response.close()
            except httpx.ProxyError as error:
                raise PullError(f"the proxy does not lead to {self._origin} ({error})") from None
            except httpx.TransportError as error:
                if lasting := cannot_pass(error):
                    raise PullError(f"{self._origin} {lasting}") from None
                raise _NotNowError(f"{self._origin} {broke_off(error)}") from None
            except httpx.InvalidURL as error:
                raise PullError(f"{_bare(url)} cannot be asked: {error}") from None
            except httpx.HTTPError as error:
                raise PullError(f"{self._origin} answered what is no HTTP ({type(error).__name__})") from None
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return self._judged(str(request.url), response, raw)
            url, params = self.resolve(response.headers["location"], str(request.url)), None
        raise PullError(f"{self._origin} redirects in a circle")

    def _begun(self, request: httpx.Request) -> httpx.Response:
        """An answer up to its body. httpx bounds each read, not all of them: headers may come a byte at a time."""
        came = SimpleQueue[httpx.Response | Exception]()

        def send() -> None:
            try:
                came.put(self._http.send(request, stream=True))
            except Exception as error:
                came.put(error)

        Thread(target=send, daemon=True).start()
        try:
            begun = came.get(timeout=self.limits.request_seconds)
        except Empty:
            raise self._too_slow() from None
        if isinstance(begun, Exception):
            raise begun
        return begun

    def _whole(self, response: httpx.Response, deadline: float) -> bytes:
        """The body, unpacked, unless it is cut off, too large or too slow."""
        packed = bytearray()
        for block in response.iter_raw():
            packed += block
            if len(packed) > self.limits.page_bytes:
                raise self._too_large()
            if self.wire.clock() > deadline:
                raise self._too_slow()
        match response.headers.get("content-encoding", "identity").strip().lower():
            case "identity" | "":
                return bytes(packed)
            case "gzip" | "x-gzip":
                return self._unpacked(bytes(packed))
            case other:
                raise PullError(f"{self._origin} packs its answers as {other!r}, though asked for gzip")

    def _unpacked(self, packed: bytes) -> bytes:
        plain = b""
        while packed:
            gzip = zlib.decompressobj(wbits=31)
            try:
                plain += gzip.decompress(packed, self.limits.page_bytes + 1 - len(plain))
            except zlib.error:
                raise _NotNowError(f"{self._origin} sent a damaged gzip body") from None
            if len(plain) > self.limits.page_bytes:
                raise self._too_large()
            if not gzip.eof:
                raise _NotNowError(f"{self._origin} sent a gzip body that is cut off")
            packed = gzip.unused_data
        return plain

    def _too_slow(self) -> _NotNowError:
        return _NotNowError(f"{self._origin} took longer for one answer than request_seconds allows")

    def _too_large(self) -> PullError:
        return PullError(f"one answer is larger than its limit, page_bytes = {self.limits.page_bytes}")

    def _judged(self, url: str, response: httpx.Response, raw: bytes) -> Answer:
        status, headers, at = response.status_code, response.headers, self.wire.now()
        if told := instant(headers.get("date", "")):
            self.wire.ahead = (told - at).total_seconds()
        raw = self.wire.vault.blot_bytes(raw)
        is_page = raw.lstrip()[:1] == b"<" or "html" in headers.get("content-type", "")
        data: Any = None
        try:
            data = None if status == _NO_CONTENT else _DECODER.decode(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            if 200 <= status < 300:
                what = "a web page, as of a login," if is_page else "a damaged body" if raw.strip() else "nothing"
                raise _NotNowError(f"{self._origin} answered {what} instead of JSON") from None
        said = f"{self._origin} answered {status}{message(data)}"
        if 200 <= status < 300:
            if isinstance(data, dict) and data.get("error") in _PASSING:
                raise _NotNowError(said, asked_wait(headers, at))
            return Answer(url, headers, raw, data, at)
        if status in _AGAIN or (status == 403 and is_throttled(headers, raw)):
            raise _NotNowError(said, asked_wait(headers, at))
        hint = {
            401: "; the credential is missing, wrong or expired",
            403: "; the credential may not do this",
            404: "; is the address right?",
        }
        raise PullError(f"{said} to {_bare(url)}{hint.get(status, '')}", status)


def post(url: str, body: Any) -> None:
    """Send JSON once, and never again: whoever takes it may have taken it; raises PullError when it was not taken."""
    origin = origin_of(url)
    try:
        with httpx.Client(follow_redirects=False, timeout=30, verify=_trusted()) as http:
            status = http.post(url, json=body).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PullError(f"{origin} cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise PullError(f"{origin} answered {status}")


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes its time. Raises PullError where they are not there."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise PullError(f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {error}") from None


def origin_of(url: str) -> str:
    """Scheme, host and port, as credentials are bound to; raises PullError for what is no web address."""
    try:
        parts = urlsplit(url)
        usual = {"https": 443, "http": 80}[parts.scheme.lower()]
        port = parts.port or usual
        assert parts.hostname
    except (ValueError, KeyError, AssertionError):
        raise HostileError(f"{url[:80]!r} is no web address; it begins with https://") from None
    return f"{parts.scheme.lower()}://{parts.hostname.lower()}:{port}"


def _bare(url: str) -> str:
    """An address without what it asks and without anybody's name in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]


def message(data: Any) -> str:
    """What an error body says of itself, in brackets."""
    said = next((text for name in _MESSAGES if isinstance(text := member(data, name), str) and text), None)
    return f" ({' '.join(said.split())[:160]})" if said else ""
