"""The command line: what goes wrong is one sentence with its exit code and leaves nothing behind."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import __version__
from pipelines.errors import ConfigError
from pipelines.workspace import Workspace
from tests.conftest import HOLD, MakeWorkspace, Tieout, command, run_steps

ASSETS = "asset_tag,asset_class,status,serial\nT1,laptop,in_use,ABC123\nT2,laptop,in_use,none\n"


STEPS = ("feeds", "reconcile", "exceptions", "adjusted", "figures", "expected", "reports", "published")


def tree(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


# -- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--period", "2026-7"], "'2026-7' is not a period; write a month like 2026-10."),
        (["run", "--period", ""], "'' is not a period; write a month like 2026-10."),
        (
            ["run", "--period", "2026-07"],
            "nothing is delivered for 2026-07; the delivered months are 2026-09, 2999-01.",
        ),
        (["run"], "2999-01 is not over yet; name the day to judge at, like --as-of 2999-01-15."),
        (["run", "--as-of", "soon"], "--as-of 'soon' is not a date; write one like 2026-10-15 or 2026-10-15T12:00."),
        (["sql", "FROM exceptions"], "has published nothing yet; run `tieout run"),
        (["check", "nowhere.csv"], "nowhere.csv is no file."),
        (["check", "tieout.toml"], "names no feed and no source's path leads to it"),
        (["sql", "FROM x", "--csv", "--json"], "--csv and --json exclude each other"),
        (["run", "--period", "2026-09", "--pages", "look"], "--pages is for --preview: a run writes its pages below"),
        (["run", "--preview", "--period", "2026-09", "--pages", "inbox/look"], "inbox/look belongs to the workspace"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, tieout: Tieout, arguments: list[str], said: str
) -> None:
    root = make_workspace(files={"2026-09/assets.csv": ASSETS, "2999-01/assets.csv": ASSETS})
    monkeypatch.chdir(root)
    before = tree(root)
    answer = tieout(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert tree(root) == before


@pytest.mark.parametrize("config", ["[[sources]\n", "timezon = 'UTC'\n", "[policy.classes.lapto]\nmanaged = true\n"])
def test_a_broken_config_stops_every_command(make_workspace: MakeWorkspace, tieout: Tieout, config: str) -> None:
    root = make_workspace(config, {"2026-09/assets.csv": ASSETS})
    before = tree(root)
    for asked in (["run"], ["check"], ["sql", "SELECT 1"]):
        answer = tieout(*asked, "-w", root)
        assert (answer.code, answer.out) == (2, "")
        assert "tieout.toml" in answer.err
        assert len(answer.err.splitlines()) == 1
    assert tree(root) == before


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("reporting_currency = 'Euro'", "reporting_currency: 'Euro' is not three capital letters like 'EUR'."),
        ("[[sources]]\nname = 'a b'", "sources 'a b': name: 'a b' is not a name of letters, digits and . _ - alone."),
        ("[sources]\nname = 'hr'", "sources may stand more than once; write [[sources]] above each."),
        ("[policy]\ngo_live = '2026-13-01'", "policy.go_live should be a valid date or datetime, but is '2026-13-01'."),
    ],
)
def test_a_mistake_in_the_config_is_told_in_words_of_the_config(tmp_path: Path, config: str, said: str) -> None:
    required = {"organisation": "X", "timezone": "UTC", "reporting_currency": "EUR"}
    lines = [f"{key} = '{value}'\n" for key, value in required.items() if not config.startswith(key)]
    (tmp_path / "tieout.toml").write_text("".join([*lines, config]))
    with pytest.raises(ConfigError) as told:
        Workspace.open(tmp_path)
    assert str(told.value) == f"{tmp_path / 'tieout.toml'}: {said}"


def test_a_check_tells_every_mistake_in_the_config(make_workspace: MakeWorkspace, tieout: Tieout) -> None:
    def told(config: str) -> list[str]:
        answer = tieout("check", "-w", make_workspace(config))
        assert (answer.code, answer.out) == (2, "")
        return [line.partition("tieout.toml: ")[2] for line in answer.err.splitlines()]

    assert told("[policy]\nlegacy_days = 100_000\nwaive_days = -1\n[retention]\nhold = 7\n") == [
        "policy.legacy_days should be less than or equal to 99999, but is 100000.",
        "policy.waive_days should be greater than or equal to 0, but is -1.",
        "retention.hold: 7 is no month; write one like '2026-10', or true for all of them.",
    ]
    assert told("[policy]\nidel_days = 3\nidle_days = -1\n[rules.idle-stok]\n[rules.idle-stock]\nidle_day = 1\n") == [
        "rules: 'idle-stok' is not a rule; did you mean 'idle-stock'?",
        "policy.idel_days is not a known limit; did you mean 'idle_days'?",
        "policy.idle_days should be a number from 0 on, but is -1.",
        "rules.idle-stock.idle_day is not a known limit; did you mean 'idle_days'?",
    ]
    many = told("[policy]\n" + "".join(f"idle_{n} = 1\n" for n in range(12)))
    assert len(many) == 11


def test_a_mistyped_command_names_the_nearest(tieout: Tieout) -> None:
    answer = tieout("rnu")
    assert answer.code == 2
    assert "Did you mean 'run'?" in answer.err


def test_a_workspace_in_use_is_left_alone(make_workspace: MakeWorkspace, tieout: Tieout) -> None:
    root = make_workspace(files={"2026-09/assets.csv": ASSETS})
    with subprocess.Popen([sys.executable, "-c", HOLD, root], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        before = tree(root)
        answer = tieout("run", "-w", root)
        holder.kill()
    assert answer.code == 1
    assert f"is in use by {os.environ.get('USER', 'root')}" in answer.err
    assert len(answer.err.splitlines()) == 1
    assert tree(root) == before


def test_a_defect_is_one_sentence_too(monkeypatch: pytest.MonkeyPatch, tieout: Tieout, tmp_path: Path) -> None:
    def fail(directory: Path) -> Path:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("pipelines.starter.write_starter", fail)
    answer = tieout("init", tmp_path)
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert "a defect (ZeroDivisionError: oh)" in answer.err


# -- what needs no run -----------------------------------------------------------------------------------------------


def test_the_version_is_the_packages(tieout: Tieout) -> None:
    assert tieout("--version")[:2] == (0, f"tieout {__version__}\n")


def test_init_makes_a_workspace_and_never_overwrites(tieout: Tieout, tmp_path: Path) -> None:
    root = tmp_path / "books"
    assert tieout("init", root).code == 0
    assert (root / "inbox").is_dir()
    before = tree(root)
    answer = tieout("init", root)
    assert (answer.code, tree(root)) == (2, before)
    assert "is there already" in answer.err
    assert tieout("run", "-w", root).code == 2


def test_every_example_in_the_starter_is_a_config(tieout: Tieout, tmp_path: Path) -> None:
    root = tmp_path / "books"
    tieout("init", root)
    config = root / "tieout.toml"
    lines = [re.sub(r"^# +(?=\[|[\w\" -]+ = )", "", line) for line in config.read_text().splitlines()]
    config.write_text("\n".join(lines))
    settings = Workspace.open(root).settings
    assert settings.sources
    assert settings.policy.classes
    assert settings.products
    assert settings.routes


def test_check_shows_the_first_ten_problems_and_where(make_workspace: MakeWorkspace, tieout: Tieout) -> None:
    rows = "".join(f"T{n},laptop,broken\n" for n in range(14))
    root = make_workspace(
        files={"2026-09/assets.csv": f"asset_tag,asset_class,status\n{rows}", "2026-09/asets.csv": ""}
    )
    answer = tieout("check", "-w", root)
    lines = answer.out.splitlines()
    assert answer.code == 1
    assert len(lines) == 11
    assert lines[0].startswith("inbox/2026-09/asets.csv: no feed is named 'asets'")
    assert lines[1].startswith("inbox/2026-09/assets.csv: row 1: status: 'broken' is not")
    assert lines[10] == "and 5 more"
    assert sorted(path.name for path in root.iterdir()) == ["inbox", "tieout.toml"]


def test_what_lies_where_nobody_looks_for_it_is_told(make_workspace: MakeWorkspace, tieout: Tieout) -> None:
    root = make_workspace(files={"2026-09/assets.json": "[]"})
    assert "2026-09/assets.json is not read: files of its kind are not read; save" in tieout("check", "-w", root).err
    for place in ("2026-09/assets.csv", "assets.csv", "2026-13/assets.csv"):
        (root / "inbox" / place).parent.mkdir(exist_ok=True)
        (root / "inbox" / place).write_text(ASSETS)
    assert tieout("check", "-w", root).out.splitlines()[:2] == [
        "inbox/assets.csv: it lies in no month's folder, like inbox/2026-10",
        "inbox/2026-13: no month is named so; a month is written like 2026-10",
    ]


def test_check_counts_against_the_control_file(make_workspace: MakeWorkspace, tieout: Tieout) -> None:
    root = make_workspace(files={"2026-09/assets.csv": ASSETS, "2026-09/assets.csv.control.toml": "rows = 3\n"})
    assert tieout("check", "-w", root).out == "inbox/2026-09/assets.csv: 2 rows came, the control file says 3\n"


def test_check_of_one_file_that_is_right(make_workspace: MakeWorkspace, tieout: Tieout) -> None:
    root = make_workspace(files={"2026-09/assets.csv": ASSETS})
    answer = tieout("check", "-w", root, root / "inbox" / "2026-09" / "assets.csv")
    assert answer == (0, "", "1 files, 2 rows, problems: 0\n")


# -- a run -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose second month ran before the first; what the run of the first said is in `said.txt`."""
    root = tmp_path_factory.mktemp("finished")
    (root / "tieout.toml").write_text('organisation = "X"\nreporting_currency = "EUR"\ntimezone = "UTC"\n')
    for period in ("2026-08", "2026-09"):
        (root / "inbox" / period).mkdir(parents=True)
        (root / "inbox" / period / "assets.csv").write_text(ASSETS)
    run_steps(Workspace.open(root), "2026-09")
    done = command("run", "-w", root, "--period", "2026-08")
    assert done.out.splitlines() == [
        f"Report:    {root / 'reports' / '2026-08' / 'index.html'}",
        f"Database:  {root / 'published' / 'tieout.duckdb'}",
    ]
    (root / "said.txt").write_text(done.err)
    return root


def test_a_run_says_one_line_a_step_and_replays_later_months(finished: Path) -> None:
    said = [line.split()[:2] for line in (finished / "said.txt").read_text().splitlines()]
    first, second = ([[period, step] for step in STEPS] for period in ("2026-08", "2026-09"))
    assert said == [*first, ["2026-09", "replayed,"], *second]


def test_sql_answers_as_table_csv_and_json(finished: Path, tieout: Tieout) -> None:
    question = "SELECT period, subject, value, cycles_open FROM exceptions_current WHERE rule = 'unusable-serial'"
    assert tieout("sql", "-w", finished, question, "--csv").out == ("period,subject,value,cycles_open\n2026-09,T2,,2\n")
    assert json.loads(tieout("sql", "-w", finished, question, "--json").out) == [
        {"period": "2026-09", "subject": "T2", "value": None, "cycles_open": 2}
    ]
    strange = "SELECT 'nan'::DOUBLE AS a, 'inf'::FLOAT AS b, 1.5::DOUBLE AS c"
    assert json.loads(tieout("sql", "-w", finished, strange, "--json").out, parse_constant=pytest.fail) == [
        {"a": None, "b": None, "c": 1.5}
    ]
    assert tieout("sql", "-w", finished, question).out.splitlines() == [
        "period   subject  value  cycles_open",
        "------   -------  -----  -----------",
        "2026-09  T2              2",
        "(1 row)",
    ]


def test_no_value_steers_the_terminal_or_breaks_its_line(
    finished: Path, make_workspace: MakeWorkspace, tieout: Tieout
) -> None:
    hostile = "SELECT 'T1' || chr(27) || ']0;title' || chr(7) || chr(10) || 'x' AS tag"
    assert tieout("sql", "-w", finished, hostile).out.splitlines()[2] == "T1�]0;title� x"
    root = make_workspace(files={"2026-09/assets.csv": ASSETS + '"T\x1b]3\n4",laptop,in_use,none\n'})
    run_steps(Workspace.open(root), "2026-09")
    told = tieout("explain", "-w", root, "T\x1b]3\n4").out
    assert told.startswith("asset T�]3 4, 2026-09")
    assert "  unusable-serial: fired [T�]3 4]\n" in told
    assert "\x1b" not in told


def test_a_table_for_people_shows_no_empty_digits(finished: Path, tieout: Tieout) -> None:
    amounts = "SELECT 799::DECIMAL(38, 10) AS a, -0.5::DECIMAL(9, 4) AS b, 100::DECIMAL(9, 0) AS c"
    assert tieout("sql", "-w", finished, amounts).out.splitlines()[2].split() == ["799", "-0.5", "100"]
    assert tieout("sql", "-w", finished, amounts, "--csv").out == "a,b,c\n799.0000000000,-0.5000,100\n"


def test_a_preview_tells_what_a_run_would_come_to_and_changes_nothing(
    finished: Path, tieout: Tieout, tmp_path: Path
) -> None:
    drop = finished / "inbox" / "2026-10"
    drop.mkdir()
    (drop / "assets.csv").write_text(ASSETS.replace("none", "DEF456"))
    before = tree(finished)
    answer = tieout("run", "-w", finished, "--preview", "--as-of", "2026-10-15", "--pages", tmp_path / "look", "-q")
    assert answer.code == 0, answer.err
    assert "unusable-serial  0     0    1" in answer.out
    assert {path.name for path in (tmp_path / "look").iterdir()} >= {"index.html", "reconciliation.html"}
    assert tree(finished) == before
    shutil.rmtree(drop)


def test_a_query_may_stand_in_a_file(finished: Path, tieout: Tieout) -> None:
    file = finished / "count.sql"
    file.write_text("-- how many\nSELECT count(*) AS n FROM exceptions_current")
    assert tieout("sql", "-w", finished, file, "--csv").out.startswith("n\n")
    assert tieout("sql", "-w", finished, "nothing.sql") == (2, "", "tieout: nothing.sql is no file.\n")


def test_a_wrong_query_is_one_sentence(finished: Path, tieout: Tieout) -> None:
    answer = tieout("sql", "-w", finished, "FROM exceptoins")
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
    assert "exceptoins" in answer.err


def test_a_missing_source_is_exit_code_three(finished: Path, tieout: Tieout) -> None:
    (finished / "inbox" / "2026-10").mkdir()
    (finished / "inbox" / "2026-10" / "people.csv").write_text("person_id,full_name,status\n1,Zoë,active\n")
    answer = tieout("run", "-w", finished, "--quiet")
    assert answer.code == 3
    said = answer.err.splitlines()
    assert "assets/assets is RED" in said[0]
    assert said[1:] == ["tieout: done, but not accepted: assets/assets; see the table `sources`."]
