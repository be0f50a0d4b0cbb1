"""Sources that are asked over the network: held against what their systems know, and pulled now instead of in a run."""

import logging
import time
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from connectors import systems
from connectors.auth import Auth
from connectors.walks import Walk
from connectors.wire import Limits, Wire
from pipelines.errors import ConfigError
from tieout.settings import Settings, Source

log = logging.getLogger("tieout")
_VARIANTS: dict[str, type[BaseModel]] = {
    model.model_fields[tag].default: model
    for union, tag in ((Auth, "kind"), (Walk, "by"))
    for model in get_args(get_args(union)[0])
}
"""The tables of a config whose keys depend on one of them, by the value of that one."""
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
        systems.delivery_of(source).streams(systems.options_of(source))
    except ValidationError as problem:
        raise ConfigError(f"{where}: {_sentence(source, problem)}") from None
    except ValueError as problem:
        raise ConfigError(f"{where}: {problem}.") from None
    return held


def _all() -> list[str]:
    return ["file", *systems.names()]


def _sentence(source: Source, problem: ValidationError) -> str:
    error = problem.errors()[0]
    steps = [str(step) for step in error["loc"] if not isinstance(step, int)]
    place = ".".join(step for step in steps if step not in _VARIANTS)
    match error["type"]:
        case "extra_forbidden" if len(steps) == 1 and steps[0] in Source.model_fields:
            return f"{place} is for sources of files, not for {source.connector}."
        case "extra_forbidden":
            return f"{place} is not a known key; {_nearest(steps[-1], _keys_beside(source, steps))}"
        case "missing":
            return f"{place} is missing; {source.connector} needs it."
        case "union_tag_invalid" | "union_tag_not_found":
            kind, known = error["ctx"]["discriminator"].strip("'"), error["ctx"].get("expected_tags", "")
            return f"{place} needs {kind}{f', which is one of {known}' if known else ''}."
        case "model_attributes_type" | "model_type" | "dict_type":
            return f"{place} should be a table of keys, like {{ key = … }}."
        case "value_error":
            reason = str(error["ctx"]["error"])
            return f"{place}: {reason}." if place else f"{source.connector} {reason}."
        case _:
            shown = (
                f", but is {error['input']!r}" if error["type"] == "literal_error" else ""
            )  # else it may be a secret
            return f"{place} {error['msg'].replace('Input should', 'should', 1)}{shown}."


def _keys_beside(source: Source, steps: list[str]) -> list[str]:
    """The keys that may stand in the table which a place in a source's options leads into."""
    if len(steps) == 1:
        return [*systems.system(source.connector).options.model_fields, *Source.model_fields]
    inside = _VARIANTS.get(steps[-2]) or (Limits if steps[-2] == "limits" else None)
    return list(inside.model_fields) if inside else []


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
