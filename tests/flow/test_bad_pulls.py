"""A pull that is short, empty or missing opens nothing and settles nothing, also when it comes two months running."""

import shutil
from pathlib import Path

import pytest

from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import run_steps
from tests.faults.figures import measured

CONFIG = """organisation = "X"
reporting_currency = "EUR"
timezone = "UTC"
"""
COUNT = 60
HEADERS = {
    "people": "person_id,full_name,email,username,status,start_date,employment_type",
    "assets": "asset_tag,serial,manufacturer,asset_class,status,status_since,custodian,location",
    "endpoints": "endpoint_id,serial,manufacturer,model,asset_class,user_email,last_seen_at,managed,ownership",
    "seats": "product,seat_id,email,status,paid,assigned_at,last_active_at",
    "entitlements": "contract_id,line_no,vendor,product,quantity,unit_price,currency,billing_period,term_start",
}
BAD = ("people", "endpoints", "seats", "assets")


def rows(feed: str, month: str, n: int) -> str:
    """The healthy record of one person, their laptop and their seat."""
    return {
        "people": f"p{n},Person {n},p{n}@x.org,u{n},active,2020-01-01,contractor",
        "assets": f"T{n},SERX{n:04},Apple,laptop,in_use,2025-01-10,p{n},Berlin",
        "endpoints": f"e{n},SERX{n:04},Apple,M,laptop,p{n}@x.org,{month}-25T08:00:00Z,true,company",
        "seats": f"Figma,p{n}@x.org,p{n}@x.org,active,true,2025-01-01,{month}-20T08:00:00Z",
    }[feed]


def deliver(root: Path, month: str, short: str = "", kept: int | None = COUNT) -> None:
    """A month's files, one of them with only the first rows of it; `kept` None = that one does not come."""
    folder = root / "inbox" / month
    folder.mkdir(parents=True)
    for feed in BAD:
        count = kept if feed == short else COUNT
        if count is not None:
            text = [HEADERS[feed], *(rows(feed, month, n) for n in range(1, count + 1)), ""]
            (folder / f"{feed}.csv").write_text("\n".join(text))
    line = f"C,1,V,Figma,{COUNT},120,EUR,annual,2026-01-01"
    (folder / "entitlements.csv").write_text(f"{HEADERS['entitlements']}\n{line}\n")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose June was whole, and in which nothing is wrong."""
    root = tmp_path_factory.mktemp("healthy")
    (root / "tieout.toml").write_text(CONFIG)
    deliver(root, "2026-06")
    run_steps(Workspace.open(root), "2026-06")
    assert query(root / "published" / "tieout.duckdb", "FROM exceptions").is_empty()
    return root


SHORT = COUNT * 3 // 10
FAST = {("endpoints", SHORT), ("people", SHORT)}
CASES = [
    pytest.param(feed, kept, id=f"{feed} {name}", marks=() if (feed, kept) in FAST else pytest.mark.slow)
    for feed in BAD
    for name, kept in (("30 percent", SHORT), ("empty", 0), ("missing", None))
]


@pytest.mark.parametrize(("feed", "kept"), CASES)
def test_two_bad_pulls_running_conclude_nothing(healthy: Path, tmp_path: Path, feed: str, kept: int | None) -> None:
    shutil.copytree(healthy, tmp_path, dirs_exist_ok=True)
    for month in ("2026-07", "2026-08"):
        deliver(tmp_path, month, feed, kept)
        run_steps(Workspace.open(tmp_path), month)
    database = tmp_path / "published" / "tieout.duckdb"
    assert query(database, "FROM exceptions").to_dicts() == []
    assert query(database, "FROM reclaim_candidates").is_empty()
    verdicts = query(database, f"SELECT verdict FROM sources WHERE feed = '{feed}' AND period > '2026-06'")
    assert "GREEN" not in verdicts["verdict"].to_list()
    assert query(database, "FROM sources WHERE landed <> used + duplicate + quarantined").is_empty()


# -- with exceptions open before --------------------------------------------------------------------------------------


def spoil(root: Path, month: str, feed: str, how: str) -> None:
    """Let a month's file of one feed be what a bad pull leaves."""
    path = root / "inbox" / month / f"{feed}.csv"
    header, *records = path.read_text().splitlines()
    control = path.with_name(f"{path.name}.control.toml")
    match how:
        case "page shift":  # the second page is the first again
            path.write_text("\n".join([header, *records[: COUNT // 2], *records[: COUNT // 2], ""]))
        case "torn":  # a tenth of the rows cannot be read, and with them what they say is gone
            path.write_text("\n".join([header, *records[: COUNT * 9 // 10], *["torn"] * (COUNT // 10), ""]))
        case "refused":
            path.write_text("\n".join([header, *records[:SHORT], ""]))
            control.write_text(f"rows = {COUNT}\n")
        case "stale":
            path.write_text("\n".join([header, *records[: COUNT * 97 // 100], ""]))
            control.write_text(f'rows = {COUNT * 97 // 100}\nextracted_at = "2026-01-31T00:00:00Z"\n')
        case "mapped wrongly":  # other people's numbers: as many rows and keys, and nobody known among them
            path.write_text(path.read_text().replace("@x.org", "@y.org").replace("SERX", "OTHER"))


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in whose June somebody left with a laptop and a seat, and one laptop reports to nobody."""
    root = tmp_path_factory.mktemp("troubled")
    (root / "tieout.toml").write_text(CONFIG)
    deliver(root, "2026-06")
    trouble(root, "2026-06")
    run_steps(Workspace.open(root), "2026-06")
    opened = query(root / "published" / "tieout.duckdb", "SELECT count(*) FROM exceptions").item()
    assert opened >= 3
    return root


def trouble(root: Path, month: str) -> None:
    folder = root / "inbox" / month
    people, endpoints = folder / "people.csv", folder / "endpoints.csv"
    people.write_text(people.read_text().replace("u1,active", "u1,terminated"))
    seen = f"p2@x.org,{month}-25"
    endpoints.write_text(endpoints.read_text().replace(seen, "p2@x.org,2026-01-25"))


HOW = ("page shift", "torn", "refused", "stale")
FASTEST = ("seats", "page shift")
SPOILT = [
    pytest.param(feed, how, id=f"{feed} {how}", marks=() if (feed, how) == FASTEST else pytest.mark.slow)
    for feed, how in [*((feed, how) for feed in BAD for how in HOW), ("endpoints", "mapped wrongly")]
]


@pytest.mark.parametrize(("feed", "how"), SPOILT)
def test_two_spoilt_pulls_running_open_and_settle_nothing(troubled: Path, tmp_path: Path, feed: str, how: str) -> None:
    shutil.copytree(troubled, tmp_path, dirs_exist_ok=True)
    database = tmp_path / "published" / "tieout.duckdb"
    reclaimable = "SELECT coalesce(sum(annual_value), 0) FROM reclaim_candidates"
    before = query(database, reclaimable).item()
    for month in ("2026-07", "2026-08"):
        deliver(tmp_path, month)
        trouble(tmp_path, month)
        spoil(tmp_path, month, feed, how)
        run_steps(Workspace.open(tmp_path), month)
    changed = query(database, "FROM exception_history WHERE period > '2026-06'")
    assert changed.select("exception_id", "from_status", "to_status", "why").to_dicts() == []
    assert query(database, reclaimable).item() <= before
    verdicts = query(database, f"SELECT verdict FROM sources WHERE feed = '{feed}' AND period > '2026-06'")
    assert "GREEN" not in verdicts["verdict"].to_list()
    measured("spoilt pulls, two months running, that opened and settled nothing", 1, 1)
