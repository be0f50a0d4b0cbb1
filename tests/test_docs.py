"""The documentation says what the code does."""

import re
from pathlib import Path

import pytest

from checks.rules import discover
from pipelines import reference

ROOT = Path(__file__).parents[1]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
PAGES = reference.pages()
CHANGELOG = "".join(re.findall(r"^### Rules\n(.*?)(?=^##|\Z)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M | re.S))
KINDS = ("Added", "Retired")
SLUG = re.compile(r"`([a-z-]+)`")


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_makes(name: str) -> None:
    committed = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert committed == PAGES[name], f"run `python -m pipelines.reference` and commit docs/reference/{name}"


def test_no_reference_page_is_left_over() -> None:
    assert sorted(path.name for path in reference.FOLDER.glob("*")) == sorted(PAGES)


def test_the_changelog_lists_every_rule() -> None:
    entries = re.findall(r"^- (Added|Retired)\b(.*?)(?=^- |^#|\Z)", CHANGELOG, re.MULTILINE | re.DOTALL)
    slugs = {kind: {slug for k, text in entries if k == kind for slug in SLUG.findall(text)} for kind in KINDS}
    assert sorted(slugs["Added"] - slugs["Retired"]) == [rule.slug for rule in discover()]


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
