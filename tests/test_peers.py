"""Emulators of somebody else's making, which `make test-peers` installs; without them these tests are skipped."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest

from tests.peer import CANARY
from tests.test_live_sources import USERS as SCIM_USERS
from tests.test_live_sources import scim as scim  # the fixture
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


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """The address of an emulator of S3."""
    command = _peers() / "venv" / "bin" / "moto_server"
    if not command.exists():
        pytest.skip("the emulator is not installed; `make test-peers` installs it")
    port = free_port()
    server = subprocess.Popen(
        [command, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.proves("drop", "emulator", "moto 5.2.5 (S3)")
def test_files_come_from_a_bucket(storage: str, tmp_path: Path) -> None:
    rows = "person_id,full_name,status\n0042,Zoë Ünal,active\n"
    with httpx.Client(base_url=storage, trust_env=False) as client:
        client.put("/drop").raise_for_status()
        client.put("/drop/2026-10/hr.csv", content=rows.encode()).raise_for_status()
    where = {"feed": "people", "connector": "drop", "endpoint": storage, "access_key": "${PASSWORD}",
             "secret_key": "${ADMIN}"}  # fmt: skip
    fetched, staged = pulled(tmp_path, **where, url="s3://drop/{period}/*.csv")
    assert fetched.outcome == "complete", fetched.why
    assert staged.rows["full_name"].to_list() == ["Zoë Ünal"]
    missing, _ = pulled(tmp_path, **where, url="s3://drop/{period}/sap-*.csv")
    assert missing.outcome == "missing"


NGINX = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_req_zone $binary_remote_addr zone=all:1m rate=5r/s;
    limit_req_status 429;
    server {{
        listen 127.0.0.1:{port};
        error_page 429 = @slower;
        location / {{ limit_req zone=all burst=2 nodelay; proxy_pass {behind}; }}
        location @slower {{ default_type application/json; add_header Retry-After 0.4 always; return 429 "{{}}"; }}
    }}
}}
"""


@pytest.mark.proves("scim", "real server", "scim2-server behind nginx that limits requests")
def test_a_server_that_limits_requests_gives_everybody_in_the_end(scim: str, tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    port, folder = free_port(), tmp_path / "nginx"
    folder.mkdir()
    (tmp_path / "pulls").mkdir()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, behind=scim))
    server = subprocess.Popen(
        [nginx, "-c", folder / "nginx.conf", "-g", "daemon off;"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        fetched, staged = pulled(
            tmp_path / "pulls", patient=True, feed="accounts", connector="scim", url=f"http://127.0.0.1:{port}",
            token="${PASSWORD}", page_size=50,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait()
    assert fetched.outcome == "complete", fetched.why
    assert staged.used == SCIM_USERS
    assert fetched.report
    assert fetched.report.retries > 0
