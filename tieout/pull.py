"""What a pull brings home: the files as they came, and their records as text.

A result is never a bare list: it says whether it is the whole, and by what proof.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, Self
from zoneinfo import ZoneInfo

import polars as pl

Outcome = Literal["complete", "partial", "failed", "missing"]


@dataclass(frozen=True)
class RawFile:
    """One delivered file, copied byte for byte.

    `name` is its name in the landed folder, `origin` where it was found, `bytes` its size.
    """

    name: str
    sha256: str
    bytes: int
    origin: str


@dataclass(frozen=True)
class Control:
    """The totals that the sender declares for a delivery: number of records, sums of columns of the file."""

    rows: int | None = None
    sums: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class PullReport:
    """How a pull of pages went: what came, what the source declared (None: nothing, or not known), and what it took.

    `distinct` counts keys; `waited` is in seconds; `retries` counts requests that had to be repeated.
    """

    rows: int
    distinct: int | None
    declared: int | None
    pages: int
    retries: int
    waited: float
    ended_at: datetime


@dataclass(frozen=True)
class Fetched:
    """How a pull went and what it left in the landed folder.

    `why` says in one sentence what is wrong unless the outcome is *complete*; `proof` says how the end of the
    data is known; `notes` say what its rows lack although the pull is whole. `extracted_at` is as the sender wrote it,
    possibly without a zone: ask `extracted`.
    """

    outcome: Outcome
    why: str | None = None
    proof: str | None = None
    files: tuple[RawFile, ...] = ()
    extracted_at: datetime | None = None
    extracted_by: str | None = None
    system: str | None = None
    filters: str | None = None
    control: Control | None = None
    notes: tuple[str, ...] = ()
    report: PullReport | None = None

    @property
    def account(self) -> str:
        """How the pull went, in a line: its outcome, its rows and pages, and the proof or the reason."""
        pages = f", {self.report.rows:,} rows in {self.report.pages} pages" if self.report else ""
        return f"{self.outcome}{pages} ({self.why or self.proof})"

    def extracted(self, zone: ZoneInfo) -> datetime | None:
        """The instant of the extract in UTC, null if nobody said; without a zone of its own it is in `zone`."""
        if self.extracted_at is None:
            return None
        at = self.extracted_at if self.extracted_at.tzinfo else self.extracted_at.replace(tzinfo=zone)
        return at.astimezone(UTC)


UNREADABLE = pl.Schema({"_row": pl.Int64(), "reasons": pl.List(pl.String()), "raw": pl.String()})
"""Records that are no rows: number in the delivery, every reason, the text as it came."""


@dataclass(frozen=True)
class Records:
    """The records of a delivery as text, under the system's own column names.

    `rows` has those columns (String; empty = null) and `_row`, the 1-based number of the record in the delivery,
    running on over several files. `blank` counts records without any content, which are no rows but keep their
    number. `failure` is one clear sentence if the delivery as a whole cannot be read; then there are no rows.
    """

    rows: pl.DataFrame
    unreadable: pl.DataFrame
    columns: tuple[str, ...]
    blank: int = 0
    failure: str | None = None

    @property
    def landed(self) -> int:
        """Number of records that have to be accounted for."""
        return self.rows.height + self.unreadable.height

    @classmethod
    def failed(cls, why: str) -> Self:
        """A delivery that cannot be read as a whole."""
        return cls(pl.DataFrame(schema={"_row": pl.Int64}), pl.DataFrame(schema=UNREADABLE), (), failure=why)
