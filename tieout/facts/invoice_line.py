"""One row a billed line: what the contracts in force allow for it, together with the bills whose periods overlap.

Subscription lines and credits of one contract (else product) whose billed periods overlap are judged as one bill, on
their net sum; the bill is told at its latest subscription line.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tieout import licences, money
from tieout.facts.ground import Ground
from tieout.rule import Grain
from tieout.world import product_key


def _billed(ground: Ground) -> pl.DataFrame:
    """Every invoice line with its product in normal form, its contract and the bill it belongs to.

    A line that names no contract is of the one that was in force, where there is just one. A credit takes units back
    or none, never adds any.
    """
    rows = ground.world.rows("invoices").with_columns(
        product_key(ground.world.settings, pl.col("product")).alias("product_key"),
        ground.world.fresh(pl.col("period_start")).alias("in_period"),
        pl.when(pl.col("kind") == "credit")
        .then(pl.min_horizontal("quantity", money.zero()))
        .otherwise("quantity")
        .alias("quantity"),
    )
    only = (
        _terms(ground, rows.filter(pl.col("contract_id").is_null()))
        .group_by("_id")
        .agg(only=pl.when(pl.col("line_contract").n_unique() == 1).then(pl.col("line_contract").first()))
    )
    rows = rows.join(only, on="_id", how="left", maintain_order="left").with_columns(
        pl.coalesce("contract_id", "only").alias("contract_id")
    )
    bill_of = ["product_key", "contract_id"]
    judged = rows.filter(pl.col("kind").is_in(["subscription", "credit"])).sort(
        *bill_of, "period_start", "period_end", "_id"
    )
    reached = pl.col("period_end").cum_max().shift(1).over(bill_of)
    apart = (pl.col("period_start") > reached).fill_null(True)
    bills = judged.with_columns(apart.cum_sum().alias("bill")).select("_id", "bill")
    return rows.join(bills, on="_id", how="left", maintain_order="left")


def _terms(ground: Ground, rows: pl.DataFrame) -> pl.DataFrame:
    """Every pair of an invoice line and a contract line of its product (and contract, where it names one) in force."""
    lines = licences.lines(ground).filter(pl.col("metric") == "user").select(
        "product_key", "counts_from", "term_end", "annual_exact", line="_id", line_contract="contract_id",
        units="quantity", line_currency="currency",
    )  # fmt: skip
    own = pl.col("contract_id").is_null() | (pl.col("contract_id") == pl.col("line_contract"))
    ended = (pl.col("term_end") < pl.col("period_start")).fill_null(False)
    return rows.join(lines, on="product_key").filter(own & (pl.col("counts_from") <= pl.col("period_end")) & ~ended)


def _price(terms: pl.DataFrame) -> pl.DataFrame:
    """What one unit may cost for each line's billed period: the dearest contract line's, by months, the rest by days.

    Days count at a 365th of the year or at their share of the month, whichever is dearer, because both are usual.
    """
    after = pl.col("period_end").dt.offset_by("1d")
    months = (after.dt.year() - pl.col("period_start").dt.year()) * 12 + (
        after.dt.month().cast(pl.Int32) - pl.col("period_start").dt.month().cast(pl.Int32)
    )
    clipped = pl.col("period_start").dt.offset_by(pl.format("{}mo", months)) > after
    whole = months - clipped.cast(pl.Int32)
    rest_from = pl.col("period_start").dt.offset_by(pl.format("{}mo", pl.col("months")))
    days = (after - rest_from).dt.total_days().cast(money.MONEY)
    of_month = rest_from.dt.month_end().dt.day().cast(money.MONEY)
    monthly = pl.col("annual_exact") / pl.lit(Decimal(12), money.MONEY)
    by_days = pl.max_horizontal(
        pl.col("annual_exact") * days / pl.lit(Decimal(365), money.MONEY), monthly * days / of_month
    )
    price = monthly * pl.col("months").cast(money.MONEY) + by_days
    same_currency = pl.col("line_currency") == pl.col("currency")
    return (
        terms.with_columns(whole.alias("months"))
        .with_columns(price.alias("price"))
        .group_by("_id")
        .agg(
            pl.col("price").filter(same_currency).max().alias("price"),
            same_currency.any().alias("priced"),
            pl.col("line").unique().sort().alias("entitlements__row"),
        )
    )


def _in_force(terms: pl.DataFrame) -> pl.DataFrame:
    """Units in force in each bill: the most that count together on any day of it."""
    spans = terms.select("bill", "line", "units", "counts_from", "term_end", "period_start").drop_nulls("bill")
    begins = spans.group_by("bill").agg(pl.col("period_start").min().alias("begins"))
    lines = spans.drop("period_start").unique().join(begins, on="bill")
    days = lines.select("bill", day=pl.max_horizontal("counts_from", "begins")).unique()
    running = (pl.col("counts_from") <= pl.col("day")) & ~(pl.col("term_end") < pl.col("day")).fill_null(False)
    return (
        days.join(lines, on="bill")
        .filter(running)
        .group_by("bill", "day")
        .agg(_whole_sum("units"))
        .group_by("bill")
        .agg(pl.when(pl.col("units").null_count() == 0).then(pl.col("units").max()).alias("units_in_force"))
    )


def _whole_sum(column: str) -> pl.Expr:
    """A sum, null where one of its parts is not known: rows of one key differ in it."""
    return pl.when(pl.col(column).null_count() == 0).then(pl.col(column).sum())


def build(ground: Ground) -> Grain:
    """Every invoice line."""
    world = ground.world
    rows = _billed(ground)
    terms = _terms(ground, rows)
    priced = rows.join(_price(terms), on="_id", how="left", maintain_order="left")
    subscription = pl.col("kind") == "subscription"
    allowed = money.rounded(pl.col("quantity") * pl.col("price"), pl.col("currency")).alias("allowed")
    latest = (
        pl.col("_id")
        .filter(subscription)
        .sort_by(pl.struct("invoiced_on", "invoice_id", "line_no").filter(subscription))
        .last()
    )
    bills = (
        priced.filter(pl.col("bill").is_not_null())
        .with_columns(allowed)
        .group_by("bill")
        .agg(
            latest.alias("_id"),
            pl.col("in_period").any().alias("bill_in_period"),
            _whole_sum("quantity").alias("billed_units"),
            _whole_sum("amount").alias("billed_amount"),
            pl.when(pl.col("price").is_not_null().all() & (pl.col("currency").n_unique() == 1))
            .then(pl.col("allowed").sum())
            .alias("allowed_amount"),
            pl.col("entitlements__row").is_not_null().any().alias("has_terms"),
            pl.col("_id").sort().alias("bill_rows"),
        )
        .join(_in_force(terms), on="bill", how="left")
        .filter(pl.col("_id").is_not_null())
        .drop("bill")
    )
    any_line = licences.lines(ground).select("product_key", "term_start", "term_end")
    covered = (
        rows.select("_id", "product_key", "period_start", "period_end")
        .join(any_line, on="product_key")
        .with_columns(
            (
                (pl.col("term_start") <= pl.col("period_end"))
                & ~(pl.col("term_end") < pl.col("period_start")).fill_null(False)
            ).alias("covers"),
            (pl.col("period_start") - pl.col("term_end")).dt.total_days().alias("after_end"),
        )
        .group_by("_id")
        .agg(
            pl.col("covers").any(),
            pl.col("covers").is_null().any().alias("unclear"),
            pl.col("after_end").filter(pl.col("after_end") > 0).min().alias("after_end_days"),
        )
    )
    alive = pl.lit(world.alive("entitlements"))
    contracted = pl.col("covers").fill_null(False)
    unclear = pl.col("unclear").fill_null(False) | pl.col("product_key").is_null()  # two rows may tell two products
    units = pl.min_horizontal("billed_units", "units_in_force")
    share = units / pl.when(pl.col("billed_units") > 0).then("billed_units")
    frame = (
        priced.join(bills, on="_id", how="left", maintain_order="left", suffix="_bill")
        .join(covered, on="_id", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("bill_rows", pl.concat_list("_id")).alias("_id"),
            alive.alias("entitlements__alive"),
            pl.when(pl.col("bill_rows").is_null())
            .then(pl.lit(False))
            .when(pl.col("has_terms") | alive)
            .then("has_terms")
            .alias("judged"),
            pl.coalesce("bill_in_period", "in_period").alias("bill_in_period"),
            pl.when(contracted).then(pl.lit(True)).when(alive & ~unclear).then(pl.lit(False)).alias("contracted"),
            pl.when(alive).then(pl.col("billed_units") - pl.col("units_in_force")).alias("units_over"),
            pl.when(alive).then(pl.col("billed_amount") - pl.col("allowed_amount")).alias("amount_over"),
            (pl.col("billed_amount") - pl.col("allowed_amount") * share).alias("over"),
            pl.col("amount").alias("billed"),
        )
        .sort("invoice_id", "line_no")
    )
    for name, amount in (
        ("over_value", pl.max_horizontal(pl.col("over"), money.zero())),
        ("billed_value", pl.col("billed")),
    ):
        frame = money.valued(frame, name, amount, pl.col("currency"), world)
    of_contracts = ("judged", "contracted", "after_end_days", "units_in_force", "units_over", "amount_over",
                    "allowed_amount", "over_value")  # fmt: skip
    return Grain(
        name="invoice_line",
        feed="invoices",
        frame=frame.select(list(HEALTHY)),
        leans=dict.fromkeys(of_contracts, ("entitlements",)),
    )


HEALTHY: dict[str, Any] = {
    "_id": [0], "invoice_id": "I-1", "line_no": "1", "vendor": "Figma", "product": "Figma", "product_key": "figma",
    "contract_id": "C-1", "kind": "subscription", "period_start": date(2026, 10, 1), "in_period": True,
    "bill_in_period": True, "quantity": Decimal(100), "judged": True, "contracted": True, "after_end_days": None,
    "billed_units": Decimal(100), "units_in_force": Decimal(100), "units_over": Decimal(0),
    "billed_amount": Decimal(1000), "allowed_amount": Decimal(1000), "amount_over": Decimal(0),
    "over_value": Decimal(0), "over_value_amount": Decimal(0), "over_value_currency": "EUR",
    "billed_value": Decimal(1000), "billed_value_amount": Decimal(1000), "billed_value_currency": "EUR",
    "entitlements__row": [0], "entitlements__alive": True,
}  # fmt: skip
