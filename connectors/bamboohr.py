"""BambooHR: everyone who works or worked here.

**Asks** `/employees`, the active and the inactive, with an API key (`api_key`). The address is made of `company`.

**Delivers** `people`. A field that the key may not see is null, and its name stands in `_restrictedFields`: it is
unknown. A person whose status may not be seen is left out by the system, so give the key that right.

**Gaps**: the last day of work is in no list of employees; take it from a report when leavers matter to the day.
"""

import polars as pl
from pydantic import model_validator

from connectors import web
from connectors.auth import Auth, Basic
from connectors.streams import Stream
from connectors.system import Delivery, Streams, System, WebOptions, address, either
from connectors.vault import Credential
from connectors.walks import Cursor

_FIELDS = "workEmail,homeEmail,hireDate,departmentName,locationName,employmentStatusName,reportsToId,middleName"


class BambooOptions(WebOptions):
    """`company` is the part of the address before .bamboohr.com."""

    url: str = ""
    company: str = ""
    api_key: Credential

    @model_validator(mode="after")
    def _has_an_address(self) -> "BambooOptions":
        if not (self.url or self.company):
            raise ValueError("needs company")
        object.__setattr__(self, "url", address(self.url or f"https://{self.company}.bamboohr.com"))
        return self

    def own_way_in(self) -> Auth:
        return Basic(user_credential=self.api_key, fixed_password="x")


def _employees(options: BambooOptions) -> list[Stream]:
    return [
        Stream(
            path="api/v1/employees",
            params={"filter[status]": "{status}", "fields": _FIELDS, "sort": "employeeId"},
            over={"status": ["active", "inactive"]},
            records="data",
            key="employeeId",
            total="meta.total",
            # its links lead to api.bamboohr.com
            walk=Cursor(param="page[after]", at="meta.page.nextCursor", limit="page[limit]", size=100),
        )
    ]


def _employed(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    terms = either(rows, "employmentStatusName").str.to_lowercase()
    kind = (
        pl.when(terms.str.contains("contract|freelanc|consult"))
        .then(pl.lit("contractor"))
        .when(terms.str.contains("intern"))
        .then(pl.lit("intern"))
        .when(terms.is_not_null())
        .then(pl.lit("employee"))
    )
    return rows.with_columns(kind.alias("kind"))


SYSTEM = System(
    title="BambooHR",
    options=BambooOptions,
    pull=web.pull,
    deliveries={
        "people": Delivery(
            streams=_employees,
            derive=_employed,
            columns={
                "person_id": "employeeId",
                "full_name": ["{firstName} {lastName}", "preferredName", "firstName", "lastName"],
                "email": "workEmail",
                "other_emails": "homeEmail",
                "employment_type": "kind",
                "status": "status",
                "start_date": "hireDate",
                "manager_id": "reportsToId",
                "department": "departmentName",
                "location": "locationName",
            },
            values={
                "status": {"Active": "active", "Inactive": "terminated"},
                "start_date": {"0000-00-00": ""},  # how it writes that there is none
            },
        )
    },
)
