"""What a period's own evaluation said of one thing: each rule's answer and its measures, and each source's claim.

It hears the rules as a run puts them, so that an explanation cannot say anything else than the run did.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from tieout.evidence import landed, told
from tieout.findings import exception_id
from tieout.judgement import Case
from tieout.normalize import is_named
from tieout.routes import owner_of
from tieout.rule import Rule
from tieout.settings import Settings
from tieout.subjects import Thing
from tieout.world import World

NOT_LOOKED_AT = "not looked at"
RECORDS = {"grain": pl.String(), "subject_key": pl.String(), "feed": pl.String(), "_id": pl.UInt32()}
RECORDS_SHOWN = 40
"""Records of one feed that are shown side by side: the latest."""


@dataclass(frozen=True)
class Answer:
    """What one rule says of one subject.

    `outcome` is fired, superseded, exempt, clean, unknown, not evaluated, not looked at, held or gone. `measures` are
    the columns that decide it and `limits` what was in force for this subject, as text; `missing` the measures without
    a value where the answer is unknown, `silent` the feeds that keep it from being evaluated.
    """

    rule: str
    grain: str
    subject_key: str
    subject: str
    exception_id: str
    outcome: str
    why: str | None
    measures: Mapping[str, str | None] = field(default_factory=dict)
    limits: Mapping[str, str | None] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    route: str | None = None


class Witness:
    """Hears every rule's case and keeps what it says of one thing and of what is linked to it."""

    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self.answers: list[Answer] = []
        self.asked: set[str] = set()
        self.grains: set[str] = set()
        self._linked: list[pl.DataFrame] = []
        self._records = [pl.DataFrame(schema=RECORDS)]

    def __call__(self, case: Case, judged: pl.DataFrame) -> None:
        own, linked = self._own(case), self._links(case)
        rows = case.rows.filter(own)
        if rows.height:
            self.asked.update(case.feeds)
            self.grains.add(case.grain.name)
            self._note_records(case, rows)
        self.answers += _answers(case, judged, rows)
        self.answers += self._vanished(case, judged, rows)
        others = case.rows.filter(linked & ~own & pl.col("_looked_at"))
        said = judged.join(others.select("subject_key"), on="subject_key", how="semi")
        self._linked.append(said.select("rule", "subject", "outcome", "why", "exception_id"))

    @property
    def records(self) -> pl.DataFrame:
        """The rows that the answers rest on: grain, subject_key, feed, `_id`."""
        return pl.concat(self._records).unique().sort(list(RECORDS))

    @property
    def linked(self) -> pl.DataFrame:
        """Findings about what is linked to the thing: rule, subject, outcome, why, exception_id."""
        return pl.concat(self._linked).unique().sort("rule", "subject") if self._linked else pl.DataFrame()

    def _own(self, case: Case) -> pl.Expr:
        """True for the rows of a grain that are about the thing itself."""
        keys = self.thing.subjects.get(case.grain.name, ())
        by_key = pl.col("subject_key").is_in(list(keys)).fill_null(False)
        if case.grain.feed not in self.thing.feeds:
            return by_key
        return by_key | _has(case.rows, "_id", self.thing.records.get(case.grain.feed, []))

    def _links(self, case: Case) -> pl.Expr:
        """True for the rows of a grain that rest on a record of the thing."""
        masks = [pl.lit(False)]
        for feed, ids in self.thing.records.items():
            column = "_id" if feed == case.grain.feed else f"{feed}__row"
            if ids and column in case.rows.columns:
                masks.append(_has(case.rows, column, ids))
        return pl.any_horizontal(masks)

    def _note_records(self, case: Case, rows: pl.DataFrame) -> None:
        for feed in case.feeds:
            column = "_id" if feed == case.grain.feed else f"{feed}__row"
            if column not in rows.columns:
                continue
            refs = rows.select(
                pl.lit(case.grain.name).alias("grain"),
                "subject_key",
                pl.lit(feed).alias("feed"),
                pl.col(column).alias("_id"),
            )
            if isinstance(refs.schema["_id"], pl.List):
                refs = refs.explode("_id", empty_as_null=True)
            self._records.append(refs.drop_nulls("_id").cast({"_id": pl.UInt32}))

    def _vanished(self, case: Case, judged: pl.DataFrame, rows: pl.DataFrame) -> Iterator[Answer]:
        """What became of an exception whose subject has no row any more."""
        keys = self.thing.subjects.get(case.grain.name, ())
        gone = judged.filter(pl.col("subject_key").is_in(list(keys))).join(rows, on="subject_key", how="anti")
        for row in gone.iter_rows(named=True):
            yield Answer(
                rule=case.rule.slug,
                grain=case.grain.name,
                subject_key=row["subject_key"],
                subject=row["subject"],
                exception_id=row["exception_id"],
                outcome=row["outcome"],
                why=row["why"],
            )


def switched_off(witness: Witness, rules: Sequence[Rule], settings: Settings) -> list[str]:
    """Rules that would look at the thing were they not switched off."""
    off = {slug for slug, table in settings.rules.items() if not table.on}
    return sorted(rule.slug for rule in rules if rule.slug in off and rule.grain in witness.grains)


def claims(world: World, witness: Witness) -> pl.DataFrame:
    """What each source says of the thing, one row a field of a landed record: feed, source, snapshot_id, landed_row,
    field, value. A source that could speak and does not says "no record" or "not alive" in `value`, without a field.
    """
    parts = []
    rested_on = witness.records
    for feed in sorted({*witness.asked, *witness.thing.records}):
        ids = {*witness.thing.records.get(feed, ()), *rested_on.filter(pl.col("feed") == feed)["_id"]}
        refs = pl.DataFrame({"_id": sorted(ids)[-RECORDS_SHOWN:]}, schema={"_id": pl.UInt32})
        records, shown = landed(world, feed, refs)
        where = ["source", "snapshot_id", "landed_row"]
        fields = records.unpivot(shown, index=where, variable_name="field", value_name="value").drop_nulls("value")
        silent = world.verdicts.filter(pl.col("feed") == feed).join(fields, on="source", how="anti").select(
            "source",
            value=pl.when(pl.col("verdict") == "GREEN").then(pl.lit("no record")).otherwise(pl.lit("not alive")),
        )  # fmt: skip
        if not (feed in witness.asked or ids):
            continue
        part = pl.concat([fields, silent], how="diagonal_relaxed").select(pl.lit(feed).alias("feed"), pl.all())
        parts.append(part.sort("source", "snapshot_id", "landed_row", nulls_last=True, maintain_order=True))
    return pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()


def _has(rows: pl.DataFrame, column: str, ids: Sequence[int]) -> pl.Expr:
    """True for rows whose record, or one of whose records, is among some."""
    kind = rows.schema[column]
    if isinstance(kind, pl.List):
        return pl.col(column).list.eval(pl.element().is_in(list(ids))).list.any().fill_null(False)
    return pl.col(column).is_in(list(ids)).fill_null(False) if kind.is_integer() else pl.lit(False)


def _answers(case: Case, judged: pl.DataFrame, rows: pl.DataFrame) -> Iterator[Answer]:
    """What the rule says of each row, with everything it asked of it."""
    if rows.is_empty():
        return
    rule, p = case.rule, case.p
    outcomes = judged.select("subject_key", "outcome", "why").rename({"outcome": "_outcome", "why": "_why"})
    asked = rows.join(outcomes, on="subject_key", how="left", maintain_order="left")
    measures = _measures(case)
    limits = pl.struct([getattr(p, name).cast(pl.String).alias(name) for name in rule.params]) if rule.params else None
    shown = asked.select(
        "subject", "subject_key", "_looked_at", "_answer", "_alive", "_outcome", "_why",
        pl.struct([told(rows.schema[c], pl.col(c)).alias(c) for c in measures]).alias("measures"),
        (pl.lit(None) if limits is None else limits).alias("limits"),
        _silent(case).alias("silent"),
        _routed(case).alias("route"),
    )  # fmt: skip
    for row in shown.iter_rows(named=True):
        outcome = _outcome(row)
        missing = [name for name, value in row["measures"].items() if value is None]
        yield Answer(
            rule=rule.slug,
            grain=rule.grain,
            subject_key=row["subject_key"],
            subject=row["subject"],
            exception_id=exception_id(rule.slug, row["subject_key"]),
            outcome=outcome,
            why=_why(case, row, outcome),
            measures=row["measures"],
            limits=row["limits"] or {},
            missing=tuple(missing) if outcome == "unknown" else (),
            silent=_in_the_way(case, row) if outcome == "not evaluated" else (),
            route=row["route"] if outcome == "fired" else None,
        )


def _measures(case: Case) -> list[str]:
    """The columns that decide a rule's answer and its severity; where a record landed is none."""
    rule, p = case.rule, case.p
    severity = [] if isinstance(rule.severity, str) else [rule.severity]
    asked = [
        rule.population,
        *(judgement(p) for judgement in (rule.fails, rule.provided, rule.clears, *severity) if judgement),
    ]
    names = {name for expression in asked for name in expression.meta.root_names()}
    return sorted(name for name in names if not name.endswith("__row") and name in case.rows.columns)


def _outcome(row: Mapping[str, Any]) -> str:
    if not row["_looked_at"]:
        return str(row["_outcome"] or NOT_LOOKED_AT)
    if row["_answer"] is None:
        return "unknown" if row["_alive"] else "not evaluated"
    return str(row["_outcome"]) if row["_answer"] else "clean"


def _why(case: Case, row: Mapping[str, Any], outcome: str) -> str | None:
    """The reason beside an outcome, where there is more to say than the measures do."""
    if case.reason and outcome == "not evaluated":
        return case.reason
    if outcome in ("unknown", "not evaluated"):
        stays = ["it was open and stays so"] if row["_outcome"] == "held" else []
        return "; ".join([*_unprovided(case, row, outcome), *stays]) or None
    if outcome == "exempt":
        today = case.world.today
        stated = (
            f"[[exempt]] by {e.who} until {e.until}: {e.why}"
            for e in case.world.settings.exempt
            if e.rule == case.rule.slug
            and e.until >= today
            and pl.select(is_named(pl.lit(row["subject"]), e.subject)).item()
        )
        return next(stated, f"policy leaves it alone ({case.rule.exempt})")
    why: str | None = row["_why"]
    return why


def _unprovided(case: Case, row: Mapping[str, Any], outcome: str) -> list[str]:
    """What the rule needs to be given and is not, where every feed is there."""
    if outcome == "unknown" or row["silent"] or not case.rule.provided:
        return []
    measures = row["measures"]
    names = sorted(set(case.rule.provided(case.p).meta.root_names()))
    return [f"what it needs is not given: {', '.join(f'{name} = {measures.get(name)}' for name in names)}"]


def _silent(case: Case) -> pl.Expr:
    """The feeds that are not alive for a row."""
    silent = []
    for feed in case.feeds:
        column = f"{feed}__alive"
        alive = pl.col(column) if column in case.rows.columns else pl.lit(case.world.alive(feed))
        speaks = alive.fill_null(False) & pl.lit(case.world.configured(feed))
        silent.append(pl.when(~speaks).then(pl.lit(feed)))
    return pl.concat_list(silent).list.drop_nulls()


def _in_the_way(case: Case, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Of the feeds that are not alive, those that what has no value leans on; a dead one before one never there."""
    world, lacking = case.world, [name for name, value in row["measures"].items() if value is None]
    leaned_on = {
        case.grain.feed,
        *case.rule.requires,
        *(feed for name in lacking for feed in case.grain.feeds_of(name)),
    }
    silent = [feed for feed in row["silent"] if feed in leaned_on] or row["silent"]
    dead = [feed for feed in silent if world.configured(feed)] or silent
    states = {feed: world.state(feed) for feed in dead}
    return tuple(f"{feed} is {'not alive here' if state == 'alive' else state}" for feed, state in states.items())


def _routed(case: Case) -> pl.Expr:
    """Which `[[routes]]` entry gives the owner: the first that does so alone, else the rule's own column."""
    settings, columns = case.world.settings, case.rows.columns
    nobody = replace(case.rule, owner=None)
    routes = [
        pl.when(owner_of(settings.model_copy(update={"routes": [route]}), nobody, columns) != "unrouted").then(
            pl.lit(f"routes[{number}]: {_matches(route.model_dump(exclude_defaults=True))}")
        )
        for number, route in enumerate(settings.routes, 1)
    ]
    if case.rule.owner:
        routes.append(pl.when(pl.col(case.rule.owner).is_not_null()).then(pl.lit(f"its own {case.rule.owner}")))
    return pl.coalesce(*routes, pl.lit("no route matches it"))


def _matches(route: Mapping[str, Any]) -> str:
    """What a route matches by, in words."""
    keys = [f"{name} {', '.join(value)}" for name, value in route.items() if name != "owner"]
    return f"{' and '.join(keys) or 'everything'} goes to {route['owner']}"
