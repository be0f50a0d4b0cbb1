"""How sources are opened: each kind of credential goes where it belongs, is had anew when it ends, is never told."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors import systems
from connectors.vault import Vault
from connectors.wire import Wire
from tests.peer import CANARY, Asked, Peer, Reply, Scene, peer
from tests.test_every_connector import SETTINGS
from tieout.pull import Fetched
from tieout.settings import Source
from tieout.staging import Staged, stage

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
ITEMS = [
    {"id": "d1", "hardware": {"serial": "S1"}, "last_seen": "2026-10-30T10:00:00Z"},
    {"id": "d2", "hardware": {"serial": "0042"}, "last_seen": None},
]
DEVICES = {"data": {"total": 0, "items": ITEMS}}
REST = {
    "name": "badges",
    "feed": "endpoints",
    "connector": "rest",
    "path": "v1/devices",
    "records": "data.items",
    "key": "id",
    "total": "data.total",
    "walk": {"by": "total", "start": "offset", "limit": "limit", "size": 100},
    "never": ["last_seen"],
    "columns": {"endpoint_id": "id", "serial": "hardware.serial", "last_seen_at": "last_seen"},
}


@pytest.fixture
def server() -> Iterator[Peer]:
    with peer() as listening:
        yield listening


Open = Callable[..., tuple[Fetched, Staged]]


@pytest.fixture
def opened(server: Peer, tmp_path: Path) -> Open:
    """Pull a source that `tieout.toml` describes, opened in some way."""

    def make(auth: dict[str, Any], check: Callable[[Asked, Reply], None], **more: Any) -> tuple[Fetched, Staged]:
        source = Source.model_validate({**REST, "url": server.url, "auth": auth, **more})
        configured = systems.configured(source)
        streams = systems.delivery_of(configured).streams(systems.options_of(configured))
        server.scene = Scene(streams, {"rows": DEVICES}, fault=check)
        secrets = {"SECRET": CANARY, "PEM": PEM, "KEY_FILE": json.dumps({"client_email": "a@b", "private_key": PEM})}
        folder = tmp_path / "pulled"
        folder.mkdir()
        wire = Wire(sleep=lambda seconds: None, vault=Vault(secrets))
        fetched = systems.fetch(configured, "2026-10", folder, wire)
        told = repr(fetched).encode() + b"".join(path.read_bytes() for path in folder.iterdir())
        assert CANARY.encode() not in told
        assert PEM.splitlines()[1].encode() not in told
        return fetched, stage(systems.read(folder, configured), configured, SETTINGS)

    return make


def wants(header: str, value: str) -> Callable[[Asked, Reply], None]:
    """A system that answers only to whom shows that header."""

    def check(asked: Asked, reply: Reply) -> None:
        if asked.headers.get(header) != value:
            reply.status, reply.body = 401, {"message": f"not with {dict(asked.headers)}"}

    return check


@pytest.mark.proves("rest", "fixture", "a described source and every kind of credential")
@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "bearer", "token": "${SECRET}"}, "Authorization", f"Bearer {CANARY}"),
        ({"kind": "header", "header": "X-Api-Key", "credential": "$SECRET"}, "X-Api-Key", CANARY),
        ({"kind": "header", "prefix": "SSWS ", "credential": "${SECRET}"}, "Authorization", f"SSWS {CANARY}"),
        (
            {"kind": "basic", "user": "me", "password": "${SECRET}"},
            "Authorization",
            "Basic " + base64.b64encode(f"me:{CANARY}".encode()).decode(),
        ),
        (
            {"kind": "client_credentials", "token_url": "{url}/token", "client_id": "me", "client_secret": "${SECRET}"},
            "Authorization",
            f"Bearer {CANARY}-1",
        ),
        (
            {"kind": "private_key_jwt", "token_url": "{url}/token", "client_id": "me", "private_key": "${PEM}"},
            "Authorization",
            f"Bearer {CANARY}-1",
        ),
        (
            {"kind": "service_account", "token_url": "{url}/token", "key_file": "${KEY_FILE}", "subject": "admin@b"},
            "Authorization",
            f"Bearer {CANARY}-1",
        ),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_credential_opens_its_source(
    opened: Open, server: Peer, auth: dict[str, Any], header: str, value: str
) -> None:
    auth = {name: text.replace("{url}", server.url) for name, text in auth.items()}
    fetched, staged = opened(auth, wants(header, value))
    assert (fetched.outcome, fetched.proof) == ("complete", "declared total"), fetched.why
    assert staged.used == 17
    assert staged.rows.filter(staged.rows["endpoint_id"] == "d2")["serial"].to_list() == ["0042"]


@pytest.mark.parametrize("kind", ["private_key_jwt", "service_account"])
def test_an_assertion_is_signed_and_says_who_asks_whom(opened: Open, server: Peer, kind: str) -> None:
    ours = {
        "private_key_jwt": {"client_id": "me", "private_key": "${PEM}", "key_id": "k1"},
        "service_account": {"key_file": "${KEY_FILE}", "subject": "admin@b", "scope": "users"},
    }[kind]
    opened({"kind": kind, "token_url": f"{server.url}/token", **ours}, lambda asked, reply: None)
    form = server.asked_for_token[0]
    head, claims, signature = (form.get("client_assertion") or form["assertion"]).split(".")
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    KEY.public_key().verify(raw, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert told["aud"] == f"{server.url}/token"
    assert told["exp"] - told["iat"] == 300
    assert told["sub"] == {"private_key_jwt": "me", "service_account": "admin@b"}[kind]


def test_a_token_is_asked_for_what_the_feed_needs_and_no_more(server: Peer, tmp_path: Path) -> None:
    """Google grants none at all where one of several scopes was not allowed; and that of licences may also write."""
    options = {"url": server.url, "token_url": f"{server.url}/token", "key_file": "${KEY_FILE}", "subject": "admin@b"}
    source = Source.model_validate({"name": "g", "feed": "accounts", "connector": "google", "options": options})
    server.scene = Scene([], {})
    key_file = json.dumps({"client_email": "a@b", "private_key": PEM})
    systems.fetch(source, "2026-10", tmp_path, Wire(vault=Vault({"KEY_FILE": key_file})))
    claims = server.asked_for_token[0]["assertion"].split(".")[1]
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert told["scope"] == "https://www.googleapis.com/auth/admin.directory.user.readonly"


GRANTED = {"kind": "client_credentials", "client_id": "me", "client_secret": "${SECRET}"}


def test_a_token_that_ends_mid_pull_is_had_anew(opened: Open, server: Peer) -> None:
    def check(asked: Asked, reply: Reply) -> None:
        good = f"Bearer {CANARY}-{1 if asked.number < 3 else 2}"
        if asked.headers["Authorization"] != good:
            reply.status, reply.body = 401, {"error": "invalid_token"}

    fetched, staged = opened({**GRANTED, "token_url": f"{server.url}/token"}, check)
    assert (fetched.outcome, staged.used) == ("complete", 17)
    assert len(server.asked_for_token) == 2


def test_a_token_that_is_refused_at_once_ends_the_pull(opened: Open, server: Peer) -> None:
    fetched, staged = opened(
        {**GRANTED, "token_url": f"{server.url}/token"}, lambda asked, reply: setattr(reply, "status", 401)
    )
    assert (fetched.outcome, staged.used) == ("failed", 0)
    assert "answered 401" in str(fetched.why)
    assert len(server.asked_for_token) == 2


def test_a_secret_that_is_refused_is_told_as_such(opened: Open, server: Peer) -> None:
    def refuse(form: dict[str, str]) -> Reply:
        return Reply(400, {"error": "invalid_client", "error_description": f"{form} is wrong"})

    server.grant = refuse  # type: ignore[method-assign] # for this test
    fetched, _ = opened({**GRANTED, "token_url": f"{server.url}/token"}, lambda asked, reply: None)
    assert fetched.outcome == "failed"
    assert "no token was granted" in str(fetched.why)


@pytest.mark.parametrize(
    "refusal",
    [Reply(403, {"error": "access_denied"}), Reply(307, headers={"Location": "https://evil.example/token"})],
    ids=["forbidden", "elsewhere"],
)
def test_a_token_that_is_not_had_anew_is_no_list_that_is_not_permitted(
    opened: Open, server: Peer, refusal: Reply
) -> None:
    def grant(form: dict[str, str]) -> Reply:
        server.asked_for_token.append(form)
        return refusal if server.asked_for_token[1:] else Reply(body={"access_token": CANARY})

    def check(asked: Asked, reply: Reply) -> None:
        if asked.query["of"] == "others":
            reply.status = 401

    server.grant = grant  # type: ignore[method-assign] # for this test
    fetched, _ = opened(
        {**GRANTED, "token_url": f"{server.url}/token"}, check, params={"of": "{of}"},
        over={"of": ["ours", "others"]}, instead=[{"status": 403, "note": "others are not permitted"}],
    )  # fmt: skip
    assert fetched.outcome == ("partial" if refusal.status == 403 else "failed")
    assert "no token was granted" in str(fetched.why)
    assert fetched.notes == ()


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"pages": 2}, "pages = 2"),
        ({"rows": 10}, "rows = 10"),
        ({"page_bytes": 100}, "page_bytes = 100"),
    ],
)
def test_a_pull_that_is_too_large_ends_by_the_name_of_its_limit(
    opened: Open, limits: dict[str, int], said: str
) -> None:
    fetched, _ = opened({"kind": "none"}, lambda asked, reply: None, limits=limits)
    assert fetched.outcome in ("partial", "failed")
    assert said in str(fetched.why)


def test_a_bomb_is_refused_while_it_unpacks(opened: Open) -> None:
    import gzip

    bomb = gzip.compress(b"[" + b" " * 200_000_000 + b"]", compresslevel=9)

    def check(asked: Asked, reply: Reply) -> None:
        reply.raw, reply.headers["Content-Encoding"] = bomb, "gzip"

    fetched, _ = opened({"kind": "none"}, check, limits={"page_bytes": 1_000_000})
    assert fetched.outcome == "failed"
    assert "page_bytes = 1000000" in str(fetched.why)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"walk": {"by": "totl"}}, "walk"),
        ({"walk": {"by": "total", "strat": "offset"}}, "did you mean 'start'?"),
        ({"recrods": "items"}, "did you mean 'records'?"),
        ({"headers": {"X-Api-Key": "abc"}}, "X-Api-Key is a credential; write it under auth"),
        ({"params": {"apikey": "${SECRET}"}}, "apikey would tell a credential in the address"),
        ({"auth": {"kind": "bearer", "token": "abc"}}, "credential in plain text"),
    ],
)
def test_a_mistake_in_a_description_is_told(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    from pipelines.errors import ConfigError
    from pipelines.sources import hold_against_systems

    source = Source.model_validate({**REST, "url": "https://example.com", **change})
    with pytest.raises(ConfigError) as error:
        hold_against_systems(SETTINGS.model_copy(update={"sources": [source]}), tmp_path / "tieout.toml")
    assert said in str(error.value)
    assert "abc" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"subdomain": "acme"}, "kandji needs 'token', which is not given"),
        ({"token": "${KANDJI_TOKEN}"}, "kandji needs 'subdomain', which is not given"),
        ({"subdomain": "acme", "tokn": "${KANDJI_TOKEN}"}, "did you mean 'token'?"),
        ({"subdomain": "acme", "token": "abc"}, "credential in plain text"),
        ({"subdomain": "evil.example/", "token": "${KANDJI_TOKEN}"}, "is no part of an address"),
    ],
)
def test_a_preset_says_what_it_needs(options: dict[str, str], said: str, tmp_path: Path) -> None:
    from pipelines.errors import ConfigError
    from pipelines.sources import hold_against_systems

    source = Source.model_validate({"name": "macs", "feed": "endpoints", "connector": "kandji", **options})
    with pytest.raises(ConfigError) as error:
        hold_against_systems(SETTINGS.model_copy(update={"sources": [source]}), tmp_path / "tieout.toml")
    assert said in str(error.value)


# -- whom a credential is sent to -------------------------------------------------------------------------------------

ELSEWHERE = [
    "http://127.0.0.1:{other}/n", "http://localhost:{other}/n", "HTTP://127.0.0.1:{other}/n", "//127.0.0.1:{other}/n",
    "http://me@127.0.0.1:{other}/n", "http://127.0.0.1:{port}@127.0.0.1:{other}/n", "http://[::1]:{other}/n",
    "http://127.0.0.1.:{other}/n", "http://127.1:{other}/n", "http://2130706433:{other}/n", "http://0x7f000001:{other}/n",
    "https://127.0.0.1:{port}/n", "http://localhost:{port}/n", "http://me@127.0.0.1:{port}/n", "http://127.0.0.1/n",
    "ws://127.0.0.1:{port}/n", "file:///etc/passwd", "javascript:alert(1)", "http://127.0.0.1:99999/n", "http://",
    "http://127.0.0.1:{other}\\@127.0.0.1:{port}/n", "  http://127.0.0.1:{other}/n", "ht\ttp://127.0.0.1:{other}/n",
]  # fmt: skip


@pytest.mark.parametrize("link", ELSEWHERE)
@pytest.mark.parametrize("way", ["next", "redirect"])
def test_a_link_elsewhere_is_not_followed_and_fails_the_pull(opened: Open, server: Peer, link: str, way: str) -> None:
    def check(asked: Asked, reply: Reply) -> None:
        port, other = server.server_address[1], stranger.server_address[1]
        target = link.replace("{port}", str(port)).replace("{other}", str(other))
        if way == "next":
            reply.body["next"] = target
        else:
            reply.status, reply.headers["Location"] = 302, target.replace("\t", "")

    with peer() as stranger:
        stranger.scene = Scene([], {})
        fetched, staged = opened(
            {"kind": "bearer", "token": "${SECRET}"}, check, walk={"by": "next", "at": "next"}, total=""
        )
        assert stranger.strangers == []
    assert not [headers for headers in server.strangers if "Authorization" not in headers]
    assert fetched.outcome != "complete"
    assert staged.used <= 5


def test_an_answer_that_drips_in_is_not_waited_for(opened: Open) -> None:
    fetched, _ = opened(
        {"kind": "bearer", "token": "${SECRET}"},
        lambda asked, reply: setattr(reply, "is_slow", True),
        limits={"request_seconds": 0.2},
    )
    assert fetched.outcome == "failed"
    assert "longer for one answer than request_seconds" in str(fetched.why) or "ReadTimeout" in str(fetched.why)
