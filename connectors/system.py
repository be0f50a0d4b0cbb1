"""What a system is to Tieout: how it is opened, which feeds it delivers, and how its records become their rows.

A system is data: a Python file beside this one, or a preset in TOML, says where its lists stand, how they are walked
and which field fills which column. Its mapping stands in for what a source's own config does not say.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, Self
from urllib.parse import parse_qs, urlsplit

import polars as pl
from pydantic import AfterValidator, Field, field_validator, model_validator

from connectors.auth import Auth, Nothing
from connectors.http import origin_of
from connectors.pages import PageFile, PullError
from connectors.streams import Stream
from connectors.wire import Limits, Wire
from tieout.kinds import Table
from tieout.pull import Fetched

_TELLING = re.compile("auth|key|token|cookie|secret|password", re.IGNORECASE)
Streams = Mapping[str, pl.DataFrame]
"""Records of the streams that are looked up, by name: text columns as the system calls them."""


def address(url: str) -> str:
    """The address, when it is one without a user before the host; raises ValueError otherwise."""
    try:
        origin_of(url)
    except PullError as error:
        raise ValueError(str(error)) from None
    if "@" in url.split("//", 1)[1].split("/", 1)[0]:
        raise ValueError("holds a user before the host; name credentials by their own options")
    if telling := next((name for name in parse_qs(urlsplit(url).query) if _TELLING.search(name)), None):
        raise ValueError(f"would tell a credential ({telling}); write it under auth")
    if "#" in url:
        raise ValueError("holds a #, behind which nothing reaches a server; write the address of the API")
    return url


Address = Annotated[str, AfterValidator(address)]
"""An https:// address; http:// is taken too, for a system on the same machine or a closed network."""


class Options(Table):
    """What a workspace may say of any system that is asked over the network."""

    limits: Limits = Limits()


class WebOptions(Options):
    """What it may say of a system that is asked over the web."""

    HEADERS: ClassVar[Mapping[str, str]] = {}  # that the system wants with every request

    url: Address
    headers: dict[str, str] = {}  # further ones; never credentials
    usage_days: Annotated[int, Field(gt=0)] = 90  # how far back events of use are asked for, where a system has them
    auth: Auth | None = None  # instead of the system's own way in

    @field_validator("headers")
    @classmethod
    def _hold_no_credential(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if _TELLING.search(name):
                raise ValueError(f"{name} is a credential; write it under auth")
        return headers

    @model_validator(mode="after")
    def _can_be_opened(self) -> Self:
        if "?" in self.url and not self.asks_its_url():
            raise ValueError("does not ask for what stands behind the ? of its url; write the address without it")
        self.opens_with()
        return self

    def asks_its_url(self) -> bool:
        """Whether its list stands at the very address, and not below it."""
        return False

    def opens_with(self) -> Auth:
        """The credential that opens the system; raises ValueError, which says what is needed, where none is given."""
        return self.auth or self.own_way_in()

    def own_way_in(self) -> Auth:
        """The system's own kind of credential, made of its options."""
        return Nothing()

    @property
    def said(self) -> dict[str, str]:
        """The options that are texts, to fill the places of a stream."""
        return {name: value for name, value in self.model_dump().items() if isinstance(value, str) and value}


def either(rows: pl.DataFrame, *ways: str | pl.Expr) -> pl.Expr:
    """The first filled of some fields and expressions over fields; a field that no record has is passed over.

    Null where none of them is filled.
    """
    there = (way for way in ways if not isinstance(way, str) or way in rows.columns)
    known = [way for way in there if isinstance(way, str) or set(way.meta.root_names()) <= set(rows.columns)]
    return pl.coalesce(*known, pl.lit(None, pl.String))


def addresses(rows: pl.DataFrame, field: str) -> pl.Expr:
    """The addresses among proxy addresses (`SMTP:me@x.org`, `smtp:I@x.org`, `SIP:…`), `;` between them; null: none."""
    found = either(rows, field).str.extract_all(r'(?i)smtp:[^"\s]+').list.eval(pl.element().str.slice(5))
    return pl.when(found.list.len() > 0).then(found.list.join(";"))


WEAKEST = "an empty page"
"""The proof that a source without totals, cursors and links leaves: nothing came any more."""


@dataclass(frozen=True)
class End:
    """The end of a pull that is whole: by what proof, how many different records came, how many were declared."""

    proof: str
    distinct: int
    declared: int | None = None


class Pull(Protocol):
    """Asks a source for everything and writes down its pages; raises PullError where it does not come to the end."""

    def __call__(self, options: Any, delivery: "Delivery", pages: PageFile, wire: Wire) -> End: ...


class Copy(Protocol):
    """Copies the files a source delivers into a folder; raises PullError where they cannot be had."""

    def __call__(self, options: Any, folder: Path, wire: Wire) -> Fetched: ...


@dataclass(frozen=True)
class Delivery:
    """How a system delivers one feed.

    `streams` are what is asked, the rows of the feed among them; `columns`, `values`, `constants`, `never` and
    `reading` (further keys of a source) stand in for what the source's config does not say; `derive` adds columns
    that no field holds as it is, from the rows and from the streams that are looked up.
    """

    streams: Callable[[Any], list[Stream]] = lambda options: []
    columns: Mapping[str, str | list[str]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)
    scope: str = ""  # what its token is asked for, where the system's own way in is by one: no more than it needs
    base: Callable[[Any], str] | None = None  # the address it is asked at, where that is not `url`
    derive: Callable[[pl.DataFrame, Streams], pl.DataFrame] = lambda rows, streams: rows


@dataclass(frozen=True)
class System:
    """One system: its name in words, its options, the feeds it delivers, and how it is pulled."""

    title: str
    options: type[Options]
    deliveries: Mapping[str, Delivery]
    pull: Pull | None = None
    copy: Copy | None = None  # of a system that holds files, instead
    about: str = ""  # of a preset, what a connector's file says at its head
