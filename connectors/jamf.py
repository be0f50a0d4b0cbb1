"""Jamf Pro: computers and mobile devices.

**Asks** `/v4/computers-inventory` with the sections that hold the serial, the user and the purchase (older versions
where a server does not have it), and `/v2/mobile-devices/detail`, with an API client (`client_id`, `client_secret`)
that may read computers and mobile devices.

**Delivers** `endpoints`.

**Gaps**: the purchase price is text in no known currency, so it is left where it is (in `extra`).
"""

from typing import Literal

import polars as pl

from connectors import web
from connectors.auth import Auth, ClientCredentials
from connectors.streams import Instead, Stream
from connectors.system import Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Total

_COMPUTERS = "api/v{}/computers-inventory"
_SECTIONS = ["GENERAL", "HARDWARE", "USER_AND_LOCATION"]
_SEEN = ["lastCheckIn", "lastContact", "lastContactTime", "lastContactDate", "lastInventoryUpdateDate", "reportDate"]
_PERSONAL = ["UserEnrollment", "AccountDrivenUserEnrollment", "PersonalDeviceProfile"]
_OLDER = "the server has no v{} of computers-inventory: v{} is read, whose fields are named otherwise"


class JamfOptions(WebOptions):
    """`url` is the server's address, like https://example.jamfcloud.com, without /api."""

    client_id: str = ""
    client_secret: Credential | None = None
    devices: list[Literal["computers", "mobile"]] = ["computers", "mobile"]
    page_size: int = 500

    def own_way_in(self) -> Auth:
        if not (self.client_id and self.client_secret):
            raise ValueError("needs client_id and client_secret")
        token_url = f"{self.url.rstrip('/')}/api/v1/oauth/token"
        return ClientCredentials(token_url=token_url, client_id=self.client_id, client_secret=self.client_secret)


def _devices(options: JamfOptions) -> list[Stream]:
    walk = Total(start="page", counts="pages", limit="page-size", size=options.page_size)
    kinds = {
        "computers": Stream(
            name="computers",
            path=_COMPUTERS.format(4),
            params={"section": [*_SECTIONS, "OPERATING_SYSTEM", "PURCHASING", "DISK_ENCRYPTION"], "sort": "id:asc"},
            records="results",
            key="id",
            total="totalCount",
            walk=walk,
            instead=[Instead(status=404, path=_COMPUTERS.format(n), note=_OLDER.format(n + 1, n)) for n in (3, 2, 1)],
        ),
        "mobile": Stream(
            name="mobile",
            path="api/v2/mobile-devices/detail",
            params={"section": _SECTIONS, "sort": "mobileDeviceId:asc"},
            records="results",
            key="mobileDeviceId",
            total="totalCount",
            walk=walk,
        ),
    }  # fmt: skip
    return [kinds[kind] for kind in options.devices]


def _described(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    model = either(rows, "hardware.model").str.to_lowercase()
    is_mobile = either(rows, "mobileDeviceId").is_not_null()
    encrypted = either(rows, "diskEncryption.bootPartitionEncryptionDetails.partitionFileVault2State")
    owned = either(rows, "general.deviceOwnershipType")
    return rows.with_columns(
        pl.when(model.str.contains("ipad"))
        .then(pl.lit("tablet"))
        .when(model.str.contains("apple tv|watch"))
        .then(pl.lit("other"))
        .when(is_mobile)
        .then(pl.lit("phone"))
        .when(model.str.contains("book"))
        .then(pl.lit("laptop"))
        .when(model.is_not_null())
        .then(pl.lit("desktop"))
        .alias("class"),
        pl.when(is_mobile)
        .then(pl.format("mobile {}", either(rows, "mobileDeviceId")))
        .otherwise(either(rows, "id"))
        .alias("device"),
        encrypted.replace_strict(
            {"ENCRYPTED": "true", "DECRYPTED": "false", "UNENCRYPTED": "false"}, default=None, return_dtype=pl.String
        ).alias("encrypted"),
        pl.when(model.str.contains("virtual|vmware|parallels"))
        .then(pl.lit("virtual"))
        .when(owned.is_in(_PERSONAL))
        .then(pl.lit("personal"))
        .alias("owned"),
    )


SYSTEM = System(
    title="Jamf Pro",
    options=JamfOptions,
    pull=web.pull,
    deliveries={
        "endpoints": Delivery(
            streams=_devices,
            derive=_described,
            columns={
                "endpoint_id": "device",
                "serial": "hardware.serialNumber",
                "uuid": ["udid", "general.udid"],
                "asset_tag": "general.assetTag",
                "hostname": ["general.name", "general.displayName"],
                "manufacturer": "hardware.make",
                "model": "hardware.model",
                "asset_class": "class",
                "os": ["{operatingSystem.name} {operatingSystem.version}", "general.osVersion"],
                "user_email": ["userAndLocation.email", "userAndLocation.emailAddress"],
                "user_name": ["userAndLocation.username", "userAndLocation.realname"],
                "last_seen_at": [f"general.{name}" for name in _SEEN],
                "enrolled_at": "general.lastEnrolledDate",
                "managed": ["general.remoteManagement.managed", "general.managed"],
                "ownership": "owned",
                "encrypted": "encrypted",
            },
        )
    },
)  # fmt: skip
