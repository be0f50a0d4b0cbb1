"""One file makes a rule, in the catalogue or in a workspace's own folder: found, explained, judged and published."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import checks.rules.custody
from checks.rules import discover
from pipelines import catalogue
from pipelines.catalogue import RuleFileError, doubts, failures, rules_of
from pipelines.errors import ConfigError
from pipelines.explain import explain
from pipelines.rulebook import listed, shown
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace, run_steps
from tieout.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-rule.md"
ASSETS = "asset_tag,asset_class,status,status_since,serial\nT1,laptop,in_use,2024-01-01,ABC123\n"
OPEN_ONES = "FROM exceptions WHERE rule = 'aged-device' AND status <> 'resolved'"


def documented() -> str:
    """The rule that the docs show."""
    text = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert text
    return text[1]


@pytest.fixture
def aged_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rule]:
    """The documented rule, as a file in the catalogue."""
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (folder / "aged_device.py").write_text(documented(), encoding="utf-8")
    monkeypatch.setattr(checks.rules.custody, "__path__", [*checks.rules.custody.__path__, str(folder)])
    yield {rule.slug: rule for rule in discover()}["aged-device"]
    sys.modules.pop("checks.rules.custody.aged_device")


def own(root: Path, name: str = "custody/aged_device.py", text: str | None = None) -> Path:
    """Put a file into a workspace's own rules."""
    path = root / "rules" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(documented() if text is None else text, encoding="utf-8")
    return path


def test_its_cases_hold(aged_device: Rule) -> None:
    assert failures(aged_device) == []


def test_it_is_judged_by_the_workspaces_limit_and_published(aged_device: Rule, make_workspace: MakeWorkspace) -> None:
    for limit, found in ((1003, 0), (1002, 1)):
        root = make_workspace(f"[rules.aged-device]\naged_days = {limit}\n", {"2026-09/assets.csv": ASSETS})
        workspace = Workspace.open(root)
        run_steps(workspace, "2026-09")
        assert query(workspace.published_database, OPEN_ONES).height == found
    page = (workspace.reports / "2026-09" / "reconciliation.html").read_text(encoding="utf-8")
    assert "A device that one person has used for longer than it is meant to last" in page


# -- in a workspace of one's own ---------------------------------------------------------------------------------------


def test_a_rule_of_ones_own_goes_everywhere_a_rule_goes(make_workspace: MakeWorkspace) -> None:
    config = """
[rules.aged-device]
aged_days = 100
[[routes]]
owner = "renewals"
rule = "aged-device"
[[exempt]]
rule = "aged-device"
subject = "T2"
who = "Ada"
why = "it is a museum piece"
until = 2027-12-31
"""
    root = make_workspace(config, {"2026-09/assets.csv": ASSETS + "T2,laptop,in_use,2024-01-01,ABC124\n"})
    own(root)
    workspace = Workspace.open(root)
    run_steps(workspace, "2026-09")
    row = query(workspace.published_database, OPEN_ONES).row(0, named=True)
    assert (row["subject"], row["owner"], row["severity"], row["process"]) == ("T1", "renewals", "low", "retire")
    runs = query(workspace.published_database, "FROM rule_runs WHERE rule = 'aged-device'").row(0, named=True)
    assert (runs["fired"], runs["exempt"], runs["params"], len(runs["rule_hash"])) == (1, 1, '{"aged_days": 100}', 16)
    page = (workspace.reports / "2026-09" / "reconciliation.html").read_text(encoding="utf-8")
    assert "A device that one person has used for longer than it is meant to last" in page
    said = shown(workspace, "aged-device")
    assert (said["from"], said["category"], said["does_not_hold"]) == (str(root / "rules"), "custody", [])
    assert "aged-device" in listed(workspace)["rule"].to_list()
    answers = {answer["rule"]: answer["answer"] for answer in explain(workspace, "T1", None)["rules"]}
    assert answers["aged-device"] == "fired"


def test_two_workspaces_do_not_see_each_others_rules(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    root = make_workspace()
    own(root)
    path, modules = list(sys.path), set(sys.modules)
    found = {rule.slug for rule in rules_of(root / "rules")}
    assert found - {rule.slug for rule in rules_of(tmp_path / "elsewhere" / "rules")} == {"aged-device"}
    assert (sys.path, {name for name in set(sys.modules) - modules if "aged" in name}) == (path, set())
    assert [p.name for p in (root / "rules").rglob("*")] == ["custody", "aged_device.py"]


def test_a_changed_file_is_another_rule_at_once(make_workspace: MakeWorkspace) -> None:
    root = make_workspace()
    own(root)
    own(root, text=documented().replace("1825", "1900").replace("1826", "1901"))
    rule = {rule.slug: rule for rule in rules_of(root / "rules")}["aged-device"]
    assert rule.params == {"aged_days": 1900}


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("held_by_leaver.py", ('slug="aged-device"', 'slug="held-by-leaver"'), "there is a rule 'held-by-leaver'"),
        ("aged_device.py", ("RULE = Rule(", "RULE = Rule(("), "line 13: '(' was never closed"),
        ("aged_device.py", ("import polars as pl", "import polar as pl"), "line 9: ModuleNotFoundError"),
        ("aged_device.py", ('slug="aged-device",', ""), "line 13: TypeError"),
        ("aged_device.py", ("RULE = Rule", "RULES = Rule"), "it defines no RULE"),
        ("old_device.py", ("", ""), "it holds the rule 'aged-device'; a rule's file bears its slug"),
        ("aged_device.py", ('grain="asset"', 'grain="assets"'), "there is no grain 'assets'; the grains are"),
        ("aged_device.py", ('"status_days")', '"status_dais")'), "it asks for 'status_dais', which the grain 'asset'"),
        ("aged_device.py", ("p.aged_days", "p.aged_day"), "declares no limit 'aged_day'"),
        ("aged_device.py", ('severity="low"', 'severity="minor"'), "the severity 'minor' is none of critical, high"),
        ("aged_device.py", ("params={", 'requires=("mdm",), params={'), "requires names 'mdm', which is no feed"),
        ("aged_device.py", ("params={", 'after=("old-rule",), params={'), "goes after 'old-rule', which is no rule"),
        ("aged_device.py", ("params={", 'after=("aged-device",), params={'), "rules go after each other in a circle"),
        ("aged_device.py", ("p.aged_days,", 'pl.col("asset_tag") + 1,'), "it cannot be put to a row of asset"),
        ("aged_device.py", ("import polars as pl", "import sys; sys.exit(3)"), "line 9: SystemExit: 3"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_rule_is_one_sentence(
    make_workspace: MakeWorkspace, name: str, changed: tuple[str, str], said: str
) -> None:
    root = make_workspace()
    path = own(root, name, documented().replace(*changed, 1))
    with pytest.raises(RuleFileError) as problem:
        Workspace.open(root)
    assert isinstance(problem.value, ConfigError)
    assert said in str(problem.value)
    assert str(path.parent) in str(problem.value)
    assert "\n" not in str(problem.value)


def test_two_files_of_one_slug_are_refused(make_workspace: MakeWorkspace) -> None:
    root = make_workspace()
    own(root)
    own(root, "person/aged_device.py")
    with pytest.raises(RuleFileError, match="there is a rule 'aged-device' already"):
        Workspace.open(root)


def test_check_says_which_case_does_not_hold_and_who_may_change_the_file(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(files={"2026-09/assets.csv": ASSETS})
    text = documented().replace('{"status_days": 1826},', '{"status_days": 1825},').replace("Quiet:", "Calm:")
    path = own(root, text=text)
    path.chmod(0o664)
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "check", "-w", str(root)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stdout.splitlines() == [
        f"{path} may be changed by others, and rules run with your rights; `chmod go-w` it.",
        "rule aged-device: its docstring lacks Quiet; each heading begins a line, like `Quiet: …`.",
        "rule aged-device: fires[0] should fire, but does not.",
    ]
    assert shown(Workspace.open(root), "aged-device")["does_not_hold"][1] == "fires[0] should fire, but does not"


def test_every_rule_of_the_catalogue_keeps_what_is_asked_of_own_ones(tmp_path: Path) -> None:
    assert {rule.slug: failures(rule) for rule in catalogue.rules_of(tmp_path) if failures(rule)} == {}
    assert doubts(tmp_path / "none") == []
