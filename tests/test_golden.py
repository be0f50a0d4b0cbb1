"""The golden tables: what sources confirmed, what exceptions show wrong, and what nobody looked at."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.worlds import world
from tieout.reconcile import reconcile

RULES = discover()
ADA = {"person_id": "p1", "full_name": "Ada", "email": "ada@x.org", "status": "active", "department": "Lab"}
BOB = {"person_id": "p2", "full_name": "Bob", "email": "bob@x.org", "status": "active"}
EVE = {"person_id": "p3", "full_name": "Eve", "email": "eve@x.org", "status": "terminated", "end_date": "2026-10-10"}
SEPTEMBER = datetime(2026, 9, 30, 21, 59, 59, tzinfo=UTC)

Row = Mapping[str, Any]
Feeds = Mapping[str, Sequence[Row]]


def asset(tag: str, **fields: Any) -> Row:
    """A laptop in Ada's use."""
    healthy = {
        "asset_tag": tag, "serial": f"SER{tag}", "asset_class": "laptop", "status": "in_use",
        "status_since": "2026-01-01", "purchased_on": "2026-01-01", "custodian": "p1", "location": "Berlin",
    }  # fmt: skip
    return {**healthy, **fields}


def endpoint(tag: str, user: str = "ada@x.org", seen: str = "2026-10-30T10:00:00") -> Row:
    return {
        "endpoint_id": f"e-{tag}", "serial": f"SER{tag}", "asset_class": "laptop", "user_email": user,
        "last_seen_at": seen,
    }  # fmt: skip


def scan(tag: str, where: str, at: str = "2026-10-20T10:00:00") -> Row:
    return {"count_id": "C", "scan_id": f"s-{tag}", "code": tag, "location": where, "scanned_at": at}


def built(feeds: Feeds, **more: Any) -> dict[str, pl.DataFrame]:
    return reconcile(world({"people": [ADA, BOB, EVE], **feeds}, **more), RULES)


def device(tables: Mapping[str, pl.DataFrame], name: str) -> dict[str, Any]:
    return tables["devices"].filter(pl.col("device") == name).to_dicts()[0]


ATTRIBUTES = ("existence_right", "custodian_right", "location_right", "status_right", "checked", "right")


def said(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ATTRIBUTES)


# -- devices ---------------------------------------------------------------------------------------------------------


def test_a_check_in_by_the_custodian_confirms_existence_custodian_and_use() -> None:
    row = device(built({"assets": [asset("A1")], "endpoints": [endpoint("A1")]}), "A1")
    assert said(row) == (True, True, None, True, True, True)
    assert (row["endpoint_user_id"], row["endpoint_seen_on"], row["managed"]) == ("p1", date(2026, 10, 30), True)


def test_a_device_nobody_saw_is_wrong_and_one_that_need_not_be_seen_is_not_checked() -> None:
    monitor = asset("M1", asset_class="monitor", custodian=None)
    tables = built({"assets": [asset("A1"), monitor], "endpoints": [endpoint("B9")]})
    assert said(device(tables, "A1")) == (False, None, None, None, True, False)
    assert said(device(tables, "M1")) == (None, None, None, None, False, None)


def test_a_feed_that_is_down_leaves_unchecked_what_it_does_not_show() -> None:
    feeds = {"assets": [asset("A1"), asset("A2")], "endpoints": [endpoint("A1")]}
    tables = built(feeds, verdicts={"endpoints": "AMBER"})
    assert said(device(tables, "A1")) == (True, True, None, True, True, True)
    assert said(device(tables, "A2")) == (None, None, None, None, False, None)


def test_another_user_and_a_leaver_show_the_custodian_wrong() -> None:
    held = [asset("A1"), asset("A2", custodian="p3")]
    tables = built({"assets": held, "endpoints": [endpoint("A1", "bob@x.org"), endpoint("A2", "eve@x.org")]})
    assert device(tables, "A1")["custodian_right"] is False
    assert device(tables, "A2")["custodian_right"] is False
    assert not tables["devices"]["right"].any()


@pytest.mark.parametrize(("where", "right"), [("Berlin", True), ("Berlin/3F", True), ("Boston", False)])
def test_a_scan_tells_the_place_of_what_a_place_holds(where: str, right: bool) -> None:
    server = asset("S1", asset_class="server", custodian=None, location="Berlin")
    row = device(built({"assets": [server, asset("X", location="Boston")], "scans": [scan("S1", where)]}), "S1")
    assert row["location_right"] is right
    assert row["existence_right"] is True


def test_a_disposed_device_that_checks_in_is_a_record_that_is_wrong() -> None:
    gone = asset("A1", status="disposed", custodian=None)
    row = device(built({"assets": [gone], "endpoints": [endpoint("A1")]}), "A1")
    assert (row["on_books"], row["status_right"], row["right"]) == (False, False, False)


def test_a_device_on_no_register_entry_has_a_row_of_its_own() -> None:
    row = device(built({"assets": [asset("A1")], "endpoints": [endpoint("A1"), endpoint("ZZ9")]}), "SERZZ9")
    assert (row["on_register"], row["asset_tag"], row["asset_class"], row["right"]) == (False, None, "laptop", None)


def test_repeated_keys_do_not_multiply_devices() -> None:
    twice = [asset("A1"), asset("A1", location="Boston")]
    tables = built({"assets": twice, "endpoints": [endpoint("A1"), {**endpoint("A1"), "endpoint_id": "e2"}]})
    assert tables["devices"]["device"].to_list() == ["A1"]


# -- people ----------------------------------------------------------------------------------------------------------


def seat(user: str, product: str = "Figma") -> Row:
    return {"product": product, "seat_id": user, "email": f"{user}@x.org", "status": "active"}


def leaver(tables: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    return tables["people"].filter(pl.col("person_id") == "p3").to_dicts()[0]


def test_what_a_leaver_still_has_counts_until_it_is_gone() -> None:
    account = {"account_id": "u3", "username": "eve", "email": "eve@x.org", "status": "active"}
    feeds: Feeds = {"assets": [asset("A1", custodian="p3")], "accounts": [account], "seats": [seat("eve")]}
    row = leaver(built(feeds))
    assert (row["devices_held"], row["seats_held"], row["accounts_active"], row["still_open"]) == (1, 1, 1, 3)
    assert (row["done_on"], row["done_days"]) == (None, 21)


def test_a_leaver_with_nothing_left_was_done_on_the_last_day() -> None:
    row = leaver(built({}))
    assert (row["still_open"], row["done_on"], row["done_days"]) == (0, date(2026, 10, 10), 0)


def test_what_an_earlier_period_saw_open_was_gone_by_the_first_that_did_not() -> None:
    gone_in_september = {**EVE, "end_date": "2026-09-10"}
    before = reconcile(
        world({"people": [gone_in_september], "seats": [seat("eve")]}, period="2026-09", as_of=SEPTEMBER), RULES
    )
    memory = {name: frame for name, frame in before.items() if name.startswith("memory_")}
    row = leaver(reconcile(world({"people": [gone_in_september]}, memory=memory), RULES))
    assert (row["done_on"], row["done_days"]) == (date(2026, 10, 31), 51)


def test_a_console_that_is_down_hides_only_the_seats_it_showed_before() -> None:
    before = reconcile(world({"people": [ADA, EVE], "seats": [seat("eve")]}, period="2026-09", as_of=SEPTEMBER), RULES)
    memory = {name: frame for name, frame in before.items() if name.startswith("memory_")}
    frank = {**EVE, "person_id": "p4", "email": "frank@x.org"}
    tables = reconcile(world({"people": [ADA, EVE, frank]}, memory=memory, verdicts={"seats": "RED"}), RULES)
    open_now = dict(tables["people"].select("person_id", "still_open").iter_rows())
    assert open_now == {"p1": None, "p3": None, "p4": 0}


def test_people_carry_no_names_or_addresses() -> None:
    assert not {"full_name", "email", "other_emails", "username"} & set(built({})["people"].columns)


# -- returns, custody, spares, tickets -------------------------------------------------------------------------------


def move(event: str, kind: str, day: str, tag: str, **fields: Any) -> Row:
    return {"event_id": event, "kind": kind, "asset_tag": tag, "occurred_at": f"{day}T10:00:00", **fields}


@pytest.mark.parametrize(
    ("back", "in_time"), [("2026-10-24", True), ("2026-10-25", False), (None, False)], ids=["on time", "late", "never"]
)
def test_a_device_of_a_leaver_is_due_two_weeks_after_the_last_day(back: str | None, in_time: bool) -> None:
    held = asset("A1", custodian="p3") if back is None else asset("A1", status="in_stock", custodian=None)
    moves = [move("m1", "return", back, "A1", from_person="p3")] if back else []
    row = built({"assets": [held], "movements": moves})["device_returns"].to_dicts()[0]
    assert (row["due_on"], row["in_time"]) == (date(2026, 10, 24), in_time)


def test_a_silent_change_of_custody_counts_once() -> None:
    before = reconcile(
        world({"people": [ADA, BOB], "assets": [asset("A1"), asset("A2")]}, period="2026-09", as_of=SEPTEMBER), RULES
    )
    memory = {name: frame for name, frame in before.items() if name.startswith("memory_")}
    moved = move("m1", "transfer", "2026-10-05", "A2", from_person="p1", to_person="p2")
    now: Feeds = {"people": [ADA, BOB], "assets": [asset("A1", custodian="p2"), asset("A2", custodian="p2")]}
    changes = reconcile(world({**now, "movements": [moved]}, memory=memory), RULES)["custody_changes"]
    assert changes.select("change", "kind", "complete").rows() == [("A1", "silent", False), ("m1", "transfer", False)]


@pytest.mark.parametrize(("confirmed", "complete"), [("2026-10-12", True), ("2026-10-13", False), (None, False)])
def test_a_confirmation_counts_only_in_time_where_policy_asks_for_it(confirmed: str | None, complete: bool) -> None:
    given = move(
        "m1", "assign", "2026-10-05", "A1", to_person="p1", to_location="Berlin", condition="new", reason="joiner",
        approved_by="p2", confirmed_at=f"{confirmed}T10:00:00" if confirmed else None,
    )  # fmt: skip
    feeds: Feeds = {"people": [ADA, BOB], "assets": [asset("A1")], "movements": [given]}
    strict = reconcile(world(feeds, policy={"confirm": True}), RULES)["custody_changes"]
    assert strict["complete"].to_list() == [complete]
    assert reconcile(world(feeds), RULES)["custody_changes"]["complete"].to_list() == [True]


def line(sku: str, quantity: int, **fields: Any) -> Row:
    return {"sku": sku, "location": "Store", "bin": "1", "quantity": quantity, "abc": "A", **fields}


def count(sku: str, quantity: int, day: str = "2026-10-20") -> Row:
    return {
        "count_id": day, "sku": sku, "location": "Store", "bin": "1", "quantity": quantity,
        "counted_at": f"{day}T10:00:00",
    }  # fmt: skip


def test_overs_and_shorts_never_net_and_the_uncounted_is_not_known() -> None:
    book = [line("S1", 100), line("S2", 100), line("S3", 100), line("S4", 5)]
    counts = [count("S1", 95), count("S2", 105), count("S3", 101), count("S9", 2)]
    rows = built({"stock": book, "stock_counts": counts})["stock_positions"]
    within = dict(rows.select("sku", "within").iter_rows())
    assert within == {"S1": False, "S2": False, "S3": True, "S4": None, "S9": False}
    assert rows.filter(pl.col("sku") == "S9")["book"].to_list() == [None]
    assert dict(rows.select("sku", "count_in_time").iter_rows())["S4"] is False


def ticket(number: str, kind: str, sku: str, opened: str, closed: str | None) -> Row:
    return {
        "ticket_id": number, "kind": kind, "sku": sku, "opened_at": f"{opened}T10:00:00",
        "closed_at": f"{closed}T10:00:00" if closed else None, "status": "closed" if closed else "open",
    }  # fmt: skip


def order(number: str, sku: str, day: str, cost: str) -> Row:
    return {
        "po_number": number, "line_no": "1", "sku": sku, "quantity": 1, "unit_cost": cost, "currency": "EUR",
        "ordered_on": day,
    }  # fmt: skip


def test_a_request_was_met_from_stock_when_a_unit_was_handed_out_and_none_was_ordered() -> None:
    tickets = [
        ticket("t1", "purchase", "DOCK", "2026-10-01", "2026-10-06"),
        ticket("t2", "purchase", "DOCK", "2026-10-02", "2026-10-07"),  # the one unit met t1
        ticket("t3", "purchase", "PEN", "2026-10-01", "2026-10-06"),  # ordered
        ticket("t4", "purchase", "INK", "2026-10-01", "2026-10-06"),  # nothing happened
    ]
    orders = [
        order("o1", "DOCK", "2026-01-05", "150"), order("o2", "DOCK", "2026-06-05", "180"),
        order("o3", "DOCK", "2026-10-20", "999"), order("o4", "PEN", "2026-10-03", "5"),
    ]  # fmt: skip
    moves = [
        {"event_id": f"m{n}", "kind": "checkout", "sku": sku, "occurred_at": "2026-10-05T10:00:00", "to_person": "p1"}
        for n, sku in enumerate(("DOCK", "PEN"))
    ]
    rows = built({"tickets": tickets, "purchases": orders, "movements": moves})["requests"]
    assert rows["met_from_stock"].to_list() == [True, False, False, False]
    assert [str(value) for value in rows["value"][:2]] == ["180.0000000000"] * 2


def test_tickets_on_spares_last_until_as_of_while_they_are_open() -> None:
    tickets = [
        ticket("t1", "locate", "S1", "2026-10-01", "2026-10-02"),
        ticket("t2", "locate", "S1", "2026-10-30", None),
        ticket("t3", "locate", "S1", "2026-08-30", "2026-09-01"),  # of an earlier period
        ticket("t4", "locate", "S2", "2026-10-01", "2026-10-02"),
    ]
    book = [line("S1", 1, critical=True), line("S2", 1)]
    rows = built({"tickets": tickets, "stock": book})["requests"]
    assert rows["ticket_id"].to_list() == ["t1", "t2", "t4"]
    assert [round(hours, 2) for hours in rows["hours"]] == [24, 37, 24]
    assert rows["critical"].to_list() == [True, True, False]
