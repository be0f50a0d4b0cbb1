"""JSON as it is written: numbers keep their digits, nested values become compact text."""

import json
from collections.abc import Callable, Iterable
from typing import Any


class Number(str):
    """A number of a JSON text, as it is written there."""

    __slots__ = ()


class NamedTwiceError(ValueError):
    """An object names a key twice, so that nobody knows which value is meant."""


class NamedTwice(dict[str, Any]):
    """An object that names a key twice: its last values, and all that it says."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise NamedTwiceError("it names a key twice")
    return record


def _marked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    return record if len(record) == len(pairs) else NamedTwice(pairs)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _decoder(pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=pairs, parse_float=Number, parse_int=Number, parse_constant=_refuse)


_STRICT, _MARKING = _decoder(_once), _decoder(_marked)


def decode(text: str) -> Any:
    """The value a JSON text holds; raises ValueError where it is none, NamedTwiceError where it names a key twice."""
    return _STRICT.decode(text.strip())


def decode_marked(text: str) -> Any:
    """The value a JSON text holds, with each object that names a key twice marked as NamedTwice."""
    return _MARKING.decode(text.strip())


def named_twice(value: Any) -> int:
    """How many marked objects a value is or holds."""
    if isinstance(value, dict):
        return isinstance(value, NamedTwice) + sum(map(named_twice, value.values()))
    return sum(map(named_twice, value)) if isinstance(value, list) else 0


def is_text(texts: Iterable[str | None]) -> bool:
    """Whether texts hold whole characters only: JSON may smuggle half a surrogate pair in."""
    try:
        "".join(filter(None, texts)).encode()
    except UnicodeEncodeError:
        return False
    return True


def compact(value: Any) -> str:
    """A value as compact JSON text, its numbers as they were written."""
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, NamedTwice) else value.items()
        return "{" + ",".join(f"{compact(name)}:{compact(member)}" for name, member in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def as_text(value: Any, mark: str = ".") -> str:
    """A value as one cell: text as it is, a number with its decimal mark, anything else as JSON."""
    if isinstance(value, Number):
        return value.replace(".", mark)
    return value if isinstance(value, str) else compact(value)


def member(value: Any, path: str) -> Any:
    """What stands in a nested value at a path like `owner.emails.0`; null where nothing does."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def flat(record: dict[str, Any], mark: str = ".", prefix: str = "") -> dict[str, str | None]:
    """A record as one row of text: what is nested is called `outer.inner`, a list is its JSON text, null is None."""
    row: dict[str, str | None] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            row |= flat(value, mark, f"{prefix}{name}.")
        else:
            row[prefix + name] = None if value is None or value == [] else as_text(value, mark)
    return row
