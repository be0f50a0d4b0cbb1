"""Directories and databases of somebody else's making, started here where they are installed."""

import os
import shutil
import socket
import sqlite3
import subprocess
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError
from sqlalchemy import NullPool, create_engine, make_url

from connectors import systems
from connectors.sql import SqlOptions
from connectors.vault import Vault
from connectors.wire import Wire
from tests.peer import CANARY, certificate
from tests.test_every_connector import SETTINGS
from tieout.pull import Fetched
from tieout.settings import Source
from tieout.staging import Staged, stage


def pulled(folder: Path, *, patient: bool = False, **source: Any) -> tuple[Fetched, Staged]:
    """Pull a source, and stage what came; wait in earnest only when patient."""
    configured = systems.configured(Source.model_validate({"name": "there", **source}))
    folder = folder / f"pull-{len(list(folder.iterdir()))}"
    folder.mkdir()
    credentials = {"PASSWORD": CANARY, "WRONG": "wrong-password", "ADMIN": "admin-service-token"}
    wire = Wire(sleep=time.sleep if patient else lambda seconds: None, vault=Vault(credentials))
    fetched = systems.fetch(configured, "2026-10", folder, wire)
    assert CANARY not in repr(fetched)
    assert all(CANARY.encode() not in path.read_bytes() for path in folder.iterdir())
    return fetched, stage(systems.read(folder, configured), configured, SETTINGS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def serving(command: Sequence[str | Path], port: int, **how: Any) -> Iterator[None]:
    """A server that listens on a port until the end of the block."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    try:
        wait_for(port)
        yield
    finally:
        server.terminate()
        server.wait()


# -- databases -------------------------------------------------------------------------------------------------------


@pytest.fixture
def register(tmp_path: Path) -> str:
    path = tmp_path / "register.db"
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE assets (asset_tag TEXT, asset_class TEXT, status TEXT, cost TEXT, currency TEXT)"
        )
        rows = [(f"{n:05}", "laptop", "in_use", f"{n}.10", "EUR") for n in range(12_345)]
        database.executemany("INSERT INTO assets VALUES (?, ?, ?, ?, ?)", rows)
    database.close()
    return f"sqlite:///{path}"


@pytest.mark.proves("sql", "real server", "SQLite")
def test_a_query_becomes_a_feed(register: str, tmp_path: Path) -> None:
    fetched, staged = pulled(
        tmp_path, feed="assets", connector="sql", url=register, query="SELECT * FROM assets ORDER BY asset_tag"
    )
    assert (fetched.outcome, fetched.proof) == ("complete", "end of the result")
    assert fetched.report
    assert fetched.report.pages == 3
    assert (staged.used, staged.quarantined) == (12_345, 0)
    assert staged.rows["asset_tag"][42] == "00042"
    assert str(staged.rows["cost"].sum()).startswith("76194574.5")


def test_a_result_that_is_too_large_ends_by_the_name_of_its_limit(register: str, tmp_path: Path) -> None:
    fetched, _ = pulled(
        tmp_path, feed="assets", connector="sql", url=register, query="SELECT * FROM assets", limits={"rows": 100}
    )
    assert "rows = 100" in str(fetched.why)


def test_a_query_may_hold_colons_and_ids_may_be_floats(register: str, tmp_path: Path) -> None:
    query = "SELECT 12.0 AS asset_tag, 'laptop' AS asset_class, 'in_use' AS status, 'at :noon' AS location"
    fetched, staged = pulled(tmp_path, feed="assets", connector="sql", url=register, query=query)
    assert fetched.why is None
    assert staged.rows.select("asset_tag", "location").rows() == [("12", "at :noon")]


def test_a_query_that_is_wrong_says_why(register: str, tmp_path: Path) -> None:
    fetched, _ = pulled(tmp_path, feed="assets", connector="sql", url=register, query="SELECT tag FROM assets")
    assert fetched.outcome == "failed"
    assert "no such column: tag" in str(fetched.why)


def test_a_database_that_never_answers_is_waited_for_no_longer_than_a_limit(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fetched, _ = pulled(
            tmp_path, feed="assets", connector="sql", url=f"postgresql+psycopg://u@127.0.0.1:{silent.getsockname()[1]}/db",
            query="SELECT 1", limits={"request_seconds": 1},
        )  # fmt: skip
    assert fetched.outcome == "failed"
    assert "connection timeout expired" in str(fetched.why)


def test_a_query_that_does_not_end_is_called_off(tmp_path: Path) -> None:
    forever = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS asset_tag FROM c"
    fetched, _ = pulled(
        tmp_path, feed="assets", connector="sql", url="sqlite://", query=forever, limits={"seconds": 0.2}
    )
    assert (fetched.outcome, fetched.why) == ("failed", "the pull took longer than its limit, seconds = 0.2")


@pytest.mark.parametrize("hidden", ["sslpassword=hunter2", "odbc_connect=DRIVER%3Dx%3BPWD%3Dhunter2"])
def test_an_address_of_a_database_holds_no_password(hidden: str) -> None:
    with pytest.raises(ValidationError, match="holds a password in plain text"):
        SqlOptions(url=f"postgresql://hr@db/hr?{hidden}", query="SELECT 1")


def test_a_result_without_rows_is_an_empty_delivery(register: str, tmp_path: Path) -> None:
    fetched, staged = pulled(
        tmp_path, feed="tickets", connector="sql", url=register, query="SELECT asset_tag FROM assets WHERE 1 = 0"
    )
    assert (fetched.outcome, staged.landed) == ("complete", 0)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of its own, if one is installed; it asks for the password."""
    tools = next(
        (path for path in sorted(Path("/usr/lib/postgresql").glob("*/bin")) if (path / "initdb").exists()), None
    )
    if tools is None:
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        if not shutil.which("setpriv"):
            pytest.skip("PostgreSQL does not run as root, and setpriv is not installed")
        as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chown(folder, 65534, 65534)
        for parent in folder.parents:
            if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    password, port = folder / "password", free_port()
    password.write_text(CANARY)
    password.chmod(0o644)
    init = [*as_user, str(tools / "initdb"), "-D", str(folder / "data"), "-U", "tieout", "-A", "scram-sha-256",
            f"--pwfile={password}", "-N"]  # fmt: skip
    subprocess.run(init, check=True, capture_output=True)
    listening = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
    control = [*as_user, str(tools / "pg_ctl"), "-D", str(folder / "data"), "-w"]
    # waits until it answers questions: its port is open before that
    subprocess.run(
        [*control, "-l", str(folder / "log"), "-o", listening, "start"], check=True, stdout=subprocess.DEVNULL
    )
    try:
        yield f"postgresql+psycopg://tieout@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "fast", "stop"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.proves("sql", "real server", "PostgreSQL")
def test_postgresql_gives_numbers_and_instants_exactly(postgres: str, tmp_path: Path) -> None:
    query = """
        SELECT 'INV-' || n AS invoice_id, '1' AS line_no, 'Figma' AS product, DATE '2026-10-01' AS period_start,
               DATE '2026-10-31' AS period_end, n AS quantity, (n * 0.10)::numeric(12, 2) AS amount, 'EUR' AS currency,
               TIMESTAMPTZ '2026-10-15 12:00+02' AS "booked at", '{period}' AS month
        FROM generate_series(1, 12000) AS n"""
    fetched, staged = pulled(
        tmp_path, feed="invoices", connector="sql", url=postgres, password="${PASSWORD}", query=query
    )
    assert fetched.outcome == "complete", fetched.why
    assert (staged.used, staged.quarantined) == (12_000, 0)
    assert staged.rows["amount"].sum() == 7_200_600
    assert '"month":"2026-10"' in staged.rows["extra"][0]


def test_postgresql_refuses_another_password(postgres: str, tmp_path: Path) -> None:
    fetched, _ = pulled(
        tmp_path, feed="assets", connector="sql", url=postgres, password="${WRONG}", query="SELECT 1 AS asset_tag"
    )
    assert fetched.outcome == "failed"
    assert "password authentication failed" in str(fetched.why)
    assert "wrong-password" not in str(fetched.why)


def test_a_table_that_another_has_locked_is_not_waited_for_longer_than_a_limit(postgres: str, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"feed": "assets", "connector": "sql", "url": postgres, "password": "${PASSWORD}"}
    with create_engine(make_url(postgres).set(password=CANARY), poolclass=NullPool).connect() as other:
        other.exec_driver_sql("CREATE TABLE assets AS SELECT '1' AS asset_tag, 'laptop' AS asset_class")
        other.commit()
        other.exec_driver_sql("LOCK TABLE assets IN ACCESS EXCLUSIVE MODE")
        fetched, _ = pulled(tmp_path, **asked, query="SELECT * FROM assets", limits={"seconds": 0.5})
    assert (fetched.outcome, fetched.why) == ("failed", "the pull took longer than its limit, seconds = 0.5")


# -- directories -----------------------------------------------------------------------------------------------------

ENTRIES = 1_200
SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw {password}
directory {folder}/db
sizelimit 500
access to * by * read
"""
TLS = "TLSCertificateFile {pem}\nTLSCertificateKeyFile {pem}\n"


@contextmanager
def slapd(folder: Path, config: str, entries: list[str], scheme: str = "ldap") -> Iterator[str]:
    """An OpenLDAP server of its own, if one is installed."""
    serve, load = (shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin") for name in ("slapd", "slapadd"))
    if not (serve and load):
        pytest.skip("slapd is not installed")
    (folder / "db").mkdir(parents=True)
    written, port = folder / "slapd.conf", free_port()
    written.write_text(config.format(folder=folder, password=CANARY))
    (folder / "all.ldif").write_text("\n".join(entries), encoding="utf-8")
    subprocess.run([load, "-f", written, "-l", folder / "all.ldif", "-q"], check=True, capture_output=True)
    url = f"{scheme}://127.0.0.1:{port}"
    with serving([serve, "-f", written, "-h", url, "-d", "0"], port):
        yield url


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A directory of 1,200 people; anybody but the administrator sees 500 entries at most."""
    people = [
        f"dn: uid=u{n},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: u{n}\ncn: Zoë Müller {n}\nsn: Müller\n"
        f"mail: u{n}@example.com\nemployeeNumber: {n:05}\n"
        for n in range(ENTRIES)
    ]
    root = "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n"
    with slapd(tmp_path_factory.mktemp("ldap"), SLAPD, [root, *people]) as url:
        yield url


@pytest.mark.proves("ldap", "real server", "OpenLDAP (slapd)")
def test_a_directory_gives_every_account(directory: str, tmp_path: Path) -> None:
    fetched, staged = pulled(
        tmp_path, feed="accounts", connector="ldap", url=directory, base="dc=example,dc=com",
        bind_dn="cn=admin,dc=example,dc=com", password="${PASSWORD}", page_size=300,
    )  # fmt: skip
    assert (fetched.outcome, fetched.proof) == ("complete", "success after the last page")
    assert (staged.used, staged.quarantined) == (ENTRIES, 0)
    assert set(staged.rows["username"]) == {f"u{n}" for n in range(ENTRIES)}
    assert staged.rows["display_name"][0].startswith("Zoë Müller")
    assert staged.rows["created_at"].null_count() == 0
    assert staged.rows["last_login_at"].null_count() == ENTRIES


@pytest.mark.proves("ldap", "real server", "OpenLDAP (slapd)")
def test_a_directory_that_stops_at_its_size_limit_is_not_whole(directory: str, tmp_path: Path) -> None:
    fetched, staged = pulled(
        tmp_path, feed="accounts", connector="ldap", url=directory, base="dc=example,dc=com", page_size=300
    )
    assert fetched.outcome == "partial"
    assert "stops at its size limit" in str(fetched.why)
    assert staged.used == 500


def test_a_part_of_a_directory_that_lies_elsewhere_is_missing_unless_it_is_known_to(tmp_path: Path) -> None:
    root = "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n"
    zoe = "dn: uid=zoe,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: zoe\ncn: Zoë\nsn: Müller\n"
    parts = [
        f"dn: {name},dc=example,dc=com\nobjectClass: referral\nobjectClass: extensibleObject\n"
        f"ref: ldap://there.example.com/{name.replace(' ', '%20')},dc=example,dc=com\n"
        for name in ("dc=DomainDnsZones", "ou=our sales")
    ]
    ours = {"feed": "accounts", "connector": "ldap", "base": "dc=example,dc=com"}
    with slapd(tmp_path / "ldap", SLAPD, [root, zoe, *parts]) as url:
        without, staged = pulled(tmp_path, url=url, **ours)
        known, _ = pulled(tmp_path, url=url, **ours, elsewhere="OU=our sales,DC=example,DC=com")
    assert (without.outcome, staged.used) == ("partial", 1)
    assert "their accounts are not here: ou=our sales,dc=example,dc=com; make each a source" in str(without.why)
    assert known.outcome == "complete"


def test_a_directory_that_refuses_the_bind_gives_nothing(directory: str, tmp_path: Path) -> None:
    fetched, staged = pulled(
        tmp_path, feed="accounts", connector="ldap", url=directory, base="dc=example,dc=com",
        bind_dn="cn=admin,dc=example,dc=com", password="${WRONG}",
    )  # fmt: skip
    assert (fetched.outcome, staged.landed) == ("failed", 0)
    assert "refuses the bind: invalidCredentials" in str(fetched.why)


@pytest.mark.proves("ldap", "real server", "OpenLDAP (slapd)")
@pytest.mark.parametrize("way", ["ldaps", "start_tls"])
def test_a_directory_whose_certificate_is_not_trusted_gets_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    pem, root = certificate(tmp_path), "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: E\n"
    ours: dict[str, Any] = {
        "feed": "accounts", "connector": "ldap", "base": "dc=example,dc=com", "filter": "(o=*)",
        "bind_dn": "cn=admin,dc=example,dc=com", "password": "${PASSWORD}", "start_tls": way == "start_tls",
    }  # fmt: skip
    scheme = "ldaps" if way == "ldaps" else "ldap"
    with slapd(tmp_path / "tls", TLS.replace("{pem}", str(pem)) + SLAPD, [root], scheme) as url:
        fetched, _ = pulled(tmp_path, url=url, **ours)
        assert (fetched.outcome, fetched.files) == ("failed", ())
        assert "shows a certificate that is not trusted here (self-signed certificate)" in str(fetched.why)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        assert pulled(tmp_path, url=url, **ours)[0].outcome == "complete"


def test_a_directory_that_knows_no_tls_gets_no_password(directory: str, tmp_path: Path) -> None:
    fetched, _ = pulled(
        tmp_path, feed="accounts", connector="ldap", url=directory, base="dc=example,dc=com",
        bind_dn="cn=admin,dc=example,dc=com", password="${PASSWORD}", start_tls=True,
    )  # fmt: skip
    assert fetched.outcome == "failed"
    assert "startTLS failed" in str(fetched.why)


def test_whom_wrong_passwords_have_locked_is_not_suspended() -> None:
    locked = {"none": None, "by an administrator": "000001010000Z", "for a while": "20261030074500Z"}
    rows = pl.DataFrame({"uid": list(locked), "pwdAccountLockedTime": list(locked.values())})
    told = systems.system("ldap").deliveries["accounts"].derive(rows, {})
    assert told["state"].to_list() == ["active", "suspended", "active"]


AD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/msuser.schema
objectclass ( 1.2.840.113556.1.5.6 NAME 'securityPrincipal' SUP top AUXILIARY MAY ( sAMAccountName $ employeeID ) )
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=corp,dc=example"
rootdn "cn=admin,dc=corp,dc=example"
rootpw {password}
directory {folder}/db
access to * by users read
"""
GUID = uuid.UUID("c41aa1c7-0d3e-4a6c-9a0d-5e5f3f4b2a10")


def ticks(at: datetime) -> int:
    """An instant as Active Directory writes it: tenths of microseconds since 1601."""
    return int((at - datetime(1601, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 10


def ad_user(name: str, **attributes: object) -> str:
    lines = [f"dn: cn={name},dc=corp,dc=example", "objectClass: user", "objectClass: securityPrincipal",
             f"cn: {name}", f"sn: {name}", f"sAMAccountName: {name}", f"userPrincipalName: {name}@corp.example",
             "instanceType: 4", "nTSecurityDescriptor: none", "objectCategory: cn=Person,dc=corp,dc=example",
             ]  # fmt: skip
    return "\n".join([*lines, *(f"{field}: {value}" for field, value in attributes.items())]) + "\n"


@pytest.mark.proves("ldap", "real server", "OpenLDAP with Active Directory's schema")
@pytest.mark.skipif(not Path("/etc/ldap/schema/msuser.schema").exists(), reason="Active Directory's schema is not here")
def test_active_directory_writes_its_times_ids_and_states_its_own_way(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    never = 2**63 - 1
    seen = datetime(2026, 10, 30, 7, 45, 30, tzinfo=UTC)
    people = [
        ad_user("zoe", userAccountControl=512, accountExpires=0, lastLogonTimestamp=ticks(seen), employeeID="0042",
                whenCreated="20210301080000.0Z", mail="zoe@example.com",
                proxyAddresses="SMTP:zoe@example.com\nproxyAddresses: smtp:zoë@example.com\nproxyAddresses: SIP:zoe"),
        ad_user("off", userAccountControl=514, accountExpires=never, lastLogonTimestamp=0),
        ad_user("over", userAccountControl=66048, accountExpires=ticks(now - timedelta(days=1))),
        ad_user("soon", userAccountControl=66048, accountExpires=ticks(now + timedelta(days=1)),
                lastLogonTimestamp=never),
        *(ad_user(f"u{n}", userAccountControl=512) for n in range(40)),
    ]  # fmt: skip
    people[0] += f"objectGUID:: {b64encode(GUID.bytes_le).decode()}\n"
    root = "dn: dc=corp,dc=example\nobjectClass: dcObject\nobjectClass: organization\no: Corp\ndc: corp\n"
    with slapd(tmp_path / "ad", AD, [root, *people]) as url:
        fetched, staged = pulled(
            tmp_path, feed="accounts", connector="ldap", url=url, base="dc=corp,dc=example", kind="active-directory",
            bind_dn="cn=admin,dc=corp,dc=example", password="${PASSWORD}", page_size=9, filter="(objectClass=user)",
        )  # fmt: skip
    assert (fetched.outcome, staged.used, staged.quarantined) == ("complete", 44, 0), fetched.why
    told = {row["username"]: row for row in staged.rows.to_dicts()}
    zoe = told["zoe"]
    assert (zoe["account_id"], zoe["person_id"], zoe["email"]) == (str(GUID), "0042", "zoe@example.com")
    assert (zoe["last_login_at"], zoe["created_at"]) == (seen, datetime(2021, 3, 1, 8, tzinfo=UTC))
    assert zoe["aliases"] == ["zoe@example.com", "zoë@example.com"]
    assert {name: told[name]["status"] for name in ("zoe", "off", "over", "soon")} == {
        "zoe": "active", "off": "suspended", "over": "suspended", "soon": "active",
    }  # fmt: skip
    assert told["off"]["last_login_at"].year == 1970  # never
    assert told["soon"]["last_login_at"] is told["u1"]["last_login_at"] is None


class Ranging:
    """A connection to a directory that gives fifteen values of an attribute at once, as Active Directory does 1,500."""

    ADDRESSES = tuple(f"smtp:a{n}@example.com".encode() for n in range(40))

    def __init__(self, refuses: bool) -> None:
        self.refuses = refuses
        self.unbind = lambda: None

    def search(self, base: str, filter: str, *scope: str, attributes: list[str], **paging: Any) -> None:
        wanted = attributes[0].partition(";range=")[2]
        begin, end = (int(wanted.partition("-")[0]) if wanted else 0), len(self.ADDRESSES)
        last = "*" if begin + 15 >= end else begin + 14
        told: dict[str, Any] = {f"proxyAddresses;range={begin}-{last}": [*self.ADDRESSES[begin : begin + 15]]}
        if not wanted:
            told |= {"sAMAccountName": [b"zoe"], "proxyAddresses": None}
        self.response = [{"type": "searchResEntry", "dn": "cn=zoe,dc=corp,dc=example", "raw_attributes": told}]
        self.result = {"result": 51 if wanted and self.refuses else 0, "description": "busy" if wanted else "success"}
        if self.result["result"]:
            self.response = []


def test_values_that_come_in_ranges_are_asked_for_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {
        "feed": "accounts", "connector": "ldap", "url": "ldap://there", "base": "dc=corp,dc=example",
        "kind": "active-directory",
    }  # fmt: skip
    monkeypatch.setattr("connectors.ldap._bound", lambda options, wire: Ranging(refuses=False))
    assert pulled(tmp_path, **ours)[1].rows["aliases"].list.len().to_list() == [40]
    monkeypatch.setattr("connectors.ldap._bound", lambda options, wire: Ranging(refuses=True))
    fetched, _ = pulled(tmp_path, **ours)
    assert (fetched.outcome, fetched.why) == ("failed", "ldap://there answered busy")


# -- dropped files ---------------------------------------------------------------------------------------------------


@pytest.mark.proves("drop", "fixture", "files on this machine")
def test_files_elsewhere_are_one_delivery_with_their_control(tmp_path: Path) -> None:
    (tmp_path / "out" / "2026-10").mkdir(parents=True)
    for part in (1, 2):
        path = tmp_path / "out" / "2026-10" / f"hr-{part}.csv"
        path.write_text(f"person_id,full_name,status\n{part},P {part},active\n")
        at = datetime.now(UTC) - timedelta(days=1)
        path.with_name(path.name + ".control.toml").write_text(f'rows = 1\nextracted_at = "{at.isoformat()}"\n')
    url = f"file://{tmp_path}/out/{{period}}/hr-*.csv"
    fetched, staged = pulled(tmp_path, feed="people", connector="drop", url=url)
    assert (fetched.outcome, fetched.proof) == ("complete", "control file")
    assert staged.used == 2
    gone, _ = pulled(tmp_path, feed="people", connector="drop", url=url.replace("hr-", "sap-"))
    assert gone.outcome == "missing"
