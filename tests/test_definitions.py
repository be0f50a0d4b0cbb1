"""What Dagster shows: every feed in its group, months as partitions, a schedule and a sensor for whole months."""

import os
from datetime import UTC, datetime

import dagster as dg
import pytest

from pipelines.definitions import JOB, define
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace
from tieout.feeds import FEEDS


@pytest.fixture
def definitions(make_workspace: MakeWorkspace) -> dg.Definitions:
    return define(
        Workspace.open(
            make_workspace(files={"2026-08/assets.csv": "x", "2026-09/assets.csv": "x", "2999-01/assets.csv": "x"})
        )
    )


def test_every_feed_is_an_asset_in_its_systems_group(definitions: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    assert set(FEEDS) < set(specs)
    assert specs["people"].group_name == "sources/hr"
    assert specs["invoices"].group_name == specs["purchases"].group_name == "sources/procurement"
    assert all(spec.owners for spec in specs.values())
    assert {name for name in FEEDS if "pii" in specs[name].tags} >= {
        "people",
        "accounts",
        "seats",
        "movements",
        "tickets",
    }
    assert "pii" not in specs["fx_rates"].tags


def test_months_are_partitions_up_to_the_one_in_progress(definitions: dg.Definitions) -> None:
    months = definitions.resolve_job_def(JOB).partitions_def
    assert months is not None
    keys = months.get_partition_keys(current_time=datetime(2026, 10, 15, tzinfo=UTC))
    assert keys[-1] == "2026-10"


def test_the_schedule_runs_the_month_that_has_ended(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("first_of_the_month")
    first = datetime(2026, 11, 1, 5, tzinfo=UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=first)
        request = schedule(context)
    assert request.partition_key == "2026-10"
    assert schedule.execution_timezone == "Europe/Berlin"


def test_the_sensor_asks_for_each_months_files_once(definitions: dg.Definitions) -> None:
    sensor = definitions.resolve_sensor_def("dropped_files")
    with dg.DagsterInstance.ephemeral() as instance:
        first = [(r.partition_key, r.run_key) for r in sensor(dg.build_sensor_context(instance))]
        again = [(r.partition_key, r.run_key) for r in sensor(dg.build_sensor_context(instance))]
    assert [period for period, _ in first] == ["2026-08", "2026-09"]
    assert again == first


def test_the_workspace_comes_from_the_environment(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TIEOUT_WORKSPACE", str(make_workspace()))
    from pipelines.definitions import defs

    assert defs().resolve_job_def(JOB).name == JOB
