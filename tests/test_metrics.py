"""Figures reckoned by hand: numerator, denominator, what was left out, and no value where there is nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.errors import ConfigError
from pipelines.limits import hold_against_catalogue
from tests.worlds import AS_OF, settings, world
from tieout import controls, escalations, metrics, roi, root_causes, trust
from tieout.exceptions import EXCEPTIONS, HISTORY, MEMORY
from tieout.figures import Metric, Month
from tieout.findings import INVOLVED, RULE_RUNS
from tieout.golden import custody, devices, disposals, people, stock, tickets
from tieout.ladder import SAVED
from tieout.metrics import METRICS

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "devices": devices.DEVICES, "people": people.PEOPLE, "device_returns": people.RETURNS,
    "stock_positions": stock.STOCK, "product_claims": stock.PRODUCTS, "disposals": disposals.DISPOSALS,
    "custody_changes": custody.CHANGES, "requests": tickets.REQUESTS, "involved": INVOLVED,
    "exceptions": EXCEPTIONS, "exception_history": HISTORY, "memory_exceptions": MEMORY, "rule_runs": RULE_RUNS,
    "savings": SAVED,
}  # fmt: skip
TODAY, EARLIER = date(2026, 10, 31), date(2026, 9, 30)
BY_NAME = {metric.name: metric for metric in METRICS}


def month(
    memory: Mapping[str, pl.DataFrame] | None = None, config: Mapping[str, Any] | None = None, **tables: Any
) -> Month:
    """A period with just these rows."""
    frames = {name: pl.DataFrame(tables.get(name, []), schema=dict(schema)) for name, schema in SCHEMAS.items()}
    w = world(memory=memory, **(config or {}))
    return Month(w, frames, {"held-by-leaver": "custody", "leaver-seat": "seat"})


def figure(name: str, of: Month, scope: str = "all") -> tuple[Any, ...]:
    """Numerator, denominator, excluded and value of a figure, as plain numbers."""
    row = BY_NAME[name].taken(of).filter(pl.col("scope") == scope).to_dicts()[0]
    return tuple(None if row[c] is None else float(row[c]) for c in ("numerator", "denominator", "excluded", "value"))


def device(right: bool | None, **fields: Any) -> dict[str, Any]:
    tag = fields.get("device", "A")
    healthy = {
        "device": tag, "asset_tag": tag, "asset_class": "laptop", "on_register": True, "on_books": True, "right": right,
        "checked": right is not None, "newly_lost": False,
    }  # fmt: skip
    return {**healthy, **fields}


def found(**fields: Any) -> dict[str, Any]:
    """A device on no register entry."""
    return device(None, on_register=False, on_books=False, asset_tag=None, **fields)


def exception(number: int, **fields: Any) -> dict[str, Any]:
    healthy = {
        "exception_id": f"x{number}", "rule": "held-by-leaver", "subject_type": "asset", "subject": f"A{number}",
        "status": "open", "owner": "it", "process": "offboard", "legacy": False, "due_on": date(2026, 11, 10),
        "first_seen": TODAY, "opened_on": TODAY,
    }  # fmt: skip
    return {**healthy, **fields}


def listed(*rows: Mapping[str, Any]) -> dict[str, Any]:
    """Exceptions as the list shows them and as they are remembered."""
    return {
        "exceptions": [{k: v for k, v in row.items() if k in EXCEPTIONS} for row in rows],
        "memory_exceptions": list(rows),
    }


# -- nothing by absence ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_share_of_nothing_has_no_value(metric: Metric) -> None:
    values = metric.taken(month(config={"configured": ()}))["value"].to_list()
    if metric.unit in ("share", "days", "hours", "ratio"):
        assert values in ([None], [])
    else:
        assert all(not value for value in values)


@pytest.mark.parametrize("metric", [m for m in METRICS if m.needs], ids=lambda metric: metric.name)
@pytest.mark.parametrize("how", ["not delivered", "AMBER"])
def test_a_figure_without_a_living_source_has_no_value(metric: Metric, how: str) -> None:
    feed = metric.needs[0]
    config = {"verdicts": {feed: how}} if how == "AMBER" else {"configured": ()}
    rows = month(config=config, devices=[device(True)], requests=[{"kind": "locate", "critical": True, "hours": 1.0}])
    assert metric.taken(rows)["value"].to_list() == [None]


def test_every_metric_says_what_it_is_and_is_taken_once_a_scope() -> None:
    assert len(BY_NAME) == len(METRICS)
    assert all(metric.doc.endswith(".") for metric in METRICS)
    taken = metrics.take(month(devices=[device(True), device(False, asset_class="phone")]))
    assert not taken.select(pl.struct("name", "scope").is_duplicated()).to_series().any()
    assert taken.columns == list(metrics.METRICS_TABLE)


# -- devices ---------------------------------------------------------------------------------------------------------


def test_found_devices_stand_in_the_denominator_and_unchecked_ones_are_left_out() -> None:
    rows = [device(True)] * 97 + [device(False)] * 3 + [device(None)] * 5 + [found(), found(asset_class="phone")]
    of = month(devices=rows)
    assert figure("record_accuracy", of) == (97, 102, 5, pytest.approx(97 / 102))
    assert figure("record_accuracy", of, "laptop") == (97, 101, 5, pytest.approx(97 / 101))
    assert figure("record_accuracy", of, "phone") == (0, 1, 0, 0)
    assert figure("trust_coverage", of) == (100, 105, 0, pytest.approx(100 / 105))


def test_a_record_written_off_counts_only_when_it_was_seen() -> None:
    gone = {"on_books": False, "status": "disposed"}
    of = month(devices=[device(True), device(False, **gone), device(None, **gone)])
    assert figure("record_accuracy", of) == (1, 2, 0, 0.5)


def test_the_exception_rate_counts_records_not_exceptions() -> None:
    rows = [device(True, device=f"A{n}", value=Decimal(100 * n) if n < 4 else None) for n in range(1, 6)]
    found_now = [
        exception(1), exception(1, exception_id="y1", rule="ghost-asset"), exception(2, status="waived"),
        exception(3, legacy=True), exception(4), exception(9, subject_type="seat", subject="A5"),
    ]  # fmt: skip
    of = month(devices=rows, **listed(*found_now))
    assert figure("exception_rate", of) == (2, 5, 0, 0.4)
    assert figure("exception_rate_by_value", of) == (100, 600, 2, pytest.approx(1 / 6))
    assert figure("exception_rate_with_waived_and_legacy", of) == (4, 5, 0, 0.8)
    assert figure("exception_rate_with_waived_and_legacy_by_value", of) == (600, 600, 2, 1)


def test_losses_are_those_of_the_period() -> None:
    rows = [device(True)] * 9 + [device(None, on_books=False, newly_lost=True), device(None, on_books=False)]
    assert figure("loss_rate", month(devices=rows)) == (1, 10, 0, 0.1)


def test_transfers_are_complete_or_silent() -> None:
    changes = [
        {"change": "1", "kind": "transfer", "complete": True}, {"change": "2", "kind": "transfer", "complete": False},
        {"change": "3", "kind": "silent", "complete": False}, {"change": "4", "kind": "return", "complete": None},
    ]  # fmt: skip
    of = month(custody_changes=changes)
    assert figure("transfer_completion", of) == (1, 3, 1, pytest.approx(1 / 3))
    assert figure("transfer_completion", of, "transfer") == (1, 2, 0, 0.5)


def test_devices_of_leavers_count_in_the_month_they_are_due() -> None:
    due, later = date(2026, 10, 24), date(2026, 11, 3)
    rows = [
        {"person_id": "a", "due_on": due, "in_time": True}, {"person_id": "b", "due_on": due, "in_time": False},
        {"person_id": "c", "due_on": due, "in_time": None}, {"person_id": "d", "due_on": later, "in_time": True},
    ]  # fmt: skip
    assert figure("device_return_sla", month(device_returns=rows)) == (1, 2, 1, 0.5)


def test_recovered_devices_were_out_of_control_and_are_fixed() -> None:
    settled = [
        exception(1, status="resolved", value=Decimal(300)), exception(2, status="resolved"),
        exception(3, status="resolved", rule="idle-stock"), exception(4, status="resolved"),
    ]  # fmt: skip
    why = {"x1": "fixed", "x2": "fixed", "x3": "fixed", "x4": "subject_gone"}
    history = [{"exception_id": x, "to_status": "resolved", "why": w, "at": TODAY} for x, w in why.items()]
    of = month(exception_history=history, **listed(*settled))
    assert figure("recovered_devices", of)[-1] == 2
    assert figure("recovered_value", of)[2:] == (1, 300)


def test_overrides_are_a_share_of_what_was_delivered() -> None:
    of = month()
    sources = of.world.sources.head(4).with_columns(override=pl.Series(["D7 by Ada", None, None, None]))
    assert figure("overrides", replace(of, world=replace(of.world, sources=sources))) == (1, 4, 0, 0.25)


# -- people, spares, what goes out -----------------------------------------------------------------------------------


def test_offboarding_counts_open_ones_to_as_of() -> None:
    rows = [
        {
            "person_id": "a",
            "left_on": date(2026, 10, 10),
            "still_open": 0,
            "done_on": date(2026, 10, 14),
            "done_days": 4,
        },
        {"person_id": "b", "left_on": date(2026, 10, 21), "still_open": 2, "done_days": 10},
        {"person_id": "c", "left_on": date(2026, 8, 2), "still_open": 1, "done_days": 90},
        {"person_id": "d", "left_on": date(2026, 8, 2), "still_open": 0, "done_on": date(2026, 8, 2), "done_days": 0},
        {"person_id": "e", "left_on": date(2026, 10, 2)},
    ]
    of = month(people=rows)
    assert figure("offboarding_days", of) == (None, 3, 1, 10)
    assert figure("offboarding_days_p90", of) == (None, 3, 1, 74)
    assert figure("offboarding_completion", of) == (1, 2, 1, 0.5)


def test_time_to_locate_looks_at_critical_spares() -> None:
    hours = [(1.0, True), (2.0, True), (3.0, True), (10.0, True), (500.0, False), (7.0, None)]
    rows = [{"ticket_id": str(n), "kind": "locate", "hours": h, "critical": c} for n, (h, c) in enumerate(hours)]
    of = month(requests=[*rows, {"ticket_id": "p", "kind": "purchase", "hours": 1.0, "critical": True}])
    assert figure("time_to_locate", of) == (None, 4, 1, 2.5)
    assert figure("time_to_locate_p90", of) == (None, 4, 1, pytest.approx(7.9))


def test_95_and_105_against_100_and_100_is_0_percent_accurate() -> None:
    lines = [
        {"sku": "S1", "counted_in_period": True, "within": False, "variance": Decimal(-5), "location": "Store"},
        {"sku": "S2", "counted_in_period": True, "within": False, "variance": Decimal(5), "location": "Store"},
        {"sku": "S3", "counted_in_period": False, "within": True, "location": "Store"},
    ]
    assert figure("stock_accuracy", month(stock_positions=lines)) == (0, 2, 0, 0)
    assert figure("stock_accuracy", month(stock_positions=lines), "Store") == (0, 2, 0, 0)


def test_count_coverage_is_of_the_book() -> None:
    lines = [
        {"book": Decimal(1), "count_in_time": True}, {"book": Decimal(0), "count_in_time": False},
        {"book": None, "count_in_time": True}, {"book": Decimal(3), "count_in_time": None},
    ]  # fmt: skip
    assert figure("count_coverage", month(stock_positions=lines)) == (1, 2, 1, 0.5)


def test_disposals_wait_in_a_stage_and_leave_with_a_certificate() -> None:
    left = {"recorded": True, "data_bearing": True, "out_on": EARLIER, "finished": True, "stage": "released"}
    items = [
        {**left, "certified": True}, {**left, "certified": False}, {**left, "certified": None},
        {**left, "data_bearing": False, "certified": False}, {**left, "redeployed": True, "certified": False},
        {"recorded": True, "finished": False, "stage": "received", "stage_days": 10},
        {"recorded": True, "finished": False, "stage": "received", "stage_days": 20},
    ]  # fmt: skip
    of = month(disposals=items)
    assert figure("certificate_coverage", of) == (1, 2, 1, 0.5)
    assert figure("days_in_stage", of, "received") == (None, 2, 0, 15)


# -- the list --------------------------------------------------------------------------------------------------------


def test_the_list_by_rule_category_and_process() -> None:
    runs = [{"rule": "held-by-leaver"}, {"rule": "leaver-seat"}, {"rule": "ghost-asset", "reason": "no source"}]
    rows = [exception(1), exception(2), exception(3, rule="own-rule", process="tag"), exception(4, status="resolved")]
    of = month(rule_runs=runs, **listed(*rows))
    assert figure("open_exceptions", of)[-1] == 3
    assert figure("open_exceptions", of, "leaver-seat")[-1] == 0
    assert figure("open_exceptions", of, "ghost-asset")[-1] is None
    assert figure("findings_by_category", of, "custody") == (2, 3, 0, pytest.approx(2 / 3))
    assert figure("findings_by_category", of, "own") == (1, 3, 0, pytest.approx(1 / 3))
    assert figure("findings_by_process", of, "tag") == (1, 3, 0, pytest.approx(1 / 3))


def test_overdue_waived_and_unvalued_shares() -> None:
    late = date(2026, 10, 30)
    rows = [
        exception(1, due_on=late, value_kind="asset", value=Decimal(5)), exception(2, due_on=TODAY, value_kind="asset"),
        exception(3, status="waived", due_on=late), exception(4, due_on=late, legacy=True),
    ]  # fmt: skip
    of = month(**listed(*rows))
    assert figure("overdue_share", of) == (1, 2, 1, 0.5)
    assert figure("overdue_share", of, "it") == (1, 2, 1, 0.5)
    assert figure("waiver_share", of) == (1, 3, 1, pytest.approx(1 / 3))
    assert figure("unvalued_share", of) == (1, 2, 0, 0.5)


def test_owners_answer_by_deciding_or_fixing_what_they_knew() -> None:
    old = {"opened_on": EARLIER, "first_seen": EARLIER}
    rows = [
        exception(1, **old), exception(2, status="acknowledged", **old), exception(3, status="resolved", **old),
        exception(4, status="resolved", **old), exception(5, decision="reclaim approved by Ada", **old),
        exception(6), exception(7, legacy=True, **old),
    ]  # fmt: skip
    history = [
        {"exception_id": "x3", "to_status": "resolved", "why": "fixed", "at": TODAY},
        {"exception_id": "x4", "to_status": "resolved", "why": "limit_changed", "at": TODAY},
    ]
    assert figure("owner_answer_rate", month(exception_history=history, **listed(*rows))) == (3, 4, 2, 0.75)


def test_what_could_not_be_evaluated_is_a_share_of_subjects() -> None:
    runs = [{"rule": "a", "population": 90, "not_evaluated": 9}, {"rule": "b", "population": 10, "not_evaluated": 1}]
    assert figure("not_evaluated_share", month(rule_runs=runs)) == (10, 100, 0, 0.1)


def test_reclaim_rates_go_by_cohort() -> None:
    july, today = date(2026, 7, 31), Decimal(1)
    saving = {"product": "Figma", "units": today, "annual_value": Decimal(100), "identified_on": july}
    paid = {"realised_kind": "credit", "verified": True, "realised_value": Decimal(80)}
    rows = [
        {**saving, "approved_on": date(2026, 8, 1), "released_on": date(2026, 9, 30), **paid},
        {**saving, "approved_on": date(2026, 8, 1), "regranted_on": TODAY, "released_on": date(2026, 10, 31)},
        {**saving, "approved_on": date(2026, 8, 5)},
        {**saving, "approved_on": date(2026, 10, 5)},  # has time yet
        {**saving, "realised_kind": "avoidance", "verified": True, "realised_value": Decimal(500)},
        {**saving, "identified_on": TODAY, "annual_value": None},
    ]
    of = month(savings=rows)
    assert figure("reclaim_approved", of) == (4, 6, 0, pytest.approx(4 / 6))
    assert figure("reclaim_approved", of, "2026-07") == (4, 5, 0, 0.8)
    assert figure("reclaim_released", of) == (1, 3, 1, pytest.approx(1 / 3))
    assert figure("reclaim_realised", of) == (80, 500, 1, 0.16)
    assert figure("false_reclaims", of) == (1, 2, 0, 0.5)


# -- return ----------------------------------------------------------------------------------------------------------


def _met(**fields: Any) -> dict[str, Any]:
    return {"ticket_id": "t", "kind": "purchase", "closed_in_period": True, "met_from_stock": True, **fields}


def test_the_headline_holds_measured_terms_only() -> None:
    config = {"roi": {"hourly_rate": 60, "minutes_saved": 30, "downtime_hours": 2, "downtime_rate": 500,
                      "programme_cost": 400}}  # fmt: skip
    saved = {"units": Decimal(1), "identified_on": EARLIER, "realised_kind": "reduction", "verified": True}
    before = pl.DataFrame([{**saved, "realised_value": Decimal(100)}], schema=dict(SAVED))
    fixed = [{"exception_id": f"x{n}", "to_status": "resolved", "why": "fixed", "at": TODAY} for n in (1, 2, 3)]
    of = month(
        {"memory_savings": before}, config,
        requests=[_met(value=Decimal(180)), _met(value=None), _met(value=Decimal(99), met_from_stock=False)],
        savings=[{**saved, "realised_value": Decimal(100)}, {**saved, "realised_value": Decimal(250)}],
        exception_history=fixed,
        **listed(*(exception(n, status="resolved") for n in (1, 2, 3))),
    )  # fmt: skip
    assert figure("roi_duplicate_spend_avoided", of)[2:] == (1, 180)
    assert figure("roi_licences_realised", of)[-1] == 250  # the first 100 were told a month ago
    assert figure("roi_labour_saved", of)[-1] == 90
    assert figure("roi_downtime_avoided", of)[-1] == 1000
    assert figure("roi_headline", of)[-1] == 180 + 250 - 400
    assert figure("roi_with_estimates", of)[-1] == 180 + 250 + 90 + 1000 - 400
    assert figure("roi_ratio", of)[-1] == pytest.approx(30 / 400)
    assert {term.name: term.kind for term in roi.GAINS}["roi_labour_saved"] == "estimated"


def test_a_term_without_its_input_is_absent() -> None:
    for name in ("roi_labour_saved", "roi_downtime_avoided", "roi_programme_cost", "roi_ratio"):
        assert figure(name, month())[-1] is None


# -- trust -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "checked", "lower", "upper"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],  # Newcombe 1998
)
def test_wilson_against_known_values(right: int, checked: int, lower: float, upper: float) -> None:
    row = pl.DataFrame({"right": [right], "checked": [checked]})
    ends = row.select(
        low=trust.wilson(pl.col("right"), pl.col("checked"), -1),
        high=trust.wilson(pl.col("right"), pl.col("checked"), 1),
    ).row(0)
    assert ends == (pytest.approx(lower, abs=5e-5), pytest.approx(upper, abs=5e-5))


@given(checked=st.integers(1, 5000), data=st.data())
def test_the_interval_holds_what_was_measured(checked: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, checked))
    row = pl.DataFrame({"right": [right], "checked": [checked]})
    low, high = row.select(
        low=trust.wilson(pl.col("right"), pl.col("checked"), -1),
        high=trust.wilson(pl.col("right"), pl.col("checked"), 1),
    ).row(0)
    assert 0 <= low <= right / checked + 1e-9 <= high + 2e-9 <= 1 + 2e-9


@pytest.mark.parametrize(
    ("right", "wrong", "unchecked", "state"),
    [
        (200, 0, 0, "TRUSTED"),
        (200, 0, 60, "WATCH"),  # surely right, but 77 % covered
        (200, 0, 201, "UNPROVEN"),  # less than half covered
        (97, 3, 0, "WATCH"),
        (80, 20, 0, "DISTRUSTED"),
        (20, 0, 0, "UNPROVEN"),  # too few to tell
        (0, 20, 0, "DISTRUSTED"),  # few, but certainly wrong
        (0, 0, 20, "UNPROVEN"),
    ],
)
def test_trust_needs_enough_that_is_surely_right(right: int, wrong: int, unchecked: int, state: str) -> None:
    rows = [device(True)] * right + [device(False)] * wrong + [device(None)] * unchecked
    row = trust.judge(month(devices=rows)).to_dicts()[0]
    assert (row["asset_class"], row["checked"], row["right"], row["state"]) == ("laptop", right + wrong, right, state)


def test_limits_of_trust_are_policy_and_a_dead_register_proves_nothing() -> None:
    rows = [device(True)] * 200 + [device(None)] * 60
    lenient = month(config={"policy": {"trust_coverage": 0.7}}, devices=rows)
    assert trust.judge(lenient)["state"].to_list() == ["TRUSTED"]
    dead = month(config={"verdicts": {"assets": "AMBER"}}, devices=rows)
    assert trust.judge(dead)["state"].to_list() == ["UNPROVEN"]


@pytest.mark.parametrize(
    ("claims", "state"),
    [
        ({}, "TRUSTED"),
        ({"usage_known": False}, "UNPROVEN"),
        ({"billed": False}, "WATCH"),
        ({"product": "Miro"}, "WATCH"),  # has an open exception about its bills
        ({"resolved": 0, "unresolved": 0}, "UNPROVEN"),
    ],
)
def test_a_product_is_a_class_too(claims: Mapping[str, Any], state: str) -> None:
    healthy = {
        "product": "Figma",
        "paid_seats": 300,
        "resolved": 300,
        "unresolved": 0,
        "usage_known": True,
        "billed": True,
    }
    billing = exception(1, rule="overbilled", subject_type="invoice_line", subject="I-1/1")
    of = month(
        product_claims=[{**healthy, **claims}], involved=[{"exception_id": "x1", "product": "Miro"}], **listed(billing)
    )
    row = trust.judge(of).to_dicts()[0]
    assert (row["kind"], row["state"]) == ("product", state)


# -- thresholds ------------------------------------------------------------------------------------------------------


class Watched:
    """What becomes of one threshold over a few months, given what the figure is in each."""

    def __init__(self, name: str, values: Sequence[float | None], **threshold: Any) -> None:
        self.rows: list[dict[str, Any]] = []
        self.metrics: list[dict[str, Any]] = []
        figure, scope = escalations.figure_and_scope(name)
        memory: dict[str, pl.DataFrame] = {}
        for number, value in enumerate(values):
            end = datetime(2026, 6 + number, 28, 12, tzinfo=UTC)
            w = world(memory=memory, thresholds={name: {"owner": "ada", **threshold}}, as_of=end)
            told = [{"name": figure, "scope": scope, "value": None if value is None else Decimal(str(value))}]
            watched = escalations.watch(w, pl.DataFrame(told, schema=dict(metrics.METRICS_TABLE)))
            memory = {name: frame for name, frame in watched.items() if name.startswith("memory_")}
            self.rows.append((watched["escalations"].to_dicts() or [{}])[0])
            self.metrics.append(watched["metrics"].to_dicts()[0])

    def __getitem__(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]


def test_an_escalation_lives_until_the_figure_is_within_its_level() -> None:
    told = Watched("record_accuracy/laptop", [0.96, 0.97, None, 0.95, 0.98, 0.98], level=0.97, due_days=5)
    assert told["status"] == ["open", "over", None, "open", "over", None]
    told = Watched("record_accuracy/laptop", [0.96, None, 0.95], level=0.97, due_days=5)
    assert told["status"] == ["open", "unknown", "open"]
    assert told["opened_on"] == [date(2026, 6, 28)] * 3
    assert told["due_on"] == [date(2026, 7, 3)] * 3  # five working days from a Sunday
    assert told["periods_open"] == [1, 1, 2]
    assert [row["breached"] for row in told.metrics] == [True, None, True]
    assert {float(row["threshold"]) for row in told.metrics} == {0.97}


def test_a_level_is_bad_in_the_direction_of_its_figure() -> None:
    assert Watched("overdue_share", [0.2, 0.1], level=0.1)["status"] == ["open", "over"]
    assert Watched("record_accuracy", [0.2, 0.1], level=0.1)["status"] == [None, None]


def test_a_change_is_held_against_the_period_before() -> None:
    told = Watched("record_accuracy", [0.99, 0.96, 0.95, None, 0.9], change=0.02)
    assert told["status"] == [None, "open", "over", None, None]
    assert float(told.metrics[1]["threshold"]) == 0.97
    assert [row["breached"] for row in told.metrics] == [None, True, False, None, None]


def test_the_count_of_a_rule_may_escalate() -> None:
    told = Watched("held-by-leaver", [0, 3, 5, 4], change=1)
    assert told["status"] == [None, "open", "open", "over"]
    assert (told["figure"][1], told["scope"][1], told["owner"][1]) == ("open_exceptions", "held-by-leaver", "ada")


def test_legacy_escalates_nothing() -> None:
    of = month(config={"thresholds": {"held-by-leaver": {"level": 0, "owner": "ada"}}},
               **listed(exception(1, legacy=True)))  # fmt: skip
    assert controls.control(of)["escalations"].is_empty()


def test_a_threshold_on_nothing_known_is_one_clear_sentence(tmp_path: Any) -> None:
    wrong = settings(thresholds={"record_acuracy/laptop": {"level": 0.9, "owner": "ada"}})
    with pytest.raises(
        ConfigError, match="'record_acuracy/laptop' is neither a figure nor a rule; did you mean 'record_acc"
    ):
        hold_against_catalogue(wrong, tmp_path / "tieout.toml")
    hold_against_catalogue(settings(thresholds={"ghost-asset": {"level": 3, "owner": "a"}}), tmp_path / "tieout.toml")
    with pytest.raises(ValidationError, match="a level, a change, or both"):
        settings(thresholds={"record_accuracy": {"owner": "ada"}})


# -- causes ----------------------------------------------------------------------------------------------------------


def _traced(memory: Mapping[str, pl.DataFrame], why: str) -> dict[str, pl.DataFrame]:
    held = exception(1, value=Decimal(10), value_kind="asset")
    short = exception(2, rule="stock-variance", subject_type="stock_line", subject="S1/Store/A1", process="count",
                      value=Decimal(5), value_kind="stock")  # fmt: skip
    opened = [{"exception_id": x, "to_status": "open", "why": why, "at": TODAY} for x in ("x1", "x2")]
    return root_causes.trace(
        month(
            memory,
            devices=[device(False, device="A1", location="Berlin", bin="B7")],
            people=[{"person_id": "p1", "department": "Lab"}],
            involved=[{"exception_id": "x1", "person_id": "p1"}],
            exception_history=opened,
            **listed(held, short, exception(3, legacy=True)),
        )
    )


def test_causes_are_counted_by_process_bin_team_and_step() -> None:
    causes = _traced({}, "new")["root_causes"]
    assert causes.select("kind", "name", "exceptions", "new").rows() == [
        ("bin", "Berlin/B7", 1, 1), ("bin", "Store/A1", 1, 1), ("process", "count", 1, 1),
        ("process", "offboard", 1, 1), ("step", "count: stock-variance", 1, 1),
        ("step", "offboard: held-by-leaver", 1, 1), ("team", "Lab", 1, 1),
    ]  # fmt: skip
    assert dict(causes.select("name", "value").iter_rows())["Lab"] == Decimal(10)


def test_a_subject_counts_once_in_what_a_cause_is_worth() -> None:
    held = exception(1, value=Decimal(10), value_kind="asset")
    again = exception(2, rule="live-account-of-leaver", value=Decimal(10), value_kind="asset", subject=held["subject"])
    causes = root_causes.trace(month({}, **listed(held, again)))["root_causes"].filter(pl.col("kind") == "process")
    assert causes.select("exceptions", "subjects", "valued", "value").rows() == [(2, 1, 2, Decimal(10))]


def test_a_cause_recurs_when_three_periods_in_a_row_bring_more() -> None:
    memory: dict[str, pl.DataFrame] = {}
    rows = []
    for why in ("new", "returned", "new", "waiver expired"):
        traced = _traced(memory, why)
        memory = {"memory_root_causes": traced["memory_root_causes"]}
        rows.append(traced["root_causes"].filter(pl.col("name") == "Lab").to_dicts()[0])
    assert [row["periods_in_a_row"] for row in rows] == [1, 2, 3, 0]
    assert [row["recurring"] for row in rows] == [False, False, True, False]
    assert [row["reopened"] for row in rows] == [0, 1, 0, 0]


def test_figures_do_not_depend_on_the_order_of_rows() -> None:
    of = month(devices=[device(True, device=f"A{n}", asset_class=c) for n, c in enumerate(("laptop", "phone", "dock"))],
               **listed(exception(0), exception(1), exception(2)))  # fmt: skip
    turned = replace(of, tables={name: frame.reverse() for name, frame in of.tables.items()})
    assert of.world.as_of == AS_OF
    for name, table in controls.control(of).items():
        assert table.equals(controls.control(turned)[name]), name
