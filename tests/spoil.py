"""Spoils answers on their way, run by mitmproxy between us and a server.

The header `X-Spoil` of a request names how: `cut once` spoils the second answer only, `cut` every one from the second.
"""

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

asked: Counter[str] = Counter()


def _drop(flow: Any) -> None:
    flow.kill()


def _cut(flow: Any) -> None:
    flow.response.text = flow.response.text[: len(flow.response.text) // 2]


def _cut_gzip(flow: Any) -> None:
    packed = gzip.compress(flow.response.raw_content)
    flow.response.headers["content-encoding"] = "gzip"
    flow.response.raw_content = packed[:-9]
    flow.response.headers["content-length"] = str(len(packed) - 9)


def _login(flow: Any) -> None:
    flow.response.text = "<html><body>Sign in to go on</body></html>"


def _busy(flow: Any) -> None:
    flow.response.status_code, flow.response.text = 503, "<h1>Service Unavailable</h1>"


def _empty(flow: Any) -> None:
    flow.response.text = ""


def _fewer(flow: Any) -> None:
    page = json.loads(flow.response.text)
    del page["Resources"][:1]
    flow.response.text = json.dumps(page)


def _another(flow: Any) -> None:
    """One record a second time, in the place of another."""
    page = json.loads(flow.response.text)
    page["Resources"][1:2] = page["Resources"][:1]
    flow.response.text = json.dumps(page)


def _drip(flow: Any) -> None:
    """A little at a time, for eight seconds: no single wait is long, all together are."""
    waits = iter(range(80))

    def drops(block: bytes) -> Iterator[bytes]:
        for n in range(0, len(block), 512):
            if next(waits, None) is not None:
                time.sleep(0.1)
            yield block[n : n + 512]

    flow.response.stream = drops


SPOILS: dict[str, Callable[[Any], None]] = {
    "drop": _drop,
    "cut": _cut,
    "cut-gzip": _cut_gzip,
    "login": _login,
    "busy": _busy,
    "empty": _empty,
    "fewer": _fewer,
    "another": _another,
}
DRIP = "drip"


def _spoil(flow: Any) -> str:
    told = flow.request.headers.get("x-spoil", "")
    how, _, times = told.partition(" ")
    return how if asked[told] == 2 or (asked[told] > 2 and times != "once") else ""


def requestheaders(flow: Any) -> None:
    asked[flow.request.headers.get("x-spoil", "")] += 1


def responseheaders(flow: Any) -> None:
    if _spoil(flow) == DRIP:
        _drip(flow)


def response(flow: Any) -> None:
    if spoil := SPOILS.get(_spoil(flow)):
        spoil(flow)
