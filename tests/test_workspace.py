"""A mistake in the config is one clear sentence, and a workspace has one user at a time."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipelines.errors import ConfigError, InUseError
from pipelines.workspace import Workspace, check_period, end_of_period, read_as_of
from tests.conftest import HOLD, MINIMAL, MakeWorkspace

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_three_required_keys_suffice(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace())
    assert workspace.settings.organisation == "Example"
    assert workspace.inbox == workspace.root / "inbox"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("organisaton = 'x'\n", "organisaton is not a known key; did you mean 'organisation'?"),
        ("[[sources]]\nname = 'hr'\nfeeed = 'people'\n", "sources 'hr': feed is missing"),
        (
            "[[sources]]\nname = 'hr'\nfeed = 'people'\npth = 'x'\n",
            "sources 'hr': pth is not a known key; did you mean 'path'?",
        ),
        ("[[sources]]\nname = 'hr'\nfeed = 'peeple'\n", "'peeple' is not a feed; the feeds are people, accounts"),
        (
            "[[sources]]\nname = 'hr'\nfeed = 'people'\ncolumns = { mail = 'E-Mail' }\n",
            "columns.mail is no column of feed 'people'",
        ),
        (
            "[[sources]]\nname = 'a'\nfeed = 'people'\n[[sources]]\nname = 'a'\nfeed = 'seats'\n",
            "two sources are named 'a'",
        ),
        (
            "[[sources]]\nname = 'hr'\nfeed = 'people'\ndate_format = ['%m/%d/%Y', '%d/%m/%Y']\n",
            "date_format: '%m/%d/%Y' and '%d/%m/%Y' read one text as two days; name the one that is meant",
        ),
        (
            "[[sources]]\nname = 'hr'\nfeed = 'people'\nskip_rows = 'two'\n",
            "sources 'hr': skip_rows should be a valid integer",
        ),
        ("[class_aliases]\nLaptops = 'lapptop'\n", "'lapptop' is not an asset class; the classes are laptop"),
        ("[products.Figma]\nalliases = ['f']\n", "products.Figma.alliases is not a known key; did you mean 'aliases'?"),
        ("[policy.classes.lapttop]\nmanaged = true\n", "'lapttop' is not an asset class"),
        ("[paths]\nlanding = './inbox/'\n", "paths: 'inbox' cannot be one of the folders"),
        ("[retention]\nhold = ['2026-13']\n", "retention.hold: '2026-13' is no month"),
        ("email_domains = ['ada@x.org']\n", "'ada@x.org' is no domain of addresses"),
        ("[[routes]]\nowner = 'it'\nasset_class = 'lapttop'\n", "'lapttop' is not an asset class"),
        ("[owners.it]\nemail = 'a@x.org; b@x.org'\n", "owners.it.email: 'a@x.org; b@x.org' is not an address like"),
        ("[notify]\nsender = 'Tieout <tieout.example.org>'\n", "'Tieout <tieout.example.org>' is not an address like"),
        ("[notify]\nfinance = ['cfo@x.org', 'cfo']\n", "'cfo' is not an address like"),
        ("[products.A]\naliases = ['x']\n[products.B]\naliases = ['X ']\n", "'X ' stands for both 'A' and 'B'"),
        ("[products.A]\nincludes = ['a']\n", "products.A: it includes itself"),
        ("[class_aliases]\nPC = 'laptop'\npc = 'desktop'\n", "'pc' stands for both 'laptop' and 'desktop'"),
        (
            "[[sources]]\nname = 'mdm'\nfeed = 'endpoints'\ncovers = ['Lapttops']\n",
            "sources 'mdm': covers names 'Lapttops', which is neither an asset class nor an alias of one",
        ),
        ("[[sources]]\nname = 'hr'\nfeed = 'people'\ndate_format = 'dd.mm.yy'\n", "'dd.mm.yy' is no pattern of a date"),
        (
            "[[sources]]\nname = 'hr'\nfeed = 'people'\nthousands_separator = '.'\n",
            "sources 'hr': decimal_separator and thousands_separator are both '.'",
        ),
        ("[paths]\ninbx = 'in'\n", "paths.inbx is not a known key; did you mean 'inbox'?"),
        ("[notify.smtp]\npassword = 'hunter2'\n", "notify.smtp.password holds a secret in plain text"),
        ("[notify\n", "is not valid TOML:"),
        ("[policy]\nreturn_dys = 9\n", "policy.return_dys is not a known limit; did you mean 'return_days'?"),
        ("[policy]\ngolive = 2026-01-01\n", "policy.golive is not a known limit; did you mean 'go_live'?"),
        ("[policy]\nreturn_days = 'two'\n", "policy.return_days should be a number from 0 on, but is 'two'."),
        (
            "[policy.classes.laptop]\nevidnce_days = 9\n",
            "policy.classes.laptop.evidnce_days is not a known limit; did you mean 'evidence_days'?",
        ),
        (
            "[policy.classes.laptop]\nmanagd = true\n",
            "policy.classes.laptop.managd is not a known limit; did you mean 'managed'?",
        ),
        ("[rules.ghost-asett]\non = false\n", "rules: 'ghost-asett' is not a rule; did you mean 'ghost-asset'?"),
        (
            "[rules.ghost-asset]\nreturn_days = 9\n",
            "rules.ghost-asset.return_days is not a known limit; did you mean 'evidence_days'?",
        ),
        ("[rules.held-by-leaver]\nseverty = 'low'\n", "is not a known limit; did you mean 'severity'?"),
        (
            "[rules.ghost-asset]\nevidence_days = { lapttop = 9 }\n",
            "rules.ghost-asset.evidence_days.lapttop: 'lapttop' is not an asset class; did you mean 'laptop'?",
        ),
        (
            "[[exempt]]\nrule = 'ghost'\nsubject = 'T1'\nwho = 'a'\nwhy = 'b'\nuntil = 2026-12-31\n",
            "exempt: rule 'ghost' is not a rule; did you mean",
        ),
        ("[[routes]]\nowner = 'it'\nrule = 'gost-asset'\n", "did you mean 'ghost-asset'?"),
    ],
)
def test_a_mistake_is_one_sentence(make_workspace: MakeWorkspace, config: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Workspace.open(make_workspace(config))
    sentence = str(refusal.value)
    assert said in sentence
    assert "tieout.toml" in sentence
    assert "\n" not in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("minimal", "said"),
    [
        (MINIMAL.replace('reporting_currency = "EUR"\n', ""), "reporting_currency is missing"),
        (MINIMAL.replace("EUR", "euro"), "reporting_currency"),
        (MINIMAL.replace("Europe/Berlin", "Berlin"), "'Berlin' is not a time zone"),
        (MINIMAL.replace('"Example"', "7"), "organisation should be a valid string, but is 7"),
    ],
)
def test_a_mistake_in_a_required_key_is_one_sentence(make_workspace: MakeWorkspace, minimal: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Workspace.open(make_workspace(minimal=minimal))


@pytest.mark.parametrize("address", ["ada@x.org", "Ada King <ada@x.org>", "ädä+it@büro.example"])
def test_an_address_stays_as_it_is_written(make_workspace: MakeWorkspace, address: str) -> None:
    workspace = Workspace.open(make_workspace(f"[owners.it]\nemail = '{address}'\n"))
    assert workspace.settings.owners["it"].email == address


def test_a_secret_may_only_be_named(make_workspace: MakeWorkspace) -> None:
    Workspace.open(make_workspace('[notify.smtp]\npassword = "${SMTP_PASSWORD}"\n'))


def test_a_path_that_cannot_be_told_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = r"the path of '{}' cannot be told in this locale; set PYTHONUTF8=1, or rename the folder\."
    (tmp_path / "b\udcfccher").mkdir()
    with pytest.raises(ConfigError, match=said.format(r"b\\udcfccher")):
        Workspace.open(tmp_path / "b\udcfccher")
    (tmp_path / "bücher").mkdir()
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(ConfigError, match=said.format(r"b\\xfccher")):
        Workspace.open(tmp_path / "bücher")


def test_places_without_a_workspace_say_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tieout init"):
        Workspace.open(tmp_path)
    with pytest.raises(ConfigError, match=r"make one with `tieout init 'my books'`"):
        Workspace.open("my books")
    with pytest.raises(ConfigError, match="is not a directory"):
        Workspace.open(tmp_path / "nowhere")


def test_bytes_that_are_no_text_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_bytes(b'organisation = "x"\ntimezone = "\xfc"\n')
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        Workspace.open(tmp_path)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2026-10", datetime(2026, 10, 31, 22, 59, 59, 999999, UTC)),  # winter time since the 25th
        ("2026-07", datetime(2026, 7, 31, 21, 59, 59, 999999, UTC)),
        ("2026-12", datetime(2026, 12, 31, 22, 59, 59, 999999, UTC)),
    ],
)
def test_a_period_ends_with_its_last_local_instant(period: str, end: datetime) -> None:
    assert end_of_period(period, BERLIN) == end


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-1", "October", "", "2026-10-01", "٢٠٢٦-10"])
def test_a_period_is_a_month(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a period"):
        check_period(text)


def test_as_of_is_read_in_the_workspaces_zone() -> None:
    assert read_as_of("2026-10-15", BERLIN) == datetime(2026, 10, 15, 21, 59, 59, 999999, UTC)
    assert read_as_of("2026-10-15T12:00", BERLIN) == datetime(2026, 10, 15, 10, tzinfo=UTC)
    assert read_as_of("2026-10-15T12:00Z", BERLIN) == datetime(2026, 10, 15, 12, tzinfo=UTC)
    with pytest.raises(ConfigError, match="is not a date"):
        read_as_of("mid-month", BERLIN)


def test_a_second_process_is_told_who_holds_the_workspace(make_workspace: MakeWorkspace) -> None:
    root = make_workspace()
    with subprocess.Popen([sys.executable, "-c", HOLD, root], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InUseError, match=f"process {holder.pid}"), Workspace.open(root).lock():
            pass
        holder.kill()
        holder.wait()
        with Workspace.open(root).lock():  # the lock died with its process
            pass


def test_one_process_may_hold_its_workspace_twice(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace())
    with workspace.lock(), workspace.lock():
        pass
    with workspace.lock():
        pass
