"""How a source says that it was asked too often, and when it may be asked again."""

import email.utils
import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

_QUOTA = ("ratelimitexceeded", "quotaexceeded", "rate limit exceeded", "secondary rate limit")  # 429, said with a 403
_RESETS = ("x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset")


def is_throttled(headers: Mapping[str, str], raw: bytes) -> bool:
    says = any(word.encode() in raw.lower() for word in _QUOTA)
    return says or "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the source asks to wait, however it says so; None when it does not."""
    asked = headers.get("retry-after", "").strip()
    seconds = _number(asked)
    if seconds is None and asked:
        seconds = _until(asked, headers, now)
    for name in _RESETS:
        left = _number(headers.get(name.replace("reset", "remaining"), ""))  # with some left, the reset is no advice
        if seconds is None and not left and (reset := _number(headers.get(name, ""))) is not None:
            at = reset / 1000 if reset > 1e11 else reset  # some tell it in thousandths
            seconds = at - (instant(headers.get("date", "")) or now).timestamp() if reset > 1e9 else reset
    return None if seconds is None else max(0.0, seconds)


def _until(date: str, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to a date, by the source's own clock where it shows it."""
    at = instant(date)
    return (at - (instant(headers.get("date", "")) or now)).total_seconds() if at else None


def instant(text: str) -> datetime | None:
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):  # the second is Zoom's
        with suppress(ValueError, TypeError):
            at = read(text)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
