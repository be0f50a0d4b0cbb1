"""The documentation says what the code does."""

import re
from pathlib import Path

import pytest

from pipelines import reference

ROOT = Path(__file__).parents[1]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_makes(name: str) -> None:
    committed = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert committed == PAGES[name], f"run `python -m pipelines.reference` and commit docs/reference/{name}"


def test_no_reference_page_is_left_over() -> None:
    assert sorted(path.name for path in reference.FOLDER.glob("*")) == sorted(PAGES)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_commands_that_are_shown_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shown = re.findall(r"`(tieout [a-z][^`\n]*)`", text) + re.findall(r"^(tieout [a-z].*)$", text, re.MULTILINE)
    known = reference.command_options()
    for line in shown:
        _, command, *words = line.split("#")[0].split()
        assert command in known, line
        assert {word for word in words if word.startswith("-")} <= known[command], line


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target
