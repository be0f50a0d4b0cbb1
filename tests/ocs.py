"""An OCS Inventory NG server and its genuine agent, run from Debian packages that are unpacked and not installed."""

import re
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.test_real_servers import free_port, serving

USER = "api"
_MODULES = ("mpm_prefork", "authz_core", "authz_user", "auth_basic", "authn_core", "authn_file", "perl")
_APACHE = """
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
User nobody
Group nogroup
StartServers 2
{modules}
<Perl>
    $ENV{{OCS_DB_HOST}} = "127.0.0.1"; $ENV{{OCS_DB_PORT}} = "{database}"; $ENV{{OCS_DB_USER}} = "ocs";
    $ENV{{OCS_DB_PWD}} = "ocs"; $ENV{{PLACK_ENV}} = "production"; $ENV{{MOJO_MODE}} = "deployment";
    $ENV{{MOJO_HOME}} = "{root}/usr/share/perl5";
</Perl>
Include {folder}/ocs.conf
<Location /ocsapi>
    AuthType Basic
    AuthName "inventory"
    AuthUserFile {folder}/users
    Require valid-user
    SetHandler perl-script
    PerlResponseHandler Plack::Handler::Apache2
    PerlSetVar psgi_app "{root}/usr/share/perl5/Api/Ocsinventory/Restapi/Loader.pm"
</Location>
"""
_GRANT = """
CREATE DATABASE ocsweb;
CREATE USER ocs@'127.0.0.1' IDENTIFIED BY 'ocs', ocs@localhost IDENTIFIED BY 'ocs';
GRANT ALL ON ocsweb.* TO ocs@'127.0.0.1', ocs@localhost;
USE ocsweb;
"""


class Inventory:
    """The server: where its API is, and how computers report to it."""

    def __init__(self, root: Path, folder: Path, port: int) -> None:
        self._root, self._folder, self._server = root, folder, f"http://127.0.0.1:{port}"

    @property
    def url(self) -> str:
        return f"{self._server}/ocsapi/v1"

    def look_over_this_machine(self) -> str:
        """Let the genuine agent take stock of this machine and report it; what it reports, as it wrote it."""
        agent = ["perl", self._root / "usr/bin/ocsinventory-agent", "--force", "--nosoftware",
                 f"--basevardir={self._folder}"]  # fmt: skip
        run = {"env": libraries(self._root), "check": True, "capture_output": True, "timeout": 300}
        written = subprocess.run([*agent, "--stdout"], **run).stdout.decode()
        subprocess.run([*agent, f"--server={self._server}/ocsinventory"], **run)
        return written

    def report(self, inventories: list[str]) -> None:
        """Report further computers, as the agent does."""
        agent = {"User-Agent": "OCS-NG_unified_unix_agent_v2.10.0", "Content-Type": "application/x-compress"}
        with httpx.Client(trust_env=False, headers=agent, timeout=60) as client:
            for inventory in inventories:
                url = f"{self._server}/ocsinventory"
                client.post(url, content=zlib.compress(inventory.encode())).raise_for_status()


def another(inventory: str, name: str, serial: str) -> str:
    """The report of another computer, made of the agent's own."""
    changed = re.sub(r"<DEVICEID>[^<]*", f"<DEVICEID>{name}-2026-10-01-08-00-00", inventory)
    changed = re.sub(r"(<HARDWARE>.*?<NAME>)[^<]*", rf"\g<1>{name}", changed, flags=re.DOTALL)
    changed = re.sub(r"<MACADDR>[^<]*", f"<MACADDR>02:{name[-2:]}:{name[-4:-2]}:00:00:01", changed)
    changed = re.sub(r"<BIOS>.*?</BIOS>|<BIOS */>", "", changed, flags=re.DOTALL)
    bios = {"SMANUFACTURER": "Dell Inc.", "SMODEL": "Latitude 7440", "SSN": serial, "TYPE": "Laptop"}
    told = "".join(f"<{field}>{value}</{field}>" for field, value in bios.items())
    return changed.replace("<CONTENT>", f"<CONTENT><BIOS>{told}</BIOS>", 1)


def libraries(root: Path) -> Mapping[str, str]:
    """Where programs of the unpacked packages find the others."""
    return {
        "TZ": "UTC",
        "PATH": f"{root}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LD_LIBRARY_PATH": f"{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib",
        "PERL5LIB": ":".join(map(str, [root / "usr/share/perl5", *root.glob("usr/lib/*/perl5/*")])),
    }


@contextmanager
def inventory(root: Path, password: str) -> Iterator[Inventory]:
    """The server with an empty inventory, until the end of the block; its API asks for USER and the password."""
    with TemporaryDirectory(prefix="ocs-") as made:  # a test's own folder is closed to nobody, as whom it serves
        folder = Path(made)
        folder.chmod(0o777)
        with _database(root, folder) as database, _web(root, folder, database, password) as port:
            yield Inventory(root, folder, port)


@contextmanager
def _database(root: Path, folder: Path) -> Iterator[int]:
    port, socket, mariadb = free_port(), folder / "mariadb.sock", root / "usr"
    common = ["--no-defaults", f"--basedir={mariadb}", f"--datadir={folder}/data",
              f"--lc-messages-dir={mariadb}/share/mysql"]  # fmt: skip
    env, quiet = libraries(root), {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    made = [mariadb / "bin/mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([*made, "--user=root"], env=env, check=True, **quiet)
    serve = [mariadb / "sbin/mariadbd", *common, "--user=root", "--bind-address=127.0.0.1", f"--port={port}",
             "--sql-mode=", f"--socket={socket}", f"--pid-file={folder}/mariadb.pid"]  # fmt: skip
    with serving(serve, port, env=env):
        tables = (root / "usr/share/ocsinventory-reports/files/ocsbase.sql").read_bytes()
        client = [mariadb / "bin/mariadb", "--no-defaults", f"--socket={socket}", "--user=root", "--force"]
        subprocess.run(client, env=env, input=_GRANT.encode() + tables, check=False, **quiet)
        yield port


@contextmanager
def _web(root: Path, folder: Path, database: int, password: str) -> Iterator[int]:
    port, modules = free_port(), [f"LoadModule {m}_module {root}/usr/lib/apache2/modules/mod_{m}.so" for m in _MODULES]
    hashed = subprocess.run(["openssl", "passwd", "-apr1", password], check=True, capture_output=True, text=True).stdout
    (folder / "users").write_text(f"{USER}:{hashed}")
    (folder / "ocs.conf").write_text(_own_config(root, folder, database))
    config = folder / "apache.conf"
    config.write_text(
        _APACHE.format(folder=folder, port=port, root=root, database=database, modules="\n".join(modules))
    )
    own_group = True  # when it ends, it ends its whole process group
    with serving(
        [root / "usr/sbin/apache2", "-f", config, "-DFOREGROUND"],
        port,
        env=libraries(root),
        start_new_session=own_group,
    ):
        yield port


def _own_config(root: Path, folder: Path, database: int) -> str:
    """The configuration that comes with the server, for where it lies here and without its SOAP door."""
    text = (root / "etc/apache2/conf-available/ocsinventory-server.conf").read_text()
    text = re.sub(r"PerlModule Apache::Ocsinventory::SOAP.*?</location>", "", text, flags=re.DOTALL)
    places = {"/var/log/ocsinventory-server/": f"{folder}/", "/etc/ocsinventory": f"{root}/etc/ocsinventory",
              '"/usr/share/perl5/"': f'"{root}/usr/share/perl5/"', "OCS_DB_HOST localhost": "OCS_DB_HOST 127.0.0.1",
              "OCS_DB_PORT 3306": f"OCS_DB_PORT {database}"}  # fmt: skip
    for here, there in places.items():
        text = text.replace(here, there)
    return text
