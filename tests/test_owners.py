"""Every owner gets a page and a workbook of their own exceptions, under a name that is a file name everywhere."""

import io
from decimal import Decimal

import openpyxl
import polars as pl
import pytest

from reports import entries, listing, owners, render, workbook
from tests import pages
from tests.pages import ABOUT, RULES
from tieout.decisions import KINDS


@pytest.fixture(scope="module")
def pack() -> owners.Pack:
    (built,) = owners.build(ABOUT, RULES, entries.gather(pages.full(), ABOUT, RULES))
    return built


def test_names_of_owners_become_names_of_files() -> None:
    named = ["it-assets", "ada@x.org", "IT Assets", "it assets", "Ops", "ops", "a/b", "../x", "Müller", "שלום", "con",
             "nul.txt", "x" * 200, "", "dot.", "it-assets.2", "Lübeck"]  # fmt: skip
    names = owners.file_names(named)
    assert (names["it-assets"], names["ada@x.org"], names["ops"]) == ("it-assets", "ada@x.org", "ops")
    assert len({name.casefold() for name in names.values()}) == len(named)
    for name in names.values():
        assert owners.PLAIN.fullmatch(name), name
        assert not owners.RESERVED.match(name), name
    assert owners.file_names(["Müller"])["Müller"] == names["Müller"]


def test_an_owner_reads_what_to_do_by_when_why_and_what_it_is_worth(pack: owners.Pack) -> None:
    assert (pack.owner, pack.open, pack.waived, pack.critical) == ("it-assets", 7, 1, 2)
    assert pack.summary[0] == "7 exceptions of 2026-10 to see to, 3 new."
    assert "1,500.25 EUR asset" in pack.summary[2]
    assert len(pack.summary) == 6
    first = pack.tasks[0]
    assert (first.prose.slug, first.count) == ("phantom-renewal", 1)
    assert sum(task.count for task in pack.tasks) == pack.open


def test_the_packs_hold_every_exception_once() -> None:
    tables = pages.full()
    rows = tables["exceptions"].with_columns(
        owner=pl.when(pl.col("exception_id").str.starts_with("a")).then(pl.lit("A/B")).otherwise(pl.lit("a/b"))
    )
    packs = owners.build(ABOUT, RULES, entries.gather({**tables, "exceptions": rows}, ABOUT, RULES))
    held = sorted(exception for pack in packs for exception in pack.rows["exception_id"])
    assert held == sorted(rows.filter(pl.col("period") == "2026-10")["exception_id"])
    for pack in packs:
        assert set(pack.details["key"]) <= set(pack.rows["exception_id"])
    files = render({**tables, "exceptions": rows}, ABOUT, RULES)
    assert len([name for name in files if name.startswith("owners/")]) == 4


def test_what_is_too_much_for_one_page_has_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LIMIT", 4)
    files = render(pages.full(), ABOUT, RULES)
    assert sorted(name for name in files if name.startswith("owners/")) == [
        "owners/it-assets.2.html", "owners/it-assets.3.html", "owners/it-assets.html", "owners/it-assets.xlsx",
    ]  # fmt: skip
    assert b"it-assets.3.html" in files["owners/it-assets.html"]


def test_a_workbook_is_safe_complete_and_ready_to_decide_in() -> None:
    hostile = "=cmd|'/c calc'!A1"
    tables = pages.full(lambda text: hostile + text)
    (built,) = owners.build(ABOUT, RULES, entries.gather(tables, ABOUT, RULES))
    content = workbook.owner_workbook(built, ABOUT)
    assert content == workbook.owner_workbook(built, ABOUT)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Read me", "Exceptions", "marks"]
    assert book["marks"].sheet_state == "hidden"
    sheet = book["Exceptions"]
    assert not any(cell.data_type == "f" for page in book for row in page.iter_rows() for cell in row)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", f"A1:W{sheet.max_row}")
    assert not sheet.protection.sheet
    assert {check.type for check in sheet.data_validations.dataValidation} == {"list", "date"}
    head = [cell.value for cell in sheet[1]]
    rows = [dict(zip(head, row, strict=True)) for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert [row["Exception ID"] for row in rows] == built.rows.filter(pl.col("may").is_not_null())[
        "exception_id"
    ].to_list()
    leaver = next(row for row in rows if row["Exception ID"] == "a1" * 8)
    assert (leaver["Value (EUR)"], leaver["Period"], leaver["Decision"]) == (1234.5, "2026-10", None)
    assert str(leaver["Subject"]).startswith("=cmd")
    assert "people · " in str(leaver["Evidence"])
    assert "no record" in str(leaver["Evidence"])
    cells = book["marks"]["B"]
    assert set(entries.ANSWERS) == {cell.value for cell in cells[3:]} <= set(KINDS)
    assert (
        sum(Decimal(str(row["Value (EUR)"] or 0)) for row in rows)
        == built.rows.filter(pl.col("may").is_not_null())["value"].sum()
    )
