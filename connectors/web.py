"""Pulls a system that is asked over the web: every stream to its proven end, once more where it moved meanwhile."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from connectors.http import Client
from connectors.pages import PageFile, PullError, ShiftedError
from connectors.streams import Stream, walk
from connectors.system import WEAKEST, Delivery, End, WebOptions
from connectors.texts import as_text
from connectors.walks import Seen
from connectors.wire import Wire

_WEAKEST_FIRST = (WEAKEST, "nothing after the last key", "one whole answer", "no further cursor",
                  "no next link", "declared total")  # fmt: skip
Fields = dict[str, str]


def pull(options: WebOptions, delivery: Delivery, pages: PageFile, wire: Wire) -> End:
    """Everything a delivery's streams hold; the proof is the weakest of theirs."""
    base = delivery.base(options) if delivery.base else options.url
    headers = {**options.HEADERS, **options.headers}
    auth = options.opens_with()
    if delivery.scope and not options.auth and hasattr(auth, "scope"):
        auth = auth.model_copy(update={"scope": delivery.scope})
    client = Client(base, auth.key(wire), options.limits, wire, headers)
    try:
        return _Pulling(client, options, pages, wire).streams(delivery.streams(options))
    finally:
        client.close()


class _Pulling:
    """One pull on its way."""

    def __init__(self, client: Client, options: WebOptions, pages: PageFile, wire: Wire) -> None:
        self._client, self._options, self._pages, self._wire = client, options, pages, wire
        self._said = options.said | _times(wire.now(), options.usage_days) | {"period": wire.period}
        self._parents: dict[str, list[Fields]] = {}
        self._distinct = 0
        self._declared: int | None = None

    def streams(self, streams: list[Stream]) -> End:
        needed = {stream.each for stream in streams}
        for stream in streams:
            found: list[Fields] = []
            for said in self._fillings(stream):
                found += self._to_the_end(stream.fill(self._said | said), keep=stream.name in needed)
            self._parents[stream.name] = found
            if not self._wire.is_glance:
                _hold_all_wanted(stream, found)
        weakest = min((stream.walk.proof for stream in streams), key=_WEAKEST_FIRST.index)
        return End(weakest, self._distinct, self._declared)

    def _fillings(self, stream: Stream) -> Iterator[Fields]:
        """What the places of a stream stand for, once for each walk of it."""
        parents = self._parents[stream.each] if stream.each else [{}]
        for parent in parents:
            for values in product(*stream.over.values()):
                yield parent | dict(zip(stream.over, values, strict=True))
                if self._wire.is_glance:
                    return

    def _to_the_end(self, stream: Stream, *, keep: bool) -> list[Fields]:
        """Walk a filled stream; begin once more if it moved, ask otherwise if it is not permitted."""
        mark, instead = self._pages.mark(), list(stream.instead)
        again = True
        while True:
            try:
                return self._walk(stream, keep=keep)
            except ShiftedError as moved:
                if not again:
                    raise
                again = False
                self._wire.say(f"begins again: {moved}")
            except PullError as error:
                other = next((one for one in instead if one.status == error.status), None)
                if other is None or self._pages.mark() != mark:
                    raise
                instead.remove(other)
                self._wire.note(other.note)
                if other.path is None and other.params is None:
                    return []
                stream = stream.model_copy(
                    update={"path": other.path or stream.path, "params": other.params or stream.params}
                )
            self._pages.back_to(mark)

    def _walk(self, stream: Stream, *, keep: bool) -> list[Fields]:
        kept: list[Fields] = []
        seen = Seen()
        for page, records in walk(self._client, stream, seen):
            self._options.limits.hold_size(self._pages)
            self._pages.add(page)
            if not stream.looked_up:
                self._wire.say(f"{self._pages.pages} pages, {self._pages.rows:,} rows")
            if keep:
                kept += [fields for record in records if (fields := _wanted(stream, record)) is not None]
            if self._wire.is_glance:
                break
        if not stream.looked_up:
            self._distinct += seen.distinct
            self._declared = seen.declared if seen.declared is None else seen.declared + (self._declared or 0)
        return kept


def _hold_all_wanted(stream: Stream, found: list[Fields]) -> None:
    """Raise PullError where a record that was asked for by name is not there: without it the rows are not whole."""
    for field, wanted in stream.only.items():
        missing = sorted(set(wanted) - {fields.get(field, "") for fields in found})
        if missing:
            raise PullError(f"none of the source's {stream.name} has the {field} {' or '.join(map(repr, missing))}")


def _times(now: datetime, days: int) -> Fields:
    """What `{now}` and `{since}` stand for, to the second."""
    return {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in (("now", now), ("since", now - timedelta(days=days)))}


def _wanted(stream: Stream, record: Any) -> Fields | None:
    """The plain fields of a record that other streams are walked for; None if they are not."""
    if not isinstance(record, Mapping):
        return None
    fields = {name: as_text(value) for name, value in record.items() if isinstance(value, str | int)}
    wanted = all(fields.get(name) in values for name, values in stream.only.items() if values)
    return fields if wanted else None
