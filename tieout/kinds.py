"""What a value of `tieout.toml` may be: each kind with what it holds against it, a mistake said in one sentence."""

import re
from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tieout.feeds import ASSET_CLASSES, CLASS_WORDS, FEEDS, canonical

Severity = Literal["critical", "high", "medium", "low"]
Custody = Literal["person", "place", "either"]


class Table(BaseModel):
    """A closed TOML table: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_zones = cache(available_timezones)  # each has a file of its own


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"{name!r} is not a time zone; write one like 'Europe/Berlin' or 'UTC'")
    return name


def _known_feed(name: str) -> str:
    if name not in FEEDS:
        raise ValueError(f"{name!r} is not a feed; the feeds are {', '.join(FEEDS)}")
    return name


def _known_class(name: str) -> str:
    if canonical(name) not in CLASS_WORDS:
        raise ValueError(f"{name!r} is not an asset class; the classes are {', '.join(ASSET_CLASSES)}")
    return CLASS_WORDS[canonical(name)]


def _own_domain(name: str) -> str:
    domain = name.strip().removeprefix("@").lower()
    if not domain or "@" in domain:
        raise ValueError(f"{name!r} is no domain of addresses; write one like 'example.com'")
    return domain


def _months(held: object) -> object:
    if isinstance(held, bool):
        return held
    months = held if isinstance(held, list) else [held]
    for month in months:
        if not isinstance(month, str) or not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
            raise ValueError(f"{month!r} is no month; write one like '2026-10', or true for all of them")
    return months


EPOCHS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000}
"""Patterns of instants that are counted since 1970 began, and how many microseconds one of the count is."""


def _pattern(text: str) -> str:
    if "%" not in text and text not in EPOCHS:
        raise ValueError(f"{text!r} is no pattern of a date; write one like '%d.%m.%Y', or {' or '.join(EPOCHS)}")
    return text


def _unlike(patterns: list[str]) -> list[str]:
    """Patterns of which no two read one text as two days: 03/04 is in March or in April whatever is tried first."""
    seen: dict[str, str] = {}
    for pattern in patterns:
        if (other := seen.setdefault(pattern.replace("%d", "%m"), pattern)) != pattern:
            raise ValueError(f"{other!r} and {pattern!r} read one text as two days; name the one that is meant")
    return patterns


def _written(pattern: str, how: str) -> AfterValidator:
    def hold(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {how}")
        return text

    return AfterValidator(hold)


def _many(value: object) -> object:
    """Let a single text stand where a list may stand."""
    return [value] if isinstance(value, str) else value


Zone = Annotated[str, BeforeValidator(_known_zone)]
FeedName = Annotated[str, BeforeValidator(_known_feed)]
AssetClass = Annotated[str, BeforeValidator(_known_class)]
Texts = Annotated[list[str], BeforeValidator(_many)]
Classes = Annotated[list[AssetClass], BeforeValidator(_many)]
Domains = Annotated[list[Annotated[str, AfterValidator(_own_domain)]], BeforeValidator(_many)]
Patterns = Annotated[list[Annotated[str, AfterValidator(_pattern)]], BeforeValidator(_many), AfterValidator(_unlike)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Days = Annotated[int, Field(ge=0, le=99_999)]
Months = Annotated[bool | list[str], BeforeValidator(_months)]
"""Months like `2019-03`, or true for all of them."""
SourceName = Annotated[str, _written("[A-Za-z0-9][A-Za-z0-9_.-]*", "a name of letters, digits and . _ - alone")]
Reference = Annotated[str, _written(r"\$\{?[A-Z_][A-Z0-9_]*\}?", "the name of an environment variable like '${NAME}'")]
"""The name of an environment variable that holds a secret, like `${SMTP_PASSWORD}`."""
_MAILBOX = r"[^@\s<>,;]+@[^@\s<>,;]+"
Address = Annotated[str, _written(rf"{_MAILBOX}|[^@<>\r\n]*<{_MAILBOX}>", "an address like 'ada@example.com'")]
"""Of a mailbox, like `ada@example.com` or `Ada King <ada@example.com>`."""
Addresses = Annotated[list[Address], BeforeValidator(_many)]
CurrencyCode = Annotated[str, _written("[A-Z]{3}", "three capital letters like 'EUR'")]
