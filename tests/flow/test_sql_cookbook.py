"""Every query of the cookbook runs against the sample company, and the page shows it as it is."""

from pathlib import Path

import pytest

from tests.flow.conftest import Ask

ROOT = Path(__file__).parents[2]
QUERIES = sorted((ROOT / "data" / "sql").glob("*.sql"))
PAGE = (ROOT / "docs" / "sql-cookbook.md").read_text(encoding="utf-8")
FINDS_NOTHING = {"populations-tie-out"}
"""Queries that show rows only where something is wrong."""


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_answers_and_is_shown(path: Path, ask: Ask) -> None:
    query = path.read_text(encoding="utf-8")
    title, _, body = query.partition("\n")
    assert f"### {path.stem}\n\n{title.removeprefix('-- ')}\n\n```sql\n{body}```\n" in PAGE
    answer = ask(query)
    assert answer.is_empty() == (path.stem in FINDS_NOTHING)
    if "difference" in answer.columns:
        assert set(answer["difference"]) == {0}
    assert ask(query).equals(answer), "its order is not settled"


def test_the_cookbook_is_as_thick_as_promised() -> None:
    assert len(QUERIES) >= 15
    assert PAGE.count("```sql") == len(QUERIES)
