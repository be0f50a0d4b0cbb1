"""The next page as a Link header names it, however servers write that header."""

import pytest

from connectors.pages import PullError
from connectors.walks import next_link


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
