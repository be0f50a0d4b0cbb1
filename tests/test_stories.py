"""Stories: small companies in which something happened, and what the rules must and must not say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.worlds import AS_OF, settings, staged, world
from tieout import exceptions, normalize
from tieout.facts.ground import Ground
from tieout.reconcile import judge, reconcile
from tieout.routes import owner_of
from tieout.world import World

RULES = discover()
ADA = {
    "person_id": "p1",
    "full_name": "Ada",
    "email": "ada@x.org",
    "username": "ada",
    "status": "active",
    "start_date": "2020-01-01",
}
BOB = {
    "person_id": "p2",
    "full_name": "Bob",
    "email": "bob@x.org",
    "username": "bob",
    "status": "active",
    "start_date": "2020-01-01",
}
LAPTOP = {
    "asset_tag": "A-1", "serial": "SER0001", "manufacturer": "Apple", "asset_class": "laptop", "status": "in_use",
    "status_since": "2026-01-10", "custodian": "p1", "location": "Berlin", "cost": 500, "currency": "EUR",
}  # fmt: skip
CHECK_IN = {
    "endpoint_id": "e1", "serial": "SER0001", "manufacturer": "Apple", "model": "M1", "asset_class": "laptop",
    "user_email": "ada@x.org", "last_seen_at": "2026-10-30", "managed": True, "ownership": "company",
}  # fmt: skip


def found(w: World, *slugs: str) -> set[tuple[str, str]]:
    """What fired: rule and subject, of the rules named, or of all."""
    findings = judge(w, RULES)["findings"].filter(pl.col("outcome") == "fired")
    return {(r, s) for r, s in findings.select("rule", "subject").iter_rows() if not slugs or r in slugs}


def numbered(row: Mapping[str, Any], count: int, **patterns: str) -> list[dict[str, Any]]:
    """`count` rows like one, `{n}` in each pattern replaced by the row's number."""
    return [{**row, **{name: text.format(n=n) for name, text in patterns.items()}} for n in range(1, count + 1)]


HEALTHY: dict[str, Sequence[Mapping[str, Any]]] = {"people": [ADA, BOB], "assets": [LAPTOP], "endpoints": [CHECK_IN]}


def test_a_healthy_company_has_no_exception() -> None:
    assert found(world(HEALTHY)) == set()


def test_a_placeholder_serial_on_many_machines_merges_nothing() -> None:
    machines = numbered(
        {**CHECK_IN, "user_email": None}, 40, endpoint_id="e{n}", uuid="4c4c4544-0051-3510-8052-b4c04f4a{n:04d}"
    )
    for n, machine in enumerate(machines):
        machine["serial"] = "SHARED-BOARD" if n < 20 else f"OWN{n:04d}"
    register = [{**LAPTOP, "asset_tag": "A-1", "serial": "SHARED-BOARD"}]
    register += [{**LAPTOP, "asset_tag": f"A-{n}", "serial": f"OWN{n:04d}"} for n in range(20, 40)]
    hits = found(
        world({"people": [ADA], "assets": register, "endpoints": machines}), "unregistered-device", "ghost-asset"
    )
    assert ("ghost-asset", "A-1") in hits  # nothing shows that it is the one
    assert {s for r, s in hits if r == "unregistered-device"} == {f"e{n}" for n in range(1, 21)}


def test_what_one_system_shows_on_many_machines_names_nothing_in_another_either() -> None:
    machine = {**CHECK_IN, "serial": "SHARED-BOARD", "user_email": None}
    w = world({"people": [ADA], "assets": [{**LAPTOP, "serial": "SHARED-BOARD"}]})
    told = {
        "intune": [{**machine, "endpoint_id": f"i{n}", "model": f"M{n}"} for n in range(3)],
        "jamf": [{**machine, "endpoint_id": "j1"}],
    }
    w = replace(w, feeds={**w.feeds, "endpoints": pl.concat(staged("endpoints", r, source=s) for s, r in told.items())})
    hits = found(w, "unregistered-device", "ghost-asset")
    assert hits == {("ghost-asset", "A-1"), *(("unregistered-device", e) for e in ("i0", "i1", "i2", "j1"))}
    why = "shown on three or more devices each, so they name nothing: serial SHARED-BOARD"
    assert reconcile(w, [])["source_exceptions"].rows() == [("learned-placeholder", "endpoints/intune", None, why)]


def test_a_tag_that_came_with_a_disk_image_names_nothing() -> None:
    cloned = numbered({**CHECK_IN, "asset_tag": "A-9", "user_email": None}, 3, endpoint_id="e{n}", serial="OWN{n}")
    register = [
        *numbered(LAPTOP, 3, asset_tag="A-{n}", serial="OWN{n}"),
        {**LAPTOP, "asset_tag": "A-9", "serial": None},
    ]
    hits = found(world({"people": [ADA], "assets": register, "endpoints": cloned}))
    assert {hit for hit in hits if hit[0] in ("conflicting-identity", "ghost-asset")} == {("ghost-asset", "A-9")}


def test_a_conflict_of_one_system_silences_no_device_that_another_numbers_alike() -> None:
    register = [LAPTOP, {**LAPTOP, "asset_tag": "A-2", "serial": "SER0002"}]
    told = {"jamf": {**CHECK_IN, "asset_tag": "A-2"}, "intune": {**CHECK_IN, "serial": "SER0003"}}
    endpoints = pl.concat(staged("endpoints", [row], source=source) for source, row in told.items())
    assert found(world({"people": [ADA], "assets": register, "endpoints": endpoints}), "unregistered-device") == {
        ("unregistered-device", "SER0003")
    }


def test_a_system_that_does_not_tell_of_encryption_hides_no_other_that_does() -> None:
    told = {
        "intune": {**CHECK_IN, "encrypted": False, "last_seen_at": "2026-10-29"},
        "sccm": {**CHECK_IN, "encrypted": None, "last_seen_at": "2026-10-30"},
    }
    endpoints = pl.concat(staged("endpoints", [row], source=source) for source, row in told.items())
    assert found(world({**HEALTHY, "endpoints": endpoints})) == {("unencrypted-device", "A-1")}


def test_a_device_that_left_the_books_is_worth_what_its_cost_says_if_the_ledger_wrote_it_off() -> None:
    gone = {**LAPTOP, "custodian": None, "cost": 3600, "currency": "EUR", "purchased_on": "2025-10-31"}
    written_off = {
        "ledger_id": "L-1", "asset_tag": "A-1", "cost": 3600, "accumulated_depreciation": 3600, "currency": "EUR",
        "disposed_on": "2026-06-30",
    }  # fmt: skip
    closet = {**gone, "asset_tag": "A-2", "serial": "SER0002", "status": "retired", "status_since": "2026-06-30"}
    feeds = {"assets": [{**gone, "status": "disposed"}, closet], "endpoints": [CHECK_IN], "ledger": [written_off]}
    findings = reconcile(world(feeds), RULES)["findings"].filter(
        pl.col("rule").is_in(["zombie-asset", "undisposed-retiree"])
    )
    assert findings.select("subject", "value").sort("subject").rows() == [("A-1", 2400), ("A-2", 2400)]


def test_a_makers_serial_that_begins_with_s_survives_and_a_scanners_prefix_resolves() -> None:
    register = [
        {**LAPTOP, "asset_tag": "A-1", "serial": "S1234X", "status": "in_stock", "custodian": None},
        {**LAPTOP, "asset_tag": "A-2", "serial": "9876Y", "status": "in_stock", "custodian": None},
    ]
    scans = [
        {"count_id": "c", "scan_id": "1", "code": "S1234X", "location": "Munich", "scanned_at": "2026-10-20"},
        {"count_id": "c", "scan_id": "2", "code": "S9876Y", "location": "Munich", "scanned_at": "2026-10-20"},
        {"count_id": "c", "scan_id": "3", "code": "SS1234X", "location": "Rome", "scanned_at": "2026-10-19"},
    ]
    assert found(world({"assets": register, "scans": scans}), "misplaced-asset") == {
        ("misplaced-asset", "A-1"),
        ("misplaced-asset", "A-2"),
    }


def test_a_byte_swapped_uuid_is_the_same_device() -> None:
    one = {**CHECK_IN, "endpoint_id": "jamf-1", "uuid": "4c4c4544-0051-3510-8052-b4c04f4a4d32"}
    other = {**CHECK_IN, "endpoint_id": "intune-9", "serial": None, "uuid": "44454c4c-5100-1035-8052-b4c04f4a4d32"}
    assert found(world({**HEALTHY, "endpoints": [one, other]}), "unregistered-device") == set()


def test_an_endpoint_keeps_its_asset_by_its_earlier_link_only_where_no_key_resolves() -> None:
    first = world(HEALTHY, period="2026-09", as_of=AS_OF - timedelta(days=31))
    memory = {k: v for k, v in reconcile(first, RULES).items() if k.startswith("memory_")}
    board_swapped = {**CHECK_IN, "serial": "To be filled by O.E.M."}
    assert found(world({**HEALTHY, "endpoints": [board_swapped]}, memory=memory)) == set()
    re_used = {**CHECK_IN, "serial": "SER0002"}
    two = [LAPTOP, {**LAPTOP, "asset_tag": "A-2", "serial": "SER0002"}]
    assert ("ghost-asset", "A-1") in found(world({**HEALTHY, "assets": two, "endpoints": [re_used]}, memory=memory))


def test_a_renamed_person_is_one_and_a_reused_username_is_two() -> None:
    account = {"account_id": "D1", "username": "ada", "email": "ada@x.org", "status": "active", "kind": "human"}
    seat = {"product": "Figma", "seat_id": "D1", "email": "ada@x.org", "status": "active", "paid": True}
    first = world(
        {"people": [ADA], "accounts": [account], "seats": [seat]}, period="2026-09", as_of=AS_OF - timedelta(days=31)
    )
    memory = {k: v for k, v in reconcile(first, RULES).items() if k.startswith("memory_")}
    renamed = {**account, "username": "ada.love", "email": "love@x.org"}
    later = world({"people": [ADA], "accounts": [renamed], "seats": [{**seat, "email": "love@x.org"}]}, memory=memory)
    ground_seat = reconcile(later, RULES)
    assert ground_seat["findings"].filter(pl.col("rule").is_in(["live-account-of-leaver"])).is_empty()
    gone = {**ADA, "status": "terminated", "end_date": "2026-10-10"}
    hired = {**BOB, "username": "ada", "start_date": "2026-10-20"}
    new_account = {"account_id": "D2", "username": "ada", "email": "bob@x.org", "status": "active", "kind": "human"}
    two = world({"people": [gone, hired], "accounts": [renamed, new_account]}, memory=memory)
    assert found(two, "live-account-of-leaver") == {("live-account-of-leaver", "D1")}


def test_of_two_who_share_a_name_the_one_whose_contract_runs_is_meant() -> None:
    for ended, whose in (("2026-09-30", "p1"), ("2026-12-31", None), (None, None)):
        contractor = {**BOB, "username": "ada", "end_date": ended}
        w = world({"people": [ADA, contractor], "assets": [{**LAPTOP, "custodian": "ada"}]})
        assert Ground(w).custodians["person_id"].to_list() == [whose]


def test_a_person_who_vanishes_from_hr_is_no_leaver() -> None:
    account = {"account_id": "D1", "username": "ada", "email": "ada@x.org", "status": "active", "kind": "human"}
    seat = {"product": "Figma", "seat_id": "s1", "email": "ada@x.org", "status": "active", "paid": True}
    feeds = {**HEALTHY, "accounts": [account], "seats": [seat]}
    first = world(feeds, period="2026-09", as_of=AS_OF - timedelta(days=31))
    memory = {k: v for k, v in reconcile(first, RULES).items() if k.startswith("memory_")}
    hits = found(world({**feeds, "people": [BOB]}, memory=memory))
    assert {r for r, _ in hits} & {
        "leaver-seat",
        "live-account-of-leaver",
        "held-by-leaver",
        "held-by-stranger",
    } == set()


def test_a_rehired_leaver_with_the_old_address_raises_nothing() -> None:
    old = {**ADA, "person_id": "p0", "status": "terminated", "end_date": "2025-06-30"}
    seat = {"product": "Figma", "seat_id": "s1", "email": "ada@x.org", "status": "active", "paid": True}
    line = {
        "contract_id": "C1", "line_no": "1", "vendor": "F", "product": "Figma", "quantity": 1, "unit_price": 10,
        "currency": "EUR", "billing_period": "monthly", "term_start": "2026-01-01",
    }  # fmt: skip
    feeds = {**HEALTHY, "people": [old, ADA, BOB], "seats": [seat], "entitlements": [line]}
    assert found(world({**feeds, "assets": [{**LAPTOP, "custodian": "ada@x.org"}]})) == set()


def test_quiet_neighbours() -> None:
    """A server held by a room, a private phone, a custodian on leave, a last working day."""
    server = {
        **LAPTOP,
        "asset_tag": "A-2",
        "serial": "SRV1",
        "asset_class": "server",
        "custodian": None,
        "location": "Room 1",
    }
    phone = {**CHECK_IN, "endpoint_id": "e9", "serial": "PHONE1", "ownership": "personal", "asset_class": "phone"}
    away = {**BOB, "status": "leave"}
    on_leave = {**LAPTOP, "asset_tag": "A-3", "serial": "SER0003", "custodian": "p2"}
    leaving = {**ADA, "status": "terminated", "end_date": "2026-10-31"}
    feeds = {"people": [leaving, away], "assets": [LAPTOP, server, on_leave], "endpoints": [CHECK_IN, phone]}
    assert found(world(feeds)) == set()


@pytest.mark.parametrize("feed", ["people", "endpoints", "scans", "tickets", "movements", "accounts", "assets"])
@pytest.mark.parametrize("verdict", ["AMBER", "RED"])
def test_a_source_that_is_not_alive_turns_no_answer_into_another(feed: str, verdict: str) -> None:
    """Kill one source of a company with every kind of trouble: answers may become null, never flip."""
    leaver = {**BOB, "status": "terminated", "end_date": "2026-10-01"}
    feeds: dict[str, Sequence[Mapping[str, Any]]] = {
        "people": [ADA, leaver],
        "assets": [
            LAPTOP,
            {**LAPTOP, "asset_tag": "A-2", "serial": "GHOST"},
            {**LAPTOP, "asset_tag": "A-3", "serial": "SER0003", "custodian": "p2"},
            {**LAPTOP, "asset_tag": "A-4", "serial": "SER0004", "custodian": "nobody"},
            {**LAPTOP, "asset_tag": "A-5", "serial": "SER0005"},
        ],
        "endpoints": [
            CHECK_IN,
            {**CHECK_IN, "endpoint_id": "e2", "serial": "SER0003"},
            {**CHECK_IN, "endpoint_id": "e3", "serial": "NEW"},
            {**CHECK_IN, "endpoint_id": "e4", "serial": "SER0004"},
        ],
        "scans": [{"count_id": "c", "scan_id": "1", "code": "A-5", "location": "Berlin", "scanned_at": "2026-10-20"}],
        "accounts": [{"account_id": "D2", "username": "bob", "status": "active", "kind": "human"}],
        "seats": [{"product": "Figma", "seat_id": "s1", "email": "bob@x.org", "status": "active", "paid": True}],
    }  # fmt: skip
    whole = found(world(feeds))
    assert {r for r, _ in whole} >= {
        "ghost-asset",
        "held-by-leaver",
        "held-by-stranger",
        "unregistered-device",
        "unmanaged-device",
    }
    rest = {name: rows for name, rows in feeds.items() if name != feed} if verdict == "RED" else feeds
    damaged = found(world(rest, verdicts={feed: verdict}))
    assert damaged <= whole


def test_life_of_an_exception_over_four_months() -> None:
    """Opens, is found again, is held while its source is down, resolves, and returns with its id and first_seen."""
    memory: dict[str, pl.DataFrame] = {}
    story = []
    ghost = {**LAPTOP, "asset_tag": "A-2", "serial": "GHOST", "custodian": "p1"}
    back = {**CHECK_IN, "endpoint_id": "e2", "serial": "GHOST"}
    months = [
        ("2026-05", [CHECK_IN], "GREEN"),
        ("2026-06", [CHECK_IN], "AMBER"),
        ("2026-07", [CHECK_IN, back], "GREEN"),
        ("2026-08", [CHECK_IN], "GREEN"),
        ("2026-09", [CHECK_IN], "GREEN"),
    ]
    for period, endpoints, verdict in months:
        end = datetime.fromisoformat(f"{period}-28T22:00:00").replace(tzinfo=UTC)
        seen = [{**e, "last_seen_at": f"{period}-27"} for e in endpoints]
        w = world(
            {"people": [ADA], "assets": [LAPTOP, ghost], "endpoints": seen},
            verdicts={"endpoints": verdict},
            memory=memory,
            period=period,
            as_of=end,
        )
        tables = reconcile(w, RULES)
        aged = exceptions.age(w, tables["findings"])
        memory = {k: v for k, v in (tables | aged).items() if k.startswith("memory_")}
        row = aged["exceptions"].filter((pl.col("rule") == "ghost-asset") & (pl.col("subject") == "A-2"))
        story += (
            [(period, *row.select("exception_id", "status", "first_seen", "cycles_open", "recurrence").row(0))]
            if row.height
            else [(period,)]
        )
    ids = {row[1] for row in story if len(row) > 1}
    assert len(ids) == 1
    first = date(2026, 5, 29)
    assert [row[2:] for row in story] == [
        ("open", first, 1, 1),
        ("open", first, 1, 1),
        ("resolved", first, 1, 1),
        ("open", first, 2, 2),
        ("open", first, 3, 2),
    ]


def test_every_population_divides_into_its_parts() -> None:
    runs = judge(world({**HEALTHY, "people": [ADA]}), RULES)["rule_runs"]
    parts = ["fired", "superseded", "exempt", "clean", "unknown", "not_evaluated"]
    assert runs.filter(pl.col("population") != pl.sum_horizontal(parts)).is_empty()
    assert runs.height == len(RULES)


def test_a_rule_without_its_feed_says_so() -> None:
    runs = judge(world(HEALTHY, configured=("people", "assets", "seats")), RULES)["rule_runs"]
    reasons = dict(runs.select("rule", "reason").iter_rows())
    assert reasons["ghost-asset"] == "no source delivers endpoints"
    assert reasons["held-by-leaver"] is None


def test_repeated_and_shuffled_rows_change_nothing() -> None:
    people = [ADA, {**BOB, "status": "terminated", "end_date": "2026-10-01"}]
    assets = [{**LAPTOP, "asset_tag": f"A-{n}", "serial": f"SER000{n}", "custodian": "p2"} for n in range(5)]
    bins = [
        {"sku": "S-1", "location": place, "bin": place, "quantity": 1, "minimum": 2} for place in ("Store", "STORE")
    ]
    w = world({"people": people, "assets": assets, "endpoints": [CHECK_IN], "stock": bins})
    shuffled = world(
        {
            "people": people[::-1],
            "assets": staged("assets", assets[::-1] + assets[:2]),
            "endpoints": [CHECK_IN],
            "stock": bins[::-1],
        }
    )
    columns = ["rule", "exception_id", "subject", "severity", "value", "outcome"]
    one = judge(w, RULES)["findings"].select(columns)
    other = judge(shuffled, RULES)["findings"].select(columns)
    assert one.equals(other)


def test_what_moved_between_the_instants_two_systems_speak_for_is_in_transit() -> None:
    handed = {"event_id": "m1", "kind": "transfer", "asset_tag": "A-1", "to_person": "p2", "occurred_at": "2026-10-30"}
    used = {**CHECK_IN, "user_email": "bob@x.org"}
    w = world({**HEALTHY, "endpoints": [used], "movements": [handed]})
    assert found(w, "used-by-another") == {("used-by-another", "A-1")}
    register_of = AS_OF - timedelta(days=3)
    instant = pl.when(pl.col("feed") == "assets").then(pl.lit(register_of)).otherwise(pl.lit(AS_OF))
    assert found(replace(w, sources=w.sources.with_columns(instant.alias("as_of"))), "used-by-another") == set()


def test_every_match_keeps_its_reason() -> None:
    matches = reconcile(world(HEALTHY), RULES)["matches"]
    rows = matches.select("feed", "record", "named", "how").iter_rows()
    reasons = {(feed, record): (named, how) for feed, record, named, how in rows}
    assert reasons["endpoints", "e1"] == ("A-1", "serial SER0001")
    assert reasons["assets", "A-1"] == ("p1", "person_id p1")


def test_an_alias_names_the_owner_of_an_account_that_nothing_else_names() -> None:
    account = {"account_id": "D9", "username": "x9", "aliases": ["ada@x.org"], "status": "active", "kind": "human"}
    assert found(world({**HEALTHY, "accounts": [account]}), "stranger-account") == set()


@pytest.mark.parametrize(
    ("named", "place", "owner"),
    [
        ("Figma", None, "pads"),
        (None, "Berlin / 3F", "north"),
        (None, "BER", "north"),
        (None, "Berlingen", "unrouted"),
        ("Fig", None, "unrouted"),
    ],
)
def test_a_route_knows_products_and_places_by_any_of_their_names(
    named: str | None, place: str | None, owner: str
) -> None:
    routes = [{"owner": "pads", "product": "figma  Org"}, {"owner": "north", "location": "ber"}]
    known = {"products": {"Figma": {"aliases": ["Figma ORG"]}}, "location_aliases": {"BER": "Berlin"}}
    silent = next(rule for rule in RULES if not rule.owner)
    thing = pl.DataFrame(
        {"product": [named], "location": [place]}, schema={"product": pl.String, "location": pl.String}
    )
    assert thing.select(owner_of(settings(routes=routes, **known), silent, thing.columns)).item() == owner


def test_a_source_covers_kinds_by_any_of_their_names() -> None:
    sources = [
        {"name": "mdm", "feed": "endpoints", "covers": ["Notebooks", "Test Equipment"]},
        {"name": "pad", "feed": "seats", "covers": ["figma ORG"]},
    ]
    known = {"products": {"Figma": {"aliases": ["Figma Org"]}}, "class_aliases": {"notebooks": "laptop"}}
    ground = Ground(world({}, sources=sources, **known))
    assert ground.coverage("endpoints")["kind"].to_list() == ["laptop", "test_equipment"]
    assert ground.coverage("seats")["kind"].to_list() == ["figma"]


def test_what_is_written_for_no_serial_names_no_device() -> None:
    texts = ["To be filled by O.E.M.", "(None)", "#N/A", "[unknown]", "S/N: n/a", "0000", "12345678", "AB", "-", " "]
    devices = ["ABC", "2345", "000-000", "TBD-1", "#1A2B3", "NONE1"]
    quality = pl.DataFrame({"text": [*texts, *devices]}).select(
        normalize.serial_quality(normalize.serial(pl.col("text")))
    )
    assert quality.to_series().to_list() == ["placeholder"] * 9 + ["missing"] + ["ok"] * 6
