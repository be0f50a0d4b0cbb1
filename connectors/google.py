"""Google Workspace: users, the devices it manages, and who is assigned which licence.

**Asks** the Directory API for users (those deleted lately too), ChromeOS and mobile devices, and the Licensing API for
the assignments of each of `products`. A service account with domain-wide delegation (`key_file`, acting for the
administrator `subject`) and the scopes of its feed: admin.directory.user.readonly for accounts, for endpoints
admin.directory.device.chromeos.readonly and admin.directory.device.mobile.readonly, for seats apps.licensing, of which
there is none that only reads.

**Delivers** `accounts` (1970 is never; suspended and archived are suspended, deleted is deprovisioned), `endpoints`,
and `seats` (a sign-in is not use of a product: last use is unknown).

**Gaps**: Licensing cannot list which products there are, nor how many are bought. No price.
"""

from typing import Literal

import polars as pl

from connectors import web
from connectors.auth import Auth, ServiceAccount
from connectors.streams import Stream
from connectors.system import Address, Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Cursor

_SCOPE = "https://www.googleapis.com/auth/"


class GoogleOptions(WebOptions):
    """`products` are ids of the Licensing API, such as Google-Apps; for seats, `domain` is the primary domain."""

    url: Address = "https://admin.googleapis.com"
    licensing_url: Address = "https://licensing.googleapis.com"
    token_url: Address = "https://oauth2.googleapis.com/token"
    key_file: Credential | None = None
    subject: str = ""
    customer: str = "my_customer"
    domain: str = ""  # the Licensing API wants the primary domain as customer
    devices: list[Literal["chromeos", "mobile"]] = ["chromeos", "mobile"]
    products: list[str] = ["Google-Apps"]

    def own_way_in(self) -> Auth:
        if not (self.key_file and self.subject):
            raise ValueError("needs key_file and subject")
        return ServiceAccount(token_url=self.token_url, key_file=self.key_file, subject=self.subject)


def _paged(size: int) -> Cursor:
    return Cursor(param="pageToken", at="nextPageToken", limit="maxResults", size=size)


def _users(options: GoogleOptions) -> list[Stream]:
    params: dict[str, str | list[str]] = {"customer": "{customer}", "projection": "full", "showDeleted": "{deleted}"}
    return [
        Stream(
            path="admin/directory/v1/users",
            params=params,
            over={"deleted": ["false", "true"]},
            records="users",
            none_when="kind",
            key="id",
            walk=_paged(500),
        )
    ]


def _devices(options: GoogleOptions) -> list[Stream]:
    path, projection = "admin/directory/v1/customer/{customer}/devices", {"projection": "FULL"}
    kinds = {
        "chromeos": Stream(
            name="chromeos",
            path=f"{path}/chromeos",
            params=dict(projection),
            records="chromeosdevices",
            none_when="kind",
            key="deviceId",
            walk=_paged(200),
        ),
        "mobile": Stream(
            name="mobile",
            path=f"{path}/mobile",
            params=dict(projection),
            records="mobiledevices",
            none_when="kind",
            key="resourceId",
            walk=_paged(100),
        ),
    }
    return [kinds[kind] for kind in options.devices]


def _licences(options: GoogleOptions) -> list[Stream]:
    if not (options.domain or options.auth):
        raise ValueError("seats need domain: the Licensing API wants the primary domain")
    return [
        Stream(
            path="apps/licensing/v1/product/{product}/users",
            params={"customerId": options.domain or options.customer},
            over={"product": options.products},
            records="items",
            none_when="kind",
            key=["userId", "skuId"],
            walk=_paged(1000),
        )
    ]


def _people(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    is_off = either(rows, "suspended").eq_missing("true") | either(rows, "archived").eq_missing("true")
    employed = pl.col("externalIds").str.json_path_match('$[?(@.type=="organization")].value')
    return rows.with_columns(
        pl.when(either(rows, "deletionTime").is_not_null())
        .then(pl.lit("deprovisioned"))
        .when(is_off)
        .then(pl.lit("suspended"))
        .otherwise(pl.lit("active"))
        .alias("state"),
        either(rows, employed).alias("employed"),
    )


def _classed(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    recent = pl.col("recentUsers").str.json_path_match("$[*].email")  # guests and unmanaged users have none
    is_chrome = either(rows, "deviceId").is_not_null() & either(rows, "resourceId").is_null()
    tablet = either(rows, "model").str.to_lowercase().str.contains("ipad|tab")
    return rows.with_columns(
        pl.when(is_chrome & either(rows, "model").str.to_lowercase().str.contains("chromebox|chromebase"))
        .then(pl.lit("desktop"))
        .when(is_chrome)
        .then(pl.lit("laptop"))
        .when(tablet)
        .then(pl.lit("tablet"))
        .otherwise(pl.lit("phone"))
        .alias("class"),
        pl.when(is_chrome)
        .then(pl.format("ChromeOS {}", either(rows, "osVersion")))
        .otherwise(either(rows, "os"))
        .alias("system"),
        either(rows, "annotatedUser", recent, pl.col("email").str.json_path_match("$[0]")).alias("whose"),
        either(rows, "status").is_in(["ACTIVE", "APPROVED"]).cast(pl.String).alias("managed"),
    )


SYSTEM = System(
    title="Google Workspace",
    options=GoogleOptions,
    pull=web.pull,
    deliveries={
        "accounts": Delivery(
            streams=_users,
            scope=f"{_SCOPE}admin.directory.user.readonly",
            derive=_people,
            columns={
                "account_id": "id",
                "username": "primaryEmail",
                "email": "primaryEmail",
                "aliases": "aliases",
                "person_id": "employed",
                "display_name": "name.fullName",
                "status": "state",
                "last_login_at": "lastLoginTime",
                "created_at": "creationTime",
            },
        ),
        "endpoints": Delivery(
            streams=_devices,
            scope=f"{_SCOPE}admin.directory.device.chromeos.readonly {_SCOPE}admin.directory.device.mobile.readonly",
            derive=_classed,
            columns={
                "endpoint_id": ["resourceId", "deviceId"],
                "serial": "serialNumber",
                "asset_tag": "annotatedAssetId",
                "manufacturer": "manufacturer",
                "model": "model",
                "asset_class": "class",
                "os": "system",
                "user_email": "whose",
                "last_seen_at": "lastSync",
                "enrolled_at": ["firstEnrollmentTime", "lastEnrollmentTime", "firstSync"],
                "managed": "managed",
            },
            never=("lastSync",),  # of a device that was enrolled beforehand
        ),
        "seats": Delivery(
            streams=_licences,
            scope=f"{_SCOPE}apps.licensing",
            base=lambda options: str(options.licensing_url),
            columns={
                "product": ["skuName", "productName", "skuId"],
                "seat_id": "userId",
                "email": "userId",
                "plan": "skuId",
            },
            constants={"status": "active"},
        ),
    },
)
