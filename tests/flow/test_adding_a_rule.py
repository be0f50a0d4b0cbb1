"""One file makes a rule: the one that the docs show is found, explained, judged and published."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import checks.rules.custody
from checks.rules import discover
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace, run_steps
from tieout.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-rule.md"


@pytest.fixture
def aged_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rule]:
    """The documented rule, as a file in the catalogue."""
    shown = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "aged_device.py").write_text(shown[1], encoding="utf-8")
    monkeypatch.setattr(checks.rules.custody, "__path__", [*checks.rules.custody.__path__, str(folder)])
    yield {rule.slug: rule for rule in discover()}["aged-device"]
    sys.modules.pop("checks.rules.custody.aged_device")


def test_its_cases_hold(aged_device: Rule) -> None:
    from tests.test_every_rule import answer, row

    assert [answer(aged_device, row(aged_device, case)) for case in aged_device.fires] == [(True, True)]
    for case in aged_device.quiet:
        looked_at, fired = answer(aged_device, row(aged_device, case))
        assert not looked_at or fired is False


def test_it_is_judged_by_the_workspaces_limit_and_published(aged_device: Rule, make_workspace: MakeWorkspace) -> None:
    assets = "asset_tag,asset_class,status,status_since,serial\nT1,laptop,in_use,2024-01-01,ABC123\n"
    for limit, found in ((1003, 0), (1002, 1)):
        root = make_workspace(f"[rules.aged-device]\naged_days = {limit}\n", {"2026-09/assets.csv": assets})
        workspace = Workspace.open(root)
        run_steps(workspace, "2026-09")
        open_ones = "FROM exceptions WHERE rule = 'aged-device' AND status <> 'resolved'"
        assert query(workspace.published_database, open_ones).height == found
    page = (workspace.reports / "2026-09" / "reconciliation.html").read_text(encoding="utf-8")
    assert "A device that one person has used for longer than it is meant to last" in page
