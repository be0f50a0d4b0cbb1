"""Licence money: which seat fills which line, what giving it back is worth, and sums that hold to the minor unit."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.rules import discover
from tests.worlds import AS_OF, world
from tieout.reclaim import AMOUNTS, WORTH
from tieout.reconcile import reconcile

RULES = [rule for rule in discover() if rule.grain in ("seat", "line", "product")]
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


def test_no_year_saves_more_than_its_price_where_the_commitment_ends_before_the_term() -> None:
    anytime = {**LINE, "term_end": "2028-12-31", "committed_until": "2026-12-31", "reduction": "anytime"}
    found = tables(10, 1, anytime)["reclaim_candidates"]
    assert [one(found, name) for name in WORTH] == [Decimal(240), Decimal(120), Decimal(0), Decimal(120)]


def test_a_term_paid_at_once_is_refunded_by_its_own_days() -> None:
    at_once = {**LINE, "billing_period": "term", "reduction": "anytime", "refund": "prorata"}
    long = {**at_once, "unit_price": 351, "term_start": "2026-01-15"}
    short = {**at_once, "unit_price": 20, "term_start": "2026-10-20", "term_end": "2026-11-08"}
    assert one(tables(10, 1, long)["reclaim_candidates"], "realisable_now") == Decimal(61)
    assert one(tables(10, 1, short)["reclaim_candidates"], "realisable_now") == Decimal(8)


def test_a_monthly_line_that_ended_with_the_month_before_stops_nothing() -> None:
    ended = {**LINE, "contract_id": "C0", "billing_period": "monthly", "term_end": "2026-09-30"}
    ended |= {"reduction": "anytime", "refund": "prorata"}
    found = tables(10, 1, ended, {**LINE, "term_start": "2026-10-01"})["reclaim_candidates"]
    assert one(found, "contract_id") == "C1"


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


@settings(max_examples=5, deadline=None)
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


def line_of(number: int, terms: tuple[Any, ...]) -> dict[str, Any]:
    """A contract line of made-up terms."""
    quantity, minimum, price, currency, billing, anytime, plan, renews = terms
    return {
        **LINE, "contract_id": f"C{number}", "quantity": quantity, "minimum_quantity": minimum, "unit_price": price,
        "currency": currency, "billing_period": billing, "reduction": "anytime" if anytime else "renewal_only",
        "plan": plan, "auto_renew": renews,
    }  # fmt: skip


CONTRACTS = st.lists(
    st.tuples(
        st.decimals("0", "8", places=1), st.none() | st.integers(0, 12), st.decimals("0.01", "999.99", places=2),
        st.sampled_from(["EUR", *RATES]), st.sampled_from(["monthly", "quarterly", "annual", "term"]), st.booleans(),
        st.sampled_from([None, "a", "b"]), st.booleans(),
    ),
    min_size=1, max_size=5,
)  # fmt: skip
HELD = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.booleans()), max_size=25)


@settings(max_examples=6, deadline=None)
@given(contracts=CONTRACTS, held=HELD, order=st.randoms(use_true_random=False))
def test_the_waterfall_holds_every_unit_once(contracts: list[Any], held: list[Any], order: Any) -> None:
    lines = [line_of(number, terms) for number, terms in enumerate(contracts)]
    seats = [
        {"product": "Pad", "seat_id": f"s{n:03}", "email": f"{n:03}@x.org", "status": "active", "paid": True,
         "plan": plan, "assigned_at": "2026-01-05", "last_active_at": "1970-01-01" if idle else "2026-10-20"}
        for n, (plan, idle) in enumerate(held)
    ]  # fmt: skip
    got = waterfall_of(lines, seats)
    units, found = got["waterfall"], got["reclaim_candidates"]
    sums = units.drop_nulls("contract_id").group_by("contract_id").agg(pl.col("units").sum())
    assert dict(sums.iter_rows()) == {x["contract_id"]: x["quantity"] for x in lines if x["quantity"]}
    assigned = units.filter(pl.col("part") != "unassigned")
    assert assigned["units"].sum() == len(seats)
    of_seats = units.filter(pl.col("bucket").is_not_null() & (pl.col("part") != "unassigned"))
    assert of_seats["units"].sum() == found.height == found["seat_id"].n_unique()
    for name in AMOUNTS:
        assert (of_seats[name].drop_nulls().sum() or 0) == (found[name].drop_nulls().sum() or 0), name
        assert all(
            value == rounded_as(value, currency, name) for value, currency in units.select(name, "currency").rows()
        )
    cash = units.drop_nulls("this_year_amount")
    within = pl.col("this_year_amount") + pl.col("next_year_amount") <= (
        pl.col("realisable_now_amount") + pl.col("at_renewal_amount") + pl.col("units").abs() * Decimal("0.02")
    )
    assert cash.filter(~pl.col("currency").is_in(["JPY"]) & ~within).is_empty()
    spared = units.filter((pl.col("bucket") != "reducible").fill_null(False))
    assert all(not value for name in WORTH for value in spared[name].drop_nulls())
    for row in got["entitlement_positions"].iter_rows(named=True):
        free = units.filter((pl.col("contract_id") == row["contract_id"]) & (pl.col("bucket") == "reducible"))["units"]
        assert row["quantity"] - (free.sum() or 0) >= min(row["quantity"], row["minimum_quantity"] or 0)
    order.shuffle(lines)
    order.shuffle(seats)
    again = waterfall_of(lines, seats)
    for name in ("waterfall", "reclaim_candidates", "entitlement_positions"):
        assert again[name].equals(got[name]), name


def waterfall_of(lines: list[dict[str, Any]], seats: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    rates = [{"currency": c, "as_of": "2026-10-30", "rate": rate} for c, rate in RATES.items()]
    people = [
        {"person_id": seat["seat_id"], "full_name": "N", "email": seat["email"], "status": "active"} for seat in seats
    ]
    feeds = {"people": people, "seats": seats, "entitlements": lines, "fx_rates": rates}
    return reconcile(world(feeds, sources=COVERS), RULES)


COVERS = [{"name": "seats", "feed": "seats", "covers": ["Pad"]}]


def rounded_as(value: Decimal | None, currency: str | None, name: str) -> Decimal | None:
    """An amount at its currency's minor unit; those without `_amount` are in euro."""
    home = not name.endswith("_amount")
    places = 2 if home else {"JPY": 0, "KWD": 3}.get(str(currency), 2)
    return None if value is None else round(value, places)


def test_a_line_never_gives_back_more_than_it_has() -> None:
    lines = [{**LINE, "contract_id": "C1", "quantity": "1.9"}, {**LINE, "contract_id": "C2", "quantity": "0.6"}]
    idle = {"product": "Pad", "status": "active", "paid": True, "last_active_at": "1970-01-01"}
    seats = [{**idle, "seat_id": s, "email": s, "assigned_at": "2026-01-05"} for s in ("i1", "i2", "i3")]
    units = waterfall_of(lines, seats)["waterfall"].filter(pl.col("bucket") == "reducible")
    given = units.group_by("contract_id").agg(pl.col("units").sum())
    assert dict(given.iter_rows()) == {"C1": Decimal("1.9")}


def test_kept_seats_without_a_plan_take_the_place_of_reclaimable_ones() -> None:
    line = {**LINE, "plan": "a", "quantity": 2}
    kept = {"product": "Pad", "status": "active", "paid": True, "last_active_at": "2026-10-20"}
    idle = {**kept, "plan": "a", "last_active_at": "1970-01-01", "assigned_at": "2026-01-05"}
    seats = [{**idle, "seat_id": s, "email": s} for s in ("i1", "i2")]
    got = waterfall_of([line], [*seats, {**kept, "seat_id": "k1", "email": "k1"}])["reclaim_candidates"]
    assert dict(got.select("seat_id", "bucket").iter_rows()) == {"i1": "reducible", "i2": "true_up_avoided"}


def test_a_product_no_console_shows_has_spend_but_no_idle_units() -> None:
    support = {**LINE, "contract_id": "C9", "product": "Support", "metric": "site", "quantity": 1}
    got = waterfall_of([{**LINE, "product": "Quiet"}, support], [])
    told = got["entitlement_positions"].select("contract_id", "observed", "unassigned", "annual_spend")
    assert told.rows() == [("C1", False, None, 1200), ("C9", False, None, 120)]
    assert got["waterfall"].is_empty()
    assert "unassigned-seats" not in got["findings"]["rule"].to_list()


def test_fiscal_years_hold_the_cash_of_the_periods_that_begin_in_them() -> None:
    monthly = {**LINE, "billing_period": "monthly", "unit_price": 10, "reduction": "anytime"}
    found = tables(10, 1, monthly)["reclaim_candidates"]
    assert found.select("realisable_now", "this_year", "next_year").row(0) == (20, 20, 120)
    annual = {**LINE, "term_start": "2025-12-01", "term_end": "2026-11-30"}
    assert tables(10, 1, annual)["reclaim_candidates"].select("this_year", "next_year").row(0) == (120, 0)
    bound = {**annual, "auto_renew": True, "notice_days": 60}
    assert tables(10, 1, bound)["reclaim_candidates"].select("this_year", "next_year").row(0) == (0, 0)
    people = [{"person_id": "s", "full_name": "N", "email": "s", "status": "active"}]
    seats = [{"product": "Pad", "seat_id": "s", "email": "s", "status": "active", "paid": True,
              "assigned_at": "2026-01-05", "last_active_at": "1970-01-01"}]  # fmt: skip
    feeds: dict[str, Any] = {"people": people, "seats": seats, "entitlements": [monthly]}
    april = reconcile(world(feeds, policy={"fiscal_year_start": 4}), RULES)["reclaim_candidates"]
    assert april.select("this_year", "next_year").row(0) == (50, 90)  # November to March, April to December
