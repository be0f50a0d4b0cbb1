"""What every page says of the sample tables, word for word: a change of words or numbers shows as a change of text.

After a change that is meant, `TIEOUT_SNAPSHOTS=write pytest tests/test_snapshots.py` writes them anew.
"""

import os
from pathlib import Path

import pytest

from reports import render
from tests import pages
from tests.test_every_report import Document

FOLDER = Path(__file__).parent / "samples" / "pages"
RENDERED = pages.html(render(pages.full(), pages.ABOUT, pages.RULES))

ENDS_A_LINE = {"tr", "p", "li", "h1", "h2", "h3", "caption", "summary", "title", "desc", "text", "figcaption", "div",
               "dt", "dd"}  # fmt: skip


class Lines(Document):
    """A page's words, a line for each row, paragraph, item or heading."""

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if tag in ENDS_A_LINE:
            self.words.append("\n")
        elif tag in ("td", "th"):
            self.words.append(" | ")


def said(page: str) -> str:
    """The words of a page, line by line."""
    lines = (" ".join(line.split()).strip("| ") for line in "".join(Lines(page).words).split("\n"))
    return "\n".join(line for line in lines if line) + "\n"


@pytest.mark.parametrize("name", sorted(RENDERED))
def test_a_page_says_what_it_said(name: str) -> None:
    path = FOLDER / f"{name.replace('/', '-').removesuffix('.html')}.txt"
    if os.environ.get("TIEOUT_SNAPSHOTS") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said(RENDERED[name]), encoding="utf-8")
    assert said(RENDERED[name]) == path.read_text(encoding="utf-8")


def test_no_page_is_remembered_that_is_gone() -> None:
    names = {name.replace("/", "-").removesuffix(".html") for name in RENDERED}
    assert {path.stem for path in FOLDER.iterdir()} == names
