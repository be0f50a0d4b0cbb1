"""SCIM 2.0, the directory protocol that many services speak (RFC 7643, 7644; cursors as in RFC 9865).

**Asks** `/Users` for everybody, active or not, by index or by cursor, with a bearer token or OAuth 2.

**Delivers** `accounts`, and the `seats` of one product, which the source names: `constants.product = "…"`.

**Gaps**: SCIM knows neither a last sign-in nor a price. A service may hide those it has deprovisioned.
"""

from typing import ClassVar, Literal

import polars as pl

from connectors import web
from connectors.auth import Auth, BearerToken, Nothing
from connectors.streams import Stream
from connectors.system import Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Cursor, Total

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_STATUS = {"true": "active", "false": "suspended", "": "active"}  # RFC 7643: `active` may be left out


class ScimOptions(WebOptions):
    """`url` is the service's SCIM address, below which `/Users` stands; `paging` as the service does it."""

    HEADERS: ClassVar = {"Accept": "application/scim+json, application/json"}  # a service need not know the second

    token: Credential | None = None
    paging: Literal["index", "cursor"] = "index"
    page_size: int = 500

    def own_way_in(self) -> Auth:
        return BearerToken(token=self.token) if self.token else Nothing()


def _users(options: ScimOptions) -> list[Stream]:
    by_index = Total(start="startIndex", first_start=1, limit="count", size=options.page_size)
    by_cursor = Cursor(param="cursor", at="nextCursor", begin="", limit="count", size=options.page_size)
    return [
        Stream(
            path="Users",
            records="Resources",
            none_when="totalResults",
            key="id",
            total="totalResults",
            walk=by_cursor if options.paging == "cursor" else by_index,
        )
    ]


def _people(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    mail = [pl.col("emails").str.json_path_match(path) for path in ("$[?(@.primary==true)].value", "$[0].value")]
    all_mail = (
        either(rows, "emails").str.extract_all(r'"value":"[^"\\]+"').list.eval(pl.element().str.slice(9).str.head(-1))
    )
    return rows.with_columns(
        either(rows, *mail).alias("mail"),
        pl.when(all_mail.list.len() > 0).then(all_mail.list.join(";")).alias("addresses"),
        either(rows, "displayName", "name.formatted").alias("named"),
        either(rows, pl.col("entitlements").str.json_path_match("$[0].value")).alias("entitled"),
    )


SYSTEM = System(
    title="SCIM 2.0",
    options=ScimOptions,
    pull=web.pull,
    deliveries={
        "accounts": Delivery(
            streams=_users,
            derive=_people,
            columns={
                "account_id": "id",
                "username": "userName",
                "email": ["mail", "userName"],
                "aliases": "addresses",
                "person_id": f"{_ENTERPRISE}.employeeNumber",
                "display_name": ["named", "{name.givenName} {name.familyName}"],
                "status": "active",
                "created_at": "meta.created",
            },
            values={"status": _STATUS},
        ),
        "seats": Delivery(
            streams=_users,
            derive=_people,
            columns={
                "seat_id": "id",
                "email": ["mail", "userName"],
                "display_name": ["named", "{name.givenName} {name.familyName}"],
                "plan": ["entitled", "userType"],
                "status": "active",
                "assigned_at": "meta.created",
            },
            values={"status": _STATUS},
        ),
    },
)
