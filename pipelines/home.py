"""Where Dagster keeps its records of a workspace: below it, like everything else."""

import importlib.resources
import os

from pipelines.whole import write_whole
from pipelines.workspace import Workspace


def prepare_home(workspace: Workspace) -> dict[str, str]:
    """Make the folder, put `dagster.yaml` into it, and say which environment variables point Dagster there."""
    home = workspace.warehouse / "dagster"
    write_whole(home / "dagster.yaml", (importlib.resources.files("pipelines") / "dagster.yaml").read_bytes())
    return {
        "DAGSTER_HOME": str(home),
        "TIEOUT_DAGSTER_STORAGE": str(home / "storage"),
        "TIEOUT_WORKSPACE": str(workspace.root),
        "DAGSTER_EVENT_BATCH_SIZE": os.environ.get("DAGSTER_EVENT_BATCH_SIZE", "50"),
    }
