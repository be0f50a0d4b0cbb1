"""What a pull has of the world, and how much it may take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from connectors.pages import PageFile, PullError
from connectors.vault import Vault
from tieout.kinds import Table


class Limits(Table):
    """`[sources.limits]`: what a pull may take at most; beyond, it ends and says which limit ended it."""

    page_bytes: Annotated[int, Field(gt=0)] = 64 * 1024 * 1024  # of one answer, unpacked
    pages: Annotated[int, Field(gt=0)] = 100_000
    rows: Annotated[int, Field(gt=0)] = 20_000_000
    request_seconds: Annotated[float, Field(gt=0)] = 120  # for one answer, first byte to last
    wait_seconds: Annotated[float, Field(ge=0)] = 1800  # of waiting because the source asks for it, in all
    seconds: Annotated[float, Field(gt=0)] = 6 * 3600  # for the whole pull

    def hold_size(self, written: PageFile) -> None:
        """Raise PullError where a further page would be beyond the limit of pages or rows."""
        for name, count in (("pages", written.pages), ("rows", written.rows)):
            if count >= getattr(self, name):
                raise PullError(f"the pull is larger than its limit, {name} = {getattr(self, name)}")


@dataclass
class Wire:
    """What one pull has of the world: time, patience, credentials, and somebody to tell how it goes.

    It is for a period, and counts requests that had to be repeated and seconds waited; `notes` say what the rows lack.
    A glance takes the first page of each list only. `ahead` is how many seconds the source's clock is ahead; `began` is
    when the pull began, as `clock` tells it.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = lambda said: None
    vault: Vault = field(default_factory=Vault)
    tries: int = 6
    period: str = ""
    is_glance: bool = False
    ahead: float | None = None
    retries: int = 0
    waited: float = 0.0
    notes: list[str] = field(default_factory=list)
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def note(self, said: str) -> None:
        """Tell once what the rows lack."""
        if said not in self.notes:
            self.notes.append(said)

    def hold_time(self, limits: Limits) -> None:
        """Raise PullError where the pull has taken longer than it may."""
        if self.clock() - self.began > limits.seconds:
            raise PullError(f"the pull took longer than its limit, seconds = {limits.seconds:g}")
