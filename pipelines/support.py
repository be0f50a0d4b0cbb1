"""Which systems there are, what they deliver, and what their connectors were tested against."""

import importlib
import importlib.resources
import re
from collections.abc import Collection
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

import connectors
from connectors import systems
from connectors.vault import Credential
from pipelines.errors import ConfigError
from pipelines.limits import nearest
from tieout.feeds import FEEDS

LAYERS = ("real server", "emulator", "vendor specification", "fixture")
"""What a connector can be tested against, the strongest first."""
_UNTESTED = "nothing yet"
_WORDS = {str: "a text", int: "a number", float: "a number", bool: "true or false", list: "a list of texts"}
_HEAD = """# What the connectors were tested against

Written by `make support` from the tests that ran and passed; never by hand. No vendor's own service was ever asked.

- *real server*: software of somebody else's making, run on the test machine;
- *emulator*: somebody else's imitation of the system;
- *vendor specification*: the sample and every mapped field are as the vendor's published specification has them;
- *fixture*: a server of ours that pages as the system's documents say, and fails in every way systems fail.

| connector | system | tested against |
| --- | --- | --- |
"""
_ROW = re.compile(r"^\| `([a-z_]+)` \| [^|]* \| ([^|]*) \|$", re.MULTILINE)


def tested() -> dict[str, str]:
    """What each connector was tested against, as `connectors/SUPPORT.md` says, which a test run wrote."""
    page = importlib.resources.files(connectors) / "SUPPORT.md"
    return (
        {name: said.strip() for name, said in _ROW.findall(page.read_text(encoding="utf-8"))} if page.is_file() else {}
    )


def page_of(proofs: Collection[tuple[str, str, str]]) -> str:
    """The page that tells what each connector was tested against, from the proofs that a test run passed."""
    rows = []
    for name in systems.names():
        of_system = {(against, what) for connector, against, what in proofs if connector == name}
        said = [
            f"{against}: {', '.join(sorted(what for kind, what in of_system if kind == against))}"
            for against in LAYERS
            if any(kind == against for kind, _ in of_system)
        ]
        rows.append(f"| `{name}` | {systems.system(name).title} | {'; '.join(said) or _UNTESTED} |\n")
    return _HEAD + "".join(rows)


def listed() -> list[dict[str, str]]:
    """Every connector: its name, its system, the feeds it delivers, what it was tested against."""
    against = tested()
    file = {
        "connector": "file",
        "system": "dropped files",
        "feeds": "every feed",
        "tested_against": "files of every format, whole and spoilt",
    }
    return [file] + [
        {
            "connector": name,
            "system": systems.system(name).title,
            "feeds": _feeds(name),
            "tested_against": against.get(name, _UNTESTED),
        }
        for name in systems.names()
    ]


def described(name: str) -> dict[str, Any]:
    """One connector: what it asks, delivers and lacks, its options; raises ConfigError for one that is not there."""
    if name not in systems.names():
        raise ConfigError(f"{name!r} is no connector; {nearest(name, systems.names())}")
    found = systems.system(name)
    is_preset = bool(found.about)
    return {
        "connector": name,
        "system": found.title,
        "feeds": _feeds(name),
        "tested_against": tested().get(name, _UNTESTED),
        "about": found.about or importlib.import_module(f"connectors.{name}").__doc__ or "",
        "of_the_options": "" if is_preset else found.options.__doc__ or "",
        "options": [
            {
                "option": option,
                "takes": _takes(field),
                "required": field.is_required() or (is_preset and field.default == ""),
                "default": "" if field.is_required() or field.default is None else str(field.default),
            }
            for option, field in found.options.model_fields.items()
        ],
    }


def _takes(field: FieldInfo) -> str:
    """What may be written for an option, in words."""
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    if Credential in kinds or get_args(Credential)[1] in field.metadata:
        return 'a credential: "${NAME}"'
    if get_origin(field.annotation) is Literal:
        return " or ".join(map(repr, kinds))
    if get_origin(field.annotation) is list and get_origin(kinds[0]) is Literal:
        return f"a list of {' and '.join(map(repr, get_args(kinds[0])))}"
    if get_origin(field.annotation) is list and kinds[0] is not str:
        return "a list of tables"
    return _WORDS.get(get_origin(field.annotation) or kinds[0], "a table")


def _feeds(name: str) -> str:
    delivered = systems.system(name).deliveries
    return "every feed" if len(delivered) == len(FEEDS) else ", ".join(delivered)
