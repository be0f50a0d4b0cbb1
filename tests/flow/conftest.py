"""The sample company, run once for every test that asks what came of it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from pipelines.warehouse import query

COMMAND = [sys.executable, "-c", "from pipelines.cli import main; main()"]

Ask = Callable[[str], pl.DataFrame]


class Ran(NamedTuple):
    """A workspace whose months have run, and what the command said."""

    root: Path
    said: str
    progress: str


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The sample company after `tieout demo`."""
    root = tmp_path_factory.mktemp("company") / "demo"
    done = subprocess.run([*COMMAND, "demo", str(root)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Ran(root, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def ask(company: Ran) -> Ask:
    """Put a query to the sample company's published database."""
    return lambda sql: query(company.root / "published" / "tieout.duckdb", sql)
