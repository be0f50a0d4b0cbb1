"""Web servers of somebody else's making that pip installs: one that grants OAuth 2 tokens, and one that acts as Graph
and Slack."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import polars as pl
import pytest

from tests.peer import CANARY, Asked, Reply
from tests.test_opening import Open
from tests.test_opening import opened as opened  # the fixtures
from tests.test_opening import server as server
from tests.test_real_servers import free_port, pulled, serving

CLIENT = "tieout"


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def grants() -> Iterator[httpx.Client]:
    """A server that grants tokens to CLIENT; it also tells whether one is good, and revokes it."""
    import canaille
    from canaille.app import models
    from canaille.backends import Backend
    from joserfc.jwk import JWKRegistry

    port = free_port()
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    own = JWKRegistry.generate_key("RSA", 2048)
    own.ensure_kid()
    config = {
        "SECRET_KEY": "of no worth", "SERVER_NAME": f"127.0.0.1:{port}", "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory"}, "CANAILLE_OIDC": {"ACTIVE_JWKS": [own.as_dict(private=True)]},
    }  # fmt: skip
    app = canaille.create_app(config=config)
    with app.app_context():
        client = models.Client(
            client_id=CLIENT, client_secret=CANARY, client_name=CLIENT, grant_types=["client_credentials"],
            token_endpoint_auth_method="client_secret_basic", scope=["profile"], response_types=[],
        )  # fmt: skip
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    server = make_server("127.0.0.1", port, app, handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    at = f"http://127.0.0.1:{port}/oauth"
    with httpx.Client(base_url=at, auth=(CLIENT, CANARY), trust_env=False) as asking:
        yield asking
    server.shutdown()
    server.server_close()
    thread.join()


def _by(grants: httpx.Client, client: str) -> dict[str, str]:
    return {"kind": "client_credentials", "token_url": f"{grants.base_url}token", "client_id": client,
            "client_secret": "${SECRET}", "send_as": "basic", "scope": "profile"}  # fmt: skip


@pytest.mark.proves("rest", "real server", "tokens of Canaille, which grants and revokes them by OAuth 2")
def test_a_token_that_is_revoked_while_it_is_in_use_is_had_anew(grants: httpx.Client, opened: Open) -> None:
    shown: list[str] = []

    def check(asked: Asked, reply: Reply) -> None:
        token = asked.headers["Authorization"].removeprefix("Bearer ")
        if not grants.post("/introspect", data={"token": token}).json()["active"]:
            reply.status, reply.body = 401, {"error": "invalid_token"}
        elif token not in shown:
            shown.append(token)
        if asked.number == 2:
            grants.post("/revoke", data={"token": token}).raise_for_status()

    fetched, staged = opened(_by(grants, CLIENT), check)
    assert fetched.outcome == "complete", fetched.why
    assert (staged.used, len(shown)) == (17, 2)


def test_whom_the_server_grants_no_token_gets_nothing(grants: httpx.Client, opened: Open) -> None:
    fetched, _ = opened(_by(grants, "nobody"), lambda asked, reply: None)
    assert fetched.outcome == "failed"
    assert "no token was granted" in str(fetched.why)


@pytest.fixture(scope="module")
def backlot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of Slack and Microsoft Graph with 260 users; it is told to call nobody home."""
    command = [sys.executable, "-W", "ignore", "-m", "backlot"]
    folder, port = tmp_path_factory.mktemp("backlot"), free_port()
    said = [
        {"source_type": "slack", "doc_id": f"d{n}", "channel": "general", "group": "it", "content": "hello",
         "created": "2026-02-09T09:12:00Z", "visibility": "public", "author_email": f"u{n}@example.com",
         "author_name": f"User {n}"}
        for n in range(260)
    ]  # fmt: skip
    (folder / "said.jsonl").write_text("\n".join(map(json.dumps, said)))
    quiet = {**os.environ, "BACKLOT_TELEMETRY": "0", "DO_NOT_TRACK": "1", "BACKLOT_DATA_DIR": str(folder / "data")}
    subprocess.run([*command, "import", folder / "said.jsonl"], env=quiet, check=True, capture_output=True)
    with serving([*command, "serve", "--port", str(port)], port, env=quiet):
        yield f"http://127.0.0.1:{port}"


OPEN = {"kind": "header", "prefix": "Bearer ", "credential": "${ADMIN}"}


@pytest.mark.proves("slack", "emulator", "backlot 0.1.0")
def test_slack_gives_every_member_and_says_that_billing_is_not_permitted(backlot: str, tmp_path: Path) -> None:
    fetched, staged = pulled(
        tmp_path, feed="seats", connector="slack", url=f"{backlot}/slack/api", token="${ADMIN}", auth=OPEN
    )
    assert (fetched.outcome, fetched.proof) == ("complete", "no further cursor"), fetched.why
    people = staged.rows.filter(pl.col("email").is_not_null())
    assert set(people["email"]) == {f"u{n}@example.com" for n in range(260)}
    assert staged.rows["last_active_at"].null_count() == staged.used
    assert "who is billed is not permitted" in fetched.notes[0]


@pytest.mark.proves("graph", "emulator", "backlot 0.1.0 (users)")
def test_graph_gives_every_user_by_absolute_links(backlot: str, tmp_path: Path) -> None:
    fetched, staged = pulled(
        tmp_path, feed="accounts", connector="graph", url=f"{backlot}/msgraph/v1.0", auth=OPEN,
        constants={"status": "active"},
    )  # fmt: skip
    assert (fetched.outcome, fetched.proof) == ("complete", "no next link"), fetched.why
    assert {f"u{n}@example.com" for n in range(260)} == set(staged.rows["email"])
