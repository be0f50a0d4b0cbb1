"""What people decide about exceptions: the entries of an append-only log, and which of them count.

Every entry names the sha256 of the one before it, so that an edited, removed or inserted entry breaks the chain. A
correction is a new entry that names the one it takes back. An entry counts for every period whose as_of it is not
later than, so that an old month run again comes to the same answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, get_args

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from tieout import digest
from tieout.feeds import SCALE
from tieout.settings import Settings

Kind = Literal[
    "acknowledge", "assign", "keep", "waive", "accept", "dispute", "approve", "release", "realise", "correct",
    "override", "close", "reopen", "purge",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
About = Literal["exception", "policy", "reclaim", "source", "period"]
"""What a decision can be about: an exception, a policy change, a month's reclaim, a source's delivery, a month."""
STATES = {
    "acknowledge": "acknowledged",
    "assign": "in_progress",
    "waive": "waived",
    "accept": "accepted",
    "dispute": "disputed",
}
"""The status an exception has by a decision."""
KEPT_RULE = "inactive-seat"
RECLAIMED = "licence_pool"
PURGE = "purge/"
"""What the id of a purge begins with in the log; the first month that it leaves follows."""

DECISIONS: dict[str, pl.DataType] = {
    "seq": pl.Int64(), "exception_id": pl.String(), "kind": pl.String(), "who": pl.String(), "os_user": pl.String(),
    "role": pl.String(), "channel": pl.String(), "at": pl.Datetime("us", "UTC"), "reason": pl.String(),
    "comment": pl.String(), "until": pl.Date(), "approver": pl.String(), "owner": pl.String(),
    "document": pl.String(), "value": pl.Decimal(38, SCALE), "corrects": pl.Int64(), "file": pl.String(),
    "previous": pl.String(), "sha256": pl.String(),
}  # fmt: skip

Plain = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]


class Proposal(BaseModel):
    """What somebody wants to be recorded about one exception.

    `until` is the last day a waiver or a kept seat holds; `owner` who is to see to it; `document` what proves it;
    `corrects` the number of the entry that no longer counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exception_id: str
    kind: Kind
    who: str
    role: str | None = None
    reason: str | None = None
    comment: str | None = None
    until: date | None = None
    approver: str | None = None
    owner: str | None = None
    document: str | None = None
    corrects: int | None = None


class Entry(Proposal):
    """One entry of the log. `value` is what the exception was worth when it was decided; null = unvalued."""

    seq: Annotated[int, Field(ge=1)]
    os_user: str
    channel: Literal["cli", "import"]
    at: datetime
    value: Plain | None = None
    file: str | None = None  # sha256 of the imported file
    previous: str
    sha256: str = ""
    purged: bool | None = None  # true where it no longer says who decided; its sha256 is that of what it said

    @property
    def line(self) -> str:
        """The entry as the log has it, without its line end."""
        return digest.canonical(self.model_dump(mode="json", exclude_none=True))

    @property
    def words(self) -> list[str]:
        """Everything in it that says who somebody is, or that somebody wrote."""
        said = (self.who, self.os_user, self.approver, self.owner, self.role, self.reason, self.comment)
        return [text for text in said if text]

    @property
    def fingerprint(self) -> str:
        """The sha256 over everything else it says."""
        return digest.of_value(self.model_dump(mode="json", exclude_none=True, exclude={"sha256"}))

    def sealed(self) -> "Entry":
        """The same with its sha256."""
        return self.model_copy(update={"sha256": self.fingerprint})


@dataclass(frozen=True)
class Standing:
    """How the thing stands that somebody decides about, as last published.

    `is_event` tells rules about things that happened from rules about how things are. `stated_by` is who wrote a
    policy change, where its author is known. `content` is the sha256 of what is signed, where a signature is void as
    soon as that changes. `opened_on` is since when a licence is found that may be given back: steps taken before were
    about an earlier time.
    """

    exception_id: str
    rule: str
    subject: str
    status: str
    value: Decimal | None
    value_kind: str | None
    is_event: bool
    about: About = "exception"
    stated_by: str | None = None
    content: str | None = None
    opened_on: date | None = None


def not_corrected(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that no other takes back; corrections themselves included."""
    listed = list(entries)
    taken_back = {entry.corrects for entry in listed if entry.corrects is not None}
    return [entry for entry in listed if entry.seq not in taken_back]


def as_frame(entries: Iterable[Entry]) -> pl.DataFrame:
    """The log as a table, one row an entry."""
    rows = [{**entry.model_dump(), "value": entry.value} for entry in entries]
    return pl.DataFrame([{name: row[name] for name in DECISIONS} for row in rows], schema=DECISIONS)


def not_corrected_frame(log: pl.DataFrame) -> pl.DataFrame:
    """The entries that no other takes back, corrections themselves left out; oldest first."""
    taken_back = log["corrects"].drop_nulls().implode()
    return log.filter(~pl.col("seq").is_in(taken_back), pl.col("kind") != "correct").sort("at", "seq")


def in_force(log: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The entries that count at an instant: taken by then, and by then not taken back; oldest first."""
    return not_corrected_frame(log.filter(_taken_by(as_of)))


def account(log: pl.DataFrame, as_of: datetime, settings: Settings, exceptions: pl.DataFrame) -> pl.DataFrame:
    """The whole log with what became of each entry at an instant, as `state`, and the month it was taken in.

    `exceptions` is the list of that period. States: `later` (taken after as_of), `taken back`, `expired`, `idle` (a
    waiver of something that is not, or no longer, an exception), `counts`.
    """
    counting = in_force(log, as_of)["seq"].implode()
    today = as_of.astimezone(settings.zone).date()
    waived = exceptions.filter(pl.col("status") == "waived")["exception_id"].implode()
    state = (
        pl.when(~_taken_by(as_of)).then(pl.lit("later"))
        .when((pl.col("kind") != "correct") & ~pl.col("seq").is_in(counting)).then(pl.lit("taken back"))
        .when(pl.col("until") < pl.lit(today)).then(pl.lit("expired"))
        .when((pl.col("kind") == "waive") & ~pl.col("exception_id").is_in(waived)).then(pl.lit("idle"))
        .otherwise(pl.lit("counts"))
    )  # fmt: skip
    month = pl.col("at").dt.convert_time_zone(settings.timezone).dt.strftime("%Y-%m")
    return log.with_columns(month.alias("period"), state.alias("state"), in_words().alias("decision")).sort("seq")


def _taken_by(as_of: datetime) -> pl.Expr:
    return pl.col("at") <= pl.lit(as_of, pl.Datetime("us", "UTC"))


def in_words() -> pl.Expr:
    """A decision as one phrase: what, by whom, and what stands with it."""
    done = {
        **STATES, "assign": "assigned", "keep": "kept", "approve": "reclaim approved", "release": "released",
        "realise": "realised", "correct": "taken back", "override": "accepted as it is", "close": "closed",
        "reopen": "reopened",
        "purge": "purged",
    }  # fmt: skip

    def part(text: str, column: str) -> pl.Expr:
        filled = pl.col(column).is_not_null() & (pl.col(column).cast(pl.String) != "")
        return pl.when(filled).then(pl.format(text, pl.col(column).cast(pl.String))).otherwise(pl.lit(""))

    return pl.concat_str(
        pl.col("kind").replace_strict(done),
        part(" to {}", "owner"),
        part(" until {}", "until"),
        part(" by {}", "who"),
        part(", approved by {}", "approver"),
        part(", document {}", "document"),
        part(": {}", "reason"),
        part(" ({})", "comment"),
    )
