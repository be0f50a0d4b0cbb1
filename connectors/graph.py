"""Microsoft Graph: Entra users, Microsoft 365 licences and their use, and the devices that Intune manages.

**Asks** `/users` with their sign-in activity, or without it where the tenant has no Entra P1 or the application lacks
AuditLog.Read.All, and the users deleted in the last 30 days; `/subscribedSkus` for the names of licences; the report
of active users of the last `usage_days`; `/deviceManagement/managedDevices`. An application with `tenant`,
`client_id`, and `client_secret` or a certificate (`private_key`, `thumbprint`), and the permissions User.Read.All,
AuditLog.Read.All, Organization.Read.All, Reports.Read.All, DeviceManagementManagedDevices.Read.All.

**Delivers** `accounts` (last login: the later of the last successful interactive and the last non-interactive sign-in;
unknown where only a try is told of, and of the deleted),
`seats` (one row a user and licence; last use is that of the services which the licence contains, and unknown where the
report tells of none: signing in is not using), `endpoints`.

**Gaps**: no price. Lists leave out a device's UDID and MAC addresses. The report is had as JSON, which only the beta of
Graph gives, because its CSV lies at another address; it tells Exchange, OneDrive, SharePoint, Teams, Viva Engage and
Skype, two days late. A tenant that conceals names in reports leaves last use unknown.
"""

import polars as pl

from connectors import web
from connectors.auth import Auth, ClientCredentials, PrivateKeyJwt
from connectors.streams import Instead, Stream
from connectors.system import Address, Delivery, Streams, System, WebOptions, addresses, either
from connectors.vault import Credential
from connectors.walks import Next

_USER = ("id,userPrincipalName,mail,proxyAddresses,displayName,accountEnabled,userType,employeeId,createdDateTime,"
         "assignedLicenses,licenseAssignmentStates")  # fmt: skip
_NEEDS = "needs tenant, client_id, and client_secret or private_key"
_SIGN_IN, _NEVER = "signInActivity", "1970-01-01T00:00:00Z"
_NO_SIGN_IN = (
    f"last_login_at is not permitted: the tenant lacks Entra P1, or the application AuditLog.Read.All ({_SIGN_IN})"
)


_NO_DELETED = "deleted users are not permitted: the application lacks User.Read.All"
_NONE_DELETED = "deleted users are unknown: there is no list of them here"
_NO_USAGE = "last_active_at is not permitted: the application lacks Reports.Read.All"
_NO_REPORT = "last_active_at is unknown: there is no report of active users here"
_PERIODS = (7, 30, 90, 180)  # days that the report is made for
_USED_BY = {
    "exchange": r"EXCHANGE_S_(?:STANDARD|ENTERPRISE|DESKLESS)",
    "oneDrive": r"SHAREPOINT(?:STANDARD|ENTERPRISE|DESKLESS)|ONEDRIVE(?:STANDARD|ENTERPRISE|LITE)",
    "sharePoint": r"SHAREPOINT(?:STANDARD|ENTERPRISE|DESKLESS)",
    "teams": r"TEAMS\d",
    "yammer": r"YAMMER_",
    "skypeForBusiness": r"MCOSTANDARD",
}
"""Services the report tells of, and the plans of a licence that contain them."""


class GraphOptions(WebOptions):
    """`tenant` is the id or a domain of the tenant. National clouds have a `url` and a `login_url` of their own."""

    url: Address = "https://graph.microsoft.com/v1.0"
    login_url: Address = "https://login.microsoftonline.com"
    tenant: str = ""
    client_id: str = ""
    client_secret: Credential | None = None
    private_key: Credential | None = None
    thumbprint: str = ""

    @property
    def origin(self) -> str:
        return "/".join(self.url.split("/")[:3])

    def own_way_in(self) -> Auth:
        if not (self.tenant and self.client_id):
            raise ValueError(_NEEDS)
        token_url = f"{self.login_url.rstrip('/')}/{self.tenant}/oauth2/v2.0/token"
        if self.client_secret:
            return ClientCredentials(
                token_url=token_url,
                client_id=self.client_id,
                client_secret=self.client_secret,
                scope=f"{self.origin}/.default",
            )
        if not self.private_key:
            raise ValueError(_NEEDS)
        return PrivateKeyJwt(
            token_url=token_url,
            client_id=self.client_id,
            private_key=self.private_key,
            thumbprint=self.thumbprint,
            scope=f"{self.origin}/.default",
        )


def _or_say(forbidden: str, absent: str) -> list[Instead]:
    """What to say instead of a list that is not permitted, or that this cloud does not have."""
    return [Instead(status=403, note=forbidden), *(Instead(status=status, note=absent) for status in (400, 404))]


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
        ),
        Stream(
            name="deleted",
            path="directory/deletedItems/microsoft.graph.user",
            params={"$select": f"{_USER},deletedDateTime"},
            records="value",
            key="id",
            walk=Next(at="@odata.nextLink", limit="$top", size=500),
            carry={"deleted": "true"},
            instead=_or_say(_NO_DELETED, _NONE_DELETED),
        ),
    ]


def _seats(options: GraphOptions) -> list[Stream]:
    days = next((days for days in _PERIODS if days >= options.usage_days), _PERIODS[-1])
    return [
        Stream(
            name="skus",
            looked_up=True,
            path="subscribedSkus",
            records="value",
            key="id",
            walk=Next(at="@odata.nextLink"),
        ),
        Stream(
            path="users",
            params={"$select": _USER},
            records="value",
            key="id",
            walk=Next(at="@odata.nextLink", limit="$top", size=500),
        ),
        Stream(
            name="usage",
            looked_up=True,
            path=f"{options.origin}/beta/reports/getOffice365ActiveUserDetail(period='D{days}')",
            params={"$format": "application/json"},
            records="value",
            key="userPrincipalName",
            repeats=True,
            walk=Next(at="@odata.nextLink"),
            instead=_or_say(_NO_USAGE, _NO_REPORT),
        ),
    ]


def _devices(options: GraphOptions) -> list[Stream]:
    path = "deviceManagement/managedDevices"
    return [Stream(path=path, records="value", key="id", walk=Next(at="@odata.nextLink", limit="$top", size=500))]


def _signed_in(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    told = ("lastSuccessfulSignInDateTime", "lastNonInteractiveSignInDateTime")
    signed_in = pl.max_horizontal(*(either(rows, f"{_SIGN_IN}.{name}") for name in told))
    # successes are told since December 2023 only, and of the deleted nothing is
    tried, is_deleted = either(rows, f"{_SIGN_IN}.lastSignInDateTime"), either(rows, "deleted").is_not_null()
    is_told = pl.any_horizontal(pl.lit(False), pl.col("^signInActivity\\..*$").is_not_null().any())
    never = pl.when(is_told & tried.is_null() & ~is_deleted).then(pl.lit(_NEVER))
    deleted = pl.when(is_deleted).then(pl.lit("deprovisioned"))
    name, own_id = either(rows, "userPrincipalName"), either(rows, "id").str.replace_all("-", "", literal=True)
    return rows.with_columns(
        pl.coalesce(signed_in, never).alias("signed_in"),
        pl.coalesce(deleted, either(rows, "accountEnabled")).alias("state"),
        name.str.strip_prefix(own_id).alias("named"),  # of the deleted, the id stands before the name
        addresses(rows, "proxyAddresses").alias("addresses"),
    )


def _one_row_a_licence(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    if "assignedLicenses" not in rows.columns:
        return rows.clear().with_columns(pl.lit(None, pl.String).alias("sku"))
    each = pl.col("assignedLicenses").str.extract_all(r'"skuId":"[^"]+"')
    seats = rows.with_columns(each.alias("sku")).explode("sku", empty_as_null=False).filter(pl.col("sku").is_not_null())
    seats = seats.with_columns(pl.col("sku").str.extract('"skuId":"([^"]+)"'))
    skus = streams.get("skus", pl.DataFrame())
    named = skus.select(
        either(skus, "skuId").alias("sku"),
        either(skus, "skuPartNumber").alias("sku_name"),
        either(skus, "servicePlans").alias("plans"),
        pl.when(either(skus, "capabilityStatus").is_in(["Suspended", "LockedOut", "Deleted"])).then(pl.lit("false"))
        .alias("paid"),
    ).unique("sku")  # fmt: skip
    return _used(seats.join(named, on="sku", how="left", maintain_order="left"), streams.get("usage", pl.DataFrame()))


def _used(seats: pl.DataFrame, usage: pl.DataFrame) -> pl.DataFrame:
    """The seats with the last use of any service that their licence contains."""
    told = usage.select(
        either(usage, "userPrincipalName").str.to_lowercase().alias("user"),
        *(either(usage, f"{service}LastActivityDate").alias(service) for service in _USED_BY),
    ).unique("user", keep="any")
    contained = [pl.when(pl.col("plans").str.contains(plans)).then(service) for service, plans in _USED_BY.items()]
    user = either(seats, "userPrincipalName").str.to_lowercase()
    seats = seats.with_columns(user.alias("user")).join(told, on="user", how="left", maintain_order="left")
    utc = pl.format("{}T00:00:00Z", pl.max_horizontal(*contained))
    return seats.with_columns(utc.alias("used")).drop("user", "plans", *_USED_BY)


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
                "username": "named",
                "email": ["mail", "named"],
                "aliases": "addresses",
                "person_id": "employeeId",
                "display_name": "displayName",
                "kind": "userType",
                "status": "state",
                "last_login_at": "signed_in",
                "created_at": "createdDateTime",
            },
            values={
                "status": {"true": "active", "false": "suspended"},
                "kind": {"Member": "human", "Guest": "guest"},
            },
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
                "paid": "paid",
                "last_active_at": "used",
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
            values={"ownership": {"unknown": ""}, "enrolled_at": {"0001-01-01T00:00:00Z": ""}},  # how it writes none
        ),
    },
)
