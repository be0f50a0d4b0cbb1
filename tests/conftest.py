"""Workspaces to try things in."""

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import settings

from checks import expectations
from pipelines import again, expected, steps
from pipelines.cli import main
from pipelines.steps import Month
from pipelines.workspace import Workspace
from tests.browser import chromium

MINIMAL = """\
organisation = "Example"
reporting_currency = "EUR"
timezone = "Europe/Berlin"
"""

HOLD = """
import sys, time
from pipelines.workspace import Workspace
with Workspace.open(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""
"""A program that holds the workspace it is given."""

MakeWorkspace = Callable[..., Path]

settings.register_profile("steady", derandomize=True)  # what CI runs finds the same every time
settings.register_profile("search", derandomize=False)  # `make test-slow` looks at other examples each time
settings.load_profile("steady")

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory: a month waits for the disk as long as it works, and tests prove nothing by it."""
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """Make a workspace from what `tieout.toml` says beyond the required keys, and from files for the inbox."""

    def make(config: str = "", files: dict[str, str] | None = None, *, minimal: str = MINIMAL) -> Path:
        root = tmp_path / "workspace"
        root.mkdir(exist_ok=True)
        (root / "tieout.toml").write_text(minimal + config, encoding="utf-8")
        for name, content in (files or {}).items():
            path = root / "inbox" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return root

    return make


def nothing_expected(files: Mapping[str, Path]) -> pl.DataFrame:
    """Stands in for Great Expectations, which takes seconds, where a test is not about it."""
    return pl.DataFrame(schema=expectations.EXPECTATIONS)


def perform(month: Month) -> None:
    """Every step of a month, one after the other."""
    reconciled = (steps.pull, steps.reconcile, steps.age, again.adjust, steps.figure)
    for step in (*reconciled, expected.expect, steps.render, steps.publish):
        step(month)


def run_steps(workspace: Workspace, period: str) -> None:
    """Run a month without Dagster, and without Great Expectations."""
    with patch.object(expectations, "validate", nothing_expected):
        perform(Month(workspace, period))


@contextmanager
def plain_runs() -> Iterator[None]:
    """Runs go without Dagster and Great Expectations, which take longer than a small month, and nothing they say
    is asked; the sample company, kills, secrets and the definitions have them."""
    with (
        patch("pipelines.run._dagster", lambda workspace: nullcontext(perform)),
        patch.object(expectations, "validate", nothing_expected),
    ):
        yield


@pytest.hookimpl(tryfirst=True)  # before the tests are dealt out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests together that share what takes long to make: the sample company, or else their module's fixtures.

    Those that run whole months lie in folders and go first, so that no worker is left with one of them at the end.
    """
    for item in items:
        shares = "company" in getattr(item, "fixturenames", ())
        item.user_properties += [("proves", mark.args) for mark in item.iter_markers("proves")]
        item.add_marker(pytest.mark.xdist_group("company" if shares else item.nodeid.split("::")[0]))
    here = Path(__file__).parent
    items.sort(key=lambda item: ("company" not in getattr(item, "fixturenames", ()), item.path.parent == here))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    """A browser; without one on the machine the tests that want it are skipped, and say so."""
    if not chromium.FOUND:
        pytest.skip("no chromium on this machine: install it to see the pages in it")
    with chromium.Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


class Answer(tuple[int, str, str]):
    """Exit code, stdout, stderr."""

    __slots__ = ()
    code = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])


Tieout = Callable[..., Answer]


def command(*arguments: object) -> Answer:
    """Run a command in this process with plain runs; where its progress goes is then as it was before."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["tieout", *map(str, arguments)]),
        patch.multiple(steps.log, handlers=steps.log.handlers, propagate=steps.log.propagate, level=steps.log.level),
        plain_runs(),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main()
    return Answer((int(end.value.code or 0), out.getvalue(), err.getvalue()))


@pytest.fixture
def tieout() -> Tieout:
    """Run a command in this process."""
    return command


# -- what connectors were tested against -----------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--support", type=Path, help="write what the connectors were tested against to this page")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--support") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SupportPage(config.getoption("--support")))


class SupportPage:
    """Collects which proofs ran and passed; a proof of which any test fails is none."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._passed: set[tuple[str, str, str]] = set()
        self._failed: set[tuple[str, str, str]] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        proofs = {(str(a), str(b), str(c)) for kind, (a, b, c) in report.user_properties if kind == "proves"}
        if report.failed:
            self._failed |= proofs
        elif report.passed and report.when == "call":
            self._passed |= proofs

    def pytest_sessionfinish(self) -> None:
        from pipelines.support import page_of

        self._page.write_text(page_of(self._passed - self._failed), encoding="utf-8")
