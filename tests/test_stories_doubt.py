"""Stories of doubt: rows that contradict each other, feeds that may lack something, and counts that took their time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.test_stories import ADA, BOB, CHECK_IN, LAPTOP, numbered
from tests.test_stories_out import GONE, SEPTEMBER, batch_of, chain, following, found, remembered
from tests.worlds import staged, world
from tieout import exceptions
from tieout.docket import judge_all
from tieout.facts.ground import Ground
from tieout.findings import exception_id
from tieout.reconcile import reconcile
from tieout.rule import Rule
from tieout.world import World

MONITOR = {
    "asset_tag": "M-1", "serial": "MON0001", "asset_class": "monitor", "status": "in_use", "location": "Hall",
    "status_since": "2026-01-10", "custodian": "p1",
}  # fmt: skip

Rows = Sequence[Mapping[str, Any]]
AUGUST = datetime(2026, 8, 31, 21, 59, 59, 999999, tzinfo=UTC)


def asked(w: World, *slugs: str) -> dict[str, Any]:
    """How the population of each rule divides."""
    rules = [rule for rule in discover() if rule.slug in slugs]
    ground = Ground(w)
    grains = {name: import_module(f"tieout.facts.{name}").build(ground) for name in {rule.grain for rule in rules}}
    return {run["rule"]: run for run in judge_all(rules, grains, w)["rule_runs"].iter_rows(named=True)}


def test_two_laptops_under_one_tag_are_one_finding() -> None:
    twins = [LAPTOP, {**LAPTOP, "serial": "SER0002", "custodian": "p2", "location": "Munich"}]
    seen = [CHECK_IN, {**CHECK_IN, "endpoint_id": "e2", "serial": "SER0002", "user_email": "bob@x.org"}]
    w = world({"people": [ADA, BOB], "assets": twins, "endpoints": seen})
    slugs = ("duplicate-asset-tag", "ghost-asset", "held-by-stranger", "unregistered-device", "unusable-serial")
    assert found(w, *slugs, "used-by-another", "unmanaged-device") == {("duplicate-asset-tag", "A-1")}


def test_a_handover_told_twice_in_different_words_lacks_nothing() -> None:
    move = {
        "event_id": "M1", "kind": "assign", "asset_tag": "A-1", "to_person": "p1", "to_location": "Berlin",
        "condition": "good", "reason": "joined", "approved_by": "p2", "occurred_at": "2026-10-05",
    }  # fmt: skip
    twice = [move, {**move, "condition": "fair", "approved_by": "p3"}]
    assert found(world({"people": [ADA, BOB], "assets": [LAPTOP], "movements": twice}), "incomplete-transfer") == set()
    moved = {"event_id": "L1", "product": "Figma", "from_person": "p1", "to_person": "p2", "quantity": 1,
             "reason": "left", "occurred_at": "2026-10-05"}  # fmt: skip
    twice = [moved, {**moved, "reason": "moved on"}]
    assert found(world({"people": [ADA, BOB], "license_moves": twice}), "incomplete-license-move") == set()


def test_what_may_be_missing_decides_nothing() -> None:
    feeds: dict[str, Rows] = {
        "people": [ADA],
        "assets": [LAPTOP, MONITOR],
        "scans": [{"count_id": "c", "scan_id": "1", "code": "M-1", "location": "Yard", "scanned_at": "2026-10-20"}],
        "ledger": [{"ledger_id": "L1", "asset_tag": "A-1", "cost": 400, "currency": "EUR"}],
    }
    slugs = ("excess-devices", "misplaced-asset", "ledger-mismatch")
    whole = asked(world(feeds), *slugs)
    assert [(whole[slug]["fired"], whole[slug]["not_evaluated"]) for slug in slugs] == [(0, 0), (1, 0), (1, 0)]
    partial = asked(world(feeds, verdicts=dict.fromkeys(("assets", "movements", "ledger"), "AMBER")), *slugs)
    assert [partial[slug]["not_evaluated"] for slug in slugs] == [1, 1, 1]


def test_an_asset_whose_class_nobody_knows_is_counted_where_endpoints_are_not_alive() -> None:
    twins = [MONITOR, {**MONITOR, "asset_class": "dock"}]
    slugs = ("ghost-asset", "uncounted-asset", "unencrypted-device", "unmanaged-device", "used-by-another")
    runs = asked(world({"people": [ADA], "assets": twins}, verdicts={"endpoints": "RED"}), *slugs)
    assert {slug: runs[slug]["not_evaluated"] for slug in slugs} == dict.fromkeys(slugs, 1)


def test_a_room_that_only_a_lost_delivery_may_name_is_nobody_yet() -> None:
    held = {**MONITOR, "custodian": "Room 5"}
    feeds = {"people": [ADA], "assets": [held, {**LAPTOP, "custodian": "Room 5"}]}
    strangers = {("held-by-stranger", "A-1"), ("held-by-stranger", "M-1")}
    assert found(world(feeds), "held-by-stranger") == strangers
    partial = world(feeds, verdicts={"stock": "AMBER"})
    assert found(partial, "held-by-stranger") == {("held-by-stranger", "A-1")}
    assert asked(partial, "held-by-stranger")["held-by-stranger"]["not_evaluated"] == 1


def test_a_custodian_whom_hr_names_only_now_was_the_same_before() -> None:
    before = world({"people": [BOB], "assets": [{**LAPTOP, "custodian": "ada@x.org"}]}, period="2026-09")
    memory = remembered(replace(before, as_of=SEPTEMBER))
    for custodian, fires in (("p1", False), ("p2", True)):
        w = world({"people": [ADA, BOB], "assets": [{**LAPTOP, "custodian": custodian}]}, memory=memory)
        assert bool(found(w, "unrecorded-transfer")) is fires


def test_a_part_of_a_known_place_holds_what_it_holds() -> None:
    held = {**MONITOR, "custodian": "Berlin/3F", "location": None}
    assert found(world({"people": [ADA], "assets": [held]}), "held-by-stranger") == {("held-by-stranger", "M-1")}
    assert found(world({"people": [ADA], "assets": [LAPTOP, held]}), "held-by-stranger") == set()


def test_later_evidence_that_may_be_missing_keeps_the_question_open() -> None:
    lost = {**LAPTOP, "status": "lost", "status_since": "2026-10-29", "custodian": None}
    shelved = {**LAPTOP, "asset_tag": "A-2", "serial": "SER0002", "status": "in_stock", "status_since": "2026-10-29"}
    seen = [CHECK_IN, {**CHECK_IN, "endpoint_id": "e2", "serial": "SER0002"}]
    scans = [{"count_id": "c", "scan_id": "1", "code": "A-2", "location": "Berlin", "scanned_at": "2026-10-30"}]
    feeds: dict[str, Rows] = {"people": [ADA], "assets": [lost, shelved], "endpoints": seen, "scans": scans}
    feeds["ledger"] = [
        {"ledger_id": "L1", "asset_tag": "A-1", "cost": 1, "currency": "EUR", "disposed_on": "2026-10-29"}
    ]
    slugs = ("misplaced-asset", "stocked-but-active", "written-off-in-use", "zombie-asset")
    for verdicts, part in (({}, "clean"), ({"endpoints": "AMBER", "scans": "AMBER"}, "not_evaluated")):
        runs = asked(world(feeds, verdicts=verdicts), *slugs)
        assert [runs[slug][part] for slug in slugs] == [1, 1, 1, 1]


def test_a_check_in_that_may_be_anothers_raises_nobody_from_the_dead() -> None:
    twin = {**LAPTOP, "asset_tag": "A-2", "manufacturer": None}
    feeds: dict[str, Rows] = {
        "assets": [{**LAPTOP, "manufacturer": None}, twin],
        "endpoints": [CHECK_IN],
        "disposals": chain("received", "verified", "pending_destruction", "destroyed"),
    }
    run = asked(world(feeds), "life-after-death")["life-after-death"]
    assert (run["fired"], run["unknown"]) == (0, 1)


def test_one_serial_of_two_makers_is_two_devices() -> None:
    old = {**CHECK_IN, "endpoint_id": "e0", "enrolled_at": "2026-01-01"}
    new = {**CHECK_IN, "enrolled_at": "2026-09-01"}
    for maker, fires in (("Apple", True), (None, True), ("Dell", False)):
        w = world({"assets": [LAPTOP], "endpoints": [{**old, "manufacturer": maker}, new]})
        assert bool(found(w, "duplicate-endpoint")) is fires


def test_what_was_received_is_certain_only_as_far_as_it_was_seen() -> None:
    lines = [
        {"po_number": "PO", "line_no": n, "sku": "X", "quantity": 2, "unit_cost": 1, "currency": "EUR",
         "ordered_on": "2026-08-10"} for n in ("1", "2", "3", "4")
    ]  # fmt: skip
    came = [
        {"receipt_id": "R", "line_no": f"{n}.{quantity}", "po_number": "PO", "po_line_no": n, "quantity": quantity,
         "received_on": "2026-08-20"} for n, quantity in (("1", 1), ("2", 2), ("3", 3))
    ]  # fmt: skip
    told_twice = [{**came[0], "line_no": "4", "po_line_no": "4", "quantity": quantity} for quantity in (1, 3)]
    slugs = ("short-receipt", "over-receipt")
    parts = ("fired", "clean", "unknown", "not_evaluated")

    def divided(w: World) -> list[tuple[int, ...]]:
        runs = asked(w, *slugs)
        return [tuple(runs[slug][part] for part in parts) for slug in slugs]

    feeds = {"purchases": lines, "receipts": came + told_twice}
    assert divided(world(feeds)) == [(1, 2, 1, 0), (1, 2, 1, 0)]
    assert divided(world(feeds, verdicts={"receipts": "AMBER"})) == [(0, 2, 0, 2), (1, 0, 0, 3)]


def test_a_serial_that_was_sent_back_or_arrived_again() -> None:
    here = {"receipt_id": "R1", "line_no": "1", "po_number": "PO", "po_line_no": "1", "quantity": 1,
            "serial": "NEW0001", "received_on": "2026-10-10"}  # fmt: skip
    again = {**here, "receipt_id": "R2", "received_on": "2026-10-30"}
    unregistered = {("received-unregistered", "NEW0001")}
    assert found(world({"assets": [LAPTOP], "receipts": [here, again]}), "received-unregistered") == unregistered
    back = {**again, "quantity": -1}
    assert found(world({"assets": [LAPTOP], "receipts": [here, back]}), "received-unregistered") == set()


def test_an_endpoint_that_never_checked_in_is_silent_since_it_was_enrolled() -> None:
    scan = {"count_id": "c", "scan_id": "1", "code": "A-1", "location": "Berlin", "scanned_at": "2026-10-20"}
    never = {**CHECK_IN, "last_seen_at": "1970-01-01"}
    for enrolled, silent in (("2026-09-15", True), ("2026-09-16", False), (None, True)):
        feeds = {
            "people": [ADA],
            "assets": [LAPTOP],
            "endpoints": [{**never, "enrolled_at": enrolled}],
            "scans": [scan],
        }
        assert found(world(feeds), "silent-endpoint") == ({("silent-endpoint", "A-1")} if silent else set())


def test_a_department_of_which_people_may_be_missing_exempts_nobody_and_accuses_nobody() -> None:
    joiner = {**BOB, "employment_type": "employee", "department": "Shop", "start_date": "2026-10-01"}
    alone = {"people": [joiner], "assets": [LAPTOP]}
    assert found(world(alone), "unequipped-joiner") == {("unequipped-joiner", "p2")}
    assert found(world(alone, verdicts={"people": "AMBER"}), "unequipped-joiner") == set()


def test_an_order_line_booked_in_several_rows_is_compared_once_and_a_cost_told_twice_is_no_cost() -> None:
    order = [{"po_number": "P1", "line_no": "1", "quantity": 2, "unit_cost": 500, "currency": "EUR",
              "ordered_on": "2026-01-05"}]  # fmt: skip
    register = numbered({**LAPTOP, "po_number": "P1"}, 2, asset_tag="A-{n}", serial="SER{n}")
    booked = {"ledger_id": "L1", "po_number": "P1", "po_line_no": "1", "quantity": 2, "cost": 900, "currency": "EUR"}
    freight = {**booked, "ledger_id": "L2", "cost": 100}
    feeds = {"people": [ADA], "purchases": order, "assets": register}
    assert found(world({**feeds, "ledger": [booked, freight]}), "ledger-mismatch") == set()
    assert found(world({**feeds, "ledger": [freight, booked, {**booked, "ledger_id": "L3"}]}), "ledger-mismatch") == {
        ("ledger-mismatch", "L1")
    }
    assert found(world({**feeds, "ledger": [freight, booked, {**booked, "cost": 800}]}), "ledger-mismatch") == set()


def test_an_order_could_have_been_met_by_what_was_on_the_shelf_that_day() -> None:
    order = {"line_no": "1", "sku": "M", "quantity": 1, "unit_cost": 500, "currency": "EUR"}
    orders = [{**order, "po_number": f"P{day}", "ordered_on": f"2026-10-{day}"} for day in ("03", "10", "17")]
    shelf = [
        {**LAPTOP, "asset_tag": tag, "serial": f"SER-{tag}", "sku": "M", "status": "in_stock", "custodian": None}
        for tag in ("A-1", "A-2")
    ]
    september = world({"people": [ADA], "assets": shelf}, period="2026-09", as_of=SEPTEMBER)
    handed_out = {**shelf[0], "status": "in_use", "status_since": "2026-10-05", "custodian": "p1"}
    for ordered, met in ((orders, {"P03", "P10"}), (orders[1:], {"P10"})):
        october = world({"people": [ADA], "assets": [handed_out, shelf[1]], "purchases": ordered})
        w = following(september, october, asked=["avoidable-purchase"])
        assert found(w, "avoidable-purchase") == {("avoidable-purchase", f"{number}/1") for number in met}
        claimed = remembered(w, "avoidable-purchase")["memory_idle_units"].rows()
        assert ("A-2", "P10", "1") in claimed


@pytest.mark.parametrize(("status", "fires"), [("cancelled", True), ("closed", False)])
def test_a_unit_for_which_an_order_was_cancelled_may_meet_the_next(status: str, fires: bool) -> None:
    shelf = {**LAPTOP, "sku": "M", "status": "in_stock", "custodian": None}
    order = {"po_number": "P1", "line_no": "1", "sku": "M", "quantity": 1, "unit_cost": 500, "currency": "EUR"}
    first = {**order, "ordered_on": "2026-09-10"}
    then = {**order, "po_number": "P2", "ordered_on": "2026-10-10"}
    september = world({"assets": [shelf], "purchases": [first]}, period="2026-09", as_of=SEPTEMBER)
    corrected = [{**first, "_period": "2026-09"}, {**first, "status": status}]
    october = world({"assets": [shelf], "purchases": [*corrected, then]})
    w = following(september, october, asked=["avoidable-purchase"])
    assert found(w, "avoidable-purchase") == ({("avoidable-purchase", "P2/1")} if fires else set())


def test_what_came_while_the_register_was_silent_is_held_against_it_once_it_speaks_again() -> None:
    scan = {"count_id": "c", "scan_id": "1", "code": "B-7", "location": "Berlin", "scanned_at": "2026-09-10"}
    order = {"po_number": "P1", "line_no": "1", "sku": "M", "quantity": 1, "unit_cost": 500, "currency": "EUR",
             "ordered_on": "2026-09-10"}  # fmt: skip
    shelf = {**LAPTOP, "sku": "M", "status": "in_stock", "custodian": None}
    told = {"scans": staged("scans", [scan], "2026-09"), "purchases": staged("purchases", [order], "2026-09")}
    asked = ("unknown-scan-code", "avoidable-purchase")
    late = {("unknown-scan-code", "B-7"), ("avoidable-purchase", "P1/1")}
    w = world({"people": [ADA], "assets": [shelf], **told})
    for verdict, register, fires in (("GREEN", [shelf], set()), ("RED", [], late)):
        september = world({**told, "assets": register}, verdicts={"assets": verdict}, period="2026-09", as_of=SEPTEMBER)
        assert found(following(september, w, asked=asked), *asked) == fires


def test_receipts_of_months_without_orders_are_judged_once_the_orders_of_those_months_came() -> None:
    order = {"po_number": "P1", "line_no": "1", "quantity": 1, "unit_cost": 5, "currency": "EUR"}
    orders = [staged("purchases", [{**order, "ordered_on": day}], day[:7]) for day in ("2026-06-01", "2026-09-01")]
    whole = staged("purchases", [{**order, "ordered_on": "2026-06-01"}], "2026-10")
    receipt = {"line_no": "1", "po_number": "P9", "po_line_no": "1", "quantity": 1}
    told = [staged("receipts", [{**receipt, "receipt_id": p, "received_on": f"{p}-15"}], p)
            for p in ("2026-07", "2026-08", "2026-09", "2026-10")]  # fmt: skip
    verdicts = {"2026-06": "GREEN", "2026-07": "GREEN", "2026-08": "RED", "2026-09": "GREEN", "2026-10": "GREEN"}

    def unordered(*purchases: pl.DataFrame) -> set[str]:
        feeds = {"receipts": pl.concat(told), "purchases": pl.concat(purchases)}
        months = [
            world({name: rows.filter(pl.col("_period") <= p) for name, rows in feeds.items()}, period=p,
                  as_of=datetime.fromisoformat(f"{p}-30T21:00:00Z"), verdicts={"purchases": verdict})
            for p, verdict in verdicts.items()
        ]  # fmt: skip
        w = following(*months, asked=["unordered-receipt"])
        return {subject for _, subject in found(w, "unordered-receipt")}

    assert unordered(*orders) == set()  # the orders of August are still to come
    assert unordered(*orders, whole) == {"2026-08/1", "2026-09/1", "2026-10/1"}


MOVE = {
    "event_id": "M1", "kind": "assign", "asset_tag": "A-1", "to_person": "p1", "to_location": "Berlin",
    "condition": "good", "reason": "joined", "approved_by": "ada@x.org", "occurred_at": "2026-09-05",
    "_period": "2026-09",
}  # fmt: skip
PACKED = {"serial": "SER0002", "asset_tag": "A-2", "batch_id": "B2"}
UNTOLD: dict[str, tuple[str, str, dict[str, Rows], dict[str, Rows]]] = {
    "an approval by the receiver, under another name": (
        "incomplete-transfer", "people", {"people": [BOB]}, {"assets": [LAPTOP], "movements": [MOVE]}
    ),
    "a batch that may have come before what holds data": (
        "queue-jump", "assets", {},
        {
            "assets": [GONE, {**GONE, "asset_tag": "A-2", "serial": "SER0002"}],
            "disposals": [
                *chain("received", month="2026-08", _period="2026-08"),
                *chain("received", "destroyed", month="2026-09", _period="2026-09", approved_by=None, **PACKED),
            ],
        },
    ),
    "a write-off without an approval": (
        "unapproved-write-off", "movements", {"assets": [LAPTOP]}, {"assets": [{**LAPTOP, "status": "lost"}]}
    ),
    "a new custodian without a movement": (
        "unrecorded-transfer", "movements", {"assets": [LAPTOP]}, {"assets": [{**LAPTOP, "custodian": "p2"}]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTOLD)
def test_what_nobody_could_tell_is_judged_as_soon_as_somebody_can(name: str) -> None:
    slug, silent, before, then = UNTOLD[name]
    held: dict[str, Rows] = {"people": [ADA, BOB], "movements": [{**MOVE, "event_id": "M0", "kind": "tag"}]}
    august = world({**held, **before}, period="2026-08", as_of=AUGUST)
    months = {}
    for verdict in ("GREEN", "RED"):
        told = {n: [] if verdict == "RED" and n == silent else rows for n, rows in {**held, **then}.items()}
        september = world(told, period="2026-09", as_of=SEPTEMBER, verdicts={silent: verdict})
        again = [{**row, "_period": "2026-10"} for row in {**held, **then}[silent]]
        october = world({**held, **then, silent: again})
        months[verdict] = [
            {rule for rule, _ in found(following(august, *late, asked=[slug]), slug)}
            for late in ([september], [september, october])
        ]
    assert months == {"GREEN": [{slug}, set()], "RED": [set(), {slug}]}


def test_a_custodian_whom_hr_could_not_tell_is_compared_once_it_can() -> None:
    held = {**LAPTOP, "custodian": "ada@x.org"}
    passed = [{**MOVE, "kind": "transfer", "to_person": "p2"}]
    told: dict[str, tuple[str, Rows]] = {
        "another": ("bob@x.org", []), "handed over": ("bob@x.org", passed), "under her other name": ("ada", [])
    }  # fmt: skip
    hired = {**ADA, "username": "ada"}
    fired = set()
    for name, (custodian, moves) in told.items():
        feeds: dict[str, Rows] = {"assets": [{**held, "custodian": custodian}], "movements": moves}
        august = world({"people": [hired], "assets": [held]}, period="2026-08", as_of=AUGUST)
        september = world(feeds, period="2026-09", as_of=SEPTEMBER, verdicts={"people": "RED"})
        october = world({**feeds, "people": [hired, BOB]})
        slug = "unrecorded-transfer"
        assert found(following(august, september, asked=[slug]), slug) == set()
        if found(following(august, september, october, asked=[slug]), slug):
            fired.add(name)
    assert fired == {"another"}


def test_a_ledger_row_whose_keys_name_two_assets_is_no_ghost_and_books_both() -> None:
    register = [
        {**LAPTOP, "cost": 2000, "purchased_on": "2026-01-01"},
        {**LAPTOP, "asset_tag": "A-2", "serial": "SER0002", "cost": 2000, "purchased_on": "2026-01-01"},
    ]
    crossed = [{"ledger_id": "L1", "asset_tag": "A-1", "serial": "SER0002", "cost": 4000, "currency": "EUR"}]
    nameless = [{"ledger_id": "L2", "serial": "n/a", "cost": 4000, "currency": "EUR"}]
    w = world({"people": [ADA], "assets": register, "ledger": crossed + nameless})
    assert found(w, "ledger-ghost", "unledgered-asset") == set()


def test_a_value_that_nobody_knows_makes_no_answer_wait() -> None:
    """What only the value needs, here the ledger, is no reason why a rule was not evaluated."""
    shelved = {**LAPTOP, "status": "in_stock", "status_since": None, "custodian": None}
    run = asked(world({"people": [ADA], "assets": [shelved]}, configured=("people", "assets")), "idle-stock")[
        "idle-stock"
    ]
    assert (run["unknown"], run["not_evaluated"]) == (1, 0)


def test_an_item_that_waits_for_its_destruction_needs_no_certificate() -> None:
    gone = {**LAPTOP, "status": "retired", "custodian": None}
    runs = asked(world({"assets": [gone], "disposals": chain("received", "verified")}), "uncertified-disposal")
    assert runs["uncertified-disposal"]["clean"] == 1


def hall(place: str, *counts: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """A place with three monitors, of which each count found all but the first, or nothing where it was broken off."""
    monitors = [
        {**MONITOR, "asset_tag": f"{place}-{n}", "serial": f"{place}000{n}", "location": place} for n in (1, 2, 3)
    ]
    placed = [{**count, "count_id": f"{place}{n}", "location": place} for n, count in enumerate(counts)]
    scans = [
        {"count_id": count["count_id"], "scan_id": n, "code": f"{place}-{n}", "location": place,
         "scanned_at": count["cut_off_at"]}
        for count in placed if "scans_expected" not in count for n in ("2", "3")
    ]  # fmt: skip
    return {"assets": monitors, "counts": placed, "scans": scans}


def test_which_count_an_asset_is_missing_in() -> None:
    before = {"_period": "2026-09", "cut_off_at": "2026-09-28"}
    halls = [
        hall("FINISHED", {**before, "completed_at": "2026-10-02"}),
        hall("SINCE", {**before, "completed_at": "2026-10-02"}),
        hall("DELIVERED", {**before, "completed_at": "2026-09-29", "_period": "2026-10"}),
        hall("JUDGED", {**before, "completed_at": "2026-09-29"}),
        hall(
            "BROKEN",
            {"cut_off_at": "2026-10-10", "completed_at": "2026-10-11"},
            {"cut_off_at": "2026-10-20", "completed_at": "2026-10-21", "scans_expected": 3},
        ),
    ]
    feeds = {feed: [row for place in halls for row in place[feed]] for feed in halls[0]}
    feeds["scans"].append(
        {"count_id": "X", "scan_id": "1", "code": "SINCE-1", "location": "SINCE", "scanned_at": "2026-10-12"}
    )
    w = world({"people": [ADA], **feeds})
    w = replace(w, sources=pl.concat([w.sources.with_columns(period=pl.lit("2026-09")), w.sources]))
    missing = {subject for _, subject in found(w, "missing-in-count")}
    assert missing == {"FINISHED-1", "DELIVERED-1", "BROKEN-1"}


@pytest.mark.parametrize("code", ["TWIN001", "TWIN002"])
def test_a_code_that_names_two_devices_finds_both(code: str) -> None:
    feeds = hall("H", {"cut_off_at": "2026-10-10", "completed_at": "2026-10-11"})
    twins = [{**MONITOR, "asset_tag": tag, "serial": "TWIN001", "location": "H"} for tag in ("T-1", "T-2")]
    bought = [{**twin, "status_since": "2025-01-10"} for twin in twins]
    scan = {**feeds["scans"][0], "scan_id": "1", "code": code}
    w = world({"people": [ADA], **feeds, "assets": [*feeds["assets"][1:], *bought], "scans": [*feeds["scans"], scan]})
    slugs = ("missing-in-count", "uncounted-asset")
    lost = {("missing-in-count", tag) for tag in ("T-1", "T-2")}
    assert found(w, *slugs) == (set() if code == "TWIN001" else lost)


def test_a_count_in_other_letters_is_of_the_line_as_the_book_writes_it() -> None:
    book = {"sku": "Cable-1", "location": "Berlin", "bin": "a1", "quantity": 10}
    count = {"count_id": "K", "sku": "CABLE-1", "location": "BERLIN", "bin": "A1", "quantity": 2,
             "counted_at": "2026-10-20"}  # fmt: skip
    w = world({"stock": [book], "stock_counts": [count]})
    assert found(w, "stock-variance") == {("stock-variance", "Cable-1/Berlin/a1")}


def test_a_write_off_approved_late_was_fixed() -> None:
    """It had left the books already: only what was wrong with something on the books ends by its leaving."""
    lost = {**LAPTOP, "status": "lost", "status_since": "2026-09-20"}
    approval = {
        "event_id": "E",
        "kind": "dispose",
        "asset_tag": "A-1",
        "approved_by": "p2",
        "occurred_at": "2026-10-02",
    }
    rows = [
        {
            "rule": slug,
            "exception_id": exception_id(slug, "A-1"),
            "subject": "A-1",
            "subject_key": "A-1",
            "status": "open",
        }
        for slug in ("unapproved-write-off", "ghost-asset")
    ]
    before = pl.DataFrame(rows)
    w = world({"people": [ADA, BOB], "assets": [lost], "movements": [approval]}, memory={"memory_exceptions": before})
    rules = [rule for rule in discover() if rule.slug in ("unapproved-write-off", "ghost-asset")]
    findings = judge_all(rules, {"asset": import_module("tieout.facts.asset").build(Ground(w))}, w)["findings"]
    assert dict(findings.select("rule", "why").iter_rows()) == {
        "unapproved-write-off": "fixed", "ghost-asset": "written_off",
    }  # fmt: skip


def test_a_device_bought_on_no_known_day_is_unvalued_and_goes_to_the_owner_of_its_place() -> None:
    ghosts = [
        {**LAPTOP, "location": "MUC / 3F", "purchased_on": None},
        {**LAPTOP, "asset_tag": "A-2", "serial": "SER0002", "location": "Munich East", "purchased_on": "2026-10-31"},
    ]
    w = world(
        {"people": [ADA], "assets": ghosts},
        routes=[{"location": "Munich", "owner": "south"}],
        location_aliases={"MUC": "Munich"},
    )
    rules = [rule for rule in discover() if rule.slug == "ghost-asset"]
    findings = judge_all(rules, {"asset": import_module("tieout.facts.asset").build(Ground(w))}, w)["findings"]
    assert findings.select("owner", "value").rows() == [("south", None), ("unrouted", 500)]


def test_a_count_of_two_classes_in_two_rows_misses_neither_and_no_third() -> None:
    place = hall("HALL", {"cut_off_at": "2026-10-20", "completed_at": "2026-10-21"})
    kinds = [
        {**place["assets"][0], "asset_tag": f"K-{kind}", "serial": f"KIND-{kind}", "asset_class": kind}
        for kind in ("dock", "printer")
    ]
    counts = [{**place["counts"][0], "asset_class": kind} for kind in ("monitor", "dock")]
    w = world({**place, "people": [ADA], "assets": [*place["assets"], *kinds], "counts": counts})
    assert {subject for _, subject in found(w, "missing-in-count")} == {"HALL-1", "K-dock"}


@pytest.mark.parametrize("silent", ["assets", "endpoints", "scans", "movements"])
def test_a_count_is_judged_once_all_it_is_held_against_is_there(silent: str) -> None:
    place = hall("HALL", {"cut_off_at": "2026-09-20", "completed_at": "2026-09-21"})
    tagged = {"event_id": "M0", "kind": "tag", "occurred_at": "2026-09-01"}
    feeds: dict[str, Rows] = {
        **place, "assets": [{**laptop, "asset_class": "laptop"} for laptop in place["assets"]],
        "people": [ADA], "endpoints": [CHECK_IN], "movements": [tagged],
    }  # fmt: skip
    feeds = {name: [{**row, "_period": "2026-09"} for row in rows] for name, rows in feeds.items()}
    again = {**feeds, silent: [{**row, "_period": "2026-10"} for row in feeds[silent]]}
    slug, hit = "missing-in-count", {("missing-in-count", "HALL-1")}
    for verdict, then, later in (("GREEN", hit, set()), ("RED", set(), hit)):
        told = {**feeds, silent: []} if verdict == "RED" else feeds
        september = world(told, period="2026-09", as_of=SEPTEMBER, verdicts={silent: verdict})
        months = [september, world(again if verdict == "RED" else feeds)]
        assert [found(following(*months[:n], asked=[slug]), slug) for n in (1, 2)] == [then, later]


def test_a_register_without_dates_tells_by_what_it_showed_before() -> None:
    """Nobody tells since when, but two months ago it was so already."""
    undated = {**LAPTOP, "status_since": None}
    register = [undated, {**undated, "asset_tag": "A-2", "serial": "SER0002"}]
    register += [
        {**undated, "asset_tag": f"G-{status}", "serial": f"GONE-{status}", "status": status, "custodian": None}
        for status in ("in_stock", "disposed")
    ]
    seen = [CHECK_IN] + [{**CHECK_IN, "endpoint_id": row["asset_tag"], "serial": row["serial"]} for row in register[1:]]
    feeds = {"people": [ADA], "assets": register, "endpoints": seen}
    slugs = ("excess-devices", "stocked-but-active", "zombie-asset")
    august = datetime(2026, 8, 31, 21, 59, tzinfo=UTC)
    before = remembered(world(feeds, period="2026-08", as_of=august))
    assert {run["unknown"] for run in asked(world(feeds), *slugs).values()} == {1}
    assert found(world(feeds, memory=before), *slugs) == {
        ("excess-devices", "p1"), ("stocked-but-active", "G-in_stock"), ("zombie-asset", "G-disposed"),
    }  # fmt: skip


def test_a_loan_that_names_no_shelf_is_of_the_only_one() -> None:
    book = [{"sku": "S-1", "location": "Store", "bin": "A1", "quantity": 8}] + [
        {"sku": "S-2", "location": place, "bin": "A1", "quantity": 8} for place in ("Store", "Attic")
    ]
    counted = {"location": "Store", "bin": "A1", "counted_at": "2026-10-20"}
    counts = [{**counted, "count_id": "K", "sku": "S-1", "quantity": 10}]
    counts += [{**counted, "count_id": "K", "sku": "S-2", "quantity": 2}]
    lent = [
        {"event_id": sku, "kind": "checkout", "sku": sku, "quantity": 2, "to_person": "p1", "occurred_at": "2026-10-25"}
        for sku in ("S-1", "S-2")
    ]
    run = asked(world({"people": [ADA], "stock": book, "stock_counts": counts, "movements": lent}), "stock-variance")
    assert (run["stock-variance"]["clean"], run["stock-variance"]["unknown"]) == (1, 1)


def test_what_moved_to_a_place_is_of_its_bin_in_the_book_and_of_no_bin_beside_it() -> None:
    counted = {"count_id": "K", "location": "Store", "counted_at": "2026-10-20"}
    booked = [
        {**counted, "sku": "S-1", "bin": "A1", "quantity": 10},
        {**counted, "sku": "S-1", "bin": "B1", "quantity": 0},
    ]
    used_up = [{**counted, "sku": "S-2", "bin": "A1", "quantity": 2}]
    either = [{**counted, "sku": "S-3", "bin": name, "quantity": 2} for name in ("A1", "B1")]
    taken = {
        "kind": "checkout",
        "quantity": 2,
        "to_person": "p1",
        "from_location": "Store",
        "occurred_at": "2026-10-25",
    }
    feeds = {
        "people": [ADA],
        "stock": [{"sku": "S-1", "location": "Store", "bin": "A1", "quantity": 8}],
        "stock_counts": [*booked, *used_up, *either],
        "movements": [{**taken, "event_id": sku, "sku": sku} for sku in ("S-1", "S-2", "S-3")],
    }
    run = asked(world(feeds), "stock-variance")["stock-variance"]
    assert (run["clean"], run["unknown"]) == (3, 2)


def test_a_batch_jumps_the_queue_of_what_is_known_to_hold_data_whatever_else_waits() -> None:
    waiting = chain("received", month="2026-09", item="A-1", batch_id="B1")
    unknown = chain("received", month="2026-09", start=2, item="X-9", serial="SER0009", batch_id="B3")
    batch = chain("received", "destroyed", item="A-2", serial="SER0002", batch_id="B2", approved_by=None)
    slug = "queue-jump"
    fired = []
    register = [GONE, {**GONE, "asset_tag": "A-2", "serial": "SER0002"}]
    first = world({"assets": register}, period="2026-09", as_of=SEPTEMBER)
    for rows in ([*waiting, *batch], [*waiting, *unknown, *batch], [*unknown, *batch]):
        w = following(first, world({"disposals": rows}, verdicts={"assets": "RED"}), asked=[slug])
        fired.append(bool(found(w, slug)))
    assert fired == [True, True, False]


def test_what_moved_after_the_register_was_drawn_is_not_misplaced() -> None:
    stored = {**LAPTOP, "status": "in_stock", "custodian": None}
    move = {"event_id": "E", "kind": "transfer", "asset_tag": "A-1", "from_location": "Berlin", "to_location": "Munich",
            "occurred_at": "2026-10-29"}  # fmt: skip
    scan = {"count_id": "c", "scan_id": "1", "code": "A-1", "location": "Munich", "scanned_at": "2026-10-30"}
    w = world({"assets": [stored], "movements": [move], "scans": [scan]})
    assert found(w, "misplaced-asset") == {("misplaced-asset", "A-1")}  # the register should know by now
    drawn = datetime(2026, 10, 28, 20, tzinfo=UTC)
    early = replace(w, sources=w.sources.with_columns(as_of=pl.lit(drawn)))
    assert found(early, "misplaced-asset") == set()


def test_a_mailbox_that_two_accounts_share_makes_neither_somebody_elses_in_a_later_month() -> None:
    account = {"status": "active", "kind": "human", "email": "desk@x.org"}
    feeds: dict[str, Rows] = {
        "people": [ADA],
        "accounts": [
            {**account, "account_id": "D1", "username": "ada"},
            {**account, "account_id": "D2", "username": "z"},
        ],
    }
    memory = remembered(world(feeds, period="2026-09", as_of=SEPTEMBER))
    for w in (world(feeds), world(feeds, memory=memory)):
        assert found(w, "stranger-account") == {("stranger-account", "D2")}


def test_an_alias_that_two_people_bear_is_a_conflict_and_one_told_twice_is_unknown() -> None:
    account = {"account_id": "D1", "username": "z", "aliases": ["both@x.org"], "status": "active", "kind": "human"}
    both = [{**person, "other_emails": ["both@x.org"]} for person in (ADA, BOB)]
    rules = ("conflicting-person", "stranger-account")
    assert found(world({"people": both, "accounts": [account]}), *rules) == {("conflicting-person", "D1")}
    seat = {"product": "Pad", "seat_id": "s1", "status": "active", "email": "ada@x.org"}
    twice = asked(world({"people": [ADA, BOB], "seats": [seat, {**seat, "email": "bob@x.org"}]}), rules[0])
    assert (twice[rules[0]]["clean"], twice[rules[0]]["unknown"]) == (0, 1)
    disputed = {"people": both, "seats": [{**seat, "email": "both@x.org"}], "accounts": []}
    leaves_open = asked(world(disputed), "deprovisioned-seat", "duplicate-seat", "bundled-seat")
    assert {run["unknown"] for run in leaves_open.values()} == {1}


def test_whom_two_hr_systems_give_two_addresses_has_both() -> None:
    both = [staged("people", [{**ADA, "email": f"ada@{own}.org"}], source=own) for own in ("x", "y")]
    account = {"account_id": "D1", "username": "z", "email": "ada@y.org", "status": "active", "kind": "human"}
    seat = {"product": "Pad", "seat_id": "s1", "status": "active", "email": "ada@x.org"}
    w = world({"people": pl.concat(both), "accounts": [account], "seats": [seat]})
    assert found(w, "stranger-account", "stranger-seat") == set()


def test_an_account_that_two_directories_give_two_addresses_is_no_strangers() -> None:
    account = {"account_id": "D1", "username": "z", "status": "active", "kind": "human"}
    twice = [staged("accounts", [{**account, "email": f"{name}@x.org"}], source=name) for name in ("ada", "desk")]
    runs = asked(world({"people": [ADA], "accounts": pl.concat(twice)}), "stranger-account")
    assert (runs["stranger-account"]["fired"], runs["stranger-account"]["unknown"]) == (0, 1)


def test_a_ledger_entry_that_two_books_tell_differently_is_no_ghost() -> None:
    entry = {"ledger_id": "L1", "asset_tag": "A-9", "cost": 900, "currency": "EUR"}
    for told in (("disposed_on", "2026-09-01", "2026-09-30"), ("asset_tag", "A-1", "A-9")):
        column, *values = told
        books = [staged("ledger", [{**entry, column: value}], source=value) for value in values]
        w = world({"assets": [LAPTOP], "ledger": pl.concat(books)})
        assert found(w, "ledger-ghost") == set()


def test_a_bill_that_two_systems_call_differently_may_have_a_contract() -> None:
    bill = {
        "invoice_id": "I1", "line_no": "1", "period_start": "2026-10-01", "period_end": "2026-10-31", "quantity": 1,
        "amount": 10, "currency": "EUR",
    }  # fmt: skip
    twice = [staged("invoices", [{**bill, "product": name}], source=name) for name in ("Pad", "Pen")]
    runs = asked(world({"invoices": pl.concat(twice)}), "billed-without-contract")
    assert (runs["billed-without-contract"]["fired"], runs["billed-without-contract"]["unknown"]) == (0, 1)


def test_an_approval_under_two_names_is_unknown() -> None:
    lost = {**LAPTOP, "status": "lost", "status_since": "2026-10-10"}
    retire = {"event_id": "m1", "kind": "retire", "asset_tag": "A-1", "occurred_at": "2026-10-09"}
    release = {"event_id": "d1", "batch_id": "B", "serial": "SER0001", "stage": "released", "occurred_at": "2026-10-09"}
    twice = {
        feed: pl.concat(staged(feed, [{**row, "approved_by": name}], source=name) for name in ("bob", "eve"))
        for feed, row in (("movements", retire), ("disposals", release))
    }
    runs = asked(world({"people": [ADA, BOB], "assets": [lost], **twice}), "unapproved-write-off", "unapproved-release")
    assert {rule: run["unknown"] for rule, run in runs.items()} == {"unapproved-write-off": 1, "unapproved-release": 1}


def test_a_spare_whose_limit_is_on_a_bin_that_is_missing_stays_open() -> None:
    rules = [rule for rule in discover() if rule.slug == "overstock"]
    full = {"sku": "S-1", "location": "Store", "bin": "A1", "quantity": 9}
    limit = {**full, "bin": "A2", "quantity": 1, "maximum": 2}
    memory = life(world({"stock": [full, limit]}, period="2026-09", as_of=SEPTEMBER), rules)
    part = reconcile(world({"stock": [full]}, memory=memory, verdicts={"stock": "AMBER"}), rules)
    assert part["findings"]["outcome"].to_list() == ["held"]
    twice = [staged("stock", [{**limit, "maximum": most}], source=str(most)) for most in (2, 30)]
    assert found(world({"stock": pl.concat([staged("stock", [full]), *twice])}), "overstock") == set()


def test_an_item_goes_by_no_other_name_while_a_register_is_missing() -> None:
    """Two registers have one serial under two tags, so that it means neither until one of the two is refused."""
    rules = [rule for rule in discover() if rule.slug == "lost-in-transit"]
    shipped = {"event_id": "D1", "batch_id": "B", "serial": "SERX0001", "stage": "shipped", "occurred_at": "2026-08-01"}
    ours, theirs = (
        {"asset_tag": tag, "serial": "SERX0001", "asset_class": "laptop", "status": "retired"} for tag in "AB"
    )
    feeds = {"assets": [ours, theirs], "disposals": [shipped]}
    memory = life(world(feeds, period="2026-09", as_of=SEPTEMBER), rules)
    part = reconcile(world({**feeds, "assets": [ours]}, memory=memory, verdicts={"assets": "AMBER"}), rules)
    assert dict(part["findings"].select("subject", "outcome").rows()) == {"SERX0001": "held", "A": "fired"}


def test_orders_that_two_docks_name_differently_may_be_known() -> None:
    line = {
        "po_number": "P1",
        "line_no": "1",
        "quantity": 1,
        "unit_cost": 9,
        "currency": "EUR",
        "ordered_on": "2026-01-01",
    }
    receipt = {"receipt_id": "R1", "line_no": "1", "po_number": "P1", "quantity": 1, "received_on": "2026-10-05"}
    twice = [staged("receipts", [{**receipt, "po_line_no": number}], source=number) for number in ("1", "2")]
    orders = [line, {**line, "line_no": "2"}]
    assert found(world({"purchases": orders, "receipts": pl.concat(twice)}), "unordered-receipt") == set()


def test_a_count_of_which_two_days_are_told_may_be_the_latest() -> None:
    line = {"sku": "S-1", "location": "Store", "bin": "A1", "quantity": 1}
    days = {"old": "2025-01-01", "desk": "2026-10-01", "dock": "2026-10-02"}
    counted = [
        staged("stock_counts", [{**line, "count_id": name[0], "counted_at": day}], source=name)
        for name, day in days.items()
    ]
    feeds = {"stock": [line], "stock_counts": pl.concat(counted)}
    assert asked(world(feeds), "count-overdue")["count-overdue"]["unknown"] == 1


def test_a_conflict_of_an_account_is_gone_with_it_whatever_the_consoles_bring() -> None:
    account = {"account_id": "D1", "username": "ada", "email": "bob@x.org", "status": "active", "kind": "human"}
    feeds: dict[str, Rows] = {"people": [ADA, BOB], "accounts": [account]}
    rules = [rule for rule in discover() if rule.slug == "conflicting-person"]
    memory = life(world(feeds, period="2026-09", as_of=SEPTEMBER), rules)
    later = reconcile(world({**feeds, "accounts": []}, memory=memory, verdicts={"seats": "AMBER"}), rules)
    assert later["findings"]["outcome"].to_list() == ["gone"]


@pytest.mark.parametrize(
    ("corrected", "outcome"),
    [
        ({"asset_tag": "A-2"}, "clean"),  # it was another one that was released
        ({"stage": "verified"}, "clean"),  # it was not released yet
        ({"event_id": "again", "stage": "received", "occurred_at": "2026-10-20"}, "fired"),  # sent away again
    ],
)
@pytest.mark.parametrize("route", ["redeploy", "resale"])
def test_a_release_that_is_corrected_away_needs_no_approval_and_no_papers(
    route: str, corrected: dict[str, Any], outcome: str
) -> None:
    stages = ("received", "verified", "released")
    released = chain(*stages, month="2026-09", route=route, method="purge", approved_by=None, _period="2026-09")
    register = [{**GONE, "data_bearing": False}, {**GONE, "asset_tag": "A-2", "serial": "SER0002"}]
    feeds: dict[str, Rows] = {"people": [ADA], "assets": register, "disposals": released}
    slugs = ("unapproved-release", *(["undocumented-disposition"] if route == "resale" else []))
    rules = [rule for rule in discover() if rule.slug in slugs]
    memory = life(world(feeds, period="2026-09", as_of=SEPTEMBER), rules)
    news = [*released, {**released[-1], **corrected, "_period": "2026-10"}]
    findings = reconcile(world({**feeds, "disposals": news}, memory=memory), rules)["findings"]
    of_first = findings.filter(pl.col("subject") == "A-1")
    assert of_first.select("rule", "outcome").sort("rule").rows() == [(slug, outcome) for slug in slugs]


def life(w: World, rules: list[Rule]) -> dict[str, pl.DataFrame]:
    """What a month leaves for the next, the list of exceptions included."""
    tables = reconcile(w, rules)
    tables |= exceptions.age(w, tables["findings"])
    return {name: table for name, table in tables.items() if name.startswith("memory_")}


@pytest.mark.parametrize(
    ("corrected", "outcome"),
    [({"batch_id": "B1"}, "clean"), ({"stage": "pending_destruction"}, "clean"), ({"condition": "bent"}, "fired")],
)
def test_a_destruction_that_is_corrected_away_jumps_no_queue(corrected: dict[str, Any], outcome: str) -> None:
    waiting = batch_of("A-1", "2026-08-10", None, "B1")
    jumping = batch_of("A-2", "2026-09-05", "2026-09-20", "B2")
    register = [GONE, {**GONE, "asset_tag": "A-2", "serial": "SER0002"}]
    feeds: dict[str, Rows] = {
        "assets": register,
        "disposals": [{**r, "_period": "2026-09"} for r in (*waiting, *jumping)],
    }
    rules = [rule for rule in discover() if rule.slug == "queue-jump"]
    memory = life(world(feeds, period="2026-09", as_of=SEPTEMBER), rules)
    later = [*feeds["disposals"], {**jumping[-1], **corrected, "_period": "2026-10"}]
    findings = reconcile(world({**feeds, "disposals": later}, memory=memory), rules)["findings"]
    assert findings.select("subject", "outcome").rows() == [("B2", outcome)]
