"""What Tieout is accepted by: stories of companies over some months, with all that every rule says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.test_stories import ADA, BOB, CHECK_IN, LAPTOP, numbered
from tests.worlds import AS_OF, world
from tieout import exceptions
from tieout.reconcile import reconcile
from tieout.world import World

RULES = discover()
Rows = Sequence[Mapping[str, Any]]
Tables = Mapping[str, pl.DataFrame]


def instant(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T21:00:00").replace(tzinfo=UTC)


def month(end: str, feeds: Mapping[str, Rows], before: Tables | None = None, **more: Any) -> dict[str, pl.DataFrame]:
    """Everything a month leaves behind; `before` is what the month before left."""
    memory = {name: table for name, table in (before or {}).items() if name.startswith("memory_")}
    w = world(feeds, period=end[:7], as_of=instant(end), memory=memory, **more)
    if before:  # it is not the first month
        w = replace(w, sources=pl.concat([w.sources.with_columns(period=pl.lit("2026-01")), w.sources]))
    tables = reconcile(w, RULES)
    return tables | exceptions.age(w, tables["findings"])


def fired(tables: Tables) -> set[tuple[str, str]]:
    found = tables["findings"].filter(pl.col("outcome") == "fired")
    return set(found.select("rule", "subject").iter_rows())


def told(tables: Tables) -> list[tuple[str, str]]:
    return tables["source_exceptions"].select("rule", "subject").rows()


# -- usage -----------------------------------------------------------------------------------------------------------

SEAT = {"product": "Figma", "status": "active", "paid": True, "assigned_at": "2025-01-01"}
LINE = {
    "contract_id": "C", "line_no": "1", "vendor": "V", "product": "Figma", "metric": "user", "quantity": 100,
    "unit_price": 120, "currency": "EUR", "billing_period": "annual", "term_start": "2026-01-01",
    "term_end": "2026-12-31", "auto_renew": False,
}  # fmt: skip


def console(last_use: str, *others: str | None) -> dict[str, Rows]:
    """A hundred people with a seat each, the last ones last used otherwise than the rest."""
    used = [last_use] * (100 - len(others)) + list(others)
    people = numbered({**ADA}, 100, person_id="p{n}", email="p{n}@x.org", username="u{n}")
    seats = numbered(SEAT, 100, seat_id="p{n}@x.org", email="p{n}@x.org")
    seats = [{**seat, "last_active_at": when} for seat, when in zip(seats, used, strict=True)]
    return {"people": people, "seats": seats, "entitlements": [LINE]}


@pytest.mark.parametrize("others", [(None, None), ("2026-01-05", "2026-01-06"), (None, "2026-01-06")])
def test_usage_that_gets_lost_or_moves_back_gives_no_candidate(others: tuple[str | None, ...]) -> None:
    first = month("2026-09-30", console("2026-09-25"))
    then = month("2026-10-31", console("2026-10-28", *others), first)
    assert fired(then) == set()
    assert then["reclaim_candidates"].is_empty()
    assert told(then) == [("usage-regressed", "Figma")]


def test_usage_frozen_for_all_says_nothing_of_anybody() -> None:
    first = month("2026-06-30", console("2026-06-25"))
    then = month("2026-10-31", console("2026-06-25"), first)
    assert fired(then) == set()
    assert told(then) == [("frozen-usage-feed", "Figma")]
    idle = then["rule_runs"].filter(pl.col("rule") == "inactive-seat")
    assert idle.select("population", "clean", "unknown", "not_evaluated").row(0) in {(100, 0, 100, 0), (100, 0, 0, 100)}
    one_person = month("2026-10-31", console("2026-10-28", "2026-06-25"), first)
    assert fired(one_person) == {("inactive-seat", "Figma/p100@x.org")}


# -- counts ----------------------------------------------------------------------------------------------------------

STORED = {**LAPTOP, "asset_class": "monitor", "status": "in_stock", "custodian": None, "location": "Store",
          "status_since": "2026-09-10", "data_bearing": False}  # fmt: skip
COUNT = {"count_id": "c1", "location": "Store", "cut_off_at": "2026-10-20", "completed_at": "2026-10-21"}
SCAN = {"count_id": "c1", "location": "Store", "scanned_at": "2026-10-20"}


def test_a_count_gives_one_row_of_the_right_kind_each() -> None:
    """Three scans of one tag, one in the wrong room, one unknown code, one asset never scanned."""
    assets = numbered(STORED, 5, asset_tag="M-{n}", serial="MON000{n}")
    codes = [("s1", "M-1", "Store"), ("s2", "M-1", "Store"), ("s3", "M-1", "Store"), ("s4", "M-2", "Lab"),
             ("s5", "ZZ-9", "Store"), ("s6", "M-3", "Store"), ("s7", "MON0004", "Store")]  # fmt: skip
    scans = [{**SCAN, "scan_id": scan, "code": code, "location": place} for scan, code, place in codes]
    assert fired(month("2026-10-31", {"people": [BOB], "assets": assets, "counts": [COUNT], "scans": scans})) == {
        ("misplaced-asset", "M-2"),
        ("missing-in-count", "M-5"),
        ("unknown-scan-code", "ZZ-9"),
    }


# -- the register is edited ------------------------------------------------------------------------------------------


def test_an_edit_of_the_register_does_not_make_its_findings_go_away() -> None:
    """A missing laptop is deleted from the register, or set to lost without anybody's approval."""
    assets = [{**LAPTOP, "status": "in_stock", "custodian": None, "location": "Store", "status_since": "2026-07-10"}]
    others = numbered(STORED, 3, asset_tag="M-{n}", serial="MON000{n}")
    seen = [{**SCAN, "scan_id": f"s{n}", "code": f"M-{n}"} for n in (1, 2, 3)]
    people: Rows = [ADA, BOB]
    october = {"people": people, "assets": [*assets, *others], "counts": [COUNT], "scans": seen}
    first = month("2026-10-31", october)
    assert fired(first) == {("missing-in-count", "A-1")}
    deleted = month("2026-11-30", {**october, "assets": others}, first)
    assert fired(deleted) == {("vanished-asset", "A-1")}
    still = deleted["exceptions"].filter(pl.col("rule") == "missing-in-count")
    assert still["status"].to_list() == ["open"]
    lost = [{**assets[0], "status": "lost", "status_since": "2026-11-10"}]
    written_off = month("2026-11-30", {**october, "assets": [*lost, *others]}, first)
    assert ("unapproved-write-off", "A-1") in fired(written_off)
    still = written_off["exceptions"].filter(pl.col("rule") == "missing-in-count")
    assert still["status"].to_list() == ["open"]
    approved = {
        "event_id": "m1",
        "kind": "retire",
        "asset_tag": "A-1",
        "occurred_at": "2026-11-09",
        "approved_by": "p2",
    }
    settled = month("2026-11-30", {**october, "assets": [*lost, *others], "movements": [approved]}, first)
    assert fired(settled) == set()
    assert settled["exceptions"].select("rule", "status").rows() == [("missing-in-count", "resolved")]
    assert settled["exception_history"]["why"].to_list() == ["written_off"]


@pytest.mark.parametrize(("holders", "stays_open"), [("p1 p2 p3 p2", True), ("p1 p2 p3 p1", False)])
def test_two_unrecorded_changes_are_reversed_when_the_first_holder_has_it_again(holders: str, stays_open: bool) -> None:
    tables: dict[str, pl.DataFrame] = {}
    for end, holder in zip(("2026-05-31", "2026-06-30", "2026-07-31", "2026-08-31"), holders.split(), strict=True):
        feeds = {"people": [ADA, BOB, {**BOB, "person_id": "p3"}], "assets": [{**LAPTOP, "custodian": holder}]}
        tables = month(end, feeds, tables)
    assert (("unrecorded-transfer", "A-1") in fired(tables)) is stays_open


# -- laws ------------------------------------------------------------------------------------------------------------

LEAVER = {**ADA, "status": "terminated", "end_date": "2026-08-01", "other_emails": ["ada.old@x.org", "a.l@x.org"]}
IDENTITIES: dict[str, Rows] = {
    "people": [LEAVER, BOB],
    "assets": [
        {**LAPTOP, "serial": "PF0ABC12"},
        {**LAPTOP, "asset_tag": "A-2", "serial": "PF0ABC13", "custodian": "p2"},
    ],
    "endpoints": [
        {**CHECK_IN, "serial": "PF0ABC12", "uuid": "4c4c4544-0043-4d10-8052-b4c04f564231"},
        {**CHECK_IN, "endpoint_id": "e2", "serial": "PF0ABC13", "user_email": "ada@x.org"},
        {**CHECK_IN, "endpoint_id": "e3", "serial": "PF0ABC99", "user_email": "bob@x.org"},
    ],
    "accounts": [{"account_id": "a1", "username": "ada", "email": "ada@x.org", "status": "active", "kind": "human"}],
    "seats": [{**SEAT, "seat_id": "ada@x.org", "email": "ada@x.org", "last_active_at": "2026-07-30"}],
    "entitlements": [{**LINE, "quantity": 1}],
}
EXPECTED = {
    ("held-by-leaver", "A-1"), ("used-by-another", "A-2"), ("unregistered-device", "PF0ABC99"),
    ("live-account-of-leaver", "a1"), ("leaver-seat", "Figma/ada@x.org"),
}  # fmt: skip


def _now(feeds: Mapping[str, Rows]) -> World:
    return world(feeds, as_of=AS_OF)


def _found(feeds: Mapping[str, Rows]) -> set[tuple[str, str]]:
    return fired(reconcile(_now(feeds), RULES))


def spelt(text: str, dice: Random) -> str:
    """The text as another system may write it: other case, spaces around it."""
    cased = "".join(dice.choice([c.upper(), c.lower()]) for c in text)
    return f"{dice.choice(['', ' ', '  '])}{cased}{dice.choice(['', ' '])}"


@pytest.mark.parametrize("seed", range(4))
def test_spelling_changes_nothing(seed: int) -> None:
    """Serials in any case and spacing; any address or name of a person in any case."""
    dice = Random(seed)
    feeds = {name: [dict(row) for row in rows] for name, rows in IDENTITIES.items()}
    for row in feeds["endpoints"]:
        row["serial"] = spelt(row["serial"], dice)
    feeds["endpoints"][1]["user_email"] = spelt(dice.choice(["ada@x.org", "a.l@x.org"]), dice)
    feeds["assets"][0]["custodian"] = spelt(dice.choice(["ada@x.org", "ada.old@x.org", "a.l@x.org", "ada"]), dice)
    assert _found(feeds) == EXPECTED


@pytest.mark.parametrize("seed", range(3))
def test_rows_twice_and_in_any_order_multiply_nothing(seed: int) -> None:
    dice = Random(seed)
    feeds = {name: dice.sample([*rows, *rows[:1]], len(rows) + 1) for name, rows in IDENTITIES.items()}
    assert _found(feeds) == EXPECTED


def test_an_exception_is_one_row_with_an_identity() -> None:
    tables = month("2026-10-31", IDENTITIES)
    listed = tables["exceptions"]
    assert set(listed.select("rule", "subject").iter_rows()) == EXPECTED
    assert listed.select("rule", "subject").is_duplicated().sum() == 0
    assert listed.select("exception_id", "subject", "owner", "severity", "due_on").null_count().row(0) == (
        0,
        0,
        0,
        0,
        0,
    )


# -- owners ----------------------------------------------------------------------------------------------------------


def test_nobody_who_left_owns_an_exception() -> None:
    """The owner of a contract answers for it, until they leave: then it is nobody's, and shows as unrouted."""
    line = {**LINE, "quantity": 40, "owner": "ada@x.org"}
    feeds: dict[str, Rows] = {"people": [ADA, BOB], "entitlements": [line], "seats": [{**SEAT, "seat_id": "bob@x.org",
                              "email": "bob@x.org", "last_active_at": "2026-10-30"}]}  # fmt: skip

    def owners(**more: Any) -> list[str]:
        findings = month("2026-10-31", {**feeds, **more})["findings"]
        return findings.filter(pl.col("rule") == "unassigned-seats")["owner"].to_list()

    assert owners() == ["ada@x.org"]
    assert owners(people=[LEAVER, BOB]) == ["unrouted"]
    assert owners(people=[BOB], entitlements=[{**line, "owner": "Design team"}]) == ["Design team"]
    routes = [{"owner": "it-assets", "process": "purchase"}]
    w = world({**feeds, "people": [LEAVER, BOB]}, as_of=AS_OF, routes=routes)
    found = reconcile(w, RULES)["findings"].filter(pl.col("rule") == "unassigned-seats")
    assert found["owner"].to_list() == ["it-assets"]
