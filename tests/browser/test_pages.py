"""Every page in a real browser: it shows without a complaint and fits a phone and a desk."""

import shutil
import subprocess
from pathlib import Path

import pytest

from reports import render
from tests import pages

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(not BROWSER, reason="no chromium on this machine: install it to see the pages in it")

WIDTHS = (360, 1400)
MEASURE = """
<script>
onload = () => {
  const page = document.documentElement
  parent.postMessage(`${innerWidth} wide, ${page.scrollWidth - page.clientWidth} too much; `, "*")
}
</script>
"""
FRAMES = """<!doctype html><title>-</title><p id="measured"></p>
<script>onmessage = (message) => document.getElementById("measured").append(message.data)</script>
""" + "".join(f'<iframe src="page.html" width="{width}" height="900" style="border:0"></iframe>' for width in WIDTHS)
CASES = {
    "full": lambda: render(pages.full(), pages.ABOUT, pages.RULES),
    "long": lambda: render(pages.full(lambda text: text + "W" * 300), pages.ABOUT, pages.RULES),
}
NAMES = ["index.html", "reconciliation.html", "reclaim.html"]


def _open(path: Path, folder: Path) -> tuple[str, str]:
    """The document as the browser ends up with it, and what it complained of."""
    assert BROWSER
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--enable-logging=stderr", "--virtual-time-budget=3000", f"--user-data-dir={folder / 'profile'}",
            "--window-size=1600,1000", "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("name", NAMES)
def test_the_browser_has_nothing_to_complain_of(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(CASES["full"]()[name], encoding="utf-8")
    shown, complaints = _open(path, tmp_path)
    assert "Example &amp; Sons" in shown
    assert complaints == ""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_no_wider_than_its_window(name: str, case: str, tmp_path: Path) -> None:
    unfolded = CASES[case]()[name].replace("<details>", "<details open>")
    scriptable = unfolded.replace("Content-Security-Policy", "X-Not-In-This-Test")
    (tmp_path / "page.html").write_text(scriptable.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    (tmp_path / "frames.html").write_text(FRAMES, encoding="utf-8")
    shown, _ = _open(tmp_path / "frames.html", tmp_path)
    for width in WIDTHS:
        assert f"{width} wide, 0 too much; " in shown
