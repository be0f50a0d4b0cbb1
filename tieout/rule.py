"""What a rule is: an exception of the catalogue as data and a few expressions over the rows of one fact table.

A rule judges the rows of one grain (a fact table with one row a subject) with Polars expressions. Answers are
three-valued: true fires, false is clean, null is *unknown* when every feed the rule leans on is alive for that row
and *not evaluated* otherwise. Lineage comes from the facts: each column says which feeds it leans on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tieout.normalize import folded
from tieout.settings import Product, Settings

SEPARATOR = "\x1f"
"""Stands between the parts of a subject key; it cannot occur in a trimmed identifier."""


def parts_of_key(*columns: str) -> list[pl.Expr]:
    """The parts of `subject_key`, under the names of the columns that they came from."""
    parts = pl.col("subject_key").str.split_exact(SEPARATOR, len(columns) - 1).struct
    return [parts.field(f"field_{number}").alias(column) for number, column in enumerate(columns)]


class Params:
    """The limits of one rule as expressions: a literal, or mapped over asset class or product by policy.

    The most specific wins: product, asset class, `[rules.<slug>]`, `[policy]`, the rule's own default.
    """

    def __init__(self, rule: "Rule", settings: Settings, columns: Sequence[str]) -> None:
        self._rule, self._settings, self._columns = rule, settings, columns

    def value(self, name: str) -> Any:
        """The limit where neither asset class nor product says otherwise."""
        slugs = [slug for slug in (self._rule.slug, self._rule.limits_of) if slug]
        return self._settings.limit(slugs, name, self._rule.params[name])

    def by_class(self, name: str) -> dict[str, Any]:
        """The limit of each asset class that has one of its own."""
        base = self.value(name)
        tables = {c: table.model_dump() for c, table in self._settings.policy.classes.items()}
        own = {c: table[name] for c, table in tables.items() if table.get(name) is not None}
        return (dict(base) if isinstance(base, Mapping) else {}) | own

    def by_product(self, name: str) -> dict[str, Any]:
        """The limit of each product, in normal form, that has one of its own."""
        if name not in Product.model_fields:
            return {}
        own = {product: getattr(table, name) for product, table in self._settings.products.items()}
        limits = {product: limit for product, limit in own.items() if limit is not None}
        form = folded(limits)
        return {form[product]: limit for product, limit in limits.items()}

    def stated(self) -> dict[str, Any]:
        """Every limit in force, for the record: one value, or one a class or product beside the general one."""
        limits = {}
        for name in self._rule.params:
            base, special = self.value(name), self.by_class(name) | self.by_product(name)
            general = {} if isinstance(base, Mapping) else {"otherwise": base}
            limits[name] = special | general if special else base
        return limits

    def __getattr__(self, name: str) -> pl.Expr:
        if name.startswith("_") or name not in self._rule.params:
            raise AttributeError(f"rule {self._rule.slug!r} declares no limit {name!r}")
        base = self.value(name)
        limit = pl.lit(None if isinstance(base, Mapping) else base)
        for column, own in (("asset_class", self.by_class(name)), ("product_key", self.by_product(name))):
            if own and column in self._columns:
                limit = pl.coalesce(pl.col(column).replace_strict(own, default=None), limit)
        return limit


Judgement = Callable[[Params], pl.Expr]


@dataclass(frozen=True)
class Rule:
    """One exception of the catalogue: who is looked at, when it fires, and what follows from it.

    `population` uses columns of the grain's own feed only. `limits_of` names a rule whose stated limits hold here as
    well. Where `provided` does not hold the row is not evaluated.
    `clears` keeps an exception open until it holds. `event` names the column that is true for records of this
    period, for rules that look at those only. `after` lists rules that go first, on the subject or on the named key
    columns. `requires` lists feeds without which the rule is not evaluated. `off_books` says that it looks at what has
    left the books, so that to have left them settles nothing. `exempt` names a column that is true
    where policy leaves the subject alone. `value` names a column of money; its amount and currency stand beside it
    as `<value>_amount` and `<value>_currency`. `since` is when the defect arose. `shows` adds columns to the
    evidence. `fires` and `quiet` list what differs from a healthy row of the grain.
    """

    slug: str
    grain: str
    subject: str | tuple[str, ...]
    process: str
    severity: str | Judgement
    remedy: str
    population: pl.Expr
    fails: Judgement
    params: Mapping[str, Any] = field(default_factory=dict)
    limits_of: str | None = None
    provided: Judgement | None = None
    clears: Judgement | None = None
    event: str | None = None
    after: tuple[str | tuple[str, tuple[str, ...]], ...] = ()
    requires: tuple[str, ...] = ()
    off_books: bool = False
    exempt: str | None = None
    owner: str | None = None
    value: str | None = None
    value_kind: str | None = None
    since: str | None = None
    shows: tuple[str, ...] = ()
    fires: tuple[Mapping[str, Any], ...] = ()
    quiet: tuple[Mapping[str, Any], ...] = ()
    doc: str = ""

    @property
    def subject_columns(self) -> tuple[str, ...]:
        return (self.subject,) if isinstance(self.subject, str) else self.subject

    @property
    def goes_after(self) -> dict[str, tuple[str, ...]]:
        """Slug of each rule that goes first → the key columns it is compared by (empty: the subject)."""
        return dict((entry, ()) if isinstance(entry, str) else entry for entry in self.after)

    @property
    def remembers(self) -> bool:
        """True when an open exception stays so until something clears it, even if its record is no longer there."""
        return bool(self.clears or self.event)

    def answering(self, p: Params) -> Iterator[pl.Expr]:
        """What decides whether a fact row is looked at, and fires."""
        yield self.population
        yield self.fails(p)
        for judgement in (self.provided, self.clears):
            if judgement:
                yield judgement(p)
        if self.event:
            yield pl.col(self.event)

    def expressions(self, p: Params) -> Iterator[pl.Expr]:
        """Everything the rule asks of a fact row."""
        yield from self.answering(p)
        if not isinstance(self.severity, str):
            yield self.severity(p)
        for column in (self.owner, self.value, self.since, self.exempt, *self.shows):
            if column:
                yield pl.col(column)


@dataclass(frozen=True)
class Grain:
    """A fact table: one row a subject of one feed, with what other feeds say of it in columns `<feed>__<field>`.

    For a joined feed, `<feed>__row` is the landed row (null = no record) and `<feed>__alive` whether absence may be
    concluded for that row. `leans` names the feeds of columns whose name does not tell; `keys` the normal form of
    subject columns; `also` further feeds whose records make rows. `gone` tells of an earlier exception, by its
    `subject_key` and `asset_class`, whether the absence of its row counts, where each source speaks for some kinds.
    A text column `let_go` tells why an exception ends that no longer applies, where it was not simply fixed.
    """

    name: str
    feed: str
    frame: pl.DataFrame
    leans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    gone: pl.Expr | None = None

    @property
    def row_feeds(self) -> tuple[str, ...]:
        """The feeds whose records make rows of the grain."""
        return (self.feed, *self.also)

    def feeds_of(self, column: str) -> tuple[str, ...]:
        """The feeds a column's value rests on."""
        if column in self.leans:
            return self.leans[column]
        return (column.split("__")[0],) if "__" in column else (self.feed,)


OPEN_BEFORE = ("was_open", "open_since", "untold")
"""Columns a rule may ask about what it had found by the end of the earlier period, open or quiet, or never judged."""


def lineage(rule: Rule, grain: Grain, p: Params) -> tuple[list[str], list[str]]:
    """The columns a rule asks for and the feeds it leans on; an unknown column is an error."""
    columns = _asked(rule.expressions(p))
    unknown = [name for name in (*columns, *rule.subject_columns) if name not in grain.frame.columns]
    if unknown:
        raise ValueError(f"rule {rule.slug!r} asks for {unknown[0]!r}, which the grain {grain.name!r} does not have")
    return columns, _feeds(rule, grain, columns)


def deciding(rule: Rule, grain: Grain, p: Params) -> list[str]:
    """The feeds that the rule's answer rests on; what its value, owner or evidence needs is not among them."""
    return _feeds(rule, grain, _asked(rule.answering(p)))


def _asked(expressions: Iterable[pl.Expr]) -> list[str]:
    return sorted({name for expr in expressions for name in expr.meta.root_names()} - set(OPEN_BEFORE))


def _feeds(rule: Rule, grain: Grain, columns: Sequence[str]) -> list[str]:
    return sorted({grain.feed, *rule.requires, *(feed for column in columns for feed in grain.feeds_of(column))})


# -- words for rule files: three-valued, so that a dead feed never turns into a clean answer ------------------------


def graded(*steps: tuple[str, pl.Expr], otherwise: str) -> pl.Expr:
    """The first severity whose condition is certainly true."""
    grade = pl.lit(otherwise)
    for severity, condition in reversed(steps):
        grade = pl.when(condition.fill_null(False)).then(pl.lit(severity)).otherwise(grade)
    return grade


def within(days: str, limit: pl.Expr, certain: str) -> pl.Expr:
    """True where something was seen in the last `limit` days; false only where its absence is certain, else null."""
    seen = (pl.col(days) <= limit).fill_null(False)
    return pl.when(seen).then(pl.lit(True)).when(pl.col(certain)).then(pl.lit(False))


def longer(days: str, limit: pl.Expr, at_least: str) -> pl.Expr:
    """True where it lasted more than `limit` days; where its start is not told, true once it was seen for so long."""
    seen_so_long = (
        pl.when(pl.col(days).is_not_null()).then(pl.lit(False)).when(pl.col(at_least) > limit).then(pl.lit(True))
    )
    return (pl.col(days) > limit) | seen_so_long


def recent(column: str, days: str, limit: pl.Expr) -> pl.Expr:
    """What was told in the last `limit` days; null where nothing was."""
    return pl.when(pl.col(days) <= limit).then(pl.col(column))


def later(on: str, cut: pl.Expr, certain: str) -> pl.Expr:
    """True where something was seen after the day `cut`; false only where its absence is certain, else null."""
    seen = (pl.col(on) > cut).fill_null(False)
    return pl.when(seen).then(pl.lit(True)).when(pl.col(certain)).then(pl.lit(False))


def certainly(certain: str) -> pl.Expr:
    """True where something may be concluded from absence, else null: an answer that needs it is then not given."""
    return pl.when(pl.col(certain)).then(pl.lit(True))


def absent(feed: str) -> pl.Expr:
    """True where an alive feed has no record of the subject, false where it has one, null where it is not alive."""
    known = pl.col(f"{feed}__row").is_not_null()
    return pl.when(known).then(pl.lit(False)).when(pl.col(f"{feed}__alive")).then(pl.lit(True))
