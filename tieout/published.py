"""The tables everybody may rely on: what the published database holds, and what every column means.

The comments in the database file, its data dictionary and the order of columns are made from this.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One published table; `latest_only` tables hold the newest period, the others every period."""

    doc: str
    columns: Mapping[str, str]
    latest_only: bool = False
    stored_as: str | None = None  # the warehouse table it shows, where the name differs


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
            "subject_gone, written_off, lapsed, rule_off, exempted, kept, superseded by a rule; acknowledged, "
            "assigned, waived, accepted, disputed, waiver expired, decision withdrawn",
        },
    ),
    "decisions": Published(
        "Every entry of the decision log; each names the sha256 of the one before it.",
        {
            "period": "month in which it was taken, YYYY-MM",
            "seq": "number of the entry in the log, from 1",
            "exception_id": "the exception, or the policy change, it is about",
            "kind": "acknowledge, assign, keep, waive, accept, dispute, approve, release, realise or correct",
            "decision": "the same in words",
            "state": "at the latest run: counts, later (taken after its as_of), taken back, expired, or idle: a waiver "
            "that matches no open exception",
            "who": "the person who decided, as stated",
            "os_user": "the user of the operating system who recorded it",
            "role": "the role they acted in, as stated",
            "channel": "cli, or import of a file",
            "at": "when it was taken (UTC); it counts for periods whose as_of is not earlier",
            "reason": "reason code",
            "comment": "free text",
            "until": "last day a waiver or a kept seat holds",
            "approver": "the second person, for a waiver and an acceptance",
            "owner": "who is to see to it, for an assignment",
            "document": "what proves it",
            "value": "what the exception was worth when it was decided, in reporting currency; null = unvalued",
            "corrects": "number of the entry that it takes back",
            "file": "sha256 of the imported file",
            "previous": "sha256 of the entry before",
            "sha256": "sha256 over everything else the entry says",
        },
    ),
    "policy_changes": Published(
        "Limits, switches and exemptions that say something else than in the period before, and what that did.",
        {
            "period": "month, YYYY-MM",
            "change_id": "id that an approval names",
            "what": "the key of the config, or exempt.<rule>.<subject>",
            "rule": "slug of the rule concerned; null = several",
            "from_value": "what it said before (an exemption: its last day); null = nothing",
            "to_value": "what it says now; null = nothing",
            "loosened": "less is found than before; null where this period does not show it",
            "silenced": "exceptions that the policy before would have found and this one does not",
            "added": "exceptions that only this policy finds",
            "who": "who asked for an exemption",
            "why": "why",
            "until": "last day of an exemption",
            "approver": "who approved it; null = nobody yet",
        },
    ),
    "source_exceptions": Published(
        "What is wrong with sources rather than with assets.",
        {
            "period": "month, YYYY-MM",
            "rule": "slug of what is wrong",
            "subject": "feed/source, or the product for what is wrong with its usage",
            "verdict": "the snapshot's verdict: GREEN, AMBER or RED; null for what only the records together show",
            "why": "what is wrong, in words",
        },
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
    ),
    "rule_runs": Published(
        "Every rule in every period: population = fired + superseded + exempt + clean + unknown + not_evaluated.",
        {
            "period": "month, YYYY-MM",
            "rule": "slug of the rule",
            "rule_hash": "fingerprint of the rule and its limits",
            "params": "JSON: the limits in force",
            "population": "subjects looked at",
            "fired": "subjects with an exception",
            "superseded": "subjects another rule's open exception already covers",
            "exempt": "subjects that policy leaves alone",
            "clean": "subjects with nothing wrong",
            "unknown": "subjects without a value the rule needs, all sources alive",
            "not_evaluated": "subjects that a source not alive could change the answer for",
            "value": "what fired is worth in reporting currency; null = unvalued",
            "reason": "why the rule could not be evaluated at all; null when it could",
        },
    ),
    "sources": Published(
        "Every source in every period, and what it was good for: landed = used + duplicate + quarantined.",
        {
            "period": "month, YYYY-MM",
            "feed": "the feed delivered",
            "source": "the source's name",
            "snapshot_id": "the landed snapshot; null when nothing came",
            "system": "the system it comes from",
            "endpoint_or_file": "the file or address it was read from",
            "filters": "filters of the extract, as its control file says",
            "extracted_at": "when it was extracted (UTC)",
            "extracted_by": "by whom",
            "verdict": "GREEN: absence may be concluded; AMBER: only presence counts; RED: not used",
            "landed": "rows landed",
            "used": "rows used",
            "duplicate": "identical rows dropped",
            "quarantined": "rows set aside with reasons",
            "as_of": "the instant the delivery speaks for (UTC)",
            "reasons": "what the verdict rests on",
            "warnings": "doubts about single columns",
            "lacks": "columns of the feed that none of its rows fills",
        },
    ),
    "quarantine": Published(
        "Every row set aside, with every reason.",
        {
            "period": "month, YYYY-MM",
            "feed": "the feed",
            "source": "the source",
            "snapshot_id": "the landed snapshot",
            "row": "the record's number in the snapshot, header not counted",
            "reasons": "what is wrong with it",
            "raw": "the record as it was read",
        },
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
    ),
    "entitlement_positions": Published(
        "Every contract line and what fills it: quantity = kept + reclaimable + unassigned for lines in force.",
        {
            "period": "month, YYYY-MM",
            "contract_id": "contract",
            "line_no": "line",
            "vendor": "seller",
            "product": "what the line buys",
            "plan": "plan or tier",
            "metric": "what is counted; only `user` lines are filled",
            "in_force": "counts at as_of",
            "quantity": "units bought",
            "assigned": "paid seats that fill the line",
            "kept": "of these, seats without a reason to reclaim",
            "reclaimable": "of these, seats with one",
            "unassigned": "units nobody has",
            "minimum_quantity": "units below which it cannot be reduced",
            "unit_price": "price of one unit for one billing period",
            "currency": "currency of the price",
            "billing_period": "monthly, quarterly, annual or term",
            "term_start": "first day",
            "term_end": "last day; null = perpetual",
            "annual_price": "one unit's price a year in reporting currency; null = unconverted",
            "annual_price_amount": "the same in the line's currency",
            "owner": "who answers for the contract",
            "cost_center": "cost centre",
        },
        latest_only=True,
    ),
    "reclaim_candidates": Published(
        "Every paid seat that may be given back, with its one reason and the line it fills.",
        {
            "period": "month, YYYY-MM",
            "product": "product",
            "seat_id": "the console's user id",
            "reason": "slug of the seat rule that found it first",
            "contract_id": "contract of the line it fills; null = it fills none",
            "line_no": "line it fills",
            "cost_center": "cost centre of the person",
            "person_id": "the person; null = nobody known",
            "annual_value": "what it costs a year in reporting currency; null = unvalued",
            "annual_amount": "the same in the line's currency",
            "currency": "the line's currency",
            "bucket": "reducible; below_minimum (the contract's minimum keeps it); true_up_avoided (it fills no line)",
            "realisable_now": "what giving it back now saves in reporting currency; null = perpetual or unvalued",
            "realisable_now_amount": "the same in the line's currency",
            "at_renewal": "one year's value from the end of the commitment; null = perpetual or unvalued",
            "at_renewal_amount": "the same in the line's currency",
            "reduction": "when units may be given back: anytime or renewal_only",
            "committed_until": "last day of the commitment",
            "decide_by": "notice deadline; null when it has passed or there is none",
        },
        latest_only=True,
    ),
}
