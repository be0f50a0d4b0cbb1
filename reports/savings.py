"""What became of savings: the ladder with the proof of each step, and how the open ones changed since the last period.

Only verified reductions and credits are cash; avoidance, unverified claims and what went without approval stand apart.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from reports.about import About
from reports.tables import Tables, of_period, tie, total

OPEN = ("identified", "approved")
STEPS = (
    ("identified", "found, nobody has decided yet"),
    ("approved", "approved for reclaim, still there and paid for"),
    ("released", "approved and gone from a GREEN snapshot, not yet refunded or cut"),
    ("realised", "cash: a smaller renewal, a lower bill or a credit note shows it"),
    ("realised, unverified", "claimed, but no document in the feeds shows it: in no saving"),
    ("avoided", "a request met from the pool: in no saving"),
    ("released unapproved", "gone without approval: in no rate"),
    ("lapsed", "the date passed unused"),
    ("kept", "waived or exempted by decision"),
    ("withdrawn", "used again, person back or record corrected"),
)
OPENED = (
    ("seat", "open in seats", "identified or approved, among the seats that are listed"),
    ("line", "open in units", "identified or approved, of lines with units that nobody has"),
)
CAUSES = (
    ("opening", "open at the end of the period before"), ("new", "identified for the first time"),
    ("reopened", "identified again"), ("released", "gone, with or without approval"), ("kept", "waived or exempted"),
    ("withdrawn", "used again, person back, record corrected"), ("lapsed", "the date passed unused"),
    ("repriced", "another price or line"), ("fx", "another exchange rate"), ("closing", "open at the end of this one"),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of the ladder: how many units stand on it and what they are worth; None = nothing of it has a value."""

    name: str
    meaning: str
    units: Decimal
    unvalued: int
    value: Decimal | None


@dataclass(frozen=True)
class Saving:
    """One saving beyond identification, with what proves each step."""

    subject: str
    step: str
    because: str
    units: Decimal
    value: Decimal | None
    approved: str
    released: str
    realised: str
    amount: Decimal | None
    currency: str | None
    rate: str


@dataclass(frozen=True)
class Cause:
    """One line of the roll-forward: units, a year's value in reporting currency, the same a currency, and its rows."""

    name: str
    meaning: str
    units: Decimal
    value: Decimal
    amounts: tuple[Decimal, ...]
    rows: tuple[tuple[str, str, Decimal, Decimal], ...]

    @property
    def title(self) -> str:
        return "FX" if self.name == "fx" else self.name.capitalize()


@dataclass(frozen=True)
class Savings:
    """The ladder, what of it is open as seats and as units that nobody has, and the roll-forward of one period."""

    ladder: tuple[Step, ...]
    standing: tuple[Step, ...]
    followed: tuple[Saving, ...]
    currencies: tuple[str, ...]
    causes: tuple[Cause, ...]

    def step(self, name: str) -> Step:
        return next(step for step in self.ladder if step.name == name)


def build(tables: Tables, about: About) -> Savings:
    """The savings of one period; raises InequalityError where the roll-forward does not add up."""
    rows = of_period(tables, "savings", about.period).with_columns(_step().alias("step"))
    roll = of_period(tables, "money_rollforward", about.period).with_columns(pl.col("currency").fill_null("unvalued"))
    currencies = tuple(roll["currency"].unique().sort().to_list())
    causes = tuple(_cause(name, meaning, roll, currencies) for name, meaning in CAUSES)
    _tie(about, tables, rows, causes, currencies)
    ladder = tuple(_total(name, meaning, rows.filter(pl.col("step") == name)) for name, meaning in STEPS)
    is_open = pl.col("state").is_in(OPEN)
    standing = tuple(
        _total(name, meaning, rows.filter(is_open & (pl.col("subject_type") == kind))) for kind, name, meaning in OPENED
    )
    return Savings(ladder, standing, _followed(rows), currencies, causes)


def _step() -> pl.Expr:
    avoided = pl.col("realised_kind") == "avoidance"
    return (
        pl.when(pl.col("state") != "realised").then(pl.col("state").str.replace_all("_", " "))
        .when(~pl.col("verified")).then(pl.lit("realised, unverified"))
        .when(avoided).then(pl.lit("avoided"))
        .otherwise(pl.lit("realised"))
    )  # fmt: skip


def _total(name: str, meaning: str, rows: pl.DataFrame) -> Step:
    values = rows["realised_value" if name == "realised" else "annual_value"]
    units = rows["realised_units" if name == "realised" else "units"]
    return Step(name, meaning, total(units) or Decimal(0), values.null_count(), total(values))


def _cause(name: str, meaning: str, roll: pl.DataFrame, currencies: tuple[str, ...]) -> Cause:
    rows = roll.filter(pl.col("cause") == name).sort("subject", "currency")
    amounts = tuple(_sum(rows.filter(pl.col("currency") == one)["amount"]) for one in currencies)
    listed = rows.select("subject", pl.col("because").fill_null(""), "units", "value").rows()
    shown = () if name in ("opening", "closing") else tuple(listed)
    return Cause(name, meaning, _sum(rows["units"]), _sum(rows["value"]), amounts, shown)


def _sum(values: pl.Series) -> Decimal:
    return sum(values.to_list(), Decimal(0))


def _tie(
    about: About, tables: Tables, rows: pl.DataFrame, causes: tuple[Cause, ...], currencies: tuple[str, ...]
) -> None:
    *steps, closing = causes
    what = f"Savings of {about.period}, opening and changes against closing"
    tie(f"{what}, in units", sum(step.units for step in steps), closing.units)
    tie(f"{what}, in value", sum(step.value for step in steps), closing.value)
    for number, currency in enumerate(currencies):
        tie(f"{what}, in {currency}", sum(step.amounts[number] for step in steps), closing.amounts[number])
    standing = rows.filter(pl.col("state").is_in(OPEN))
    tie(
        f"Savings open in {about.period} against closing, in value", total(standing["annual_value"]) or 0, closing.value
    )
    if about.previous:
        before = of_period(tables, "money_rollforward", about.previous).filter(pl.col("cause") == "closing")
        tie(f"Closing of {about.previous} against opening of {about.period}, in value", _sum(before["value"]),
            causes[0].value)  # fmt: skip


def _followed(rows: pl.DataFrame) -> tuple[Saving, ...]:
    """What somebody decided about, or what is gone; the latest first."""
    beyond = rows.filter(~pl.col("step").is_in(["identified", "kept", "withdrawn"]))
    dated = pl.coalesce("realised_on", "released_on", "approved_on")
    listed = beyond.with_columns(pl.format("snapshot {}", "release_snapshot").alias("snapshot")).sort(
        dated, "subject", "number", descending=[True, False, False], nulls_last=True
    )
    return tuple(
        Saving(
            row["subject"], row["step"], row["because"], row["units"], row["annual_value"],
            _proof(row["approval"], row["approved_on"], row["approved_by"]),
            _proof(row["release"], row["released_on"], row["snapshot"]),
            _proof(row["claim"], row["realised_on"], row["document"]),
            row["realised_amount"], row["realised_currency"],
            f"at {row['rate'].normalize():f} of {row['rate_on']}" if row["rate"] is not None else "",
        )
        for row in listed.iter_rows(named=True)
    )  # fmt: skip


def _proof(number: int | None, on: date | None, what: str | None) -> str:
    """A decision, its day and what stands with it, as far as they are known."""
    return ", ".join(str(part) for part in (f"D{number}" if number else None, on, what) if part)
