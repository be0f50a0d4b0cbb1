"""Money: exact decimals, converted and rounded in one place.

Amounts are computed at scale 10 and rounded half-even once a line at the currency's minor unit. A rate is the latest
at or before as_of and at most 31 days old; without one an amount stays unconverted: null in reporting currency.
"""

from datetime import timedelta
from decimal import Decimal

import polars as pl

from tieout.feeds import SCALE
from tieout.once import once
from tieout.world import World

MONEY = pl.Decimal(38, SCALE)
RATE_DAYS = 31
LIFE_MONTHS = 36
PERIODS_A_YEAR = {"monthly": 12, "quarterly": 4, "annual": 1}
PERIOD_MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}
_MINOR_UNITS = {
    0: [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    3: ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"],
    4: ["CLF", "UYW"],
}


def zero() -> pl.Expr:
    """No money."""
    return pl.lit(Decimal(0), MONEY)


def rounded(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """An amount rounded half-even at its currency's minor unit."""
    result = amount.round(2)
    for places, codes in _MINOR_UNITS.items():
        result = pl.when(currency.is_in(codes)).then(amount.round(places)).otherwise(result)
    return result.cast(MONEY)


@once
def rates(world: World) -> pl.DataFrame:
    """One row a currency that can be converted: currency, rate (reporting units for one), rate_on (its day)."""
    home = world.settings.reporting_currency
    known = (
        world.rows("fx_rates")
        .filter((pl.col("as_of") >= world.today - timedelta(days=RATE_DAYS)) & (pl.col("currency") != home))
        .sort("as_of")
        .group_by("currency", maintain_order=True)
        .agg(pl.col("rate").last(), pl.col("as_of").last().alias("rate_on"))
        .filter(pl.col("rate").is_not_null())
    )
    own = pl.DataFrame({"currency": [home], "rate": [Decimal(1)], "rate_on": [world.today]})
    return pl.concat([own.cast({"rate": MONEY}), known.select("currency", pl.col("rate").cast(MONEY), "rate_on")])


def valued(frame: pl.DataFrame, name: str, amount: pl.Expr, currency: pl.Expr, world: World) -> pl.DataFrame:
    """The frame with `<name>` in reporting currency (null = unvalued), `<name>_amount` and `<name>_currency`."""
    home = pl.lit(world.settings.reporting_currency)
    with_amount = frame.with_columns(currency.alias(f"{name}_currency")).with_columns(
        rounded(amount.cast(MONEY), pl.col(f"{name}_currency")).alias(f"{name}_amount")
    )
    table = rates(world).select(pl.col("currency").alias(f"{name}_currency"), pl.col("rate").alias("_rate"))
    return (
        with_amount.join(table, on=f"{name}_currency", how="left", maintain_order="left")
        .with_columns(rounded(pl.col(f"{name}_amount") * pl.col("_rate"), home).alias(name))
        .drop("_rate")
    )


def valued_on(frame: pl.DataFrame, name: str, amount: str, currency: str, day: str, world: World) -> pl.DataFrame:
    """The frame with `<name>`: an amount in reporting currency at the rate of its own day, with `rate` and `rate_on`.

    The rate is the latest at or before that day and at most 31 days older; null without one.
    """
    home = world.settings.reporting_currency
    known = (
        world.rows("fx_rates")
        .filter(pl.col("rate").is_not_null() & (pl.col("currency") != home))
        .select(pl.col("currency").alias(currency), pl.col("as_of").alias("rate_on"), pl.col("rate").cast(MONEY))
        .sort("rate_on")
    )
    dated = frame.with_row_index("_order").sort(day, nulls_last=True)
    joined = dated.join_asof(
        known, left_on=day, right_on="rate_on", by=currency, tolerance=f"{RATE_DAYS}d", coalesce=False,
        check_sortedness=False,
    )  # fmt: skip
    is_home = pl.col(currency) == home
    return (
        joined.with_columns(
            pl.when(is_home).then(pl.lit(Decimal(1), MONEY)).otherwise("rate").alias("rate"),
            pl.when(is_home).then(day).otherwise("rate_on").alias("rate_on"),
        )
        .with_columns(rounded(pl.col(amount) * pl.col("rate"), pl.lit(home)).alias(name))
        .sort("_order")
        .drop("_order")
    )


def annual_price(unit_price: pl.Expr, billing_period: pl.Expr, term_start: pl.Expr, term_end: pl.Expr) -> pl.Expr:
    """What one unit costs a year: unit price × billing periods a year.

    A term price counts by its whole months, else by its days of 365; null for a perpetual term price.
    """
    after = term_end.dt.offset_by("1d")
    months = months_between(term_start, after)
    whole = (after.dt.day() == term_start.dt.day()) | (
        (after == after.dt.month_end()) & (term_start.dt.day() > after.dt.day())
    )
    days = (after - term_start).dt.total_days()
    by_months = unit_price * pl.lit(Decimal(12), MONEY) / pl.when(months > 0).then(months).cast(MONEY)
    by_days = unit_price * pl.lit(Decimal(365), MONEY) / pl.when(days > 0).then(days).cast(MONEY)
    by_period = unit_price * billing_period.replace_strict(PERIODS_A_YEAR, default=None).cast(MONEY)
    by_term = pl.when(whole).then(by_months).otherwise(by_days)
    return pl.when(billing_period == "term").then(by_term).otherwise(by_period)


def months_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Calendar months from one date's month to another's."""
    return (end.dt.year() - start.dt.year()) * 12 + end.dt.month().cast(pl.Int32) - start.dt.month().cast(pl.Int32)


def whole_months(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Whole months from one date to another; a month's last day closes a month that began on a later day."""
    months = months_between(start, end)
    short = (end.dt.day() < start.dt.day()) & (end != end.dt.month_end())
    return months - short.cast(pl.Int32)


def depreciated(cost: pl.Expr, purchased_on: pl.Expr, world: World, life_months: pl.Expr | None = None) -> pl.Expr:
    """Cost less straight-line depreciation over 36 (or the given) months; null without cost, date or life."""
    today = pl.lit(world.today)
    months = whole_months(purchased_on, today)
    told = pl.lit(LIFE_MONTHS) if life_months is None else life_months
    life = pl.when(told > 0).then(told).cast(pl.Int64)
    left = (life - months.clip(0)).clip(0)  # unlike the greatest of several, null where the date is not known
    return cost * left.cast(MONEY) / life.cast(MONEY)
