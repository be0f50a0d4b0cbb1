"""Microsoft Graph: Entra users, Microsoft 365 licences, and the devices that Intune manages.

**Asks** `/users` with their sign-in activity, or without it where the tenant has no Entra P1 or the application lacks
AuditLog.Read.All; `/subscribedSkus` for the names of licences; `/deviceManagement/managedDevices`. An application with
`tenant`, `client_id`, and `client_secret` or a certificate (`private_key`, `thumbprint`), and the permissions
User.Read.All, AuditLog.Read.All, Organization.Read.All, DeviceManagementManagedDevices.Read.All.

**Delivers** `accounts` (last login: the later of the last successful interactive and the last non-interactive sign-in),
`seats` (one row a user and licence; signing in is not using a product, so their last use is unknown), `endpoints`.

**Gaps**: no price. Lists leave out a device's UDID and MAC addresses. Deleted users are not listed.
"""

import polars as pl

from connectors import web
from connectors.auth import Auth, ClientCredentials, PrivateKeyJwt
from connectors.system import Address, Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Instead, Next, Stream, Whole

_USER = ("id,userPrincipalName,mail,proxyAddresses,displayName,accountEnabled,userType,employeeId,createdDateTime,"
         "assignedLicenses,licenseAssignmentStates")  # fmt: skip
_NEEDS = "needs tenant, client_id, and client_secret or private_key"
_SIGN_IN = "signInActivity"
_NO_SIGN_IN = (
    f"last_login_at is not permitted: the tenant lacks Entra P1, or the application AuditLog.Read.All ({_SIGN_IN})"
)


class GraphOptions(WebOptions):
    """National clouds have a `url` and a `login_url` of their own."""

    url: Address = "https://graph.microsoft.com/v1.0"
    login_url: Address = "https://login.microsoftonline.com"
    tenant: str = ""
    client_id: str = ""
    client_secret: Credential | None = None
    private_key: Credential | None = None
    thumbprint: str = ""

    def own_way_in(self) -> Auth:
        if not (self.tenant and self.client_id):
            raise ValueError(_NEEDS)
        token_url = f"{self.login_url.rstrip('/')}/{self.tenant}/oauth2/v2.0/token"
        origin = "/".join(self.url.split("/")[:3])
        if self.client_secret:
            return ClientCredentials(
                token_url=token_url,
                client_id=self.client_id,
                client_secret=self.client_secret,
                scope=f"{origin}/.default",
            )
        if not self.private_key:
            raise ValueError(_NEEDS)
        return PrivateKeyJwt(
            token_url=token_url,
            client_id=self.client_id,
            private_key=self.private_key,
            thumbprint=self.thumbprint,
            scope=f"{origin}/.default",
        )


def _accounts(options: GraphOptions) -> list[Stream]:
    without = {"$select": _USER, "$top": "500"}
    return [
        Stream(
            path="users",
            params={"$select": f"{_USER},{_SIGN_IN}"},
            records="value",
            key="id",
            walk=Next(at="@odata.nextLink", limit="$top", size=500),  # 999 without sign-in activity, 500 with it
            instead=[Instead(status=403, params=without, note=_NO_SIGN_IN)],
        )
    ]


def _seats(options: GraphOptions) -> list[Stream]:
    return [
        Stream(name="skus", looked_up=True, path="subscribedSkus", records="value", key="id", walk=Whole()),
        Stream(
            path="users",
            params={"$select": _USER},
            records="value",
            key="id",
            walk=Next(at="@odata.nextLink", limit="$top", size=500),
        ),
    ]


def _devices(options: GraphOptions) -> list[Stream]:
    path = "deviceManagement/managedDevices"
    return [Stream(path=path, records="value", key="id", walk=Next(at="@odata.nextLink", limit="$top", size=500))]


def _signed_in(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    told = ("lastSuccessfulSignInDateTime", "lastNonInteractiveSignInDateTime")
    ways = [either(rows, f"{_SIGN_IN}.{name}") for name in told]
    return rows.with_columns(pl.max_horizontal(*ways).alias("signed_in"))


def _one_row_a_licence(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    if "assignedLicenses" not in rows.columns:
        return rows.clear().with_columns(pl.lit(None, pl.String).alias("sku"))
    each = pl.col("assignedLicenses").str.extract_all(r'"skuId":"[^"]+"')
    seats = rows.with_columns(each.alias("sku")).explode("sku", empty_as_null=False).filter(pl.col("sku").is_not_null())
    seats = seats.with_columns(pl.col("sku").str.extract('"skuId":"([^"]+)"'))
    names = streams.get("skus", pl.DataFrame())
    if {"skuId", "skuPartNumber"} <= set(names.columns):
        named = names.select(sku="skuId", sku_name="skuPartNumber").unique("sku")
        seats = seats.join(named, on="sku", how="left", maintain_order="left")
    return seats


def _classed(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    system, model = either(rows, "operatingSystem").str.to_lowercase(), either(rows, "model").str.to_lowercase()
    kind = (
        pl.when(model.str.contains("ipad|tablet"))
        .then(pl.lit("tablet"))
        .when(system.str.contains("ios|android"))
        .then(pl.lit("phone"))
        .when(model.str.contains("book|latitude|thinkpad|elitebook|laptop"))
        .then(pl.lit("laptop"))
    )
    owner = (
        pl.when(model.str.contains("virtual")).then(pl.lit("virtual")).otherwise(either(rows, "managedDeviceOwnerType"))
    )
    return rows.with_columns(kind.alias("class"), owner.alias("owned"))


SYSTEM = System(
    title="Microsoft Graph",
    options=GraphOptions,
    pull=web.pull,
    deliveries={
        "accounts": Delivery(
            streams=_accounts,
            derive=_signed_in,
            columns={
                "account_id": "id",
                "username": "userPrincipalName",
                "email": ["mail", "userPrincipalName"],
                "person_id": "employeeId",
                "display_name": "displayName",
                "kind": "userType",
                "status": "accountEnabled",
                "last_login_at": "signed_in",
                "created_at": "createdDateTime",
            },
            values={
                "status": {"true": "active", "false": "suspended"},
                "kind": {"Member": "human", "Guest": "guest"},
            },
            never=("signed_in",),
        ),
        "seats": Delivery(
            streams=_seats,
            derive=_one_row_a_licence,
            columns={
                "product": ["sku_name", "sku"],
                "seat_id": "id",
                "email": ["mail", "userPrincipalName"],
                "display_name": "displayName",
                "status": "accountEnabled",
            },
            values={"status": {"true": "active", "false": "suspended"}},
        ),
        "endpoints": Delivery(
            streams=_devices,
            derive=_classed,
            columns={
                "endpoint_id": "id",
                "serial": "serialNumber",
                "hostname": "deviceName",
                "manufacturer": "manufacturer",
                "model": "model",
                "asset_class": "class",
                "os": "{operatingSystem} {osVersion}",
                "user_email": ["emailAddress", "userPrincipalName"],
                "user_name": "userDisplayName",
                "last_seen_at": "lastSyncDateTime",
                "enrolled_at": "enrolledDateTime",
                "ownership": "owned",
                "encrypted": "isEncrypted",
            },
            values={"ownership": {"unknown": ""}},
        ),
    },
)
