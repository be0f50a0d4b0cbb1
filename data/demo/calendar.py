"""The four months the sample company lives through, and the one source of chance."""

from calendar import monthrange
from datetime import date
from zlib import crc32

JUL, AUG, SEP, OCT = MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10")
FROM_AUG, FROM_SEP = MONTHS[1:], MONTHS[2:]

SEED = "nordwind"


def on(month: str, day: int) -> date:
    """The given day of a month written YYYY-MM."""
    return date(int(month[:4]), int(month[5:]), day)


def last_day(month: str) -> date:
    """The day a month's snapshots speak for."""
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, monthrange(year, number)[1])


def day(text: str) -> date:
    """A date written YYYY-MM-DD."""
    return date.fromisoformat(text)


def month_of(when: date) -> str:
    """The month whose files first tell of something: its own, or the first one for what is older."""
    return max(JUL, f"{when:%Y-%m}")


def pick(limit: int, *key: object) -> int:
    """A number below `limit` that is the same for the same key in every run."""
    return crc32("/".join((SEED, *map(str, key))).encode()) % limit
