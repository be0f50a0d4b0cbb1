"""Whatever a source says is shown as it is and never run: not in a page, a workbook, a CSV file or a query."""

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from pipelines.answer import as_text
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.browser.chromium import FOUND, Browser
from tests.conftest import MINIMAL, run_steps
from tests.faults.figures import measured
from tieout.feeds import FEEDS, Feed, Kind
from tieout.spreadsheet import as_read

TAGS = (
    "script", "img src=x", "svg", "iframe", "object", "embed", "video", "audio", "body", "input autofocus",
    "details open", "math", "style", "link rel=stylesheet", "base", "form", "marquee", "meta http-equiv=refresh",
)  # fmt: skip
ENDS = ("title", "textarea", "style", "td", "table", "select", "noscript", "template")
SCHEMES = ("javascript:", "JaVaScRiPt:", "java\tscript:", "vbscript:", " javascript:")
MARKUP = (
    *(f"<{tag} onload=alert(1) onerror=alert(1)>" for tag in TAGS),
    *(f"</{tag}><script>alert(1)</script>" for tag in ENDS),
    *(f"{quote}{end} onmouseover={quote}alert(1)" for quote in "\"'`" for end in ("", ">", "/>", "=")),
    *(f"{scheme}alert(1)" for scheme in SCHEMES),
    "data:text/html,<script>alert(1)</script>", "{{ 7 * 7 }}", "{% for x in [] %}", "{{ ''.__class__.__mro__ }}",
    "${7*7}", "<!--", "-->", "<![CDATA[", "]]>", "&lt;script&gt;", "&#60;script&#62;", "\u202ecod.exe",
    "<scr\u00adipt>", "%3Cscript%3E", "</script><script>alert(1)//", "<<script>alert(1)//<</script>",
    "'; DROP TABLE exceptions; --", '" OR 1=1 --', "\\u003cscript\\u003e",
)  # fmt: skip
FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|'/c calc'!A1", '=HYPERLINK("http://x.org")', '=WEBSERVICE("http://x.org")',
    "=IMPORTXML(1)", "=IMPORTDATA(1)", "=IMAGE(1)", "=DDE(1)", "=A1", '="a"', "={1}", "=-1", "=+1", "++1", "--1", "-@x",
    "@x", "\t=1+1", "＝1+1", "＋1", "－1+1", "＠x", "=SUM(1)+cmd|' /C notepad'!'A1'", "=2+5+cmd|' /C calc'!A0",
)  # fmt: skip
PAYLOADS = (*MARKUP, *FORMULAS)
MONTH = "2026-08"


def rows_of(feed: Feed) -> pl.DataFrame:
    """A row for each payload, which stands in every column that takes any text."""
    columns = {}
    for column in feed.columns:
        free = column.kind in (Kind.TEXT, Kind.ID, Kind.PERSON, Kind.LIST)
        plain = {
            Kind.DATE: "2026-08-05", Kind.INSTANT: "2026-08-05T09:00:00Z", Kind.USED: "2026-08-05T09:00:00Z",
            Kind.BOOL: "true", Kind.ASSET_CLASS: "laptop", Kind.CURRENCY: "EUR",
            Kind.ENUM: next(iter(column.values), ""),
        }.get(column.kind, "1")  # fmt: skip
        columns[column.name] = [f"{payload}{number}" if column.key and free else payload if free else plain
                                for number, payload in enumerate(PAYLOADS)]  # fmt: skip
    return pl.DataFrame(columns)


class Attributes(HTMLParser):
    """What a page would do: its scripts, its handlers, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.acts, self.policy = 0, list[str](), ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.scripts += tag == "script" and given.get("type") != "application/json"
        self.acts += [name for name in given if name.startswith("on")]
        for name in {"href", "src", "action"} & given.keys():
            scheme = given[name].partition(":")[0] if ":" in given[name].split("/")[0] else ""
            if scheme not in ("", "mailto") and not given[name].startswith(("data:image", "data:,")):
                self.acts.append(given[name])
        if tag in ("iframe", "object", "embed", "base", "form", "svg:script"):
            self.acts.append(tag)
        if given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given["content"]


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("payloads")
    (root / "inbox" / MONTH).mkdir(parents=True)
    (root / "tieout.toml").write_text(MINIMAL)
    for feed in FEEDS.values():
        rows_of(feed).write_csv(root / "inbox" / MONTH / f"{feed.name}.csv")
    run_steps(Workspace.open(root), MONTH)
    return root


def pages(root: Path) -> list[Path]:
    return sorted((root / "reports" / MONTH).rglob("*.html"))


def test_no_page_runs_anything_of_a_source(poisoned: Path) -> None:
    assert len(MARKUP) >= 60
    assert len(FORMULAS) >= 25
    for path in pages(poisoned):
        text = path.read_text("utf-8")
        page = Attributes()
        page.feed(text)
        assert page.scripts <= 1, path
        assert page.acts == [], path
        assert "default-src 'none'" in page.policy
        assert "unsafe" not in page.policy
    measured("payloads through every field into every page", len(PAYLOADS), len(PAYLOADS))


def test_workbooks_and_csv_hold_text_only_and_exactly(poisoned: Path) -> None:
    shown = set()
    books = sorted((poisoned / "reports" / MONTH).rglob("*.xlsx"))
    for path in books:
        for sheet in openpyxl.load_workbook(path).worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type == "f":  # sums of our own may be
                        assert not any(payload in str(cell.value) for payload in PAYLOADS), path
                    elif isinstance(cell.value, str):
                        assert cell.hyperlink is None or "script" not in str(cell.hyperlink.target)
                        shown.add(cell.value)
    answer = query(poisoned / "published" / "tieout.duckdb", "SELECT DISTINCT subject FROM exceptions ORDER BY 1")
    header, *rows = csv.reader(io.StringIO(as_text(answer, "csv"), newline=""))
    assert header == ["subject"]
    cells = pl.DataFrame({"text": [row[0] for row in rows]})
    assert not [text for text in cells["text"] if text[:1] in "=+-@\t＝＋－＠" and not text[1:].isdigit()]
    assert cells.select(as_read(pl.col("text"))).to_series().to_list() == answer["subject"].to_list()
    assert books
    assert any(formula in text for text in shown for formula in FORMULAS)


def test_values_are_kept_exactly(poisoned: Path) -> None:
    held = query(poisoned / "published" / "tieout.duckdb", "SELECT DISTINCT subject FROM exceptions").to_series()
    for payload in PAYLOADS:
        assert any(payload.strip() in subject for subject in held), payload


@pytest.mark.slow
@pytest.mark.skipif(FOUND is None, reason="no browser here")
def test_a_browser_runs_nothing(poisoned: Path, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        for path in pages(poisoned):
            browser.open(path)
            assert browser.complaints == [], path
            assert [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))] == []
            measured("pages of payloads opened in a browser", 1, 1)
