"""What is published was held against what it promises: whatever contradicts it is named, and goes to nobody."""

import shutil
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import polars as pl
import pytest

from checks.expectations import EXPECTATIONS, UNASKED
from checks.expectations.equalities import EQUALITIES
from pipelines import expected, steps
from pipelines.errors import TieoutError
from pipelines.steps import Month
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from tests.conftest import MINIMAL, run_steps
from tieout.published import TABLES

MONTH = "2026-08"
FILES = {
    "people": "person_id,full_name,status,end_date\nP1,Ada,active,\nP2,Bob,terminated,2026-01-31\n",
    "assets": "asset_tag,serial,asset_class,status,custodian\nT1,SERX1,laptop,in_use,P2\n",
    "seats": "product,seat_id,email,status,paid,assigned_at,last_active_at\n"
    "Pad,s1,a@example.org,active,yes,2026-01-05,never\n",
    "entitlements": "contract_id,line_no,vendor,product,metric,quantity,unit_price,currency,billing_period,term_start,"
    "term_end\nC1,1,Elbe,Pad,user,5,10,EUR,monthly,2026-01-01,2026-12-31\n",
}
Damage = tuple[str, Callable[[pl.DataFrame], pl.DataFrame]]
DAMAGE: Mapping[str, Damage] = {
    "exceptions has one row a exception_id": ("exceptions", lambda rows: pl.concat([rows, rows])),
    "exceptions has in severity nothing but critical, high, medium, low":
        ("exceptions", lambda rows: rows.with_columns(severity=pl.lit("grave"))),
    f"exceptions always tells exception_id, {', '.join(TABLES['exceptions'].always)}":
        ("exceptions", lambda rows: rows.with_columns(subject=pl.lit(None, pl.String))),
    "sources adds up: landed = used + duplicate + quarantined":
        ("sources", lambda rows: rows.with_columns(pl.col("used") - 1)),
    "rule_runs adds up: population = fired + superseded + exempt + clean + unknown + not evaluated":
        ("rule_runs", lambda rows: rows.with_columns(pl.col("clean") + 1)),
    "waterfall has every unit of a line in force once":
        ("waterfall", lambda rows: rows.with_columns(pl.col("units") + 1)),
    "money_rollforward adds up: opening + changes = closing, in units and in value":
        ("money_rollforward", lambda rows: rows.head(1)),
    "evidence tells of nothing that is not in exceptions":
        ("evidence", lambda rows: rows.with_columns(exception_id=pl.lit("x"))),
}  # fmt: skip
"""What must not be published, by the expectation that names it."""
ODD: Mapping[str, Damage] = {
    "people has rows when rows of people were used": ("people", pl.DataFrame.clear),
    "seats has the columns documented": ("seats", lambda rows: rows.drop("how")),
    "metrics has in each share what it counts ÷ of how many":
        ("metrics", lambda rows: rows.with_columns(pl.col("value") + 2)),
    "trust has no more right than checked, and every share from 0 to 1": ("trust", lambda rows: rows.drop("checked")),
}  # fmt: skip
"""What is told of, and published."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose month ran."""
    root = tmp_path_factory.mktemp("expectations") / "books"
    (root / "inbox" / MONTH).mkdir(parents=True)
    (root / "tieout.toml").write_text(MINIMAL)
    for feed, text in FILES.items():
        (root / "inbox" / MONTH / f"{feed}.csv").write_text(text)
    run_steps(Workspace.open(root), MONTH)
    return root


@pytest.fixture
def month(ran: Path, tmp_path: Path) -> Month:
    shutil.copytree(ran, tmp_path / "books")
    return Month(Workspace.open(tmp_path / "books"), MONTH)


def damage(month: Month, damages: Iterable[Damage]) -> None:
    warehouse = Warehouse(month.workspace.tables)
    for table, change in damages:
        warehouse.write(table, change(warehouse.read(table, period=MONTH)), MONTH)


def held(month: Month) -> pl.DataFrame:
    expected.expect(month)
    return Warehouse(month.workspace.tables).read("expectations", period=MONTH).drop("period")


def broken(answers: pl.DataFrame) -> set[str]:
    return set(answers.filter(~pl.col("held")).select(pl.format("{} {}", "about", "says")).to_series())


def test_a_healthy_month_holds_and_nothing_goes_over_the_network(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    answers = held(month)
    assert broken(answers) == set()
    assert answers.schema == EXPECTATIONS
    assert set(answers["about"]) == set(TABLES) - set(UNASKED)
    for table, equalities in EQUALITIES.items():
        assert {one.says for one in equalities} <= set(answers.filter(about=table)["says"])


def test_what_breaks_a_promise_is_named_and_not_published(month: Month) -> None:
    damage(month, DAMAGE.values())
    published = month.workspace.published_database.read_bytes()
    answers = held(month)
    assert set(DAMAGE) <= broken(answers)
    told = answers.filter(about="rule_runs", held=False)["examples"][0]
    assert told[0].startswith("rule avoidable-purchase, population ")
    with pytest.raises(TieoutError, match=f"{MONTH} is not published, because its results contradict"):
        steps.publish(month)
    assert month.workspace.published_database.read_bytes() == published


def test_what_is_only_odd_is_told_and_published(month: Month) -> None:
    damage(month, ODD.values())
    answers = held(month)
    odd = answers.filter(~pl.col("held"))
    assert set(odd["severity"]) == {"warning"}
    assert set(ODD) <= broken(answers)
    examples = dict(odd.select("says", pl.col("examples").list.first()).iter_rows())
    assert odd.filter(about="seats")["examples"].to_list() == [["missing how"]]
    assert examples["has no more right than checked, and every share from 0 to 1"].startswith("could not be asked: ")
    assert examples["has rows when rows of people were used"] == "found 0"


def test_figures_that_are_taken_anew_are_held_anew(month: Month) -> None:
    warehouse = Warehouse(month.workspace.tables)
    row = dict.fromkeys(EXPECTATIONS) | {"held": False, "severity": "critical"}
    warehouse.write("expectations", pl.DataFrame([row], schema=EXPECTATIONS), MONTH)
    steps.figure(month)
    steps.render(month)
    steps.publish(month)
    page = (month.workspace.reports / MONTH / "expectations.html").read_text()
    assert "The results of this month were not held against anything." in page
