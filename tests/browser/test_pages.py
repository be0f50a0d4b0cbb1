"""Every page in a real browser: it shows without a complaint, fits a phone and a desk, and can be read by everybody."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reports import render
from tests import pages
from tests.browser.chromium import Browser

TOO_LONG = "W" * 300 + "ש" * 20 + pages.HOSTILE
CASES: dict[str, Callable[[], dict[str, str]]] = {
    "full": lambda: pages.html(render(pages.full(), pages.ABOUT, pages.RULES)),
    "long": lambda: pages.html(render(pages.full(lambda text: text + TOO_LONG), pages.ABOUT, pages.RULES)),
    "empty": lambda: pages.html(render(pages.empty(), pages.FIRST, {})),
}
NAMES = ["index.html", "reconciliation.html", "reclaim.html", "owners/*.html", "people.html", "stock.html",
         "disposal.html", "sources.html", "audit.html"]  # fmt: skip
NOBODY = ("owners/*.html", "empty")
WIDTHS = (360, 1400)
SHEET = 703
"""Of A4 between its margins."""
UNFOLD = """
for (const one of document.querySelectorAll("details")) one.open = true
for (const one of [...document.querySelectorAll(".unfold")].slice(0, 3)) one.click()
"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FAINT = """
(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255)
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor)
      if (colour.length < 4 || colour[3]) return colour
    }
    return [255, 255, 255]
  }
  const faint = new Set()
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    if (!own || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue
    const style = getComputedStyle(element)
    const ink = element.closest("svg") ? parts(style.fill) : parts(style.color)
    const [high, low] = [light(ink), light(ground(element))].sort((a, b) => b - a)
    const said = `${element.tagName}.${element.className}: ${element.textContent.slice(0, 40)}`
    if ((high + 0.05) / (low + 0.05) < 4.5) faint.add(said)
  }
  return [...faint]
})()
"""
NAMELESS = """
[...document.querySelectorAll("a, button, input, select, summary, svg:not([aria-hidden])")].filter((element) =>
  element.checkVisibility() && !(element.textContent.trim() || element.ariaLabel || element.labels?.length
    || element.getAttribute("aria-labelledby"))).map((element) => element.outerHTML.slice(0, 80))
"""
BACKWARDS = """
[...document.querySelectorAll("li, th, td")].filter((element) => {
  const [name] = element.querySelectorAll(":scope > a, :scope > bdi")
  const next = name?.nextSibling?.data?.trim() ? name.nextSibling : name?.nextElementSibling
  if (!next || !element.checkVisibility()) return false
  const line = document.createRange()
  line.selectNodeContents(next)
  const [before, after] = [name, line].map((one) => one.getClientRects()[0])
  return before.top === after.top && before.left > after.left
}).map((element) => element.textContent)
"""

NUMBER_CONTROLS = """
(() => {
  const controls = "a[href], button:not(:disabled), input, select, summary, [tabindex]"
  const all = [...document.querySelectorAll(controls)].filter((one) => one.checkVisibility())
  all.forEach((one, number) => { one.dataset.stop = number })
  return all.length
})()
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pages of every case."""
    folder = tmp_path_factory.mktemp("pages")
    for case, rendered in CASES.items():
        for name, text in rendered().items():
            path = folder / case / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("name", "case"), [(name, case) for case in CASES for name in NAMES if (name, case) != NOBODY])
def test_a_page_is_quiet_fits_and_can_be_read(name: str, case: str, browser: Browser, written: Path) -> None:
    (path,) = (written / case).glob(name)
    for width, dark in zip(WIDTHS, (True, False), strict=True):
        browser.open(path, width=width, dark=dark)
        browser.run(UNFOLD)
        assert browser.run(TOO_WIDE) == 0
        assert browser.run(FAINT) == []
        assert browser.run(NAMELESS) == []
    assert browser.run("document.querySelectorAll('img, iframe, [onload], [onerror]').length") == 0
    assert browser.complaints == []
    assert {address.split(":")[0] for address in browser.requests} <= {"file", "data"}


@pytest.mark.parametrize("name", ["index.html", "reconciliation.html", "reclaim.html"])
def test_a_name_written_from_right_to_left_turns_no_sentence_around(
    name: str, browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / name
    rendered = render(pages.full(lambda text: "שלום " + text), pages.ABOUT, pages.RULES)
    page.write_text(pages.html(rendered)[name], encoding="utf-8")
    browser.open(page)
    browser.run(UNFOLD)
    assert browser.run(BACKWARDS) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_printed_table_fits_the_paper_and_repeats_its_head(name: str, browser: Browser, written: Path) -> None:
    browser.open(next((written / "full").glob(name)), width=SHEET)
    browser("Emulation.setEmulatedMedia", media="print")
    assert browser.run("document.documentElement.scrollWidth") < SHEET * 1.3  # a browser shrinks by as much to fit
    heads = browser.run(
        "[...document.querySelectorAll('thead:not(.unseen)')].map((one) => getComputedStyle(one).display)"
    )
    browser("Emulation.setEmulatedMedia", media="")
    assert set(heads) <= {"table-header-group"}
    assert browser.paper().startswith(b"%PDF")


@pytest.mark.parametrize("name", NAMES)
def test_the_keyboard_reaches_every_control(name: str, browser: Browser, written: Path) -> None:
    browser.open(next((written / "full").glob(name)))
    wanted = browser.run(NUMBER_CONTROLS)
    reached = set()
    for _ in range(wanted + 1):
        browser.press("Tab")
        reached.add(browser.run("document.activeElement.dataset.stop"))
    assert {str(number) for number in range(wanted)} <= reached
