"""Every page holds what its tables hold, stays safe whatever they hold, and is not written when it does not add up."""

import base64
import hashlib
import json
import posixpath
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, unquote

import polars as pl
import pytest

from reports import InequalityError, controls, entries, listing, page, reclaim, reconciliation, render
from reports.listing import Column, as_text
from reports.prose import read
from reports.rollforward import COUNTED, roll_forward
from tests import pages
from tests.pages import ABOUT, HOSTILE, RULES
from tieout.money import MONEY
from tieout.published import TABLES

FIRST = pages.FIRST
CASES = {
    "full": lambda: pages.html(render(pages.full(), ABOUT, RULES)),
    "empty": lambda: pages.html(render(pages.empty(), FIRST, {})),
    "hostile": lambda: pages.html(render(pages.full(lambda text: text + HOSTILE), ABOUT, RULES)),
    "long": lambda: pages.html(render(pages.full(lambda text: text + "ש" * 400), ABOUT, RULES)),
}
MONTHLY = ("index", "reconciliation", "reclaim", "people", "stock", "disposal", "sources", "expectations", "audit")
Fields = list[tuple[str, str]]
VOID = {"meta", "link", "rect", "br", "img"}


class Document(HTMLParser):
    """What a page consists of; a tag that closes out of turn is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.islands: dict[str, Any] = {}
        self.source = text
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            name = self.tags[-1][1].get("id")
            if name:
                self.islands[name.removesuffix("-data")] = json.loads(data)
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    def rows(self, listing: str) -> list[dict[str, str | None]]:
        """The rows of a list, as its script reads them."""
        return pages.island(self.source, listing)

    def under(self, listing: str, row: int) -> list[tuple[str, str, Fields]]:
        """What stands under a row: heading, note, and the fields below them."""
        island = self.islands[listing]
        found = []
        for block in island["details"][row] or []:
            heading, note, *pairs = (island["texts"][place] for place in block)
            found.append((heading, note, list(zip(pairs[::2], pairs[1::2], strict=True))))
        return found

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(params=CASES)
def rendered(request: pytest.FixtureRequest) -> dict[str, Document]:
    return {name: Document(text) for name, text in CASES[request.param]().items()}


def test_the_sample_has_the_published_columns() -> None:
    for name, frame in pages.full().items():
        assert set(frame.columns) == set(TABLES[name].columns), name


def test_every_page_is_there(rendered: dict[str, Document]) -> None:
    monthly = {name for name in rendered if not name.startswith("owners/")}
    assert monthly == {f"{name}.html" for name in MONTHLY}


def test_nothing_in_a_page_can_run_or_reach_out(rendered: dict[str, Document]) -> None:
    for document in rendered.values():
        assert not {"iframe", "object", "form", "base"} & {tag for tag, _ in document.tags}
        scripts = [attributes.get("type") for tag, attributes in document.tags if tag == "script"]
        assert scripts == ["application/json"] * len(document.islands) + [None]
        attributes = {name for _, attrs in document.tags for name in attrs}
        assert not {name for name in attributes if name.startswith("on")} | (attributes & {"style", "src"})
        for address in document.values("href"):
            assert re.fullmatch(
                r"(\.\./[\d-]+/|\.\./|owners/)?[\w.%-]*(#[\w-]+(\?\w+=[\w%./-]*(&\w+=[\w%./-]*)*)?)?|data:,", address
            ), address


def test_the_policy_allows_our_stylesheet_and_script_alone() -> None:
    for text in CASES["full"]().values():
        hashes = []
        for tag in ("style", "script"):
            own = re.search(rf"<{tag}>(.*)</{tag}>", text, re.DOTALL)
            assert own
            hashes.append(base64.b64encode(hashlib.sha256(own[1].encode()).digest()).decode())
        policy = (
            f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        assert policy in Document(text).values("content")


def test_hostile_text_is_shown_as_it_is() -> None:
    text = CASES["hostile"]()["reconciliation.html"]
    page = Document(text)
    carried = page.rows("exceptions")[0] | dict(page.under("exceptions", 0)[0][2])
    said = {page.text, *map(str, carried.values())}
    for told in ("A-1", "register", "it-assets", "Ask for it back.", "no source delivers stock", "asset_tag is empty"):
        assert any(told + " ".join(HOSTILE.split()) in one for one in said), told
    assert text.count("<script>") == 1
    assert "<img" not in text


def test_every_link_leads_somewhere(rendered: dict[str, Document]) -> None:
    ids = {name: document.values("id") for name, document in rendered.items()}
    for name, document in rendered.items():
        assert len(ids[name]) == len(set(ids[name]))
        for address in document.values("href"):
            path, _, anchor = address.partition("#")
            file = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path))) if path else name
            if address == "data:," or file.startswith("../") or file.endswith((".xlsx", ".csv")):
                continue
            if anchor not in ["", *ids[file]]:
                listed, _, chosen = anchor.partition("?")
                listings = rendered[file].islands
                rows = {row["exception_id"] for one in listings for row in rendered[file].rows(one)}
                # else a rule that was not run this period
                assert (listed in ids[file] and chosen) or anchor in rows or anchor.startswith("rule-"), address


def test_a_count_of_open_exceptions_leads_to_so_many_rows() -> None:
    rendered = pages.html(render(pages.full(), ABOUT, RULES))
    before = r'>([\d,]+)(?:</span>|</b>)? *<a href="[^"]*#exceptions\?([^"]*status=open[^"]*)"'
    inside = r'<a href="[^"]*#exceptions\?([^"]*status=open[^"]*)">([\d,]+)(?: of them)?</a>'
    followed = 0
    for name in ("index.html", "reconciliation.html", "owners/it-assets.html"):
        rows = pages.island(rendered[name if "/" in name else "reconciliation.html"], "exceptions")
        counts = [(chosen, count) for count, chosen in re.findall(before, rendered[name])]
        for chosen, count in [*counts, *re.findall(inside, rendered[name])]:
            followed += 1
            assert int(count.replace(",", "")) == len(fitting(rows, chosen)), (name, chosen)
    assert followed > 20


def fitting(rows: list[dict[str, str | None]], chosen: str) -> list[dict[str, str | None]]:
    """The rows of a list that an address chooses."""
    wanted: dict[str, set[str]] = {}
    for column, value in parse_qsl(chosen.replace("&amp;", "&"), keep_blank_values=True):
        wanted.setdefault(column, set()).add(value)
    return [row for row in rows if all((row[column] or "") in values for column, values in wanted.items())]


def test_tables_can_be_read_aloud(rendered: dict[str, Document]) -> None:
    for document in rendered.values():
        count = Counter(tag for tag, _ in document.tags)
        assert count["table"] == count["caption"] == count["thead"]
        assert count["h1"] == count["main"] == count["nav"] == 1
        assert all("scope" in attributes for tag, attributes in document.tags if tag == "th")
        assert all("aria-label" in attrs for _, attrs in document.tags if attrs.get("role") == "region")


def test_every_page_says_whose_it_is_and_from_what() -> None:
    for text in CASES["full"]().values():
        shown = Document(text).text
        for said in ("Example & Sons", "2026-10", "2026-10-31 23:59", "Europe/Berlin", "1.2.3", "0123456789abcdef"):
            assert said in shown
        assert "INCOMPLETE. 2 of 3 sources were not fully accepted" in shown
        assert "seats/figura ✕ RED nothing came missing-source: nothing was delivered" in shown


def test_empty_states_are_told() -> None:
    shown = {name: Document(text).text for name, text in CASES["empty"]().items()}
    assert not any("INCOMPLETE" in text for text in shown.values())
    assert not any("head" in text for text in shown.values())
    assert "The log held no decision as this page was written." in shown["audit.html"]
    assert "No exception is open." in shown["reconciliation.html"]
    assert "No exception was open or resolved in this period." in shown["reconciliation.html"]
    assert "Identified Not known: there is no whole delivery of seats, entitlements." in shown["reclaim.html"]
    assert "0.00 EUR" in shown["reclaim.html"]


def test_the_same_tables_make_the_same_pages_in_any_row_order() -> None:
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=7) for name, frame in pages.full().items()}
    assert render(shuffled, ABOUT, RULES) == render(pages.full(), ABOUT, RULES)


def test_the_roll_forward_names_every_step() -> None:
    roll = roll_forward(pages.full(), "2026-10", "2026-09")
    assert {term.name: [row.exception_id[:2] for row in term.rows] for term in roll.terms} == {
        "new": ["a3", "x1"],
        "reopened": ["s1"],
        "waiver expired": [],
        "resolved": ["a2"],
        "waived": ["s2"],
    }
    assert roll.opening + 2 + 1 - 1 - 1 == roll.closing


def test_figures_of_the_reconciliation_are_those_of_the_tables() -> None:
    tables = pages.full()
    now = tables["exceptions"].filter(pl.col("period") == "2026-10")
    counted = now.filter(pl.col("status").is_in(COUNTED))
    built = reconciliation.build(
        tables, ABOUT, RULES, entries.gather(tables, ABOUT, RULES), controls.build(tables, ABOUT)
    )
    assert built.roll.closing == counted.height
    for breakdown in built.breakdowns:
        assert sum(share.count for share in breakdown.shares) == counted.height
    assert built.overdue == counted.filter(pl.col("due_on") < ABOUT.today).height
    assert built.critical == 2
    worth = {line.kind: line for line in built.worth}
    assert (worth["asset"].value, worth["asset"].subjects, worth["asset"].unvalued) == (Decimal("1500.25"), 2, 1)
    assert (worth["view"].value, worth["view"].added) == (None, False)
    assert worth["exposure"].value is None
    assert sum(group.count for group in built.groups) == counted.height
    assert built.exceptions.rows.height == now.height
    shown = Document(CASES["full"]()["reconciliation.html"]).text
    assert "1,500.25 EUR" in shown
    assert "not added" in shown


def test_an_exception_shows_what_each_source_says_and_how_it_came_about() -> None:
    page = Document(CASES["full"]()["reconciliation.html"])
    rows = page.rows("exceptions")
    place = next(place for place, row in enumerate(rows) if row["exception_id"] == "a1" * 8)
    assert page.under("exceptions", place) == [
        ("people · hr", "no record", []),
        ("endpoints · mdm", "not alive", []),
        ("assets · register", "row 7 of snapshot 1a2b3c", [("asset_tag", "A-1"), ("custodian", "Ana Müller")]),
        ("By name alone it may be", "a suggestion: nothing follows from it", [("p7", "96 % alike")]),
        ("What was judged", "", [("days", "12"), ("place", "unknown")]),
        ("History", "", [("2026-08-31", "open (fixed)")]),
    ]
    assert {row["since"] for row in rows if row["status"] != "resolved"} == {"new", "reopened", "older", "legacy"}


def test_what_weighs_most_comes_first_and_what_is_settled_last() -> None:
    rows = Document(CASES["full"]()["reconciliation.html"]).rows("exceptions")
    # risk × money: 4 × 9000, then 8 × 1234.50, then 8 × the median for one without a value
    assert [row["exception_id"][:2] for row in rows[:3]] == ["v1", "x1", "a1"]
    assert [row["status"] for row in rows].index("resolved") == len(rows) - 1


def test_only_decisions_that_make_sense_can_be_taken() -> None:
    about = replace(ABOUT, lasting=frozenset({"ghost-asset"}))
    page = Document(pages.html(render(pages.full(), about, RULES))["reconciliation.html"])
    may = {row["exception_id"][:2]: row["may"] for row in page.rows("exceptions")}
    assert may["a1"] == "acknowledge,assign,dispute,waive"
    assert may["a3"] == "acknowledge,assign,dispute,waive,accept"
    assert may["s1"] == "acknowledge,assign,dispute,waive,approve"
    assert may["a2"] is None


def test_amounts_in_a_list_are_exact() -> None:
    columns = (Column("amount", "Amount", "money", currency="currency"), Column("value", "Value", "money"),
               Column("units", "Units", "number"), Column("currency", "Currency"))  # fmt: skip
    rows = pl.DataFrame(
        {"amount": [Decimal("1234567.8"), Decimal(1200), Decimal("0.001"), None], "value": [Decimal("-0.05"), None] * 2,
         "units": [Decimal(10), Decimal("2.5"), Decimal(0), None], "currency": ["EUR", "JPY", "KWD", None]},
        schema_overrides=dict.fromkeys(("amount", "value", "units"), MONEY),
    )  # fmt: skip
    assert as_text(columns, rows, "EUR").rows() == [
        ("1234567.80", "-0.05", "10", "EUR"), ("1200", None, "2.5", "JPY"), ("0.001", "-0.05", "0", "KWD"),
        (None, None, None, None),
    ]  # fmt: skip


def test_a_page_carries_so_many_rows_and_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LIMIT", 3)
    page = Document(CASES["full"]()["reconciliation.html"])
    assert len(page.rows("exceptions")) == 3
    assert "6 more are too many for one page; the pages of their owners have them." in page.text


def test_totals_of_the_reclaim_are_those_of_the_tables() -> None:
    tables = pages.full()
    built = reclaim.build(tables, ABOUT, RULES)
    assert built.identified.value == tables["reclaim_candidates"]["annual_value"].sum() == Decimal("600.20")
    assert (built.identified.seats, built.identified.unvalued) == (4, 2)
    assert {t.currency: (t.amount, t.value) for t in built.by_currency} == {
        "JPY": (Decimal(12000), None),
        "USD": (Decimal("690.24"), Decimal("600.20")),
    }
    assert built.units == {"quantity": 15, "kept": 6, "reclaimable": 3, "unassigned": 6}
    assert (built.idle_value, built.idle_unvalued) == (Decimal("600.20"), 4)
    assert [line.reclaimable_amount for line in built.positions] == [Decimal("690.24"), Decimal(12000)]
    shown = Document(CASES["full"]()["reclaim.html"]).text
    for said in ("600.20 EUR", "690.24 USD", "12,000 JPY", "48,000 JPY", "identified", "2026-11-01"):
        assert said in shown


def test_what_no_alive_console_shows_is_not_called_idle_or_complete() -> None:
    full = pages.full()
    unseen = full["entitlement_positions"].with_columns(
        observed=pl.lit(None, pl.Boolean),
        **{name: pl.lit(None, full["entitlement_positions"].schema[name])
           for name in ("assigned", "kept", "reclaimable", "unassigned")},
    )  # fmt: skip
    loose = full["reclaim_candidates"].filter(pl.col("contract_id").is_null())
    tables = {**full, "entitlement_positions": unseen, "waterfall": full["waterfall"].clear(),
              "reclaim_candidates": loose.clear()}  # fmt: skip
    built = reclaim.build(tables, ABOUT, RULES)
    assert {(one.idle, one.saves) for one in built.renewals} == {(None, None)}
    said = Document(pages.html(render(tables, ABOUT, RULES))["reclaim.html"]).text
    assert "Units nobody has cost – a year" in said
    assert "billed beyond contract – ; a year of products no console shows – ." in said
    sentences = ("There is nothing to give back.", "No seat has a reason to be given back.",
                 "A console shows every product under contract.", "Nothing is billed beyond contract.")  # fmt: skip
    assert not [sentence for sentence in sentences if sentence in said]
    (told,) = full["sources"].head(1).to_dicts()
    whole = [
        {**told, "feed": feed, "period": "2026-10", "verdict": "GREEN"}
        for feed in ("seats", "entitlements", "invoices")
    ]
    tables |= {"sources": pl.DataFrame(whole, schema=full["sources"].schema)}
    said = Document(pages.html(render(tables, ABOUT, RULES))["reclaim.html"]).text
    assert [sentence for sentence in sentences if sentence not in said] == []
    assert "billed beyond contract 0.00 EUR ; a year of products no console shows 0.00 EUR ." in said


def test_a_long_table_says_how_many_rows_are_elsewhere() -> None:
    full, numbers = pages.full(), [str(number) for number in range(page.MOST + 3)]

    def many(name: str, column: str) -> pl.DataFrame:
        return pl.concat([full[name].head(1)] * len(numbers)).with_columns(pl.Series(column, numbers))

    unseen = {name: pl.lit(None) for name in ("assigned", "kept", "reclaimable", "unassigned")}
    tables = {
        **full,
        "trust": many("trust", "asset_class"),
        "entitlement_positions": many("entitlement_positions", "line_no").with_columns(
            observed=pl.lit(False), **unseen
        ),
        "reclaim_candidates": full["reclaim_candidates"].clear(),
        "waterfall": full["waterfall"].clear(),
    }
    files = pages.html(render(tables, ABOUT, RULES))
    left_out = "3 more are too many for one page; "
    assert Document(files["reconciliation.html"]).text.count(f"{left_out}the published database has them.") == 1
    assert Document(files["reclaim.html"]).text.count(f"{left_out}the workbook has them.") == 2
    assert not [shown for shown in CASES["full"]().values() if "too many for one page" in shown]


def test_the_ladder_stands_apart_from_what_is_identified() -> None:
    built = reclaim.build(pages.full(), ABOUT, RULES).savings
    assert {step.name: (step.units, step.value) for step in built.ladder} == {
        **dict.fromkeys(("identified", "approved", "released", "realised, unverified", "avoided", "released unapproved",
                         "lapsed", "kept"), (1, Decimal("300.10"))),
        "realised": (1, Decimal("87.09")), "withdrawn": (1, None),
    }  # fmt: skip
    shown = Document(CASES["full"]()["reclaim.html"]).text
    for said in ("87.09 EUR realised", "100.10 USD at 0.87 of 2026-09-30", "D3, 2026-10-02, CN-1",
                 "D2, 2026-09-30, snapshot 1a2b3c"):  # fmt: skip
        assert said in shown


def test_the_money_roll_forward_is_that_of_the_table() -> None:
    built = reclaim.build(pages.full(), ABOUT, RULES).savings
    told = {cause.name: (cause.units, cause.value) for cause in built.causes if cause.units or cause.value}
    assert told == {
        "opening": (2, Decimal("580.00")), "new": (1, Decimal("300.10")), "lapsed": (-1, Decimal("-300.10")),
        "fx": (0, Decimal("20.20")), "closing": (2, Decimal("600.20")),
    }  # fmt: skip
    assert built.currencies == ("USD",)


@pytest.mark.parametrize(
    ("what", "table", "kept"),
    [
        ("Exceptions of 2026-10", "exception_history", pl.col("to_status") != "resolved"),
        ("Reclaimable seats", "reclaim_candidates", pl.col("seat_id") != "u-1"),
        ("Savings of 2026-10", "money_rollforward", pl.col("cause") != "lapsed"),
        ("Savings open in 2026-10", "savings", pl.col("state") != "approved"),
        ("Seats of the waterfall", "waterfall", pl.col("bucket") != "true_up_avoided"),
    ],
)
def test_a_lost_row_stops_the_page(what: str, table: str, kept: pl.Expr) -> None:
    tables = pages.full()
    with pytest.raises(InequalityError, match=what):
        render({**tables, table: tables[table].filter(kept)}, ABOUT, RULES)


@pytest.mark.parametrize(
    ("what", "table", "column"),
    [
        ("The population", "rule_runs", "clean"),
        ("Rows landed", "sources", "used"),
        ("Quantity of", "entitlement_positions", "kept"),
    ],
)
def test_parts_that_do_not_make_the_whole_stop_the_page(what: str, table: str, column: str) -> None:
    tables = pages.full()
    with pytest.raises(InequalityError, match=what):
        render({**tables, table: tables[table].with_columns(pl.col(column) + 1)}, ABOUT, RULES)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234567.8000000000", "EUR", "1,234,567.80 EUR"),
        ("-0.0500000000", "USD", "-0.05 USD"),
        ("1200.0000000000", "JPY", "1,200 JPY"),
        ("1.0000000000", "KWD", "1.000 KWD"),
        ("0E-10", "EUR", "0.00 EUR"),
        ("0.0010000000", "EUR", "0.001 EUR"),  # never rounded here: a wrong scale must be seen
        (None, "EUR", "unvalued"),
    ],
)
def test_money_is_shown_to_the_last_cent(amount: str | None, currency: str, text: str) -> None:
    assert page.money(Decimal(amount) if amount else None, currency) == text


def test_a_rule_is_told_in_its_own_words() -> None:
    prose = read("held-by-leaver", RULES["held-by-leaver"])
    assert prose.title == "A device on the books that somebody who has left still holds"
    assert prose.finds == "entries on the books whose custodian is terminated."
    assert read("gone-rule", "").title == "Gone rule"


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: int) -> None:
    style = (page.HERE / "style.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    pairs = [(ink, ground) for ink in ("ink", "quiet", "accent") for ground in ("paper", "ground")]
    pairs += [(tag, f"{tag}-soft") for tag in ("critical", "high", "medium", "low", "good")]
    pairs += [("ink", "critical-soft"), ("ink", "medium-soft"), ("quiet", "medium-soft"), ("critical", "paper")]
    for ink, ground in pairs:
        light, dark = sorted((_luminance(colours[ink]), _luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
