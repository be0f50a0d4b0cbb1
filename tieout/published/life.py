"""What became of the exceptions, and what they were concluded from."""

from collections.abc import Mapping
from typing import get_args

from tieout.kinds import Severity
from tieout.published.table import Published

STATUSES = ("open", "acknowledged", "in_progress", "waived", "accepted", "disputed", "resolved")

_EXCEPTION = {
    "period": "month, YYYY-MM",
    "exception_id": "stable id: a hash of rule and subject, the same every month",
    "rule": "slug of the rule that fired",
    "subject_type": "kind of thing the subject is: asset, seat, account …",
    "subject": "what the exception is about, as the catalogue names it; parts joined by /",
    "asset_class": "asset class of the subject; null where it has none",
    "severity": "critical, high, medium or low",
    "status": "open, acknowledged, in_progress, waived, accepted, disputed or resolved, at the period's end",
    "owner": "whom a route makes answer for it; `unrouted` when nobody",
    "process": "the lifecycle step that should have prevented it",
    "remedy": "what to do, in one sentence",
    "value": "in reporting currency; null = unvalued, never 0",
    "value_kind": "licence_pool, exposure, overcharge, asset, stock or view; totals never cross kinds",
    "amount": "the same in the source's currency",
    "currency": "the source's currency",
    "since_on": "day the defect arose, where the data says so",
    "first_seen": "as_of date of the period that first found it",
    "last_seen": "as_of date of the latest period that found it",
    "due_on": "day by which it should be settled",
    "age_days": "days since it arose (else opened), without time in which it could not be evaluated",
    "paused_days": "days in which it could not be evaluated since it opened; age_days + these = calendar age",
    "cycles_open": "periods in which it was found",
    "paused_cycles": "periods in which it could not be evaluated since it opened",
    "recurrence": "times it opened: 1 = for the first time, 2 = it came back once after being settled",
    "legacy": "arose before go-live",
    "decision": "the latest decision about it in words, as it counted at the period's end; null = none",
    "evidence": 'JSON: the measures judged, and each source\'s records, "no record" or "not alive"',
}

TABLES: Mapping[str, Published] = {
    "exceptions": Published(
        "One row an exception and period in which it was open, waived or resolved, as it stood at that period's end.",
        _EXCEPTION,
        key=("exception_id",),
        always=("rule", "subject", "severity", "status", "first_seen", "last_seen"),
        words={"status": STATUSES, "severity": get_args(Severity)},
        vital=True,
    ),
    "exceptions_current": Published(
        "The same for the latest period only.", _EXCEPTION, latest_only=True, stored_as="exceptions"
    ),
    "exception_history": Published(
        "Every change of state.",
        {
            "period": "month, YYYY-MM",
            "exception_id": "the exception",
            "from_status": "status before; null when new",
            "to_status": "status after",
            "at": "as_of date of the change",
            "why": "new, returned; fixed (clean by the limits of before), limit_changed (clean only by new limits), "
            "subject_gone, source_changed (a source that spoke for it is no longer asked, or read in another way), "
            "written_off, lapsed, rule_off, exempted, kept, superseded by a rule; acknowledged, "
            "assigned, waived, accepted, disputed, waiver expired, decision withdrawn",
        },
        always=("exception_id", "to_status", "at", "why"),
        words={"from_status": STATUSES, "to_status": STATUSES},
    ),
    "evidence": Published(
        "What each source's landed records say of an exception's subject, one row a field.",
        {
            "period": "month, YYYY-MM",
            "exception_id": "the exception",
            "feed": "the feed that speaks",
            "source": "the source that speaks",
            "snapshot_id": "the landed snapshot; null where there is no record",
            "landed_row": "the record's number in the snapshot, header not counted; null where there is no record",
            "field": "the field; null where there is no record",
            "value": 'its value as text, or "no record" or "not alive"',
        },
        always=("exception_id", "feed", "source", "value"),
    ),
    "matches": Published(
        "Whom or what each record was taken to mean, and why: nobody is matched by name, nothing by host name.",
        {
            "period": "month, YYYY-MM",
            "feed": "the feed of the record",
            "source": "the source of the record",
            "record": "the record's own key, parts joined by /",
            "means": "asset or person",
            "named": "the asset tag (in normal form) or person_id it was matched to",
            "how": "the keys that matched, with their values",
        },
        latest_only=True,
        always=("feed", "source", "record", "means", "named", "how"),
        words={"means": ("asset", "person")},
    ),
    "suggestions": Published(
        "Whom records that name nobody known may mean, by name alone: to look into, nothing is concluded from it.",
        {
            "period": "month, YYYY-MM",
            "feed": "the feed of the record",
            "source": "the source of the record",
            "record": "the record's own key, parts joined by /",
            "person_id": "a person whose name is like the record's; at most three a record",
            "similarity": "how alike the names are, from 0 to 1, at least [policy] suggest_from",
        },
        latest_only=True,
    ),
}
