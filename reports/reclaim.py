"""Licences that may be given back: what fills every contract line, every candidate, and what became of savings.

Identified, approved, released and realised amounts stand apart; only realised ones are cash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import polars as pl

from reports import listing, savings
from reports.about import About
from reports.charts import Step, Waterfall
from reports.controls import held
from reports.entries import ANSWERS, answerable
from reports.listing import Column, Listing
from reports.page import money
from reports.prose import read
from reports.renewals import Renewal, renewals
from reports.tables import Tables, of_period, scanned, silent, summed, tie, total
from tieout.money import rounded

NO_LINE = "no contract line"
DOES = {
    "reducible": "reduces the line",
    "below_minimum": "minimum is paid anyway",
    "true_up_avoided": "avoids a true-up",
}
"""What giving back does, by the bucket of a seat."""
COLUMNS = (
    Column("subject", "Product and seat"),
    Column("title", "Reason", facet=True, link="reconciliation.html#", to="exception_id"),
    Column("person_id", "Person"),
    Column("last_use", "Last use"),
    Column("cost_center", "Cost centre", facet=True),
    Column("contract", "Line", facet=True),
    Column("annual_value", "A year", "money"),
    Column("realisable_now", "Now", "money"),
    Column("at_renewal", "At renewal", "money"),
    Column("decide_by", "Decide by", "date"),
    Column("product", "Product", facet=True, shown=False),
    Column("vendor", "Vendor", facet=True, shown=False),
    Column("hold", "On hold", facet=True, shown=False),
    Column("does", "What giving it back does", facet=True, shown=False),
    Column("annual_amount", "A year, as contracted", "money", shown=False, currency="currency"),
    Column("realisable_now_amount", "Now, as contracted", "money", shown=False, currency="currency"),
    Column("at_renewal_amount", "At renewal, as contracted", "money", shown=False, currency="currency"),
    Column("currency", "Currency", shown=False),
    Column("this_year", "Cash this fiscal year", "money", shown=False),
    Column("next_year", "Cash next fiscal year", "money", shown=False),
    Column("reduction", "May be given back", shown=False),
    Column("committed_until", "Committed until", "date", shown=False),
    Column("reason", "Rule", shown=False),
    Column("exception_id", "Exception", shown=False),
    Column("may", "May", shown=False),
)


@dataclass(frozen=True)
class Position:
    """One contract line in force: quantity = kept + reclaimable + unassigned, in units.

    Values are a year's price in the line's currency and in reporting currency; None = without a price or a rate.
    """

    contract_id: str
    line_no: str
    vendor: str
    product: str
    plan: str | None
    term_end: date | None
    minimum_quantity: Decimal | None
    quantity: Decimal
    kept: int
    reclaimable: int
    unassigned: Decimal
    currency: str
    price: Decimal | None
    reclaimable_amount: Decimal | None
    unassigned_amount: Decimal | None
    reclaimable_value: Decimal | None
    unassigned_value: Decimal | None


@dataclass(frozen=True)
class Total:
    """Candidates of one product, vendor, contract, cost centre or reason: seats, those unvalued, what others are worth.

    A year's value, what can be realised now and what from renewal on; None where no seat has one.
    """

    name: str
    seats: int
    unvalued: int
    value: Decimal | None
    now: Decimal | None
    renewal: Decimal | None
    this_year: Decimal | None
    next_year: Decimal | None


@dataclass(frozen=True)
class Bucket:
    """What giving back does to units of the waterfall: how many, and what they save; None = unvalued."""

    part: str
    bucket: str
    units: Decimal
    value: Decimal | None
    now: Decimal | None
    renewal: Decimal | None


@dataclass(frozen=True)
class Unobserved:
    """A contract line whose product no console shows: its spend a year, which no rule can judge."""

    product: str
    vendor: str
    line: str
    metric: str
    quantity: Decimal
    amount: Decimal | None
    currency: str
    value: Decimal | None


@dataclass(frozen=True)
class CurrencyTotal:
    """Candidates whose line is priced in one currency, as it is priced and in reporting currency."""

    currency: str
    seats: int
    unconverted: int
    amount: Decimal
    value: Decimal | None


@dataclass(frozen=True)
class Exposure:
    """An open exception that reclaimed seats should cure first: seats used beyond, or without, a contract."""

    exception_id: str
    title: str
    subject: str
    value: Decimal | None


@dataclass(frozen=True)
class Rate:
    """What one unit of a currency is worth in reporting currency, and since which day."""

    currency: str
    rate: Decimal
    rate_on: date


@dataclass(frozen=True)
class Reclaim:
    """Everything the page shows. `seats` are its candidates as the table has them, with vendor, last use and exception;
    `signed` is who signed it, in words, None while nobody has; `missing` the feeds that are not delivered whole.
    """

    identified: Total
    decide_soonest: date | None
    units: Mapping[str, Decimal]
    idle_value: Decimal
    exposed: Decimal | None
    overcharged: Decimal | None
    unobserved_spend: Decimal | None
    idle_unvalued: Decimal
    exposures: tuple[Exposure, ...]
    overcharges: tuple[Exposure, ...]
    by_product: tuple[Total, ...]
    by_vendor: tuple[Total, ...]
    by_contract: tuple[Total, ...]
    by_cost_center: tuple[Total, ...]
    by_reason: tuple[Total, ...]
    by_currency: tuple[CurrencyTotal, ...]
    positions: tuple[Position, ...]
    not_filled: int
    seats: pl.DataFrame
    candidates: Listing
    buckets: tuple[Bucket, ...]
    unobserved: tuple[Unobserved, ...]
    renewals: tuple[Renewal, ...]
    rates: tuple[Rate, ...]
    savings: savings.Savings
    waterfall: Waterfall
    missing: tuple[str, ...]
    signed: str | None

    def silent(self, *feeds: str) -> tuple[str, ...]:
        """Which of some feeds are not delivered whole, so that nothing follows from what is absent there."""
        return tuple(feed for feed in self.missing if feed in feeds)

    @property
    def soon(self) -> tuple[Renewal, ...]:
        """The renewals that must be decided within 60 days: the earliest first, then what saves most."""
        soon = (one for one in self.renewals if one.soon and one.decide_by)
        return tuple(sorted(soon, key=lambda one: (one.decide_by, -(one.saves or 0))))


def build(tables: Tables, about: About, rules: Mapping[str, str]) -> Reclaim:
    """The page of one period; raises InequalityError where units, seats or amounts do not add up."""
    lines = of_period(tables, "entitlement_positions", about.period)
    seats = _seats(tables, about, lines, rules)
    identified = _total("all", seats)
    tie("Seats shown against candidates", seats.height, of_period(tables, "reclaim_candidates", about.period).height)
    positions = _positions(lines.filter(pl.col("assigned").is_not_null()), seats, about.reporting_currency)
    totals = {name: _totals(seats, name) for name in ("product", "vendor", "contract", "cost_center", "reason")}
    by_currency = _by_currency(seats)
    tie("Identified value by currency against all", _sum(by_currency), identified.value or Decimal(0))
    for name, parts in totals.items():
        tie(f"Identified value by {name} against all", _sum(parts), identified.value or Decimal(0))
        tie(f"Identified seats by {name} against all", sum(t.seats for t in parts), identified.seats)
    climbed = savings.build(tables, about)
    exposures = _exposures(tables, about, rules, pl.col("subject_type") == "product")
    overcharges = _exposures(tables, about, rules, pl.col("value_kind") == "overcharge")
    unobserved = _unobserved(lines)
    return Reclaim(
        identified=identified,
        decide_soonest=min((day for day in lines["decide_by"] if day and day >= about.today), default=None),
        units={
            name: sum((Decimal(getattr(line, name)) for line in positions), Decimal(0))
            for name in ("quantity", "kept", "reclaimable", "unassigned")
        },
        idle_value=sum((line.unassigned_value or Decimal(0) for line in positions), Decimal(0)),
        idle_unvalued=sum((line.unassigned for line in positions if line.unassigned_value is None), Decimal(0)),
        exposed=_worth(exposures),
        overcharged=_worth(overcharges),
        unobserved_spend=_worth(unobserved),
        exposures=exposures,
        overcharges=overcharges,
        by_product=totals["product"],
        by_vendor=totals["vendor"],
        by_contract=totals["contract"],
        by_cost_center=totals["cost_center"],
        by_reason=tuple(replace(t, name=read(t.name, rules.get(t.name, "")).title) for t in totals["reason"]),
        by_currency=by_currency,
        positions=positions,
        not_filled=lines.height - len(positions),
        seats=seats,
        candidates=listing.build("candidates", "Seats that may be given back", COLUMNS, seats, about, answers=ANSWERS),
        buckets=_buckets(tables, about, lines),
        unobserved=unobserved,
        renewals=renewals(tables, about),
        rates=tuple(
            Rate(*row)
            for row in of_period(tables, "rates", about.period)
            .select("currency", "rate", "rate_on")
            .sort("currency")
            .rows()
        ),
        savings=climbed,
        waterfall=Waterfall(
            "Open savings, a year's price",
            tuple(
                Step(cause.title, cause.value, money(cause.value, about.reporting_currency)) for cause in climbed.causes
            ),
        ),
        missing=silent(tables, about, "seats", "entitlements", "invoices"),
        signed=_signed(tables, about),
    )


def _worth(ones: Sequence[Exposure | Unobserved]) -> Decimal | None:
    """What they are worth together; None where there are some and none has a value."""
    return total(pl.Series([one.value for one in ones], dtype=pl.Decimal(38, 10)))


def _signed(tables: Tables, about: About) -> str | None:
    """Who signed the reclaim of the period last, and whether that still holds; it is signed after the period's end."""
    of_month = (pl.col("exception_id") == f"reclaim/{about.period}") & (pl.col("kind") == "approve")
    approved = tables["decisions"].lazy().filter(of_month & pl.col("state").is_in(["counts", "later"])).collect()
    if approved.is_empty():
        return None
    last = approved.sort("seq").row(-1, named=True)
    return str(last["decision"]) if last["document"] == about.reclaim else f"{last['decision']}: VOID, it changed since"


def _buckets(tables: Tables, about: About, lines: pl.DataFrame) -> tuple[Bucket, ...]:
    """The waterfall by what giving back does; its seats are the candidates on lines that an alive console shows."""
    rows = of_period(tables, "waterfall", about.period).filter(pl.col("bucket").is_not_null())
    rows = rows.with_columns(
        pl.when(pl.col("part") == "unassigned").then("part").otherwise(pl.lit("assigned")).alias("part")
    )
    told = lines.filter(pl.col("observed").fill_null(False)).select("contract_id", "line_no")
    candidates = of_period(tables, "reclaim_candidates", about.period)
    seats = candidates.filter(pl.col("contract_id").is_null()).height + candidates.join(told, on=told.columns).height
    assigned = rows.filter(pl.col("part") == "assigned")
    tie("Seats of the waterfall against candidates", total(assigned["units"]) or Decimal(0), seats)
    return tuple(
        Bucket(str(part), str(bucket), total(group["units"]) or Decimal(0), total(group["annual_value"]),
               total(group["realisable_now"]), total(group["at_renewal"]))
        for (part, bucket), group in sorted(rows.group_by("part", "bucket"), key=lambda item: item[0], reverse=True)
    )  # fmt: skip


def _unobserved(lines: pl.DataFrame) -> tuple[Unobserved, ...]:
    """Lines within their dates whose product no console shows or covers, the dearest first."""
    rows = lines.filter(~pl.col("observed").fill_null(True) & pl.col("annual_spend_amount").is_not_null())
    listed = rows.sort("annual_spend", "product", "contract_id", descending=[True, False, False], nulls_last=True)
    return tuple(
        Unobserved(*row)
        for row in listed.select(
            "product", "vendor", pl.concat_str("contract_id", "line_no", separator="/"), "metric", "quantity",
            "annual_spend_amount", "currency", "annual_spend",
        ).iter_rows()
    )  # fmt: skip


def _seats(tables: Tables, about: About, lines: pl.DataFrame, rules: Mapping[str, str]) -> pl.DataFrame:
    """Every candidate with the vendor of its line, its last use and its exception; the earliest decision first."""
    found = (
        of_period(tables, "exceptions", about.period)
        .filter(pl.col("status") != "resolved")
        .select("exception_id", "subject", reason="rule", may=answerable(about))
        .unique(["subject", "reason"], keep="first", maintain_order=True)
    )
    candidates = of_period(tables, "reclaim_candidates", about.period)
    seat = ["product", "seat_id"]
    used = (
        scanned(tables, "seats", about.period)
        .select(*seat, "last_active_on", "never_used")
        .join(candidates.lazy(), on=seat, how="semi")
        .unique(seat)
        .collect()
    )
    titles = {rule: read(rule, rules.get(rule, "")).title for rule in candidates["reason"].unique()}
    last_use = pl.when("never_used").then(pl.lit("never")).otherwise(pl.col("last_active_on").cast(pl.String))
    return (
        candidates.with_columns(pl.concat_str("product", "seat_id", separator="/").alias("subject"))
        .join(found, on=["subject", "reason"], how="left", maintain_order="left")
        .join(lines.select("contract_id", "line_no", "vendor"), on=["contract_id", "line_no"], how="left")
        .join(used, on=seat, how="left")
        .with_columns(
            pl.col("vendor").fill_null(NO_LINE),
            pl.concat_str("contract_id", "line_no", separator="/").fill_null(NO_LINE).alias("contract"),
            pl.col("cost_center").fill_null("none told"),
            pl.col("reason").replace_strict(titles, default=None, return_dtype=pl.String).alias("title"),
            pl.when(pl.col("product").is_in(held(tables, about, "product"))).then(pl.lit("hold")).alias("hold"),
            pl.col("bucket").replace_strict(DOES, return_dtype=pl.String).alias("does"),
            last_use.fill_null("unknown").alias("last_use"),
        )
        .sort("decide_by", "product", "seat_id", nulls_last=True)
    )


def _positions(lines: pl.DataFrame, seats: pl.DataFrame, home: str) -> tuple[Position, ...]:
    """Every line in force with what fills it and what that costs a year."""
    by_line = (
        seats.filter(pl.col("contract_id").is_not_null())
        .group_by("contract_id", "line_no")
        .agg(
            pl.len().alias("candidates"),
            *(pl.when(pl.col(c).null_count() == 0).then(pl.col(c).sum()).alias(c) for c in
              ("annual_amount", "annual_value")),
        )
    )  # fmt: skip
    currency = pl.col("currency")
    rows = (
        lines.join(by_line, on=["contract_id", "line_no"], how="left", maintain_order="left")
        .with_columns(pl.col("candidates").fill_null(0))
        .with_columns(
            rounded(pl.col("unassigned") * pl.col("annual_price_amount"), currency).alias("unassigned_amount"),
            rounded(pl.col("unassigned") * pl.col("annual_price"), pl.lit(home)).alias("unassigned_value"),
            *(
                pl.when(pl.col("reclaimable") > 0)
                .then(f"annual_{kind}")
                .otherwise(pl.lit(0).cast(lines.schema["annual_price"]))
                .alias(f"reclaimable_{kind}")
                for kind in ("amount", "value")
            ),
        )
        .sort("product", "vendor", "contract_id", "line_no")
    )
    for row in rows.select(
        "contract_id", "line_no", "quantity", "kept", "reclaimable", "unassigned", "candidates"
    ).iter_rows(named=True):
        name = f"{row['contract_id']}/{row['line_no']}"
        parts = row["kept"] + row["reclaimable"] + row["unassigned"]
        tie(f"Quantity of {name} against kept, reclaimable and unassigned", row["quantity"], parts)
        tie(f"Reclaimable seats of {name} against its candidates", row["reclaimable"], row["candidates"])
    shown = rows.select(
        "contract_id", "line_no", "vendor", "product", "plan", "term_end", "minimum_quantity", "quantity", "kept",
        "reclaimable", "unassigned", "currency", pl.col("annual_price_amount").alias("price"),
        "reclaimable_amount", "unassigned_amount", "reclaimable_value", "unassigned_value",
    )  # fmt: skip
    return tuple(Position(**row) for row in shown.iter_rows(named=True))


_COUNTED = (
    pl.len(),
    pl.col("annual_value").null_count().alias("unvalued"),
    *(summed(name) for name in ("annual_value", "realisable_now", "at_renewal", "this_year", "next_year")),
)
"""What a total says of its seats."""


def _total(name: str, seats: pl.DataFrame) -> Total:
    return Total(name, *seats.select(_COUNTED).row(0))


def _totals(seats: pl.DataFrame, column: str) -> tuple[Total, ...]:
    """One total a value of a column, the highest first."""
    totals = [Total(str(name), *counted) for name, *counted in seats.group_by(column).agg(_COUNTED).iter_rows()]
    return tuple(sorted(totals, key=lambda t: (-(t.value or 0), t.name)))


def _sum(parts: Sequence[Total | CurrencyTotal]) -> Decimal:
    return sum((part.value or Decimal(0) for part in parts), Decimal(0))


def _by_currency(seats: pl.DataFrame) -> tuple[CurrencyTotal, ...]:
    """One total a currency; seats without a price are in none."""
    parts = seats.filter(pl.col("annual_amount").is_not_null()).group_by("currency")
    return tuple(
        CurrencyTotal(str(currency), part.height, part["annual_value"].null_count(),
                      sum(part["annual_amount"].to_list(), Decimal(0)), total(part["annual_value"]))
        for (currency,), part in sorted(parts, key=lambda group: str(group[0]))
    )  # fmt: skip


def _exposures(tables: Tables, about: About, rules: Mapping[str, str], which: pl.Expr) -> tuple[Exposure, ...]:
    rows = (
        of_period(tables, "exceptions", about.period)
        .filter(which & (pl.col("status") != "resolved"))
        .sort("subject", "rule")
        .select("exception_id", "rule", "subject", "value")
    )
    return tuple(
        Exposure(exception_id, read(rule, rules.get(rule, "")).title, subject, value)
        for exception_id, rule, subject, value in rows.iter_rows()
    )
