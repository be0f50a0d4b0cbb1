"""Stories of what goes out: disposals, loans, handovers and spares, each with the near-misses beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.test_stories import ADA, BOB, CHECK_IN, LAPTOP
from tests.worlds import world
from tieout.docket import judge_all
from tieout.facts.ground import Ground
from tieout.reconcile import reconcile
from tieout.world import World

RULES = discover()
GONE = {**LAPTOP, "status": "retired", "status_since": "2026-08-01", "custodian": None}
WHOLE = ("shipped", "received", "verified", "pending_destruction", "destroyed", "certificate_issued")
SALE = {"route": "resale", "document_id": "D1", "proceeds": 10, "currency": "EUR"}
BY_BOSS = {"approved_by": "boss"}
SEPTEMBER = datetime(2026, 9, 30, 21, 59, 59, 999999, tzinfo=UTC)

Rows = Sequence[Mapping[str, Any]]


def found(w: World, *slugs: str) -> set[tuple[str, str]]:
    """What fired: rule and subject, of the rules named, with those that go before them."""
    asked = [rule for rule in RULES if rule.slug in slugs]
    named = {*slugs, *(first for rule in asked for first in rule.goes_after)}
    rules = [rule for rule in RULES if rule.slug in named]
    ground = Ground(w)
    grains = {name: import_module(f"tieout.facts.{name}").build(ground) for name in {rule.grain for rule in rules}}
    findings = judge_all(rules, grains, w)["findings"]
    fired = findings.filter(pl.col("outcome") == "fired").select("rule", "subject")
    return {(r, s) for r, s in fired.iter_rows() if r in slugs}


def remembered(w: World, *slugs: str) -> dict[str, pl.DataFrame]:
    """What the next period reads of this one, in which the rules named were put."""
    rules = [rule for rule in RULES if rule.slug in slugs]
    return {name: table for name, table in reconcile(w, rules).items() if name.startswith("memory_")}


def following(first: World, *later: World, asked: Sequence[str]) -> World:
    """The last of months that follow one another, in each of which the rules named were put."""
    for month in later:
        sources = pl.concat([first.sources, month.sources])
        first = replace(month, memory=remembered(first, *asked), sources=sources)
    return first


def chain(
    *stages: str, start: int = 1, month: str = "2026-10", item: str = "A-1", **fields: Any
) -> list[dict[str, Any]]:
    """A record for each stage, one a day from the given day on, with what a stage needs to be in order."""
    rows = []
    for day, stage in enumerate(stages, start):
        row = {
            "event_id": f"{fields.get('serial', item)}-{stage}-{month}", "batch_id": "B1", "asset_tag": item,
            "stage": stage, "handler": "H", "route": "destruction", "media": "ssd",
            "occurred_at": f"{month}-{day:02d}",
        }  # fmt: skip
        if stage == "destroyed":
            row |= {"method": "destroy"} | BY_BOSS
        if stage == "certificate_issued":
            row["certificate_id"] = "C1"
        if stage == "released":
            row |= BY_BOSS
        rows.append(row | fields)
    return rows


def disposals(rows: Rows, *slugs: str, assets: Rows = (GONE,), **tables: Any) -> set[tuple[str, str]]:
    return found(world({"people": [ADA, BOB], "assets": assets, "disposals": rows}, **tables), *slugs)


CHAIN_RULES = (
    "lost-in-transit", "uncertified-disposal", "released-undestroyed", "skipped-stage", "unapproved-release",
    "undocumented-disposition", "unfit-sanitisation", "stalled-disposal", "queue-jump", "unmanifested-item",
    "disposed-on-books", "life-after-death",
)  # fmt: skip

QUIET_CHAINS: dict[str, tuple[Rows, Rows]] = {
    "destroyed and certified": (chain(*WHOLE), (GONE,)),
    "received without a shipping record": (chain(*WHOLE[1:]), (GONE,)),
    "all stages at one instant": ([{**row, "occurred_at": "2026-10-02"} for row in chain(*WHOLE)], (GONE,)),
    "sold after purging": (chain(*WHOLE, "released", **SALE), (GONE,)),
    "a monitor recycled": (
        chain("received", "verified", "released", route="recycling", media="none", document_id="D1"),
        ({**GONE, "asset_class": "monitor", "data_bearing": False},),
    ),
    "a wiped laptop redeployed, the wipe told by its method": (
        chain("received", "verified", "released", route="redeploy", method="purge"),
        (LAPTOP,),
    ),
    "a wiped hard disk": (chain(*WHOLE, "released", media="hdd", method="clear", **SALE), (GONE,)),
    "cleared, then destroyed": (
        [*chain("received", "verified", method="clear"), *chain(*WHOLE[3:], start=4)],
        (GONE,),
    ),
    "in transit for a week": (chain("shipped", start=24), (GONE,)),
    "waiting for thirty days": (chain("received", start=1), (GONE,)),
    "documents on another record than the release": (
        [*chain(*WHOLE, **SALE), *chain("released", start=8, route="resale")],
        (GONE,),
    ),
    "tag written in lower case": (chain(*WHOLE, item=" a-1 "), (GONE,)),
}


@pytest.mark.parametrize("name", QUIET_CHAINS)
def test_disposals_in_order_are_quiet(name: str) -> None:
    rows, assets = QUIET_CHAINS[name]
    assert disposals(rows, *CHAIN_RULES, assets=assets) == set()


BROKEN_CHAINS: dict[str, tuple[Rows, Rows, set[str]]] = {
    "shipped eight days ago": (chain("shipped", start=23), (GONE,), {"lost-in-transit"}),
    "released with its data": (chain("received", "verified", "released", **SALE), (GONE,), {"released-undestroyed"}),
    "destroyed only after the release": (
        [*chain("received", "verified", "released", **SALE), *chain("destroyed", start=9, **SALE)],
        (GONE,),
        {"released-undestroyed"},
    ),
    "a wipe that was only planned at receipt": (
        [
            *chain("received", method="purge", route="redeploy"),
            *chain("verified", "released", start=2, route="redeploy"),
        ],
        (LAPTOP,),
        {"released-undestroyed"},
    ),
    "verified missing": (chain(*[s for s in WHOLE if s != "verified"]), (GONE,), {"skipped-stage"}),
    "received after it was verified": (chain("verified", "received"), (GONE,), {"skipped-stage"}),
    "released by its own handler": (
        chain(*WHOLE, "released", **SALE | {"approved_by": " h "}),
        (GONE,),
        {"unapproved-release"},
    ),
    "sold without proceeds": (
        chain(*WHOLE, "released", **SALE | {"proceeds": None}),
        (GONE,),
        {"undocumented-disposition"},
    ),
    "cleared flash": (chain(*WHOLE, method="clear"), (GONE,), {"unfit-sanitisation"}),
    "in one stage for thirty-one days": (
        chain("received", "verified", month="2026-09", start=29),
        ({**GONE, "serial": None},),
        {"stalled-disposal"},
    ),
    "destroyed and in stock": (chain(*WHOLE), ({**GONE, "status": "in_stock"},), {"disposed-on-books"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_CHAINS)
def test_disposals_out_of_order_are_found(name: str) -> None:
    rows, assets, slugs = BROKEN_CHAINS[name]
    rules = [slug for slug in CHAIN_RULES if slug != "uncertified-disposal"]
    assert disposals(rows, *rules, assets=assets) == {(slug, "A-1") for slug in slugs}


def test_a_certificate_for_an_unknown_serial_is_found_and_a_drive_of_a_known_server_is_not() -> None:
    unknown = chain(*WHOLE, item=None, serial="ZX-1")
    server = {**GONE, "asset_tag": "A-2", "serial": "SRV0001", "asset_class": "server"}
    drive = chain(*WHOLE, item=None, serial="DRV0001", parent_serial="srv 0001")
    assert disposals([*unknown, *drive], *CHAIN_RULES, assets=(server,)) == {("unmanifested-item", "ZX-1")}


def test_a_server_whose_drives_were_shredded_one_by_one_is_in_order() -> None:
    server = {**GONE, "serial": "SRV0001", "asset_class": "server"}
    body = chain("received", "verified", "released", route="recycling", document_id="D1", start=1)
    body[-1]["occurred_at"] = "2026-10-20"
    drives = [
        row
        for n in (1, 2)
        for row in chain(*WHOLE[3:], item=None, serial=f"DRV000{n}", parent_serial="SRV0001", start=4 + n)
    ]
    assert disposals([*body, *drives], *CHAIN_RULES, assets=(server,)) == set()
    late = [
        {**row, "occurred_at": "2026-10-25"} if row["serial"] == "DRV0002" else row for row in drives if "serial" in row
    ]
    hits = disposals([*body, *late], "released-undestroyed", assets=(server,))
    assert hits == {("released-undestroyed", "A-1")}


def test_a_shredded_drive_of_a_server_that_stays_needs_its_own_certificate() -> None:
    server = {**GONE, "serial": "SRV0001", "asset_class": "server", "status": "in_use"}
    drives = [
        chain(*WHOLE[1:5], item=None, serial=f"DRV000{n}", parent_serial="SRV0001", batch_id="B1") for n in (1, 2)
    ]
    slug = "uncertified-disposal"
    assert disposals([*drives[0], *drives[1][:2]], slug, assets=(server,)) == {(slug, "DRV0001")}
    body = chain("received", "verified", item="A-1")
    assert disposals([*body, *drives[0], *drives[1]], slug, assets=(server,)) == {(slug, "A-1")}


def test_a_drive_that_went_ahead_of_its_device_is_not_lost_with_it() -> None:
    drive = chain("received", "verified", item=None, serial="DRV0001", parent_serial="SER0001")
    body = chain("shipped", start=20)
    assert disposals([*drive, *body], *CHAIN_RULES) == {("lost-in-transit", "A-1")}


HANDED_ON = chain("shipped", start=10, batch_id="B2")
RECEIVED_AGAIN = chain("received", start=12, batch_id="B2")


@pytest.mark.parametrize(
    ("rows", "slugs"),
    [
        ([*chain("received"), *HANDED_ON], {"lost-in-transit", "skipped-stage"}),  # or its two days are swapped
        ([*chain("shipped", "received", month="2026-09"), *HANDED_ON], {"lost-in-transit"}),
        ([*chain("shipped", "received", month="2026-09", start=29), *HANDED_ON, *RECEIVED_AGAIN], {"stalled-disposal"}),
        ([*chain("received"), *HANDED_ON, *RECEIVED_AGAIN], set()),
        ([*chain(*WHOLE), *HANDED_ON], set()),  # the shreds
    ],
)
def test_what_one_vendor_hands_on_to_another(rows: Rows, slugs: set[str]) -> None:
    rows = [{**row, "event_id": f"{n}"} for n, row in enumerate(rows)]
    rules = ("lost-in-transit", "skipped-stage", "stalled-disposal")
    assert disposals(rows, *rules) == {(slug, "A-1") for slug in slugs}


def test_a_release_of_an_earlier_month_is_not_looked_at_again() -> None:
    rows = chain(*WHOLE, "released", month="2026-09", **SALE | {"approved_by": None, "document_id": None})
    assert disposals(rows, "unapproved-release", "undocumented-disposition") == set()


def test_a_release_while_the_register_was_silent_is_judged_once_it_speaks() -> None:
    sold = chain(*WHOLE, "released", month="2026-09", route="resale", approved_by=None, _period="2026-09")
    feeds = {"people": [ADA, BOB], "assets": [GONE], "disposals": sold}
    september = world({**feeds, "assets": []}, period="2026-09", as_of=SEPTEMBER, verdicts={"assets": "RED"})
    late = ("unapproved-release", "undocumented-disposition")
    assert found(september, *late) == set()
    october = following(september, world(feeds), asked=late)
    assert found(october, *late) == {(slug, "A-1") for slug in late}


def test_papers_that_lack_are_found_once_the_certificate_is_there() -> None:
    rules = [rule for rule in RULES if rule.slug in ("uncertified-disposal", "undocumented-disposition")]
    sold = chain(*WHOLE[1:5], "released", month="2026-09", route="resale", _period="2026-09")
    feeds = {"people": [ADA, BOB], "assets": [GONE]}
    end = datetime(2026, 9, 30, 21, 59, 59, tzinfo=UTC)
    tables = reconcile(world({**feeds, "disposals": sold}, period="2026-09", as_of=end), rules)
    assert tables["findings"].select("rule", "outcome").rows() == [
        ("uncertified-disposal", "fired"),
        ("undocumented-disposition", "superseded"),
    ]
    memory = {name: table for name, table in tables.items() if name.startswith("memory_")}
    certified = [*sold, {**sold[3], "certificate_id": "C1", "_period": "2026-10"}]
    later = world({**feeds, "disposals": certified}, memory=memory)
    assert found(later, "undocumented-disposition") == {("undocumented-disposition", "A-1")}


def test_a_redeployed_laptop_that_comes_back_years_later_starts_anew() -> None:
    first = chain(*WHOLE, "released", month="2025-03", route="redeploy", method="purge")
    again = chain("received", "verified", month="2026-09", start=1)
    assert disposals([*first, *again], *CHAIN_RULES) == {("stalled-disposal", "A-1")}


def test_a_release_for_redeployment_ends_nothing_where_nothing_was_wiped() -> None:
    first = chain("received", "verified", "released", route="redeploy")
    again = chain("received", month="2026-10", start=20, item="A-1", route="redeploy")
    again = [{**row, "event_id": "again"} for row in again]
    assert ("released-undestroyed", "A-1") in disposals([*first, *again], "released-undestroyed")
    wiped = [{**row, "method": "purge"} for row in first]
    assert disposals([*wiped, *again], "released-undestroyed") == set()


@pytest.mark.parametrize(
    ("route", "seen", "alive"),
    [
        ("destruction", "2026-10-05T20:00", False),  # checked in on the day it was destroyed
        ("destruction", "2026-10-06T20:00", True),
        ("redeploy", "2026-10-06T12:00", True),  # while the vendor had it
        ("redeploy", "2026-10-20T12:00", False),  # with its next user
    ],
)  # fmt: skip
def test_a_check_in_after_the_certificate(route: str, seen: str, alive: bool) -> None:
    stages = (*WHOLE, "released") if route == "redeploy" else WHOLE
    rows = chain(*stages, route=route, method="purge" if route == "redeploy" else "destroy")
    feeds: dict[str, Rows] = {
        "assets": [GONE], "endpoints": [{**CHECK_IN, "last_seen_at": seen}], "disposals": rows,
    }  # fmt: skip
    hits = found(world(feeds), "life-after-death", "zombie-asset")
    assert (("life-after-death", "A-1") in hits) is alive
    private = [{**CHECK_IN, "last_seen_at": seen, "ownership": "personal"}]
    assert found(world({**feeds, "endpoints": private}), "life-after-death") == set()


def test_deleting_the_register_row_hides_no_finding_and_makes_none() -> None:
    monitor = {**GONE, "asset_tag": "A-2", "serial": "MON0001", "asset_class": "monitor", "data_bearing": False}
    paper: dict[str, Any] = {"item": "A-2", "route": "recycling", "document_id": "D1"}
    feeds: dict[str, Rows] = {
        "assets": [GONE, monitor],
        "endpoints": [{**CHECK_IN, "last_seen_at": "2026-09-20"}],
        "disposals": [
            *chain(*WHOLE, month="2026-09"),
            *chain("received", "verified", "released", month="2026-09", **paper),
        ],
    }  # fmt: skip
    memory = remembered(world(feeds, period="2026-09", as_of=datetime(2026, 9, 30, 21, tzinfo=UTC)))
    later = world({**feeds, "assets": []}, memory=memory)
    assert found(later, *CHAIN_RULES) == {("life-after-death", "A-1")}


@pytest.mark.parametrize("feed", ["assets", "disposals", "people", "endpoints"])
@pytest.mark.parametrize("verdict", ["AMBER", "RED"])
def test_a_dead_source_adds_no_finding_about_disposals(feed: str, verdict: str) -> None:
    lost = chain("shipped", item=None, serial="LOST01")
    stuck = chain("received", month="2026-08", item="A-2")
    sold = chain("received", "verified", "released", item="A-3", **SALE | {"approved_by": "p1", "handler": "bob@x.org"})
    dead = chain(*WHOLE, item="A-4")
    assets = [{**GONE, "asset_tag": f"A-{n}", "serial": f"SER000{n}"} for n in range(2, 5)]
    feeds: dict[str, Rows] = {
        "people": [ADA, BOB], "assets": assets, "disposals": [*lost, *stuck, *sold, *dead],
        "endpoints": [{**CHECK_IN, "serial": "SER0004"}],
    }  # fmt: skip
    whole = found(world(feeds), *CHAIN_RULES)
    slugs = {slug for slug, _ in whole}
    assert slugs >= {
        "lost-in-transit",
        "stalled-disposal",
        "released-undestroyed",
        "life-after-death",
        "unmanifested-item",
    }
    rest = {name: rows for name, rows in feeds.items() if name != feed} if verdict == "RED" else feeds
    assert found(world(rest, verdicts={feed: verdict}), *CHAIN_RULES) <= whole


def batch_of(item: str, received: str, destroyed: str | None, batch: str, **fields: Any) -> list[dict[str, Any]]:
    rows = chain("received", item=item, batch_id=batch) + (
        chain("destroyed", item=item, batch_id=batch) if destroyed else []
    )
    days = {"received": received, "destroyed": destroyed}
    return [{**row, "occurred_at": days[str(row["stage"])], "approved_by": None} | fields for row in rows]


@pytest.mark.parametrize(
    ("waiting", "jumping", "fires"),
    [
        (("2026-09-20", None), {}, True),
        (("2026-09-20", "2026-10-20"), {}, True),  # still waited on the day
        (("2026-09-20", "2026-10-10"), {}, False),  # destroyed on the same day
        (("2026-09-26", None), {}, False),  # received 14 days before
        (("2026-09-20", None), {"approved_by": "boss"}, False),
        (("2026-09-20", None), {"handler": "Other"}, False),
        (("2026-09-20", None), {"batch_id": "B1"}, False),  # the rest of one batch
    ],
)  # fmt: skip
def test_a_batch_destroyed_before_its_turn(waiting: tuple[str, str | None], jumping: Any, fires: bool) -> None:
    rows = batch_of("A-1", *waiting, "B1") + batch_of("A-2", "2026-09-30", "2026-10-10", "B2", **jumping)
    assets = (GONE, {**GONE, "asset_tag": "A-2", "serial": "SER0002"})
    assert disposals(rows, "queue-jump", assets=assets) == ({("queue-jump", "B2")} if fires else set())


@pytest.mark.parametrize(("handed_on", "fires"), [("2026-09-20", True), ("2026-10-08", False)])
def test_what_was_handed_on_waits_with_its_new_handler_since_it_came_there(handed_on: str, fires: bool) -> None:
    first = batch_of("A-1", "2026-09-05", None, "B1", handler="Other")
    then = [{**row, "event_id": "again"} for row in batch_of("A-1", handed_on, None, "B3")]
    rows = [*first, *then, *batch_of("A-2", "2026-10-09", "2026-10-10", "B2")]
    assets = (GONE, {**GONE, "asset_tag": "A-2", "serial": "SER0002"})
    assert disposals(rows, "queue-jump", assets=assets) == ({("queue-jump", "B2")} if fires else set())


def test_a_batch_in_its_turn_is_no_queue_jump_however_long_the_queue() -> None:
    rows = batch_of("A-1", "2026-09-11", None, "B1") + batch_of("A-2", "2026-09-10", "2026-10-10", "B2")
    assets = (GONE, {**GONE, "asset_tag": "A-2", "serial": "SER0002"})
    assert disposals(rows, "queue-jump", assets=assets) == set()


# ---- loans, handovers ------------------------------------------------------------------------------------------------

LOAN = {"event_id": "m1", "kind": "checkout", "asset_tag": "A-1", "to_person": "p1", "occurred_at": "2026-09-01"}
DUE = {**LOAN, "due_at": "2026-10-30"}
BACK = {
    "event_id": "m2",
    "kind": "checkin",
    "asset_tag": "A-1",
    "from_person": "ada@x.org",
    "occurred_at": "2026-10-30",
}
PIECES = {
    "event_id": "m1",
    "kind": "checkout",
    "sku": "S-1",
    "to_person": "p1",
    "occurred_at": "2026-09-01",
    "quantity": 2,
}
PIECE_BACK = {
    "event_id": "m2",
    "kind": "checkin",
    "sku": "s-1",
    "from_person": "ada@x.org",
    "occurred_at": "2026-09-09",
}
ALL_BACK = {**PIECE_BACK, "quantity": 2}


@pytest.mark.parametrize(
    ("moves", "subject"),
    [
        ([DUE], "A-1"),
        ([{**LOAN, "due_at": "2026-10-31"}], None),  # due today
        ([LOAN], "A-1"),  # no due date, sixty days ago
        ([{**LOAN, "occurred_at": "2026-10-01"}], None),  # thirty days ago
        ([DUE, BACK], None),
        ([DUE, {**BACK, "asset_tag": None, "serial": "ser 0001"}], None),
        ([DUE, {**BACK, "occurred_at": "2026-08-30"}], "A-1"),  # of an earlier loan
        ([DUE, {**BACK, "kind": "transfer", "to_person": "p2"}], None),
        ([DUE, {**BACK, "kind": "transfer", "to_person": "ada"}], "A-1"),  # to himself
        ([DUE, {**LOAN, "event_id": "m3", "occurred_at": "2026-10-20", "due_at": "2026-11-20"}], None),  # lent anew
        ([PIECES], "S-1/p1"),
        ([PIECES, PIECE_BACK], "S-1/p1"),  # one of two
        ([PIECES, ALL_BACK], None),
        ([PIECES, {**ALL_BACK, "occurred_at": "2026-08-01"}], "S-1/p1"),  # what came back before the log began
        ([PIECES, {**ALL_BACK, "from_person": "p2"}], "S-1/p1"),  # somebody else's
        ([PIECES, {**ALL_BACK, "from_person": None}], None),  # nobody's name: unknown
    ],
)  # fmt: skip
def test_what_is_on_loan(moves: Rows, subject: str | None) -> None:
    w = world({"people": [ADA, BOB], "assets": [LAPTOP], "movements": moves})
    assert found(w, "overdue-checkout") == ({("overdue-checkout", subject)} if subject else set())


def test_a_leavers_loan_is_due_at_once() -> None:
    lent = {**LOAN, "occurred_at": "2026-10-20", "due_at": "2026-12-31"}
    leaver = {**ADA, "status": "terminated", "end_date": "2026-10-30"}
    last_day = {**leaver, "end_date": "2026-10-31"}
    for person, fires in ((leaver, True), (last_day, False)):
        w = world({"people": [person], "assets": [LAPTOP], "movements": [lent]})
        assert bool(found(w, "overdue-checkout")) is fires
    silent = world({"people": [leaver], "assets": [LAPTOP], "movements": [lent]}, verdicts={"movements": "AMBER"})
    assert found(silent, "overdue-checkout") == set()


@pytest.mark.parametrize(
    ("days", "fires"),
    [(("2026-08-02", "2026-09-01", "2026-10-01"), True), (("2026-08-01", "2026-09-01", "2026-10-01"), False),
     (("2026-09-01", "2026-10-01"), False)],
)  # fmt: skip
def test_borrowing_again_and_again(days: Sequence[str], fires: bool) -> None:
    names = ("p1", "ada", "Ada@x.org")
    moves = [
        {**PIECES, "event_id": f"m{n}", "to_person": names[n], "occurred_at": day, "due_at": "2026-12-31"}
        for n, day in enumerate(days)
    ]
    w = world({"people": [ADA, BOB], "movements": moves})
    assert found(w, "repeat-borrowing") == ({("repeat-borrowing", "S-1/p1")} if fires else set())


TRANSFER = {
    "event_id": "m1", "kind": "transfer", "asset_tag": "A-1", "from_person": "p1", "to_person": "p2",
    "to_location": "Berlin", "condition": "good", "reason": "change", "approved_by": "boss",
    "occurred_at": "2026-10-05",
}  # fmt: skip


def without(row: Mapping[str, Any], *fields: str, **others: Any) -> dict[str, Any]:
    return {**row, **dict.fromkeys(fields)} | others


@pytest.mark.parametrize(
    ("move", "fires"),
    [
        (TRANSFER, False),
        (without(TRANSFER, "condition"), True),
        (without(TRANSFER, approved_by="bob@x.org"), True),  # the receiver under another name
        (without(TRANSFER, "asset_tag"), True),
        (without(TRANSFER, "asset_tag", serial="N/A"), True),  # a placeholder names nothing
        (without(TRANSFER, "asset_tag", serial="SER0001"), False),
        (without(TRANSFER, "asset_tag", "condition", sku="S-1"), False),  # stock
        (without(TRANSFER, "from_person", "to_person", "reason", "approved_by", from_location="Rome"), False),
        (without(TRANSFER, "from_person", "to_person"), True),  # a relocation from nowhere
        (without(TRANSFER, "from_person"), True),
        (without(TRANSFER, "from_person", kind="assign"), False),
        (without(TRANSFER, "to_person", kind="return"), False),
        (without(TRANSFER, "to_person", kind="return", approved_by="p1"), True),
        (without(TRANSFER, "to_person", "to_location", "condition", "approved_by", kind="reclaim"), False),
        (without(TRANSFER, "reason", kind="reclaim"), True),
        (without(TRANSFER, "condition", kind="checkout"), False),
        (without(TRANSFER, "condition", occurred_at="2026-09-30"), False),  # of an earlier month
    ],
)  # fmt: skip
def test_what_a_handover_must_say(move: Mapping[str, Any], fires: bool) -> None:
    w = world({"people": [ADA, BOB], "assets": [LAPTOP], "movements": [move]})
    assert found(w, "incomplete-transfer") == ({("incomplete-transfer", "m1")} if fires else set())


def test_a_handover_is_confirmed_where_policy_asks_for_it() -> None:
    feeds: dict[str, Rows] = {"people": [ADA, BOB], "assets": [LAPTOP], "movements": [TRANSFER]}
    hit = {("incomplete-transfer", "m1")}
    assert found(world(feeds, policy={"confirm": True}), "incomplete-transfer") == hit
    confirmed = {**feeds, "movements": [{**TRANSFER, "confirmed_at": "2026-10-07"}]}
    assert found(world(confirmed, policy={"confirm": True}), "incomplete-transfer") == set()
    too_late = {**feeds, "movements": [{**TRANSFER, "confirmed_at": "2026-11-07"}]}
    assert found(world(too_late, policy={"confirm": True}), "incomplete-transfer") == hit
    returned = {**feeds, "movements": [without(TRANSFER, "to_person", kind="return")]}
    assert found(world(returned, policy={"confirm": True}), "incomplete-transfer") == set()


@pytest.mark.parametrize(
    ("lacks", "fires"), [((), False), (("approved_by",), False), (("reason",), True), (("from_person",), True)]
)
def test_what_a_licence_move_must_say(lacks: Sequence[str], fires: bool) -> None:
    move = {
        "event_id": "l1", "product": "Figma", "from_person": "p1", "to_person": "p2", "quantity": 1,
        "reason": "project", "approved_by": "boss", "occurred_at": "2026-10-05",
    }  # fmt: skip
    w = world({"license_moves": [without(move, *lacks)]})
    assert found(w, "incomplete-license-move") == ({("incomplete-license-move", "l1")} if fires else set())


# ---- spares ----------------------------------------------------------------------------------------------------------

SPARE = {
    "sku": "S-1", "location": "Store", "bin": "A1", "quantity": 100, "abc": "A", "unit_cost": 2, "currency": "EUR",
}  # fmt: skip
COUNT = {
    "count_id": "c1", "sku": "S-1", "location": "Store", "bin": "A1", "quantity": 100, "counted_at": "2026-10-20",
}  # fmt: skip


def test_overstock_sums_the_bins_of_a_place() -> None:
    full = [{**SPARE, "maximum": 60, "quantity": 70}, {**SPARE, "bin": "A2", "maximum": 60, "quantity": 50}]
    assert found(world({"stock": full}), "overstock") == set()
    over = [*full[:1], {**full[1], "quantity": 51}]
    assert found(world({"stock": over}), "overstock") == {("overstock", "S-1/Store")}
    assert found(world({"stock": [SPARE]}), "overstock") == set()


@pytest.mark.parametrize(
    ("abc", "counted_on", "fires"),
    [("A", "2026-10-01", False), ("A", "2026-09-30", True), ("B", "2026-08-02", False), ("B", "2026-08-01", True),
     (None, "2025-10-31", False), (None, "2025-10-30", True)],
)  # fmt: skip
def test_counts_grow_old_by_class(abc: str | None, counted_on: str, fires: bool) -> None:
    w = world({"stock": [{**SPARE, "abc": abc}], "stock_counts": [{**COUNT, "counted_at": counted_on}]})
    assert bool(found(w, "count-overdue")) is fires


def test_a_line_told_twice_in_two_classes_is_due_for_nobody_knows_when() -> None:
    twice = [{**SPARE, "abc": abc} for abc in ("A", "C")]
    counted = [{**COUNT, "counted_at": "2026-08-01"}]
    assert found(world({"stock": twice[:1], "stock_counts": counted}), "count-overdue") != set()
    assert found(world({"stock": twice, "stock_counts": counted}), "count-overdue") == set()


def test_a_line_never_counted_is_overdue_once_the_book_has_shown_it_for_so_long() -> None:
    feeds: dict[str, Rows] = {"stock": [SPARE]}
    assert found(world(feeds), "count-overdue") == set()
    memory = remembered(world(feeds, period="2026-09", as_of=datetime(2026, 9, 30, 21, tzinfo=UTC)))
    later = world(feeds, memory=memory)
    assert found(later, "count-overdue") == {("count-overdue", "S-1/Store/A1")}
    assert found(world(feeds, memory=memory, verdicts={"stock_counts": "AMBER"}), "count-overdue") == set()
    without_counts = world(feeds, memory=memory, configured=("stock",))
    assert found(without_counts, "count-overdue") == set()


def _two_months(september: int, booked: int, october: int, counts: Rows = ()) -> set[tuple[str, str]]:
    """Counts of two months against a book of 100 in September and of `booked` in October."""
    first = {**COUNT, "count_id": "c0", "quantity": september, "counted_at": "2026-09-20"}
    end = datetime(2026, 9, 30, 21, tzinfo=UTC)
    memory = remembered(world({"stock": [SPARE], "stock_counts": [first]}, period="2026-09", as_of=end))
    rows = [first, *counts, {**COUNT, "quantity": october}]
    return found(world({"stock": [{**SPARE, "quantity": booked}], "stock_counts": rows}, memory=memory), *VARIANCES)


VARIANCES = ("stock-variance", "recurring-variance")
LINE = "S-1/Store/A1"


@pytest.mark.parametrize("feed", ["stock", "movements"])
def test_a_count_is_put_to_the_book_once_the_book_can_be_told(feed: str) -> None:
    short = {**COUNT, "quantity": 90, "counted_at": "2026-09-20"}
    feeds: dict[str, Rows] = {"stock": [SPARE], "stock_counts": [{**short, "_period": "2026-09"}]}
    told = {name: [] if name == feed else rows for name, rows in feeds.items()}
    september = world(told, period="2026-09", as_of=SEPTEMBER, verdicts={feed: "RED"})
    assert found(september, "stock-variance") == set()
    again: Rows = [{"event_id": "E-1", "kind": "tag", "occurred_at": "2026-09-02"}] if feed == "movements" else []
    october = following(september, world({**feeds, "movements": again}), asked=["stock-variance"])
    assert found(october, "stock-variance") == {("stock-variance", LINE)}
    twice = [*feeds["stock_counts"], {**COUNT, "count_id": "c2", "quantity": 90}]
    october = following(september, world({**feeds, "movements": again, "stock_counts": twice}), asked=VARIANCES)
    assert found(october, *VARIANCES) == {(slug, LINE) for slug in VARIANCES}


def test_a_variance_in_two_counts_running() -> None:
    both = {(slug, LINE) for slug in VARIANCES}
    assert _two_months(95, 100, 95) == both
    assert _two_months(95, 95, 90) == both  # corrected between the counts, and wrong again
    assert _two_months(99, 100, 95) == {("stock-variance", LINE)}  # the first within tolerance
    assert _two_months(95, 100, 99) == set()
    between = [{**COUNT, "count_id": "c2", "quantity": 100, "counted_at": "2026-10-10"}]
    assert _two_months(95, 100, 95, between) == {("stock-variance", LINE)}  # found right in between


def test_two_counts_of_one_period_recur_and_one_before_the_books_are_known_does_not() -> None:
    stock = [SPARE]
    earlier = {**COUNT, "count_id": "c0", "quantity": 90, "counted_at": "2026-10-02"}
    now = {**COUNT, "quantity": 90}
    w = world({"stock": stock, "stock_counts": [earlier, now]})
    assert found(w, *VARIANCES) == {(slug, LINE) for slug in VARIANCES}
    old = {**earlier, "counted_at": "2026-09-02"}
    assert found(world({"stock": stock, "stock_counts": [old, now]}), *VARIANCES) == {("stock-variance", LINE)}


def test_the_limits_of_stock_variance_hold_for_its_recurrence() -> None:
    counts = [{**COUNT, "count_id": "c0", "quantity": 90, "counted_at": "2026-10-02"}, {**COUNT, "quantity": 90}]
    feeds: dict[str, Rows] = {"stock": [SPARE], "stock_counts": counts}
    loose = {"stock-variance": {f"tolerance_{abc}": 0.10 for abc in "abc"}}
    assert found(world(feeds, rules=loose), *VARIANCES) == set()
    of_its_own = {"recurring-variance": loose["stock-variance"]}
    assert found(world(feeds, rules=of_its_own), *VARIANCES) == {("stock-variance", LINE)}
