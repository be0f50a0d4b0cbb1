"""What `dagster` and `tieout dev` load, and what `tieout run` drives in process.

The workspace is the directory that TIEOUT_WORKSPACE names, the current one without it.
"""

import os

import dagster as dg

from pipelines import schedules
from pipelines.assets import House, monthly_assets
from pipelines.workspace import Workspace

JOB = "month"
IMPORT = "returned_decisions_import"
FIRST_MONTH = "2015-01"


def define(workspace: Workspace) -> dg.Definitions:
    """The assets, the job, the schedule and the sensor of one workspace."""
    months = dg.MonthlyPartitionsDefinition(
        start_date=FIRST_MONTH, fmt="%Y-%m", timezone=workspace.settings.timezone, end_offset=1
    )
    job = dg.define_asset_job(JOB, dg.AssetSelection.all(), executor_def=dg.in_process_executor)
    return dg.Definitions(
        assets=monthly_assets(months),
        jobs=[job, schedules.imports(IMPORT, workspace)],
        schedules=[schedules.monthly(JOB, workspace)],
        sensors=[schedules.inbox(JOB, workspace), schedules.returned(IMPORT, workspace)],
        resources={"house": House(workspace=str(workspace.root))},
    )


@dg.definitions
def defs() -> dg.Definitions:
    return define(Workspace.open(os.environ.get("TIEOUT_WORKSPACE", ".")))
