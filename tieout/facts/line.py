"""One row a contract line counted per user: its quantity, how many seats of it are assigned, and when it renews."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout import licences, money, savings
from tieout.facts.ground import Ground
from tieout.rule import Grain

MEMORY_LINES = {
    "contract_id": pl.String(), "line_no": pl.String(), "product_key": pl.Categorical(), "plan_key": pl.Categorical(),
    "committed_on": pl.Date(), "idle": money.MONEY, "avoidable": money.MONEY,
}  # fmt: skip
"""What the period before knew of each line; `idle` = units nobody had, null when no console could tell;
`avoidable` = units that the pool could have met when the line started."""


def build(ground: Ground, filled: pl.DataFrame) -> Grain:
    """Every contract line with its position; `filled` are the paid seats with the line each fills.

    `whole` = no line is missing: seats of one that is fill the others.
    """
    world = ground.world
    told = pl.col("seats__alive")
    frame = (
        _positions(ground, filled)
        .with_columns(
            pl.lit(None, pl.UInt32).alias("seats__row"),
            pl.lit(world.alive("entitlements")).alias("whole"),
            pl.max_horizontal(pl.col("quantity") - pl.col("kept").cast(money.MONEY), money.zero()).alias("unused"),
            (licences.notice_deadline(world.settings) - pl.lit(world.today)).dt.total_days().alias("notice_in_days"),
            (pl.col("committed_on") - pl.lit(world.today)).dt.total_days().alias("ends_in_days"),
            licences.notice_deadline(world.settings).alias("notice_by"),
        )
        .with_columns(
            pl.when(pl.coalesce("committed_before", "committed_on") < pl.lit(world.today), pl.col("unused") > 0)
            .then(pl.lit("lapsed"))
            .alias("let_go")
        )
        .with_columns(
            pl.when(told).then("unassigned").alias("unassigned"),
            pl.when(told).then("unused").alias("unused"),
            _share("unassigned"),
            _share("kept"),
        )
        .sort("contract_id", "line_no")
    )
    for name, units in (("idle_value", "unassigned"), ("unused_value", "unused"), ("avoidable_value", "avoidable")):
        frame = money.valued(frame, name, pl.col(units) * pl.col("annual_exact"), pl.col("currency"), world)
    of_seats = ("observed", "unassigned", "unassigned_share", "assigned", "kept", "kept_share", "reclaimable", "unused",
                "idle_value", "unused_value", "pool_before", "avoidable", "avoidable_value")  # fmt: skip
    return Grain(
        name="line", feed="entitlements", frame=frame.select(list(HEALTHY)), leans=dict.fromkeys(of_seats, ("seats",))
    )


def _positions(ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    alive = ground.world.alive_for("seats", pl.col("product_key"), ground.coverage("seats"))
    lines = licences.positions(ground, filled).filter(pl.col("metric") == "user")
    before = ground.world.remembered("memory_lines", MEMORY_LINES)
    own = before.select("contract_id", "line_no", committed_before="committed_on", avoidable_before="avoidable")
    started = ground.world.in_period(pl.col("term_start"))
    renewal = pl.col("succeeds_on").is_not_null()
    smaller = pl.when(pl.col("pool_before").is_not_null()).then(pl.min_horizontal("quantity", "pool_before"))
    met = pl.when(renewal).then(money.zero()).otherwise(smaller)
    return (
        lines.join(own, on=["contract_id", "line_no"], how="left", maintain_order="left")
        .join(_pool_before(ground, before), on="_id", how="left", maintain_order="left")
        .with_columns(
            alive.alias("seats__alive"),
            started.alias("started_in_period"),
            pl.when(started).then(met).otherwise("avoidable_before").alias("avoidable"),
        )
    )


def _share(column: str) -> pl.Expr:
    """Units of a line as a share of its quantity; null where no console can tell."""
    quantity = pl.when(pl.col("seats__alive") & (pl.col("quantity") > 0)).then("quantity").cast(pl.Float64)
    return (pl.col(column).cast(pl.Float64) / quantity).alias(f"{column}_share")


def _pool_before(ground: Ground, before: pl.DataFrame) -> pl.DataFrame:
    """Units of each line's product and plan that were to be had in the period before: _id, pool_before.

    They are units that nobody had, and seats whose reclaim was approved by the day the line started. Null where no
    console could tell, or there was no period before.
    """
    lines = licences.lines(ground).select("_id", "product_key", "plan_key", "contract_id", "line_no", "term_start")
    line = ["contract_id", "line_no"]
    others = before.select("product_key", "plan_key", "idle", *(pl.col(name).alias(f"{name}_before") for name in line))
    fits = (
        pl.col("plan_key").is_null()
        | pl.col("plan_key_right").is_null()
        | (pl.col("plan_key") == pl.col("plan_key_right"))
    )
    itself = (pl.col("contract_id") == pl.col("contract_id_before")) & (pl.col("line_no") == pl.col("line_no_before"))
    pool = lines.join(others, on="product_key").filter(fits & ~itself)
    given_back = savings.approved_before(ground.world).rename({name: f"{name}_before" for name in line})
    approved = (
        pool.join(given_back, on=[f"{name}_before" for name in line])
        .filter(pl.col("approved_on") <= pl.col("term_start"))
        .group_by("_id")
        .agg(pl.col("units").sum().alias("approved"))
    )
    units = pool.group_by("_id").agg(pl.when(pl.col("idle").is_not_null().any()).then(pl.col("idle").sum()))
    nothing = money.zero() if before.height else pl.lit(None, money.MONEY)
    known = pl.col("_id").is_in(units["_id"].implode())
    return (
        lines.select("_id")
        .join(units, on="_id", how="left")
        .join(approved, on="_id", how="left")
        .select(
            "_id",
            pl.when(known)
            .then(pl.col("idle") + pl.col("approved").fill_null(0))
            .otherwise(nothing)
            .alias("pool_before"),
        )
    )


def memory(ground: Ground, filled: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Each line's position and dates, for the next period; as they were while contracts are not alive."""
    if not ground.world.alive("entitlements"):
        return {"memory_lines": ground.world.remembered("memory_lines", MEMORY_LINES)}
    idle = pl.when("told").then(pl.max_horizontal(pl.col("unassigned"), money.zero()))
    lines = _positions(ground, filled).with_columns(idle.alias("idle")).select(list(MEMORY_LINES))
    return {"memory_lines": lines.sort("contract_id", "line_no")}


HEALTHY: dict[str, Any] = {
    "_id": 0, "contract_id": "C-1", "line_no": "1", "product": "Figma", "product_key": "figma", "plan_key": None,
    "vendor": "Figma", "responsible": None, "cost_center": None, "term_start": date(2026, 1, 1),
    "term_end": date(2026, 12, 31), "in_force": True, "auto_renew": False, "notice_by": date(2026, 11, 1),
    "notice_in_days": 1, "ends_in_days": 61, "let_go": None, "started_in_period": False,
    "observed": True, "quantity": Decimal(100), "assigned": 100, "kept": 100, "kept_share": 1.0, "reclaimable": 0,
    "unassigned": Decimal(0), "unassigned_share": 0.0, "unused": Decimal(0), "pool_before": Decimal(0),
    "avoidable": Decimal(0),
    "idle_value": Decimal(0), "idle_value_amount": Decimal(0), "idle_value_currency": "EUR",
    "unused_value": Decimal(0), "unused_value_amount": Decimal(0), "unused_value_currency": "EUR",
    "avoidable_value": Decimal(0), "avoidable_value_amount": Decimal(0), "avoidable_value_currency": "EUR",
    "seats__row": None, "seats__alive": True, "whole": True,
}  # fmt: skip
