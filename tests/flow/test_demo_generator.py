"""The sample company: the same every time, as large as promised, and every rule of the catalogue in it."""

import csv
import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

import checks.rules
from data import demo
from data.demo.calendar import MONTHS
from tieout.feeds import FEEDS
from tieout.settings import Settings, Source

CATALOGUE = """\
    missing-in-count ghost-asset uncounted-asset unregistered-device received-unregistered unknown-scan-code
    duplicate-serial duplicate-asset-tag unusable-serial conflicting-identity duplicate-endpoint vanished-asset
    held-by-leaver held-by-stranger used-by-another unrecorded-transfer incomplete-transfer incomplete-license-move
    overdue-checkout excess-devices unequipped-joiner misplaced-asset zombie-asset stocked-but-active unmanaged-device
    silent-endpoint unencrypted-device overstayed-repair lease-overdue idle-stock unapproved-write-off
    short-receipt over-receipt unordered-receipt avoidable-purchase unpurchased-asset ledger-ghost unledgered-asset
    ledger-mismatch written-off-in-use leaver-seat deprovisioned-seat duplicate-seat bundled-seat unused-seat
    inactive-seat stranger-seat unassigned-seats overassigned-seats uncontracted-product phantom-renewal
    overlapping-entitlement avoidable-top-up overbilled billed-without-contract live-account-of-leaver stranger-account
    vanished-person conflicting-person stock-variance recurring-variance below-minimum overstock count-overdue
    repeat-borrowing lost-in-transit uncertified-disposal released-undestroyed skipped-stage unapproved-release
    undocumented-disposition unfit-sanitisation stalled-disposal queue-jump unmanifested-item disposed-on-books
    undisposed-retiree life-after-death"""
OF_SOURCES = """\
    incomplete-pull incomplete-count volume-drop volume-spike stale-source schema-drift quarantined-rows
    duplicate-keys control-mismatch usage-regressed frozen-usage-feed concealed-usage missing-source
    unmapped-values"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.write(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def settings(workspace: Path) -> Settings:
    return Settings.model_validate(tomllib.loads((workspace / "tieout.toml").read_text(encoding="utf-8")))


def test_the_same_bytes_every_time(workspace: Path, tmp_path: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests(demo.write(tmp_path)) == digests(workspace)


def test_every_rule_of_the_catalogue_is_planted() -> None:
    assert {planted.rule for planted in demo.planted()} == {*CATALOGUE.split(), *OF_SOURCES.split()}


def test_every_rule_that_exists_is_planted() -> None:
    folder = Path(checks.rules.__file__).parent
    slugs = {path.stem.replace("_", "-") for path in folder.glob("*/*.py") if path.stem != "__init__"}
    assert slugs <= {planted.rule for planted in demo.planted()}


def test_the_truth_is_written_beside_the_settings(workspace: Path) -> None:
    with (workspace / "planted.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [tuple(row.values()) for row in rows] == [(p.rule, p.subject, p.period, p.note) for p in demo.planted()]
    assert all(all(row.values()) for row in rows)
    assert max(Counter((row["rule"], row["subject"], row["period"]) for row in rows).values()) == 1


def test_cases_come_go_and_return() -> None:
    lives: dict[tuple[str, str], str] = {}
    for planted in demo.planted():
        key = (planted.rule, planted.subject)
        lives[key] = lives.get(key, "") + str(MONTHS.index(planted.period) + 1)
    shapes = Counter(lives.values())
    assert shapes["1234"] >= 20
    assert shapes["234"] >= 20
    assert sum(not life.endswith("4") for life in lives.values()) >= 30, "some are put right"
    assert sum(life in ("134", "14", "13") for life in lives.values()) >= 2, "some come back"


def test_it_is_as_large_as_promised(workspace: Path, settings: Settings) -> None:
    rows = {feed: _rows(workspace, settings, feed, MONTHS[0]) for feed in ("people", "assets", "seats")}
    assert 380 <= sum(row["Status"] in ("aktiv", "Elternzeit") for row in rows["people"]) <= 420
    on_the_books = ("Ready to Deploy", "Deployed", "Out for Repair")
    assert 500 <= sum(row["Status"] in on_the_books for row in rows["assets"]) <= 650
    assert 2800 <= len(rows["seats"]) <= 3400


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("feed", FEEDS)
def test_every_feed_comes_every_month_and_fits_its_mapping(
    workspace: Path, settings: Settings, feed: str, month: str
) -> None:
    mapped = [source for source in settings.sources if source.feed == feed]
    for source in mapped:
        for row in _of_source(workspace, source, month):
            shown = {name for ways in source.columns.values() for way in ways for name in _names(way)}
            # JSON Lines leave empty fields out
            assert shown <= set(row) or (source.path or "").endswith(".jsonl"), (source.name, shown - set(row))
    for path in _canonical(workspace, feed, month):
        names = set().union(*(row for row in _read(path, "utf-8", ",")))
        assert set(FEEDS[feed].required) <= names <= set(FEEDS[feed].schema), path.name
    assert mapped or _canonical(workspace, feed, month)


def test_state_deliveries_keep_their_keys(workspace: Path, settings: Settings) -> None:
    """A file without a control file is trusted while it keeps 95 % of its keys; consoles that do not are planted."""
    for source in [source for source in settings.sources if FEEDS[source.feed].is_state]:
        ways = [source.columns.get(part, [""])[0] for part in FEEDS[source.feed].key]
        keys = [
            {tuple(row.get(way, way) for way in ways) for row in _of_source(workspace, source, month)}
            for month in MONTHS
        ]
        for before, now in pairwise(keys):
            assert len(before & now) >= 0.95 * len(before), source.name
    for part in ("seats.catalogue", "accounts", "entitlements", "stock"):
        keys = [_keys(workspace, part, month) for month in MONTHS]
        for before, now in pairwise(keys):
            assert len(before & now) >= 0.95 * len(before), part


def test_names_and_addresses_are_each_ones_own(workspace: Path, settings: Settings) -> None:
    people = _rows(workspace, settings, "people", MONTHS[-1])
    shared = {"team.optik@nordwind.example"}  # the one planted address that two people list
    current = [row for row in people if row["Status"] != "ausgeschieden"]
    addresses = Counter(
        address
        for row in current
        for address in {row["E-Mail"], *row["Weitere E-Mails"].split(";")}
        if address and address not in shared
    )
    assert max(addresses.values()) == 1
    assert max(Counter(row["Benutzer"] for row in people).values()) == 1


def _keys(workspace: Path, part: str, month: str) -> set[tuple[Any, ...]]:
    feed = part.partition(".")[0]
    path = next((workspace / "inbox" / month).glob(f"{part}.*"))
    return {tuple(row[name] for name in FEEDS[feed].key) for row in _read(path, "utf-8", ",")}


def _names(way: str) -> list[str]:
    return [part.partition("}")[0] for part in way.split("{")[1:]] or [way]


def _canonical(workspace: Path, feed: str, month: str) -> list[Path]:
    folder = workspace / "inbox" / month
    return sorted(path for path in folder.glob(f"{feed}.*") if path.suffix != ".toml")


def _rows(workspace: Path, settings: Settings, feed: str, month: str) -> list[dict[str, Any]]:
    mapped = [row for source in settings.sources if source.feed == feed for row in _of_source(workspace, source, month)]
    return mapped + [row for path in _canonical(workspace, feed, month) for row in _read(path, "utf-8", ",")]


def _of_source(workspace: Path, source: Source, month: str) -> Iterator[dict[str, Any]]:
    paths = sorted(workspace.glob((source.path or "").replace("{period}", month)))
    assert paths, source.path
    for path in paths:
        yield from _read(path, source.encoding, source.delimiter, source.skip_rows)


@cache
def _read(path: Path, encoding: str, delimiter: str, skip_rows: int = 0) -> list[dict[str, Any]]:
    if path.suffix == ".xlsx":
        header, *cells = list(openpyxl.load_workbook(path).worksheets[0].values)[skip_rows:]
        return [dict(zip(map(str, header), row, strict=True)) for row in cells]
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_dicts()
    text = path.read_bytes().decode("utf-8-sig" if encoding == "utf-8" else encoding)
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))
