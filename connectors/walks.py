"""The ways to walk from one page of a source to the next, each named by the proof that the last one is the end.

The strongest first: a declared total that is what came; an end that the source states (no cursor, no next link);
nothing behind the last key; and, the weakest, an empty page. A short page proves nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urljoin

from pydantic import Field

from connectors.http import Answer
from connectors.pages import PullError, dig
from tieout.kinds import Table

_VALUE = r"""(?:"(?:[^"\\]|\\.)*+"|[^\s",;]*+)"""
_LINK = re.compile(rf"[\s,]*+<([^>]*+)>((?:\s*+;\s*+[^\s=,;]++(?:\s*+=\s*+{_VALUE})?+)*+)\s*+(?:,|$)")
_REL = re.compile(rf";\s*+rel\s*+=\s*+({_VALUE})", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """What is asked for one page."""

    url: str
    params: Mapping[str, str | list[str]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The request as text, to tell it from others and to land beside its page."""
        asked = "&".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.url}?{asked}" if asked else self.url


@dataclass
class Seen:
    """What came so far: rows, distinct keys, and the totals that the source declared at first and at last.

    A record without a key is one of its own, unless the very same page came before.
    """

    rows: int = 0
    keys: set[int] = field(default_factory=set)
    keyless: set[int] = field(default_factory=set)
    pages: int = 0
    last_key: str = ""
    has_keys: bool = False
    declared: int | None = None
    changed: bool = False

    @property
    def distinct(self) -> int:
        return len(self.keys)

    def add(self, records: list[Any], key: list[str]) -> bool:
        """Take a page in; whether it brought anything that was not there before."""
        before, self.pages = len(self.keys), self.pages + 1
        names = [_told_apart(record, key) for record in records]
        self.keys.update(hash(name) for name in names if name)
        if not all(names) and (page := hash(repr(records))) not in self.keyless:
            self.keyless.add(page)
            self.keys.update(number for number, name in enumerate(names, self.rows) if not name)
        self.rows += len(records)
        self.has_keys |= any(names)
        self.last_key = _told_apart(records[-1], key[:1]) if records else ""
        return len(self.keys) > before


def _told_apart(record: Any, key: list[str]) -> str:
    """What tells a record apart from others, as one text; empty where it has nothing of that."""
    if len(key) == 1:
        return "" if (value := dig(record, key[0])) is None else str(value)
    parts = [_told_apart(record, [part]) for part in key]
    return "\0".join(parts) if any(parts) else ""


class Whole(Table):
    """One answer is all there is: the system does not page here."""

    by: Literal["whole"] = "whole"
    proof: Literal["one whole answer"] = "one whole answer"

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, answer: Answer, came: int, seen: Seen) -> Request | None:
        return None


class _Sized(Table):
    limit: str = ""  # the parameter that asks for a page size; empty = none is asked for
    size: int = 100

    def first(self, request: Request) -> Request:
        return _with(request, {self.limit: str(self.size)}) if self.limit else request


class Total(_Sized):
    """The source declares how many there are, and that many came."""

    by: Literal["total"] = "total"
    proof: Literal["declared total"] = "declared total"
    start: str = "offset"  # the parameter that says where a page begins
    first_start: int = 0
    counts: Literal["rows", "pages"] = "rows"  # what that parameter counts

    def first(self, request: Request) -> Request:
        return _with(super().first(request), {self.start: str(self.first_start)})

    def after(self, request: Request, answer: Answer, came: int, seen: Seen) -> Request | None:
        """The next page, by what came and not by what was asked for; one past the end too, where a total may lie."""
        if not came:
            return None
        return _with(
            request, {self.start: str(self.first_start + (seen.rows if self.counts == "rows" else seen.pages))}
        )


class Empty(Total):
    """The source declares nothing: an empty page is the end. The weakest proof."""

    by: Literal["empty"] = "empty"  # type: ignore[assignment] # a walk of another name than the one it builds on
    proof: Literal["an empty page"] = "an empty page"  # type: ignore[assignment] # as above


class Cursor(_Sized):
    """The source hands out an opaque cursor until the last page."""

    by: Literal["cursor"] = "cursor"
    proof: Literal["no further cursor"] = "no further cursor"
    param: str = "cursor"
    at: str = "nextCursor"  # where in the body the next cursor stands
    begin: str | None = None  # what asks for the first page, where a system wants it said

    def first(self, request: Request) -> Request:
        request = super().first(request)
        return request if self.begin is None else _with(request, {self.param: self.begin})

    def after(self, request: Request, answer: Answer, came: int, seen: Seen) -> Request | None:
        cursor = dig(answer.data, self.at)
        return _with(request, {self.param: str(cursor)}) if cursor else None


class Link(_Sized):
    """The source names the next page in a Link header until the last."""

    by: Literal["link"] = "link"
    proof: Literal["no next link"] = "no next link"

    def after(self, request: Request, answer: Answer, came: int, seen: Seen) -> Request | None:
        link = next_link(answer.headers.get("link", ""))
        return None if link is None else Request(_beside(link, answer))


def next_link(header: str) -> str | None:
    """The link to the next page in a Link header (RFC 8288), if it names one; raises PullError for a damaged header."""
    place = 0
    while header[place:].strip(" \t,"):
        found = _LINK.match(header, place)
        if not found:
            raise PullError("the Link header is damaged, so that nobody knows whether there is a next page")
        relation = _REL.search(found[2])
        if relation and "next" in relation[1].strip("\"'").lower().split():
            return found[1]
        place = found.end()
    return None


class Next(_Sized):
    """The source names the next page in the body until the last."""

    by: Literal["next"] = "next"
    proof: Literal["no next link"] = "no next link"
    at: str = "next"
    more: str = ""  # where the body says whether there is more, for systems whose last page has a next link too
    last: str = ""  # or where it says whether this is the last page

    def after(self, request: Request, answer: Answer, came: int, seen: Seen) -> Request | None:
        link, more, last = (dig(answer.data, place) for place in (self.at, self.more, self.last))
        if link is None or link == "":
            if more is True or last is False:
                raise PullError("the answer says that there is more, but names no next page")
            return None
        if more is False or last is True:
            return None
        if not isinstance(link, str):
            raise PullError(f"the next link at {self.at!r} is no text")
        return Request(_beside(link, answer))


class Keyset(_Sized):
    """Each page holds what comes after the last key; nothing behind it is the end. Changes meanwhile shift nothing."""

    by: Literal["keyset"] = "keyset"
    proof: Literal["nothing after the last key"] = "nothing after the last key"
    param: str
    begin: str = ""  # the first page's value of that parameter
    then: str = "{last}"  # the others', with the last key

    def first(self, request: Request) -> Request:
        request = super().first(request)
        return _with(request, {self.param: self.begin}) if self.begin else request

    def after(self, request: Request, answer: Answer, came: int, seen: Seen) -> Request | None:
        if not came:
            return None
        if not seen.last_key:
            raise PullError("a record has no key, so that nobody knows what comes after it")
        return _with(request, {self.param: self.then.replace("{last}", seen.last_key)})


Walk = Annotated[Whole | Total | Empty | Cursor | Link | Next | Keyset, Field(discriminator="by")]


def _with(request: Request, params: Mapping[str, str]) -> Request:
    return Request(request.url, {**request.params, **params})


def _beside(link: str, answer: Answer) -> str:
    return urljoin(answer.url, link)
