"""Lists in a real browser: search, facets, order, evidence, permalinks, downloads and decisions."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from reports import render
from tests import pages
from tests.browser.chromium import Browser

SUBJECTS = "[...document.querySelectorAll('.listing tr[data-row] .unfold')].map((one) => one.textContent)"
COUNT = "document.querySelector('[role=status]').textContent"
CHOOSE = """
[...document.querySelectorAll('.facet label')].find((one) => one.textContent.startsWith(' {} ')).control.click()
"""
SEARCH = """
new Promise((done) => {{
  const box = document.querySelector('input[type=search]')
  box.value = '{}'
  box.dispatchEvent(new Event('input'))
  setTimeout(done, 300)
}})
"""
PRESS = "[...document.querySelectorAll('button')].find((one) => one.textContent.startsWith('{}')).click()"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("listing") / "reconciliation.html"
    path.write_bytes(render(pages.full(), pages.ABOUT, pages.RULES)["reconciliation.html"])
    return path


def _download(browser: Browser, button: str) -> str:
    browser.run(PRESS.format(button))
    name = browser.wait_for("Browser.downloadWillBegin")["suggestedFilename"]
    while browser.wait_for("Browser.downloadProgress")["state"] != "completed":
        pass
    path = browser.folder / name
    text = path.read_bytes().decode("utf-8-sig")
    path.unlink()
    return text


def test_facets_and_search_narrow_the_list_and_stand_in_the_address(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.run(COUNT) == "1–9 of 9"
    browser.run(CHOOSE.format("critical"))
    assert browser.run(COUNT) == "1–2 of 2 (of 9)"
    assert browser.run("location.hash") == "#exceptions?severity=critical"
    browser.run(SEARCH.format("ana müller"))  # stands in the evidence alone
    assert browser.run(SUBJECTS) == ["A-1"]
    browser.open(page, "#exceptions?severity=critical&q=ana")
    assert browser.run(SUBJECTS) == ["A-1"]
    browser.open(page, "#exceptions?q=100%")  # cut short on its way
    assert (browser.run(COUNT), browser.complaints) == ("0 (of 9)", [])
    browser.run(PRESS.format("Show all"))
    assert browser.run(COUNT) == "1–9 of 9"
    assert browser.run("location.hash") == ""


def test_a_head_puts_the_list_in_order_and_what_has_no_value_last(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run(PRESS.format("Value"))
    values = "[...document.querySelectorAll('tr[data-row] td:last-child')].map((one) => one.textContent)"
    assert browser.run(values)[:4] == ["9,000.00", "1,500.25", "1,234.50", "300.10"]
    browser.run(PRESS.format("Value"))
    assert browser.run(values)[:2] == ["300.10", "1,234.50"]
    assert browser.run(values)[-1] == "unvalued"
    assert browser.run("location.hash") == "#exceptions?sort=value"


def test_a_permalink_opens_its_row_with_the_evidence(browser: Browser, page: Path) -> None:
    browser.open(page, "#" + "a1" * 8)
    told = browser.run("document.querySelector('tr.named').nextElementSibling.textContent")
    for said in (
        "people · hr no record",
        "endpoints · mdm not alive",
        "asset_tagA-1",
        "placeunknown",
        "2026-08-31open",
    ):
        assert said in told
    assert browser.run("document.activeElement.textContent") == "A-1"
    browser.press("Enter")
    assert browser.run("document.querySelector('tr.named').nextElementSibling.className") != "beneath"


def test_a_download_holds_exactly_what_is_shown(browser: Browser, page: Path) -> None:
    browser.open(page, "#exceptions?severity=critical&sort=-age_days")
    rows = list(csv.DictReader(_download(browser, "CSV").splitlines()))
    assert [row["subject"] for row in rows] == browser.run(SUBJECTS) == ["Tabula", "A-1"]
    assert json.loads(_download(browser, "JSON"))[1]["value"] == rows[1]["value"] == "1234.50"


def test_decisions_are_downloaded_as_one_file_to_import(browser: Browser, page: Path) -> None:
    browser.open(page, "#" + "a1" * 8)
    browser.run("""(() => {
      const [kind] = document.querySelectorAll('fieldset select')
      kind.value = 'waive'
      kind.dispatchEvent(new Event('change'))
      const say = (label, text) => {
        const labels = [...document.querySelectorAll('fieldset label')]
        const input = labels.find((one) => one.textContent.startsWith(label)).control
        input.value = text
        input.dispatchEvent(new Event('input'))
      }
      say('Until', '2026-12-01')
      say('Approved by', 'Bob')
      say('Reason', 'on its way')
      document.querySelector('.desk input').value = 'ada@example.org'
    })()""")
    shown = browser.run("[...document.querySelectorAll('fieldset label')].filter((one) => !one.hidden).length")
    assert shown == 5  # what, until, approved by, reason, comment
    assert json.loads(_download(browser, "Download 1 decision")) == [
        {"exception_id": "a1" * 8, "decision": "waive", "until": "2026-12-01", "approver": "Bob",
         "reason": "on its way", "by": "ada@example.org", "period": "2026-10"}
    ]  # fmt: skip


def test_a_seat_is_given_back_on_the_page_on_reclaim(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "reclaim.html"
    path.write_bytes(render(pages.full(), pages.ABOUT, pages.RULES)["reclaim.html"])
    browser.open(path)
    browser.run("""(() => {
      const decided = [...document.querySelectorAll('tr[data-row]')].find((one) => one.textContent.includes('u-1'))
      decided.querySelector('.unfold').click()
      const kind = document.querySelector('fieldset select')
      kind.value = 'approve'
      kind.dispatchEvent(new Event('change'))
      document.querySelector('.desk input').value = 'ada@example.org'
    })()""")
    (row,) = (one for one in pages.island(path.read_text(), "candidates") if one["subject"] == "Figura/u-1")
    assert json.loads(_download(browser, "Download 1 decision")) == [
        {"exception_id": row["exception_id"], "decision": "approve", "by": "ada@example.org", "period": "2026-10"}
    ]
    assert row["exception_id"]


def test_what_is_printed_is_the_whole_list_and_then_the_page_is_as_before(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "reconciliation.html"
    path.write_bytes(render(_many(30), pages.ABOUT, pages.RULES)["reconciliation.html"])
    browser.open(path, "#exceptions?page=2")
    assert browser.run(COUNT) == "101–200 of 270"
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run(COUNT) == "1–270 of 270"
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(COUNT) == "101–200 of 270"
    assert browser.paper().count(b"/Type /Page\n") > 3


def test_without_scripts_the_first_rows_can_be_read(browser: Browser, page: Path) -> None:
    browser("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(page)
    browser("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.run("document.querySelectorAll('.listing tbody tr').length") == 9
    assert "▲ high" in browser.run("document.querySelector('.listing').textContent")


def test_the_first_screen_of_an_owner_says_what_to_do_by_when_why_and_what_it_is_worth(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "it-assets.html"
    path.write_bytes(render(pages.full(), pages.ABOUT, pages.RULES)["owners/it-assets.html"])
    browser.open(path, width=1400, height=900)
    seen = browser.run("""(() => {
      const rows = [...document.querySelectorAll('#tasks tbody tr')]
      const inSight = rows.filter((row) => row.getBoundingClientRect().bottom <= innerHeight)
      return [document.documentElement.scrollTop, inSight.map((row) => row.innerText)]
    })()""")
    scrolled, rows = seen
    assert scrolled == 0
    task = next(row for row in rows if "still holds" in row)
    for said in (
        "Ask for it back.",
        "somebody who has left still holds",
        "2026-09-15",
        "overdue",
        "1,234.50 EUR asset",
    ):
        assert said in task


@pytest.mark.parametrize(
    ("page_name", "seen"),
    [
        ("index", ("open exceptions", "rules could not judge", "Accuracy %", "What weighs most", "Where it fails",
                   "Leavers", "Spares", "Silent")),
        ("reclaim", ("cash this fiscal year", "realised", "avoided", "lapsed", "To be decided within 60 days",
                     "a year of products no console shows", "Closing")),
        ("audit", ("is the state of", "role conflicts", "findings of tieout verify", "Months and signatures")),
    ],
)  # fmt: skip
def test_the_first_screen_shows_what_its_reader_looks_for(
    browser: Browser, tmp_path: Path, page_name: str, seen: tuple[str, ...]
) -> None:
    path = tmp_path / f"{page_name}.html"
    path.write_bytes(render(pages.full(), pages.ABOUT, pages.RULES)[f"{page_name}.html"])
    browser.open(path, width=1400, height=900)
    inside = browser.run("""[...document.querySelectorAll('main :is(li, th, h2, h3, p, a, .figure)')].filter((one) => {
      const { bottom, height } = one.getBoundingClientRect()
      return height && bottom <= innerHeight
    }).map((one) => one.textContent).join(' ')""")
    assert [said for said in seen if said not in inside] == []


def _many(times: int) -> dict[str, pl.DataFrame]:
    """The sample so often that each of its exceptions stands in the list `times` times."""
    tables = pages.full()
    for name in ("exceptions", "exception_history", "evidence"):
        again = (
            tables[name].with_columns(pl.format("{}-{}", "exception_id", pl.lit(number)).alias("exception_id"))
            for number in range(times)
        )
        tables[name] = pl.concat(again)
    return tables


@pytest.mark.slow
def test_fifty_thousand_rows_can_be_searched_and_what_is_beyond_is_told(browser: Browser, tmp_path: Path) -> None:
    files = render(_many(5_600), pages.ABOUT, pages.RULES)
    for name in ("reconciliation.html", "owners/it-assets.html", "owners/it-assets.2.html"):
        path = tmp_path / Path(name).name
        path.write_bytes(files[name])
    browser.open(tmp_path / "reconciliation.html")
    assert browser.run(COUNT) == "1–100 of 50,000"
    assert "400 more are too many for one page" in browser.run("document.body.textContent")
    browser.run(SEARCH.format("ana müller"))
    assert browser.run(COUNT).endswith("of 5,600 (of 50,000)")
    browser.run(PRESS.format("Later"))
    assert browser.run("location.hash").endswith("page=2")
    browser.open(tmp_path / "it-assets.2.html")
    assert browser.run(COUNT) == "1–100 of 400"
    assert browser.complaints == []
