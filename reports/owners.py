"""What one owner has to do: the most pressing first, why, by when and what it is worth; then every exception."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from reports import entries, listing
from reports.about import About
from reports.entries import SETTLED, Exceptions
from reports.listing import Listing
from reports.page import day, many, money
from reports.prose import Prose, read
from reports.worth import Worth, worth, worth_by

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")
"""Names that are file names on every system as they are, unless they are RESERVED there or for parts of a page."""
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)|.*\.\d*$", re.IGNORECASE)
COLUMNS = tuple(replace(one, link=f"../{one.link}") if one.link else one for one in entries.COLUMNS)
FIRST = 6
"""Tasks that stand on the first screen."""


@dataclass(frozen=True)
class Task:
    """What one rule asks of the owner: how often, how often overdue, by when first, and what it is worth a kind."""

    prose: Prose
    count: int
    overdue: int
    first_due: date | None
    worth: tuple[Worth, ...]


@dataclass(frozen=True)
class Pack:
    """One owner's page. `rows` are their exceptions, settled ones last; `tasks` the heaviest first.

    `summary` says the same in six lines, for a mail and a workbook.
    """

    owner: str
    file: str
    open: int
    waived: int
    critical: int
    overdue: int
    new: int
    next_due: date | None
    unanswered: int
    worth: tuple[Worth, ...]
    tasks: tuple[Task, ...]
    on_hold: int
    rows: pl.DataFrame
    details: pl.DataFrame
    parts: tuple[Listing, ...]
    summary: tuple[str, ...]

    @property
    def first(self) -> tuple[Task, ...]:
        return self.tasks[:FIRST]

    @property
    def others(self) -> tuple[Task, ...]:
        return self.tasks[FIRST:]


def file_names(owners: Iterable[str]) -> dict[str, str]:
    """A file name without suffix for every owner: the name itself where it is one on every system, else with a mark."""
    listed = sorted(set(owners))
    spelt = Counter(owner.casefold() for owner in listed)
    names = {}
    for owner in listed:
        plain = PLAIN.fullmatch(owner) and not RESERVED.match(owner)
        if plain and (spelt[owner.casefold()] == 1 or owner == owner.lower()):
            names[owner] = owner
        else:
            mark = hashlib.sha256(owner.encode()).hexdigest()[:8]
            names[owner] = f"{re.sub(r'[^a-z0-9]+', '-', owner.lower()).strip('-')[:60] or 'owner'}-{mark}"
    return names


def build(about: About, rules: Mapping[str, str], exceptions: Exceptions) -> tuple[Pack, ...]:
    """The pack of every owner who has an exception in the period, by name."""
    by_owner = exceptions.rows.partition_by("owner", as_dict=True, maintain_order=True)
    owner_of = exceptions.rows.select("owner", key="exception_id")
    told = exceptions.details.join(owner_of, on="key", maintain_order="left").partition_by(
        "owner", as_dict=True, maintain_order=True, include_key=False
    )
    names = file_names(owner for (owner,) in by_owner)
    nothing = exceptions.details.clear()
    return tuple(
        _pack(owner, names[owner], by_owner[owner,], told.get((owner,), nothing), about, rules)
        for owner in sorted(names)
    )


def _pack(
    owner: str,
    file: str,
    rows: pl.DataFrame,
    details: pl.DataFrame,
    about: About,
    rules: Mapping[str, str],
) -> Pack:
    pressing = rows.filter(~pl.col("status").is_in([*SETTLED, "waived"]))
    pack = Pack(
        owner=owner,
        file=file,
        open=pressing.height,
        waived=rows.filter(pl.col("status") == "waived").height,
        critical=pressing.filter(pl.col("severity") == "critical").height,
        overdue=pressing.filter(pl.col("due") == "overdue").height,
        new=pressing.filter(pl.col("since").is_in(["new", "reopened"])).height,
        next_due=_earliest(pressing.filter(pl.col("due") != "overdue")["due_on"]),
        unanswered=pressing["decision"].null_count(),
        worth=worth(pressing),
        tasks=_tasks(pressing, rules),
        on_hold=pressing["hold"].drop_nulls().len(),
        rows=rows,
        details=details,
        parts=_parts(rows, details, about),
        summary=(),
    )
    return replace(pack, summary=_summary(pack, about))


def _summary(pack: Pack, about: About) -> tuple[str, ...]:
    """What must be done, by when, why, and what it is worth, in six lines."""
    worth_of = [
        f"{money(line.value, about.reporting_currency)} {line.kind.replace('_', ' ')}"
        f"{f', {line.unvalued:,} unvalued' if line.unvalued else ''}"
        for line in pack.worth
        if line.added and line.value is not None
    ]
    first = pack.tasks[0] if pack.tasks else None
    next_due = f"the next is due {day(pack.next_due)}" if pack.next_due else "nothing falls due later"
    return (
        f"{many(pack.open, 'exception')} of {about.period} to see to, {pack.new:,} new.",
        f"{pack.overdue:,} overdue, {pack.critical:,} critical; {next_due}.",
        f"Worth: {'; '.join(worth_of) or 'nothing that has a value'}.",
        f"First: {first.prose.do or first.prose.title} ({first.count:,})"
        if first
        else "Nothing is left for you to do.",
        f"Why: {first.prose.matters or first.prose.title}" if first else "Nothing is open.",
        f"{pack.unanswered:,} without your decision; {pack.on_hold:,} on hold: look before you act on those.",
    )


def _tasks(pressing: pl.DataFrame, rules: Mapping[str, str]) -> tuple[Task, ...]:
    """What the owner's exceptions ask for, by rule; the rule with the most risk × money first."""
    by_rule = (
        pressing.group_by("rule")
        .agg(pl.len(), (pl.col("due") == "overdue").sum(), pl.col("due_on").min(), pl.col("risk").sum())
        .sort(-pl.col("risk"), "rule")
    )
    values = worth_by(pressing, "rule")
    return tuple(
        Task(read(rule, rules.get(rule, "")), count, overdue, first_due, values.get(rule, ()))
        for rule, count, overdue, first_due, _ in by_rule.iter_rows()
    )


def _earliest(days: pl.Series) -> date | None:
    return next(iter(days.drop_nulls().sort()), None)


def _parts(rows: pl.DataFrame, details: pl.DataFrame, about: About) -> tuple[Listing, ...]:
    """The owner's exceptions as lists, each no longer than a page carries."""
    slices = [rows.slice(start, listing.LIMIT) for start in range(0, rows.height, listing.LIMIT)]
    return tuple(
        listing.build("exceptions", "Your exceptions", COLUMNS, part, about, details=details, answers=entries.ANSWERS)
        for part in slices
    )
