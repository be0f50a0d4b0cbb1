"""Sources that are asked over the network: held against what their systems know, and pulled now instead of in a run."""

import logging
import time
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from connectors import systems
from connectors.http import Wire
from pipelines.errors import ConfigError
from tieout.settings import Settings, Source

log = logging.getLogger("tieout")
_QUIET_SECONDS = 5  # between two lines about one pull


def hold_against_systems(settings: Settings, config: Path) -> Settings:
    """The settings with each source's mapping filled in from its system.

    Raises ConfigError for a connector, a feed of it or an option that does not exist, naming the nearest that does.
    """
    return settings.model_copy(update={"sources": [_held(source, config) for source in settings.sources]})


def wire_of(source: Source) -> Wire:
    """The wire of one pull, which tells the log how it goes."""
    return Wire(say=_Progress(source.name))


def _held(source: Source, config: Path) -> Source:
    if not source.is_live:
        return source
    where = f"{config}: sources {source.name!r}"
    if source.connector not in systems.names():
        raise ConfigError(f"{where}: connector {source.connector!r} is not there; {_nearest(source.connector, _all())}")
    try:
        held = systems.configured(source)
        systems.options_of(source)
    except ValidationError as problem:
        raise ConfigError(f"{where}: {_sentence(source, problem)}") from None
    except ValueError as problem:
        raise ConfigError(f"{where}: {problem}.") from None
    return held


def _all() -> list[str]:
    return ["file", *systems.names()]


def _sentence(source: Source, problem: ValidationError) -> str:
    error = problem.errors()[0]
    place = ".".join(str(step) for step in error["loc"] if not isinstance(step, int))
    options = systems.system(source.connector).options.model_fields
    match error["type"]:
        case "extra_forbidden":
            known = [*options, *Source.model_fields] if len(error["loc"]) == 1 else []
            return f"{place} is not a known key; {_nearest(str(error['loc'][-1]), known)}"
        case "missing":
            return f"{place} is missing; {source.connector} needs it."
        case "value_error":
            reason = str(error["ctx"]["error"])
            return f"{place}: {reason}." if place else f"{source.connector} {reason}."
        case _:
            return f"{place} {error['msg'].replace('Input should', 'should', 1)}, but is {error['input']!r}."


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"the known ones are {', '.join(sorted(known))}." if known else "take it away."


class _Progress:
    """Tells the log how a pull goes: every wait at once, its pages from time to time."""

    def __init__(self, name: str) -> None:
        self._name, self._last = name, time.monotonic()

    def __call__(self, said: str) -> None:
        now = time.monotonic()
        if not said.endswith("rows") or now - self._last >= _QUIET_SECONDS:
            self._last = now
            log.info("         %s: %s", self._name, said)
