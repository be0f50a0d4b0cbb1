"""Reads control files: what a sender declares about a file, beside it."""

import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.files.errors import FileError
from tieout.pull import Control, Fetched, RawFile

CONTROL = ".control.toml"


def control_of(path: Path) -> Path:
    """Where the control file of a file stands."""
    return path.with_name(path.name + CONTROL)


def declared(files: tuple[RawFile, ...], said: list[dict[str, Any]]) -> Fetched:
    """What came, with what its control files say of it; files that have one vouch for themselves only.

    A control file that counts and sums nothing vouches for nothing: it only tells of the extract.
    """
    if not said:
        return Fetched("complete", proof="end of file", files=files)
    whole = len(said) == len(files)
    vouches = whole and all(control.get("rows") is not None or control.get("sums") for control in said)
    rows = [control["rows"] for control in said if "rows" in control]
    sums: dict[str, Decimal] = {}
    for control in said:
        for column, total in control.get("sums", {}).items():
            sums[column] = sums.get(column, Decimal(0)) + total
    extracts = [control["extracted_at"] for control in said if "extracted_at" in control]
    return Fetched(
        outcome="complete" if whole else "partial",
        why=None if whole else f"only {len(said)} of the {len(files)} files of the delivery have a control file",
        proof="control file" if vouches else "end of file",
        files=files,
        extracted_at=min(extracts, key=datetime.isoformat, default=None),
        extracted_by=_joined(said, "extracted_by"),
        system=_joined(said, "system"),
        filters=_joined(said, "filters"),
        control=Control(sum(rows) if len(rows) == len(files) else None, sums) if vouches else None,
    )


def read_control(path: Path) -> dict[str, Any]:
    """A control file's declarations, each of its own type; raises FileError with one sentence."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
        return {key: _KEYS[key](value) for key, value in said.items()}
    except KeyError as error:
        raise FileError(f"{path.name} says {error}; a control file may say {', '.join(_KEYS)}") from error
    except (OSError, ValueError, ArithmeticError, AttributeError) as error:
        raise FileError(f"{path.name} is no readable control file: {error}") from error


def _joined(said: list[dict[str, Any]], key: str) -> str | None:
    return ", ".join(dict.fromkeys(control[key] for control in said if key in control)) or None


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"rows = {value!r} is not a number of rows")
    return value


def _totals(value: Mapping[str, Any]) -> dict[str, Decimal]:
    try:
        return {column: Decimal(str(total)) for column, total in value.items()}
    except ArithmeticError as error:
        raise ValueError("a sum is not a number") from error


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    return datetime.fromisoformat(str(value))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "rows": _count,
    "sums": _totals,
    "extracted_at": _instant,
    "extracted_by": _text,
    "system": _text,
    "filters": _text,
}
