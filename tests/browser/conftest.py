"""One browser for all tests of pages."""

from collections.abc import Iterator

import pytest

from tests.browser import chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    """A browser; without one on the machine the tests that want it are skipped, and say so."""
    if not chromium.FOUND:
        pytest.skip("no chromium on this machine: install it to see the pages in it")
    with chromium.Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened
