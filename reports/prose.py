"""A rule in words: its title and the paragraphs under the headings of its docstring."""

import re
from dataclasses import dataclass

HEADINGS = ("Finds", "Matters", "Do", "Quiet")


@dataclass(frozen=True)
class Prose:
    """What a rule says of itself; a paragraph it does not have is empty."""

    slug: str
    title: str
    finds: str = ""
    matters: str = ""
    do: str = ""
    quiet: str = ""


def read(slug: str, doc: str) -> Prose:
    """The prose of a rule's docstring; a rule that is no longer there is titled by its slug."""
    if not doc.strip():
        return Prose(slug, slug.replace("-", " ").capitalize())
    title, _, body = doc.strip().partition("\n")
    parts = re.split(rf"^({'|'.join(HEADINGS)}):", body, flags=re.MULTILINE)
    paragraphs = {name.lower(): " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return Prose(slug, title.rstrip("."), **paragraphs)
