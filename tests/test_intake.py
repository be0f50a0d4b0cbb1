"""The verdict on a delivery: what makes it GREEN, AMBER or RED, and what is only worth saying."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tieout import joining
from tieout.feeds import FEEDS
from tieout.intake import Override, Profile, Verdict, judge, keys_of, overridden, profile
from tieout.pull import UNREADABLE, Control, Fetched, Records
from tieout.settings import Bounds, Settings, Source
from tieout.staging import stage

SETTINGS = Settings(organisation="Acme", reporting_currency="EUR", timezone="Europe/Berlin")
AS_OF = datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC)
VOUCHED = {"control": Control(), "proof": "control file"}


def assets(*numbers: int, **columns: str | None) -> list[dict[str, str | None]]:
    return [
        {"asset_tag": f"T{n}", "asset_class": "laptop", "status": "in_use", "serial": f"S{n}"} | columns
        for n in numbers
    ]


def tickets(*days: int) -> list[dict[str, str | None]]:
    return [
        {"ticket_id": f"{d}", "kind": "repair", "status": "open", "opened_at": f"2026-10-{d:02}T09:00:00Z"}
        for d in days
    ]


def records_of(rows: list[dict[str, str | None]], feed: str, unreadable: int = 0) -> Records:
    columns = list(dict.fromkeys(name for row in rows for name in row)) or list(FEEDS[feed].required)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    bad = pl.DataFrame([(n, ["torn"], "x") for n in range(unreadable)], schema=UNREADABLE, orient="row")
    return Records(frame.with_row_index("_row", 1).cast({"_row": pl.Int64}), bad, tuple(columns))


def verdict(
    rows: list[dict[str, str | None]],
    before: list[dict[str, str | None]] | None = None,
    feed: str = "assets",
    unreadable: int = 0,
    bounds: dict[str, Any] | None = None,
    **said: Any,
) -> Verdict:
    source = Source(name="test", feed=feed, bounds=Bounds(**bounds or {}))
    records = records_of(rows, feed, unreadable)
    fetched = Fetched(**{"outcome": "complete"} | said)
    last: Profile | None = None
    if before is not None:
        earlier = stage(records_of(before, feed), source, SETTINGS)
        last = profile(earlier.rows, FEEDS[feed], earlier.fill, earlier.columns)
    held = last.rows if last else 0
    return judge(source, SETTINGS, AS_OF, fetched, records, stage(records, source, SETTINGS), last, held=held)


def slugs(verdict: Verdict) -> list[str]:
    return [reason.slug for reason in verdict.reasons]


HUNDRED = assets(*range(100))


@pytest.mark.parametrize(
    ("rows", "before", "options", "color", "said"),
    [
        (HUNDRED, None, {}, "GREEN", []),
        (HUNDRED, HUNDRED, {}, "GREEN", []),
        # keys kept: 95 % of a bare file's, 80 % of one with a control file
        (assets(*range(95)), HUNDRED, {}, "GREEN", []),
        (assets(*range(94)), HUNDRED, {}, "AMBER", ["incomplete-pull"]),
        (assets(*range(94)), HUNDRED, VOUCHED, "GREEN", []),
        (assets(*range(80)), HUNDRED, VOUCHED, "GREEN", []),
        (assets(*range(21, 121)), HUNDRED, VOUCHED, "AMBER", ["incomplete-pull"]),
        (assets(*range(94)), HUNDRED, {"bounds": {"min_retained": 0.5}}, "GREEN", []),
        # volume, for rows and for keys
        (assets(*range(79)), HUNDRED, VOUCHED, "AMBER", ["volume-drop", "incomplete-pull"]),
        (assets(*range(30)), assets(*range(40)), VOUCHED | {"bounds": {"min_retained": 0}}, "GREEN", []),
        (assets(*range(98)), HUNDRED, {"bounds": {"max_drop_rows": 1}}, "AMBER", ["volume-drop"]),
        (assets(*range(200)), HUNDRED, {}, "GREEN", []),
        (assets(*range(201)), HUNDRED, {}, "AMBER", ["volume-spike"]),
        (HUNDRED, None, {"bounds": {"min_rows": 101}}, "AMBER", ["volume-drop"]),
        ([], HUNDRED, {}, "RED", ["volume-drop"]),
        ([], None, {}, "GREEN", []),
        ([], [], {}, "GREEN", []),
        # quality
        (HUNDRED, None, {"unreadable": 5}, "GREEN", ["quarantined-rows"]),
        (HUNDRED, None, {"unreadable": 6}, "AMBER", ["quarantined-rows"]),
        (HUNDRED, None, {"unreadable": 101}, "RED", ["quarantined-rows"]),
        (HUNDRED + assets(1), None, {}, "GREEN", []),
        (HUNDRED + assets(1, serial="other"), None, {}, "GREEN", ["duplicate-keys"]),
        (HUNDRED + assets(1, 2, serial="other"), None, {}, "AMBER", ["duplicate-keys"]),
        (assets(1, asset_class="Drone"), None, {}, "GREEN", ["unmapped-values"]),
        # columns
        (assets(*range(100), note="x"), HUNDRED, {}, "GREEN", ["schema-drift"]),
        (HUNDRED, assets(*range(100), note="x"), {}, "GREEN", ["schema-drift"]),
        (HUNDRED, assets(*range(100), model="x"), {}, "AMBER", ["schema-drift"]),
        (assets(*range(100), serial=None), HUNDRED, {}, "GREEN", []),
        # control file
        (HUNDRED, None, {"control": Control(rows=100)}, "GREEN", []),
        (HUNDRED, None, {"control": Control(rows=101), "unreadable": 1}, "GREEN", ["quarantined-rows"]),
        (HUNDRED, None, {"control": Control(rows=101)}, "RED", ["control-mismatch"]),
        (assets(1, 2, cost="1.10"), None, {"control": Control(sums={"cost": Decimal("2.2")})}, "GREEN", []),
        (assets(1, 2, cost="1.10"), None, {"control": Control(sums={"cost": Decimal(2)})}, "RED", ["control-mismatch"]),
        (assets(1, 2, cost="1.10"), None, {"control": Control(sums={"Cost": Decimal("2.2")})}, "GREEN", []),
        (HUNDRED, None, {"control": Control(sums={"cost": Decimal(2)})}, "RED", ["control-mismatch"]),
        # the pull, and its time
        (HUNDRED, None, {"outcome": "partial", "why": "page 3 is missing"}, "AMBER", ["incomplete-pull"]),
        (HUNDRED, None, {"outcome": "failed", "why": "refused"}, "RED", ["incomplete-pull"]),
        (HUNDRED, None, {"extracted_at": datetime(2026, 11, 5, 22, tzinfo=UTC)}, "GREEN", []),
        (HUNDRED, None, {"extracted_at": datetime(2026, 11, 6, tzinfo=UTC)}, "AMBER", ["stale-source"]),
        (HUNDRED, None, {"extracted_at": datetime(2026, 9, 30, 20, tzinfo=UTC)}, "AMBER", ["stale-source"]),
        (assets(1, updated_at="2026-09-01"), None, {"bounds": {"max_age_days": 30}}, "AMBER", ["stale-source"]),
        (assets(1, updated_at="2026-10-09"), None, {"bounds": {"max_age_days": 30}}, "GREEN", []),
    ],
)
def test_state_deliveries(
    rows: list[dict[str, str | None]],
    before: list[dict[str, str | None]] | None,
    options: dict[str, Any],
    color: str,
    said: list[str],
) -> None:
    result = verdict(rows, before, **options)
    assert (result.color, slugs(result)) == (color, said), result.reasons


@pytest.mark.parametrize(
    ("rows", "before", "options", "color", "said"),
    [
        ([], tickets(1, 2, 3), {}, "GREEN", []),
        (tickets(4, 5), tickets(1, 2, 3), {}, "GREEN", []),
        (tickets(1, 2, 3, 4), tickets(1, 2, 3), {}, "GREEN", []),
        (tickets(3, 4), tickets(1, 2, 3), {}, "GREEN", []),
        (tickets(2, 3, 4, 5, 7), tickets(1, 2, 3, 4, 5, 6), {}, "GREEN", []),
        (tickets(2, 6, 7), tickets(1, 2, 3, 4, 5, 6), {}, "AMBER", ["incomplete-pull"]),
    ],
)
def test_event_deliveries(
    rows: list[dict[str, str | None]],
    before: list[dict[str, str | None]] | None,
    options: dict[str, Any],
    color: str,
    said: list[str],
) -> None:
    result = verdict(rows, before, feed="tickets", **options)
    assert (result.color, slugs(result)) == (color, said), result.reasons


@pytest.mark.parametrize(
    ("feed", "required", "color"),
    [("assets", None, "RED"), ("assets", False, "RED"), ("tickets", None, "GREEN"), ("tickets", True, "RED")],
)
def test_what_did_not_come(feed: str, required: bool | None, color: str) -> None:
    source = Source(name="test", feed=feed, required=required)
    result = judge(source, SETTINGS, AS_OF, Fetched("missing", why="assets.csv was not delivered"))
    assert result.color == color
    assert slugs(result) == (["missing-source"] if color == "RED" else [])


def test_a_delivery_that_cannot_be_read_is_red() -> None:
    source = Source(name="test", feed="assets")
    unread = Records.failed("assets.csv: it is empty")
    result = judge(source, SETTINGS, AS_OF, Fetched("complete"), unread, stage(unread, source, SETTINGS))
    assert (result.color, result.reasons) == ("RED", (("incomplete-pull", "assets.csv: it is empty"),))
    result = verdict([{"asset_tag": "1", "status": "in_use"}])
    assert (result.color, slugs(result)) == ("RED", ["schema-drift"])


def test_the_source_speaks_for_its_own_instant() -> None:
    assert verdict(HUNDRED).as_of == AS_OF
    naive = datetime.fromisoformat("2026-11-02T06:00")
    assert verdict(HUNDRED, extracted_at=naive).as_of == datetime(2026, 11, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("joined", "before", "bounds", "color"),
    [
        (0.9, None, {"min_join": 0.9}, "GREEN"),
        (0.89, None, {"min_join": 0.9}, "AMBER"),
        (None, None, {"min_join": 0.9}, "GREEN"),
        (0.7, 0.9, {}, "GREEN"),
        (0.69, 0.9, {}, "AMBER"),
        (0.69, 0.9, {"max_join_drop": 0.3}, "GREEN"),
        (0.69, 0.9, {"rows_from": 101}, "GREEN"),
        (0.69, None, {}, "GREEN"),
    ],
)
def test_the_share_that_names_somebody_known(
    joined: float | None, before: float | None, bounds: dict[str, Any], color: str
) -> None:
    source = Source(name="test", feed="assets", bounds=Bounds(**bounds))
    records = records_of(HUNDRED, "assets")
    staged = stage(records, source, SETTINGS)
    last = replace(profile(staged.rows, FEEDS["assets"], staged.fill, staged.columns), joined=before)
    result = judge(source, SETTINGS, AS_OF, Fetched("complete"), records, staged, last if before else None, joined)
    assert (result.color, slugs(result)) == (color, ["schema-drift"] if color == "AMBER" else [])


def test_who_is_known() -> None:
    people = pl.DataFrame({"person_id": ["P1"], "email": ["Ada@x.org"], "other_emails": [["old@x.org"]]})
    of_people = joining.Known().plus("people", people)
    known = of_people.plus("memory_assets", pl.DataFrame({"serial_key": ["SER1"]}))
    seats = [("Figma", "7", "ada@x.org "), ("Figma", "p1", None), ("Figma", "8", "eve@x.org"), ("Figma", "9", None)]
    rows = pl.DataFrame(seats, schema=["product", "seat_id", "email"], orient="row")
    assert joining.joined(rows, FEEDS["seats"], known) == 0.5
    ledger = pl.DataFrame({"asset_tag": ["T1", None, None], "serial": ["S/N: ser1", "other", None]})
    assert joining.joined(ledger, FEEDS["ledger"], known) == 0.5
    assert joining.joined(ledger, FEEDS["ledger"], of_people) is None
    assert joining.joined(pl.DataFrame(), FEEDS["stock"], known) is None


def test_keys_carry_the_day_of_an_event() -> None:
    row = {"currency": "USD", "as_of": "2026-10-31", "rate": "0.9"}
    staged = stage(records_of([row], "fx_rates"), Source(name="test", feed="fx_rates"), SETTINGS)
    assert keys_of(staged.rows, FEEDS["fx_rates"]).row(0) == (
        "USD\x1f2026-10-31",
        datetime(2026, 10, 31, tzinfo=UTC),
    )


def test_an_override_speaks_for_what_was_accepted_and_for_nothing_else() -> None:
    short = verdict(assets(*range(90)), HUNDRED)
    missing = judge(Source(name="test", feed="assets"), SETTINGS, AS_OF, Fetched("missing"))
    override = Override(frozenset({"incomplete-pull"}), "the lab was sold")
    assert [override.counts(one) for one in (short, missing, verdict(HUNDRED))] == [True, False, False]
    assert overridden(short, override).color == "GREEN"
    assert overridden(missing, Override(frozenset({"missing-source"}), "lost")).color == "RED"
