"""What is said of a published table."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Published:
    """One published table; `latest_only` tables hold the newest period, the others every period.

    What stands below the columns is expected of every period's rows before they are published.
    """

    doc: str
    columns: Mapping[str, str]
    latest_only: bool = False
    stored_as: str | None = None  # the warehouse table it shows, where the name differs
    key: tuple[str, ...] = ()  # columns that tell the rows of a period apart
    always: tuple[str, ...] = ()  # further columns that are never empty
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # columns that hold one of a few words
    least: int = 0  # rows it has in any period
    of_feed: str | None = None  # the feed without rows of which it may be empty
    vital: bool = False  # not published unless all this holds; otherwise it is told
