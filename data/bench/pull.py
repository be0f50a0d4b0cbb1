"""Measures what a proven pull costs: against a bare loop that stores the same pages, from a server on this machine.

`python -m data.bench.pull` prints for both the seconds on the clock, those of the processor, and the most memory each
took; 100,000 records in pages of 500 unless told otherwise.
"""

import argparse
import gzip
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

from connectors import systems
from connectors.wire import Wire
from tieout.settings import Source

PAGE = 500
Report = tuple[float, float, float]
"""Seconds on the clock, seconds of the processor, mebibytes at most."""


class _Register(BaseHTTPRequestHandler):
    """A register of many assets, which declares how many."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    records = 0

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        start, size = int(asked["offset"][0]), int(asked["limit"][0])
        rows = [_record(n) for n in range(start, min(start + size, self.records))]
        body = json.dumps({"total": self.records, "rows": rows}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _record(number: int) -> dict[str, object]:
    return {
        "id": number,
        "asset_tag": f"LT-{number:07}",
        "serial": f"5CG{number:09}",
        "model": {"id": number % 50, "name": f"Latitude {7000 + number % 50}"},
        "status": "in_use",
        "category": {"id": number % 9, "name": "laptop"},
        "assigned_to": {"id": number % 9000, "email": f"person{number % 9000}@example.com", "type": "user"},
        "purchase_cost": "1299.99",
        "updated_at": "2026-10-30T10:00:00Z",
    }


def _serve(records: int, port: "Queue[int]") -> None:
    _Register.records = records
    with ThreadingHTTPServer(("127.0.0.1", 0), _Register) as server:
        port.put(server.server_address[1])
        server.serve_forever()


def bare(url: str, folder: Path) -> None:
    """The least that stores every page: ask, look at the total, write."""
    import httpx  # the yardstick, which no connector may use

    seen, total = 0, 1
    with httpx.Client() as client, (folder / "pages.gz").open("wb") as file:
        while seen < total:
            answer = client.get(url, params={"limit": str(PAGE), "offset": str(seen)})
            answer.raise_for_status()
            body = answer.json()
            total, seen = body["total"], seen + len(body["rows"])
            file.write(gzip.compress(answer.content, compresslevel=1))


def proven(url: str, folder: Path) -> None:
    """A pull as a run makes it."""
    source = Source.model_validate(
        {
            "name": "register",
            "feed": "assets",
            "connector": "rest",
            "url": url,
            "records": "rows",
            "key": "id",
            "total": "total",
            "walk": {"by": "total", "start": "offset", "limit": "limit", "size": PAGE},
        }
    )
    fetched = systems.fetch(source, "2026-10", folder, Wire())
    assert fetched.outcome == "complete", fetched.why


def _measured(pull: Callable[[str, Path], None], url: str, reports: "Queue[Report]") -> None:
    with TemporaryDirectory() as folder:
        began, worked = time.perf_counter(), time.process_time()
        pull(url, Path(folder))
        seconds, work = time.perf_counter() - began, time.process_time() - worked
    reports.put((seconds, work, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def measure(pull: Callable[[str, Path], None], url: str) -> Report:
    """What a pull takes, in a process of its own."""
    reports: Queue[Report] = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(target=_measured, args=(pull, url, reports))
    process.start()
    report = reports.get()
    process.join()
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    ports: Queue[int] = multiprocessing.get_context("spawn").Queue()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(asked.records, ports), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ports.get()}/rows"
    try:
        bares, provens = (sorted(measure(pull, url) for _ in range(asked.times)) for pull in (bare, proven))
    finally:
        server.terminate()
    least, most = bares[len(bares) // 2], provens[len(provens) // 2]
    sys.stdout.write(f"{asked.records:,} records in pages of {PAGE}, median of {asked.times}\n")
    for name, (seconds, work, memory) in (("bare loop", least), ("proven pull", most)):
        sys.stdout.write(f"{name:<12} {seconds:6.2f} s, of which processor {work:6.2f} s, {memory:5.0f} MiB\n")
    sys.stdout.write(f"{most[0] / least[0]:.2f} times on the clock, {most[1] / least[1]:.2f} times of the processor\n")


if __name__ == "__main__":
    main()
