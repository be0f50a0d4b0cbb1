"""Three months of published tables to make pages of: every kind of row once, as plain or as hostile text."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from checks.expectations import EXPECTATIONS
from pipelines.intake import QUARANTINE, SOURCE_EXCEPTIONS, SOURCES
from pipelines.steps import PERIODS
from reports import About
from tieout.decisions import DECISIONS
from tieout.escalations import ESCALATIONS
from tieout.evidence import EVIDENCE
from tieout.exceptions import EXCEPTIONS, HISTORY
from tieout.findings import RULE_RUNS
from tieout.identity.suggestions import SUGGESTIONS
from tieout.metrics import METRICS_TABLE
from tieout.money import MONEY
from tieout.policy_changes import POLICY_CHANGES
from tieout.published import TABLES
from tieout.reclaim import AMOUNTS
from tieout.root_causes import ROOT_CAUSES
from tieout.savings import SAVINGS
from tieout.trust import TRUST

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"' onload='alert(2)"
Say = Callable[[str], str]

ABOUT = About(
    organisation="Example & Sons",
    period="2026-10",
    as_of=datetime(2026, 10, 31, 22, 59, 59, 999999, tzinfo=UTC),
    reporting_currency="EUR",
    timezone="Europe/Berlin",
    version="1.2.3",
    config_hash="0123456789abcdef",
    decisions=3,
    chain_head="d" * 64,
    reclaim="e" * 64,
    earlier=("2026-08", "2026-09"),
)
FIRST = replace(ABOUT, earlier=(), decisions=0)
RULES = {
    "held-by-leaver": """A device on the books that somebody who has left still holds.

Finds: entries on the books whose custodian
is terminated.
Matters: it is out of control.
Do: Ask for it back.
Quiet: through the last working day.
""",
    "unused-seat": "A paid seat that was never used.\n\nFinds: seats.\nMatters: money.\nDo: Return it.\n",
}
LAST_DAY = {"2026-08": date(2026, 8, 31), "2026-09": date(2026, 9, 30), "2026-10": date(2026, 10, 31)}

POSITIONS = {
    "contract_id": pl.String, "line_no": pl.String, "vendor": pl.String, "product": pl.String, "plan": pl.String,
    "metric": pl.String, "in_force": pl.Boolean, "observed": pl.Boolean, "quantity": MONEY,
    "assigned": pl.Int64, "kept": pl.Int64,
    "reclaimable": pl.Int64, "unassigned": MONEY, "minimum_quantity": MONEY, "unit_price": MONEY,
    "currency": pl.String, "billing_period": pl.String, "term_start": pl.Date, "term_end": pl.Date,
    "committed_until": pl.Date, "auto_renew": pl.Boolean, "decide_by": pl.Date,
    "annual_price": MONEY, "annual_price_amount": MONEY, "annual_spend": MONEY, "annual_spend_amount": MONEY,
    "owner": pl.String, "cost_center": pl.String,
}  # fmt: skip
CANDIDATES = {
    "product": pl.String, "seat_id": pl.String, "reason": pl.String, "contract_id": pl.String, "line_no": pl.String,
    "cost_center": pl.String, "person_id": pl.String, "annual_value": MONEY, "annual_amount": MONEY,
    "currency": pl.String, "bucket": pl.String, "realisable_now": MONEY, "realisable_now_amount": MONEY,
    "at_renewal": MONEY, "at_renewal_amount": MONEY, "this_year": MONEY, "this_year_amount": MONEY,
    "next_year": MONEY, "next_year_amount": MONEY, "reduction": pl.String, "committed_until": pl.Date,
    "decide_by": pl.Date,
}  # fmt: skip
WATERFALL = {
    "product": pl.String, "contract_id": pl.String, "line_no": pl.String, "part": pl.String, "bucket": pl.String,
    "units": MONEY, "currency": pl.String, **dict.fromkeys(AMOUNTS, MONEY),
}  # fmt: skip
ROLL = {
    "cause": pl.String, "because": pl.String, "subject_type": pl.String, "subject": pl.String, "product": pl.String,
    "contract_id": pl.String, "line_no": pl.String, "units": MONEY, "amount": MONEY, "currency": pl.String,
    "value": MONEY,
}  # fmt: skip
FLAGS = {
    "present", "in_time", "critical", "counted_in_period", "within", "count_in_time", "is_drive", "data_bearing",
    "recorded", "finished", "redeployed", "certified", "closed_in_period", "met_from_stock", "paid", "billed",
    "never_used", "usage_known", "on_register", "on_books", "encrypted", "managed", "repair_open", "ledgered",
    "ordered", "existence_right", "custodian_right", "location_right", "status_right", "checked", "right", "newly_lost",
}  # fmt: skip
COUNTS = {"devices_held", "seats_held", "accounts_active", "still_open", "done_days", "count_days", "stage_days"}
DECIMALS = {"book", "minimum", "maximum", "unit_cost", "counted", "book_at_count", "variance", "variance_value", "rate",
            "value", "amount", "annual_value", "annual_amount", "value_closed", "value_now", "difference"}  # fmt: skip
OTHERS = {"hours": pl.Float64, "opened_at": pl.Datetime("us", "UTC"), "closed_at": pl.Datetime("us", "UTC"),
          "assigned_at": pl.Datetime("us", "UTC"), "sources": pl.List(pl.String)}  # fmt: skip


def _kind(column: str) -> Any:
    """The type of a published column, by its name."""
    if column in OTHERS:
        return OTHERS[column]
    if column.endswith("_on") or column in ("start_date", "status_since"):
        return pl.Date
    if column in FLAGS:
        return pl.Boolean
    return pl.Int64 if column in COUNTS else MONEY if column in DECIMALS else pl.String


BY_NAME = (
    "rates",
    "seats",
    "people",
    "device_returns",
    "stock_positions",
    "disposals",
    "requests",
    "adjustments",
    "devices",
    "matches",
)
SHOWN = {name: kind for name, kind in SAVINGS.items() if name in TABLES["savings"].columns}
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "exceptions": EXCEPTIONS, "exception_history": HISTORY, "rule_runs": RULE_RUNS, "evidence": EVIDENCE,
    "suggestions": SUGGESTIONS, "sources": SOURCES, "quarantine": QUARANTINE, "source_exceptions": SOURCE_EXCEPTIONS,
    "expectations": EXPECTATIONS,
    "entitlement_positions": POSITIONS, "reclaim_candidates": CANDIDATES,
    "waterfall": WATERFALL, "savings": SHOWN, "money_rollforward": ROLL,
    "trust": TRUST, "escalations": ESCALATIONS, "root_causes": ROOT_CAUSES, "periods": PERIODS,
    "metrics": METRICS_TABLE, "policy_changes": POLICY_CHANGES,
    "decisions": {**DECISIONS, "decision": pl.String, "state": pl.String},
    **{name: {column: _kind(column) for column in TABLES[name].columns if column != "period"} for name in BY_NAME},
}  # fmt: skip


def empty() -> dict[str, pl.DataFrame]:
    """The tables of a workspace in which nothing was delivered and nothing found."""
    return {name: _table(name, []) for name in SCHEMAS}


def full(say: Say = str) -> dict[str, pl.DataFrame]:
    """Three months of results; `say` is put on every text that comes from a source or from people."""
    return {
        "exceptions": _table("exceptions", list(_exceptions(say))),
        "exception_history": _table("exception_history", _history(say)),
        "rule_runs": _table("rule_runs", _runs(say)),
        "evidence": _table("evidence", _evidence(say)),
        "suggestions": _table("suggestions", [_suggested(say)]),
        "sources": _table("sources", _sources(say)),
        "quarantine": _table("quarantine", _quarantine(say)),
        "source_exceptions": _table("source_exceptions", _source_exceptions(say)),
        "entitlement_positions": _table("entitlement_positions", _positions(say)),
        "reclaim_candidates": _table("reclaim_candidates", _candidates(say)),
        "waterfall": _table("waterfall", _waterfall(say)),
        "savings": _table("savings", _savings(say)),
        "money_rollforward": _table("money_rollforward", _roll(say)),
        "trust": _table("trust", _trust(say)),
        "escalations": _table("escalations", _escalations(say)),
        "root_causes": _table("root_causes", _root_causes(say)),
        "periods": _table("periods", [_signed_off(say)]),
        **{name: _table(name, rows) for name, rows in _golden(say).items()},
    }


def island(page: str, name: str) -> list[dict[str, str | None]]:
    """The rows of a list in a page, as its script reads them."""
    data = re.search(rf'<script type="application/json" id="{name}-data">(.*?)</script>', page)
    columns = json.loads(data[1])["columns"] if data else []
    told = {
        column["name"]: [None if at is None else column["values"][at] for at in column["at"]]
        if "at" in column
        else column["values"]
        for column in columns
    }
    return [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]


def _golden(say: Say) -> dict[str, list[dict[str, Any]]]:
    """What the pages on sources, people, stock, disposal and for the auditor are made of."""
    now = {"period": "2026-10"}
    leaver = {**now, "status": "terminated", "left_on": date(2026, 10, 2), "department": say("Lab"), "present": True,
              "cost_center": say("4300")}  # fmt: skip
    line = {**now, "location": say("Lübeck"), "bin": say("R1"), "abc": "A", "critical": True,
            "unit_cost": Decimal("12.50"), "currency": "EUR", "description": say("Pump")}  # fmt: skip
    item = {**now, "asset_class": "laptop", "batch_id": say("B-1"), "vendor": say("Elbe"), "route": "destruction",
            "data_bearing": True, "recorded": True, "is_drive": False, "redeployed": False}  # fmt: skip
    figure = {**now, "scope": "all", "numerator": Decimal(9), "denominator": Decimal(10), "excluded": 1,
              "unit": "share", "kind": "measured"}  # fmt: skip
    decided = {**now, "os_user": say("op"), "channel": "cli", "at": datetime(2026, 10, 5, 12, tzinfo=UTC),
               "previous": "0" * 64, "sha256": "1" * 64, "who": say("Ada"), "state": "counts"}  # fmt: skip
    return {
        "rates": [
            {**now, "currency": "EUR", "rate": Decimal(1), "rate_on": LAST_DAY["2026-10"]},
            {**now, "currency": "USD", "rate": Decimal("0.8695"), "rate_on": date(2026, 10, 30)},
        ],
        "seats": [
            {**now, "product": say("Figura"), "seat_id": "u-1", "last_active_on": date(2026, 3, 2), "never_used": False,
             "person_id": say("P-9"), "annual_value": Decimal("300.10"), "billed": True},
            {**now, "product": say("Figura"), "seat_id": "u-2", "never_used": True},
        ],
        "people": [
            {**leaver, "person_id": say("P-9"), "devices_held": 1, "seats_held": 1, "accounts_active": 1,
             "still_open": 3, "done_days": 29},
            {**leaver, "person_id": say("P-8"), "devices_held": 0, "seats_held": 0, "accounts_active": 0,
             "still_open": 0, "done_on": date(2026, 10, 4), "done_days": 2},
            {**leaver, "person_id": say("P-7"), "devices_held": 0, "seats_held": None, "still_open": None},
            {**now, "person_id": say("P-1"), "status": "active", "present": True},
        ],
        "device_returns": [
            {**now, "person_id": say("P-9"), "asset_tag": say("A-1"), "asset_class": "laptop", "department": say("Lab"),
             "left_on": date(2026, 10, 2), "due_on": date(2026, 10, 16), "in_time": False},
            {**now, "person_id": say("P-8"), "asset_tag": say("A-8"), "asset_class": "phone", "department": say("Lab"),
             "left_on": date(2026, 10, 2), "due_on": date(2026, 10, 16), "returned_on": date(2026, 10, 4),
             "in_time": True},
        ],
        "devices": [
            {**now, "device": say("A-1"), "asset_class": "laptop", "model": say("Note 5"), "status": "in_use",
             "on_books": True, "on_register": True, "custodian_id": say("P-9"), "value": Decimal("1234.50")},
        ],
        "matches": [
            {**now, "feed": "accounts", "source": "idp", "record": say("acc-9"), "means": "person",
             "named": say("P-9"), "how": "account_id"},
        ],
        "stock_positions": [
            {**line, "sku": say("PUMP"), "book": Decimal(1), "minimum": Decimal(4), "maximum": Decimal(9),
             "counted_on": date(2026, 10, 7), "counted_in_period": True, "counted": Decimal(3), "count_in_time": True,
             "book_at_count": Decimal(5), "variance": Decimal(-2), "within": False, "count_days": 24,
             "variance_value": Decimal(25)},
            {**line, "sku": say("SEAL"), "abc": "C", "critical": False, "book": Decimal(40), "count_in_time": False,
             "count_days": 400, "counted_on": date(2025, 9, 26)},
        ],
        "disposals": [
            {**item, "item": say("A-4"), "stage": "collected", "stage_on": date(2026, 9, 1), "stage_days": 60,
             "finished": False, "certified": False, "out_on": date(2026, 9, 1),
             "missing_documents": say("certificate"), "flaws": say("no wipe before it")},
            {**item, "item": say("A-5"), "stage": "certificate_issued", "stage_on": date(2026, 8, 1), "stage_days": 91,
             "finished": True, "certified": True, "certified_on": date(2026, 8, 1), "out_on": date(2026, 7, 20)},
        ],
        "requests": [
            {**now, "ticket_id": say("T-1"), "kind": "locate", "sku": say("PUMP"), "critical": True, "hours": 30.5,
             "opened_at": datetime(2026, 10, 20, 8, tzinfo=UTC)},
        ],
        "metrics": [
            {**figure, "name": "record_accuracy", "value": Decimal("0.9")},
            {**figure, "name": "record_accuracy", "value": Decimal("0.8"), "period": "2026-09"},
            {**figure, "name": "owner_answer_rate", "scope": say("it-assets"), "numerator": Decimal(0),
             "value": Decimal(0)},
            {**figure, "name": "overdue_share", "value": Decimal("0.6"), "threshold": Decimal("0.5"), "breached": True},
        ],
        "policy_changes": [
            {**now, "change_id": "p1" * 8, "what": "limit", "rule": "ghost-asset", "from_value": "45", "to_value": "90",
             "loosened": True, "silenced": 2, "added": 0, "who": say("Ada"), "why": say("long leave")},
        ],
        "decisions": [
            {**decided, "seq": 1, "exception_id": "s2" * 8, "kind": "waive", "until": date(2026, 12, 31),
             "approver": say("Bob"), "reason": say("on order"), "decision": say("waived until 2026-12-31")},
            {**decided, "seq": 2, "exception_id": "reclaim/2026-10", "kind": "approve",
             "document": "e" * 64, "decision": say("reclaim approved by Ada")},
            {**decided, "seq": 3, "exception_id": "source/2026-10/assets/register", "kind": "override",
             "approver": say("Bob"), "until": date(2026, 10, 31), "decision": say("accepted as it is by Ada")},
        ],
        "expectations": [
            {**now, "about": "exceptions", "expectation": "unexpected_rows_expectation", "says": "has one row a rule",
             "severity": "critical", "held": True, "unexpected": 0, "examples": []},
            {**now, "about": "seats", "expectation": "expect_column_values_to_be_in_set", "severity": "warning",
             "says": "has in status nothing but active", "held": False, "rows": 9, "unexpected": 2,
             "examples": [say("gone"), say("new")]},
        ],
        "adjustments": [
            {**now, "adjusts": "2026-09", "exception_id": "a2" * 8, "rule": "held-by-leaver", "subject": say("A-2"),
             "change": "gone", "value_kind": "asset", "value_closed": Decimal(10), "difference": Decimal(-10),
             "sources": [say("hr")]},
        ],
    }  # fmt: skip


def html(files: Mapping[str, bytes]) -> dict[str, str]:
    """The pages among the files of a report, as text."""
    return {name: content.decode() for name, content in files.items() if name.endswith(".html")}


def _signed_off(say: Say) -> dict[str, Any]:
    return {
        "period": "2026-10", "state": "closed", "version": 2, "content": "c" * 64, "preparer": say("Ada"),
        "reviewer": say("Bob"), "conditions": say("hr is AMBER"),
    }  # fmt: skip


def _table(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {"period": pl.String, **SCHEMAS[name]}
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def _trust(say: Say) -> list[dict[str, Any]]:
    checked = {
        "period": "2026-10", "kind": "asset class", "checked": 200, "right": 199, "records": 220,
        "accuracy": Decimal("0.995"), "coverage": Decimal("0.9091"), "lower_bound": Decimal("0.9724"),
    }  # fmt: skip
    nothing = {"period": "2026-10", "kind": "product", "checked": 0, "right": 0, "records": 3}
    return [
        {**checked, "asset_class": say("laptop"), "state": "TRUSTED", "why": "what was checked is right"},
        {**nothing, "asset_class": say("Figma"), "state": "UNPROVEN", "why": "nothing was checked"},
    ]


def _escalations(say: Say) -> list[dict[str, Any]]:
    breach = {"period": "2026-10", "scope": "all", "what": "level", "owner": say("ada"), "periods_open": 2,
              "opened_on": date(2026, 9, 30), "due_on": date(2026, 10, 14), }  # fmt: skip
    return [
        {**breach, "figure": "overdue_share", "status": "open", "value": Decimal("0.6"), "limit": Decimal("0.5")},
        {**breach, "figure": "stock_accuracy", "status": "unknown", "limit": Decimal("0.95")},
        {**breach, "figure": "loss_rate", "status": "over", "value": Decimal(0), "limit": Decimal("0.01")},
    ]


def _root_causes(say: Say) -> list[dict[str, Any]]:
    cause = {"period": "2026-10", "exceptions": 3, "new": 1, "reopened": 0, "overdue": 1, "subjects": 3, "valued": 1,
             "periods_in_a_row": 3, "recurring": True}  # fmt: skip
    return [
        {**cause, "kind": "process", "name": "offboard", "exceptions": 1, "value": Decimal("12.5")},
        {**cause, "kind": "team", "name": say("Lab")},
    ]


def _exceptions(say: Say) -> list[dict[str, Any]]:
    device = {"rule": "held-by-leaver", "subject_type": "asset", "asset_class": "laptop", "process": "offboard",
              "value_kind": "asset"}  # fmt: skip
    seat = {"rule": "unused-seat", "subject_type": "seat", "process": "revoke", "value_kind": "licence_pool"}
    life = {
        # id: what it is, and its status in each month in which it is listed
        "a1": ({**device, "subject": "A-1", "severity": "critical", "value": Decimal("1234.50")}, "open open open"),
        "a2": ({**device, "subject": "A-2", "severity": "high"}, "open open resolved"),
        "a3": ({**device, "rule": "ghost-asset", "process": "retire", "subject": "A-1", "severity": "high",
                "value": Decimal("1500.25")}, "- - open"),
        "a4": ({**device, "rule": "ghost-asset", "process": "retire", "subject": "A-4", "severity": "low",
                "asset_class": None}, "- open acknowledged"),
        "s1": ({**seat, "subject": "Figura/u-1", "severity": "medium", "value": Decimal("300.10"),
                "amount": Decimal("345.12"), "currency": "USD"}, "resolved - open"),
        "s2": ({**seat, "subject": "Figura/u-2", "severity": "medium"}, "open open waived"),
        "v1": ({**seat, "rule": "phantom-renewal", "process": "renew", "subject": "C-1/1", "severity": "high",
                "value_kind": "view", "value": Decimal(9000)}, "- open open"),
        "x1": ({**seat, "rule": "overassigned-seats", "process": "grant", "subject": "Tabula", "severity": "critical",
                "subject_type": "product",
                "value_kind": "exposure"}, "- - in_progress"),
        "d1": ({**device, "rule": "duplicate-serial", "process": "tag", "subject": "S/N", "severity": "medium",
                "value_kind": None}, "open open open"),
    }  # fmt: skip
    rows = []
    for number, (exception_id, (what, statuses)) in enumerate(life.items()):
        for (period, today), status in zip(LAST_DAY.items(), statuses.split(), strict=True):
            if status == "-":
                continue
            details = {
                "exception_id": exception_id * 8, "period": period, "status": status, "owner": say("it-assets"),
                "remedy": say("Ask for it back."), "first_seen": LAST_DAY["2026-08"], "last_seen": today,
                "due_on": date(2026, 9 + number % 3, 15), "age_days": 10 * number, "cycles_open": 2, "recurrence": 1,
                "paused_days": 0, "paused_cycles": 0,
                "legacy": number == 3, "since_on": None if number % 2 else date(2026, 7, 2),
                "evidence": '{"judged":{"days":"12","place":null},"assets":"no record"}',
            }  # fmt: skip
            rows.append({**details, **what, "subject": say(what["subject"])})
    return rows


def _suggested(say: Say) -> dict[str, Any]:
    named = {"feed": "assets", "source": "assets", "record": say("A-1"), "person_id": say("p7")}
    return {"period": "2026-10", **named, "similarity": 0.957}


def _history(say: Say) -> list[dict[str, Any]]:
    changes = [
        ("2026-08", "a1", None, "open"), ("2026-08", "a2", None, "open"), ("2026-08", "s2", None, "open"),
        ("2026-08", "d1", None, "open"), ("2026-09", "a4", None, "open"), ("2026-09", "v1", None, "open"),
        ("2026-10", "a2", "open", "resolved"), ("2026-10", "a3", None, "open"), ("2026-10", "x1", None, "in_progress"),
        ("2026-10", "a4", "open", "acknowledged"), ("2026-10", "s1", "resolved", "open"),
        ("2026-10", "s2", "open", "waived"),
    ]  # fmt: skip
    return [
        {"period": p, "exception_id": e * 8, "from_status": f, "to_status": t, "at": LAST_DAY[p], "why": say("fixed")}
        for p, e, f, t in changes
    ]


def _runs(say: Say) -> list[dict[str, Any]]:
    counts = {"population": 100, "fired": 1, "superseded": 2, "exempt": 3, "clean": 90, "unknown": 1}
    run = {**counts, "rule_hash": "h", "params": '{"days": 14, "classes": {"phone": 30}, "kinds": ["a"]}'}
    silent = {**dict.fromkeys(counts, 0), "rule_hash": "h", "params": "{}", "not_evaluated": 0}
    return [
        {**run, "period": "2026-10", "rule": "held-by-leaver", "not_evaluated": 3, "value": Decimal("1234.50")},
        {**run, "period": "2026-10", "rule": "unused-seat", "clean": 93, "not_evaluated": 0},
        {**silent, "period": "2026-10", "rule": "stock-variance", "reason": say("no source delivers stock")},
    ]


def _evidence(say: Say) -> list[dict[str, Any]]:
    landed = {"snapshot_id": "1a2b3c", "landed_row": 7}
    return [
        {
            "period": "2026-10",
            "exception_id": "a1" * 8,
            "source": say(source),
            "feed": feed,
            "value": say(value),
            **more,
        }
        for feed, source, value, more in (
            ("assets", "register", "A-1", {**landed, "field": "asset_tag"}),
            ("assets", "register", "Ana Müller", {**landed, "field": "custodian"}),
            ("people", "hr", "no record", {}),
            ("endpoints", "mdm", "not alive", {}),
        )
    ]


def _sources(say: Say) -> list[dict[str, Any]]:
    as_of = ABOUT.as_of
    return [
        {"period": period, "feed": feed, "source": say(source), "snapshot_id": None if landed is None else "1a2b3c",
         "system": say("MDM"), "endpoint_or_file": say("inbox/x.csv"), "extracted_at": as_of, "as_of": as_of,
         "verdict": verdict, "landed": landed or 0, "used": (landed or 0) * 9 // 10, "duplicate": 0,
         "quarantined": (landed or 0) - (landed or 0) * 9 // 10, "reasons": [say(reason)] if reason else [],
         "warnings": [say("a doubt")], "lacks": [say("serial")],
         "override": say("site sold; accepted by Ada")}
        for period in LAST_DAY
        for feed, source, verdict, landed, reason in (
            ("assets", "register", "GREEN", 1200, ""),
            ("endpoints", "mdm", "AMBER", 40, "volume-drop: 40 rows, but 60 before"),
            ("seats", "figura", "RED", None, "missing-source: nothing was delivered"),
        )
    ]  # fmt: skip


def _quarantine(say: Say) -> list[dict[str, Any]]:
    row = {"period": "2026-10", "feed": "assets", "source": say("register"), "snapshot_id": "1a2b3c", "raw": say("{}")}
    return [{**row, "row": n, "reasons": [say("asset_tag is empty")]} for n in (4, 9)]


def _source_exceptions(say: Say) -> list[dict[str, Any]]:
    said = {"rule": "volume-drop", "subject": say("endpoints/mdm"), "verdict": "AMBER", "why": say("40, but 60 before")}
    return [{"period": "2026-10", **said}]


def _positions(say: Say) -> list[dict[str, Any]]:
    line = {
        "period": "2026-10", "vendor": say("Figura Inc"), "product": say("Figura"), "metric": "user", "in_force": True,
        "observed": True,
        "billing_period": "annual", "term_start": date(2026, 1, 1), "term_end": date(2026, 12, 31), "auto_renew": True,
        "committed_until": date(2026, 12, 31), "decide_by": date(2026, 11, 1), "owner": say("licences"),
    }  # fmt: skip
    return [
        {**line, "contract_id": say("C-1"), "line_no": "1", "quantity": Decimal(10), "assigned": 8, "kept": 6,
         "reclaimable": 2, "unassigned": Decimal(2), "currency": "USD", "annual_price": Decimal("300.10"),
         "annual_price_amount": Decimal("345.12"), "annual_spend": Decimal(3001),
         "annual_spend_amount": Decimal("3451.20")},
        {**line, "contract_id": say("C-2"), "line_no": "1", "product": say("Tabula"), "vendor": say("Tabula KK"),
         "quantity": Decimal(5), "assigned": 1, "kept": 0, "reclaimable": 1, "unassigned": Decimal(4),
         "currency": "JPY", "annual_price": None, "annual_price_amount": Decimal(12000), "term_end": None,
         "committed_until": None, "decide_by": None},
        {**line, "contract_id": say("C-3"), "line_no": "1", "in_force": False, "quantity": Decimal(9),
         "currency": "EUR"},
    ]  # fmt: skip


def _candidates(say: Say) -> list[dict[str, Any]]:
    seat = {"period": "2026-10", "product": say("Figura"), "reason": "unused-seat", "line_no": "1",
            "reduction": "renewal_only", "contract_id": say("C-1"), "cost_center": say("4300"),
            "decide_by": date(2026, 11, 1), "annual_value": Decimal("300.10"), "annual_amount": Decimal("345.12"),
            "currency": "USD", "bucket": "reducible", "realisable_now": Decimal(0), "realisable_now_amount": Decimal(0),
            "at_renewal": Decimal("300.10"), "at_renewal_amount": Decimal("345.12")}  # fmt: skip
    return [
        {**seat, "seat_id": "u-1"},
        {**seat, "seat_id": "u-2", "person_id": say("P-2")},
        {**seat, "seat_id": "u-3", "product": say("Tabula"), "contract_id": say("C-2"), "annual_value": None,
         "annual_amount": Decimal(12000), "currency": "JPY", "decide_by": None, "realisable_now": None,
         "at_renewal": None},
        {**seat, "seat_id": "u-4", "product": say("Tabula"), "contract_id": None, "line_no": None,
         "annual_value": None, "annual_amount": None, "currency": None, "decide_by": None, "reduction": None,
         "bucket": "true_up_avoided", "realisable_now": None, "at_renewal": None},
    ]  # fmt: skip


def _waterfall(say: Say) -> list[dict[str, Any]]:
    year = {"annual_value": Decimal("600.20"), "annual_amount": Decimal("690.24"), "realisable_now": Decimal(0),
            "at_renewal": Decimal("600.20")}  # fmt: skip
    line = {"period": "2026-10", "product": say("Figura"), "contract_id": say("C-1"), "line_no": "1", "currency": "USD"}
    other = {**line, "product": say("Tabula"), "contract_id": say("C-2"), "currency": "JPY"}
    return [
        {**line, "part": "kept", "units": Decimal(6)},
        {**line, **year, "part": "unused-seat", "bucket": "reducible", "units": Decimal(2)},
        {**line, **year, "part": "unassigned", "bucket": "reducible", "units": Decimal(2)},
        {**other, "part": "unused-seat", "bucket": "below_minimum", "units": Decimal(1)},
        {**other, "part": "unassigned", "bucket": "reducible", "units": Decimal(4)},
        {**other, "contract_id": None, "line_no": None, "currency": None, "part": "unused-seat",
         "bucket": "true_up_avoided", "units": Decimal(1)},
    ]  # fmt: skip


def _savings(say: Say) -> list[dict[str, Any]]:
    row = {"period": "2026-10", "subject_type": "seat", "number": 1, "because": say("new"), "units": Decimal(1),
           "annual_value": Decimal("300.10"), "annual_amount": Decimal("345.12"), "currency": "USD"}  # fmt: skip
    decided = {"approval": 1, "approved_on": date(2026, 8, 3), "approved_by": say("Ada")}
    gone = {**decided, "release": 2, "released_on": LAST_DAY["2026-09"], "release_snapshot": say("1a2b3c")}
    claimed = {**gone, "state": "realised", "claim": 3, "document": say("CN-1")}
    cash = {"verified": True, "realised_kind": "credit", "realised_units": Decimal(1), "rate": Decimal("0.87"),
            "realised_amount": Decimal("100.10"), "realised_currency": "USD", "realised_value": Decimal("87.09"),
            "realised_on": date(2026, 10, 2), "rate_on": date(2026, 9, 30)}  # fmt: skip
    steps = [
        {"state": "identified"}, {"state": "approved", **decided}, {"state": "released", **gone},
        {**claimed, **cash}, {**claimed, "verified": False},
        {**claimed, "verified": True, "realised_kind": "avoidance", "realised_units": Decimal(1)},
        {"state": "released_unapproved", "released_on": LAST_DAY["2026-10"]}, {"state": "lapsed"}, {"state": "kept"},
        {"state": "withdrawn", "annual_value": None},
    ]  # fmt: skip
    return [{**row, "subject": say(f"Figura/u-{number}"), **step} for number, step in enumerate(steps, 1)]


def _roll(say: Say) -> list[dict[str, Any]]:
    terms = [
        ("2026-09", "new", 2, "690.24", "580.00"), ("2026-09", "closing", 2, "690.24", "580.00"),
        ("2026-10", "opening", 2, "690.24", "580.00"), ("2026-10", "new", 1, "345.12", "300.10"),
        ("2026-10", "lapsed", -1, "-345.12", "-300.10"), ("2026-10", "fx", 0, "0", "20.20"),
        ("2026-10", "closing", 2, "690.24", "600.20"),
    ]  # fmt: skip
    return [
        {"period": period, "cause": cause, "because": say("date passed"), "subject_type": "seat",
         "subject": say("Figura/u-1"), "product": say("Figura"), "units": Decimal(units), "amount": Decimal(amount),
         "currency": "USD", "value": Decimal(value)}
        for period, cause, units, amount, value in terms
    ]  # fmt: skip
