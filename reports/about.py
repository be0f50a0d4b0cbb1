"""What every page says of the run it belongs to."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class About:
    """One run of one period.

    `as_of` has a zone; `earlier` are the periods run before this one, oldest first; `config_hash` is a fingerprint
    of the configuration in force. `decisions` counts the entries of the decision log as the page was written, and
    `chain_head` is the sha256 of the newest, which vouches for all. `lasting` are the rules about things that happened:
    only what they find can be accepted. `reclaim` is the fingerprint that a signature of the reclaim vouches for.
    `verified` is what was not as it had been recorded as the page was written, of
    what landed for the month, the decisions and the sign-offs; a sentence each.
    """

    organisation: str
    period: str
    as_of: datetime
    reporting_currency: str
    timezone: str
    version: str
    config_hash: str
    decisions: int = 0
    chain_head: str = ""
    earlier: tuple[str, ...] = ()
    lasting: frozenset[str] = frozenset()
    reclaim: str = ""
    verified: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def today(self) -> date:
        """The last day of the period where the organisation is."""
        return self.as_of.astimezone(self.zone).date()

    @property
    def previous(self) -> str | None:
        """The period run before this one; None for the first."""
        return self.earlier[-1] if self.earlier else None
