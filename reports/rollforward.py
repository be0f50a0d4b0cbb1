"""How the list of open exceptions went from one period's end to the next: every step counted, every row named.

opening + new + reopened + waiver expired - resolved - waived = closing. Waived exceptions are shown with the list but
are not counted as open.
"""

from dataclasses import dataclass

import polars as pl

from reports.tables import Tables, of_period, tie
from tieout.findings import OPEN_STATUSES

COUNTED = tuple(status for status in OPEN_STATUSES if status != "waived")


@dataclass(frozen=True)
class Mention:
    """One exception as a list names it; `why` is the reason of its change, empty where it only stands there."""

    exception_id: str
    rule: str
    subject: str
    why: str


@dataclass(frozen=True)
class Term:
    """One line of the roll-forward; `sign` is 1 for what comes, -1 for what goes."""

    name: str
    meaning: str
    sign: int
    rows: tuple[Mention, ...]

    @property
    def count(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class RollForward:
    """Open exceptions from the end of the previous period to the end of this one."""

    opening: int
    terms: tuple[Term, ...]
    closing: int

    def __getitem__(self, name: str) -> Term:
        return next(term for term in self.terms if term.name == name)


def roll_forward(tables: Tables, period: str, previous: str | None) -> RollForward:
    """The roll-forward of one period; raises InequalityError when its sides differ."""
    changes = _changes(tables, period)
    was_counted = pl.col("from_status").is_in(COUNTED).fill_null(False)
    is_counted = pl.col("to_status").is_in(COUNTED)
    came, went = is_counted & ~was_counted, was_counted & ~is_counted
    expired, waived = pl.col("from_status") == "waived", pl.col("to_status") == "waived"
    first = pl.col("from_status").is_null()
    parts = [
        ("new", "found for the first time", 1, came & first),
        ("reopened", "found again after having been resolved", 1, came & ~first & ~expired),
        ("waiver expired", "waived before, open again", 1, came & expired),
        ("resolved", "evaluated and no longer so", -1, went & ~waived),
        ("waived", "left open until a date by decision", -1, went & waived),
    ]
    terms = tuple(Term(name, meaning, sign, _mentions(changes.filter(rows))) for name, meaning, sign, rows in parts)
    opening = _open(tables, previous) if previous else 0
    closing = _open(tables, period)
    tie(
        f"Exceptions of {period}, opening and changes against closing",
        opening + sum(term.sign * term.count for term in terms),
        closing,
    )
    return RollForward(opening, terms, closing)


def _open(tables: Tables, period: str) -> int:
    return of_period(tables, "exceptions", period).filter(pl.col("status").is_in(COUNTED)).height


def _changes(tables: Tables, period: str) -> pl.DataFrame:
    """Every change of state in the period with the rule and subject it is about."""
    changes = of_period(tables, "exception_history", period)
    subjects = (
        tables["exceptions"]
        .lazy()
        .filter(pl.col("period") <= period)
        .select("exception_id", "rule", "subject")
        .join(changes.lazy(), on="exception_id", how="semi")
        .unique("exception_id", keep="last", maintain_order=True)
        .collect()
    )
    return changes.join(subjects, on="exception_id", how="left", maintain_order="left").sort(
        "rule", "subject", "exception_id"
    )


def _mentions(changes: pl.DataFrame) -> tuple[Mention, ...]:
    rows = changes.select("exception_id", "rule", "subject", pl.col("why").fill_null(""))
    return tuple(Mention(*row) for row in rows.iter_rows())
