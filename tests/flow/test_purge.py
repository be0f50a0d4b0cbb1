"""After a purge nobody is found who is named in old months only, and all that is kept still holds together."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines import closing, decisions, purge, verify
from pipelines.again import reproduce
from pipelines.closed import closings
from pipelines.collecting import collect
from pipelines.decisions import Act, as_asked
from pipelines.errors import ConfigError, TieoutError
from pipelines.rebuild import rebuild
from pipelines.sample import sample
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, Tieout, run_steps

OLD, NEXT = "2018-03", "2018-04"
CANARIES = ("P-canary-1", "Cora Canary", "cora.canary@x.org", "ccanary", "Cora said so", "Olga Overseer")
PEOPLE = "person_id,full_name,email,username,status,end_date\nP-2,Bob Stays,bob@x.org,bob,active,\n"
CORA = "P-canary-1,Cora Canary,cora.canary@x.org,ccanary,{}\n"
ACCOUNTS = "account_id,username,email,status\nA-2,bob,bob@x.org,active\n"
HERS = "A-1,ccanary,cora.canary@x.org,active\n"
ASSETS = "asset_tag,serial,asset_class,status,custodian\nT2,SERX2,laptop,in_use,P-2\n"
MOVES = "event_id,kind,asset_tag,to_person,occurred_at,reason\nM1,assign,T1,P-canary-1,2018-03-05T09:00:00Z,for Cora\n"
AT = datetime(2018, 4, 3, tzinfo=UTC)
NOW = Act(datetime(2026, 5, 1, tzinfo=UTC), "cli")


def deliver(root: Path, month: str, **feeds: str) -> None:
    for feed, text in feeds.items():
        path = root / "inbox" / month / f"{feed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def holding(root: Path) -> dict[str, list[str]]:
    """Files that hold any of the canaries."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found[path.relative_to(root).as_posix()] = [name for name in CANARIES if name.encode() in content]
    return {name: canaries for name, canaries in found.items() if canaries}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A month with a leaver, decided about and signed off, and one month after it without her."""
    root = tmp_path_factory.mktemp("purge") / "books"
    held = ASSETS + "T1,SERX1,laptop,in_use,P-canary-1\n"
    deliver(
        root,
        OLD,
        people=PEOPLE + CORA.format("terminated,2018-02-01"),
        accounts=ACCOUNTS + HERS,
        assets=held,
        movements=MOVES,
    )
    deliver(root, NEXT, people=PEOPLE, accounts=ACCOUNTS)
    deliver(root, NEXT, assets=ASSETS, movements=MOVES.splitlines()[0] + "\n")
    (root / "tieout.toml").write_text(MINIMAL)
    opened = Workspace.open(root)
    run_steps(opened, OLD)
    sql = "SELECT exception_id FROM exceptions ORDER BY rule LIMIT 1"
    said = {"exception_id": query(opened.published_database, sql).item(), "kind": "acknowledge"}
    said |= {"who": "Olga Overseer", "comment": "Cora said so"}
    decisions.record(opened, [as_asked(1, said)], Act(datetime(2018, 3, 9, tzinfo=UTC), "cli"))
    closing.close(opened, OLD, "Olga Overseer", "Bob", Act(datetime(2018, 3, 31, tzinfo=UTC), "cli"), None)
    run_steps(opened, NEXT)
    sent = {"about": "owners/x", "to": ["cora.canary@x.org"], "subject": "x", "at": "2018-03-09T08:00:00+00:00"}
    (root / "decisions" / "sent.jsonl").write_text(json.dumps(sent) + "\n")
    assert set().union(*holding(root).values()) == set(CANARIES)
    return opened


def test_what_may_not_be_purged(workspace: Workspace, tieout: Tieout) -> None:
    with pytest.raises(ConfigError, match="evidence is kept for 7 years"):
        purge.look(workspace, "2019-06", NOW.at)
    with pytest.raises(TieoutError, match="cannot approve what Ada asks for"):
        purge.purge(workspace, NEXT, "Ada", "ada", "retention", NOW)
    held = workspace.settings.model_copy(
        update={"retention": workspace.settings.retention.model_copy(update={"hold": [OLD]})}
    )
    assert purge.look(Workspace(workspace.root, held), NEXT, NOW.at) == purge.Purged((), (OLD,), 0)
    asked = (
        "purge",
        "-w",
        workspace.root,
        "--before",
        NEXT,
        "--approver",
        "Bob",
        "--reason",
        "x",
        "--dry-run",
        "--json",
    )
    assert json.loads(tieout(*asked).out)["months"] == [OLD]
    assert holding(workspace.root)


def test_nobody_is_found_after_a_purge(workspace: Workspace) -> None:
    before = query(workspace.published_database, "FROM rule_runs").height
    assert purge.purge(workspace, NEXT, "Ada", "Bob", "retention", NOW).months == (OLD,)
    assert holding(workspace.root) == {}
    assert verify.verify(workspace) == []
    assert query(workspace.published_database, "FROM rule_runs").height == before
    assert query(workspace.published_database, "SELECT count(*) FROM exceptions WHERE subject IS NULL").item() == 0
    state = f"SELECT state FROM periods WHERE period = '{OLD}'"
    assert query(workspace.published_database, state).item() == "purged"
    (signed,) = closings(workspace)
    assert (signed.entry.who, signed.entry.purged) == ("[purged]", True)
    with pytest.raises(TieoutError, match="was purged; it stays as it is"):
        run_steps(workspace, OLD)
    run_steps(workspace, NEXT)
    assert "are as they were recorded" in (workspace.reports / NEXT / "audit.html").read_text()
    assert rebuild(workspace, lambda said: None) == [NEXT]
    assert "are as they were recorded" in (workspace.reports / NEXT / "audit.html").read_text()
    assert query(workspace.published_database, state).item() == "purged"
    assert verify.verify(workspace) == []
    log = decisions.log_of(workspace)
    log.write_text(log.read_text().replace('"acknowledge"', '"dispute"'))
    assert "was changed since" in verify.verify(workspace)[0]


def test_what_was_dropped_elsewhere_sampled_or_sent_back_is_taken_away_too(tmp_path: Path) -> None:
    source = "[[sources]]\nname = 'hr'\nfeed = 'people'\npath = 'exports/{period}/hr.csv'\n"
    (tmp_path / "tieout.toml").write_text(MINIMAL + source)
    stranger = ASSETS + "T1,none,laptop,in_use,ccanary\n"
    for month, people, assets in ((OLD, PEOPLE + CORA.format("active,"), stranger), (NEXT, PEOPLE, ASSETS)):
        deliver(tmp_path, month, assets=assets)
        drop = tmp_path / "exports" / month / "hr.csv"
        drop.parent.mkdir(parents=True)
        drop.write_text(people)
        drop.with_name("hr.csv.control.toml").write_text('extracted_by = "Cora Canary"\n')
    opened = Workspace.open(tmp_path)
    run_steps(opened, OLD)
    sql = "SELECT exception_id FROM exceptions WHERE rule = 'unusable-serial'"
    answers = tmp_path / "decisions" / "returned" / "answers.csv"
    answers.parent.mkdir()
    subject = query(opened.published_database, sql).item()
    answers.write_text(f"exception_id,decision,who\n{subject},acknowledge,Olga Overseer\n")
    collect(opened, answers, AT.replace(month=3))
    sample(opened, OLD, 9, None, None)
    (tmp_path / "exports" / NEXT / "hr.csv.control.toml").unlink()
    run_steps(opened, NEXT)
    purge.purge(opened, NEXT, "Ada", "Bob", "retention", NOW)
    assert holding(tmp_path) == {}
    assert [path.name for path in (tmp_path / "exports").rglob("*.*")] == ["hr.csv"]
    assert list((tmp_path / "samples").iterdir()) == []
    assert [path.name for path in answers.parent.rglob("*")] == ["imported"]


def test_months_that_ran_before_a_purge_are_made_again_with_what_they_knew(tmp_path: Path) -> None:
    later = "2018-05"
    for month, serial in ((OLD, "none"), (NEXT, "SERX1"), (later, "SERX1")):
        deliver(tmp_path, month, assets=f"{ASSETS}T1,{serial},laptop,in_use,P-2\n")
    (tmp_path / "tieout.toml").write_text(MINIMAL)
    opened = Workspace.open(tmp_path)
    run_steps(opened, OLD)
    sql = "SELECT exception_id FROM exceptions WHERE rule = 'unusable-serial'"
    said = {"exception_id": query(opened.published_database, sql).item(), "kind": "acknowledge", "who": "Olga Overseer"}
    decisions.record(opened, [as_asked(1, said)], Act(datetime(2018, 3, 9, tzinfo=UTC), "cli"))
    run_steps(opened, NEXT)
    run_steps(opened, later)
    closing.close(opened, later, "Ada", "Bob", Act(datetime(2018, 6, 1, tzinfo=UTC), "cli"), None)
    purge.purge(opened, NEXT, "Ada", "Bob", "retention", NOW)
    assert reproduce(opened, later).period == later
    assert rebuild(opened, lambda said: None) == [NEXT, later]
    assert verify.verify(opened) == []
