"""Okta: who may sign in, who has which application, and when they last signed on to it.

**Asks** `/users` in every state (by default Okta leaves DEPROVISIONED out), for `seats` the applications that `apps`
names, their users, and their sign-on events of the last `usage_days`. An API token (`token`), or a service application
with a private key (`client_id`, `private_key`) and the scope okta.users.read, or for `seats` okta.apps.read and
okta.logs.read.

**Delivers** `accounts`, whose last login is the sign-in to Okta itself: null is never. And `seats`: a seat's last use
is the last sign-on to that application; without one in the window it is unknown, because sessions outlive sign-ons.

**Gaps**: no price, and no use inside an application.
"""

import polars as pl

from connectors import web
from connectors.auth import Auth, HeaderKey, PrivateKeyJwt
from connectors.streams import Instead, Stream
from connectors.system import Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Link

_STATES = {
    "ACTIVE": "active",
    "PASSWORD_EXPIRED": "active",
    "LOCKED_OUT": "active",  # by wrong passwords, for a while
    "RECOVERY": "active",
    "PROVISIONED": "active",
    "STAGED": "suspended",  # not activated yet: nobody can sign in
    "SUSPENDED": "suspended",
    "DEPROVISIONED": "deprovisioned",
}
_ASSIGNED = {
    **dict.fromkeys(("ACTIVE", "APPROVED", "IMPLICIT", "IMPORTED", "MATCHED", "PROVISIONED"), "active"),
    **dict.fromkeys(("PENDING", "STAGED"), "invited"),
    **dict.fromkeys(("DEPROVISIONED", "INACTIVE", "REVOKED", "SUSPENDED", "UNASSIGNED"), "suspended"),
}
_NO_LOG = "last_active_at is not permitted: the credential lacks okta.logs.read"


class OktaOptions(WebOptions):
    """`url` is the organisation's address, like https://example.okta.com; `apps` are labels of applications."""

    token: Credential | None = None
    client_id: str = ""
    private_key: Credential | None = None
    key_id: str = ""
    apps: list[str] = []  # labels of the applications whose users are seats

    def own_way_in(self) -> Auth:
        if self.token:
            return HeaderKey(prefix="SSWS ", credential=self.token)
        if not (self.client_id and self.private_key):
            raise ValueError("needs token, or client_id and private_key")
        return PrivateKeyJwt(
            token_url=f"{self.url.rstrip('/')}/oauth2/v1/token",
            client_id=self.client_id,
            private_key=self.private_key,
            key_id=self.key_id,
        )


def _users(options: OktaOptions) -> list[Stream]:
    of_every_state = 'lastUpdated gt "2000-01-01T00:00:00.000Z"'  # a filter, whichever, shows the deprovisioned too
    return [
        Stream(path="api/v1/users", params={"filter": of_every_state}, key="id", walk=Link(limit="limit", size=200))
    ]


def _seats(options: OktaOptions) -> list[Stream]:
    if not options.apps:
        raise ValueError("seats need apps = [...]: the labels of the applications whose users are seats")
    only = {"label": options.apps}
    return [
        Stream(
            name="apps", looked_up=True, path="api/v1/apps", key="id", only=only, walk=Link(limit="limit", size=200)
        ),
        Stream(
            path="api/v1/apps/{id}/users",
            each="apps",
            carry={"app": "{label}", "app_id": "{id}"},
            key=["id"],
            walk=Link(limit="limit", size=500),
        ),
        Stream(
            name="sign_ons",
            looked_up=True,
            path="api/v1/logs",
            each="apps",
            params={
                "filter": 'eventType eq "user.authentication.sso" and target.id eq "{id}"',
                "since": "{since}",
                "until": "{now}",  # without an end the log has a next page for ever
            },
            carry={"app_id": "{id}"},
            key="uuid",
            repeats=True,  # an event told twice is one
            walk=Link(limit="limit", size=1000),
            instead=[Instead(status=403, note=_NO_LOG)],
        ),
    ]


def _last_sign_on(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    events = streams.get("sign_ons", pl.DataFrame())
    if not {"actor.id", "published"} <= set(events.columns) or "id" not in rows.columns:
        return rows
    succeeded = events.filter(either(events, "outcome.result").fill_null("SUCCESS") == "SUCCESS")
    last = succeeded.group_by(pl.col("actor.id").alias("id"), "app_id").agg(
        pl.col("published").max().alias("signed_on")
    )
    return rows.join(last, on=["id", "app_id"], how="left", maintain_order="left")


SYSTEM = System(
    title="Okta",
    options=OktaOptions,
    pull=web.pull,
    deliveries={
        "accounts": Delivery(
            streams=_users,
            scope="okta.users.read",
            columns={
                "account_id": "id",
                "username": "profile.login",
                "email": "profile.email",
                "aliases": "profile.secondEmail",
                "person_id": "profile.employeeNumber",
                "display_name": ["profile.displayName", "{profile.firstName} {profile.lastName}"],
                "status": "status",
                "last_login_at": "lastLogin",
                "created_at": "created",
            },
            values={"status": _STATES},
            never=("lastLogin",),
        ),
        "seats": Delivery(
            streams=_seats,
            scope="okta.apps.read okta.logs.read",
            derive=_last_sign_on,
            columns={
                "product": "app",
                "seat_id": "id",
                "email": ["profile.email", "credentials.userName"],
                "display_name": ["profile.displayName", "profile.name"],
                "status": "status",
                "assigned_at": "created",
                "last_active_at": "signed_on",
            },
            values={"status": _ASSIGNED},
        ),
    },
)
