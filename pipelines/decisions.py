"""Records what people decide: `decisions/log.jsonl`, one JSON object a line, only ever added to.

The log is replaced whole with its new lines at the end, so that a crash leaves all entries of a batch in it or none.
Who may decide what is said in `tieout/decisions.py`.
"""

import getpass
import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice, pairwise, takewhile
from operator import attrgetter
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import ValidationError

from pipelines import anchors, crash, returned
from pipelines.catalogue import rules_of
from pipelines.errors import ConfigError, TieoutError
from pipelines.warehouse import PERIOD, QueryError, Warehouse, query
from pipelines.whole import write_whole
from pipelines.workspace import Workspace
from tieout import digest
from tieout.admission import completed, refusal
from tieout.chain import ChainError, head, verify
from tieout.decisions import KINDS, RECLAIMED, Entry, Proposal, Standing, not_corrected
from tieout.four_eyes import whose
from tieout.intake import Override
from tieout.quoting import literal

RECLAIM = "reclaim/"
"""What the id of a month's reclaim begins with; the month follows."""
SOURCE = "source/"
"""What the id of a delivery begins with; month, feed and source follow."""
SIGNED = ("reclaim_candidates", "entitlement_positions")
"""The tables that somebody signs who signs a month's reclaim."""
_ID = attrgetter("exception_id")
ACCEPTED, REFUSED, NO_ANSWER = "accepted", "refused", "no answer"

_STANDINGS = """
WITH since AS (
    FROM savings SELECT exception_id, max(opened_on) AS opened_on GROUP BY exception_id
), latest AS (
    FROM exceptions LEFT JOIN since USING (exception_id)
    SELECT exception_id, rule, subject, status, value, value_kind, NULL AS stated_by, 'exception' AS about, opened_on
    QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY period DESC) = 1
    UNION ALL
    FROM policy_changes SELECT change_id, 'policy', what, 'open', NULL, NULL, who, 'policy', NULL
)
FROM latest WHERE {}
"""


@dataclass(frozen=True)
class Asked:
    """One decision somebody asks for; `row` counts from 1. Where `said` stands, it cannot even be understood."""

    row: int
    exception_id: str
    proposal: Proposal | None
    said: str = ""


@dataclass(frozen=True)
class Receipt:
    """What became of one decision asked for: accepted, refused or no answer, and why."""

    row: int
    exception_id: str
    rule: str
    subject: str
    decision: str
    outcome: str
    said: str


@dataclass(frozen=True)
class Act:
    """How decisions come in: when they were taken, by which channel, from which file."""

    at: datetime
    channel: Literal["cli", "import"]
    file: str | None = None


def log_of(workspace: Workspace) -> Path:
    """The file that holds every decision."""
    return workspace.decisions / "log.jsonl"


def read(workspace: Workspace) -> tuple[Entry, ...]:
    """Every decision recorded so far, oldest first; those that the workspace knows.

    Raises TieoutError, which names the line, when the log was cut off or changed.
    """
    path = log_of(workspace)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as problem:
        line = problem.object.count(b"\n", 0, problem.start) + 1
        raise TieoutError(_broken(path, f"line {line} is no UTF-8 text")) from None
    *lines, rest = text.split("\n")
    if rest:
        raise TieoutError(_broken(path, f"line {len(lines) + 1} is cut off: it has no line end"))
    try:
        return verify(lines)[: workspace.known]
    except ChainError as problem:
        raise TieoutError(_broken(path, str(problem))) from None


def record(
    workspace: Workspace,
    asked: Sequence[Asked],
    act: Act,
    *,
    about: Sequence[Standing] | None = None,
    instead: Sequence[Entry] = (),
    dry_run: bool = False,
) -> list[Receipt]:
    """Record all of the decisions, or none when one is refused; a receipt for each.

    `about` is how the things stand that they are about, where that is not in the published database; `instead` what is
    left of the entries before, where a purge takes from them what they say of people.
    """
    with workspace.lock():
        log = read(workspace)
        known = sorted(about or standings(workspace, [one.exception_id for one in asked]), key=_ID)
        receipts, new = _answered(workspace, asked, known, log, act)
        if new and not dry_run and not any(receipt.outcome == REFUSED for receipt in receipts):
            text = "".join(f"{entry.line}\n" for entry in [*(instead or log), *new])
            write_whole(log_of(workspace), text.encode())
            crash.point("decision-logged")
            anchors.vouch(workspace, {f"{anchors.DECISION}{new[-1].seq}": new[-1].sha256})
        return receipts


def record_one(
    workspace: Workspace, asked: Asked, about: Standing, act: Act, instead: Sequence[Entry] = (), dry_run: bool = False
) -> None:
    """Record a decision as `record` does; raises TieoutError when it is refused."""
    (receipt,) = record(workspace, [asked], act, about=[about], instead=instead, dry_run=dry_run)
    if receipt.outcome != ACCEPTED:
        raise TieoutError(f"nothing was recorded: {receipt.said}.")


def standings(workspace: Workspace, ids: Iterable[str]) -> list[Standing]:
    """How everything stands whose id begins with one of those given, as last published."""
    wanted = sorted({text for text in ids if text})
    if not workspace.published_database.exists():
        raise ConfigError(f"{workspace.root} has published nothing yet; run it before deciding.")
    if not wanted:
        return []
    whole = f"exception_id IN ({', '.join(map(literal, wanted))})"
    try:
        found = query(workspace.published_database, _STANDINGS.format(whole))
        if begun := sorted({*wanted} - {*found["exception_id"]}):
            condition = " OR ".join(f"starts_with(exception_id, {literal(text)})" for text in begun)
            found = pl.concat([found, query(workspace.published_database, _STANDINGS.format(condition))]).unique()
    except QueryError:
        raise ConfigError("what is published was made by an older version; run the latest month again.") from None
    reclaims = [reclaim_of(workspace, text.removeprefix(RECLAIM)) for text in wanted if text.startswith(RECLAIM)]
    lasting = {rule.slug for rule in rules_of(workspace.rules) if rule.remembers}
    return [Standing(**row, is_event=row["rule"] in lasting) for row in found.iter_rows(named=True)] + reclaims


def reclaim_of(workspace: Workspace, period: str) -> Standing:
    """How a month's reclaim stands, to be signed: what it is worth a year, and the fingerprint of its tables.

    Its worth is null where a seat of a contract line has none, so that no limit can say it is small enough. Raises
    ConfigError when the month never ran.
    """
    warehouse = Warehouse(workspace.tables)
    tables = {name: warehouse.read(name, period=period) for name in SIGNED if name in warehouse.tables()}
    candidates = tables.get("reclaim_candidates", pl.DataFrame())
    if PERIOD not in candidates.columns:
        raise ConfigError(f"{period} never ran, so there is no reclaim of it to sign.")
    worth = pl.col("annual_value").filter(pl.col("contract_id").is_not_null())
    return Standing(
        exception_id=f"{RECLAIM}{period}",
        rule="reclaim",
        subject=period,
        status="open",
        value=candidates.select(pl.when(~worth.has_nulls()).then(worth.sum())).item(),
        value_kind=RECLAIMED,
        is_event=False,
        about="reclaim",
        content=digest.of_value(digest.of_tables(tables)),
    )


def overrides(workspace: Workspace, period: str, today: date) -> dict[tuple[str, str], Override]:
    """What was decided about the deliveries of a month, by feed and source; `today` is the month's last day."""
    found = {}
    for entry in not_corrected(read(workspace)):
        if entry.kind == "override" and entry.until and entry.until >= today:
            _, since, feed, source = entry.exception_id.split("/", 3)
            if since <= period:
                said = f"{entry.reason}; accepted by {entry.who}, approved by {entry.approver} until {entry.until}"
                found[feed, source] = Override(frozenset((entry.document or "").split(", ")), said)
    return found


def latest_published(workspace: Workspace) -> str | None:
    """The newest month in the published database; None when there is none."""
    if not workspace.published_database.exists():
        return None
    newest = query(workspace.published_database, "SELECT max(period) FROM rule_runs").item()
    return None if newest is None else str(newest)


def counts_from(workspace: Workspace, at: datetime) -> str:
    """From which month's run on decisions of an instant count."""
    return at.astimezone(workspace.settings.zone).strftime("%Y-%m")


# -- import ----------------------------------------------------------------------------------------------------------


def import_file(
    workspace: Workspace, path: Path, act: Act, *, who: str | None, role: str | None, dry_run: bool = False
) -> list[Receipt]:
    """Record the decisions in a CSV, XLSX or JSON file, one a row: all, or none when one is refused.

    A row without a decision asks for nothing; one given for an earlier month than the newest published is stale. The
    original is kept. Raises ConfigError when the file as a whole cannot be used.
    """
    came = returned.read(path)
    rows, who = came.rows, came.who or who
    if not any("exception_id" in row for row in rows):
        raise ConfigError(f"{path.name} names no exception; it needs the columns exception_id and decision.")
    answered = sorted(row["exception_id"] for row in rows if row.get("kind") and "exception_id" in row)
    twice = {name for one, other in pairwise(answered) if other.startswith(one) for name in (one, other)}
    with workspace.lock():
        content = path.read_bytes()
        file = hashlib.sha256(content).hexdigest()
        numbers = [entry.seq for entry in read(workspace) if entry.file == file]
        if numbers:
            raise ConfigError(f"{path.name} was imported before (D{numbers[0]} to D{numbers[-1]}).")
        latest = latest_published(workspace)
        asked = [_asked(number, row, latest, who, role, twice) for number, row in enumerate(rows, 1)]
        receipts = record(workspace, asked, replace(act, file=file), dry_run=True)
        if not dry_run and all(receipt.outcome != REFUSED for receipt in receipts):
            write_whole(log_of(workspace).parent / "imports" / f"{file}{path.suffix.lower()}", content)
            receipts = record(workspace, asked, replace(act, file=file))
        return receipts


def _asked(
    number: int, row: dict[str, str], latest: str | None, who: str | None, role: str | None, twice: set[str]
) -> Asked:
    exception_id = row.get("exception_id", "")
    if not row.get("kind"):
        return Asked(number, exception_id, None)
    if exception_id in twice:
        return Asked(number, exception_id, None, "there are two answers for it; keep one")
    if latest and (answers := row.get("period", latest)) != latest:
        newest = f"{latest} is published since" if answers < latest else f"{latest} is the newest month published"
        return Asked(number, exception_id, None, f"it answers {answers}, but {newest}")
    said = {"who": who, "role": role, **{name: value for name, value in row.items() if name != "period"}}
    return as_asked(number, said)


def as_asked(number: int, said: Mapping[str, str | None]) -> Asked:
    """A decision from the texts that say it; where one is not what it should be, `said` tells which."""
    exception_id, kind = said.get("exception_id") or "", (said.get("kind") or "").lower()
    if kind not in KINDS:
        return Asked(number, exception_id, None, f"{said.get('kind')!r} is no decision; they are {', '.join(KINDS)}")
    texts = {name: value for name, value in said.items() if value}
    texts |= {"exception_id": exception_id, "kind": kind, "who": said.get("who") or ""}
    if "until" in texts:
        texts["until"] = texts["until"].removesuffix(" 00:00:00")  # a date cell of a spreadsheet
    if "corrects" in texts:
        texts["corrects"] = texts["corrects"].upper().removeprefix("D")
    try:
        return Asked(number, exception_id, Proposal.model_validate(texts))
    except ValidationError as problem:
        field = problem.errors()[0]["loc"][0]
        example = {"until": "a date like 2027-01-31", "corrects": "the number of a decision like D12"}
        return Asked(number, exception_id, None, f"{field} is {said[str(field)]!r}; write {example[str(field)]}")


# -- inside ----------------------------------------------------------------------------------------------------------


def _broken(path: Path, what: str) -> str:
    return f"{path}: {what}; put the log back as it was, from a backup, before anything else."


def _keys_of_people(workspace: Workspace, told: Iterable[Proposal]) -> dict[str, str]:
    """Whose the names, addresses, usernames and numbers are that decisions name people by: key → person_id."""
    warehouse = Warehouse(workspace.tables)
    periods = warehouse.periods("memory_person_keys")
    if not periods:
        return {}
    keys = warehouse.read("memory_person_keys", period=periods[-1], columns=["key", "person_id"])
    people = warehouse.read("memory_people", period=periods[-1], columns=["full_name", "person_id"])
    return whose((text for one in told for text in (one.who, one.approver) if text), keys, people)


def _answered(
    workspace: Workspace, asked: Iterable[Asked], known: Sequence[Standing], log: Sequence[Entry], act: Act
) -> tuple[list[Receipt], list[Entry]]:
    """A receipt for each decision asked for, and the entries of those that may be recorded; each knows those before."""
    settings, today = workspace.settings, act.at.astimezone(workspace.settings.zone).date()
    people = _keys_of_people(workspace, [*(one.proposal for one in asked if one.proposal), *log])
    receipts, entries, entries_of = list[Receipt](), [*log], defaultdict[str, list[Entry]](list)
    for entry in log:
        entries_of[entry.exception_id].append(entry)
    for one in asked:
        found, said = _found(one, known)
        if one.proposal is None:
            receipts.append(_receipt(one, found, REFUSED if one.said else NO_ANSWER, one.said))
            continue
        proposal = completed(one.proposal, settings, today)
        if found:
            signed = {"document": found.content} if found.content else {}
            proposal = proposal.model_copy(update={"exception_id": found.exception_id, **signed})
        earlier = entries_of[proposal.exception_id]
        if said := said or refusal(proposal, found, earlier, settings, today, people):
            receipts.append(_receipt(one, found, REFUSED, said))
            continue
        entry = _entry(proposal, found, entries, act)
        entries.append(entry)
        earlier.append(entry)
        receipts.append(_receipt(one, found, ACCEPTED, f"D{entry.seq}"))
    return receipts, entries[len(log) :]


def _found(one: Asked, known: Sequence[Standing]) -> tuple[Standing | None, str | None]:
    """What an id, or the beginning of one, names among `known`, in their ids' order; or why it names nothing."""
    if not one.exception_id:
        return None, "it names no exception"
    after = islice(known, bisect_left(known, one.exception_id, key=_ID), None)
    named = list(takewhile(lambda standing: standing.exception_id.startswith(one.exception_id), after))
    if len(named) > 1 and named[0].exception_id != one.exception_id:
        return None, f"{one.exception_id} begins the ids of {len(named)} exceptions; write more of it"
    return (named[0], None) if named else (None, None)


def _entry(proposal: Proposal, found: Standing | None, log: Sequence[Entry], act: Act) -> Entry:
    return Entry(
        **proposal.model_dump(),
        seq=len(log) + 1,
        os_user=getpass.getuser(),
        channel=act.channel,
        at=act.at,
        value=found.value if found else None,
        file=act.file,
        previous=head(log),
    ).sealed()


def _receipt(one: Asked, found: Standing | None, outcome: str, said: str) -> Receipt:
    return Receipt(
        row=one.row,
        exception_id=found.exception_id if found else one.exception_id,
        rule=found.rule if found else "",
        subject=found.subject if found else "",
        decision=one.proposal.kind if one.proposal else "",
        outcome=outcome,
        said=said,
    )


def as_receipts(receipts: Sequence[Receipt]) -> pl.DataFrame:
    """Receipts as a table."""
    return pl.DataFrame([vars(receipt) for receipt in receipts], schema_overrides={"row": pl.Int64})
