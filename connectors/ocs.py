"""OCS Inventory NG: what its agents found on each computer.

**Asks** `/computers` page by page, and `/computers/listID` for how many there are, because a page past the end is
`null` and declares nothing. A user and password where the web server in front of the API asks for them.

**Delivers** `endpoints`: last seen is the last contact (`LASTCOME`), else the last inventory. Instants have no zone and
are in the source's `timezone`.

**Gaps**: a virtual machine may have no BIOS record, and so no serial.
"""

import polars as pl

from connectors import web
from connectors.auth import Auth, Basic, Nothing
from connectors.streams import Stream
from connectors.system import Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Total

_NO_INSTANT = "0000-00-00 00:00:00"  # how MySQL writes that there is none
_CLASSES = {"laptop": "laptop", "notebook": "laptop", "portable": "laptop", "convertible": "laptop", "tablet": "tablet",
            "desktop": "desktop", "mini tower": "desktop", "tower": "desktop", "all in one": "desktop",
            "server": "server", "rack mount chassis": "server", "blade": "server"}  # fmt: skip


class OcsOptions(WebOptions):
    """`url` is the address of the REST API, like https://ocs.example.com/ocsapi/v1."""

    user: str = ""
    password: Credential | None = None
    page_size: int = 100

    def own_way_in(self) -> Auth:
        return Basic(user=self.user, password=self.password) if self.user else Nothing()


def _computers(options: OcsOptions) -> list[Stream]:
    return [
        Stream(
            path="computers",
            records="*",
            none_when="null",
            key="_key",
            total_path="computers/listID",
            walk=Total(start="start", limit="limit", size=options.page_size),
        )
    ]


def _described(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    def told(section: str, name: str) -> pl.Expr:
        """A section is a table, or a list of one."""
        return either(rows, f"{section}.{name}", pl.col(section).str.json_path_match(f"$[0].{name}"))

    instants = (told("hardware", "LASTCOME"), told("hardware", "LASTDATE"))
    kind = told("bios", "TYPE").str.to_lowercase()
    maker = told("bios", "SMANUFACTURER").str.to_lowercase()
    return rows.with_columns(
        told("bios", "SSN").alias("serial"),
        told("bios", "ASSETTAG").alias("tag"),
        told("bios", "SMANUFACTURER").alias("maker"),
        told("bios", "SMODEL").alias("model"),
        told("hardware", "UUID").alias("uuid"),
        told("hardware", "NAME").alias("host"),
        told("hardware", "USERID").alias("user"),
        pl.coalesce(*(pl.when(at != _NO_INSTANT).then(at) for at in instants)).alias("seen"),
        pl.format("{} {}", told("hardware", "OSNAME"), told("hardware", "OSVERSION").fill_null("")).alias("os"),
        kind.replace_strict(_CLASSES, default=None, return_dtype=pl.String).alias("class"),
        pl.when(maker.str.contains("vmware|qemu|xen|innotek|virtual")).then(pl.lit("virtual")).alias("owned"),
    )


SYSTEM = System(
    title="OCS Inventory NG",
    options=OcsOptions,
    pull=web.pull,
    deliveries={
        "endpoints": Delivery(
            streams=_computers,
            derive=_described,
            columns={
                "endpoint_id": "_key",
                "serial": "serial",
                "uuid": "uuid",
                "asset_tag": "tag",
                "hostname": "host",
                "manufacturer": "maker",
                "model": "model",
                "asset_class": "class",
                "os": "os",
                "user_name": "user",
                "last_seen_at": "seen",
                "ownership": "owned",
            },
        )
    },
)
