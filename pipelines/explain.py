"""Everything known about one id: what each source claims, what each rule says of it and why, what people decided.

The month is judged again from what is stored, by the very code of a run, and held against what the run left.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import groupby
from typing import Any

import polars as pl

from pipelines import catalogue, rulebook
from pipelines.answer import as_page, as_text, on_a_line
from pipelines.errors import ConfigError
from pipelines.steps import RUNS, Month, world_of
from pipelines.warehouse import PERIOD, Warehouse
from pipelines.workspace import Workspace, check_period
from tieout import subjects
from tieout.decisions import in_words
from tieout.explanation import NOT_LOOKED_AT, Answer, Witness, claims, switched_off
from tieout.facts.ground import MATCHED, Ground
from tieout.feeds import FEEDS
from tieout.findings import exception_id
from tieout.reconcile import judge
from tieout.subjects import KINDS, Thing
from tieout.world import World

SHORTEST = 4
"""Characters of an exception's id that are enough of it to be looked for."""
ACROSS = 3
"""Records that stand side by side in one table of text."""
_LEFT_OUT = ("value_kind", "first_seen", "remedy")
"""What the text leaves to the JSON, for want of room."""
_STORED = ("outcome", "severity", "owner", "value", "evidence")
"""What a re-performed finding is held against."""


def explain(workspace: Workspace, asked: str, period: str | None) -> dict[str, Any]:
    """Everything known of an id in a complete month, the newest if none is named.

    Raises ConfigError for an id that nothing has, with the nearest that there are, or that several things have, with
    all of them; and InUseError while a run holds the workspace.
    """
    rules = catalogue.rules_of(workspace.rules)
    slug = asked.removeprefix("rule:")
    if slug in {rule.slug for rule in rules}:
        shown = rulebook.open_now(workspace).filter(pl.col("rule") == slug)
        return {"kind": "rule", **rulebook.shown(workspace, slug), "open_exceptions": shown.to_dicts()}
    with workspace.lock():
        warehouse = Warehouse(workspace.tables)
        month = Month(workspace, choose(warehouse, period))
        world = world_of(month, warehouse)
        stored = _stored(warehouse, month.period)
        ground = Ground(world)
        thing = _found(asked, ground, stored, [rule.slug for rule in rules])
        witness = Witness(thing)
        findings = judge(world, rules, witness)["findings"]
        matches = pl.concat(ground.matches(feed) for feed in MATCHED)
        off = switched_off(witness, rules, workspace.settings)
        return _told(asked, thing, world, witness, off, findings, stored, matches)


def choose(warehouse: Warehouse, period: str | None) -> str:
    """The month asked for, else the newest that is complete; raises ConfigError where it is not complete."""
    months = warehouse.periods(RUNS)
    if not months:
        raise ConfigError("no month is complete yet; run one first.")
    chosen = check_period(period) if period is not None else months[-1]
    if chosen not in months:
        raise ConfigError(f"{chosen} is not complete; the complete months are {', '.join(months)}.")
    return chosen


# -- what is asked about -----------------------------------------------------------------------------------------------


def _stored(warehouse: Warehouse, period: str) -> dict[str, pl.DataFrame]:
    """What the run of a month left about subjects."""
    return {
        "findings": warehouse.read("findings", period=period).drop(PERIOD),
        "known": warehouse.read("memory_exceptions", period=period).drop(PERIOD),
        "exceptions": warehouse.read("exceptions", period=period).drop(PERIOD),
        "exception_history": warehouse.read("exception_history", upto=period),
    }


def _found(asked: str, ground: Ground, stored: dict[str, pl.DataFrame], slugs: Sequence[str]) -> Thing:
    """The one thing an id names."""
    text = asked.strip()
    by_id = _exceptions(text.removeprefix("exception:"), stored)
    if text.startswith("exception:") or (by_id.height == 1 and by_id["exception_id"][0] == text):
        things = []
    else:
        things = subjects.find(ground, text)
    named = [f"{thing.kind}:{thing.name}" for thing in things]
    named += [f"exception:{one}" for one in by_id["exception_id"]]
    if len(named) > 1:
        raise ConfigError(f"{asked!r} names several things; write one of {', '.join(named[:10])}.")
    if things:
        return things[0]
    by_id = by_id if by_id.height else _of_subject(text, stored)
    if by_id.height:
        row = by_id.row(0, named=True)
        return subjects.subject(ground, row["subject_type"], row["subject_key"], row["subject"])
    kind, _, rest = text.partition(":")
    near = subjects.nearest(ground, rest if kind in KINDS else text) or get_close_matches(text, slugs, n=3)
    hint = f"the nearest known: {', '.join(near)}." if near else "name an exception, tag, serial, person, seat or rule."
    raise ConfigError(f"nothing is known by {asked!r} in {ground.world.period}; {hint}")


def _exceptions(text: str, stored: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The exceptions and findings whose id is, or begins with, a text."""
    columns = ("exception_id", "subject_type", "subject_key", "subject")
    if len(text) < SHORTEST:
        return stored["known"].select(columns).clear()
    both = pl.concat([stored[name].select(columns) for name in ("known", "findings")])
    return (
        both.filter(pl.col("exception_id").str.starts_with(text.lower()))
        .sort("exception_id", "subject_type", nulls_last=True)
        .unique("exception_id", keep="first", maintain_order=True)
    )


def _of_subject(text: str, stored: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The exceptions there ever were whose subject is written so."""
    return stored["known"].filter(pl.col("subject").str.to_lowercase() == text.lower())


# -- what is said about it ---------------------------------------------------------------------------------------------


def _told(
    asked: str,
    thing: Thing,
    world: World,
    witness: Witness,
    off: Sequence[str],
    findings: pl.DataFrame,
    stored: dict[str, pl.DataFrame],
    matches: pl.DataFrame,
) -> dict[str, Any]:
    ids = sorted({*(answer.exception_id for answer in witness.answers), *_ids_of(thing, stored)})
    own = pl.col("exception_id").is_in(ids)
    looked = [answer for answer in witness.answers if answer.outcome != NOT_LOOKED_AT]
    listed = stored["exceptions"].filter(own)
    linked = witness.linked
    said = claims(world, witness)
    records = _records_named(thing, matches)
    log = world.decisions.filter(own)
    return {
        "asked": asked,
        "kind": thing.kind,
        "name": thing.name,
        "period": world.period,
        "as_of": world.as_of,
        "exceptions": listed.select(
            "rule", "subject", "status", "severity", "owner", _route(looked), "value", "value_kind", "since_on",
            "first_seen", "last_seen", "due_on", "age_days", "recurrence", "decision", "remedy", "exception_id",
        ).to_dicts(),
        "rules": [_as_row(answer) for answer in sorted(looked, key=_most_telling_first)],
        "not_looked_at_by": sorted({answer.rule for answer in witness.answers if answer.outcome == NOT_LOOKED_AT}),
        "switched_off": list(off),
        "claims": said.to_dicts(),
        "matches": records.to_dicts(),
        "linked": linked.filter(~own).to_dicts() if linked.width else [],
        "history": stored["exception_history"].filter(own).sort(PERIOD, "at", "exception_id").to_dicts(),
        "decisions": log.select(
            pl.format("D{}", "seq").alias("no"), "at", "exception_id", in_words().alias("decision")
        ).to_dicts(),
        "differs_from_the_run": _differences(ids, findings, stored["findings"]),
    }  # fmt: skip


_ORDER = ("fired", "held", "superseded", "exempt", "not evaluated", "unknown", "gone", "clean")


def _most_telling_first(answer: Answer) -> tuple[int, str, str]:
    return _ORDER.index(answer.outcome), answer.rule, answer.subject


def _ids_of(thing: Thing, stored: dict[str, pl.DataFrame]) -> Iterable[str]:
    """The ids of exceptions there ever were of the thing, those of rules no longer there included."""
    known = stored["known"]
    for grain, keys in thing.subjects.items():
        of_grain = known.filter((pl.col("subject_type") == grain) & pl.col("subject_key").is_in(list(keys)))
        yield from of_grain["exception_id"]
        for rule in known.filter(pl.col("subject_type") == grain)["rule"].unique():
            yield from (exception_id(rule, key) for key in keys)


def _as_row(answer: Answer) -> dict[str, Any]:
    return {
        "rule": answer.rule,
        "answer": answer.outcome,
        "subject": answer.subject,
        "why": answer.why,
        "limits": dict(answer.limits),
        "judged": dict(answer.measures),
        "without_a_value": list(answer.missing),
        "not_alive": list(answer.silent),
        "exception_id": answer.exception_id,
    }


def _route(answers: Iterable[Answer]) -> pl.Expr:
    """Which route gave the owner."""
    routes = {answer.exception_id: answer.route for answer in answers}
    return pl.col("exception_id").replace_strict(routes, default=None, return_dtype=pl.String).alias("route")


def _records_named(thing: Thing, matches: pl.DataFrame) -> pl.DataFrame:
    """Why records were taken to mean the thing."""
    of_thing = pl.col("named").is_in(list(thing.named)) | (pl.col("record") == thing.name)
    return matches.filter(of_thing)


def _differences(ids: Sequence[str], now: pl.DataFrame, then: pl.DataFrame) -> list[str]:
    """A sentence for each exception of which this says something else than the run did."""
    said = [frame.filter(pl.col("exception_id").is_in(list(ids))) for frame in (then, now)]
    both = said[0].join(said[1], on="exception_id", how="full", coalesce=True, suffix="_now")
    differing = [name for name in _STORED if name in then.columns]
    sentences = []
    for row in both.sort("exception_id").iter_rows(named=True):
        changed = [name for name in differing if row[name] != row[f"{name}_now"]]
        if changed:
            told = (
                f"{name} {row[name] or 'nothing'} there, {row[f'{name}_now'] or 'nothing'} here" for name in changed
            )
            texts = [text for text in told if not text.startswith("evidence")] or ["other evidence"]
            rule, subject = row["rule"] or row["rule_now"], row["subject"] or row["subject_now"]
            sentences.append(f"{rule} of {subject}: {'; '.join(texts)}; the config or a rule changed since the run.")
    return sentences


# -- for people --------------------------------------------------------------------------------------------------------


def as_told(answer: Mapping[str, Any]) -> str:
    """The answer as text: the exceptions, each rule with its measures and limits, then the claims side by side."""
    name, as_of = on_a_line(answer["name"]), answer["as_of"]
    head = f"{answer['kind']} {name}, {answer['period']} (as of {as_of:%Y-%m-%d %H:%M} UTC)\n"
    doubts = "".join(f"NOT AS THE RUN LEFT IT: {sentence}\n" for sentence in answer["differs_from_the_run"])
    listed = [{k: v for k, v in row.items() if k not in _LEFT_OUT} for row in answer["exceptions"]] or "none this month"
    parts = [
        head + doubts,
        as_page({"exceptions": listed}),
        "RULES\n" + "\n".join(map(_rule_told, answer["rules"])) + "\n",
    ]
    silent = {name: answer[name] for name in ("not_looked_at_by", "switched_off")}
    parts += [as_page(silent), "WHAT EACH SOURCE SAYS\n" + "\n".join(_side_by_side(answer["claims"]))]
    parts += [as_page({name: answer[name]}) for name in ("matches", "linked", "history", "decisions")]
    return "\n".join(part for part in parts if part)


def _rule_told(row: Mapping[str, Any]) -> str:
    """One rule's answer in a few lines."""
    why = f" ({row['why']})" if row["why"] else ""
    lines = [f"  {row['rule']}: {row['answer']}{why}" + (f" [{on_a_line(row['subject'])}]" if row["subject"] else "")]
    if row["without_a_value"]:
        lines.append(f"      without a value: {', '.join(row['without_a_value'])}")
    if row["not_alive"]:
        lines.append(f"      because {', '.join(row['not_alive'])}")
    for name in ("judged", "limits"):
        if row[name]:
            lines.append(
                f"      {name}: " + ", ".join(f"{k} = {'?' if v is None else v}" for k, v in row[name].items())
            )
    return "\n".join(lines)


def _side_by_side(claims: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One table a feed: its fields down, its records across, a few at a time."""
    for feed, rows in groupby(claims, key=lambda row: row["feed"]):
        said = list(rows)
        records = list(dict.fromkeys((r["source"], r["snapshot_id"], r["landed_row"]) for r in said if r["field"]))
        for start in range(0, len(records), ACROSS):
            across = records[start : start + ACROSS]
            columns = {f"{source} {snapshot} row {row}": (source, snapshot, row) for source, snapshot, row in across}
            cells = {((r["source"], r["snapshot_id"], r["landed_row"]), r["field"]): r["value"] for r in said}
            fields = [f for f in FEEDS[feed].schema if any((record, f) in cells for record in across)]
            table = [{feed: f, **{name: cells.get((key, f)) for name, key in columns.items()}} for f in fields]
            yield as_text(pl.DataFrame(table, infer_schema_length=None), "table").rpartition("(")[0]
        yield from (f"{feed}  {r['source']}: {r['value']}\n" for r in said if not r["field"])
