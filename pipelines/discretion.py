"""Keeps credentials out of all that is said: log lines, errors, tracebacks and what Dagster stores of them.

What the config refers to is learnt when a workspace is opened, what a pull is granted on the way when it is granted.
"""

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from connectors.pages import PullError
from connectors.vault import Vault, blot_all
from pipelines.errors import TieoutError
from tieout.settings import Settings

T = TypeVar("T")

_REFERENCE = re.compile(r"\$\{[A-Z_][A-Z0-9_]*\}|^\$[A-Z_][A-Z0-9_]*$")


def learn(settings: Settings) -> None:
    """Take note of every credential that a config refers to."""
    for reference in set(_references(settings.model_dump(mode="json"))):
        with suppress(PullError):  # there is none behind it
            Vault().open(reference)


def discreet(text: str) -> str:
    """A text without any credential known to this process."""
    return blot_all(text)


def discreetly(act: Callable[[], T]) -> T:
    """Do something; an error that tells a credential goes on as a sentence without it, and without its causes."""
    try:
        return act()
    except Exception as problem:
        told = "".join(traceback.format_exception(problem))
        if discreet(told) == told:
            raise
        said = TieoutError(discreet(f"{type(problem).__name__}: {problem}"))
    raise said


class _Discretion(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = discreet(record.getMessage()), ()
        return True


logging.getLogger("tieout").addFilter(_Discretion())


def _references(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield from _REFERENCE.findall(said)
    elif isinstance(said, dict):
        for value in said.values():
            yield from _references(value)
    elif isinstance(said, list):
        for value in said:
            yield from _references(value)
