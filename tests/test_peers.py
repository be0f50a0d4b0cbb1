"""Emulators of somebody else's making, which `make test-peers` installs; without them these tests are skipped."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.peer import CANARY
from tests.test_real_servers import free_port, pulled, wait_for

pytestmark = pytest.mark.slow
USERS = 450


@pytest.fixture(scope="module")
def okta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Okta emulator with 450 users of ours and one of its own, one of them deactivated; it pages by 30."""
    tools = Path(os.environ.get("TIEOUT_PEERS", "build/peers")).resolve() / "node_modules" / ".bin"
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
