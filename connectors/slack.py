"""Slack: the members of a workspace, and who of them is billed.

**Asks** `users.list` and `team.billableInfo` with a user token (`token`; scopes users:read, users:read.email, admin).

**Delivers** `seats`: a deactivated member's seat is suspended; bots and guests are no paid seats; where Slack says who
is billed, that counts. A guest's plan says so.

**Gaps**: no last use: Slack tells it in no list of members, so it is unknown. No price.
"""

import polars as pl

from connectors import web
from connectors.auth import Auth, BearerToken
from connectors.streams import Instead, Stream
from connectors.system import Address, Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Cursor

_REFUSED = {"ok": "false"}
_NO_BILLING = "who is billed is not permitted: paid is taken from the kind of member"
_SLACKBOT = "USLACKBOT"


class SlackOptions(WebOptions):
    """`token` is a user token of the workspace."""

    url: Address = "https://slack.com/api"
    token: Credential
    product: str = "Slack"

    def own_way_in(self) -> Auth:
        return BearerToken(token=self.token)


def _members(options: SlackOptions) -> list[Stream]:
    walk = Cursor(param="cursor", at="response_metadata.next_cursor", limit="limit", size=200)
    return [
        Stream(
            path="users.list",
            records="members",
            key="id",
            walk=walk,
            refused_when=_REFUSED,
            carry={"product": "{product}"},
        ),
        Stream(
            name="billing",
            looked_up=True,
            path="team.billableInfo",
            records="billable_info.*",
            key="_key",
            walk=walk,
            refused_when=_REFUSED,
            instead=[Instead(status=status, note=_NO_BILLING) for status in (403, 404)],
        ),
    ]


def _seats(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    if "id" not in rows.columns:
        return rows
    billing = streams.get("billing", pl.DataFrame())
    if {"_key", "billing_active"} <= set(billing.columns):
        billed = billing.select(id="_key", billed="billing_active").unique("id")
        rows = rows.join(billed, on="id", how="left", maintain_order="left")
    said = {name: either(rows, name).eq_missing("true") for name in ("deleted", "is_bot", "is_invited_user",
            "is_restricted", "is_ultra_restricted")}  # fmt: skip
    is_bot = said["is_bot"] | (pl.col("id") == _SLACKBOT)
    unpaid = is_bot | said["is_restricted"] | said["is_ultra_restricted"] | said["deleted"]
    return rows.with_columns(
        pl.when(said["deleted"]).then(pl.lit("suspended")).when(said["is_invited_user"]).then(pl.lit("invited"))
        .otherwise(pl.lit("active")).alias("state"),
        pl.when(is_bot).then(pl.lit("bot")).when(said["is_ultra_restricted"]).then(pl.lit("single-channel guest"))
        .when(said["is_restricted"]).then(pl.lit("multi-channel guest")).otherwise(pl.lit("member")).alias("member"),
        either(rows, "billed", pl.when(unpaid).then(pl.lit("false")).otherwise(pl.lit("true"))).alias("paid"),
    )  # fmt: skip


SYSTEM = System(
    title="Slack",
    options=SlackOptions,
    pull=web.pull,
    deliveries={
        "seats": Delivery(
            streams=_members,
            derive=_seats,
            columns={
                "product": "product",
                "seat_id": "id",
                "email": "profile.email",
                "display_name": ["profile.real_name", "real_name", "name"],
                "plan": "member",
                "status": "state",
                "paid": "paid",
            },
        )
    },
)
