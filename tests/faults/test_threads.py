"""One thread or eight: the published tables are the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.publish import fingerprints
from tests.faults.figures import measured
from tests.flow.test_bad_pulls import CONFIG, deliver, trouble

RUN = """
import sys
from pipelines.workspace import Workspace
from tests.conftest import run_steps
for month in ("2026-06", "2026-07"):
    run_steps(Workspace.open(sys.argv[1]), month)
"""


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    found = []
    for threads in (1, 2, 8):
        root = tmp_path / str(threads)
        root.mkdir()
        (root / "tieout.toml").write_text(CONFIG)
        for month in ("2026-06", "2026-07"):
            deliver(root, month)
            trouble(root, month)
        limits = {"POLARS_MAX_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        subprocess.run([sys.executable, "-c", RUN, str(root)], env=os.environ | limits, check=True, capture_output=True)
        found.append(fingerprints(root / "published" / "tieout.duckdb"))
    assert found[0] == found[1] == found[2]
    tables = {name.split("/")[0] for name in found[0]}
    measured("tables equal with 1, 2 and 8 threads", len(tables), len(tables))
