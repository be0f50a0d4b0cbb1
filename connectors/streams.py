"""One list of a source: what is asked for it, and its pages walked to an end that is proven.

What came is held against what the source declares; an answer that tells of an error, or holds no records where some
should be, ends the pull.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from pydantic import field_validator

from connectors.http import Answer, Client, message
from connectors.pages import ROWS, Page, PullError, ShiftedError, dig, records_at
from connectors.vault import is_reference
from connectors.walks import Cursor, Empty, Keyset, Next, Request, Seen, Total, Walk, Whole, next_link
from tieout.kinds import Table, Texts

_PLACE = re.compile(r"\{([^{}]+)\}")
_PART = re.compile(r"\b\d{1,12}-(\d{1,12})/(\d{1,12})\b")
_PAST_END = (400, 404, 416, 422)  # how some systems answer to a page behind the last
_ODATA = "@odata.nextLink"
_ERRORS = ("error", "errors", "Errors")  # where an answer says that it broke off, whatever its status
_REFUSED = 403  # what an answer is taken for that says no although its status is 200
Said = dict[str, str]


class Instead(Table):
    """What is asked instead when the source does not permit, or does not have, what was asked first."""

    status: int
    path: str | None = None  # None: nothing is asked instead
    params: dict[str, str | list[str]] | None = None  # None: the same
    note: str  # what the rows then lack, in words


class Stream(Table):
    """One list of a source, and how it is walked.

    `{name}` in a text stands for an option, a value of `over`, or a field of the record of `each`.
    """

    name: str = ROWS
    looked_up: bool = False  # its records are not rows of the feed, but say more of them
    path: str
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, str | list[str]] = {}
    body: dict[str, Any] = {}
    records: str = ""  # where they stand in an answer: "" = the answer itself, "….*" = the values of a table
    none_when: str = ""  # a field that an answer without records still has, or `null`; else they must be there
    key: Texts
    walk: Walk = Whole()
    total: str = ""  # where the total stands: in the body, or `header:X-Total-Count`
    total_path: str = ""  # an address of its own that tells it
    repeats: bool = False  # the list rightly names a key more than once
    over: dict[str, list[str]] = {}  # walked once for each value
    each: str = ""  # walked once for each record of that stream
    carry: Said = {}  # field of each record ← `{field}` of the record of `each`, or value of `over`
    only: dict[str, list[str]] = {}  # records of it that further streams are walked for, by field
    refused_when: Said = {}  # a 200 that is an error: field = value
    instead: list[Instead] = []

    @field_validator("params")
    @classmethod
    def _tell_no_credential(cls, params: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for name, value in params.items():
            if isinstance(value, str) and is_reference(value):
                raise ValueError(f"{name} would tell a credential in the address; write it under auth")
        return params

    def fill(self, said: Mapping[str, str]) -> "Stream":
        """The stream with every `{name}` replaced; raises ValueError for one that nobody says."""
        paths = {name: filled(getattr(self, name), said, quoted=True) for name in ("path", "total_path")}
        return self.model_copy(
            update=paths | {name: filled_in(getattr(self, name), said) for name in ("params", "body", "carry")}
        )


def walk(client: Client, stream: Stream, seen: Seen) -> Iterator[tuple[Page, list[Any]]]:
    """Every page of a filled stream with its records, counted in `seen`; raises PullError unless the end is proven."""
    asked = set[str]()
    declared = _total_apart(client, stream)
    request: Request | None = stream.walk.first(_taken_apart(client.resolve(stream.path), stream.params))
    while request is not None:
        if request.words in asked:
            raise PullError(f"{client.base} names a page again that was read already: its pages go in a circle")
        asked.add(request.words)
        try:
            answer = client.ask(request.url, request.params, stream.method, stream.body or None)
        except PullError as error:
            if error.status in _PAST_END and _is_past_end(stream, seen):
                break
            raise
        records = _records(stream, answer)
        _learn_total(stream, seen, answer, declared)
        news = seen.add(records, stream.key)
        if records and not seen.has_keys:
            raise PullError(f"no record has {' or '.join(map(repr, stream.key))}, which is to tell them apart")
        if records and not news and not stream.repeats:
            if _is_past_end(stream, seen):  # some systems answer with the last page again
                break
            raise PullError("a page brings only what was there already: its pages go in a circle")
        page = Page(
            asked=client.wire.vault.blot(request.words),
            at=answer.at,
            body=answer.body,
            count=len(records),
            records_at=stream.records,
            stream=stream.name if stream.looked_up else ROWS,
            carried=stream.carry,
            etag=answer.headers.get("etag"),
        )
        yield page, records
        request = stream.walk.after(request, answer, len(records), seen)
        if request is None:
            _hold_last(stream, answer)
    _hold(stream, seen)
    if stream.total and seen.declared is None:
        client.wire.note(f"no answer tells the total {stream.total!r}: nothing holds what came against it")


def _taken_apart(url: str, params: Mapping[str, str | list[str]]) -> Request:
    """A request with what its address asks for among its parameters, where nothing replaces it."""
    parts = urlsplit(url)
    asked = {name: values if values[1:] else values[0] for name, values in parse_qs(parts.query, True).items()}
    return Request(urlunsplit(parts._replace(query="")), {**asked, **params})


def _hold_last(stream: Stream, answer: Answer) -> None:
    """Hold the end as the walk sees it against what the last answer says of itself in ways that are standards."""
    if isinstance(stream.walk, Whole | Cursor | Next):
        links = {"the Link header": next_link(answer.headers.get("link", "")), _ODATA: dig(answer.data, _ODATA)}
        if told := next((name for name, link in links.items() if link), None):
            raise PullError(f"{told} names a next page, to which walk.by = {stream.walk.by!r} does not go")
    told = answer.headers.get("content-range", "")
    if isinstance(stream.walk, Whole) and (part := _PART.search(told)) and int(part[1]) + 1 < int(part[2]):
        raise PullError(f"the answer is a part of the list only (Content-Range: {told}); say by which walk it goes on")


def _hold(stream: Stream, seen: Seen) -> None:
    """Hold what came against what the source declares."""
    if seen.declared is None:
        if seen.distinct < seen.rows and not stream.repeats and not isinstance(stream.walk, Keyset):
            raise ShiftedError("the source changed while it was read: some records came twice")
        return
    count = seen.distinct if stream.key else seen.rows
    if seen.changed:
        raise ShiftedError(f"the source changed while it was read: its total became {seen.declared}, and {count} came")
    if count != seen.declared:
        raise ShiftedError(f"the source declares {seen.declared} records, but {count} different ones came")


def _is_past_end(stream: Stream, seen: Seen) -> bool:
    return isinstance(stream.walk, Total) and seen.declared is not None and seen.distinct >= seen.declared


def _records(stream: Stream, answer: Answer) -> list[Any]:
    if refusal := next((n for n, value in stream.refused_when.items() if _plain(dig(answer.data, n)) == value), None):
        said = message(answer.data) or f" ({refusal})"
        raise PullError(f"the source answered {stream.path or 'what was asked'} with an error{said}", _REFUSED)
    if stream.records == "*":  # a table, whose names are its records' own, and of whose records none is a text
        told = message(answer.data)
    else:
        beside = answer.data if isinstance(answer.data, dict) else {}
        told = next((message(answer.data) or f" ({name})" for name in _ERRORS if beside.get(name)), "")
    if told:
        raise PullError(f"the answer tells of an error beside its records{told}")
    records = records_at(answer.data, stream.records)
    if records is None and _says_none(stream, answer.data):
        return []
    if records is None:
        where = f"at {stream.records!r}" if stream.records else "in the answer"
        said = message(answer.data) or "; is the address right, or has the system changed?"
        raise PullError(f"there is no list of records {where}{said}")
    return records


def _says_none(stream: Stream, data: object) -> bool:
    """Whether an answer without records says that there are none, and not something else altogether."""
    if data is None:
        return stream.none_when == "null"
    return bool(stream.none_when) and dig(data, stream.none_when) is not None and dig(data, stream.records) is None


def _learn_total(stream: Stream, seen: Seen, answer: Answer, apart: int | None) -> None:
    """Note the total that is declared; raises PullError where the end of the walk needs one that is not."""
    if isinstance(stream.walk, Keyset) and seen.pages:  # it asks for less with each page: this is the total of the rest
        return
    if stream.total_path or not stream.total:
        total = apart
    elif stream.total.startswith("header:"):
        total = _count(answer.headers.get(stream.total.removeprefix("header:")))
    else:
        total = _count(dig(answer.data, stream.total))
    if total is not None:  # some tell it on one page only
        seen.changed |= seen.declared not in (None, total)
        seen.declared = total
    elif isinstance(stream.walk, Total) and not isinstance(stream.walk, Empty):
        where = stream.total_path or stream.total
        raise PullError(f"the answer declares no total at {where!r}, by which its end is known")


def _total_apart(client: Client, stream: Stream) -> int | None:
    if not stream.total_path:
        return None
    answer = client.ask(stream.total_path)
    told = dig(answer.data, stream.total)
    return len(told) if isinstance(told, list) else _count(told)


def _count(told: object) -> int | None:
    text = str(told)
    return int(text) if text.isdecimal() and len(text) < 12 else None


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def places(text: str) -> list[str]:
    """The names that stand as `{name}` in a text."""
    return _PLACE.findall(text)


def filled(text: str, said: Mapping[str, str], *, quoted: bool = False) -> str:
    """A text with every `{name}` replaced by what is said for it; raises ValueError for one nobody says."""

    def put(place: re.Match[str]) -> str:
        if place[1] not in said:
            raise ValueError(f"needs {place[1]!r}, which is not given")
        return quote(said[place[1]], safe="") if quoted else said[place[1]]

    return _PLACE.sub(put, text)


def filled_in(value: Any, said: Mapping[str, str]) -> Any:
    """A nested value with every text in it filled."""
    if isinstance(value, dict):
        return {name: filled_in(member, said) for name, member in value.items()}
    if isinstance(value, list):
        return [filled_in(member, said) for member in value]
    return filled(value, said) if isinstance(value, str) else value
