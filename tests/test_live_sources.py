"""Sources that are asked over the network: configured, pulled in a run, kept, and not asked when that is unwanted."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from connectors import http, systems
from connectors.vault import Vault
from connectors.wire import Wire
from pipelines import steps, support
from pipelines.errors import ConfigError
from pipelines.steps import Month
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace, Tieout
from tests.peer import CANARY, Asked, Peer, Reply, Scene, certificate, peer
from tests.test_every_connector import pages_of
from tieout.settings import Source

OKTA = """
[[sources]]
name = "okta-prod"
feed = "accounts"
connector = "okta"
url = "{url}"
token = "${{OKTA_TOKEN}}"
"""


@pytest.fixture
def okta(make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workspace, Peer]]:
    """A workspace whose directory is a peer on this machine."""
    monkeypatch.setenv("OKTA_TOKEN", CANARY)
    with peer() as server:
        workspace = Workspace.open(make_workspace(OKTA.format(url=server.url)))
        source = workspace.settings.sources[0]
        streams = systems.delivery_of(source).streams(systems.options_of(source))
        server.scene = Scene(streams, pages_of("okta", "accounts"))
        yield workspace, server


def today() -> tuple[str, datetime]:
    """A month and an instant in it that is just over."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    return now.strftime("%Y-%m"), now


def account(workspace: Workspace, **month: Any) -> dict[str, Any]:
    period, now = today()
    steps.pull(Month(workspace, period, **{"as_of": now, **month}))
    return Warehouse(workspace.tables).read("sources", period=period).row(0, named=True)


def test_a_run_pulls_lands_and_judges(okta: tuple[Workspace, Peer]) -> None:
    workspace, _ = okta
    told = account(workspace)
    assert (told["verdict"], told["landed"], told["used"], told["system"]) == ("GREEN", 17, 17, "Okta")
    assert (told["proof"], told["distinct"], told["declared"]) == ("no next link", 17, None)
    assert (told["pages"], told["retries"], told["waited_seconds"]) == (4, 0, 0)
    written = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert any(path.name == "pages.gz" for path in written)
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


def test_a_whole_pull_from_after_the_end_of_the_month_stands(okta: tuple[Workspace, Peer]) -> None:
    workspace, server = okta
    _, now = today()
    first = account(workspace, as_of=now)
    asked = server.scene.asked["rows"]
    assert account(workspace, as_of=now) == first
    assert server.scene.asked["rows"] == asked
    assert account(workspace, as_of=datetime.now(UTC) + timedelta(seconds=5))["snapshot_id"] != first["snapshot_id"]


def test_dropped_files_that_were_tidied_away_still_count_beside_a_pull(okta: tuple[Workspace, Peer]) -> None:
    workspace, _ = okta
    period, now = today()
    drop = workspace.inbox / period / "people.csv"
    drop.parent.mkdir(parents=True)
    drop.write_text("person_id,full_name,status\n1,Ana,active\n")
    account(workspace, as_of=now)
    drop.unlink()
    account(workspace, as_of=now)
    verdicts = dict(Warehouse(workspace.tables).read("sources", period=period).select("source", "verdict").iter_rows())
    assert verdicts == {"okta-prod": "GREEN", "people": "GREEN"}


def test_offline_nothing_is_asked(okta: tuple[Workspace, Peer]) -> None:
    workspace, server = okta
    told = account(workspace, offline=True)
    assert (told["verdict"], server.scene.asked) == ("RED", {})
    assert "offline" in told["reasons"][0]
    landed = account(workspace)["snapshot_id"]
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert account(workspace, offline=True, as_of=later)["snapshot_id"] == landed


def test_a_pull_that_breaks_off_is_amber_and_says_where(okta: tuple[Workspace, Peer]) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        if asked.number >= 3:
            reply.status, reply.body = 403, {"errorSummary": f"not for {CANARY}"}

    workspace, server = okta
    server.scene.fault = fault
    told = account(workspace)
    assert (told["verdict"], told["used"]) == ("AMBER", 10)
    assert "answered 403" in told["reasons"][0]
    assert "after 2 pages, 10 rows" in told["reasons"][0]
    assert CANARY not in str(told)


def test_an_unset_credential_is_named_and_not_asked_for(
    okta: tuple[Workspace, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = okta
    monkeypatch.delenv("OKTA_TOKEN")
    told = account(workspace)
    assert told["verdict"] == "RED"
    assert "OKTA_TOKEN is not set" in told["reasons"][0]


def test_a_credential_may_lie_in_a_file(
    okta: tuple[Workspace, Peer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace, _ = okta
    (tmp_path / "token").write_text(f"{CANARY}\n")
    monkeypatch.delenv("OKTA_TOKEN")
    monkeypatch.setenv("OKTA_TOKEN_FILE", str(tmp_path / "token"))
    assert account(workspace)["verdict"] == "GREEN"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('connector = "okta"', 'connector = "octa"'), "connector 'octa' is not there; did you mean 'okta'?"),
        (("token =", "tokn ="), "tokn is not a known key; did you mean 'token'?"),
        (("token =", "covres ="), "covres is not a known key; did you mean 'covers'?"),
        (('"accounts"', '"assets"'), "okta delivers accounts and seats, not assets"),
        (("${OKTA_TOKEN}", "0a1b2c"), "token holds a secret in plain text"),
        (("${OKTA_TOKEN}", "${okta_token}"), "token refers to ${okta_token}; write the variable's name in capitals"),
        (("token =", "path = 'a.csv'\ntoken ="), "path is for sources of files, not for okta"),
        (("token =", "auth = { kind = 'oauth' }\ntoken ="), "auth needs kind, which is one of 'none', 'header'"),
        (("token =", "auth = '${OKTA_TOKEN}'\ntoken ="), "auth should be a table of keys"),
        (('"\ntoken', '/?a=1"\ntoken'), "does not ask for what stands behind the ? of its url"),
        (('"\ntoken', '/#admin"\ntoken'), "holds a #, behind which nothing reaches a server"),
        (('"\ntoken', '/?api_key=1"\ntoken'), "would tell a credential (api_key)"),
        (('token = "${OKTA_TOKEN}"', ""), "okta needs token, or client_id and private_key"),
        (("http://", "okta://"), "is no web address"),
        (("http://", "http://me:pass@"), "is an address with a password in it"),
        (("http://", "http://me@"), "holds a user before the host"),
    ],
)
def test_a_mistake_in_the_config_names_the_nearest(
    make_workspace: MakeWorkspace, change: tuple[str, str], said: str
) -> None:
    config = OKTA.format(url="http://127.0.0.1:9").replace(*change)
    with pytest.raises(ConfigError) as error:
        Workspace.open(make_workspace(config))
    assert said in str(error.value)
    assert "0a1b2c" not in str(error.value)
    assert "pass@" not in str(error.value)


# -- commands --------------------------------------------------------------------------------------------------------


def test_a_dry_pull_tells_what_would_come_and_keeps_nothing(okta: tuple[Workspace, Peer], tieout: Tieout) -> None:
    workspace, _ = okta
    answer = tieout("pull", "okta-prod", "-w", workspace.root, "--dry-run", "--json")
    told = json.loads(answer.out)
    assert (told["outcome"], told["proof"], told["rows"], told["pages"]) == ("complete", "no next link", 17, 4)
    assert not workspace.landing.exists()
    assert CANARY not in answer.out + answer.err


def test_a_dry_pull_that_fails_says_why(okta: tuple[Workspace, Peer], tieout: Tieout) -> None:
    workspace, server = okta
    server.scene.fault = lambda asked, reply: setattr(reply, "status", 401)
    answer = tieout("pull", "okta-prod", "-w", workspace.root, "--dry-run")
    assert answer.code == 3
    assert "answered 401" in answer.out
    assert "credential is missing, wrong or expired" in answer.out


def test_a_month_that_has_run_can_have_a_source_anew(okta: tuple[Workspace, Peer], tieout: Tieout) -> None:
    workspace, _ = okta
    period, now = today()
    early = tieout("pull", "okta-prod", "-w", workspace.root, "--period", period)
    assert (early.code, "has not run yet" in early.err) == (2, True)
    first = account(workspace, as_of=now)["snapshot_id"]
    assert tieout("pull", "okta-prod", "-w", workspace.root, "--period", period).code == 0
    assert account(workspace, as_of=now)["snapshot_id"] != first


@pytest.mark.parametrize("at", [1, 3], ids=["failed", "partial"])
def test_a_pull_that_is_not_whole_replaces_none_that_is(okta: tuple[Workspace, Peer], tieout: Tieout, at: int) -> None:
    workspace, server = okta
    period, now = today()
    whole = account(workspace, as_of=now)["snapshot_id"]
    server.scene.asked.clear()

    def fault(asked: Asked, reply: Reply) -> None:
        reply.status = 403 if asked.number >= at else 200

    server.scene.fault = fault
    answer = tieout("pull", "okta-prod", "-w", workspace.root, "--period", period)
    assert (answer.code, "the whole pull from before stands" in answer.out) == (3, True)
    assert account(workspace, as_of=now)["snapshot_id"] == whole
    assert tieout("verify", "-w", workspace.root).code == 0


def test_pull_names_the_nearest_source(okta: tuple[Workspace, Peer], tieout: Tieout) -> None:
    answer = tieout("pull", "okta-prd", "-w", okta[0].root, "--dry-run")
    assert (answer.code, "did you mean 'okta-prod'?" in answer.err) == (2, True)


def test_doctor_finds_nothing_wrong(okta: tuple[Workspace, Peer], tieout: Tieout) -> None:
    answer = tieout("doctor", "-w", okta[0].root, "--json")
    told = [(one["about"], one["state"]) for one in json.loads(answer.out)]
    assert answer.code == 0
    assert ("accounts/okta-prod", "ok") in told
    assert okta[1].scene.asked == {"rows": 1}
    assert CANARY not in answer.out + answer.err


def test_doctor_tells_what_is_missing_and_what_to_do(
    okta: tuple[Workspace, Peer], tieout: Tieout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OKTA_TOKEN")
    answer = tieout("doctor", "-w", okta[0].root)
    assert answer.code == 1
    assert "the credential OKTA_TOKEN is not there; set OKTA_TOKEN, or OKTA_TOKEN_FILE" in answer.out
    assert okta[1].scene.asked == {}


def test_doctor_tells_clocks_that_differ(okta: tuple[Workspace, Peer], tieout: Tieout) -> None:
    def fault(asked: Asked, reply: Reply) -> None:
        reply.date = datetime.now(UTC) - timedelta(hours=2)

    okta[1].scene.fault = fault
    answer = tieout("doctor", "-w", okta[0].root)
    assert "s behind this machine's" in answer.out


def test_doctor_offline_asks_nobody(okta: tuple[Workspace, Peer], tieout: Tieout) -> None:
    assert tieout("doctor", "-w", okta[0].root, "--offline").code == 0
    assert okta[1].scene.asked == {}


def test_each_option_says_what_it_takes() -> None:
    told = {name: {one["option"]: one for one in support.described(name)["options"]} for name in systems.names()}
    assert told["okta"]["token"]["takes"] == 'a credential: "${NAME}"'
    assert told["scim"]["paging"]["takes"] == "'index' or 'cursor'"
    assert told["google"]["devices"]["takes"] == "a list of 'chromeos' and 'mobile'"
    assert told["rest"]["instead"]["takes"] == "a list of tables"
    assert told["ldap"]["start_tls"]["takes"] == "true or false"
    assert told["zoom"]["account_id"]["required"]
    assert not told["okta"]["token"]["required"]


def test_the_support_page_knows_every_connector_and_no_other() -> None:
    assert set(support.tested()) == set(systems.names())


def test_every_connector_is_listed_and_shown(tieout: Tieout) -> None:
    listed = {one["connector"]: one for one in json.loads(tieout("sources", "--json").out)}
    assert {"file", *systems.names()} == set(listed)
    assert listed["okta"]["feeds"] == "accounts, seats"
    for name in systems.names():
        shown = json.loads(tieout("sources", name, "--json").out)
        assert "Gaps" in shown["about"], name
        assert shown["options"], name
    assert "did you mean 'okta'" in tieout("sources", "otka").err


# -- a real SCIM server ----------------------------------------------------------------------------------------------

SCIM = """
[[sources]]
name = "figma"
feed = "seats"
connector = "scim"
url = "{url}"
token = "${{OKTA_TOKEN}}"
paging = "{paging}"
page_size = 5000
[sources.constants]
product = "Figma"
"""
USERS = 1050
CONFIG = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": 1000},
    "changePassword": {"supported": False},
    "sort": {"supported": True},
    "etag": {"supported": True},
    "pagination": {"cursor": True, "index": True, "defaultPageSize": 1000, "maxPageSize": 1000},
    "authenticationSchemes": [],
}


@pytest.fixture(scope="module")
def scim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a SCIM server of somebody else's making, with 1,050 users; it shows 1,000 on a page at most."""
    config = tmp_path_factory.mktemp("scim") / "config.json"
    config.write_text(json.dumps(CONFIG))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "scim2_server.testserver.cli", "--port", str(port), "--bearer-token", CANARY,
               "--service-provider-config", str(config)]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {CANARY}"}, trust_env=False) as client:
            _wait_for(client)
            for number in range(USERS):
                client.post("/Users", json=_user(number)).raise_for_status()
        yield url
    finally:
        server.terminate()
        server.wait()


def _wait_for(client: httpx.Client) -> None:
    for _ in range(1200):
        try:
            client.get("/Users", params={"count": "1"}).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the SCIM server does not answer")


def _user(number: int) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": f"user{number}@example.com",
        "displayName": f"User {number}",
        "active": number % 7 != 0,
        "emails": [{"value": f"user{number}@example.com", "primary": True}],
    }


@pytest.mark.proves("scim", "real server", "scim2-server")
@pytest.mark.parametrize("paging", ["index", "cursor"])
def test_a_scim_server_gives_everybody_though_it_shows_fewer_than_asked(
    scim: str, make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, paging: str
) -> None:
    monkeypatch.setenv("OKTA_TOKEN", CANARY)
    workspace = Workspace.open(make_workspace(SCIM.format(url=scim, paging=paging)))
    told = account(workspace)
    assert (told["verdict"], told["used"]) == ("GREEN", USERS)
    seats = Warehouse(workspace.tables).read("staged_seats", period=today()[0])
    assert seats["seat_id"].n_unique() == USERS
    assert seats.filter(pl.col("status") == "suspended").height == USERS // 7
    assert set(seats["email"]) == {f"user{number}@example.com" for number in range(USERS)}


def test_a_scim_server_that_refuses_the_credential_gives_nothing(
    scim: str, make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OKTA_TOKEN", "another-credential")
    told = account(Workspace.open(make_workspace(SCIM.format(url=scim, paging="index"))))
    assert (told["verdict"], told["landed"]) == ("RED", 0)
    assert "answered 401" in told["reasons"][0]


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., str]:
    """What is told of a pull that comes to nothing."""

    def pull(url: str, **environment: str) -> str:
        options = {"url": url, "token": "${SCIM_TOKEN}"}
        source = Source.model_validate({"name": "s", "feed": "accounts", "connector": "scim", "options": options})
        vault = Vault({"SCIM_TOKEN": CANARY, **environment})
        fetched = systems.fetch(source, "2026-10", tmp_path, Wire(sleep=lambda seconds: None, vault=vault))
        assert fetched.outcome == "failed"
        assert CANARY not in str(fetched.why)
        return str(fetched.why)

    return pull


def test_what_is_wrong_with_a_credential_or_the_way_is_told_in_words(
    okta: tuple[Workspace, Peer], told: Callable[..., str], tmp_path: Path
) -> None:
    url = okta[1].url
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert "takes no connections" in told(f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert "no host that this machine knows" in told("https://nowhere.invalid")
    assert "does not speak TLS there" in told(url.replace("http:", "https:"))
    assert "holds a line break or a sign" in told(url, SCIM_TOKEN=f"{CANARY}\nmore")
    (tmp_path / "empty").write_text("\n")
    assert "SCIM_TOKEN_FILE names is empty" in told(url, SCIM_TOKEN=" ", SCIM_TOKEN_FILE=str(tmp_path / "empty"))


def test_a_certificate_that_is_not_trusted_is_told_at_once(
    told: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer() as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(tmp_path))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        said = told(server.url.replace("http://127.0.0.1", "https://localhost"))
    assert "shows a certificate that is not trusted here (self-signed certificate)" in said
    assert "times running" not in said
    http._trusted.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    assert "SSL_CERT_FILE or SSL_CERT_DIR names cannot be read" in told(server.url)


# -- several at once -------------------------------------------------------------------------------------------------

OTHER = OKTA.replace("okta-prod", "okta-other")


@pytest.fixture
def both(okta: tuple[Workspace, Peer], make_workspace: MakeWorkspace) -> Iterator[tuple[Workspace, Peer, Peer]]:
    """A workspace with two directories, each at a place of its own."""
    _, first = okta
    with peer() as second:
        second.scene = Scene(first.scene.streams, first.scene.sample)
        yield Workspace.open(make_workspace(OKTA.format(url=first.url) + OTHER.format(url=second.url))), first, second


def test_two_systems_are_pulled_side_by_side_and_told_of_in_their_order(
    both: tuple[Workspace, Peer, Peer], caplog: pytest.LogCaptureFixture
) -> None:
    workspace, first, second = both
    meeting, other_is_done = threading.Barrier(2), threading.Event()

    def waits_for_the_other(asked: Asked, reply: Reply) -> None:
        if asked.number == 1:
            meeting.wait(30)
        elif asked.number == 4:
            other_is_done.wait(30)

    def hurries(asked: Asked, reply: Reply) -> None:
        if asked.number == 1:
            meeting.wait(30)
        elif asked.number == 4:
            other_is_done.set()

    first.scene.fault, second.scene.fault = waits_for_the_other, hurries
    period, now = today()
    with caplog.at_level("INFO", "tieout"):
        pulled = steps.pull(Month(workspace, period, as_of=now)).sources
    assert not meeting.broken
    assert set(pulled.select("source", "verdict", "used").rows()) == {
        ("okta-prod", "GREEN", 17),
        ("okta-other", "GREEN", 17),
    }
    told = [record.getMessage().split(":")[0].strip() for record in caplog.records if "complete" in record.message]
    assert told == ["okta-prod", "okta-other"]
    delivered = json.loads((workspace.landing / period / "delivered.json").read_bytes())
    assert [one["source"]["name"] for one in delivered["snapshots"]] == ["okta-prod", "okta-other"]


def test_sources_of_one_system_are_pulled_one_after_the_other(
    okta: tuple[Workspace, Peer], make_workspace: MakeWorkspace
) -> None:
    _, server = okta
    workspace = Workspace.open(make_workspace(OKTA.format(url=server.url) + OTHER.format(url=server.url)))
    asking, overlaps = threading.Lock(), []

    def is_alone(asked: Asked, reply: Reply) -> None:
        if not asking.acquire(blocking=False):
            overlaps.append(asked.path)
            return
        time.sleep(0.02)
        asking.release()

    server.scene.fault = is_alone
    period, now = today()
    assert steps.pull(Month(workspace, period, as_of=now)).sources["used"].to_list() == [17, 17]
    assert overlaps == []


def test_a_run_that_is_interrupted_waits_for_no_pull(both: tuple[Workspace, Peer, Peer]) -> None:
    workspace, first, second = both
    both_asked, goes_on = threading.Barrier(2), threading.Event()
    main = threading.main_thread().ident
    assert main

    def interrupts(asked: Asked, reply: Reply) -> None:
        if both_asked.wait(30) == 0:
            signal.pthread_kill(main, signal.SIGINT)
        goes_on.wait(30)

    first.scene.fault = second.scene.fault = interrupts
    period, now = today()
    with pytest.raises(KeyboardInterrupt):
        steps.pull(Month(workspace, period, as_of=now))
    goes_on.set()
    assert [path for path in workspace.landing.rglob("*") if path.is_file() and path.name != "pages.gz"] == []
    first.scene = second.scene = Scene(first.scene.streams, first.scene.sample)
    verdicts = steps.pull(Month(workspace, period, as_of=now)).sources["verdict"]
    assert verdicts.to_list() == ["GREEN", "GREEN"]
