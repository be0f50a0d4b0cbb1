"""How the open savings went from one period to the next, in units and money."""

import polars as pl

from tieout import money
from tieout.savings.shape import LEAVES, OPEN, SUBJECT
from tieout.world import World


def rolled(world: World, last: pl.DataFrame, rows: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """How the open savings went from the period before to this one, every step with its rows, in units and a year's
    value: opening + new + reopened - released - kept - withdrawn - lapsed ± repriced ± fx = closing.

    `fx` concerns `value` alone, which is in reporting currency; what is unvalued counts as nothing in it.
    """
    none = money.zero()
    shown = ["subject_type", "subject", "product", "contract_id", "line_no", "units", "amount", "currency", "value"]

    def as_rows(frame: pl.DataFrame, cause: str | pl.Expr, sign: int, because: pl.Expr) -> pl.DataFrame:
        named = pl.lit(cause) if isinstance(cause, str) else cause
        return frame.select(
            *SUBJECT, *shown[1:5], named.alias("cause"), because.alias("because"),
            *(pl.col(name).fill_null(0).cast(money.MONEY) * sign for name in ("units", "amount")), "currency",
            pl.col("value").fill_null(0).cast(money.MONEY) * sign,
        )  # fmt: skip

    amounts = {"annual_amount": "amount", "annual_value": "value"}
    is_open = pl.col("state").is_in(OPEN)
    opening, closing = last.filter(is_open).rename(amounts), rows.filter(is_open).rename(amounts)
    moves = moved.select(*SUBJECT, "move")
    left = rows.join(moves.filter(pl.col("move").is_in(LEAVES)), on=SUBJECT)
    left = left.filter(pl.col("ended_on") == pl.lit(world.today)).rename(amounts)
    left = left.sort("number").unique(SUBJECT, keep="last", maintain_order=True)
    came = closing.join(moves.filter(pl.col("move").is_in(["new", "returned", "renewed", "lapsed"])), on=SUBJECT)
    cause = pl.col("move").replace({"shrunk": "released", "expired": "lapsed"})
    entry = pl.when(pl.col("move") == "new").then(pl.lit("new")).otherwise(pl.lit("reopened"))
    stayed = opening.join(moves.filter(pl.col("move").is_in(["stays", "shrunk"])), on=SUBJECT)
    shrunk = left.filter(pl.col("move") == "shrunk").select(
        *SUBJECT, gone_units="units", gone_amount="amount", gone_value="value"
    )  # fmt: skip
    ends = closing.select(*SUBJECT, end_units="units", end_amount="amount", end_value="value", end_currency="currency")
    steps = (
        stayed.join(shrunk, on=SUBJECT, how="left")
        .join(ends, on=SUBJECT)
        .with_columns(
            pl.col(f"{end}{name}").fill_null(0)
            for name in ("units", "amount", "value")
            for end in ("", "gone_", "end_")
        )
        .with_columns((pl.col(name) - pl.col(f"gone_{name}")).alias(name) for name in ("units", "amount", "value"))
    )
    nothing = pl.lit(None, pl.String)
    return (
        pl.concat(
            [
                as_rows(opening, "opening", 1, nothing),
                as_rows(came, entry, 1, pl.col("because")),
                as_rows(left, cause, -1, pl.col("because")),
                *(as_rows(part, name, 1, why) for name, part, why in _changes(world, steps)),
                as_rows(closing, "closing", 1, nothing),
            ]
        )
        .filter((pl.col("units") != none) | (pl.col("amount") != none) | (pl.col("value") != none)
                | pl.col("cause").is_in(["opening", "closing"]))
        .sort("cause", *SUBJECT, "currency")
    )  # fmt: skip


def _changes(world: World, steps: pl.DataFrame) -> list[tuple[str, pl.DataFrame, pl.Expr]]:
    """What changed on the savings that stayed: more or fewer units, another price, another rate.

    `units`, `amount` and `value` are what was left of the opening, `end_…` what they are now.
    """
    home = pl.lit(world.settings.reporting_currency)
    same = (pl.col("currency") == pl.col("end_currency")).fill_null(True)
    more = pl.col("end_units") - pl.col("units")
    share = pl.when(pl.col("units") > 0).then(more / pl.col("units")).otherwise(0)
    rates = money.rates(world).select(currency_now="currency", rate_now="rate")
    frame = (
        steps.with_columns(pl.coalesce("end_currency", "currency").alias("currency_now"))
        .join(rates, on="currency_now", how="left", maintain_order="left")
        .with_columns(
            more.alias("more_units"),
            money.rounded(pl.col("amount") * share, pl.col("currency")).alias("more_amount"),
            money.rounded(pl.col("value") * share, home).alias("more_value"),
            same.alias("same"),
        )
        .with_columns((pl.col("end_amount") - pl.col("amount") - pl.col("more_amount")).alias("price_amount"))
        .with_columns(
            money.rounded(pl.col("price_amount") * pl.col("rate_now").fill_null(0), home).alias("price_value")
        )
        .with_columns(
            (pl.col("end_value") - pl.col("value") - pl.col("more_value") - pl.col("price_value")).alias("fx_value")
        )
    )
    same_currency, other = frame.filter("same"), frame.filter(~pl.col("same"))

    def part(rows: pl.DataFrame, units: str | None, amount: str | None, value: str, currency: str) -> pl.DataFrame:
        nil = money.zero()
        return rows.with_columns(
            units=pl.col(units) if units else nil, amount=pl.col(amount) if amount else nil, value=pl.col(value),
            currency=pl.col(currency),
        )  # fmt: skip

    grown = same_currency.filter(pl.col("more_units") > 0)
    fewer = same_currency.filter(pl.col("more_units") < 0)
    negative = [(-pl.col(name)).alias(name) for name in ("amount", "value")]
    regrown = other.with_columns(units=pl.col("more_units"))
    return [
        ("new", part(grown, "more_units", "more_amount", "more_value", "currency_now"), pl.lit("more of them")),
        ("withdrawn", part(fewer, "more_units", "more_amount", "more_value", "currency_now"), pl.lit("used again")),
        ("repriced", part(same_currency, None, "price_amount", "price_value", "currency_now"), pl.lit("price")),
        ("fx", part(same_currency, None, None, "fx_value", "currency_now"), pl.lit("rate")),
        ("repriced", part(other.with_columns(negative), None, "amount", "value", "currency"), pl.lit("currency")),
        ("repriced", part(regrown, "units", "end_amount", "end_value", "end_currency"), pl.lit("currency")),
    ]
