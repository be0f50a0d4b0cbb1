"""The one place that runs all rules: every fact row gets one outcome, every exception of before is accounted for.

A null answer is *unknown* when every feed the rule leans on is alive for the row, else *not evaluated*; either way
an exception that was open stays open. population = fired + superseded + exempt + clean + unknown + not_evaluated.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

import polars as pl

from tieout import normalize
from tieout.feeds import FEEDS, NEVER, SCALE
from tieout.rule import SEPARATOR, Grain, Params, Rule, deciding, lineage
from tieout.settings import Settings
from tieout.world import World, product_key

OPEN_STATUSES = ("open", "acknowledged", "in_progress", "waived", "disputed")
CONCEALED = ("full_name", "display_name", "hostname")
"""Fields of records that evidence leaves out: they prove nothing and are personal."""

BEFORE: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "exception_id": pl.String(), "subject": pl.String(), "subject_key": pl.String(),
    "keys": pl.String(), "status": pl.String(), "since_on": pl.Date(), "asset_class": pl.String(),
    "opened_on": pl.Date(),
}  # fmt: skip
"""What a run needs to know of the exceptions at the end of the latest earlier period."""

FINDINGS: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "exception_id": pl.String(), "subject": pl.String(), "subject_key": pl.String(),
    "outcome": pl.String(), "why": pl.String(), "keys": pl.String(), "subject_type": pl.String(),
    "asset_class": pl.String(), "severity": pl.String(), "owner": pl.String(), "process": pl.String(),
    "remedy": pl.String(), "value": pl.Decimal(38, SCALE), "value_kind": pl.String(),
    "amount": pl.Decimal(38, SCALE), "currency": pl.String(), "since_on": pl.Date(), "evidence": pl.String(),
    "sources": pl.List(pl.String),
}  # fmt: skip
"""One row a subject that fired, was overtaken or exempt, or was open before; `sources` has what spoke for it.

`outcome` is fired, superseded or exempt; and for exceptions open before: held (no answer), clean or gone.
"""

RULE_RUNS: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "rule_hash": pl.String(), "params": pl.String(), "population": pl.Int64(),
    "fired": pl.Int64(), "superseded": pl.Int64(), "exempt": pl.Int64(), "clean": pl.Int64(), "unknown": pl.Int64(),
    "not_evaluated": pl.Int64(), "value": pl.Decimal(38, SCALE), "reason": pl.String(),
}  # fmt: skip

EVIDENCE: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "feed": pl.String(), "source": pl.String(), "snapshot_id": pl.String(),
    "landed_row": pl.Int64(), "field": pl.String(), "value": pl.String(),
}  # fmt: skip
"""One row a field of a landed record; without a field, `value` says "no record" or "not alive"."""


QUIET: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "subject_key": pl.String(), "since_on": pl.Date(), "found": pl.Boolean(),
}  # fmt: skip
"""What a rule on events has to look at again: found but exempt, overtaken or switched off, or never judged.

Never judged, `found` is false, is what came while a feed that the answer rests on was not alive. The record may be of
any month, so that the rule would not look at it again by itself once that is over.
"""

_NOTHING_QUIET = pl.DataFrame(schema=QUIET)

INVOLVED: Mapping[str, pl.DataType] = {"exception_id": pl.String(), "person_id": pl.String(), "product": pl.String()}
"""One row a finding that is about a person or a product, beside its subject."""
_PERSON = {
    "asset": "custodian_id",
    "seat": "holder_id",
    "account": "owner_id",
    "person": "person_id",
    "loan": "borrower",
}
_PRODUCT = ("seat", "product", "line", "overlap", "invoice_line")

_SHOWN = {name: FINDINGS[name] for name in ("subject_key", "sources", "evidence")}
"""What evidence adds to a finding."""


def exception_id(rule: str, subject_key: str) -> str:
    """The id of an exception: the same next month, from nothing volatile."""
    canonical = json.dumps([rule, *subject_key.split(SEPARATOR)], ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def rule_hash(rule: Rule, p: Params) -> str:
    """A fingerprint of what a rule asks and by which limits."""
    asked = [str(expression) for expression in rule.expressions(p)]
    definition = [rule.slug, rule.grain, rule.subject_columns, asked, rule.after, rule.requires, p.stated()]
    return hashlib.sha256(json.dumps(definition, default=str, sort_keys=True).encode()).hexdigest()[:16]


Witness = Callable[["Case", pl.DataFrame], None]
"""Is told each rule's case and what it judged, in the order in which the rules are put."""


class Docket:
    """The rules of a period, put to their facts a few at a time; each hears what those put before it found open."""

    def __init__(self, rules: Sequence[Rule], world: World, witness: Witness | None = None) -> None:
        self.rules = {rule.slug: rule for rule in rules if is_on(rule, world.settings)}
        self._witness = witness
        before = open_before(world)
        self._open_before, self._nothing = before.partition_by("rule", as_dict=True), before.clear()
        self._quiet = world.remembered("memory_quiet", QUIET)
        named = [pair for rule in self.rules.values() for pair in rule.goes_after.items()]
        self._goes_first, self._compared_by = {first for first, _ in named}, {first: key for first, key in named if key}
        self._open_now: dict[str, pl.DataFrame] = {}

    def before(self, grains: Container[str]) -> set[str]:
        """The rules on some grains, and all that go before one of them."""
        asked = [slug for slug, rule in self.rules.items() if rule.grain in grains]
        found: set[str] = set()
        while asked:
            found.add(slug := asked.pop())
            asked += [first for first in self.rules[slug].goes_after if first in self.rules and first not in found]
        return found

    def judge(self, world: World, slugs: Collection[str], grains: Mapping[str, Grain]) -> dict[str, pl.DataFrame]:
        """Put some of the rules to their grains, one grain after the other as far as may be.

        Tables `findings`, `involved`, `evidence`, `rule_runs` and `memory_quiet` of these.
        """
        asked = TopologicalSorter({slug: set(self.rules[slug].goes_after) & set(slugs) for slug in slugs})
        asked.prepare()
        ready, put = set(asked.get_ready()), []
        while ready:
            name = min(self.rules[slug].grain for slug in ready)
            grain = grains[name]
            while of_grain := [slug for slug in ready if self.rules[slug].grain == name]:
                slug = min(of_grain)
                put.append(self._put(world, self.rules[slug], grain))
                asked.done(slug)
                ready = ready - {slug} | set(asked.get_ready())
        findings, named, proofs, quiet, runs = zip(*put, strict=True) if put else ((), (), (), (), ())
        return {
            "findings": pl.concat([pl.DataFrame(schema=FINDINGS), *findings]).sort("rule", "subject_key"),
            "involved": pl.concat([pl.DataFrame(schema=INVOLVED), *named]).sort("exception_id"),
            "evidence": pl.concat([pl.DataFrame(schema=EVIDENCE), *proofs]).sort(list(EVIDENCE), nulls_last=True),
            "rule_runs": pl.DataFrame(runs, schema=dict(RULE_RUNS)).sort("rule"),
            "memory_quiet": pl.concat([_NOTHING_QUIET, *quiet]).sort("rule", "subject_key"),
        }

    def _put(
        self, world: World, rule: Rule, grain: Grain
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame, dict[str, Any]]:
        """The findings of one rule, whom they name, their evidence, what stays quiet, how its population divides."""
        opened = self._open_before.get((rule.slug,), self._nothing)
        quiet = self._quiet.filter(pl.col("rule") == rule.slug)
        case = Case(rule, grain, world, opened, self._compared_by.get(rule.slug, ()), quiet)
        judged = case.judge(self._open_now)
        if self._witness:
            self._witness(case, judged)
        if rule.slug in self._goes_first:
            is_open = pl.col("outcome").is_in(["fired", "held"])
            self._open_now[rule.slug] = judged.filter(is_open).select("subject_key", "keys")
        proof, texts = case.prove(judged)
        findings = judged.join(texts, on="subject_key", how="left").select(list(FINDINGS))
        return findings, case.involved(judged), proof, case.quieted(judged), case.count(judged)


def judge_all(rules: Sequence[Rule], grains: Mapping[str, Grain], world: World) -> dict[str, pl.DataFrame]:
    """Put rules to grains that stand: tables `findings`, `rule_runs` and `evidence`."""
    docket = Docket(rules, world)
    return docket.judge(world, docket.rules, grains)


def is_on(rule: Rule, settings: Settings) -> bool:
    """False for a rule the workspace has switched off."""
    table = settings.rules.get(rule.slug)
    return table is None or table.on


def open_before(world: World) -> pl.DataFrame:
    """The exceptions open at the end of the latest earlier period, and those whose acceptance counts no more."""
    before = world.remembered("memory_exceptions", BEFORE)
    accepts = world.decided.filter(pl.col("kind") == "accept").select("exception_id", on=world.local_date(pl.col("at")))
    settled = before.join(accepts, on="exception_id").filter(pl.col("on") >= pl.col("opened_on"))["exception_id"]
    accepted = pl.col("status") == "accepted"
    withdrawn = accepted & ~pl.col("exception_id").is_in(settled.implode())
    return before.filter(pl.col("status").is_in(OPEN_STATUSES) | withdrawn).drop("opened_on")


def _found(findings: pl.DataFrame) -> pl.DataFrame:
    """Findings as rows of `QUIET`."""
    return findings.select(pl.lit(True).alias(name) if name == "found" else pl.col(name) for name in QUIET)


def quiet_while_off(rules: Sequence[Rule], world: World) -> pl.DataFrame:
    """What rules that are switched off had found: `memory_quiet` of these."""
    found = pl.concat([world.remembered("memory_quiet", QUIET), _found(open_before(world))])
    on = [rule.slug for rule in rules if is_on(rule, world.settings)]
    return found.filter(~pl.col("rule").is_in(on))


def switched_off(rules: Sequence[Rule], world: World) -> pl.DataFrame:
    """Findings that let go what a rule opened that has since been switched off or retired."""
    on = [rule.slug for rule in rules if is_on(rule, world.settings)]
    left = open_before(world).filter(~pl.col("rule").is_in(on))
    let_go = left.with_columns(outcome=pl.lit("clean"), why=pl.lit("rule_off")).drop(
        "status", "since_on", "asset_class"
    )
    return pl.concat([pl.DataFrame(schema=FINDINGS), let_go], how="diagonal")


class Case:
    """One rule put to its grain in one period."""

    def __init__(
        self,
        rule: Rule,
        grain: Grain,
        world: World,
        before: pl.DataFrame,
        compared_by: tuple[str, ...] = (),
        quiet: pl.DataFrame = _NOTHING_QUIET,
    ) -> None:
        self.rule, self.grain, self.world, self.before, self.compared_by = rule, grain, world, before, compared_by
        self.quiet = quiet
        self.p = Params(rule, world.settings, grain.frame.columns)
        self.columns, self.feeds = lineage(rule, grain, self.p)
        self.deciding = deciding(rule, grain, self.p)
        self.reason = self._why_not()
        self.answers = self._answer()
        self.fired = self._named(self.answers.lazy().filter(pl.col("_looked_at") & pl.col("_answer")))

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Every fact row with its subject, whether it is looked at, the answer, and whether its feeds are alive."""
        return self._named(self.answers.lazy())

    @cached_property
    def _named_before(self) -> pl.DataFrame:
        """The fact rows of subjects about which an exception was open before; with `subject_key`."""
        before = self.before.lazy().select("subject_key")
        return self.answers.lazy().with_columns(self._key).join(before, on="subject_key", how="semi").collect()

    def _why_not(self) -> str | None:
        """Why the rule cannot be evaluated at all this period; null when it can."""
        world, own = self.world, self.grain.row_feeds
        for feeds in (own, *((feed,) for feed in self.rule.requires)):
            if not any(world.configured(feed) for feed in feeds):
                return f"no source delivers {' or '.join(feeds)}"
        return None if any(world.admitted(feed) for feed in own) else f"{' and '.join(own)} was not accepted"

    def _named(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """Rows with the name of their subject, what they are compared by, and whether policy exempts them; as text."""
        compared_by = [pl.col(c).fill_null("") for c in self.compared_by] or [pl.lit("")]
        subject = [pl.col(c).cast(pl.String) for c in self.rule.subject_columns]
        named = rows.cast({pl.Categorical: pl.String}).with_columns(
            pl.concat_str(subject, separator="/").alias("subject"),
            self._key,
            pl.concat_str(compared_by, separator=SEPARATOR).alias("keys"),
        )
        return named.with_columns(self._exempt().alias("_exempt")).collect()

    @property
    def _key(self) -> pl.Expr:
        """The key of a row's subject, in normal form."""
        columns = (self.grain.keys.get(c, c) for c in self.rule.subject_columns)
        return pl.concat_str([pl.col(c).cast(pl.String) for c in columns], separator=SEPARATOR).alias("subject_key")

    def _recalled(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The fact rows with whether they were found before and not put right since, open or quiet, and since when.

        And whether nobody could judge them yet: `untold`.
        """
        if self.before.is_empty() and self.quiet.is_empty():
            return frame.with_columns(open_since=pl.lit(None, pl.Date), was_open=pl.lit(False), untold=pl.lit(False))
        known = pl.concat([_found(self.before), self.quiet]).unique("subject_key", keep="first")
        found = pl.col("found").fill_null(True)
        recalled = known.select("subject_key", open_since="since_on", was_open=found, untold=~found)
        return (
            frame.with_columns(self._key)
            .join(recalled, on="subject_key", how="left", maintain_order="left")
            .with_columns(pl.col("was_open", "untold").fill_null(False))
        )

    def _answer(self) -> pl.DataFrame:
        """Every fact row, whether it is looked at, the answer, and whether its feeds are alive.

        A rule may do with a category whatever can be done with text, so it is given text.
        """
        rule = self.rule
        asked = {name for expression in rule.answering(self.p) for name in expression.meta.root_names()}
        frame = self.grain.frame.with_columns(
            pl.col(name).cast(pl.String)
            for name, dtype in self.grain.frame.schema.items()
            if name in asked and dtype == pl.Categorical
        )
        frame = self._recalled(frame) if rule.remembers else frame
        looked_at = rule.population
        if rule.event:
            looked_at = looked_at & (pl.col(rule.event) | pl.col("was_open") | pl.col("untold"))
        fails = rule.fails(self.p)
        if rule.clears:
            fails = fails | (pl.col("was_open") & ~rule.clears(self.p))
        if self.reason:
            fails = pl.lit(None, pl.Boolean)
        alive = [
            (pl.col(f"{feed}__alive") if f"{feed}__alive" in frame.columns else pl.lit(self.world.alive(feed)))
            & pl.lit(self.world.configured(feed))
            for feed in self.deciding
        ]
        provided = rule.provided(self.p).fill_null(False) if rule.provided else pl.lit(True)
        return frame.with_columns(
            looked_at.fill_null(True).alias("_looked_at"),
            pl.when(looked_at.is_not_null() & provided).then(fails).alias("_answer"),
            (pl.all_horizontal(alive) & provided & pl.lit(self.reason is None)).alias("_alive"),
        )

    def _exempt(self) -> pl.Expr:
        exemptions = self.world.settings.exempt
        valid = [e for e in exemptions if e.rule == self.rule.slug and e.until >= self.world.today]
        names = [subject for e in valid for subject in e.subject]
        listed = normalize.is_named(pl.col("subject"), names) if names else pl.lit(False)
        return listed | pl.col(self.rule.exempt).fill_null(False) if self.rule.exempt else listed

    def judge(self, open_now: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """What fired, what another rule overtook, what policy exempts, and what became of those open before."""
        parts = [self._described()]
        if not self.before.is_empty():
            parts.append(self._earlier())
        return self._overtaken(pl.concat(parts, how="diagonal"), open_now)

    def _described(self) -> pl.DataFrame:
        """The findings of the rows that fired, with everything an exception carries but its evidence."""
        rule, fired = self.rule, self.fired
        own = self.world.settings.rules.get(rule.slug)
        severity = rule.severity if isinstance(rule.severity, str) else rule.severity(self.p)
        money = {"value": rule.value, "amount": f"{rule.value}_amount", "currency": f"{rule.value}_currency"}
        columns: dict[str, pl.Expr | str | None] = {
            "rule": pl.lit(rule.slug),
            "outcome": pl.when("_exempt").then(pl.lit("exempt")).otherwise(pl.lit("fired")),
            "why": None,
            "subject_type": pl.lit(rule.grain),
            "asset_class": "asset_class" if "asset_class" in fired.columns else None,
            "severity": pl.lit(own.severity if own and own.severity else severity)
            if isinstance(severity, str) or (own and own.severity)
            else severity,
            "owner": owner_of(self.world.settings, rule, fired.columns),
            "process": pl.lit(rule.process),
            "remedy": pl.lit(rule.remedy),
            "value_kind": pl.lit(rule.value_kind),
            "since_on": rule.since,
            **{name: column if rule.value else None for name, column in money.items()},
        }
        ids = [exception_id(rule.slug, key) for key in fired["subject_key"]]
        return fired.select(
            "subject", "subject_key", "keys", pl.Series("exception_id", ids, pl.String),
            *(
                (pl.col(e) if isinstance(e, str) else pl.lit(None) if e is None else e).cast(FINDINGS[name]).alias(name)
                for name, e in columns.items()
            ),
        )  # fmt: skip

    def _earlier(self) -> pl.DataFrame:
        """What became of exceptions that were open before and did not fire now."""
        rest = self.before.join(self.fired, on="subject_key", how="anti")
        tells = "let_go" in self.answers.columns and not self.rule.off_books
        let_go = pl.col("let_go") if tells else pl.lit(None, pl.String)
        now = self._named_before.select(
            "subject_key",
            (pl.col("_looked_at") & pl.col("_answer").is_null()).alias("unanswered"),
            pl.coalesce(let_go, pl.lit("fixed")).alias("why"),
        )
        rows_alive = pl.lit(all(self.world.alive(feed) for feed in self.grain.row_feeds))
        absence_counts = rows_alive if self.grain.gone is None else self.grain.gone
        outcome = (
            pl.when(pl.lit(bool(self.reason)) | pl.col("unanswered")).then(pl.lit("held"))
            .when(pl.col("unanswered").is_not_null()).then(pl.lit("clean"))
            .when(absence_counts & pl.lit(not self.rule.remembers)).then(pl.lit("gone"))
            .otherwise(pl.lit("held"))
        )  # fmt: skip
        return (
            rest.join(now, on="subject_key", how="left", maintain_order="left")
            .with_columns(outcome.alias("outcome"))
            .select(
                "rule", "exception_id", "subject", "subject_key", "keys", "outcome",
                pl.when(pl.col("outcome") == "clean").then("why")
                .when(pl.col("outcome") == "gone").then(pl.lit("subject_gone")).alias("why"),
            )
        )  # fmt: skip

    def _overtaken(self, judged: pl.DataFrame, open_now: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The findings, those marked superseded whose thing has an open exception of a rule that goes first."""
        for first, key in self.rule.goes_after.items():
            if first not in open_now or open_now[first].is_empty() or judged.is_empty():
                continue
            named = pl.concat_str([pl.col(c).fill_null("") for c in key] or [pl.lit("")], separator=SEPARATOR)
            theirs = open_now[first]["keys" if key else "subject_key"].unique()
            overtaken = (
                self.answers.lazy().filter(named.is_in(theirs.implode())).select(self._key).collect().to_series()
                if key
                else theirs
            )
            hit = pl.col("subject_key").is_in(overtaken.implode()) & pl.col("outcome").is_in(["fired", "held"])
            judged = judged.with_columns(
                pl.when(hit).then(pl.lit("superseded")).otherwise("outcome").alias("outcome"),
                pl.when(hit).then(pl.lit(f"superseded by {first}")).otherwise("why").alias("why"),
            )
        return judged

    def quieted(self, judged: pl.DataFrame) -> pl.DataFrame:
        """What the next period has to look at although it is not open: exempt or overtaken now, or not judged yet."""
        if not self.rule.remembers:
            return _NOTHING_QUIET
        found = [_found(judged.filter(pl.col("outcome").is_in(["exempt", "superseded"])))]
        if not self.quiet.is_empty():
            told = self.answers.filter(pl.col("_looked_at") & pl.col("_answer").is_not_null()).select(self._key)
            found.append(self.quiet.join(told, on="subject_key", how="anti"))
        if self.rule.event and self._waits:
            news = pl.col("_looked_at") & pl.col(self.rule.event)
            untold = self.answers.filter(news & pl.col("_answer").is_null() & ~pl.col("_alive")).select(self._key)
            found.append(
                untold.join(self.before, on="subject_key", how="anti").select(
                    pl.lit(self.rule.slug).alias("rule"),
                    "subject_key",
                    since_on=pl.lit(None, pl.Date),
                    found=pl.lit(False),
                )
            )
        return pl.concat(found).unique("subject_key", keep="first") if found[1:] else found[0]

    @property
    def _waits(self) -> bool:
        """True where every feed the answer rests on is there, but one of them is not alive: it may be once more."""
        world = self.world
        return all(map(world.configured, self.deciding)) and not all(map(world.alive, self.deciding))

    def involved(self, judged: pl.DataFrame) -> pl.DataFrame:
        """Whom and which product the findings are about, where the grain tells."""
        person = _PERSON.get(self.rule.grain)
        product = "product" if self.rule.grain in _PRODUCT else None
        if judged.is_empty() or not (person or product):
            return pl.DataFrame(schema=INVOLVED)
        named = {"person_id": person, "product": product}
        told = [
            (pl.col(column).cast(pl.String) if column else pl.lit(None, pl.String)).alias(name)
            for name, column in named.items()
        ]
        parts = [self.fired] if self.before.is_empty() else [self.fired, self._named_before]
        rows = (
            pl.concat(part.select("subject_key", *told) for part in parts)
            .filter(pl.any_horizontal(pl.col(list(named)).is_not_null()))
            .unique("subject_key", keep="first", maintain_order=True)
        )
        return judged.join(rows, on="subject_key").select(list(INVOLVED))

    def prove(self, judged: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The evidence of what fired: a row for each field of each landed record, and the same as one JSON text.

        The JSON has, under `judged`, the fact columns the rule asked for, and for each feed it leans on the landed
        records, "no record" or "not alive". Nothing in it depends on file names or row order.
        """
        fired = judged.filter(pl.col("outcome") == "fired").select("exception_id", "subject_key")
        if fired.is_empty():
            return pl.DataFrame(schema=EVIDENCE), pl.DataFrame(schema=_SHOWN)
        rows = self.fired.join(fired, on="subject_key")
        measures = [c for c in self.columns if not c.endswith("__row")]  # a record's place says nothing of the subject
        asked = pl.struct(told(rows.schema[c], pl.col(c)).alias(c) for c in measures).struct.json_encode()
        parts, proofs = [pl.format('"judged":{}', asked)], [pl.DataFrame(schema=EVIDENCE)]
        for feed in self.feeds:
            if not self.world.configured(feed):
                continue
            proof, records = self._claim(feed, rows)
            rows = rows.join(records, on="exception_id", how="left", maintain_order="left")
            nothing = pl.lit('"no record"' if self.world.alive(feed) else '"not alive"')
            parts.append(pl.format(f'"{feed}":{{}}', pl.coalesce(f"_{feed}_records", nothing)))
            proofs.append(proof)
        text = pl.concat_str(pl.lit("{"), pl.concat_str(parts, separator=","), pl.lit("}"))
        proof = pl.concat(proofs)
        speakers = (
            proof.filter(pl.col("snapshot_id").is_not_null())
            .join(self.world.speakers, on=["feed", "source"])
            .group_by("exception_id")
            .agg(pl.col("speaker").unique().sort().alias("sources"))
        )
        rows = rows.join(speakers, on="exception_id", how="left", maintain_order="left")
        return proof, rows.select("subject_key", "sources", text.alias("evidence"))

    def _claim(self, feed: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What one feed's landed records say of the fired subjects, or which of its sources has none."""
        column = "_id" if feed == self.grain.feed else f"{feed}__row"
        row = pl.col(column) if column in rows.columns else pl.lit(None, pl.UInt32)
        refs = rows.select("exception_id", row.alias("_id"))
        if isinstance(refs.schema["_id"], pl.List):
            refs = refs.explode("_id", empty_as_null=True)
        refs = refs.cast({"_id": pl.UInt32})
        found, shown = landed(self.world, feed, refs)
        listed = pl.struct(shown).struct.json_encode().sort().str.join(",")
        texts = found.group_by("exception_id").agg(
            pl.concat_str(pl.lit("["), listed, pl.lit("]")).alias(f"_{feed}_records")
        )
        where = ["exception_id", "source", "snapshot_id", "landed_row"]
        fields = found.unpivot(shown, index=where, variable_name="field", value_name="value").drop_nulls("value")
        sources = self.world.verdicts.filter(pl.col("feed") == feed).select("source")
        silent = refs.filter(pl.col("_id").is_null()).join(sources, how="cross")
        nothing = silent.with_columns(value=pl.lit("no record" if self.world.alive(feed) else "not alive"))
        proof = pl.concat([fields, nothing.drop("_id")], how="diagonal_relaxed").with_columns(feed=pl.lit(feed))
        return proof.select(pl.col(name).cast(dtype) for name, dtype in EVIDENCE.items()), texts

    def count(self, judged: pl.DataFrame) -> dict[str, Any]:
        """How the population of the rule divides, and what fired is worth."""
        looked_at, unanswered = pl.col("_looked_at"), pl.col("_answer").is_null()
        divides = self.answers.select(
            population=looked_at.sum(),
            clean=(looked_at & ~pl.col("_answer")).sum(),
            unknown=(looked_at & unanswered & pl.col("_alive")).sum(),
            not_evaluated=(looked_at & unanswered & ~pl.col("_alive")).sum(),
        )
        outcomes, values = pl.col("outcome"), pl.col("value").filter(pl.col("outcome") == "fired")
        rows_now = pl.col("subject_key").is_in(self.fired["subject_key"].implode())
        became = judged.select(
            *((rows_now & (outcomes == name)).sum().alias(name) for name in ("fired", "superseded", "exempt")),
            pl.when(values.count() > 0).then(values.sum()).alias("value"),
        )
        return {
            "rule": self.rule.slug,
            "rule_hash": rule_hash(self.rule, self.p),
            "params": json.dumps(self.p.stated(), default=str, sort_keys=True),
            **divides.row(0, named=True),
            **became.row(0, named=True),
            "reason": self.reason,
        }


def landed(world: World, feed: str, refs: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The landed records that some rows name by `_id`, told as text beside the rows' other columns; and the fields."""
    shown = [name for name in FEEDS[feed].schema if name not in CONCEALED]
    rows = world.landed(feed, refs)
    records = rows.select(
        *(name for name in refs.columns if name != "_id"),
        pl.col("_source").cast(pl.String).alias("source"),
        pl.col("_snapshot").cast(pl.String).alias("snapshot_id"),
        pl.col("_row").alias("landed_row"),
        *(told(rows.schema[c], pl.col(c)).alias(c) for c in shown),
    )
    return records, shown


def told(dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """A value as text, the same on every machine; null stays null."""
    if isinstance(dtype, pl.Datetime):
        text = value.dt.to_string("%Y-%m-%dT%H:%M:%SZ")
        return pl.when(value == pl.lit(NEVER)).then(pl.lit("never")).otherwise(text)
    if isinstance(dtype, pl.Decimal):
        return value.cast(pl.String).str.replace(r"\.?0+$", "")
    if isinstance(dtype, pl.List):
        return value.cast(pl.List(pl.String)).list.join(";")
    return value.cast(pl.String)


def owner_of(settings: Settings, rule: Rule, columns: Sequence[str]) -> pl.Expr:
    """Whom the first `[[routes]]` entry names that matches in every key; else the rule's own; else `unrouted`."""
    owner = pl.coalesce(pl.col(rule.owner) if rule.owner else None, pl.lit("unrouted"))
    for route in reversed(settings.routes):
        if (route.rule and rule.slug not in route.rule) or (route.process and rule.process not in route.process):
            continue
        conditions = [
            _says(settings, name, wanted) if name in columns else pl.lit(False)
            for name in ("asset_class", "location", "cost_center", "product")
            if (wanted := getattr(route, name))
        ]
        owner = pl.when(pl.all_horizontal(pl.lit(True), *conditions)).then(pl.lit(route.owner)).otherwise(owner)
    return owner


def _says(settings: Settings, name: str, wanted: Sequence[str]) -> pl.Expr:
    """True where a column has one of some texts, in any case, or names the product, or lies in the place, of one."""

    def form(text: pl.Expr) -> pl.Expr:
        match name:
            case "product":
                return product_key(settings, text)
            case "location":
                return normalize.place(text, settings.location_aliases)
            case _:
                return text.str.to_lowercase()

    texts = pl.DataFrame({name: wanted}, schema={name: pl.String}).select(form(pl.col(name))).to_series()
    here = form(pl.col(name))
    below = [here.str.starts_with(f"{text}/") for text in texts] if name == "location" else []
    return pl.any_horizontal(here.is_in(texts.implode()), *below).fill_null(False)
