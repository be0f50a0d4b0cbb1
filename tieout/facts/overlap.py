"""One row a product under contract: whether two contracts pay for the same seats at the same time."""

from typing import Any

import polars as pl

from tieout import licences, money
from tieout.facts.ground import Ground
from tieout.rule import Grain


def build(ground: Ground, filled: pl.DataFrame) -> Grain:
    """Every product with a line in force, with its worst pair of lines from different contracts: of those together
    for longer than the rule allows where there are any, the one whose smaller line leaves most to spare. Of two lines
    of one size the later one counts as the smaller.

    `together_days` = days both lines are in force; `spare_units` = units left if the smaller line were not there,
    negative when it is needed; `whole` = no line is missing.
    """
    world = ground.world
    observed = ground.coverage("seats")["kind"].drop_nulls().unique()
    lines = licences.lines(ground).filter("in_force")
    plans = _plans(lines, filled)
    limit = world.settings.limit(["overlapping-entitlement"], "together_days", TOGETHER_DAYS)
    in_turn = lines.sort("term_start", "contract_id", "line_no").with_row_index("turn")
    one = in_turn.select("turn", "product_key", "plan_key", "contract_id", "line_no", "term_start", "term_end",
                         "quantity", "annual_exact", "currency")  # fmt: skip
    ends = pl.min_horizontal("term_end", "term_end_other")
    same_plan = (pl.col("plan_key") == pl.col("plan_key_other")).fill_null(True)
    smaller = (pl.col("quantity") < pl.col("quantity_other")) | (
        (pl.col("quantity") == pl.col("quantity_other")) & (pl.col("turn") > pl.col("turn_other"))
    )
    together = (ends - pl.max_horizontal("term_start", "term_start_other")).dt.total_days() + 1
    pairs = (
        one.join(one, on="product_key", suffix="_other")
        .filter((pl.col("contract_id") != pl.col("contract_id_other")) & same_plan & smaller)
        .with_columns(together.fill_null(UNENDING).alias("together_days"), pl.lit(True).alias("paired"))
        .join(plans, on=["product_key", "plan_key"], nulls_equal=True, maintain_order="left")
        .with_columns(_spare_without(pl.col("quantity")).alias("spare_units"))
        .sort(
            pl.col("together_days") > limit,
            "spare_units",
            "together_days",
            "contract_id",
            descending=[True, True, True, False],
        )
        .unique("product_key", keep="first", maintain_order=True)
    )
    products = lines.group_by("product_key").agg(
        pl.col("_id").sort(), pl.col("product").sort_by("term_start", "contract_id", "line_no").first()
    )
    worst = pairs.select(
        "product_key", "plan_key", "paired", "together_days", "spare_units", "annual_exact", "currency",
        smaller="quantity", contracts=pl.concat_str("contract_id", "contract_id_other", separator="; "),
    )  # fmt: skip
    alive = world.alive_for("seats", pl.col("product_key"), ground.coverage("seats"))
    frame = (
        products.join(worst, on="product_key", how="left")
        .join(ground.spelling, on="product_key", how="left")
        .with_columns(
            pl.coalesce("contract_name", "product").alias("product"),
            pl.col("paired").fill_null(False),
            pl.col("product_key").is_in(observed.implode()).alias("observed"),
            alive.alias("seats__alive"),
            pl.lit(None, pl.UInt32).alias("seats__row"),
            pl.lit(world.alive("entitlements")).alias("whole"),
        )
        .with_columns(pl.when("seats__alive").then("spare_units").alias("spare_units"))
        .sort("product_key")
    )
    frame = money.valued(frame, "smaller_value", pl.col("smaller") * pl.col("annual_exact"), pl.col("currency"), world)
    return Grain(
        name="overlap",
        feed="entitlements",
        frame=frame.select(list(HEALTHY)),
        keys={"product": "product_key"},
        leans=dict.fromkeys(("observed", "spare_units"), ("seats",)),
    )


def _plans(lines: pl.DataFrame, filled: pl.DataFrame) -> pl.DataFrame:
    """Per product and plan (null = lines without one): units and seats of the product, and beyond what plans hold.

    `total` and `assigned` are of the whole product, `units` and `seats` of the plan; `open_units` are of lines without
    a plan, which take every seat; `others_beyond` are seats of other plans that have room in those alone. Seats that
    find no line as it is are left out: no line is needed for what it does not take.
    """
    plan = ["product_key", "plan_key"]
    bought = lines.group_by(plan).agg(pl.col("quantity").sum().alias("units"))
    asked = filled.group_by(plan).agg(pl.len().cast(money.MONEY).alias("seats"))
    both = bought.join(asked, on=plan, how="full", nulls_equal=True, coalesce=True).with_columns(
        pl.col("units", "seats").fill_null(0)
    )
    named, of_product = pl.col("plan_key").is_not_null(), "product_key"
    beyond = pl.when(named).then(pl.max_horizontal(pl.col("seats") - pl.col("units"), money.zero())).otherwise(0)
    beyond_all = pl.col("beyond").sum().over(of_product)
    room = both.with_columns(
        beyond.alias("beyond"), pl.col("units").filter(~named).sum().over(of_product).alias("open_units")
    )
    without = pl.max_horizontal(beyond_all - pl.col("open_units"), money.zero())
    left = pl.max_horizontal(pl.col("open_units") - pl.col("beyond"), money.zero())
    return room.with_columns(
        pl.col("units").sum().over(of_product).alias("total"),
        (pl.col("seats").sum().over(of_product) - without).alias("assigned"),
        pl.min_horizontal(beyond_all - pl.col("beyond"), left).alias("others_beyond"),
    )


def _spare_without(units: pl.Expr) -> pl.Expr:
    """Units left in a product, and for seats that name a plan, without a line of so many units; negative = needed."""
    named = pl.col("plan_key").is_not_null()
    own = pl.max_horizontal(pl.col("seats") - (pl.col("units") - units), money.zero())
    for_plans = pl.when(named).then(pl.col("open_units") - own).otherwise(pl.col("open_units") - units)
    return pl.min_horizontal(pl.col("total") - units - pl.col("assigned"), for_plans - pl.col("others_beyond"))


TOGETHER_DAYS = 31
"""Days two lines may be in force together where a workspace does not say otherwise."""
UNENDING = 36_500  # days two perpetual lines run together

HEALTHY: dict[str, Any] = {
    "_id": [0], "product": "Figma", "product_key": "figma", "plan_key": None, "observed": True, "paired": False,
    "contracts": None, "together_days": None, "spare_units": None, "smaller_value": None,
    "smaller_value_amount": None, "smaller_value_currency": None, "seats__row": None, "seats__alive": True,
    "whole": True,
}  # fmt: skip
