"""The ladder of savings over several months: what is identified, approved, released, realised, lapsed, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.rules import discover
from tests.worlds import world
from tieout import exceptions, savings
from tieout.decisions import Entry, as_frame
from tieout.findings import exception_id
from tieout.reconcile import reconcile
from tieout.rule import SEPARATOR
from tieout.tie_out import InequalityError, tie_out

RULES = [rule for rule in discover() if rule.grain in ("seat", "line", "product", "overlap")]
MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10", "2026-11", "2026-12", "2027-01")
LAST = {m: date(2027 if m > "2026-12" else 2026, int(m[5:]), 30 if m[5:] in ("09", "11") else 31) for m in MONTHS}
LINE = {
    "contract_id": "C1", "line_no": "1", "vendor": "V", "product": "Pad", "quantity": 10, "unit_price": 120,
    "currency": "EUR", "billing_period": "annual", "term_start": "2026-01-01", "term_end": "2026-12-31",
}  # fmt: skip


def seat(number: int, last: str = "1970-01-01", **more: Any) -> dict[str, Any]:
    """A seat of person p<number>: never used, unless it says otherwise."""
    return {
        "product": "Pad", "seat_id": f"s{number:02}", "email": f"{number}@x.org", "status": "active", "paid": True,
        "assigned_at": "2026-01-05", "last_active_at": last, **more,
    }  # fmt: skip


def person(number: int, **more: Any) -> dict[str, Any]:
    return {
        "person_id": f"p{number}", "full_name": "N", "email": f"{number}@x.org", "status": "active",
        "employment_type": "contractor", **more,
    }  # fmt: skip


def unused(number: int) -> str:
    """The id of the exception that seat <number> was never used."""
    return exception_id("unused-seat", SEPARATOR.join(("pad", f"s{number:02}")))


USED = "lately"
"""Stands for the 20th of the month."""
IDLE = exception_id("unassigned-seats", SEPARATOR.join(("C1", "1")))


@dataclass
class Company:
    """Months that follow one another, each judged with what the ones before left."""

    decided: Sequence[Entry] = ()
    memory: dict[str, pl.DataFrame] = field(default_factory=dict)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def month(
        self, seats: Sequence[dict[str, Any]], *lines: dict[str, Any], verdicts: Mapping[str, str] | None = None,
        **feeds: Any,
    ) -> pl.DataFrame:  # fmt: skip
        """Run the next month and give its savings."""
        period = MONTHS[len(self.ran)]
        self.ran.append(period)
        seats = [s | {"last_active_at": f"{period}-20"} if s["last_active_at"] == USED else s for s in seats]
        delivered = {
            "people": [person(n) for n in range(20)],
            "seats": seats,
            "entitlements": lines or (LINE,),
            **feeds,
        }
        end = datetime.combine(LAST[period], datetime.min.time()).replace(hour=21, tzinfo=UTC)
        made = world(delivered, period=period, as_of=end, memory=self.memory, verdicts=verdicts)
        now = replace(made, decisions=as_frame(self.decided))
        tables = reconcile(now, RULES)
        tables |= exceptions.age(now, tables["findings"])
        tables |= savings.climb(now, tables)
        tie_out(tables)
        self.tables = tables
        self.memory = {name: frame for name, frame in tables.items() if name.startswith("memory_")}
        return tables["savings"]

    def roll(self, column: str = "units") -> dict[str, Decimal]:
        """The latest roll-forward: a sum a cause, opening and closing included."""
        sums = self.tables["money_rollforward"].group_by("cause").agg(pl.col(column).sum()).sort("cause")
        return dict(sums.iter_rows())


def decision(kind: str, day: str, about: str, seq: int, **more: Any) -> Entry:
    said = {"exception_id": about, "kind": kind, "who": f"who{seq}", "at": f"{day}T12:00:00Z", "seq": seq, **more}
    return Entry.model_validate({**said, "os_user": "u", "channel": "cli", "previous": ""})


def reclaimed(about: str, document: str, seq: int = 1) -> list[Entry]:
    """Approved in July, released in August, realised in September."""
    return [
        decision("approve", "2026-07-31", about, seq),
        decision("release", "2026-08-20", about, seq + 1),
        decision("realise", "2026-09-20", about, seq + 2, document=document),
    ]


def states(rows: pl.DataFrame) -> dict[str, str]:
    return dict(rows.select(pl.coalesce("seat_id", "contract_id"), "state").iter_rows())


TEN = [seat(n, USED) for n in range(9)] + [seat(9)]
NINE = TEN[:9]


def test_a_seat_that_two_rows_tell_differently_is_not_gone() -> None:
    company = Company()
    company.month([seat(1), seat(2, USED)])
    told = company.month([seat(1), seat(1, status="suspended"), seat(2, USED)])
    assert states(told)["s01"] == "identified"


def test_an_approval_counts_only_before_the_seat_is_gone_and_the_first_one_does() -> None:
    for days, state in ((["08-20", "09-05"], "released"), (["09-05"], "released_unapproved")):
        company = Company([decision("approve", f"2026-{day}", unused(1), n) for n, day in enumerate(days, 1)])
        for seats in ([seat(1), seat(2, USED)], [seat(2, USED)], [seat(2, USED)]):
            savings = company.month(seats)
        assert states(savings)["s01"] == state


def test_a_seat_is_identified_approved_and_released() -> None:
    company = Company([decision("approve", "2026-08-15", unused(9), 1)])
    assert states(company.month(TEN)) == {"s09": "identified"}
    assert company.roll() == {"new": 1, "closing": 1}
    assert states(company.month(TEN)) == {"s09": "approved"}
    released = company.month(NINE).filter(pl.col("seat_id") == "s09").to_dicts()[0]
    assert (released["state"], released["approval"], released["approved_by"]) == ("released", 1, "who1")
    assert (released["identified_on"], released["released_on"]) == (LAST["2026-07"], LAST["2026-09"])
    assert released["annual_value"] == released["at_renewal"] == 120
    assert company.roll("value") == {"opening": 120, "released": -120, "new": 120, "closing": 120}  # the idle unit


def test_gone_without_approval_is_told_apart() -> None:
    company = Company()
    company.month(TEN)
    assert states(company.month(NINE)).pop("s09") == "released_unapproved"


@pytest.mark.parametrize("verdict", ["AMBER", "RED"])
def test_a_bad_pull_releases_nothing(verdict: str) -> None:
    company = Company([decision("approve", "2026-07-31", unused(9), 1)])
    company.month(TEN)
    part = TEN[:3] if verdict == "AMBER" else []
    assert states(company.month(part, verdicts={"seats": verdict})) == {"s09": "approved"}
    assert company.roll("value") == {"opening": 120, "closing": 120}
    assert states(company.month(TEN)) == {"s09": "approved"}


def test_contracts_that_are_not_alive_change_no_amount() -> None:
    company = Company()
    company.month(TEN)
    rows = company.month(TEN, verdicts={"entitlements": "RED"}, entitlements=[])
    assert rows["annual_value"].to_list() == [120]


def test_used_again_is_withdrawn_and_comes_back_to_its_row() -> None:
    company = Company()
    company.month([*NINE, seat(9, "2026-03-01")])
    rows = company.month([*NINE, seat(9, "2026-08-30")])
    assert rows.select("state", "because").row(0) == ("withdrawn", "used again")
    for _ in range(3):
        rows = company.month([*NINE, seat(9, "2026-08-30")])
    rows = rows.filter(pl.col("seat_id") == "s09")
    assert rows.select("state", "number", "identified_on", "opened_on").rows() == [
        ("identified", 1, LAST["2026-07"], LAST["2026-11"])
    ]


def test_a_waived_seat_is_kept_until_the_waiver_ends() -> None:
    waiver = decision("waive", "2026-08-15", unused(9), 1, until="2026-09-15", approver="b")
    company = Company([waiver])
    company.month(TEN)
    assert company.month(TEN).select("state", "because").row(0) == ("kept", "waived")
    assert company.roll() == {"opening": 1, "kept": -1}
    assert states(company.month(TEN)) == {"s09": "identified"}
    assert company.roll() == {"reopened": 1, "closing": 1}


def test_a_seat_waived_from_the_first_is_no_saving_until_the_waiver_ends() -> None:
    waiver = decision("waive", "2026-07-15", unused(9), 1, until="2026-08-15", approver="b")
    company = Company([waiver])
    assert company.month(TEN).is_empty()
    assert states(company.month(TEN)) == {"s09": "identified"}


def test_a_seat_that_is_gone_may_come_back_waived() -> None:
    company = Company([decision("waive", "2026-09-15", unused(9), 1, until="2026-12-15", approver="b")])
    for seats in (TEN, NINE, TEN):
        rows = company.month(seats)
    assert rows.filter(pl.col("seat_id") == "s09")["state"].to_list() == ["released_unapproved"]


def test_a_seat_kept_for_its_idleness_is_still_a_leavers() -> None:
    about = exception_id("inactive-seat", SEPARATOR.join(("pad", "s09")))
    company = Company([decision("keep", "2026-08-15", about, 1, until="2026-11-10")])
    idle = [*NINE, seat(9, "2026-03-01")]
    assert company.month(idle)["reason"].to_list() == ["inactive-seat"]
    assert company.month(idle).select("state", "because").row(0) == ("kept", "exempted")
    left = [person(n) for n in range(9)] + [person(9, status="terminated", end_date="2026-09-10")]
    rows = company.month(idle, people=left)
    assert rows.select("state", "reason").rows() == [("identified", "leaver-seat")]
    assert states(company.month(idle, people=left)) == {"s09": "identified"}


def test_a_seat_that_only_changed_its_id_is_not_released() -> None:
    company = Company([decision("approve", "2026-07-31", unused(9), 1)])
    company.month(TEN)
    rows = company.month([*NINE, seat(9, USED, seat_id="other")])
    assert rows.select("state", "because").row(0) == ("withdrawn", "moved to another seat")


def test_units_of_a_line_that_was_renewed_as_it_was_have_lapsed_and_its_successor_has_them_anew() -> None:
    old = {**LINE, "term_end": "2026-07-31"}
    new = {**LINE, "contract_id": "C2", "term_start": "2026-08-01", "term_end": "2027-07-31"}
    company = Company()
    seats = [seat(n, USED) for n in range(6)]
    company.month(seats, old)
    rows = company.month(seats, old, new)
    assert rows.select("subject", "state", "units").rows() == [("C1/1", "lapsed", 4), ("C2/1", "identified", 4)]
    assert company.roll() == {"opening": 4, "lapsed": -4, "new": 4, "closing": 4}


@pytest.mark.parametrize(("renewed", "why"), [(10, "lapsed"), (5, "fixed")])
def test_a_renewal_that_was_cut_to_what_is_used_was_no_phantom(renewed: int, why: str) -> None:
    company, seats = Company(), [seat(n, USED) for n in range(5)]
    line = {**LINE, "term_end": "2026-07-31", "auto_renew": True, "unit_price": 200}
    company.month(seats, line)
    company.month(seats, {**line, "quantity": renewed, "term_start": "2026-08-01", "term_end": "2027-07-31"})
    phantom = exception_id("phantom-renewal", SEPARATOR.join(("C1", "1")))
    ended = company.tables["exception_history"].filter(pl.col("exception_id") == phantom)
    assert ended.select("to_status", "why").rows() == [("resolved", why)]


def test_the_duplicate_that_goes_is_released_although_the_other_stays() -> None:
    twin = seat(1, "2026-07-01", seat_id="twin")
    company = Company()
    assert states(company.month([*NINE, twin])) == {"twin": "identified"}
    assert states(company.month(NINE)).pop("twin") == "released_unapproved"


def test_a_seat_granted_again_within_a_month_is_marked() -> None:
    company = Company([decision("approve", "2026-07-31", unused(9), 1)])
    company.month(TEN)
    company.month(NINE)
    rows = company.month([*NINE, seat(9, USED, seat_id="new", assigned_at="2026-09-10")])
    assert rows.filter(pl.col("seat_id") == "s09")["regranted_on"].to_list() == [date(2026, 9, 10)]


def test_a_date_that_passes_unused_lapses_and_the_seat_is_found_for_the_next() -> None:
    ending = {**LINE, "term_end": "2026-08-15"}
    following = {**LINE, "contract_id": "C2", "term_start": "2026-08-16", "term_end": "2027-08-15", "unit_price": 150}
    company = Company()
    company.month(TEN, ending)
    rows = company.month(TEN, ending, following)
    assert rows.select("number", "state", "annual_value", "contract_id").rows() == [
        (1, "lapsed", 120, "C1"), (2, "identified", 150, "C2"),
    ]  # fmt: skip
    assert company.roll("value") == {"opening": 120, "lapsed": -120, "reopened": 150, "closing": 150}


def test_another_price_is_told_from_another_rate() -> None:
    dollars = {**LINE, "currency": "USD"}
    company = Company()
    company.month(TEN, dollars, fx_rates=[{"currency": "USD", "as_of": "2026-07-30", "rate": "0.90"}])
    dearer = {**dollars, "unit_price": 130}
    company.month(TEN, dearer, fx_rates=[{"currency": "USD", "as_of": "2026-08-30", "rate": "0.80"}])
    assert company.roll("value") == {"opening": 108, "repriced": 8, "fx": -12, "closing": 104}
    assert company.roll("amount") == {"opening": 120, "repriced": 10, "fx": 0, "closing": 130}


@pytest.mark.parametrize(("currency", "moved"), [("EUR", {"repriced": -120}), ("USD", {"repriced": -96, "fx": -12})])
def test_a_seat_that_no_line_has_room_for_any_more_lost_its_price_and_not_by_the_rate(
    currency: str, moved: dict[str, int]
) -> None:
    line = {**LINE, "currency": currency}
    days = (("2026-07-30", "0.9"), ("2026-08-30", "0.8"))
    rates = [{"currency": "USD", "as_of": day, "rate": rate} for day, rate in days]
    company = Company()
    company.month(TEN, line, fx_rates=rates[:1])
    opening = company.roll("value")["closing"]
    company.month([*TEN, seat(10, USED)], line, fx_rates=rates)
    roll = {cause: value for cause, value in company.roll("value").items() if value}
    assert roll == {"opening": opening, **moved}


# -- realised --------------------------------------------------------------------------------------------------------


def settled(document: str, *months: dict[str, Any], count: int = 1, **feeds: Any) -> pl.DataFrame:
    """The seats s09, s08 … after July to September, each claimed against one document."""
    decided = [e for n in range(count) for e in reclaimed(unused(9 - n), document, 1 + 3 * n)]
    company = Company(decided)
    lines = [*months, *[months[-1] if months else LINE] * 3][:3]
    company.month([seat(n, USED) for n in range(10 - count)] + [seat(9 - n) for n in range(count)], lines[0])
    rest = [seat(n, USED) for n in range(10 - count)]
    company.month(rest, lines[1])
    return company.month(rest, lines[2], **feeds).filter(pl.col("subject_type") == "seat")


def test_a_smaller_renewal_is_a_reduction_of_a_years_price() -> None:
    rows = settled("c1/1", LINE, LINE, {**LINE, "quantity": 9})
    row = rows.to_dicts()[0]
    assert (row["state"], row["verified"], row["realised_kind"]) == ("realised", True, "reduction")
    assert (row["realised_amount"], row["realised_currency"], row["realised_value"]) == (120, "EUR", 120)
    assert (row["claim"], row["document"], row["realised_on"]) == (3, "c1/1", LAST["2026-09"])


def test_one_document_settles_no_more_than_it_fell() -> None:
    rows = settled("C1", LINE, LINE, {**LINE, "quantity": 9}, count=2).sort("claim")
    assert rows["state"].to_list() == ["realised", "realised"]
    assert rows["verified"].to_list() == [True, False]
    assert rows["realised_value"].to_list() == [120, None]


def test_a_line_that_falls_month_after_month_settles_a_claim_each_time() -> None:
    second = ("2026-08-31", "2026-09-10", "2026-09-20")
    steps = zip(("approve", "release", "realise"), second, (4, 5, 6), strict=True)
    then = [decision(kind, day, unused(8), seq, document="C1/1") for kind, day, seq in steps]
    company = Company(
        [*reclaimed(unused(9), "C1/1")[:2], decision("realise", "2026-08-25", unused(9), 3, document="C1/1"), *then]
    )
    company.month([*TEN[:8], seat(8), seat(9)])
    company.month([*TEN[:8], seat(8)], {**LINE, "quantity": 9})
    rows = company.month(TEN[:8], {**LINE, "quantity": 8}).sort("claim", nulls_last=True)
    assert rows.select("realised_on", "realised_value").head(2).rows() == [
        (LAST["2026-08"], 120), (LAST["2026-09"], 120),
    ]  # fmt: skip


def test_a_contract_named_as_a_whole_settles_with_all_its_lines() -> None:
    lines = [{**LINE, "line_no": number, "quantity": 5} for number in ("1", "2")]
    smaller = [{**line, "quantity": 4} for line in lines]
    company = Company([*reclaimed(unused(9), "C1"), *reclaimed(unused(8), "C1", 4)])
    company.month([*TEN[:8], seat(8), seat(9)], *lines)
    company.month(TEN[:8], *lines)
    rows = company.month(TEN[:8], *smaller).filter(pl.col("claim").is_not_null())
    assert rows["realised_value"].to_list() == [120, 120]


def test_what_was_bought_again_was_not_saved() -> None:
    smaller = {**LINE, "quantity": 9}
    company = Company(reclaimed(unused(9), "C1"))
    company.month(TEN)
    company.month(NINE, smaller)
    assert company.month(NINE, smaller)["verified"].to_list() == [True]
    more = {**LINE, "contract_id": "C9", "quantity": 1, "term_start": "2026-10-01"}
    rows = company.month(NINE, smaller, more).filter(pl.col("subject_type") == "seat")
    assert rows.select("verified", "realised_value").row(0) == (False, None)


def test_a_bill_that_is_lower_pays_its_own_price() -> None:
    bill = {"line_no": "1", "product": "Pad", "vendor": "V", "contract_id": "C1", "currency": "USD"}
    bills = [
        {**bill, "invoice_id": "R1", "period_start": "2026-08-01", "period_end": "2026-08-31", "quantity": 10,
         "amount": 110, "invoiced_on": "2026-08-01"},
        {**bill, "invoice_id": "R2", "period_start": "2026-09-01", "period_end": "2026-09-30", "quantity": 9,
         "amount": 99, "invoiced_on": "2026-09-01"},
    ]  # fmt: skip
    rates = [
        {"currency": "USD", "as_of": day, "rate": rate} for day, rate in (("2026-08-31", "0.9"), ("2026-09-30", "2"))
    ]
    row = settled("R2/1", invoices=bills, fx_rates=rates).to_dicts()[0]
    assert (row["realised_kind"], row["realised_amount"], row["realised_currency"]) == ("reduction", 11, "USD")
    assert (row["realised_value"], row["rate"], row["rate_on"]) == (Decimal("9.90"), Decimal("0.9"), date(2026, 8, 31))
    differing = [*bills, {**bills[1], "quantity": 8}]  # told twice, it tells no quantity
    assert settled("R2/1", invoices=differing, fx_rates=rates)["verified"].to_list() == [False]


def test_a_bill_on_top_of_one_that_runs_on_shows_no_fall() -> None:
    bill = {"line_no": "1", "product": "Pad", "vendor": "V", "contract_id": "C1", "currency": "EUR"}
    year = {
        **bill,
        "invoice_id": "R1",
        "period_start": "2026-01-01",
        "period_end": "2026-12-31",
        "quantity": 10,
        "amount": 1200,
    }
    rest = {
        **bill,
        "invoice_id": "R2",
        "period_start": "2026-09-01",
        "period_end": "2026-12-31",
        "quantity": 3,
        "amount": 120,
    }
    assert settled("R2", invoices=[year, rest])["verified"].to_list() == [False]
    ended = {**year, "period_end": "2026-09-01"}  # some count the first day after as the end
    assert settled("R2", invoices=[ended, rest])["realised_value"].to_list() == [40]


def test_a_renewal_is_held_against_the_lines_that_it_follows_once() -> None:
    rolling = [
        {**LINE, "contract_id": f"M{month}", "term_start": f"{month}-01", "term_end": LAST[month].isoformat()}
        for month in MONTHS[:3]
    ]
    company = Company(reclaimed(unused(9), "M2026-09"))
    for number, seats in enumerate((TEN, NINE, NINE), 1):
        rows = company.month(seats, *rolling[:number])
    assert rows.filter(pl.col("claim").is_not_null())["verified"].to_list() == [False]


def test_a_credit_note_is_shared_to_the_cent() -> None:
    credit = {
        "invoice_id": "CN-7", "line_no": "1", "product": "Pad", "vendor": "V", "contract_id": "C1", "kind": "credit",
        "period_start": "2026-09-01", "period_end": "2026-12-31", "invoiced_on": "2026-09-05", "quantity": 0,
        "amount": -100, "currency": "EUR",
    }  # fmt: skip
    rows = settled("cn-7", invoices=[credit], count=3).sort("claim")
    assert rows["realised_kind"].unique().to_list() == ["credit"]
    assert rows["realised_amount"].to_list() == [Decimal("33.33"), Decimal("33.34"), Decimal("33.33")]


def test_a_request_met_from_the_pool_is_an_avoidance_without_an_amount() -> None:
    move = {"event_id": "LM-1", "product": "Pad", "quantity": 1, "occurred_at": "2026-09-02"}
    row = settled("LM-1", license_moves=[move]).to_dicts()[0]
    assert (row["realised_kind"], row["verified"], row["realised_value"]) == ("avoidance", True, None)


def test_a_document_nobody_knows_proves_nothing() -> None:
    row = settled("what the vendor said").to_dicts()[0]
    assert (row["state"], row["verified"], row["realised_value"]) == ("realised", False, None)


def test_units_nobody_has_climb_too() -> None:
    company = Company(reclaimed(IDLE, "C1/1"))
    bigger = {**LINE, "quantity": 20}
    row = company.month(NINE, bigger).to_dicts()[0]
    assert (row["state"], row["units"], row["annual_value"]) == ("approved", 11, 1320)
    company.month([*NINE, seat(11, USED)], bigger)
    assert company.roll() == {"opening": 11, "withdrawn": -1, "closing": 10}
    rows = company.month([*NINE, seat(11, USED)], {**LINE, "quantity": 14})
    assert rows.select("number", "state", "units", "realised_value").rows() == [
        (1, "realised", 6, 720), (2, "approved", 4, None),
    ]  # fmt: skip
    assert company.roll() == {"opening": 10, "released": -6, "closing": 4}


def test_a_figure_that_does_not_add_up_is_named() -> None:
    company = Company()
    company.month(TEN)
    wrong = {**company.tables, "waterfall": company.tables["waterfall"].head(1)}
    with pytest.raises(InequalityError, match="quantity of C1/1 against its units in the waterfall: 10 is not "):
        tie_out(wrong)


def test_a_short_pull_lets_no_over_assignment_go() -> None:
    company, over = Company(), [seat(n, USED) for n in range(12)]
    company.month(over)
    company.month(over[:5], verdicts={"seats": "AMBER"})
    found = company.tables["exceptions"].filter(pl.col("rule") == "overassigned-seats")
    assert found["status"].to_list() == ["open"]


# -- top-ups ---------------------------------------------------------------------------------------------------------

MORE = {**LINE, "contract_id": "C2", "quantity": 3, "term_start": "2026-08-20", "term_end": "2027-08-19"}


def topped_up(*decided: Entry, verdicts: Mapping[str, str] | None = None) -> pl.DataFrame:
    """What is said of a top-up of three in August after ten of ten were assigned in July, one of them never used."""
    company = Company(decided)
    company.month(TEN, verdicts=verdicts)
    company.month([*TEN, seat(10, USED), seat(11, USED), seat(12, USED)], LINE, MORE)
    return company.tables["exceptions"].filter(pl.col("rule") == "avoidable-top-up")


def test_a_top_up_that_approved_seats_could_have_met() -> None:
    assert topped_up().is_empty()
    assert topped_up(decision("approve", "2026-08-25", unused(9), 1)).is_empty()  # after it had started
    found = topped_up(decision("approve", "2026-08-10", unused(9), 1))
    assert found.select("subject", "value").rows() == [("C2/1", 120)]


def test_a_top_up_after_a_month_without_seats_is_unknown() -> None:
    assert topped_up(verdicts={"seats": "AMBER"}).is_empty()
    unobserved = Company()
    unobserved.month([])
    unobserved.month(TEN, LINE, MORE)
    assert unobserved.tables["exceptions"].filter(pl.col("rule") == "avoidable-top-up").is_empty()
    first = Company()
    first.month(TEN, {**LINE, "term_start": "2026-07-02"})
    assert first.tables["exceptions"].filter(pl.col("rule") == "avoidable-top-up").is_empty()


# -- laws ------------------------------------------------------------------------------------------------------------

SEEN = st.sampled_from(["used", "idle", "unpaid", "gone"])
MONTH = st.tuples(
    st.lists(SEEN, min_size=6, max_size=6), st.integers(3, 9), st.sampled_from(["EUR", "USD", "JPY", "GBP", "KWD"]),
    st.decimals("0.01", "99.99", places=2), st.sampled_from(["GREEN", "GREEN", "AMBER", "RED"]), st.booleans(),
    st.decimals("0.05", "3", places=4),
)  # fmt: skip


@settings(max_examples=4, deadline=None)
@given(
    months=st.lists(MONTH, min_size=3, max_size=3), approved=st.integers(0, 5), order=st.randoms(use_true_random=False)
)
def test_every_month_rolls_forward_from_the_one_before(months: list[Any], approved: int, order: Any) -> None:
    decided = [decision("approve", "2026-08-15", unused(n), n + 1) for n in range(approved)]
    company, shuffled, before = Company(decided), Company(decided), (Decimal(0), Decimal(0))
    for seen, quantity, currency, price, verdict, contracts, rate in months:
        seats = [
            seat(n, USED if state == "used" else "1970-01-01", paid=state != "unpaid")
            for n, state in enumerate(seen)
            if state != "gone" and verdict != "RED"
        ]
        line = {**LINE, "quantity": quantity, "currency": currency, "unit_price": price}
        day = f"{MONTHS[len(company.ran)]}-20"
        feeds: dict[str, Any] = {"fx_rates": [{"currency": currency, "as_of": day, "rate": rate}]}
        verdicts = {"seats": verdict, "entitlements": "GREEN" if contracts else "RED"}
        if not contracts:
            feeds["entitlements"] = []
        rows = company.month(seats, line, verdicts=verdicts, **feeds)
        order.shuffle(seats)
        assert shuffled.month(seats, line, verdicts=verdicts, **feeds).equals(rows)
        units, value = company.roll(), company.roll("value")
        assert (units.pop("opening", 0), value.pop("opening", 0)) == before
        before = (units.pop("closing", Decimal(0)), value.pop("closing", Decimal(0)))
        standing = rows.filter(pl.col("state").is_in(savings.OPEN))
        assert standing.select(savings.SUBJECT).is_duplicated().sum() == 0
        assert before == (standing["units"].sum() or 0, standing["annual_value"].drop_nulls().sum() or 0)
        if verdict != "GREEN":
            assert not {"released", "lapsed"} & set(company.tables["money_rollforward"]["cause"])
