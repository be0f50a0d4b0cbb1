"""Stories of licences: consoles that fall silent, suites within suites, names a product goes by, bills and credits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.test_stories import ADA
from tests.test_stories_out import following
from tests.worlds import PERIOD, SOURCES, staged, world
from tieout.docket import judge_all
from tieout.facts import invoice_line, seat
from tieout.facts.ground import Ground
from tieout.reconcile import reconcile
from tieout.usage import usage_of
from tieout.world import World

RULES = [rule for rule in discover() if rule.grain in ("seat", "line", "invoice_line")]
SEAT = {
    "product": "Pad", "seat_id": "s1", "email": "ada@x.org", "status": "active", "paid": True,
    "assigned_at": "2026-01-05", "last_active_at": "2026-10-30",
}  # fmt: skip
SUITE = {**SEAT, "product": "Suite"}
LINE = {
    "contract_id": "C1", "line_no": "1", "vendor": "V", "product": "Pad", "quantity": 10, "unit_price": 120,
    "currency": "EUR", "billing_period": "annual", "term_start": "2026-01-01", "term_end": "2026-12-31",
}  # fmt: skip
BILL = {
    "invoice_id": "I1", "line_no": "1", "vendor": "V", "product": "Pad", "contract_id": "C1", "quantity": 10,
    "amount": 100, "currency": "EUR", "period_start": "2026-10-01", "period_end": "2026-10-31",
}  # fmt: skip


def consoles(seats: Mapping[str, Sequence[Mapping[str, Any]]], verdicts: Mapping[str, str], **tables: Any) -> World:
    """Ada's seats as several consoles show them; `s` always covers the suite, whatever it shows."""
    rows = pl.concat([staged("seats", seats.get(source, []), source=source) for source in verdicts])
    w = world({"people": [ADA], "seats": rows}, **tables)
    told = [{"period": PERIOD, "feed": "seats", "source": s, "verdict": v} for s, v in verdicts.items()]
    others = w.sources.filter(pl.col("feed") != "seats")
    return replace(w, sources=pl.concat([others, pl.DataFrame(told, schema=SOURCES)]))


def judged(w: World, grain: ModuleType, *slugs: str) -> dict[str, pl.DataFrame]:
    """What a few rules say of one grain, without all the rest of a month."""
    facts = grain.build(Ground(w))
    return judge_all([rule for rule in RULES if rule.slug in slugs], {facts.name: facts}, w)


def counts(w: World, rule: str) -> tuple[int, int, int]:
    """How many seats fired, are clean, were not evaluated."""
    runs = judged(w, seat, rule)["rule_runs"]
    fired, clean, not_evaluated = runs.select("fired", "clean", "not_evaluated").row(0)
    return fired, clean, not_evaluated


def bills(
    *more: Mapping[str, Any], lines: Sequence[Mapping[str, Any]] = (LINE,), **tables: Any
) -> list[tuple[str, str]]:
    """Which bills are more than the contract allows, and by how much."""
    w = world({"entitlements": lines, "invoices": more}, **tables)
    found = judged(w, invoice_line, "overbilled")["findings"]
    fired = found.filter(pl.col("outcome") == "fired").sort("subject")
    return [(subject, f"{value:.2f}") for subject, value in fired.select("subject", "value").iter_rows()]


def test_that_there_is_no_second_seat_is_not_told_by_a_console_that_is_not_whole() -> None:
    other = {**SEAT, "seat_id": "s2"}
    assert counts(consoles({"a": [SEAT, other]}, {"a": "AMBER"}), "duplicate-seat") == (1, 0, 1)
    assert counts(consoles({"a": [SEAT]}, {"a": "AMBER"}), "duplicate-seat") == (0, 0, 1)
    assert counts(consoles({"a": [SEAT]}, {"a": "GREEN"}), "duplicate-seat") == (0, 1, 0)


@pytest.mark.parametrize(
    ("uses", "fired"),
    [
        (("2026-10-30", "2026-10-01"), ["Pad/s2"]),
        (("2026-10-30", None), []),
        ((None, None), ["Pad/s2"]),
        (("1970-01-01", None), []),
        ((None, "1970-01-01"), ["Pad/s2"]),
    ],
)
def test_which_of_two_seats_is_too_many_asks_for_the_use_of_both_or_of_neither(
    uses: tuple[str | None, str | None], fired: list[str]
) -> None:
    both = [{**SEAT, "seat_id": f"s{n}", "last_active_at": used} for n, used in enumerate(uses, 1)]
    found = judged(world({"people": [ADA], "seats": both}), seat, "duplicate-seat")["findings"]
    assert found["subject"].to_list() == fired


def test_an_account_that_two_rows_tell_differently_may_be_active() -> None:
    account = {"account_id": "a1", "username": "ada", "email": "ada@x.org", "kind": "human", "status": "deprovisioned"}
    told = {"people": [ADA], "seats": [SEAT]}
    assert counts(world({**told, "accounts": [account]}), "deprovisioned-seat") == (1, 0, 0)
    twice = [account, {**account, "status": "active"}]
    assert counts(world({**told, "accounts": twice}), "deprovisioned-seat") == (0, 0, 0)


def test_that_nobody_has_the_suite_is_not_told_while_its_console_is_silent() -> None:
    covers = pl.DataFrame({"feed": ["seats"], "source": ["s"], "kind": ["suite"]})
    told = {"products": {"Suite": {"includes": ["Pad"]}}, "memory": {"memory_coverage": covers}}
    both = {"a": [SEAT], "s": [SUITE]}
    assert counts(consoles(both, {"a": "GREEN", "s": "GREEN"}, **told), "bundled-seat") == (1, 1, 0)
    assert counts(consoles({"a": [SEAT]}, {"a": "GREEN", "s": "RED"}, **told), "bundled-seat") == (0, 0, 1)
    assert counts(consoles({"a": [SEAT]}, {"a": "GREEN", "s": "GREEN"}, **told), "bundled-seat") == (0, 1, 0)


def test_a_suite_includes_what_its_parts_include_by_any_of_their_names() -> None:
    products = {"Mega": {"includes": ["Suite Pro"]}, "Suite": {"aliases": ["Suite Pro"], "includes": ["Pad"]}}
    mega = {**SEAT, "product": "Mega"}
    assert counts(consoles({"a": [SEAT, mega]}, {"a": "GREEN"}, products=products), "bundled-seat") == (1, 1, 0)


def test_a_route_and_a_source_may_name_a_product_by_its_alias() -> None:
    tables = {
        "products": {"Pad": {"aliases": ["Pad Inc"]}},
        "routes": [{"owner": "pads", "product": ["PAD"]}],
        "sources": [{"name": "a", "feed": "seats", "covers": ["Pad inc"]}],
    }
    w = world({"seats": staged("seats", [], source="a"), "entitlements": [{**LINE, "product": "Pad Inc"}]}, **tables)
    found = reconcile(w, RULES)["findings"].filter(pl.col("outcome") == "fired")
    assert found.select("rule", "subject", "owner").rows() == [("unassigned-seats", "C1/1", "pads")]


def test_bills_of_months_without_contracts_are_judged_once_the_contracts_are_back() -> None:
    dear = [{**BILL, "invoice_id": p, "period_start": f"{p}-01", "period_end": f"{p}-28", "amount": 120,
             "_period": p} for p in ("2026-07", "2026-08", "2026-09", "2026-10")]  # fmt: skip
    months = [
        world({"entitlements": [LINE] if verdict == "GREEN" else [],
               "invoices": [bill for bill in dear if bill["_period"] <= p]},
              period=p, as_of=datetime.fromisoformat(f"{p}-30T21:00:00Z"), verdicts={"entitlements": verdict})
        for p, verdict in {"2026-07": "RED", "2026-08": "GREEN", "2026-09": "AMBER", "2026-10": "GREEN"}.items()
    ]  # fmt: skip
    late = [following(*months[:number], asked=["overbilled"]) for number in (2, 4)]
    found = [judged(w, invoice_line, "overbilled")["findings"].filter(pl.col("outcome") == "fired") for w in late]
    assert [fired["subject"].to_list() for fired in found] == [["2026-07/1", "2026-08/1"], ["2026-09/1", "2026-10/1"]]


def test_a_credit_counts_wherever_it_says_what_for() -> None:
    dear = {**BILL, "quantity": 12, "amount": 120}
    credit = {**BILL, "invoice_id": "I2", "kind": "credit", "quantity": -2, "amount": -20}
    assert bills(dear) == [("I1/1", "20.00")]
    assert bills(dear, credit) == []
    assert bills(dear, {**credit, "contract_id": None}) == []
    second = {**LINE, "contract_id": "C2"}
    assert bills(dear, {**credit, "contract_id": None}, lines=(LINE, second)) == [("I1/1", "20.00")]


@pytest.mark.parametrize(
    ("currency", "amount", "over"),
    [
        ("EUR", "5.06", []),  # 6 × 10 ÷ 12, and a cent a unit
        ("EUR", "5.07", [("I1/1", "0.07")]),
        ("JPY", "88", []),  # 10 × 105 ÷ 12, and nobody bills half a yen
        ("JPY", "89", [("I1/1", "1.00")]),
    ],
)
def test_what_a_contract_allows_is_an_amount_of_its_currency(
    currency: str, amount: str, over: list[tuple[str, str]]
) -> None:
    quantity, price = (6, 10) if currency == "EUR" else (10, 105)
    line = {**LINE, "quantity": quantity, "unit_price": price, "currency": currency}
    bill = {**BILL, "quantity": quantity, "amount": amount, "currency": currency}
    assert bills(bill, lines=[line], reporting_currency=currency) == over


def test_a_credit_never_adds_units() -> None:
    assert bills({**BILL, "amount": 150}, {**BILL, "invoice_id": "I2", "kind": "credit", "amount": -50}) == []


def test_a_console_that_shows_users_by_meaningless_ids_alone_conceals_them() -> None:
    hidden = [{**SEAT, "seat_id": f"{n:032x}", "email": None, "last_active_at": "2026-03-01"} for n in range(4)]
    accounts = [{"account_id": s["seat_id"], "username": f"u{n}", "status": "active"} for n, s in enumerate(hidden)]
    bound = [{**account, "person_id": "p1"} for account in accounts]
    alone, known = (
        world({"people": [ADA], "seats": hidden}), world({"people": [ADA], "seats": hidden, "accounts": bound})
    )  # fmt: skip
    assert [usage_of(Ground(w))["concealed"].to_list() for w in (alone, known)] == [[True], [False]]
    assert counts(alone, "inactive-seat") == (0, 0, 4)
    assert counts(alone, "stranger-seat")[:2] == (0, 0)


@pytest.mark.parametrize(("column", "other"), [("quantity", 0), ("term_start", "2026-11-01")])
def test_a_contract_line_that_is_told_in_two_ways_accuses_nobody(column: str, other: Any) -> None:
    lines = [LINE, {**LINE, column: other}]
    rules = [rule for rule in discover() if rule.grain in ("seat", "line", "product", "invoice_line")]
    told = reconcile(world({"people": [ADA], "seats": [SEAT], "entitlements": lines, "invoices": [BILL]}), rules)
    assert told["findings"].is_empty()
    assert told["entitlement_positions"]["assigned"].to_list() == [None]


def test_a_price_of_no_known_period_is_no_price() -> None:
    idle = {**SEAT, "last_active_at": "2026-03-01"}
    lines = [{**LINE, "quantity": 1}, {**LINE, "quantity": 1, "billing_period": "monthly"}]
    told = reconcile(world({"people": [ADA], "seats": [idle], "entitlements": lines}), RULES)
    assert told["reclaim_candidates"].select("contract_id", "annual_value").rows() == [("C1", None)]


def test_a_line_is_not_spare_where_only_lines_of_another_plan_have_room() -> None:
    pro = {**LINE, "plan": "Pro", "quantity": 2}
    lines = [pro, {**pro, "contract_id": "C2"}, {**LINE, "contract_id": "C3", "plan": "Basic"}]
    seats = [{**SEAT, "seat_id": f"s{n}", "email": f"{n}@x.org", "plan": "Pro"} for n in range(3)]
    rules = [rule for rule in discover() if rule.grain in ("seat", "overlap")]

    def spare(*more: Mapping[str, Any]) -> bool:
        told = reconcile(world({"people": [ADA], "seats": seats, "entitlements": [*lines, *more]}), rules)
        fired = told["findings"].filter(pl.col("rule") == "overlapping-entitlement")
        return "fired" in fired["outcome"].to_list()

    assert not spare()
    assert spare({**LINE, "contract_id": "C4", "quantity": 1})


def test_seats_of_another_plan_that_no_line_takes_make_no_line_needed() -> None:
    two = [{**LINE, "plan": "Team", "quantity": 2, "contract_id": contract} for contract in ("C1", "C2")]
    unbought = [{**SEAT, "seat_id": f"s{n}", "email": f"{n}@x.org", "plan": "Pro"} for n in range(3)]
    feeds = {"people": [ADA], "seats": [{**SEAT, "plan": "Team"}, *unbought], "entitlements": two}
    told = reconcile(world(feeds), [rule for rule in discover() if rule.grain == "overlap"])["findings"]
    assert told["outcome"].to_list() == ["fired"]


def test_a_line_of_some_days_hides_no_overlap_of_two_that_last() -> None:
    brief = {**LINE, "contract_id": "C3", "quantity": 3, "term_start": "2026-10-20", "term_end": "2026-11-10"}
    feeds = {"people": [ADA], "seats": [SEAT], "entitlements": [LINE, {**LINE, "contract_id": "C2"}, brief]}
    told = reconcile(world(feeds), [rule for rule in discover() if rule.grain == "overlap"])["findings"]
    assert told["rule"].to_list() == ["overlapping-entitlement"]


def test_of_two_lines_of_one_size_the_later_is_spare_in_any_order_of_rows() -> None:
    rules = [rule for rule in discover() if rule.grain == "overlap"]
    lines = [LINE, {**LINE, "contract_id": "C2", "unit_price": 7}]
    for rows in (lines, lines[::-1]):
        told = reconcile(world({"people": [ADA], "seats": [SEAT], "entitlements": rows}), rules)["findings"]
        assert told["value"].to_list() == [70]


def test_a_contract_that_ended_lately_makes_it_a_renewal_not_recorded_though_another_is_to_come() -> None:
    ended = {**LINE, "term_start": "2025-10-21", "term_end": "2026-10-20"}
    coming = {**LINE, "contract_id": "C2", "term_start": "2027-01-01", "term_end": "2027-12-31"}
    feeds = {"people": [ADA], "seats": [SEAT], "entitlements": [ended, coming]}
    told = reconcile(world(feeds), [rule for rule in discover() if rule.grain == "product"])
    fired = told["findings"].filter(pl.col("outcome") == "fired")
    assert fired.select("rule", "severity").rows() == [("uncontracted-product", "low")]


def test_a_credit_makes_no_news_of_an_old_bill_without_a_contract() -> None:
    old = {**BILL, "period_start": "2026-07-01", "period_end": "2026-12-31"}
    credit = {**BILL, "invoice_id": "I2", "kind": "credit", "amount": -5}
    feeds = {"entitlements": [{**LINE, "product": "Other"}], "invoices": [old, credit]}
    assert judged(world(feeds), invoice_line, "billed-without-contract")["findings"].is_empty()


def test_a_leaver_of_whom_two_rows_tell_different_ends_may_be_none() -> None:
    left = {**ADA, "status": "terminated", "end_date": "2026-10-01"}
    for ends, fired, unknown in (("2026-10-01", 1, 0), ("2026-12-01", 0, 1)):
        people = [left, {**left, "end_date": ends, "department": "Lab"}]
        run = judged(world({"people": people, "seats": [SEAT]}), seat, "leaver-seat")["rule_runs"]
        assert run.select("fired", "unknown").row(0) == (fired, unknown)


def test_a_seat_that_may_be_unpaid_makes_no_other_one_too_many_and_none_clean() -> None:
    newer = {**SEAT, "seat_id": "s2", "last_active_at": "2026-10-31"}
    doubtful = [newer, {**newer, "status": "suspended"}]
    assert counts(world({"people": [ADA], "seats": [SEAT, newer]}), "duplicate-seat") == (1, 1, 0)
    assert counts(world({"people": [ADA], "seats": [SEAT, *doubtful]}), "duplicate-seat") == (0, 0, 0)
    told = {"products": {"Suite": {"includes": ["Pad"]}}}
    suites = [SUITE, {**SUITE, "status": "suspended"}]
    assert counts(world({"people": [ADA], "seats": [SEAT, *suites]}, **told), "bundled-seat") == (0, 0, 0)


def test_where_contracts_may_be_missing_only_what_is_found_counts() -> None:
    two = [LINE, {**LINE, "contract_id": "C2", "auto_renew": True}]
    rules = [rule for rule in discover() if rule.grain in ("overlap", "line")]

    def runs(lines: Sequence[Mapping[str, Any]], people: int, verdict: str) -> dict[str, tuple[int, int, int]]:
        seats = [{**SEAT, "seat_id": f"s{n}", "email": f"{n}@x.org"} for n in range(people)]
        feeds = {"people": [ADA], "seats": seats, "entitlements": lines}
        told = reconcile(world(feeds, verdicts={"entitlements": verdict}), rules)["rule_runs"]
        return {row[0]: row[1:] for row in told.select("rule", "fired", "clean", "not_evaluated").iter_rows()}

    asked = ("overlapping-entitlement", "unassigned-seats", "phantom-renewal")
    assert [runs(two[1:], 10, "GREEN")[rule] for rule in asked] == [(0, 1, 0)] * 3
    assert [runs(two[1:], 10, "AMBER")[rule] for rule in asked] == [(0, 0, 1)] * 3
    assert [runs(two, 1, "AMBER")[rule][0] for rule in asked] == [1, 0, 1]  # superseded: unassigned
    assert runs(two[1:], 1, "AMBER")["unassigned-seats"] == (1, 0, 0)


def test_a_product_in_doubt_has_one_name_in_any_order_of_rows() -> None:
    seats = [{**SEAT, "product": name, "seat_id": name, "last_active_at": "2026-05-01"} for name in ("PAD", "Pad")]
    fresh = pl.DataFrame({"product_key": ["pad"], "was_fresh": [True]})
    for rows in (seats, seats[::-1]):
        w = world({"people": [ADA], "seats": rows}, memory={"memory_usage": fresh}, policy={"usage_seats": 2})
        assert reconcile(w, [])["source_exceptions"].select("rule", "subject").rows() == [("frozen-usage-feed", "PAD")]
