"""Judges a delivery: may conclusions be drawn from it, and from what it lacks?

GREEN: complete, absence may be concluded from it. AMBER: what is present counts, absence does not. RED: not used.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

import polars as pl

from tieout.feeds import FEEDS, Feed, Kind, canonical
from tieout.parsing import amount
from tieout.pull import Fetched, Records
from tieout.settings import Settings, Source
from tieout.staging import Staged

Color = Literal["GREEN", "AMBER", "RED"]
_BY_WEIGHT: tuple[Color, ...] = ("RED", "AMBER", "GREEN")
_REPEATED = 0.80  # share of the rows since the earliest repeated one that an event delivery must repeat
_RETAINED, _RETAINED_UNVOUCHED = 0.80, 0.95  # share of keys a state delivery keeps, with and without a control file
_CHURN = 0.05  # share of its keys that a healthy state source may lose in a month
_RETAINED_EVER = 0.70  # what lacks more of them than this leaves is never taken for churn, however long it goes on
_STALE_DAYS = 31  # an extract older than a month shows an earlier period


class Reason(NamedTuple):
    """One thing worth saying about a delivery: the slug of its source exception, and a sentence."""

    slug: str
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """What a delivery is good for, and why: one reason a slug, the gravest first; those of a GREEN one only inform.

    `as_of` is the instant, in UTC, that the source speaks for.
    """

    color: Color
    reasons: tuple[Reason, ...]
    as_of: datetime


@dataclass(frozen=True)
class Profile:
    """What a delivery looked like, for the next one to be held against.

    `keys` has one row a key: `key` (its parts as one text) and `dated` (Datetime in UTC; when an event happened, else
    null). Of a state feed it is the last GREEN delivery; of an event feed `keys` and `rows` are those of all
    accepted ones. `fill` and `columns` are as in Staged, empty if none was GREEN; `joined` is the share of rows that
    named anybody or anything known, null where that could not be told. `months` is how long ago it was, 1 = the month
    before.
    """

    rows: int
    keys: pl.DataFrame
    fill: Mapping[str, float]
    columns: tuple[str, ...]
    joined: float | None = None
    months: int = 1


class _Finding(NamedTuple):
    color: Color
    slug: str
    sentence: str


def profile(rows: pl.DataFrame, feed: Feed, fill: Mapping[str, float], columns: tuple[str, ...]) -> Profile:
    """Describe staged rows of one source."""
    return Profile(rows.height, keys_of(rows, feed), fill, columns)


def keys_of(rows: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    """The keys of staged rows: `key` and `dated`, one row a key (the earliest date), in no order."""
    key = pl.concat_str((pl.col(part).cast(pl.String) for part in feed.key), separator="\x1f")
    return rows.group_by(key.alias("key")).agg(_dated(feed).min().alias("dated"))


def _dated(feed: Feed) -> pl.Expr:
    """When what a row tells happened, as an instant; null for state feeds."""
    if not feed.dated:
        return pl.lit(None, pl.Datetime("us", "UTC"))
    if feed[feed.dated].kind is Kind.DATE:
        return pl.col(feed.dated).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.col(feed.dated)


def judge(
    source: Source,
    settings: Settings,
    as_of: datetime,
    fetched: Fetched,
    records: Records | None = None,
    staged: Staged | None = None,
    before: Profile | None = None,
    joined: float | None = None,
    held: int = 0,
) -> Verdict:
    """Judge one delivery against what its sender declares, the source's bounds and the last GREEN delivery.

    `records` and `staged` are None when nothing came; `before` is None for the first delivery ever, which only
    declared minimums bind. `joined` is the share of rows that name a known person or device, where it can be told;
    `held` is the number of rows of the latest accepted delivery, GREEN or not.
    """
    extracted = fetched.extracted(settings.zone)
    if records is None or staged is None or fetched.outcome in ("failed", "missing"):
        found = list(_nothing_came(source, fetched))
    elif staged.failure:
        found = [_Finding("RED", "schema-drift" if records.failure is None else "incomplete-pull", staged.failure)]
    else:
        delivery = _Delivery(source, as_of, fetched, records, staged, extracted)
        found = [*_completeness(delivery), *_control(delivery), *_quality(delivery), *_age(delivery)]
        if joined is not None:
            found += _joining(delivery, joined, before)
        if held and FEEDS[source.feed].is_state and not staged.used:
            found.append(_Finding("RED", "volume-drop", f"no usable row came, but {held} were there before"))
        elif before is not None:
            history = _state_history if FEEDS[source.feed].is_state else _event_history
            found += [*history(delivery, before), *_drift(delivery, before)]
    found.sort(key=lambda finding: _BY_WEIGHT.index(finding.color))
    sentences: dict[str, list[str]] = {}
    for finding in found:
        sentences.setdefault(finding.slug, []).append(finding.sentence)
    return Verdict(
        color=found[0].color if found else "GREEN",
        reasons=tuple(Reason(slug, "; ".join(said)) for slug, said in sentences.items()),
        as_of=(extracted or as_of).astimezone(UTC),
    )


@dataclass(frozen=True)
class Override:
    """A decision to take a delivery as it is: the slugs of what was wrong with it then, and the decision in words."""

    accepted: frozenset[str]
    said: str

    def counts(self, verdict: Verdict) -> bool:
        """Whether it speaks for a delivery: something is wrong with it, and nothing but what was accepted."""
        return verdict.color != "GREEN" and self.accepted >= {reason.slug for reason in verdict.reasons}


def overridden(verdict: Verdict, override: Override | None) -> Verdict:
    """The verdict under an override that counts: GREEN for AMBER. Nothing lifts a RED one."""
    return replace(verdict, color="GREEN") if override and verdict.color == "AMBER" else verdict


def is_required(source: Source) -> bool:
    """Whether a month without a delivery of this source is a failure."""
    return FEEDS[source.feed].is_state or bool(source.required)


@dataclass(frozen=True)
class _Delivery:
    source: Source
    as_of: datetime
    fetched: Fetched
    records: Records
    staged: Staged
    extracted: datetime | None

    @property
    def feed(self) -> Feed:
        return FEEDS[self.source.feed]


def _nothing_came(source: Source, fetched: Fetched) -> Iterator[_Finding]:
    if fetched.outcome == "missing":
        if is_required(source):
            yield _Finding("RED", "missing-source", fetched.why or "nothing was delivered")
    else:
        yield _Finding("RED", "incomplete-pull", fetched.why or "the pull failed")


def _completeness(delivery: _Delivery) -> Iterator[_Finding]:
    if delivery.fetched.outcome == "partial":
        yield _Finding("AMBER", "incomplete-pull", delivery.fetched.why or "a part of the delivery is missing")
    minimum = delivery.source.bounds.min_rows
    if delivery.staged.used < minimum:
        yield _Finding("AMBER", "volume-drop", f"{delivery.staged.used} rows, but at least {minimum} are declared")


def _control(delivery: _Delivery) -> Iterator[_Finding]:
    """What the sender declares must be what came: rows, and sums of columns over all readable records."""
    control, records = delivery.fetched.control, delivery.records
    if control is None:
        return
    if control.rows is not None and control.rows != records.landed:
        yield _Finding("RED", "control-mismatch", f"{records.landed} rows came, the control file says {control.rows}")
    alike = {canonical(name): name for name in records.columns}
    for named, declared in control.sums.items():
        column = named if named in records.columns else alike.get(canonical(named))
        if column is None:
            yield _Finding("RED", "control-mismatch", f"the control file sums {named!r}, which is not in the file")
            continue
        text = pl.col(column).str.strip_chars()
        total = records.rows.select(amount(text, delivery.source).sum()).item() or Decimal(0)
        if total != declared:
            said = f"{column} sums to {total.normalize():f}, the control file says {declared.normalize():f}"
            yield _Finding("RED", "control-mismatch", said)


def _quality(delivery: _Delivery) -> Iterator[_Finding]:
    staged, bounds = delivery.staged, delivery.source.bounds
    if staged.quarantined:
        share = staged.quarantined / staged.landed
        color: Color = (
            "RED" if share > bounds.red_quarantined else "AMBER" if share > bounds.amber_quarantined else "GREEN"
        )
        said = f"{staged.quarantined} of {staged.landed} rows ({_share(share)}) break the contract and are set aside"
        yield _Finding(color, "quarantined-rows", said)
    key = list(delivery.feed.key)
    sizes = staged.rows.group_by(key).len()
    differing = sizes.filter(pl.col("len") > 1).height
    if differing:
        color = "AMBER" if differing / sizes.height > bounds.max_differing_keys else "GREEN"
        said = f"{differing} of {sizes.height} keys ({', '.join(key)}) have rows that differ"
        yield _Finding(color, "duplicate-keys", said)
    if staged.unmapped:
        values = ", ".join(repr(unmapped.value) for unmapped in staged.unmapped[:3])
        more = f" and {len(staged.unmapped) - 3} more" if len(staged.unmapped) > 3 else ""
        yield _Finding("GREEN", "unmapped-values", f"no asset class, counted as other: {values}{more}")


def _joining(delivery: _Delivery, joined: float, before: Profile | None) -> Iterator[_Finding]:
    """Records that no longer mean anybody who is known: a mapping, or the numbering of the source, has changed.

    The share must fall, and their number too: rows of strangers beside the known ones are no such change.
    """
    bounds, rows = delivery.source.bounds, delivery.staged.used
    said = f"only {_share(joined)} of the rows that name a person or a device name a known one"
    if joined < bounds.min_join:
        yield _Finding("AMBER", "schema-drift", f"{said}; at least {_share(bounds.min_join)} must")
    elif delivery.feed.is_state and before and before.joined is not None and before.rows >= bounds.rows_from:
        share_fell = round(before.joined - joined, 6) > bounds.max_join_drop
        if share_fell and joined * rows < _of(1 - bounds.max_join_drop, before.rows) * before.joined:
            yield _Finding("AMBER", "schema-drift", f"{said}, {_share(before.joined)} before")


def _age(delivery: _Delivery) -> Iterator[_Finding]:
    """An extract long before or after the period's end shows another time; so does one without recent rows."""
    as_of, extracted, bounds = delivery.as_of, delivery.extracted, delivery.source.bounds
    if extracted and extracted - as_of > timedelta(days=bounds.max_extract_days):
        said = f"extracted {(extracted - as_of).days} days after the end of the period"
        yield _Finding("AMBER", "stale-source", said)
    if extracted and as_of - extracted > timedelta(days=_STALE_DAYS):
        said = f"extracted {(as_of - extracted).days} days before the end of the period"
        yield _Finding("AMBER", "stale-source", said)
    newest = _newest(delivery)
    if bounds.max_age_days is not None and newest and as_of - newest > timedelta(days=bounds.max_age_days):
        yield _Finding("AMBER", "stale-source", f"the newest row is {(as_of - newest).days} days old")


def _newest(delivery: _Delivery) -> datetime | None:
    """The latest instant up to as_of that any row speaks of."""
    feed, rows = delivery.feed, delivery.staged.rows
    instants = [pl.col(column.name) for column in feed.columns if column.kind in (Kind.INSTANT, Kind.USED)]
    told = (at.filter(at <= delivery.as_of).max() for at in (*instants, _dated(feed)))
    latest: datetime | None = rows.select(pl.max_horizontal(told)).item()
    return latest


def _state_history(delivery: _Delivery, before: Profile) -> Iterator[_Finding]:
    """A state delivery is the whole of its source: it may neither shrink, grow nor change beyond the bounds."""
    bounds, keys = delivery.source.bounds, keys_of(delivery.staged.rows, delivery.feed)
    counts = (("rows", delivery.staged.used, before.rows), ("keys", keys.height, before.keys.height))
    for what, now, then in counts:
        lost = then - now
        shrunk = lost > _of(bounds.max_drop, then) and then >= bounds.rows_from
        if bounds.max_drop_rows is not None:
            shrunk = lost > bounds.max_drop_rows
        if shrunk:
            yield _Finding("AMBER", "volume-drop", f"{now} {what}, but {then} before")
        elif then and -lost > _of(bounds.max_rise, then):
            yield _Finding("AMBER", "volume-spike", f"{now} {what}, but {then} before")
    least = _least_retained(delivery, before)
    kept = before.keys.join(keys, on="key", how="semi").height
    if kept < _of(least, before.keys.height):
        when = "the last GREEN delivery" if before.months == 1 else f"the GREEN delivery {before.months} months ago"
        said = f"{kept} of the {before.keys.height} keys of {when} are still there"
        yield _Finding("AMBER", "incomplete-pull", f"{said}; at least {_share(least)} must be")
    shed = set(before.columns) - set(delivery.staged.columns)
    for name, was in before.fill.items():
        share = delivery.staged.fill.get(name, 0.0)
        judged = name in delivery.feed.required or (shed and not share)
        if judged and was - share > bounds.max_fill_drop:
            yield _Finding(
                "AMBER", "schema-drift", f"{name} is filled in {_share(share)} of the rows, {_share(was)} before"
            )


def _least_retained(delivery: _Delivery, before: Profile) -> float:
    """The share of the keys of the last GREEN delivery that must still be there.

    Deliveries that were not GREEN set no measure, so that healthy churn adds up until one is: the bound widens by what
    a month may lose for every further month. Else a source that tripped once could never be GREEN again by itself. A
    delivery that lacks three in ten of the keys or more stays AMBER all the same, as often as it comes.
    """
    least = delivery.source.bounds.min_retained
    if least is None:
        least = _RETAINED if delivery.fetched.control else _RETAINED_UNVOUCHED
    widened = least * (1 - _CHURN) ** (before.months - 1)
    return max(widened, min(least, _RETAINED_EVER))


def _event_history(delivery: _Delivery, before: Profile) -> Iterator[_Finding]:
    """An event delivery that goes back in time must go back whole."""
    keys = keys_of(delivery.staged.rows, delivery.feed)
    repeated = before.keys.join(keys, on="key", how="semi")
    if repeated.is_empty():
        return
    expected = before.keys.filter(pl.col("dated") >= repeated["dated"].min())
    if repeated.height < _of(_REPEATED, expected.height):
        said = f"it repeats {repeated.height} of the {expected.height} rows known since the earliest that it repeats"
        yield _Finding("AMBER", "incomplete-pull", f"{said}; at least {_share(_REPEATED)} must be")


def _drift(delivery: _Delivery, before: Profile) -> Iterator[_Finding]:
    """Columns that came or went: reported, and kept. A delivery without any told nothing of them."""
    if not (before.columns and delivery.staged.columns):
        return
    for words, names in (
        ("new columns", set(delivery.staged.columns) - set(before.columns)),
        ("columns are gone", set(before.columns) - set(delivery.staged.columns)),
    ):
        if names:
            yield _Finding("GREEN", "schema-drift", f"{words}: {', '.join(map(repr, sorted(names)))}")


def _of(share: float, count: int) -> float:
    """A share of a count, without the noise that would tip a comparison at the bound itself."""
    return round(share * count, 6)


def _share(share: float) -> str:
    return f"{share:.1%}".replace(".0%", "%")
