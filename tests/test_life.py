"""Lives of exceptions over several months: what findings and decisions make of them, and what the months say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.worlds import staged, world
from tieout import exceptions, policy, policy_changes
from tieout.decisions import Entry, account, as_frame
from tieout.exceptions import EXCEPTIONS, MEMORY
from tieout.findings import FINDINGS, exception_id
from tieout.reconcile import reconcile
from tieout.world import World

RULES = [rule for rule in discover() if rule.grain == "seat"]
ENDS = {
    "2026-05": "2026-05-31",  # a Sunday
    "2026-06": "2026-06-30",
    "2026-07": "2026-07-31",
    "2026-08": "2026-08-31",
    "2026-09": "2026-09-30",
    "2026-10": "2026-10-31",  # a Saturday
}
FIRED, HELD, CLEAN, GONE, NOTHING = "fired", "held", "clean", "gone", ""
WHY = {CLEAN: "fixed", GONE: "subject_gone"}


def decision(kind: str, day: str, seq: int = 1, **more: Any) -> Entry:
    """An entry about the one exception of these stories."""
    said = {"exception_id": "x1", "kind": kind, "who": "Ada", "at": f"{day}T12:00:00Z", "seq": seq, **more}
    return Entry.model_validate({**said, "os_user": "u", "channel": "cli", "previous": ""})


def month(period: str, memory: Mapping[str, pl.DataFrame], decided: Sequence[Entry] = (), **tables: Any) -> World:
    end = datetime.fromisoformat(f"{ENDS[period]}T21:00:00").replace(tzinfo=UTC)
    made = world(period=period, as_of=end, memory=memory, configured=(), **tables)
    return replace(made, decisions=as_frame(decided))


def found(outcome: str, **more: Any) -> pl.DataFrame:
    """The finding of a month about the one exception: none when `outcome` is empty."""
    row = {
        "rule": "held-by-leaver", "exception_id": "x1", "subject": "A-1", "subject_key": "A-1", "outcome": outcome,
        "why": WHY.get(outcome), "keys": "", "subject_type": "asset", "severity": "high", "owner": "it-assets",
        "process": "offboard", "remedy": "Ask for it.", "evidence": "{}", **more,
    }  # fmt: skip
    return pl.DataFrame([row] if outcome else [], schema=dict(FINDINGS))


class Told:
    """What each month published of the one exception."""

    def __init__(self, outcomes: str, decided: Sequence[Entry] = (), since: date | None = None, **tables: Any) -> None:
        self.rows: list[dict[str, Any]] = []
        self.history: list[tuple[str | None, str, str]] = []
        memory: dict[str, pl.DataFrame] = {}
        for period, outcome in zip(ENDS, outcomes.split(), strict=False):
            finding = found("" if outcome == "-" else outcome, since_on=since)
            aged = exceptions.age(month(period, memory, decided, **tables), finding)
            memory = {"memory_exceptions": aged["memory_exceptions"]}
            self.rows.append(aged["exceptions"].to_dicts()[0] if aged["exceptions"].height else {})
            changes = aged["exception_history"]
            assert (changes["at"] == date.fromisoformat(ENDS[period])).all()
            self.history += changes.select("from_status", "to_status", "why").rows()

    def __getitem__(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]


# -- findings alone --------------------------------------------------------------------------------------------------


def test_resolved_then_back_two_months_later_is_the_same_exception() -> None:
    told = Told("fired clean - fired fired")
    assert told["status"] == ["open", "resolved", None, "open", "open"]
    assert told["exception_id"] == ["x1", "x1", None, "x1", "x1"]
    assert told["first_seen"][3] == date(2026, 5, 31)
    assert told["recurrence"] == [1, 1, None, 2, 2]
    assert told["cycles_open"] == [1, 1, None, 2, 3]
    assert told["age_days"] == [0, 30, None, 0, 30]  # the time in between it was no exception
    assert told.history == [(None, "open", "new"), ("open", "resolved", "fixed"), ("resolved", "open", "returned")]


def test_a_source_that_is_down_neither_resolves_nor_ages() -> None:
    told = Told("fired held held fired", since=date(2026, 5, 1))
    assert told["status"] == ["open"] * 4
    assert told["age_days"] == [30, 30, 30, 61]
    assert told["paused_days"] == [0, 30, 61, 61]
    assert told["cycles_open"] == [1, 1, 1, 2]
    assert told["paused_cycles"] == [0, 1, 2, 2]
    assert told["last_seen"][2] == date(2026, 5, 31)


def test_what_no_run_speaks_of_stays_open() -> None:
    assert Told("fired - fired")["status"] == ["open"] * 3


def test_a_subject_that_disappears_is_no_success() -> None:
    assert Told("fired gone").history[-1] == ("open", "resolved", "subject_gone")


@pytest.mark.parametrize(
    ("severity", "due"),
    [("critical", "2026-06-03"), ("high", "2026-06-12"), ("medium", "2026-06-26"), ("low", "2026-08-21")],
)
def test_due_dates_count_working_days_from_publication(severity: str, due: str) -> None:
    sunday = exceptions.age(month("2026-05", {}), found(FIRED, severity=severity))["exceptions"]
    assert sunday["due_on"].to_list() == [date.fromisoformat(due)]


def test_due_days_are_policy_and_stay_while_it_is_open() -> None:
    assert set(Told("fired fired held fired", policy={"due_days_high": 1})["due_on"]) == {date(2026, 6, 1)}
    assert Told("fired clean fired")["due_on"][2] == date(2026, 8, 14)  # from the return


def test_what_arose_before_go_live_is_legacy() -> None:
    told = Told("fired fired", since=date(2026, 4, 1), policy={"go_live": "2026-05-01"})
    assert told["legacy"] == [True, True]
    assert told["due_on"] == [date(2026, 11, 27)] * 2
    assert Told("fired", since=date(2026, 5, 1), policy={"go_live": "2026-05-01"})["legacy"] == [False]
    back = Told("fired clean fired", policy={"go_live": "2026-06-15"})
    assert back["legacy"] == [True, True, False]  # it arose anew
    assert back["due_on"][2] == date(2026, 8, 14)


# -- decisions -------------------------------------------------------------------------------------------------------


def test_acknowledged_then_assigned_then_fixed() -> None:
    told = Told(
        "fired fired fired clean",
        [decision("acknowledge", "2026-06-05"), decision("assign", "2026-07-01", 2, owner="bob")],
    )
    assert told["status"] == ["open", "acknowledged", "in_progress", "resolved"]
    assert told["owner"] == ["it-assets", "it-assets", "bob", "bob"]
    assert told["decision"][1:3] == ["acknowledged by Ada", "assigned to bob by Ada"]
    assert [why for *_, why in told.history] == ["new", "acknowledged", "assigned", "fixed"]


def test_an_expired_waiver_reopens() -> None:
    waiver = decision("waive", "2026-06-05", until="2026-07-31", approver="Bob")
    told = Told("fired fired fired fired", [waiver])
    assert told["status"] == ["open", "waived", "waived", "open"]
    assert told.history[1:] == [("open", "waived", "waived"), ("waived", "open", "waiver expired")]
    assert told["recurrence"] == [1] * 4
    assert told["age_days"][3] == 92
    assert told["due_on"][3] == date(2026, 9, 14)  # the clock starts again when it opens again


def test_a_waived_exception_resolves_when_it_is_evaluated_and_no_longer_so() -> None:
    waiver = decision("waive", "2026-06-05", until="2026-07-15", approver="Bob")
    assert Told("fired fired clean", [waiver])["status"][2] == "resolved"
    assert Told("fired fired held", [waiver])["status"][2] == "waived"  # expired, but nobody looked
    assert Told("fired fired held fired", [waiver])["status"][3] == "open"


def test_a_waiver_outlives_a_return_other_decisions_do_not() -> None:
    waiver = decision("waive", "2026-06-05", until="2026-12-31", approver="Bob")
    assert Told("fired fired clean fired", [waiver])["status"] == ["open", "waived", "resolved", "waived"]
    seen = decision("acknowledge", "2026-06-05")
    assert Told("fired fired clean fired", [seen])["status"] == ["open", "acknowledged", "resolved", "open"]


def test_an_accepted_exception_is_settled_until_it_happens_again() -> None:
    told = Told("fired fired - fired", [decision("accept", "2026-06-05", approver="Bob")])
    assert told["status"] == ["open", "accepted", None, "open"]
    assert told.history[1:] == [("open", "accepted", "accepted"), ("accepted", "open", "returned")]


def test_an_acceptance_taken_back_puts_it_on_the_list_again() -> None:
    log = [decision("accept", "2026-06-05", approver="Bob"), decision("correct", "2026-07-05", 2, corrects=1)]
    told = Told("fired fired fired clean", log)
    assert told["status"] == ["open", "accepted", "open", "resolved"]
    assert told.history[2:] == [("accepted", "open", "decision withdrawn"), ("open", "resolved", "fixed")]
    assert (told["recurrence"][2], told["due_on"][2]) == (1, date(2026, 8, 14))
    assert Told("fired fired held", log)["status"][2] == "open"
    assert Told("fired fired clean", log)["status"][2] == "resolved"


MOVE = exception_id("incomplete-license-move", "E-1")


def of_a_move_in_may(decided: Sequence[Entry] = (), **tables: Any) -> list[str | None]:
    """The statuses from May to July of a licence move of May that lacks most of it; a table may change by month."""
    move = {"event_id": "E-1", "product": "Pad", "quantity": 1, "occurred_at": "2026-05-05T10:00:00"}
    rules = [rule for rule in discover() if rule.slug == "incomplete-license-move"]
    memory: dict[str, pl.DataFrame] = {}
    statuses = []
    for number, period in enumerate(("2026-05", "2026-06", "2026-07")):
        feeds = {"license_moves": staged("license_moves", [move], "2026-05")}
        end = datetime.fromisoformat(f"{ENDS[period]}T21:00:00").replace(tzinfo=UTC)
        said = {name: months[number] for name, months in tables.items()}
        w = replace(world(feeds, period=period, as_of=end, memory=memory, **said), decisions=as_frame(decided))
        made = reconcile(w, rules)
        made |= exceptions.age(w, made["findings"])
        memory = remembered(made)
        statuses.append(dict(memory["memory_exceptions"].select("exception_id", "status").rows()).get(MOVE))
    return statuses


def test_a_rule_on_events_looks_at_what_is_accepted_no_more() -> None:
    accepted = decision("accept", "2026-06-05", exception_id=MOVE, approver="Bob")
    log = [accepted, decision("correct", "2026-07-05", 2, exception_id=MOVE, corrects=1)]
    assert of_a_move_in_may(log) == ["open", "accepted", "open"]


def test_an_event_that_was_exempt_is_found_when_that_is_over() -> None:
    exempt = {"rule": "incomplete-license-move", "subject": "E-1", "who": "Ada", "why": "vendor"}
    may, june = ([{**exempt, "until": day}] for day in ("2026-06-15", "2026-06-30"))
    assert of_a_move_in_may(exempt=[may] * 3) == [None, "open", "open"]
    assert of_a_move_in_may(exempt=[june] * 3) == [None, None, "open"]
    assert of_a_move_in_may(exempt=[[], june, june]) == ["open", "resolved", "open"]


def test_an_event_is_found_again_when_its_rule_is_on_again() -> None:
    off = {"incomplete-license-move": {"on": False}}
    assert of_a_move_in_may(rules=[{}, off, {}]) == ["open", "resolved", "open"]


def test_a_disputed_exception_stays_on_the_list() -> None:
    told = Told("fired fired held fired clean", [decision("dispute", "2026-06-05", reason="not-mine")])
    assert told["status"] == ["open", "disputed", "disputed", "disputed", "resolved"]
    assert told["decision"][1] == "disputed by Ada: not-mine"


def test_a_decision_taken_back_no_longer_counts_from_then_on() -> None:
    log = [decision("acknowledge", "2026-06-05"), decision("correct", "2026-07-05", 2, corrects=1)]
    told = Told("fired fired fired", log)
    assert told["status"] == ["open", "acknowledged", "open"]
    assert told.history[-1] == ("acknowledged", "open", "decision withdrawn")


def test_a_later_decision_changes_no_earlier_month() -> None:
    late = decision("acknowledge", "2026-07-05")
    assert Told("fired fired fired", [late])["status"] == ["open", "open", "acknowledged"]


def test_the_log_says_what_became_of_each_entry() -> None:
    log = [
        decision("waive", "2026-06-05", 1, until="2026-06-20", approver="Bob"),
        decision("waive", "2026-06-06", 2, exception_id="x9", until="2026-12-31", approver="Bob"),
        decision("acknowledge", "2026-06-07", 3),
        decision("correct", "2026-06-08", 4, corrects=3),
        decision("dispute", "2026-06-09", 5),
        decision("assign", "2026-07-09", 6, owner="bob"),
    ]
    w = month("2026-06", {}, log)
    listed = exceptions.age(w, found(FIRED))["exceptions"]
    states = account(w.decisions, w.as_of, w.settings, listed).select("period", "state").rows()
    assert states == [("2026-06", state) for state in ("expired", "idle", "taken back", "counts", "counts")] + [
        ("2026-07", "later")
    ]


def test_no_open_exception_is_without_a_due_date_and_no_count_is_lost() -> None:
    for outcomes in ("fired - held fired - clean", "fired clean - - fired -", "fired held - held fired fired"):
        told = Told(outcomes)
        for row in filter(None, told.rows):
            counts = ("due_on", "age_days", "paused_days", "cycles_open", "paused_cycles", "recurrence", "first_seen")
            assert all(row[name] is not None for name in counts), row


def test_memory_is_the_list_and_more() -> None:
    aged = exceptions.age(month("2026-05", {}), found(FIRED))
    assert aged["exceptions"].columns == list(EXCEPTIONS)
    assert aged["memory_exceptions"].columns == list(MEMORY)


# -- seats that are kept, limits that change -------------------------------------------------------------------------

ADA = {"person_id": "p1", "full_name": "Ada", "email": "ada@x.org", "status": "active", "start_date": "2020-01-01"}
SEAT = {
    "product": "Figma", "seat_id": "u-1", "email": "ada@x.org", "status": "active", "paid": True,
    "assigned_at": "2025-01-01", "last_active_at": "2026-01-15",
}  # fmt: skip


def seats(
    period: str, memory: Mapping[str, pl.DataFrame], decided: Sequence[Entry] = (), **tables: Any
) -> dict[str, pl.DataFrame]:
    """Everything a month with one long unused seat leaves behind."""
    end = datetime.fromisoformat(f"{ENDS[period]}T21:00:00").replace(tzinfo=UTC)
    feeds: dict[str, Sequence[Mapping[str, Any]]] = {"people": [ADA], "seats": [SEAT]}
    w = replace(
        world(feeds, period=period, as_of=end, memory=memory, configured=("people", "seats", "accounts"), **tables),
        decisions=as_frame(decided),
    )
    made = reconcile(w, RULES)
    made |= policy_changes.compare(w, RULES, made)
    return made | exceptions.age(w, made["findings"])


def remembered(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return {name: table for name, table in tables.items() if name.startswith("memory_")}


def test_a_seat_that_is_kept_is_quiet_for_its_time() -> None:
    tables = seats("2026-05", {})
    (seat,) = tables["exceptions"].select("exception_id", "rule", "status").rows()
    assert seat[1:] == ("inactive-seat", "open")
    keep = [decision("keep", "2026-06-05", exception_id=seat[0], until="2026-09-03")]
    statuses = []
    for period in ("2026-06", "2026-07", "2026-08", "2026-09"):
        tables = seats(period, remembered(tables), keep)
        statuses.append(tables["exceptions"]["status"].to_list())
        if period == "2026-06":
            assert tables["exception_history"]["why"].to_list() == ["kept"]
            run = tables["rule_runs"].filter(pl.col("rule") == "inactive-seat")
            assert run.select("fired", "exempt").row(0) == (0, 1)
    assert statuses == [["resolved"], [], [], ["open"]]


def test_a_loosened_limit_is_no_success_and_is_listed_with_what_it_let_go() -> None:
    first = seats("2026-05", {})
    loose = seats("2026-06", remembered(first), policy={"inactive_days": 365})
    assert loose["exception_history"]["why"].to_list() == ["limit_changed"]
    columns = ("what", "rule", "from_value", "to_value", "loosened", "silenced", "added", "approver")
    assert loose["policy_changes"].select(columns).rows() == [
        ("policy.inactive_days", "inactive-seat", "90", "365", True, 1, 0, None)
    ]
    same = seats("2026-06", remembered(first), policy={"usage_fresh_days": 14})
    assert same["policy_changes"].is_empty()  # a default that is now stated is no change
    again = seats("2026-07", remembered(loose), policy={"inactive_days": 365})
    assert again["policy_changes"].is_empty()
    tight = seats("2026-08", remembered(again))
    assert tight["policy_changes"].select("loosened", "silenced", "added").rows() == [(False, 0, 1)]
    assert tight["exception_history"]["why"].to_list() == ["returned"]


def test_a_policy_change_that_decides_nothing_here_is_listed_all_the_same() -> None:
    first = seats("2026-05", {})
    later = seats("2026-06", remembered(first), policy={"inactive_days": 100, "unused_days": 45})
    assert later["policy_changes"].select("what", "loosened").rows() == [("policy.inactive_days", None)]
    assert later["exceptions"]["status"].to_list() == ["open"]


def test_a_rule_switched_off_and_an_exemption_are_policy_changes() -> None:
    first = seats("2026-05", {})
    off = seats("2026-06", remembered(first), rules={"inactive-seat": {"on": False}})
    assert off["policy_changes"].select("what", "to_value", "loosened", "silenced").rows() == [
        ("rules.inactive-seat.on", "false", True, 1)
    ]
    assert off["exception_history"]["why"].to_list() == ["rule_off"]
    exempt = {"rule": "inactive-seat", "subject": "Figma/u-1", "who": "Ada", "why": "needed", "until": "2026-12-31"}
    for approver, stands in ((None, None), ("ada", None), ("p1", None), ("Bob", "Bob")):
        left = seats("2026-06", remembered(first), exempt=[{**exempt, "approver": approver}])
        (change,) = left["policy_changes"].to_dicts()
        assert change["what"] == "exempt.inactive-seat.Figma/u-1"
        assert (change["loosened"], change["silenced"], change["until"]) == (True, 1, date(2026, 12, 31))
        assert change["approver"] == stands
    approval = decision("approve", "2026-07-02", exception_id=off["policy_changes"]["change_id"][0], who="Cem")
    signed = seats("2026-06", remembered(first), [approval], rules={"inactive-seat": {"on": False}})
    assert signed["policy_changes"]["approver"].to_list() == ["Cem"]


def test_an_exemption_is_of_its_subject_in_any_case_and_told_where_it_is_of_none() -> None:
    exempt = {"rule": "inactive-seat", "who": "Ada", "why": "needed", "until": "2026-06-30"}
    tables = {"exempt": [{**exempt, "subject": [" figma/U-1", "Figma/u-9"]}]}
    left = seats("2026-06", {}, **tables)
    assert left["findings"].select("subject", "outcome").rows() == [("Figma/u-1", "exempt")]
    settings = month("2026-06", {}, **tables).settings
    idle = [("inactive-seat", "Figma/u-9")]
    assert policy.idle_exemptions(settings, left["findings"], date(2026, 6, 30)) == idle
    assert policy.idle_exemptions(settings, left["findings"], date(2026, 7, 31)) == []


def test_of_two_exemptions_of_one_subject_the_longer_is_the_change() -> None:
    short = {"rule": "inactive-seat", "subject": "Figma/u-1", "who": "Ada", "why": "needed", "until": "2026-06-30"}
    long = {**short, "who": "Bob", "until": "2027-06-30"}
    before = remembered(seats("2026-05", {}, exempt=[short]))
    for both in ([short, long], [long, short]):
        (change,) = seats("2026-06", before, exempt=both)["policy_changes"].to_dicts()
        assert (change["from_value"], change["to_value"], change["who"]) == ("2026-06-30", "2027-06-30", "Bob")
        assert change["loosened"]


def test_the_same_month_twice_is_the_same() -> None:
    first = seats("2026-05", {})
    one, other = (seats("2026-06", remembered(first), policy={"inactive_days": 365}) for _ in range(2))
    for name in ("exceptions", "exception_history", "policy_changes", "memory_exceptions"):
        assert one[name].equals(other[name]), name


def test_what_ends_with_its_source_is_no_success() -> None:
    """The console's source was replaced, or is read by another mapping: the seat may be as unused as it was."""
    used = {**SEAT, "last_active_at": "2026-06-20"}

    def june(source: str, reading: str, seat: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
        w = two_months(source, reading, seat)
        made = reconcile(w, RULES)
        return exceptions.age(w, made["findings"])

    def two_months(source: str, reading: str, seat: Mapping[str, Any]) -> World:
        feeds = {"people": staged("people", [ADA], "2026-06"), "seats": staged("seats", [seat], "2026-06", source)}
        end = datetime(2026, 6, 30, 21, tzinfo=UTC)
        first = seats("2026-05", {})
        w = world(feeds, period="2026-06", as_of=end, memory=remembered(first), configured=("people",))
        told = {"feed": ["seats"] * 2, "verdict": ["GREEN"] * 2, "period": ["2026-05", "2026-06"]}
        spoke = pl.DataFrame({**told, "source": ["seats", source], "reading": ["", reading]})
        return replace(w, sources=pl.concat([w.sources, spoke], how="diagonal"))

    def why(*month: Any) -> list[str]:
        return june(*month)["exception_history"]["why"].to_list()

    assert why("seats", "", used) == ["fixed"]
    assert why("seats", "other mapping", used) == ["source_changed"]
    assert why("figma", "", used) == ["source_changed"]
    assert why("seats", "other mapping", SEAT) == []
