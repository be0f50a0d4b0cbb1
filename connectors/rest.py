"""Any system that answers with JSON, described in `tieout.toml`; and presets, which are such descriptions kept here.

**Asks** what its config says: an address, a credential, where the records stand, and by what proof their end is known.

**Delivers** any feed, through the source's own `columns`.

**Gaps**: one list a source. A system that needs several lists for one feed is a connector of its own.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, create_model, model_validator

from connectors import web
from connectors.auth import Auth
from connectors.streams import Stream, filled, filled_in, places
from connectors.system import Delivery, System, WebOptions, address
from connectors.vault import Credential
from tieout.feeds import FEEDS

_AUTH: TypeAdapter[Auth] = TypeAdapter(Auth)
_LABEL = re.compile(r"[A-Za-z0-9-]+")
_MAPPING = ("columns", "values", "constants", "never")
_READING = ("timezone", "date_format", "formats", "decimal_separator", "thousands_separator", "bounds")


class RestOptions(WebOptions, Stream):
    """A stream of records, and how the system is opened."""

    path: str = ""

    def asks_its_url(self) -> bool:
        return not self.path


def _described(options: RestOptions) -> list[Stream]:
    return [Stream.model_validate(options.model_dump(include=set(Stream.model_fields)))]


SYSTEM = System(
    title="a JSON API",
    options=RestOptions,
    deliveries={feed: Delivery(streams=_described) for feed in FEEDS},
    pull=web.pull,
)


class PresetOptions(WebOptions):
    """Options of a preset: those it names, each a text; its address and its credential are made of them."""

    @model_validator(mode="after")
    def _address_is_whole(self) -> "PresetOptions":
        whole = filled(self.url, self.said)
        for name in places(self.url) if "://" in self.url else ():
            if not _LABEL.fullmatch(self.said[name]):
                raise ValueError(f"{name} = {self.said[name]!r} is no part of an address")
        object.__setattr__(self, "url", address(whole))
        return self


def preset_of(said: Mapping[str, Any]) -> System:
    """The system that a preset describes."""
    fields: dict[str, Any] = {
        name: (Credential if option.get("credential") else str, option.get("default", ""))
        for name, option in said["options"].items()
    }

    class Described(PresetOptions):
        url: str = said["url"]

        def own_way_in(self) -> Auth:
            return _AUTH.validate_python(filled_in(said["auth"], self.said))

    return System(
        title=said["title"],
        options=create_model("Described", __base__=Described, **fields),
        deliveries={feed: _delivery(table) for feed, table in said["feeds"].items()},
        pull=web.pull,
        about=said["about"],
    )


def _delivery(table: Mapping[str, Any]) -> Delivery:
    reading = {name: value for name, value in table.items() if name in _READING}
    mapping = {name: table[name] for name in _MAPPING if name in table}
    stream = Stream.model_validate({n: v for n, v in table.items() if n not in reading and n not in mapping})
    return Delivery(streams=lambda options: [stream], reading=reading, **mapping)
