"""Nothing is concluded from what a bad delivery lacks, whichever rule leans on it and however often it comes.

A month of the sample company with one feed spoilt opens and settles nothing that the whole feed would not have.
"""

import csv
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from checks.rules import discover
from data.bench import company as sample
from data.demo.calendar import MONTHS
from pipelines import again, steps
from pipelines.catalogue import leans_on
from pipelines.steps import Month
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from tests.faults.figures import measured
from tests.flow.conftest import Ran
from tieout.feeds import FEEDS
from tieout.findings import OPEN_STATUSES
from tieout.reconcile import reconcile
from tieout.world import World

BASE, SPOILT = MONTHS[:2], MONTHS[2:]
STEPS = (steps.pull, steps.reconcile, steps.age, again.adjust, steps.figure)
RULES = discover()
LEANING = {feed: {rule.slug for rule in RULES if feed in leans_on(rule)} for feed in FEEDS}
"""The rules whose answer rests on a feed, told by the columns they ask for."""
SHORT = ("missing", "empty", "30 percent", "page shift")
"""Faults that nobody sees in an event feed without a control file: fewer things may have happened."""
FAULTS = (*SHORT, "amber", "red", "stale")
CELLS = [
    (feed, fault) for feed, rules in LEANING.items() if rules
    for fault in FAULTS if FEEDS[feed].is_state or fault not in SHORT
]  # fmt: skip


class Concluded(NamedTuple):
    """What months concluded: exceptions opened and settled by rule, and licence money by seat.

    `overtaken` would have opened, but for another rule that said more of the same thing. Where that one rests on the
    silent feed and they do not, they stand alone.
    """

    opened: set[tuple[str, str]]
    overtaken: set[tuple[str, str]]
    settled: set[tuple[str, str]]
    money: Mapping[tuple[str, ...], object]


def run(root: Path, months: tuple[str, ...]) -> None:
    for month in months:
        for step in STEPS:
            step(Month(Workspace.open(root), month))


def concluded(root: Path) -> Concluded:
    warehouse = Warehouse(Workspace.open(root).tables)
    names = warehouse.read("exceptions").select("exception_id", "rule").unique()
    history = warehouse.read("exception_history").filter(pl.col("period").is_in(SPOILT)).join(names, "exception_id")
    findings = warehouse.read("findings").filter(pl.col("period").is_in(SPOILT))
    candidates = warehouse.read("reclaim_candidates").filter(pl.col("period").is_in(SPOILT))
    savings = warehouse.read("savings").filter(pl.col("period").is_in(SPOILT))
    was, now = (pl.col(name).is_in(OPEN_STATUSES) for name in ("from_status", "to_status"))
    opened = history.filter(~was.fill_null(False) & now).select("rule", "exception_id")
    overtaken = findings.filter(pl.col("outcome") == "superseded").select("rule", "exception_id")
    settled = history.filter(was & ~now).select("rule", "exception_id")
    money = [
        *candidates.select(pl.lit("reclaimable"), "period", "product", "seat_id", "contract_id", "annual_value").rows(),
        *savings.filter(pl.col("released_on").is_not_null() & (pl.col("period") == SPOILT[-1]))
        .select(pl.lit("released"), "period", "product", "seat_id", "contract_id", "annual_value").rows(),
    ]  # fmt: skip
    concluded = (set(frame.rows()) for frame in (opened, overtaken, settled))
    return Concluded(*concluded, {tuple(map(str, row[:-1])): row[-1] for row in money})


def spoil(root: Path, month: str, feed: str, fault: str) -> None:
    """Let every file of a feed be what a bad pull leaves; files that hold nothing cannot be spoilt."""
    for path in sorted((root / "inbox" / month).glob(f"{feed}.*csv")):
        with path.open(encoding="utf-8", newline="") as file:
            header, *records = csv.reader(file)
        count, control = len(records), path.with_name(f"{path.name}.control.toml")
        match fault:
            case "empty":
                records = []
            case "30 percent":
                records = records[: count * 3 // 10]
            case "page shift":  # the second page is the first again
                records = records[: count // 2] * 2
            case "amber":  # a tenth of the rows cannot be read
                records = [*records[: count * 9 // 10], *[["torn"]] * (count - count * 9 // 10)]
            case "red":
                control.write_text(f"rows = {count + 1}\n")
            case "stale":
                control.write_text('extracted_at = "2026-01-31T00:00:00Z"\n')
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *records])
        if fault == "missing":
            path.unlink()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample company, every feed as plain files, of which two months ran."""
    root = sample.write(tmp_path_factory.mktemp("absence") / "base", 1, "csv", MONTHS)
    run(root, BASE)
    return root


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Concluded:
    """What the next two months come to where nothing is spoilt."""
    root = tmp_path_factory.mktemp("whole") / "books"
    shutil.copytree(base, root)
    run(root, SPOILT)
    return concluded(root)


def conclusions(world: World) -> set[tuple[str, str, str]]:
    """What the rules find and let go: rule, subject, outcome."""
    findings = reconcile(world, RULES)["findings"].filter(~pl.col("outcome").is_in(["held", "superseded"]))
    return set(findings.select("rule", "subject_key", pl.col("outcome").replace("gone", "clean")).rows())


@pytest.mark.parametrize("feed", ["people", "endpoints"])
def test_a_short_pull_concludes_only_what_the_whole_one_would(feed: str, company: Ran) -> None:
    """Believed to be whole, it would open and settle a lot: of that the verdict must be the only thing in the way."""
    workspace = Workspace.open(company.root)
    world = steps.world_of(Month(workspace, MONTHS[-1]), Warehouse(workspace.tables))
    rows = world.feeds[feed]
    short = {name: world.feeds[name] for name in FEEDS} | {feed: rows.head(rows.height * 3 // 10)}
    now = (pl.col("period") == MONTHS[-1]) & (pl.col("feed") == feed)
    amber = pl.when(now).then(pl.lit("AMBER")).otherwise("verdict").alias("verdict")
    whole = conclusions(world)
    believed = conclusions(replace(world, feeds=short))
    judged = conclusions(replace(world, feeds=short, sources=world.sources.with_columns(amber)))
    assert len(believed - whole) > 20
    assert judged - whole == set()


@pytest.mark.slow
@pytest.mark.parametrize(("feed", "fault"), CELLS)
def test_a_bad_pull_two_months_running_concludes_nothing(
    feed: str, fault: str, base: Path, whole: Concluded, tmp_path: Path
) -> None:
    root = tmp_path / "books"
    shutil.copytree(base, root)
    filled = {month: any((root / "inbox" / month).glob(f"{feed}.*csv")) for month in SPOILT}
    for month in SPOILT:
        spoil(root, month, feed, fault)
    run(root, SPOILT)
    warehouse = Warehouse(Workspace.open(root).tables)
    sources = warehouse.read("sources").filter(pl.col("period").is_in(SPOILT), pl.col("feed") == feed)
    good = sources.filter((pl.col("verdict") == "GREEN") & (pl.col("landed") > 0))
    assert good.select("period", "source", "landed").rows() == []
    assert all(filled.values()) or not FEEDS[feed].is_state
    found = concluded(root)
    alone = {(rule, one) for rule, one in whole.overtaken if rule not in LEANING[feed]}
    assert found.opened - whole.opened - alone == set()
    assert found.settled - whole.settled == set()
    leaning = len(LEANING[feed])
    measured("rules × feeds they lean on × faults, two months running, that concluded nothing", leaning, leaning)
    if feed in ("people", "seats", "accounts", "entitlements", "license_moves", "invoices"):
        assert {seat: value for seat, value in found.money.items() if whole.money.get(seat) != value} == {}
