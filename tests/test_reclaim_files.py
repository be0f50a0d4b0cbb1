"""The reclaim says the same to the cent on its page, in its workbook and in its CSV."""

import csv
import io
import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest

from reports import render
from tests import pages
from tests.pages import ABOUT, RULES, island
from tests.test_money import RATES, line_of, waterfall_of

MONEYS = ("annual_value", "realisable_now", "at_renewal", "this_year", "next_year")
AMOUNTS = ("annual_amount", "realisable_now_amount", "at_renewal_amount")


def as_sums(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {
        name: sum((Decimal(str(row[name])) for row in rows if row[name] not in (None, "")), Decimal(0))
        for name in (*MONEYS, *AMOUNTS)
    }


def said_by(files: Mapping[str, bytes]) -> dict[str, dict[str, Decimal]]:
    """What the three files come to, by file and column."""
    page = files["reclaim.html"].decode()
    table = csv.DictReader(io.StringIO(files["reclaim.csv"].decode("utf-8-sig")))
    book = openpyxl.load_workbook(io.BytesIO(files["reclaim.xlsx"]))
    head, *rows = book["Candidates"].iter_rows(values_only=True)
    listed = [dict(zip(map(str, head), row, strict=True)) for row in rows]
    return {"page": as_sums(island(page, "candidates")), "csv": as_sums(list(table)), "workbook": as_sums(listed)}


def in_tables(tables: Mapping[str, pl.DataFrame]) -> dict[str, Decimal]:
    """What SQL comes to over the published table."""
    with duckdb.connect() as database:
        database.register("reclaim_candidates", tables["reclaim_candidates"].to_arrow())
        sums = ", ".join(f"coalesce(sum({name}), 0)::DECIMAL(38, 10)" for name in (*MONEYS, *AMOUNTS))
        row = database.execute(f"SELECT {sums} FROM reclaim_candidates WHERE period = ?", [ABOUT.period]).fetchone()
    assert row
    return dict(zip((*MONEYS, *AMOUNTS), row, strict=True))


def test_page_workbook_csv_and_tables_agree_to_the_cent() -> None:
    tables = pages.full()
    files = render(tables, ABOUT, RULES)
    wanted = in_tables(tables)
    assert wanted["annual_value"] == Decimal("600.20")
    assert said_by(files) == {"page": wanted, "csv": wanted, "workbook": wanted}
    summary = openpyxl.load_workbook(io.BytesIO(files["reclaim.xlsx"]))["Summary"]
    (total,) = (row for row in summary.iter_rows(values_only=True) if row[0] == "all")
    assert total[1:6] == (4, 2, 600.2, 0, 600.2)
    assert files == render(tables, ABOUT, RULES)


def test_money_is_exact_text_in_the_csv_and_nothing_in_it_runs() -> None:
    files = render(pages.full(lambda text: "=1+1" + text), ABOUT, RULES)
    rows = list(csv.DictReader(io.StringIO(files["reclaim.csv"].decode("utf-8-sig"))))
    assert {(row["annual_value"], row["annual_amount"], row["currency"]) for row in rows} == {
        ("300.10", "345.12", "USD"), ("", "12000", "JPY"), ("", "", ""),
    }  # fmt: skip
    texts = [value for row in rows for value in row.values()]
    assert any(value.startswith("'=1+1") for value in texts)
    assert not any(value.startswith(("=", "+", "@")) for value in texts)
    book = openpyxl.load_workbook(io.BytesIO(files["reclaim.xlsx"]))
    assert not any(cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_seats_of_a_product_that_cannot_be_trusted_are_marked() -> None:
    files = render(
        {**pages.full(), "trust": pages.full()["trust"].with_columns(asset_class=pl.lit("Figura"))}, ABOUT, RULES
    )
    rows = csv.DictReader(io.StringIO(files["reclaim.csv"].decode("utf-8-sig")))
    assert {(row["product"], row["hold"]) for row in rows} == {("Figura", "hold"), ("Tabula", "")}


def test_finance_finds_dates_rates_and_who_signed() -> None:
    files = render(pages.full(), ABOUT, RULES)
    page = files["reclaim.html"].decode()
    assert "Signed: reclaim approved by Ada." in page
    assert "within 60 days" in page
    changed = render(pages.full(), replace(ABOUT, reclaim="f" * 64), RULES)["reclaim.html"].decode()
    assert "reclaim approved by Ada: VOID, it changed since" in changed
    book = openpyxl.load_workbook(io.BytesIO(files["reclaim.xlsx"]))
    assert [row[:2] for row in book["Rates"].iter_rows(values_only=True)][1:] == [("EUR", 1), ("USD", 0.8695)]
    (renewal,) = list(book["Renewals"].iter_rows(values_only=True))[1:]
    assert (str(renewal[0])[:10], renewal[4], renewal[12], renewal[13]) == ("2026-11-01", "Figura", 4, 1200.4)


def test_what_is_open_stands_apart_in_seats_and_in_units_nobody_has() -> None:
    tables = pages.full()
    of_line = pl.when(pl.col("state") == "identified").then(pl.lit("line")).otherwise("subject_type")
    files = render({**tables, "savings": tables["savings"].with_columns(subject_type=of_line)}, ABOUT, RULES)
    book = openpyxl.load_workbook(io.BytesIO(files["reclaim.xlsx"]))
    standing = {row[0]: (row[2], row[4]) for row in book["Ladder"].iter_rows(values_only=True)}
    assert (standing["open in seats"], standing["open in units"]) == ((1, 300.1), (1, 300.1))
    closing = next(row for row in book["Roll-forward"].iter_rows(values_only=True) if row[0] == "closing")
    assert (closing[2], closing[-1]) == (2, 600.2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_a_made_up_portfolio_agrees_to_the_cent(seed: int) -> None:
    die = random.Random(seed)
    lines = [
        line_of(number, (
            Decimal(die.randint(0, 80)) / 10, die.choice([None, die.randint(0, 12)]),
            Decimal(die.randint(1, 99999)) / 100, die.choice(["EUR", *RATES]),
            die.choice(["monthly", "quarterly", "annual", "term"]), die.random() < 0.5, die.choice([None, "a", "b"]),
            die.random() < 0.5,
        ))
        for number in range(die.randint(1, 5))
    ]  # fmt: skip
    seats = [
        {"product": "Pad", "seat_id": f"s{n:03}", "email": f"{n:03}@x.org", "status": "active", "paid": True,
         "plan": die.choice([None, "a", "b"]), "assigned_at": "2026-01-05",
         "last_active_at": die.choice(["1970-01-01", "2026-10-20"])}
        for n in range(die.randint(0, 25))
    ]  # fmt: skip
    got = waterfall_of(lines, seats)
    mine = {name: got[name].with_columns(period=pl.lit(ABOUT.period)) for name in
            ("reclaim_candidates", "waterfall", "entitlement_positions", "rates")}  # fmt: skip
    tables = {**pages.empty(), **mine}
    wanted = in_tables(tables)
    assert said_by(render(tables, ABOUT, RULES)) == {"page": wanted, "csv": wanted, "workbook": wanted}
