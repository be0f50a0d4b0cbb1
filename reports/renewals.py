"""What must be decided about contract lines before each notice date of the coming half year."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from reports.about import About
from reports.tables import Tables, of_period, summed

AHEAD = timedelta(days=180)
SOON = timedelta(days=60)


@dataclass(frozen=True)
class Renewal:
    """One contract line whose notice or commitment ends soon.

    `idle` are units that may be given back by then, None where no alive console tells; `saves` what that saves in the
    year from renewal on, None where something of it has no value. `decide_by` is None when notice can no longer be
    given; `soon` within 60 days.
    """

    decide_by: date | None
    committed_until: date
    soon: bool
    auto_renew: bool | None
    product: str
    vendor: str
    line: str
    owner: str | None
    quantity: Decimal
    amount: Decimal | None
    currency: str
    spend: Decimal | None
    idle: Decimal | None
    saves: Decimal | None


def renewals(tables: Tables, about: About) -> tuple[Renewal, ...]:
    """The lines that end, or whose notice must be given, within 180 days; the earliest first."""
    today, last = about.today, about.today + AHEAD
    idle = (
        of_period(tables, "waterfall", about.period)
        .filter((pl.col("bucket") == "reducible") & (pl.col("units") > 0))
        .group_by("contract_id", "line_no")
        .agg(idle=pl.col("units").sum(), saves=summed("at_renewal"))
    )
    told = pl.col("assigned").is_not_null()
    ahead = pl.col("decide_by").is_between(today, last) | pl.col("committed_until").is_between(today, last)
    lines = (
        of_period(tables, "entitlement_positions", about.period)
        .filter(ahead & pl.col("annual_spend_amount").is_not_null())
        .join(idle, on=["contract_id", "line_no"], how="left")
        .with_columns(
            pl.when(told).then(pl.col("idle").fill_null(0)).alias("idle"),
            pl.when(told & pl.col("idle").is_null()).then(0).when(told).then("saves").alias("saves"),
        )
        .sort(pl.coalesce("decide_by", "committed_until"), "product", "contract_id", "line_no")
    )
    return tuple(
        Renewal(
            decide_by=row["decide_by"],
            committed_until=row["committed_until"],
            soon=row["decide_by"] is not None and row["decide_by"] <= today + SOON,
            auto_renew=row["auto_renew"],
            product=row["product"],
            vendor=row["vendor"],
            line=f"{row['contract_id']}/{row['line_no']}",
            owner=row["owner"],
            quantity=row["quantity"],
            amount=row["annual_spend_amount"],
            currency=row["currency"],
            spend=row["annual_spend"],
            idle=row["idle"],
            saves=row["saves"],
        )
        for row in lines.iter_rows(named=True)
    )
