"""Emulators of somebody else's making, which `make test-peers` installs; without them these tests are skipped."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest

from tests.peer import CANARY
from tests.test_real_servers import free_port, pulled, wait_for

pytestmark = pytest.mark.slow
USERS = 450


def _peers() -> Path:
    """Where `make test-peers` installs them."""
    return Path(os.environ.get("TIEOUT_PEERS", "build/peers")).resolve()


@pytest.fixture(scope="module")
def okta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Okta emulator with 450 users of ours and one of its own, one of them deactivated; it pages by 30."""
    tools = _peers() / "node_modules" / ".bin"
    if not (tools / "emulate").exists():
        pytest.skip("the emulator is not installed; `make test-peers` installs it")
    folder, port = tmp_path_factory.mktemp("okta"), free_port()
    people = [
        {"login": f"u{n}@example.com", "email": f"u{n}@example.com", "first_name": "U", "last_name": str(n)}
        for n in range(USERS)
    ]
    seed = {"tokens": {CANARY: {"login": "admin", "scopes": []}}, "okta": {"users": people}}
    (folder / "seed.json").write_text(json.dumps(seed))
    server = subprocess.Popen(
        [tools / "emulate", "start", "-s", "okta", "-p", str(port), "--seed", folder / "seed.json"],
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        wait_for(port)
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers={"Authorization": f"SSWS {CANARY}"}, trust_env=False) as client:
            gone = client.get("/api/v1/users").json()[-1]["id"]
            client.post(f"/api/v1/users/{gone}/lifecycle/deactivate").raise_for_status()
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.mark.proves("okta", "emulator", "emulate 0.12.2")
def test_okta_gives_everybody_by_links_it_alone_understands(okta: str, tmp_path: Path) -> None:
    fetched, staged = pulled(tmp_path, feed="accounts", connector="okta", url=okta, token="${PASSWORD}")
    assert (fetched.outcome, fetched.proof) == ("complete", "no next link"), fetched.why
    assert (staged.used, staged.quarantined) == (USERS + 1, 0)
    assert {f"u{n}@example.com" for n in range(USERS)} <= set(staged.rows["username"])
    assert staged.rows["status"].value_counts().sort("status").rows() == [("active", USERS), ("deprovisioned", 1)]
    assert staged.rows["last_login_at"].null_count() == USERS + 1  # the emulator tells none: unknown, not never


@pytest.mark.proves("okta", "emulator", "emulate 0.12.2")
def test_okta_refuses_whom_it_does_not_know(okta: str, tmp_path: Path) -> None:
    fetched, staged = pulled(tmp_path, feed="accounts", connector="okta", url=okta, auth={"kind": "none"})
    assert (fetched.outcome, staged.landed) == ("failed", 0)
    assert "answered 401" in str(fetched.why)


@pytest.fixture(scope="module")
def backlot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of Slack and Microsoft Graph with 260 users; it is told to call nobody home."""
    command = _peers() / "venv" / "bin" / "backlot"
    if not command.exists():
        pytest.skip("the emulator is not installed; `make test-peers` installs it")
    folder, port = tmp_path_factory.mktemp("backlot"), free_port()
    said = [
        {"source_type": "slack", "doc_id": f"d{n}", "channel": "general", "group": "it", "content": "hello",
         "created": "2026-02-09T09:12:00Z", "visibility": "public", "author_email": f"u{n}@example.com",
         "author_name": f"User {n}"}
        for n in range(260)
    ]  # fmt: skip
    (folder / "said.jsonl").write_text("\n".join(map(json.dumps, said)))
    quiet = {**os.environ, "BACKLOT_TELEMETRY": "0", "DO_NOT_TRACK": "1", "BACKLOT_DATA_DIR": str(folder / "data")}
    subprocess.run([command, "import", folder / "said.jsonl"], env=quiet, check=True, capture_output=True)
    server = subprocess.Popen(
        [command, "serve", "--port", str(port)], env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


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
