"""GitHub Enterprise: who holds a licence, and who has a Copilot seat.

**Asks** an enterprise's consumed licences (`licence = "enterprise"`), or the Copilot seats of an enterprise or an
organisation (`licence = "copilot"`), with a personal access token (`token`; read:enterprise, manage_billing:copilot).

**Delivers** `seats`. A Copilot seat that is pending cancellation is money saved already: it is no paid seat any more.
Its last use is told by the editor's telemetry; null means that none was reported, so it is unknown.

**Gaps**: a consumed licence says nothing of use. No price.
"""

from typing import ClassVar, Literal

import polars as pl
from pydantic import model_validator

from connectors import web
from connectors.auth import Auth, BearerToken
from connectors.streams import Stream
from connectors.system import Address, Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Link


class GithubOptions(WebOptions):
    """`enterprise` is the name in its address, or `org` for Copilot. Of an own server `url` is https://HOST/api/v3."""

    HEADERS: ClassVar = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

    url: Address = "https://api.github.com"
    token: Credential
    licence: Literal["enterprise", "copilot"] = "enterprise"
    enterprise: str = ""
    org: str = ""

    @model_validator(mode="after")
    def _names_whose(self) -> "GithubOptions":
        if not (self.enterprise or (self.org and self.licence == "copilot")):
            raise ValueError("needs enterprise, or for Copilot org")
        return self

    def own_way_in(self) -> Auth:
        return BearerToken(token=self.token)


def _seats(options: GithubOptions) -> list[Stream]:
    walk = Link(limit="per_page", size=100)
    if options.licence == "copilot":
        whose = "enterprises/{enterprise}" if options.enterprise else "orgs/{org}"
        return [
            Stream(
                path=f"{whose}/copilot/billing/seats",
                records="seats",
                key="assignee.id",
                total="total_seats",
                repeats=True,  # an enterprise lists a person once for each organisation that grants the seat
                walk=walk,
                carry={"product": "GitHub Copilot"},
            )
        ]
    return [
        Stream(
            name="licences",
            path="enterprises/{enterprise}/consumed-licenses",
            records="users",
            key=["github_com_login", "enterprise_server_user_ids", "visual_studio_subscription_email"],
            walk=walk,
            carry={"product": "GitHub Enterprise"},
        )
    ]


def _one_row_a_person(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    mails = [pl.col(name).str.json_path_match("$[0]") for name in ("github_com_verified_domain_emails",
             "enterprise_server_emails")]  # fmt: skip
    others: list[str | pl.Expr] = ["visual_studio_subscription_email", *mails]
    rows = rows.with_columns(
        pl.when(either(rows, "pending_cancellation_date").is_not_null()).then(pl.lit("false")).otherwise(pl.lit("true"))
        .alias("paid"),
        either(rows, "assignee.id", "github_com_login", *others).alias("person"),
        either(rows, *mails, "github_com_saml_name_id", *others, "assignee.email").alias("mail"),
    )  # fmt: skip
    if "assignee.id" not in rows.columns:
        return rows
    person = pl.coalesce("assignee.id", pl.format("row {}", "_row"))  # a seat without a person stays a row of its own
    latest = rows.with_columns(either(rows, "last_activity_at").alias("used"), person.alias("whose"))
    latest = latest.sort("used", "_row", descending=[True, False], nulls_last=True)
    return latest.unique("whose", keep="first").drop("whose", "used").sort("_row")


SYSTEM = System(
    title="GitHub",
    options=GithubOptions,
    pull=web.pull,
    deliveries={
        "seats": Delivery(
            streams=_seats,
            derive=_one_row_a_person,
            columns={
                "product": "product",
                "seat_id": "person",
                "email": "mail",
                "display_name": ["github_com_name", "assignee.name", "assignee.login"],
                "plan": ["license_type", "plan_type"],
                "paid": "paid",
                "assigned_at": "created_at",
                "last_active_at": "last_activity_at",
            },
            constants={"status": "active"},
        )
    },
)
