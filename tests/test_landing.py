"""What lands stays as it landed, is found again by its month, and owes nothing to the names of files."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines import delivery, landing, steps
from pipelines.delivery import Due
from pipelines.errors import ConfigError
from pipelines.landing import Delivered, folder_of, land, recall, record
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace
from tieout.settings import Source

AS_OF = datetime(2026, 10, 31, 22, 59, 59, 999999, UTC)
ASSETS = Source(name="assets", feed="assets")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_delivery_lands_byte_for_byte_with_its_manifest(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace(files={"2026-10/assets.csv": "asset_tag\r\n00123 \r\n"}))
    snapshot = land(workspace, ASSETS, "2026-10")
    folder = folder_of(workspace, "2026-10", snapshot)
    assert (folder / "assets.csv").read_bytes() == (workspace.inbox / "2026-10" / "assets.csv").read_bytes()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["snapshot_id"] == folder.name == snapshot.snapshot_id
    assert manifest["outcome"] == "complete"
    assert manifest["files"][0]["origin"] == "inbox/2026-10/assets.csv"


def test_the_same_content_lands_once_under_any_file_name(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace(files={"2026-10/assets.csv": "asset_tag\n1\n"}))
    first = land(workspace, ASSETS, "2026-10")
    before = contents(workspace.landing)
    (workspace.inbox / "2026-10" / "assets.csv").rename(workspace.inbox / "2026-10" / "ASSETS.csv")
    assert land(workspace, ASSETS, "2026-10").snapshot_id == first.snapshot_id
    assert contents(workspace.landing) == before


def test_other_content_or_another_reading_of_it_lands_beside_it(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace(files={"2026-10/assets.csv": "asset_tag\n1\n"}))
    snapshots = [
        land(workspace, ASSETS, "2026-10"),
        land(workspace, ASSETS.model_copy(update={"encoding": "cp1252"}), "2026-10"),
    ]
    (workspace.inbox / "2026-10" / "assets.csv").write_text("asset_tag\n2\n")
    snapshots.append(land(workspace, ASSETS, "2026-10"))
    assert len({snapshot.snapshot_id for snapshot in snapshots}) == 3
    assert all(folder_of(workspace, "2026-10", snapshot).is_dir() for snapshot in snapshots)


def test_what_did_not_come_leaves_nothing_behind(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace())
    snapshot = land(workspace, ASSETS, "2026-10")
    assert (snapshot.snapshot_id, snapshot.fetched.outcome) == ("", "missing")
    assert contents(workspace.landing) == {}


def test_a_month_remembers_what_was_delivered(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace(files={"2026-10/assets.csv": "asset_tag\n1\n"}))
    delivered = Delivered(
        AS_OF, (land(workspace, ASSETS, "2026-10"), land(workspace, Source(name="hr", feed="people"), "2026-10"))
    )
    assert recall(workspace, "2026-10") is None
    record(workspace, "2026-10", delivered)
    assert recall(workspace, "2026-10") == delivered
    assert landing.landed_periods(workspace) == ["2026-10"]


# -- who owes a delivery ---------------------------------------------------------------------------------------------

CONFIGURED = """
[[sources]]
name = "hr"
feed = "people"
path = "inbox/{period}/people-export.csv"
[[sources]]
name = "mdm"
feed = "endpoints"
"""


@pytest.fixture
def due(make_workspace: MakeWorkspace) -> Callable[..., list[tuple[str, str, str | None]]]:
    """Deliver the named files for a month and say who owed a delivery: feed, source, path."""

    def ask(period: str, *names: str, config: str = "") -> list[tuple[str, str, str | None]]:
        workspace = Workspace.open(make_workspace(config, {f"{period}/{name}": f"{name}\n1\n" for name in names}))
        owed = delivery.due(workspace, period)
        record(workspace, period, Delivered(AS_OF, tuple(_land(workspace, one, period) for one in owed)))
        return [(one.source.feed, one.source.name, one.source.path) for one in owed]

    return ask


def _land(workspace: Workspace, one: Due, period: str) -> landing.Snapshot:
    return land(workspace, one.source, period, discovered=one.discovered)


def test_configured_and_dropped_sources_work_together(due: Callable[..., object]) -> None:
    assert due(
        "2026-10", "people-export.csv", "endpoints.mdm.csv", "assets.csv", "seats.figma.csv", config=CONFIGURED
    ) == [
        ("people", "hr", "inbox/{period}/people-export.csv"),
        ("endpoints", "mdm", None),
        ("assets", "assets", None),
        ("seats", "figma", None),
    ]


def test_a_dropped_source_that_stays_away_is_still_owed(due: Callable[..., object]) -> None:
    due("2026-09", "assets.csv", "seats.figma.csv", "seats.okta.csv")
    assert due("2026-10", "assets.csv", "seats.okta.csv") == [
        ("assets", "assets", None),
        ("seats", "figma", None),
        ("seats", "okta", None),
    ]


def test_a_renamed_file_is_the_same_source(due: Callable[..., object]) -> None:
    due("2026-09", "assets.csv", "people.csv")
    assert due("2026-10", "assets.register.csv", "people.csv") == [
        ("assets", "assets", "inbox/2026-10/assets.register.csv"),
        ("people", "people", None),
    ]


def test_a_source_moved_into_the_config_is_owed_once(due: Callable[..., object]) -> None:
    due("2026-09", "people.csv", "assets.csv")
    config = '[[sources]]\nname = "hr"\nfeed = "people"\npath = "inbox/{period}/people-export.csv"\n'
    assert due("2026-10", "people-export.csv", "assets.csv", config=config) == [
        ("people", "hr", "inbox/{period}/people-export.csv"),
        ("assets", "assets", None),
    ]


# -- which month -----------------------------------------------------------------------------------------------------


def test_the_newest_delivered_month_is_chosen(make_workspace: MakeWorkspace) -> None:
    files = {"2026-08/assets.csv": "x", "2026-09/assets.csv": "x", "2026-10/notes.txt": "x"}
    workspace = Workspace.open(make_workspace(files=files))
    assert list(delivery.dropped(workspace)) == ["2026-08", "2026-09"]
    assert delivery.choose(workspace, None, AS_OF) == "2026-09"
    assert delivery.choose(workspace, "2026-08", AS_OF) == "2026-08"


def test_a_month_without_delivery_names_those_with_one(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace(files={"2026-08/assets.csv": "x", "2026-09/assets.csv": "x"}))
    with pytest.raises(
        ConfigError, match="nothing is delivered for 2026-07; the delivered months are 2026-08, 2026-09"
    ):
        delivery.choose(workspace, "2026-07", AS_OF)


def test_a_month_that_is_not_over_needs_a_day(make_workspace: MakeWorkspace) -> None:
    workspace = Workspace.open(make_workspace(files={"2999-01/assets.csv": "x"}))
    with pytest.raises(ConfigError, match="2999-01 is not over yet"):
        delivery.choose(workspace, None, None)
    assert delivery.choose(workspace, None, AS_OF) == "2999-01"


def test_paths_with_a_month_in_them_are_months_too(make_workspace: MakeWorkspace) -> None:
    root = make_workspace('[[sources]]\nname = "hr"\nfeed = "people"\npath = "exports/{period}/hr-*.csv"\n')
    (root / "exports" / "2026-06").mkdir(parents=True)
    (root / "exports" / "2026-06" / "hr-1.csv").write_text("x")
    assert list(delivery.dropped(Workspace.open(root))) == ["2026-06"]


def test_a_file_without_a_month_stands_for_any(make_workspace: MakeWorkspace) -> None:
    root = make_workspace('[[sources]]\nname = "hr"\nfeed = "people"\npath = "hr.csv"\n')
    (root / "hr.csv").write_text("x")
    assert delivery.choose(Workspace.open(root), "2026-06", None) == "2026-06"


def test_an_empty_workspace_says_what_to_drop(make_workspace: MakeWorkspace) -> None:
    with pytest.raises(ConfigError, match=r"drop files like inbox/2026-10/assets\.csv"):
        delivery.choose(Workspace.open(make_workspace()), None, None)


def test_what_was_never_green_is_remembered_all_the_same(make_workspace: MakeWorkspace) -> None:
    torn = "T0\n"
    assets = "".join(f"T{n},laptop,in_stock\n" for n in range(5))
    moves = [f"E{n},assign,T1,2026-0{7 + n % 2}-0{n % 9 + 1}T10:00:00Z\n" for n in range(10)]
    of_assets, of_moves = "asset_tag,asset_class,status\n", "event_id,kind,asset_tag,occurred_at\n"
    files = {
        "2026-08/assets.csv": of_assets + assets + torn,
        "2026-08/movements.csv": of_moves + "".join(moves) + torn,
        "2026-09/assets.csv": of_assets,
        "2026-09/movements.csv": of_moves + "".join(moves[:5]),
    }
    workspace = Workspace.open(make_workspace(files=files))
    steps.pull(steps.Month(workspace, "2026-08"))
    sources = steps.pull(steps.Month(workspace, "2026-09")).sources
    assert dict(sources.select("feed", pl.col("reasons").list.first()).iter_rows()) == {
        "assets": "volume-drop: no usable row came, but 5 were there before",
        "movements": "incomplete-pull: it repeats 5 of the 10 rows known since the earliest that it repeats; "
        "at least 80% must be",
    }
    assert sources["verdict"].to_list() == ["RED", "AMBER"]
