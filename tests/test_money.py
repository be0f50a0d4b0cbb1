"""Licence money: which seat fills which line, what giving it back is worth, and sums that hold to the minor unit."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.rules import discover
from tests.worlds import AS_OF, world
from tieout.reconcile import reconcile

RULES = discover()
LINE = {
    "contract_id": "C1", "line_no": "1", "vendor": "V", "product": "Pad", "quantity": 10, "unit_price": 120,
    "currency": "EUR", "billing_period": "annual", "term_start": "2026-01-01", "term_end": "2026-12-31",
}  # fmt: skip


def tables(seats: int, unused: int, *lines: dict[str, Any], as_of: datetime = AS_OF) -> dict[str, pl.DataFrame]:
    """A product with so many seats, the last `unused` of them never used, and its contract lines."""
    people = [
        {
            "person_id": f"p{n:03}",
            "full_name": "N",
            "email": f"{n:03}@x.org",
            "status": "active",
            "employment_type": "contractor",
        }
        for n in range(seats)
    ]
    held = [
        {"product": "Pad", "seat_id": f"s{n:03}", "email": f"{n:03}@x.org", "status": "active", "paid": True,
         "assigned_at": "2026-01-05", "last_active_at": "1970-01-01" if n >= seats - unused else "2026-10-20"}
        for n in range(seats)
    ]  # fmt: skip
    rates = [{"currency": c, "as_of": "2026-10-30", "rate": rate} for c, rate in RATES.items()]
    return reconcile(
        world({"people": people, "seats": held, "entitlements": lines, "fx_rates": rates}, as_of=as_of), RULES
    )


RATES = {"USD": "0.9234", "GBP": "1.1571", "JPY": "0.00612", "KWD": "2.9876"}


def one(frame: pl.DataFrame, column: str) -> Any:
    (value,) = frame[column].unique().to_list()
    return value


def test_a_renewal_only_line_in_mid_term_saves_nothing_now_and_a_year_at_renewal() -> None:
    found = tables(10, 2, LINE)["reclaim_candidates"]
    assert found["reason"].to_list() == ["unused-seat", "unused-seat"]
    assert one(found, "realisable_now") == Decimal(0)
    assert one(found, "at_renewal") == Decimal(120)
    assert str(one(found, "decide_by")) == "2026-11-01"


def test_an_annual_commitment_billed_monthly_saves_nothing_now() -> None:
    found = tables(10, 1, {**LINE, "billing_period": "monthly", "unit_price": 10})["reclaim_candidates"]
    assert one(found, "realisable_now") == Decimal(0)
    assert one(found, "annual_value") == Decimal(120)


def test_a_line_that_may_shrink_anytime_saves_the_periods_ahead() -> None:
    monthly = {**LINE, "billing_period": "monthly", "unit_price": 10, "reduction": "anytime"}
    assert one(tables(10, 1, monthly)["reclaim_candidates"], "realisable_now") == Decimal(20)
    quarterly = {**monthly, "billing_period": "quarterly", "unit_price": 30}
    assert one(tables(10, 1, quarterly)["reclaim_candidates"], "realisable_now") == Decimal(0)
    refunded = {**quarterly, "refund": "prorata"}
    expected = (Decimal(30) * 61 / 92).quantize(Decimal("0.01"))
    assert one(tables(10, 1, refunded)["reclaim_candidates"], "realisable_now") == expected


def test_a_perpetual_line_has_neither() -> None:
    found = tables(10, 1, {**LINE, "term_end": None, "reduction": "anytime"})["reclaim_candidates"]
    assert found.select("realisable_now", "at_renewal").row(0) == (None, None)


def test_the_following_lines_price_counts_at_renewal() -> None:
    following = {**LINE, "contract_id": "C2", "term_start": "2027-01-01", "term_end": "2027-12-31", "unit_price": 150}
    found = tables(10, 1, LINE, following)["reclaim_candidates"]
    assert one(found, "at_renewal") == Decimal(150)
    assert one(found, "annual_value") == Decimal(120)


def test_the_minimum_is_paid_anyway_and_overflow_avoids_a_true_up() -> None:
    found = tables(10, 4, {**LINE, "minimum_quantity": 8})["reclaim_candidates"]
    assert dict(found.group_by("bucket").len().iter_rows()) == {"reducible": 2, "below_minimum": 2}
    assert found["at_renewal"].sum() == Decimal(240)
    over = tables(12, 4, LINE)["reclaim_candidates"]
    assert dict(over.group_by("bucket").len().iter_rows()) == {"reducible": 2, "true_up_avoided": 2}
    assert over.filter(pl.col("bucket") == "true_up_avoided")["annual_value"].null_count() == 2


def test_a_successor_counts_from_the_day_after() -> None:
    following = {**LINE, "contract_id": "C2", "term_start": "2026-10-15", "term_end": "2027-10-14", "quantity": 8}
    ending = {**LINE, "term_end": "2026-11-10"}
    positions = tables(9, 0, ending, following)["entitlement_positions"]
    assert dict(positions.select("contract_id", "in_force").iter_rows()) == {"C1": True, "C2": False}
    later = tables(9, 0, ending, following, as_of=datetime(2026, 11, 11, 12, tzinfo=UTC))
    assert dict(later["entitlement_positions"].select("contract_id", "in_force").iter_rows()) == {
        "C1": False,
        "C2": True,
    }


@settings(max_examples=8, deadline=None)
@given(
    lines=st.lists(
        st.tuples(
            st.integers(0, 12), st.integers(0, 6), st.decimals("0.01", "999.99", places=2),
            st.sampled_from(["EUR", *RATES]), st.sampled_from(["monthly", "quarterly", "annual", "term"]),
            st.booleans(),
        ),
        min_size=1, max_size=5,
    ),
    seats=st.integers(1, 25),
    unused=st.integers(0, 25),
)  # fmt: skip
def test_every_unit_stands_in_one_place_and_totals_are_their_lines(lines: list[Any], seats: int, unused: int) -> None:
    contracts = [
        {**LINE, "contract_id": f"C{n}", "quantity": quantity, "minimum_quantity": minimum, "unit_price": price,
         "currency": currency, "billing_period": billing, "reduction": "anytime" if anytime else "renewal_only"}
        for n, (quantity, minimum, price, currency, billing, anytime) in enumerate(lines)
    ]  # fmt: skip
    got = tables(seats, min(seats, unused), *contracts)
    positions, found = got["entitlement_positions"].filter("in_force"), got["reclaim_candidates"]
    parts = pl.col("kept") + pl.col("reclaimable") + pl.col("unassigned")
    assert positions.filter(pl.col("quantity") != parts).is_empty()
    placed = int(positions["assigned"].sum())
    overflow = max(0, seats - int(positions["quantity"].sum()))
    assert placed + overflow == seats
    for amount, currency in (("annual_value", "EUR"), ("at_renewal", "EUR")):
        cents = found[amount].drop_nulls()
        assert all(value == value.quantize(Decimal("0.01")) for value in cents), currency
    yen = found.filter(pl.col("currency") == "JPY")["annual_amount"].drop_nulls()
    assert all(value == value.to_integral_value() for value in yen)
    fired = got["findings"].filter((pl.col("outcome") == "fired") & (pl.col("rule") == "unused-seat"))
    runs = got["rule_runs"].filter(pl.col("rule") == "unused-seat")
    assert (runs["value"].item() or 0) == (fired["value"].drop_nulls().sum() or 0)
    assert found["annual_value"].drop_nulls().sum() == fired["value"].drop_nulls().sum()
