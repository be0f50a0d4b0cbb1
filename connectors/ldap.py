"""LDAP directories, Active Directory among them: every account, disabled ones too.

**Asks** one paged search (RFC 2696) below `base`, with a bind as `bind_dn` and `password`. The result code after the
last page is the proof of the end: a server that stops at its size limit says so there and nowhere else. Referrals to
other servers are not followed: a part of the directory that lies there is missing here, unless `elsewhere` names it.
With `ldaps://` or `start_tls` the server's certificate must be one that is trusted.

**Delivers** `accounts`. In Active Directory the last login is `lastLogonTimestamp`, which by design is up to 14 days
late; 0 is never, without one it is unknown. An account that is disabled or expired is suspended; one that wrong
passwords have locked for a while is not.

**Gaps**: other directories seldom keep a last login: it is unknown there. Deleted accounts and groups are not read.
"""

import json
import re
import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

import polars as pl
from pydantic import field_validator

from connectors.pages import Page, PageFile, PullError
from connectors.system import Delivery, End, Options, Streams, System, addresses, either
from connectors.unreached import untrusted
from connectors.vault import Credential
from connectors.wire import Wire
from tieout.kinds import Texts

if TYPE_CHECKING:
    from ldap3 import Connection, Tls

_UNTRUSTED = "certificate verify failed: "
_ASKED = "_asked_at"  # when an entry was asked for, which tells whether its account has expired
_SUCCESS = 0
_CODES = {3: "its time limit", 4: "its size limit", 11: "an administrative limit"}
_ACTIVE_DIRECTORY = ("objectGUID", "sAMAccountName", "userPrincipalName", "mail", "proxyAddresses", "employeeID",
                     "employeeNumber", "displayName", "cn", "userAccountControl", "accountExpires",
                     "lastLogonTimestamp", "whenCreated", "objectClass")  # fmt: skip
_OTHERS = ("entryUUID", "uid", "cn", "displayName", "mail", "employeeNumber", "createTimestamp",
           "pwdAccountLockedTime", "nsAccountLock", "authTimestamp", "pwdLastSuccess")  # fmt: skip
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)  # from which Active Directory counts tenths of microseconds
_NO_TIME = (0, 2**63 - 1)  # what it writes for an account that never expires
_DISABLED = 0x2
_FOR_GOOD = "000001010000Z"  # since when an administrator has locked; any other time is that of wrong passwords
_PEOPLELESS = re.compile(r"(DC=(Forest|Domain)DnsZones|CN=Configuration),", re.IGNORECASE)  # parts of every domain
_RANGE = ";range="  # after the name of an attribute with more values than Active Directory gives at once
_SINGLE = ("uid", "cn", "displayName", "mail", "employeeNumber")  # of which a directory may hold several


class LdapOptions(Options):
    """`url` is ldaps://HOST or ldap://HOST; without `bind_dn` the bind is anonymous."""

    url: str
    base: str
    bind_dn: str = ""
    password: Credential | None = None
    kind: Literal["active-directory", "other"] = "other"
    filter: str = ""  # the kind's own where it is empty
    page_size: int = 500
    start_tls: bool = False
    elsewhere: Texts = []  # parts on other servers that are sources of their own, like DC=emea,DC=corp,DC=example

    @field_validator("url")
    @classmethod
    def _is_ldap(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("is no address of a directory; write one like ldaps://ldap.example.com")
        return url

    @property
    def search(self) -> str:
        """The filter that finds every account, disabled ones too."""
        is_person = "(&(objectCategory=person)(objectClass=user))"
        return self.filter or (is_person if self.kind == "active-directory" else "(uid=*)")


def _pull(options: LdapOptions, delivery: Delivery, pages: PageFile, wire: Wire) -> End:
    from ldap3.core.exceptions import LDAPException

    try:
        connection = _bound(options, wire)
        try:
            return _search(connection, options, pages, wire)
        finally:
            connection.unbind()
    except LDAPException as error:
        if _UNTRUSTED in str(error):
            raise PullError(f"{options.url} {untrusted(str(error).partition(_UNTRUSTED)[2])}") from None
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise PullError(f"{options.url} broke off: {why}") from None


def _bound(options: LdapOptions, wire: Wire) -> "Connection":
    from ldap3 import NONE, Connection, Server
    from ldap3.core.exceptions import LDAPException

    parts = urlsplit(options.url)
    server = Server(
        parts.hostname,
        port=parts.port,
        use_ssl=parts.scheme == "ldaps",
        get_info=NONE,
        tls=_verifying(),
        connect_timeout=30,
    )
    password = wire.vault.open(options.password) if options.password else None
    connection = Connection(
        server,
        user=options.bind_dn or None,
        password=password,
        auto_referrals=False,  # a referral must not carry the password elsewhere
        receive_timeout=int(options.limits.request_seconds),
        auto_range=False,  # it takes a range that is refused for the last one
        return_empty_attributes=False,
        raise_exceptions=False,
        read_only=True,
    )
    try:
        if options.start_tls and not connection.start_tls():
            raise PullError(f"{options.url} starts no TLS; nothing was sent to it")
        if not connection.bind():
            raise PullError(f"{options.url} refuses the bind: {connection.result['description']}")
    except (PullError, LDAPException):
        with suppress(LDAPException):  # it may be closed already
            connection.unbind()
        raise
    return connection


def _verifying() -> "Tls":
    """TLS that holds the server's certificate and name against what is trusted, which ldap3 by itself does not."""
    from ldap3 import Tls

    class Verifying(Tls):  # type: ignore[misc] # ldap3 has no types
        def wrap_socket(self, connection: "Connection", do_handshake: bool = False) -> None:
            trusted = ssl.create_default_context()
            connection.socket = trusted.wrap_socket(connection.socket, server_hostname=connection.server.host)

    return Verifying()


def _search(connection: "Connection", options: LdapOptions, pages: PageFile, wire: Wire) -> End:
    attributes = _ACTIVE_DIRECTORY if options.kind == "active-directory" else _OTHERS
    asked = f"{options.url}/{options.base}??sub?{options.search}"
    cookie: bytes | None = None
    names: set[int] = set()
    elsewhere = list[str]()
    while True:
        connection.search(
            options.base,
            options.search,
            attributes=list(attributes),
            paged_size=options.page_size,
            paged_cookie=cookie,
        )
        result, response, at = connection.result, connection.response, wire.now()
        found = [entry for entry in response if entry.get("type") == "searchResEntry"]
        entries = [_plain(entry["dn"], _whole(connection, entry, options)) for entry in found]
        body = json.dumps(entries, ensure_ascii=False).encode()
        pages.add(Page(asked, at, body, len(entries), carried={_ASKED: at.isoformat()}))
        names.update(hash(entry["dn"]) for entry in entries)
        elsewhere += [_part(entry["uri"][0]) for entry in response if entry.get("type") == "searchResRef"]
        wire.say(f"{pages.pages} pages, {pages.rows:,} rows")
        _hold_success(result, options)
        cookie = (result.get("controls") or {}).get("1.2.840.113556.1.4.319", {}).get("value", {}).get("cookie")
        if len(names) < pages.rows:
            raise PullError(f"{options.url} names an entry twice: its pages go in a circle, or have shifted")
        if not cookie or wire.is_glance:
            _hold_nothing_elsewhere(elsewhere, options)
            return End("success after the last page", len(names))
        options.limits.hold_size(pages)
        wire.hold_time(options.limits)


def _hold_success(result: Mapping[str, Any], options: LdapOptions) -> None:
    if result["result"] != _SUCCESS:
        limit = _CODES.get(result["result"])
        said = f"stops at {limit} ({result['description']})" if limit else f"answered {result['description']}"
        raise PullError(f"{options.url} {said}")


def _part(uri: str) -> str:
    """What part of the directory a referral stands for: its name, else the server."""
    to = urlsplit(uri)
    return unquote(to.path.removeprefix("/")) or to.netloc


def _hold_nothing_elsewhere(parts: list[str], options: LdapOptions) -> None:
    """Raise PullError where parts of the directory that may hold accounts were not read."""
    told = {name.casefold() for name in options.elsewhere}
    missing = sorted({part for part in parts if not _PEOPLELESS.match(part) and part.casefold() not in told})
    if missing:
        raise PullError(
            f"parts of {options.base} lie on other servers, and their accounts are not here: {' and '.join(missing)}; "
            f"make each a source of its own, and name it under elsewhere"
        )


def _whole(connection: "Connection", entry: Mapping[str, Any], options: LdapOptions) -> dict[str, list[bytes]]:
    """The values of an entry by attribute; what came in a range is followed by its further ranges, asked one by one."""
    from ldap3 import BASE

    whole: dict[str, list[bytes]] = {}
    for named, values in entry["raw_attributes"].items():
        name, _, came = named.partition(_RANGE)
        known = whole.setdefault(name, [])
        known += values or []
        while came and not came.endswith("-*"):
            begin = f"{name}{_RANGE}{len(known)}-"
            connection.search(entry["dn"], "(objectClass=*)", BASE, attributes=[f"{begin}*"])
            _hold_success(connection.result, options)
            ranges = (found for again in connection.response for found in again.get("raw_attributes", {}).items())
            came, more = next((found for found in ranges if found[0].startswith(begin) and found[1]), ("", []))
            if not came:
                raise PullError(f"{options.url} does not give all values of {name} of {entry['dn']}")
            known += more
    return whole


def _plain(dn: str, attributes: Mapping[str, list[bytes]]) -> dict[str, Any]:
    """An entry as it is landed: each attribute as text, or as a list where there are several."""
    plain: dict[str, Any] = {"dn": dn}
    for name, values in attributes.items():
        texts = list(_texts(name, values))
        if texts:
            plain[name] = texts[0] if len(texts) == 1 else texts
    return plain


def _texts(name: str, values: list[bytes]) -> Iterator[str]:
    for value in values:
        if name == "objectGUID" and len(value) == 16:
            yield str(uuid.UUID(bytes_le=value))
        else:
            yield value.decode("utf-8") if _is_utf8(value) else value.hex()


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _accounts(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    control = either(rows, "userAccountControl").cast(pl.Int64, strict=False)
    locked = (either(rows, "pwdAccountLockedTime") == _FOR_GOOD) | (
        either(rows, "nsAccountLock").str.to_lowercase() == "true"
    )
    asked = either(rows, _ASKED).str.to_datetime(time_zone="UTC", strict=False)
    expired = _instant(either(rows, "accountExpires")) <= asked
    off = (control & _DISABLED != 0).fill_null(False) | locked.fill_null(False) | expired.fill_null(False)
    logon = either(rows, "lastLogonTimestamp")
    stamp = pl.coalesce(either(rows, "whenCreated"), either(rows, "createTimestamp"))
    last = pl.coalesce(either(rows, "authTimestamp"), either(rows, "pwdLastSuccess"))
    return rows.with_columns(
        pl.when(off).then(pl.lit("suspended")).otherwise(pl.lit("active")).alias("state"),
        pl.when(logon == "0").then(pl.lit("Never"))
        .otherwise(pl.coalesce(_instant(logon).dt.strftime("%Y-%m-%dT%H:%M:%SZ"), _iso(last))).alias("logged_on"),
        _iso(stamp).alias("made"),
        either(rows, "objectClass").str.contains("computer|msDS-GroupManagedServiceAccount").replace_strict(
            {True: "service"}, default=None, return_dtype=pl.String
        ).alias("account"),
        addresses(rows, "proxyAddresses").alias("addresses"),
        *(_first(pl.col(name)) for name in _SINGLE if name in rows.columns),
    ).drop(_ASKED, strict=False)  # fmt: skip


def _instant(ticks: pl.Expr) -> pl.Expr:
    """An instant as Active Directory counts it, in UTC; null where the number stands for none."""
    count = ticks.cast(pl.Int64, strict=False)
    instant = pl.lit(_EPOCH) + pl.duration(microseconds=count // 10)
    return pl.when(~count.is_in(_NO_TIME)).then(instant)


def _first(values: pl.Expr) -> pl.Expr:
    """A value, or the first of several, which are landed as a list."""
    return pl.when(values.str.starts_with("[")).then(values.str.json_path_match("$[0]")).otherwise(values)


def _iso(stamp: pl.Expr) -> pl.Expr:
    """A generalized time, `20261030074500.0Z`, as ISO 8601."""
    return stamp.str.replace(r"^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$", "${1}-${2}-${3}T${4}:${5}:${6}Z")


SYSTEM = System(
    title="LDAP",
    options=LdapOptions,
    pull=_pull,
    deliveries={
        "accounts": Delivery(
            derive=_accounts,
            columns={
                "account_id": ["objectGUID", "entryUUID", "dn"],
                "username": ["sAMAccountName", "uid", "cn"],
                "email": ["mail", "userPrincipalName"],
                "aliases": "addresses",
                "person_id": ["employeeID", "employeeNumber"],
                "display_name": ["displayName", "cn"],
                "kind": "account",
                "status": "state",
                "last_login_at": "logged_on",
                "created_at": "made",
            },
        )
    },
)
