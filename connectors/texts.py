"""JSON as it is written: numbers keep their digits, nested values become compact text."""

import json
from collections.abc import Iterable
from typing import Any


class Number(str):
    """A number of a JSON text, as it is written there."""

    __slots__ = ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("it names a key twice")
    return record


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=Number, parse_int=Number, parse_constant=_refuse)


def decode(text: str) -> Any:
    """The value a JSON text holds; raises ValueError where it is none or names a key twice."""
    return _DECODER.decode(text.strip())


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
        return "{" + ",".join(f"{compact(name)}:{compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def as_text(value: Any) -> str:
    """A value as one cell: text as it is, anything else as JSON."""
    return str(value) if isinstance(value, str) else compact(value)


def flat(record: dict[str, Any], prefix: str = "") -> dict[str, str | None]:
    """A record as one row of text: what is nested is called `outer.inner`, a list is its JSON text, null is None."""
    row: dict[str, str | None] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            row |= flat(value, f"{prefix}{name}.")
        else:
            row[prefix + name] = None if value is None or value == [] else as_text(value)
    return row
