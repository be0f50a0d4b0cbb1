"""Emulators of somebody else's making, which `make test-peers` installs; without them these tests are skipped."""

import getpass
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import polars as pl
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import ocs
from tests.conftest import MakeWorkspace, Tieout
from tests.peer import CANARY
from tests.spoil import DRIP, SPOILS
from tests.test_live_sources import USERS as SCIM_USERS
from tests.test_live_sources import scim as scim  # the fixture
from tests.test_real_servers import free_port, pulled, serving

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
    command = [tools / "emulate", "start", "-s", "okta", "-p", str(port), "--seed", folder / "seed.json"]
    with serving(command, port, env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}, cwd=folder):
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers={"Authorization": f"SSWS {CANARY}"}, trust_env=False) as client:
            gone = client.get("/api/v1/users").json()[-1]["id"]
            client.post(f"/api/v1/users/{gone}/lifecycle/deactivate").raise_for_status()
        yield url


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
def storage() -> Iterator[str]:
    """The address of an emulator of S3."""
    command = _peers() / "moto" / "bin" / "moto_server"
    if not command.exists():
        pytest.skip("the emulator is not installed; `make test-peers` installs it")
    port = free_port()
    with serving([command, "-H", "127.0.0.1", "-p", str(port)], port):
        yield f"http://127.0.0.1:{port}"


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


SSHD = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/server
PidFile none
UsePAM yes
StrictModes no
PasswordAuthentication no
AuthorizedKeysFile {folder}/let-in
Subsystem sftp internal-sftp
"""
Exports = tuple[Path, dict[str, str]]


def new_key(path: Path) -> str:
    """Write a key of OpenSSH's own form, and return its public half as a line of known_hosts has it."""
    key = Ed25519PrivateKey.generate()
    pem, public = serialization.Encoding.PEM, serialization.Encoding.OpenSSH
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(public, serialization.PublicFormat.OpenSSH).decode()


@pytest.fixture
def exports() -> Iterator[Exports]:
    """A folder that OpenSSH shows to who has the key to it, and what a source says to get there."""
    if not (sshd := _peers() / "debian/usr/sbin/sshd").exists():
        pytest.skip("OpenSSH is not unpacked; `make test-peers` does it where there are Debian packages")
    who, port = "nobody" if os.geteuid() == 0 else getpass.getuser(), free_port()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "exports").mkdir()
        server, _ = new_key(folder / "server"), (folder / "let-in").write_text(new_key(folder / "key"))
        (folder / "config").write_text(SSHD.format(port=port, folder=folder))
        shutil.copy(sshd, folder)
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, who)
        with serving([folder / "sshd", "-D", "-f", folder / "config"], port, user=who):
            yield folder / "exports", {
                "feed": "people", "connector": "drop", "url": f"sftp://127.0.0.1:{port}{folder}/exports/*/*.csv",
                "user": who, "private_key_file": str(folder / "key"), "host_key": server,
            }  # fmt: skip


@pytest.mark.proves("drop", "real server", "OpenSSH (SFTP)")
def test_files_come_from_an_sftp_server_to_the_byte(exports: Exports, tmp_path: Path) -> None:
    folder, where = exports
    for part in range(120):
        people = [f"{part:03}-{n},Zoë {n},active" for n in range(2_000 if part else 60_000)]
        (folder / f"{part % 7}").mkdir(exist_ok=True)
        (folder / f"{part % 7}" / f"hr-{part}.csv").write_text("person_id,full_name,status\n" + "\n".join(people))
    fetched, staged = pulled(tmp_path, **where)
    assert fetched.outcome == "complete", fetched.why
    assert (len(fetched.files), staged.used) == (120, 60_000 + 119 * 2_000)
    assert sum(one.bytes for one in fetched.files) == sum(path.stat().st_size for path in folder.rglob("*.csv"))


def test_an_sftp_server_that_shows_a_part_delivers_nothing(exports: Exports, tmp_path: Path) -> None:
    folder, where = exports
    for name in ("open", "closed"):
        (folder / name).mkdir()
        (folder / name / "hr.csv").write_text("person_id,full_name,status\n0042,Ada,active\n")
        shutil.chown(folder / name, where["user"])
    (folder / "closed").chmod(0)
    fetched, staged = pulled(tmp_path, **where)
    (folder / "closed").chmod(0o700)
    assert (fetched.outcome, staged.landed) == ("failed", 0)
    assert "closed cannot be listed: Permission denied" in str(fetched.why)


def test_an_sftp_server_refuses_another_key_and_is_refused_for_one(exports: Exports, tmp_path: Path) -> None:
    _, where = exports
    (tmp_path / "pulls").mkdir()
    other = new_key(tmp_path / "other")
    shut, _ = pulled(tmp_path / "pulls", **{**where, "private_key_file": str(tmp_path / "other")})
    assert (shut.outcome, "Authentication failed" in str(shut.why)) == ("failed", True)
    strange, _ = pulled(tmp_path / "pulls", **{**where, "host_key": other})
    assert (strange.outcome, "does not match" in str(strange.why)) == ("failed", True)


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
    limit_req_zone $binary_remote_addr zone=all:1m rate=30r/m;
    limit_req_status 429;
    server {{
        listen 127.0.0.1:{port};
        error_page 429 = @slower;
        location / {{ limit_req zone=all burst=2 nodelay; proxy_pass {behind}; }}
        location @slower {{ default_type application/json; add_header Retry-After 2 always; return 429 "{{}}"; }}
    }}
}}
"""


@pytest.mark.proves("scim", "real server", "scim2-server behind nginx that limits requests")
def test_a_server_that_limits_requests_gives_everybody_in_the_end(scim: str, tmp_path: Path) -> None:
    if not (nginx := _peers() / "debian/usr/sbin/nginx").exists():
        pytest.skip("nginx is not unpacked; `make test-peers` does it where there are Debian packages")
    port, folder = free_port(), tmp_path / "nginx"
    folder.mkdir()
    (tmp_path / "pulls").mkdir()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, behind=scim))
    with serving([nginx, "-c", folder / "nginx.conf", "-g", "daemon off;"], port):
        fetched, staged = pulled(
            tmp_path / "pulls", patient=True, feed="accounts", connector="scim", url=f"http://127.0.0.1:{port}",
            token="${PASSWORD}", page_size=200,
        )  # fmt: skip
    assert fetched.outcome == "complete", fetched.why
    assert staged.used == SCIM_USERS
    assert fetched.report
    assert fetched.report.retries > 0


@pytest.fixture(scope="module")
def between(scim: str) -> Iterator[str]:
    """The address of a proxy that passes everything on to the SCIM server, and spoils answers where it is told to."""
    command = _peers() / "mitmproxy" / "bin" / "mitmdump"
    if not command.exists():
        pytest.skip("mitmproxy is not installed; `make test-peers` installs it")
    port = free_port()
    spoiling = ["-s", str(Path(__file__).with_name("spoil.py")), "--set", "stream_large_bodies=1g"]
    listening = ["--mode", f"reverse:{scim}", "--listen-host", "127.0.0.1", "-p", str(port), "-q"]
    with serving([command, *listening, *spoiling], port):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.proves("scim", "real server", "scim2-server behind mitmproxy that spoils answers")
@pytest.mark.parametrize("spoil", [*SPOILS, DRIP])
def test_an_answer_that_is_spoilt_on_its_way_loses_nothing_in_silence(between: str, tmp_path: Path, spoil: str) -> None:
    where = {"feed": "accounts", "connector": "scim", "url": between, "token": "${PASSWORD}", "page_size": 300,
             "limits": {"request_seconds": 5 if spoil == DRIP else 60}}  # fmt: skip
    fetched, staged = pulled(tmp_path, **where, headers={"X-Spoil": f"{spoil} once"})
    assert fetched.outcome == "complete", fetched.why
    assert set(staged.rows["username"]) == {f"user{n}@example.com" for n in range(SCIM_USERS)}
    short, _ = pulled(tmp_path, **where, headers={"X-Spoil": spoil})
    assert (short.outcome, bool(short.why)) == ("partial", True)


COMPUTERS = 230


@pytest.fixture(scope="module")
def inventory() -> Iterator[ocs.Inventory]:
    """An OCS Inventory NG server that its genuine agent has reported this machine to, and 230 laptops beside it."""
    root = _peers() / "debian"
    if not (root / "usr/sbin/mariadbd").exists():
        pytest.skip("OCS Inventory NG is not unpacked; `make test-peers` does it where there are Debian packages")
    with ocs.inventory(root, CANARY) as server:
        written = server.look_over_this_machine()
        server.report([ocs.another(written, f"LAP-{n:04}", f"5CG{n:07}") for n in range(COMPUTERS)])
        yield server


OCS = "OCS Inventory NG 2.8.1 and its agent"


@pytest.mark.proves("ocs", "real server", OCS)
def test_an_inventory_gives_every_computer_its_agents_reported(inventory: ocs.Inventory, tmp_path: Path) -> None:
    where = {"feed": "endpoints", "connector": "ocs", "url": inventory.url, "user": ocs.USER, "timezone": "UTC"}
    fetched, staged = pulled(tmp_path, **where, password="${PASSWORD}")
    assert (fetched.outcome, fetched.proof) == ("complete", "declared total"), fetched.why
    assert (staged.used, staged.quarantined) == (COMPUTERS + 1, 0)
    laptops = staged.rows.filter(pl.col("serial").is_not_null())
    assert set(laptops["serial"]) >= {f"5CG{n:07}" for n in range(COMPUTERS)}
    assert set(laptops.filter(pl.col("serial").str.starts_with("5CG"))["asset_class"]) == {"laptop"}
    assert staged.rows["last_seen_at"].null_count() == 0
    refused, _ = pulled(tmp_path, **where, password="${WRONG}")
    assert (refused.outcome, "answered 401" in str(refused.why)) == ("failed", True)


@pytest.mark.proves("ocs", "real server", OCS)
def test_what_agents_report_is_reconciled_with_the_register(
    inventory: ocs.Inventory, make_workspace: MakeWorkspace, tieout: Tieout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCS_PASSWORD", CANARY)
    period = datetime.now(UTC).strftime("%Y-%m")
    config = f"""
[[sources]]
name = "ocs"
feed = "endpoints"
connector = "ocs"
url = "{inventory.url}"
user = "{ocs.USER}"
password = "${{OCS_PASSWORD}}"
timezone = "UTC"
"""
    register = [f"A-{n},5CG{n:07},laptop,in_use,2026-01-02" for n in range(COMPUTERS - 3)]
    register.append("A-900,5CG9999999,laptop,in_use,2026-01-02")
    rows = "asset_tag,serial,asset_class,status,status_since\n" + "\n".join(register)
    root = make_workspace(config, {f"{period}/assets.csv": rows})
    ran = tieout("run", "-w", root, "--period", period, "--as-of", datetime.now(UTC).isoformat())
    assert ran.code == 0, ran.err
    question = "SELECT rule, subject FROM exceptions_current WHERE rule IN ('unregistered-device', 'ghost-asset')"
    found = {(one["rule"], one["subject"]) for one in json.loads(tieout("sql", question, "-w", root, "--json").out)}
    assert {subject for rule, subject in found if rule == "ghost-asset"} == {"A-900"}
    assert {subject for rule, subject in found if rule == "unregistered-device"} >= {
        f"5CG{n:07}" for n in range(COMPUTERS - 3, COMPUTERS)
    }
