"""The next page as a Link header names it, however servers write that header; and what is no end of a walk."""

from datetime import UTC, datetime
from typing import cast

import pytest

from connectors.http import Answer, Client
from connectors.pages import PullError
from connectors.streams import Stream, walk
from connectors.walks import Cursor, Empty, Next, Seen, Total, Walk, Whole, next_link
from connectors.wire import Wire


@pytest.mark.parametrize(
    "header",
    [
        '<https://x/2>; rel="next"',
        "<https://x/2>; rel=next",
        "<https://x/2>;rel=NEXT",
        "<https://x/2>; rel='next'",
        '<https://x/2> ; rel = "next last"',
        '<https://x/2>; title="a, b"; rel="next"; results="true"',
        '<https://x/1>; rel="self", <https://x/2>; rel="next"',
        "<https://x/1?a=1,2;3>; rel=self,, <https://x/2>; foo; rel=next",
    ],
)
def test_the_next_page_is_found(header: str) -> None:
    assert next_link(header) == "https://x/2"


@pytest.mark.parametrize(
    "header", ["", '<https://x/1>; rel="self"', "<https://x/1>; rel=nextish", "<https://x/1>", '<a>; title="next"']
)
def test_there_is_no_next_page(header: str) -> None:
    assert next_link(header) is None


@pytest.mark.parametrize(
    "header",
    [
        "<https://x/2",
        '<https://x/2>; rel="next',
        "https://x/2; rel=next",
        "<https://x/1>; rel=self <https://x/2>; rel=next",
    ],
)
def test_a_damaged_header_is_no_end(header: str) -> None:
    with pytest.raises(PullError, match="Link header is damaged"):
        next_link(header)


class Told:
    """A source that always answers the same, whatever it is asked."""

    base, wire = "https://x.org", Wire()

    def __init__(self, records: list[object], **headers: str) -> None:
        self._answer = Answer(
            self.base, headers, b"", {"items": records, "total": 2}, datetime(2026, 10, 31, tzinfo=UTC)
        )

    def resolve(self, link: str) -> str:
        return f"{self.base}/{link}"

    def ask(self, *asked: object) -> Answer:
        return self._answer


def walked(told: Told, by: Walk) -> list[object]:
    stream = Stream(path="list", records="items", key=["id"], walk=by, total="total" if by.by == "total" else "")
    return [record for _, records in walk(cast(Client, told), stream, Seen()) for record in records]


@pytest.mark.parametrize(
    ("by", "headers", "why"),
    [
        (Whole(), {"link": '</list?page=2>; rel="next"'}, "the Link header names a next page"),
        (Cursor(), {"link": "</list?page=2>;rel=next"}, "the Link header names a next page"),
        (Whole(), {"content-range": "items 0-1/9"}, "a part of the list only"),
    ],
)
def test_an_answer_that_says_it_is_not_the_end_is_none(by: Walk, headers: dict[str, str], why: str) -> None:
    with pytest.raises(PullError, match=why):
        walked(Told([{"id": 1}, {"id": 2}], **headers), by)


@pytest.mark.parametrize(("by", "said"), [(Next(more="more"), {"more": True}), (Next(last="end"), {"end": False})])
def test_an_answer_that_is_not_the_last_and_names_no_next_page_is_no_end(by: Walk, said: dict[str, bool]) -> None:
    class Losing(Told):
        def ask(self, *asked: object) -> Answer:
            return Answer(self.base, {}, b"", {"items": [{"id": 1}], **said}, datetime(2026, 10, 31, tzinfo=UTC))

    with pytest.raises(PullError, match="says that there is more, but names no next page"):
        walked(Losing([]), by)


def test_an_answer_of_odata_that_names_a_next_page_is_no_end() -> None:
    class Odata(Told):
        def ask(self, *said: object) -> Answer:
            body = {"items": [{"id": 1}], "@odata.nextLink": "https://x.org/list?$skiptoken=2"}
            return Answer(self.base, {}, b"", body, datetime(2026, 10, 31, tzinfo=UTC))

    with pytest.raises(PullError, match="nextLink names a next page"):
        walked(Odata([]), Whole())


def test_an_answer_that_says_it_is_the_whole_is_it() -> None:
    told = Told([{"id": 1}, {"id": 2}], **{"link": '</list>; rel="first"', "content-range": "items 0-1/2"})
    assert len(walked(told, Whole())) == 2


def test_a_table_that_tells_of_an_error_holds_no_records() -> None:
    class Failing(Told):
        def ask(self, *asked: object) -> Answer:
            body = {"success": False, "error": {"message": "the database is gone"}}
            return Answer(self.base, {}, b"", body, datetime(2026, 10, 31, tzinfo=UTC))

    stream = Stream(path="computers", records="*", key=["_key"])
    with pytest.raises(PullError, match="tells of an error beside its records"):
        list(walk(cast(Client, Failing([])), stream, Seen()))


def test_a_record_without_a_key_is_no_news_when_it_comes_again() -> None:
    assert walked(Told([{"id": 1}, "junk"]), Total()) == [{"id": 1}, "junk"]
    with pytest.raises(PullError, match="go in a circle"):
        walked(Told([{"id": 1}, "junk"]), Empty())


def test_a_total_that_is_told_once_is_held_against_all_that_came() -> None:
    class Telling(Told):
        """OData tells the count with the first page only; this source forgets a record of the second."""

        def ask(self, *said: object) -> Answer:
            link, body = str(said[0]), {"items": [{"id": str(said[0])}]}
            more = {"count": 3, "next": "https://x.org/2"} if "list" in link else {}
            return Answer(link, {}, b"", body | more, datetime(2026, 10, 31, tzinfo=UTC))

    stream = Stream(path="list", records="items", key=["id"], walk=Next(at="next"), total="count")
    with pytest.raises(PullError, match="declares 3 records, but 2 different ones came"):
        list(walk(cast(Client, Telling([])), stream, Seen()))


def test_a_total_that_is_never_told_is_noted_once() -> None:
    told = Told([{"id": 1}, {"id": 2}])
    told.wire = Wire()
    stream = Stream(path="list", records="items", key=["id"], walk=Cursor(), total="meta.totl")
    for _ in range(2):
        list(walk(cast(Client, told), stream, Seen()))
    assert told.wire.notes == ["no answer tells the total 'meta.totl': nothing holds what came against it"]


def test_what_an_address_asks_for_is_asked_for_with_every_page() -> None:
    asked: list[object] = []

    class Listening(Told):
        def ask(self, *said: object) -> Answer:
            asked.append(said[:2])
            return super().ask(*said)

    stream = Stream(path="list?state=all&of=a&of=b", records="items", key=["id"], walk=Total(), total="total")
    list(walk(cast(Client, Listening([{"id": 1}, {"id": 2}])), stream, Seen()))
    of_all = {"state": "all", "of": ["a", "b"]}
    assert asked == [("https://x.org/list", {**of_all, "offset": place}) for place in ("0", "2")]
