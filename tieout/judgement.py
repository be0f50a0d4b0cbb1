"""One rule put to its facts: every fact row gets one outcome, every exception of before is accounted for.

A null answer is *unknown* when every feed the rule leans on is alive for the row, else *not evaluated*; either way
an exception that was open stays open. population = fired + superseded + exempt + clean + unknown + not_evaluated.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import polars as pl

from tieout import normalize
from tieout.findings import FINDINGS, INVOLVED, QUIET, as_quiet, exception_id
from tieout.routes import owner_of
from tieout.rule import SEPARATOR, Grain, Params, Rule, deciding, lineage
from tieout.world import World

_PERSON = {
    "asset": "custodian_id",
    "seat": "holder_id",
    "account": "owner_id",
    "person": "person_id",
    "loan": "borrower",
}
_PRODUCT = ("seat", "product", "line", "overlap", "invoice_line")
_NOTHING_QUIET = pl.DataFrame(schema=QUIET)


def rule_hash(rule: Rule, p: Params) -> str:
    """A fingerprint of what a rule asks and by which limits."""
    asked = [str(expression) for expression in rule.expressions(p)]
    definition = [rule.slug, rule.grain, rule.subject_columns, asked, rule.after, rule.requires, p.stated()]
    return hashlib.sha256(json.dumps(definition, default=str, sort_keys=True).encode()).hexdigest()[:16]


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
        known = pl.concat([as_quiet(self.before), self.quiet]).unique("subject_key", keep="first")
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
        found = [as_quiet(judged.filter(pl.col("outcome").is_in(["exempt", "superseded"])))]
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
