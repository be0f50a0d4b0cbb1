"""What one period has to work with: the staged feeds, how much each may be trusted, and what was remembered.

Everything later is a pure function of this. Rows of events after as_of are cut here, and one key becomes one row
here, so that no join downstream can multiply rows.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import takewhile

import polars as pl

from tieout import decisions, normalize
from tieout.feeds import FEEDS, Feed, Kind
from tieout.once import once
from tieout.settings import Settings

BOOKKEEPING: Mapping[str, pl.DataType] = {
    "_source": pl.String(),
    "_snapshot": pl.String(),
    "_row": pl.Int64(),
    "_period": pl.String(),
}
"""Columns every staged row carries beside its feed's own: where it landed."""
_WHENCE = ("_period", "_source", "_snapshot")
_FEW = {"seats": ("product", "plan", "status")}
"""Text of the largest feeds whose values repeat: as categories it takes a quarter of the memory."""


@dataclass(frozen=True)
class World:
    """A period, its instant and everything delivered for it.

    `feeds` holds staged rows of accepted snapshots: of this period for state feeds, of every period up to this one
    for event feeds. `sources` holds one row a source and period up to this one, with its verdict. `memory` is what
    the latest earlier period kept for this one, by table name; empty in the first period. `decisions` is the whole log,
    later entries included.
    """

    period: str
    as_of: datetime
    settings: Settings
    feeds: Mapping[str, pl.DataFrame]
    sources: pl.DataFrame
    memory: Mapping[str, pl.DataFrame]
    decisions: pl.DataFrame = field(default_factory=lambda: decisions.as_frame([]))

    @cached_property
    def today(self) -> date:
        """The local date of as_of, which ages count back from."""
        return self.as_of.astimezone(self.settings.zone).date()

    @cached_property
    def decided(self) -> pl.DataFrame:
        """The decisions that count at as_of, oldest first."""
        return decisions.in_force(self.decisions, self.as_of)

    def local_date(self, instant: pl.Expr) -> pl.Expr:
        """The local date of an instant."""
        return instant.dt.convert_time_zone(self.settings.timezone).dt.date()

    def days_since(self, when: str | pl.Expr, *, instant: bool = False) -> pl.Expr:
        """Whole days from a local date (or an instant's local date) to as_of's; negative when it lies ahead."""
        column = pl.col(when) if isinstance(when, str) else when
        return (pl.lit(self.today) - (self.local_date(column) if instant else column)).dt.total_days()

    def in_period(self, when: pl.Expr, *, instant: bool = False) -> pl.Expr:
        """True where a date (or an instant's local date) lies in this period."""
        return (self.local_date(when) if instant else when).dt.strftime("%Y-%m") == self.period

    def fresh(self, when: pl.Expr, *needs: str) -> pl.Expr:
        """True for event rows whose local date lies in this period, or that were first delivered in it.

        In the first period only the date counts: a whole history delivered then is no news. Rows of the periods right
        before count too, as long as a feed they are held against was not alive: nothing was told of them yet.
        """
        periods = [self.period, *self._silent_before(needs)]
        first_period = self.sources["period"].min()
        news = pl.col("_first_period").is_in(periods) & (pl.col("_first_period") != pl.lit(first_period))
        return when.dt.strftime("%Y-%m").is_in(periods) | news

    def _silent_before(self, feeds: Collection[str]) -> list[str]:
        """The periods right before this one in which one of some feeds was not alive, as they stood then."""
        asked = self.sources.filter(pl.col("feed").is_in(feeds) & (pl.col("period") < self.period))
        told = asked.group_by("period").agg(pl.col("feed").unique().sort()).sort("period", descending=True)
        silent = takewhile(
            lambda row: not all(self._alive_in(FEEDS[feed], row[0]) for feed in row[1]), told.iter_rows()
        )
        return [period for period, _ in silent]

    def remembered(self, table: str, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """A memory table, empty where there is none; a column that an earlier version did not keep is null."""
        frame = self.memory.get(table, pl.DataFrame(schema=dict(schema)))
        unkept = [pl.lit(None).alias(name) for name in schema if name not in frame.columns]
        return frame.with_columns(unkept).select(pl.col(name).cast(kind) for name, kind in schema.items())

    # -- trust -----------------------------------------------------------------------------------------------------

    @cached_property
    def verdicts(self) -> pl.DataFrame:
        """One row a source of this period: feed, source, verdict."""
        return self.sources.filter(pl.col("period") == self.period).select("feed", "source", "verdict").unique()

    @cached_property
    def speakers(self) -> pl.DataFrame:
        """Every source that ever spoke, as it is read now or was last: feed, source, `speaker` naming it and that."""
        reading = pl.col("reading").fill_null("") if "reading" in self.sources.columns else pl.lit("")
        return (
            self.sources.sort("period")
            .unique(["feed", "source"], keep="last", maintain_order=True)
            .select("feed", "source", "period", pl.format("{}/{} {}", "feed", "source", reading).alias("speaker"))
        )

    def configured(self, feed: str) -> bool:
        """True when the workspace has, or ever had, a source of the feed."""
        return feed in self._trust

    def alive(self, feed: str) -> bool:
        """True when absence may be concluded from the feed, or when nobody ever delivered it and it claims nothing."""
        return self._trust.get(feed, True)

    def state(self, feed: str) -> str:
        """One word for people: `alive`, `not alive` or `not configured`."""
        if not self.configured(feed):
            return "not configured"
        return "alive" if self.alive(feed) else "not alive"

    def spoken_at(self, *feeds: str) -> tuple[datetime, datetime]:
        """The first and the last instant this period's deliveries of some feeds speak for; as_of where none says."""
        now = self.sources.filter((pl.col("period") == self.period) & pl.col("feed").is_in(feeds))
        told = now["as_of"].drop_nulls().to_list() if "as_of" in now.columns else []
        instants = [min(instant, self.as_of) for instant in told] or [self.as_of]
        return min(instants), max(instants)

    def alive_for(self, feed: str, kind: pl.Expr, coverage: pl.DataFrame) -> pl.Expr:
        """Per row: whether absence may be concluded for the row's `kind`: its asset class or product in normal form.

        With several sources of one feed only those count that ever showed the kind or declare to cover it, and all
        of them when none did. `coverage` lists feed, source and kind; kind null means it may show any.
        """
        sources = self.verdicts.filter(pl.col("feed") == feed)
        green = sources.filter(pl.col("verdict") == "GREEN")["source"]
        if sources.height < 2:
            return pl.lit(self.alive(feed))
        covers = coverage.filter((pl.col("feed") == feed) & pl.col("source").is_in(sources["source"].implode()))
        down = covers.filter(~pl.col("source").is_in(green.implode()))
        if down["kind"].has_nulls():
            return pl.lit(False)
        kinds = covers["kind"].drop_nulls().unique()
        down_kinds = down["kind"].unique()
        return (
            pl.when(kind.is_in(kinds.implode()))
            .then(~kind.is_in(down_kinds.implode()))
            .otherwise(pl.lit(self.alive(feed)))
        )

    def admitted(self, feed: str) -> bool:
        """False when every source of the feed is RED: it makes no claim at all this period."""
        now = self.verdicts.filter(pl.col("feed") == feed)
        return now.is_empty() or bool((now["verdict"] != "RED").any())

    @cached_property
    def _trust(self) -> dict[str, bool]:
        names = self.sources["feed"].unique().sort().to_list()
        return {name: self._alive_in(FEEDS[name], self.period) for name in names}

    def _alive_in(self, feed: Feed, period: str) -> bool:
        """Whether a feed was alive in a period, by what had been delivered then."""
        verdicts = self.sources.filter((pl.col("feed") == feed.name) & (pl.col("period") <= period))
        if not feed.is_state:
            return self._unhealed(feed, verdicts).is_empty()
        now = verdicts.filter(pl.col("period") == period)
        return not now.is_empty() and bool((now["verdict"] == "GREEN").all())

    def _unhealed(self, feed: Feed, verdicts: pl.DataFrame) -> pl.DataFrame:
        """Bad deliveries of an event feed whose span no later good delivery of the source brought again."""
        bad = verdicts.filter(pl.col("verdict") != "GREEN").select("source", "period")
        if bad.is_empty():
            return bad
        good = verdicts.filter(pl.col("verdict") == "GREEN").select("source", pl.col("period").alias("_period"))
        dated = pl.col(feed.dated or "")
        day = dated if feed[feed.dated or ""].kind is Kind.DATE else self.local_date(dated)
        reach = (
            self.feeds[feed.name]
            .group_by(pl.col("_source").alias("source"), "_period")
            .agg(day.min().dt.strftime("%Y-%m").alias("reaches"))
            .join(good, on=["source", "_period"])
        )
        healed = bad.join(reach, on="source").filter(
            (pl.col("_period") > pl.col("period")) & (pl.col("reaches") <= pl.col("period"))
        )
        return bad.join(healed, on=["source", "period"], how="anti")

    # -- rows ------------------------------------------------------------------------------------------------------

    def delivered(self, name: str) -> pl.DataFrame:
        """A feed's rows as they count at as_of, repeated keys included, with `_id` naming the row."""
        rows, repeated = self._counted(name)
        if repeated.is_empty():
            return rows.drop("_differing")
        single = rows.lazy().filter(pl.col("_differing").is_null()).drop("_differing")
        return pl.concat([single, repeated.lazy()]).sort("_id").collect()

    def landed(self, name: str, refs: pl.DataFrame) -> pl.DataFrame:
        """The delivered rows that some rows name by `_id`, beside the columns of these."""
        rows, repeated = self._counted(name)
        single = refs.join(rows, on="_id").filter(pl.col("_differing").is_null()).drop("_differing")
        return pl.concat([single, refs.join(repeated, on="_id")])

    def rows(self, name: str) -> pl.DataFrame:
        """One row a key: agreeing fields keep their value, differing ones are null and listed in `_differing`.

        In the order in which they landed; seats by product and seat_id.
        Endpoints keep one row a source and id, because two management systems number their devices on their own.
        """
        return self._counted(name)[0]

    @once
    def _counted(self, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """One row a key, and the delivered rows of the keys that several have: what neither says twice."""
        feed, frame = FEEDS[name], self._as_of(name)
        key = [self._normal_key(feed, name).alias(f"_key_{name}") for name in feed.key]
        names = [f"_key_{name}" for name in feed.key] + (["_source"] if feed.name == "endpoints" else [])
        repeated = frame.select(*key, *names[len(key) :]).select(pl.struct(names).hash().is_duplicated()).to_series()
        frame = frame.with_columns(pl.lit(None, pl.List(pl.String)).alias("_differing"))
        order = key if name == "seats" else [pl.col("_id")]
        if not repeated.any():
            return frame.sort(order) if name == "seats" else frame, frame.clear().drop("_differing")
        several = frame.filter(repeated)
        identity = [*feed.key, "_id", "_first_period", *BOOKKEEPING]
        fields = [name for name in frame.columns if name not in (*identity, *names, "_differing")]
        one = {name: pl.col(name).min() if name in feed.key else pl.col(name).first() for name in identity}
        values = {name: pl.col(name).drop_nulls() for name in fields}
        differs = [pl.when(v.n_unique() > 1).then(pl.lit(name)) for name, v in values.items()]
        merged = (
            several.with_columns(*key)
            .group_by(names, maintain_order=True)
            .agg(
                *(one[name] for name in identity if name in frame.columns and name not in names),
                *(pl.when(v.n_unique() == 1).then(v.first()).alias(name) for name, v in values.items()),
                pl.concat_list(differs).list.drop_nulls().alias("_differing"),
            )
        )
        single = frame.lazy().filter(~repeated)
        rows = pl.concat([single, merged.lazy().select(frame.columns)]).sort(order).collect()
        return rows, several.drop("_differing")

    def _as_of(self, name: str) -> pl.DataFrame:
        """A feed's rows as they count at as_of, in the order in which `_id` numbers them."""
        feed, frame = FEEDS[name], self.feeds[name]
        if feed.dated:
            kind = feed[feed.dated].kind
            frame = (
                frame.with_columns(
                    pl.col("_period").min().over(list(feed.key)).alias("_first_period"),
                    pl.col("_period").max().over(list(feed.key)).alias("_last_period"),
                )
                .filter(pl.col("_period") == pl.col("_last_period"))  # what it replaces counts no more, cut or not
                .filter(pl.col(feed.dated) <= (pl.lit(self.today) if kind is Kind.DATE else pl.lit(self.as_of)))
                .drop("_last_period")
            )
        completions = [c.name for c in feed.columns if c.completes]
        if feed.name == "tickets":  # closed after as_of is open at as_of
            reopened = pl.when(pl.col("closed_at") > pl.lit(self.as_of)).then(pl.lit("open"))
            frame = frame.with_columns(pl.coalesce(reopened, "status").alias("status"))
        frame = frame.with_columns(
            pl.when(pl.col(name) <= pl.lit(self.as_of)).then(pl.col(name)).alias(name) for name in completions
        )
        few = pl.col(*_WHENCE, *_FEW.get(name, ())).cast(pl.Categorical)
        return _in_order(frame.with_columns(few)).with_row_index("_id")

    def _normal_key(self, feed: Feed, name: str) -> pl.Expr:
        column = pl.col(name)
        if name in ("asset_tag", "sku", "bin"):
            return normalize.code(column)
        if name == "location":
            return normalize.place(column, self.settings.location_aliases)
        if name == "product":
            return product_key(self.settings, column)
        return column


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Landed rows by where they landed, as they mostly come: finding that out takes a fraction of sorting them."""
    if rows.height < 2:
        return rows
    begins = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in _WHENCE)
    deliveries = rows.lazy().filter(begins).select(_WHENCE).collect()
    rises = rows.lazy().select((begins | (pl.col("_row") > pl.col("_row").shift())).all()).collect().item()
    if rises and deliveries.equals(deliveries.unique().sort(_WHENCE)):
        return rows
    return rows.sort(*_WHENCE, "_row")


def product_key(settings: Settings, text: pl.Expr) -> pl.Expr:
    """A product in normal form: its name where the workspace lists an alias, else its folded text; as a category."""
    aliases = {alias: name for name, product in settings.products.items() for alias in product.aliases}
    return normalize.aliased(text, aliases)


def filled(column: str) -> pl.Expr:
    """True where a row of `World.rows` tells a column, be it differently in rows of one key, which makes it null."""
    return pl.col(column).is_not_null() | told_twice(column)


def told_twice(column: str) -> pl.Expr:
    """True where the rows of one key tell a column differently, so that nobody knows which of them is right."""
    return pl.col("_differing").list.contains(column).fill_null(False)
