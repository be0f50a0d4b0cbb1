"""Every connector is pulled from a peer that pages as its system does, and misbehaves in every way systems do.

Whatever happens, the pull is complete and right, or it is partial or failed and says why; never a short list called
complete.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import connectors
from connectors import pages, systems
from connectors.pages import KEY, PAGES, dig, records_at
from connectors.vault import Vault
from connectors.wire import Wire
from tests.peer import CANARY, CAP, ROWS, Asked, Fault, Peer, Reply, Scene, gzipped, peer
from tieout.feeds import FEEDS
from tieout.pull import Fetched
from tieout.settings import Settings, Source
from tieout.staging import Staged, stage

SETTINGS = Settings(organisation="Example", reporting_currency="EUR", timezone="Europe/Berlin")
BESIDE = Path(connectors.__path__[0])
GRAPHS_NONE = "0001-01-01T00:00:00Z"
NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


def sample_of(name: str) -> dict[str, Any]:
    """What is kept beside a system: options, pages as it answers, and rows that must come of them."""
    found = [
        path for path in (BESIDE / f"{name}.sample.json", BESIDE / "presets" / f"{name}.sample.json") if path.exists()
    ]
    return dict(json.loads(found[0].read_text(encoding="utf-8"))) if found else {}


def pages_of(name: str, feed: str) -> dict[str, Any]:
    feeds = sample_of(name)["feeds"]
    found = feeds.get(feed, next(iter(feeds.values())))
    return dict(feeds[found] if isinstance(found, str) else found)


WEB: list[Any] = [
    (name, feed)
    for name in systems.names()
    if name != "rest"
    and "url" in systems.system(name).options.model_fields
    and hasattr(systems.system(name).options, "said")
    for feed in systems.system(name).deliveries
]


@dataclass
class Pulled:
    """A pull that was made, and what came of it."""

    fetched: Fetched
    staged: Staged
    scene: Scene
    waited: list[float]

    @property
    def asked(self) -> int:
        """How often rows were asked for, in the list that was asked for most often."""
        return max(self.scene.asked.get(stream.name, 0) for stream in self.scene.streams if not stream.looked_up)

    @property
    def is_whole(self) -> bool:
        """Whether it calls itself complete and is: each row that was there came, and none is lost on the way."""
        return self.fetched.outcome == "complete"


@pytest.fixture(scope="module")
def server() -> Iterator[Peer]:
    with peer() as listening:
        yield listening


Pull = Callable[..., Pulled]


@pytest.fixture
def pull(server: Peer, tmp_path: Path) -> Pull:
    def make(name: str, feed: str, fault: Fault | None = None, **changed: Any) -> Pulled:
        sample = sample_of(name)
        extra = {"constants": sample.get("constants", {}).get(feed, {})}
        options = {**sample.get("options", {}), **changed.pop("options", {}), "url": server.url}
        options = {name: server.url if value == "{peer}" else value for name, value in options.items()}
        source = systems.configured(
            Source.model_validate({"name": name, "feed": feed, "connector": name, **extra, "options": options})
        )
        streams = systems.delivery_of(source).streams(systems.options_of(source))
        scene = Scene(streams, pages_of(name, feed), vary=sample.get("vary", {}).get(feed, ""), **changed)
        if fault:
            scene.fault = fault
        server.scene, server.strangers = scene, []
        waited: list[float] = []
        wire = Wire(
            now=lambda: NOW,
            clock=lambda: sum(waited),
            sleep=waited.append,
            vault=Vault({"PEER_TOKEN": CANARY}),
        )
        folder = tmp_path / f"{name}-{feed}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        fetched = systems.fetch(source, "2026-10", folder, wire)
        assert CANARY not in repr(fetched)
        assert all(CANARY.encode() not in path.read_bytes() for path in folder.iterdir())
        staged = stage(systems.read(folder, source), source, SETTINGS)
        if fetched.outcome != "complete":
            assert fetched.why
        elif not staged.failure:
            assert staged.landed == staged.used + staged.duplicates + staged.quarantined
            assert fetched.report
            assert pages.read(folder / PAGES)[0].landed == fetched.report.rows
        return Pulled(fetched, staged, scene, waited)

    return make


def missing(pulled: Pulled, feed: str) -> set[tuple[str, ...]]:
    """Keys of rows that were there and did not come; the last part of a feed's key holds the system's own id."""
    came = {str(value).rpartition(" ")[2] for value in pulled.staged.rows[FEEDS[feed].key[-1]]}
    return {key for key in pulled.scene.keys if key[0] not in came}


def _marked(name: str, feed: str, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param(name, feed, marks=[pytest.mark.proves(name, "fixture", "its sample and every fault"), *marks])


on_every_system = pytest.mark.parametrize(("name", "feed"), [_marked(*one) for one in WEB], ids=lambda value: value)

_BY_WALK = {("scim", "accounts"), ("okta", "accounts"), ("graph", "accounts"), ("google", "seats"),
            ("servicenow", "tickets")}  # fmt: skip
on_every_walk = pytest.mark.parametrize(
    ("name", "feed"),
    [_marked(*one) if one in _BY_WALK else _marked(*one, pytest.mark.slow) for one in WEB],
    ids=lambda value: value,
)
"""One system of each way to page always, all others with the long proofs."""


@on_every_system
def test_every_row_comes_and_is_what_the_sample_says(pull: Pull, name: str, feed: str) -> None:
    pulled = pull(name, feed)
    assert pulled.fetched.why is None
    assert pulled.is_whole
    assert pulled.staged.quarantined == 0, pulled.staged.quarantine["reasons"].to_list()[:3]
    assert not missing(pulled, feed)
    walks = {stream.walk.by for stream in pulled.scene.streams}
    assert walks == {"whole"} or pulled.asked >= 4
    rows = pulled.staged.rows.to_dicts()
    for expected in sample_of(name)["rows"][feed]:
        key = {part: expected[part] for part in FEEDS[feed].key if part in expected}
        found = [row for row in rows if all(row[part] == value for part, value in key.items())]
        assert found, key
        assert {column: _plain(found[0][column]) for column in expected} == expected


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value if isinstance(value, str | bool | int | list | None) else str(value)


@pytest.mark.proves("github", "fixture", "its sample and every fault")
def test_github_gives_who_holds_a_licence_too(pull: Pull) -> None:
    pulled = pull("github", "seats", options={"licence": "enterprise"})
    assert (pulled.is_whole, pulled.staged.quarantined, pulled.staged.used) == (True, 0, ROWS), pulled.fetched.why
    seats = {row["seat_id"]: row for row in pulled.staged.rows.to_dicts()}
    assert {seats["monalisa"][name] for name in ("product", "email")} == {"GitHub Enterprise", "monalisa@example.com"}
    assert seats["hubot@example.com"]["email"] == "hubot@example.com"  # on a server of the company's own alone


# -- what passes -----------------------------------------------------------------------------------------------------


def once(change: Callable[[Reply], None], *, at: int = 2) -> Fault:
    """A fault of one answer about rows, and of none after it."""

    def fault(asked: Asked, reply: Reply) -> None:
        if not asked.stream.looked_up and asked.number == at:
            change(reply)

    return fault


def status(code: int, **headers: str) -> Callable[[Reply], None]:
    def change(reply: Reply) -> None:
        reply.status, reply.body = code, {"message": "slow down"}
        reply.headers |= {name.replace("_", "-"): value for name, value in headers.items()}

    return change


def html(reply: Reply) -> None:
    reply.raw, reply.headers["Content-Type"] = b"<!DOCTYPE html><html><body>Sign in</body></html>", "text/html"


def cut_gzip(reply: Reply) -> None:
    whole = gzipped(json.dumps(reply.body).encode())
    reply.raw, reply.headers["Content-Encoding"] = whole[: len(whole) * 2 // 3], "gzip"


def dropped(reply: Reply) -> None:
    reply.is_cut = True


def cut_json(reply: Reply) -> None:
    reply.raw = json.dumps(reply.body).encode()[:-7]


PASSING = {
    "429 with seconds": status(429, Retry_After="3"),
    "429 with a fraction": status(429, Retry_After="2.128"),
    "429 with a date": status(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)),
    "429 with a reset": status(429, X_Rate_Limit_Reset=str(int(datetime.now(UTC).timestamp()) + 90)),
    "429 with nothing": status(429),
    "503": status(503, Retry_After="1"),
    "500": status(500),
    "520": status(520),
    "429 with a reset in thousandths": status(
        429, X_RateLimit_Reset=str(int((datetime.now(UTC).timestamp() + 90) * 1000))
    ),
    "502 with the reset of a limit that is not reached": status(
        502, X_RateLimit_Remaining="4980", X_RateLimit_Reset=str(int(datetime.now(UTC).timestamp()) + 3400)
    ),
    "a 200 that tells of what passes": lambda reply: setattr(reply, "body", {"ok": False, "error": "internal_error"}),
    "an empty body": lambda reply: setattr(reply, "raw", b""),
    "no number": lambda reply: setattr(reply, "raw", b'{"of": NaN}'),
    "403 for a quota": status(403, Retry_After="1"),
    "a login page": html,
    "a cut-off gzip": cut_gzip,
    "a dropped connection": dropped,
    "a cut-off body": cut_json,
}


@on_every_walk
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_costs_a_wait_and_no_row(pull: Pull, name: str, feed: str, fault: str) -> None:
    first = {stream.walk.by for stream in pull(name, feed).scene.streams} == {"whole"}
    pulled = pull(name, feed, once(PASSING[fault], at=1 if first else 2))
    assert pulled.is_whole, pulled.fetched.why
    assert not missing(pulled, feed)
    assert 1 <= len(pulled.waited) <= len([stream for stream in pulled.scene.streams if not stream.looked_up])


# -- what stays ------------------------------------------------------------------------------------------------------


def from_page(number: int, change: Callable[[Reply], None]) -> Fault:
    def fault(asked: Asked, reply: Reply) -> None:
        if not asked.stream.looked_up and asked.number >= number:
            change(reply)

    return fault


STAYING = {
    "429 for ever": status(429, Retry_After="1"),
    "a wait without end": status(429, Retry_After="86400"),
    "503 for ever": status(503),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "a login page": html,
    "a cut-off gzip": cut_gzip,
    "a dropped connection": dropped,
    "another shape": lambda reply: setattr(reply, "body", {"unheard": {"of": 1}}),
}


@on_every_walk
@pytest.mark.parametrize("fault", STAYING)
def test_what_stays_makes_the_pull_partial_and_says_why(pull: Pull, name: str, feed: str, fault: str) -> None:
    pulled = pull(name, feed, from_page(2, STAYING[fault]))
    single = pulled.asked == 1
    assert pulled.fetched.outcome == ("complete" if single else "partial")
    failed = pull(name, feed, from_page(1, STAYING[fault]))
    assert not failed.is_whole or failed.fetched.notes
    assert failed.staged.used == 0 or failed.fetched.outcome == "partial" or failed.fetched.notes


# -- lists that are not what they seem -------------------------------------------------------------------------------


def lying(by: int) -> Fault:
    def fault(asked: Asked, reply: Reply) -> None:
        total = asked.stream.total
        if total.startswith("header:"):
            name = total.removeprefix("header:")
            reply.headers[name] = str(int(reply.headers[name]) + by)
        elif total and isinstance(reply.body, dict) and isinstance(told := dig(reply.body, total), int):
            _set(reply.body, total, told + by)

    return fault


def _set(body: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".") if path not in body else [path]
    for name in outer:
        body = body[name]
    body[last] = value


@on_every_walk
@pytest.mark.parametrize("by", [3, -6, CAP - ROWS], ids=["more", "fewer", "a page"])
def test_a_total_that_lies_is_told(pull: Pull, name: str, feed: str, by: int) -> None:
    pulled = pull(name, feed, lying(by))
    declares = any(stream.total and not stream.total_path for stream in pulled.scene.streams)
    assert pulled.is_whole is not declares
    assert not declares or "declares" in str(pulled.fetched.why)


@on_every_walk
def test_rows_that_come_while_it_is_read_lose_none(pull: Pull, name: str, feed: str) -> None:
    pulled = pull(name, feed, grow=True)
    assert not pulled.is_whole or {key[0] for key in missing(pulled, feed)} <= pulled.scene.came_late


@on_every_walk
def test_a_row_that_comes_twice_counts_once(pull: Pull, name: str, feed: str) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        shown = dig(reply.body, asked.stream.records) if not asked.stream.records.endswith("*") else None
        if not asked.stream.looked_up and isinstance(shown, list) and shown and asked.start:
            shown.append(dict(shown[0]))

    pulled = pull(name, feed, fault)
    assert not pulled.is_whole or not missing(pulled, feed)
    assert pulled.staged.rows.height == pulled.staged.rows.unique(list(FEEDS[feed].key)).height


def _later(asked: Asked) -> bool:
    """Whether a request is for rows behind the first page, or for all of them."""
    return not asked.stream.looked_up and (asked.start > 0 or asked.stream.walk.by == "whole")


@on_every_walk
def test_an_answer_that_tells_of_an_error_beside_its_records_is_no_whole_answer(
    pull: Pull, name: str, feed: str
) -> None:
    """ServiceNow so gives what it found before its time was over; OData tells of what befell it while it wrote."""
    told = []

    def fault(asked: Asked, reply: Reply) -> None:
        if _later(asked) and isinstance(reply.body, dict) and asked.stream.records != "*":
            reply.body["error"] = {"message": "took too long"}
            told.append(asked.path)

    pulled = pull(name, feed, fault)
    assert pulled.is_whole is not bool(told)  # a bare list tells nothing, and of a table it would be a record
    assert not told or "took too long" in str(pulled.fetched.why)


@on_every_walk
def test_a_record_that_names_a_key_twice_is_set_aside(pull: Pull, name: str, feed: str) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        found = records_at(reply.body, asked.stream.records)
        if _later(asked) and found:
            key, outer = found[0].get(KEY), dig(reply.body, asked.stream.records.removesuffix("*").removesuffix("."))
            (found[0] if key is None else outer[key])["said"] = "once"
            reply.raw = _saying_twice(reply.body)

    pulled = pull(name, feed, fault)
    assert set(pulled.staged.quarantine["reasons"].explode()) == {"it names a key twice"}
    assert pulled.staged.quarantine["raw"].str.contains('"said":"once","said":"again"', literal=True).all()
    assert not pulled.staged.failure


@on_every_walk
def test_a_page_that_names_a_key_twice_refuses_the_delivery(pull: Pull, name: str, feed: str) -> None:
    told = []

    def fault(asked: Asked, reply: Reply) -> None:
        if _later(asked) and isinstance(reply.body, dict):
            reply.body["said"] = "once"
            reply.raw = _saying_twice(reply.body)
            told.append(asked.path)

    pulled = pull(name, feed, fault)
    assert not told or "names a key twice" in str(pulled.staged.failure)


def _saying_twice(body: Any) -> bytes:
    return json.dumps(body).replace('"said": "once"', '"said": "once", "said": "again"').encode()


@on_every_walk
def test_pages_that_shift_while_it_is_read_are_read_again(pull: Pull, name: str, feed: str) -> None:
    """One record went before the second page was asked for: the first of what came behind it is never shown."""
    shown: list[Any] = []

    def fault(asked: Asked, reply: Reply) -> None:
        found = records_at(reply.body, asked.stream.records)
        if asked.stream.looked_up or not found or asked.stream.records.endswith("*"):
            return
        if asked.number == 2 and shown:
            found.insert(0, shown[-1])
            found.pop()
        shown.append(found[-1])

    pulled = pull(name, feed, fault)
    assert pulled.is_whole
    assert not missing(pulled, feed)


@on_every_walk
def test_pages_that_go_in_a_circle_end(pull: Pull, name: str, feed: str) -> None:
    first: dict[str, Any] = {}

    def fault(asked: Asked, reply: Reply) -> None:
        if asked.stream.looked_up:
            return
        if not asked.start:
            first.setdefault("body", reply.body)
            first.setdefault("headers", dict(reply.headers))
        else:
            reply.body, reply.headers = first["body"], first["headers"]

    pulled = pull(name, feed, fault)
    if pulled.asked > 1:
        assert pulled.fetched.outcome == "partial"


# -- whom it trusts --------------------------------------------------------------------------------------------------


HOSTILE = ["https://evil.example/next", "//evil.example/next", "http://127.0.0.1:1/next", "https://127.0.0.1/next",
           "ftp://127.0.0.1/next", "javascript:alert(1)", "file:///etc/passwd", "\\\\evil.example\\next"]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "feed", "link"),
    [("okta", "accounts", link) for link in HOSTILE]
    + [pytest.param(*one, HOSTILE[0], marks=[] if one in _BY_WALK else pytest.mark.slow) for one in WEB],
)
def test_a_redirect_elsewhere_fails_the_pull(pull: Pull, server: Peer, name: str, feed: str, link: str) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        if not asked.stream.looked_up:
            reply.status, reply.headers["Location"] = 302, link

    pulled = pull(name, feed, fault)
    assert not pulled.is_whole
    assert pulled.staged.used == 0
    assert not server.strangers or pulled.fetched.outcome != "complete"


@pytest.mark.parametrize(
    ("name", "feed"),
    [(n, f) for n, f in WEB if pages_of(n, f) and n in ("okta", "graph", "github")],
    ids=lambda value: value,
)
@pytest.mark.parametrize("link", ["https://evil.example/n", "//evil.example/n", "http://user@evil.example/"])
def test_a_next_link_elsewhere_fails_the_pull(pull: Pull, name: str, feed: str, link: str) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        walk = asked.stream.walk
        if walk.by == "link":
            reply.headers["Link"] = f'<{link}>; rel="next"'
        elif walk.by == "next":
            _set(reply.body, walk.at, link)

    pulled = pull(name, feed, fault)
    if any(stream.walk.by in ("link", "next") for stream in pulled.scene.streams):
        assert pulled.fetched.outcome == "failed"
        assert pulled.staged.used == 0


def test_scim_is_asked_for_as_its_standard_has_it(pull: Pull) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        if "application/scim+json" not in asked.headers["Accept"]:
            reply.status, reply.body = 406, {"detail": "not acceptable"}

    assert pull("scim", "accounts", fault).is_whole


def test_billing_that_fails_is_no_billing_that_is_not_permitted(pull: Pull) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        if asked.stream.name == "billing":
            reply.body = {"ok": False, "error": "internal_error"}

    pulled = pull("slack", "seats", fault)
    assert pulled.fetched.outcome == "partial"
    assert "internal_error" in str(pulled.fetched.why)
    assert pulled.fetched.notes == ()


def test_an_error_among_several_is_told_in_its_own_words(pull: Pull) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        reply.status = 500
        reply.body = {"httpStatus": 500, "errors": [{"code": "X", "description": "Device 12 cannot be read"}]}

    why = str(pull("jamf", "endpoints", fault).fetched.why)
    assert "answered 500 (Device 12 cannot be read), 6 times running, to http://127.0.0.1" in why
    assert "/api/v4/computers-inventory" in why


def test_a_wait_until_an_instant_is_not_tried_before(pull: Pull) -> None:
    """Zoom writes it so when its limit of the day is reached."""
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT00:00:00Z}"
    pulled = pull("zoom", "seats", from_page(2, status(429, Retry_After=tomorrow)), options={"account_id": "a"})
    assert "asks to wait" in str(pulled.fetched.why)
    assert pulled.waited == []


def test_a_device_whose_enrolment_is_unknown_is_no_row_to_set_aside(pull: Pull) -> None:
    pulled = pull("graph", "endpoints", change=lambda record, place: record.update(enrolledDateTime=GRAPHS_NONE))
    assert (pulled.staged.used, pulled.staged.rows["enrolled_at"].null_count()) == (ROWS, ROWS)


@pytest.mark.parametrize("headers", [{"Retry_After": "0"}, {"X_Rate_Limit_Reset": "1790000000"}], ids=["0", "past"])
def test_a_wait_that_is_over_is_no_leave_to_ask_without_pause(pull: Pull, headers: dict[str, str]) -> None:
    """Okta tells its reset to the second, so that it may be told in the second in which it is."""
    pulled = pull("okta", "accounts", once(status(429, **headers)))
    assert [seconds >= 1 for seconds in pulled.waited] == [True]


def test_a_log_of_another_language_moves_assets_and_nothing_else() -> None:
    rows = pl.DataFrame({"id": ["1", "2"], "move": "checkout", "action_type": "herausgeben",
                         "item.type": ["asset", "license"], "item.name": ["(00123) X", "Photoshop (CC)"]})  # fmt: skip
    told = systems.system("snipe_it").deliveries["movements"].derive(rows, {})
    assert told.select("id", "move", "tag").rows() == [("1", "checkout", "00123")]


def test_links_to_another_host_beside_a_cursor_are_left_alone(pull: Pull) -> None:
    """BambooHR is asked at the company's own address, and its links lead to another."""

    def fault(asked: Asked, reply: Reply) -> None:
        reply.body["_links"] = {"next": {"href": "https://api.bamboohr.com/api/v1/employees?page%5Bafter%5D=5"}}

    pulled = pull("bamboohr", "people", fault)
    assert pulled.is_whole, pulled.fetched.why
    assert not missing(pulled, "people")


# -- rows that are odd -----------------------------------------------------------------------------------------------


@on_every_system
def test_an_unknown_field_is_kept_and_reported(pull: Pull, name: str, feed: str) -> None:
    pulled = pull(name, feed, change=lambda record, place: record.update(brandNew={"in": place}))
    assert pulled.is_whole
    assert "brandNew.in" in pulled.staged.columns
    assert pulled.staged.rows["extra"].str.contains('"brandNew.in":"3"').any()


@on_every_walk
def test_a_record_that_is_null_is_set_aside_and_counted(pull: Pull, name: str, feed: str) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        shown = dig(reply.body, asked.stream.records) if not asked.stream.records.endswith("*") else None
        if not asked.stream.looked_up and isinstance(shown, list) and len(shown) > 1:
            shown[1] = None

    pulled = pull(name, feed, fault)
    assert pulled.staged.quarantined or not pulled.is_whole or pulled.staged.rows.height == len(pulled.scene.keys)


@on_every_walk
def test_a_person_who_is_null_loses_no_row(pull: Pull, name: str, feed: str) -> None:
    def change(record: dict[str, Any], place: int) -> None:
        for field in ("user", "assignee", "profile", "assigned_to", "assigned_user", "userAndLocation", "name"):
            if isinstance(record.get(field), dict) and place % 2:
                record[field] = None

    pulled = pull(name, feed, change=change)
    assert pulled.is_whole
    assert pulled.staged.failure is None


@on_every_walk
def test_a_key_that_no_record_has_any_more_refuses_the_delivery(pull: Pull, name: str, feed: str) -> None:
    def change(record: dict[str, Any], place: int) -> None:
        for key in [*pulled_key, *filter(None, [vary])]:
            record.pop(key.split(".")[0], None)

    vary = sample_of(name).get("vary", {}).get(feed, "")
    rows = [stream for stream in pull(name, feed).scene.streams if not stream.looked_up]
    pulled_key = [key for stream in rows for key in stream.key if key != KEY]
    pulled = pull(name, feed, change=change)
    assert not pulled_key or pulled.staged.failure or pulled.staged.used < pulled.staged.landed or not pulled.is_whole


def test_an_application_that_is_asked_for_and_not_there_is_told(pull: Pull) -> None:
    """A label that is mistyped, or that was changed, is no application without users."""
    pulled = pull("okta", "seats", options={"apps": ["Figma", "Mirro"]})
    assert pulled.fetched.outcome == "failed"
    assert "none of the source's apps has the label 'Mirro'" in str(pulled.fetched.why)


def test_a_refusal_for_asking_too_often_is_asked_again(pull: Pull) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        if asked.number == 2:
            reply.status, reply.body = 403, {"message": "You have exceeded a secondary rate limit."}

    pulled = pull("github", "seats", fault)
    assert pulled.is_whole
    assert len(pulled.waited) == 1
