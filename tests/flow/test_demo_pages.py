"""The sample company's pages in a real browser, and a decision taken in one of them all the way to the next run."""

import json
from pathlib import Path

import pytest

from data.demo.calendar import MONTHS
from tests.browser.chromium import Browser
from tests.browser.test_pages import FAINT, NAMELESS, NUMBER_CONTROLS, TOO_WIDE, UNFOLD
from tests.conftest import Tieout
from tests.flow.conftest import Ran

pytestmark = pytest.mark.slow


def pages_of(company: Ran, month: str) -> list[Path]:
    return sorted((company.root / "reports" / month).rglob("*.html"))


def test_every_page_of_the_demo_is_quiet_fits_and_can_be_read(browser: Browser, company: Ran) -> None:
    seen = [page for month in MONTHS for page in pages_of(company, month)]
    assert len(seen) > 40
    for page in seen:
        for width, dark in ((360, True), (1400, False)):
            browser.open(page, width=width, dark=dark)
            browser.run(UNFOLD)
            assert browser.run(TOO_WIDE) == 0, page
            assert browser.run(FAINT) == [], page
            assert browser.run(NAMELESS) == [], page
        assert browser.complaints == [], page
        assert {address.split(":")[0] for address in browser.requests} <= {"file", "data"}, page


def test_the_keyboard_reaches_every_control_of_the_demo(browser: Browser, company: Ran) -> None:
    for page in pages_of(company, MONTHS[-1]):
        browser.open(page)
        wanted = browser.run(NUMBER_CONTROLS)
        reached = set()
        for _ in range(wanted + 1):
            browser.press("Tab")
            reached.add(browser.run("document.activeElement.dataset.stop"))
        assert {str(number) for number in range(wanted)} <= reached, page


def test_a_decision_taken_in_an_owners_page_is_imported(
    browser: Browser, company: Ran, tieout: Tieout, tmp_path: Path
) -> None:
    browser.open(company.root / "reports" / MONTHS[-1] / "owners" / "spares.html")
    subject = browser.run("document.querySelector('.unfold').textContent")
    browser.run("""(() => {
      document.querySelector('.unfold').click()
      const kind = document.querySelector('fieldset select')
      kind.value = 'acknowledge'
      kind.dispatchEvent(new Event('change'))
      document.querySelector('.desk input').value = 'ada@example.org'
      document.querySelector('.desk button').click()
    })()""")
    name = browser.wait_for("Browser.downloadWillBegin")["suggestedFilename"]
    while browser.wait_for("Browser.downloadProgress")["state"] != "completed":
        pass
    answer = tieout("decisions", "import", browser.folder / name, "--dry-run", "--json", "-w", company.root)
    (receipt,) = json.loads(answer.out)
    assert (answer.code, receipt["subject"], receipt["outcome"]) == (0, subject, "accepted")
