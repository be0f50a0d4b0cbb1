"""How far the records of an asset class, or the seats of a product, can be trusted to act on.

The accuracy that was measured is a sample of the truth: what counts is the lower end of its 95 % Wilson interval.
UNPROVEN = too little was checked to say: nothing, less than the covered share policy asks for (`proven_coverage`), or
so few that even without a fault they could not reach WATCH, unless so much of them is wrong that it is certain.
"""

from collections.abc import Mapping

import polars as pl

from tieout.figures import Month
from tieout.metrics import judged_records
from tieout.money import MONEY

TRUST: Mapping[str, pl.DataType] = {
    "asset_class": pl.String(), "kind": pl.String(), "accuracy": MONEY, "checked": pl.Int64(), "right": pl.Int64(),
    "records": pl.Int64(), "coverage": MONEY, "lower_bound": MONEY, "state": pl.String(), "why": pl.String(),
}  # fmt: skip
Z = 1.959963984540054  # standard deviations to either side that hold 95 % of a normal distribution
BILLING_RULES = ("overbilled", "billed-without-contract", "uncontracted-product", "overassigned-seats")


def wilson(right: pl.Expr, checked: pl.Expr, sign: int) -> pl.Expr:
    """An end of the 95 % Wilson interval of right ÷ checked: the lower one for sign −1, the upper for 1; null for 0."""
    n = pl.when(checked > 0).then(checked).cast(pl.Float64)
    share = right / n
    middle = share + Z**2 / (2 * n)
    spread = Z * (share * (1 - share) / n + Z**2 / (4 * n**2)).sqrt()
    return ((middle + sign * spread) / (1 + Z**2 / n)).clip(0, 1).round(10)


def judge(month: Month) -> pl.DataFrame:
    """One row an asset class of the register, and one a product with paid seats, each with its state and why."""
    counted = pl.concat([_classes(month), _products(month)], how="diagonal_relaxed")
    graded = _graded(counted, month)
    return graded.select(pl.col(name).cast(kind) for name, kind in TRUST.items()).sort("kind", "asset_class")


def _classes(month: Month) -> pl.DataFrame:
    """Per asset class what record accuracy counts: devices found on no entry are checked, and wrong."""
    answer = pl.col("answer")
    alive = pl.lit(month.world.alive("assets"))
    return (
        judged_records(month.tables["devices"])
        .group_by("asset_class")
        .agg(
            answer.is_not_null().sum().alias("checked"),
            answer.sum().alias("right"),
            pl.col("on_books").sum().alias("records"),
            (pl.col("on_books") & answer.is_not_null()).sum().alias("covered"),
        )
        .with_columns(
            kind=pl.lit("asset class"), cap=pl.lit(None, pl.String),
            doubt=pl.when(~alive).then(pl.lit("the register is not alive")),
        )
    )  # fmt: skip


def _products(month: Month) -> pl.DataFrame:
    """Per product the paid seats that resolve; bills that differ cap its state, unknown usage unproves it."""
    about = month.exceptions.filter(pl.col("is_open") & pl.col("rule").is_in(BILLING_RULES))
    differs = about.join(month.tables["involved"], on="exception_id").select("product", differs=pl.lit(True))
    return (
        month.tables["product_claims"]
        .join(differs.unique(), on="product", how="left", maintain_order="left")
        .select(
            kind=pl.lit("product"),
            asset_class="product",
            checked=pl.col("resolved") + pl.col("unresolved"),
            right="resolved",
            records="paid_seats",
            covered=pl.col("resolved") + pl.col("unresolved"),
            cap=pl.when("differs")
            .then(pl.lit("what is billed or assigned is not what is contracted"))
            .when(~pl.col("billed").fill_null(False))
            .then(pl.lit("no invoice to hold against its contract")),
            doubt=pl.when(~pl.col("usage_known").fill_null(True)).then(pl.lit("its usage is unknown")),
        )
    )


def _graded(counted: pl.DataFrame, month: Month) -> pl.DataFrame:
    """The state of each class, and the reason in words."""
    policy = month.world.settings.policy
    checked, right = pl.col("checked"), pl.col("right")
    lower, upper, coverage = pl.col("lower_bound"), wilson(right, checked, 1), pl.col("coverage")
    faultless = wilson(checked, checked, -1)
    certain = (faultless >= policy.watch_lower_bound) | (upper < policy.watch_lower_bound)
    percent = pl.format("{} % of {} were checked", (coverage.cast(pl.Float64) * 100).round(1), "records")
    steps: list[tuple[pl.Expr, str, pl.Expr]] = [
        (checked == 0, "UNPROVEN", pl.lit("nothing was checked")),
        (pl.col("doubt").is_not_null(), "UNPROVEN", pl.col("doubt")),
        (coverage < policy.proven_coverage, "UNPROVEN", pl.format("only {}", percent)),
        (~certain, "UNPROVEN", pl.format("only {} were checked, too few to tell", checked)),
        (lower < policy.watch_lower_bound, "DISTRUSTED", pl.lit("too much of what was checked is wrong")),
        (lower < policy.trust_lower_bound, "WATCH", pl.lit("not enough of what was checked is surely right")),
        (coverage < policy.trust_coverage, "WATCH", pl.format("only {}", percent)),
        (pl.col("cap").is_not_null(), "WATCH", pl.col("cap")),
    ]
    state, why = pl.lit("TRUSTED"), pl.lit("what was checked is right")
    for condition, name, reason in reversed(steps):
        met = condition.fill_null(False)
        state, why = pl.when(met).then(pl.lit(name)).otherwise(state), pl.when(met).then(reason).otherwise(why)
    records = pl.col("records")
    return counted.with_columns(
        pl.col("checked", "right", "records", "covered").cast(pl.Int64),
    ).with_columns(
        pl.when(checked > 0).then(right.cast(MONEY) / checked.cast(MONEY)).alias("accuracy"),
        pl.when(records > 0).then(pl.col("covered").cast(MONEY) / records.cast(MONEY)).alias("coverage"),
        wilson(right, checked, -1).alias("lower_bound"),
    ).with_columns(state.alias("state"), why.alias("why")).drop("covered", "cap", "doubt")  # fmt: skip
