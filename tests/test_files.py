"""Files as people really drop them: encodings, line ends, quotes, ragged rows, workbooks, mappings, damage."""

import csv
import hashlib
import io
import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connectors import files, systems
from tieout.feeds import NEVER
from tieout.pull import Records
from tieout.settings import Settings, Source
from tieout.staging import Staged, stage

SETTINGS = Settings(
    organisation="Acme", reporting_currency="EUR", timezone="Europe/Berlin", class_aliases={"Notebook PC": "laptop"}
)
ASSET = "asset_tag,asset_class,status"
NOON = datetime.fromisoformat("2026-10-01T12:30")  # of no zone, like the cells of workbooks


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    folder = tmp_path / "landed"
    folder.mkdir()
    return folder


def read(folder: Path, content: str | bytes, name: str = "assets.csv", **options: Any) -> Records:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return files.read(folder, Source(name="test", **{"feed": "assets"} | options))


def staged(folder: Path, content: str | bytes, name: str = "assets.csv", **options: Any) -> Staged:
    records = read(folder, content, name, **options)
    return stage(records, Source(name="test", **{"feed": "assets"} | options), SETTINGS)


def column(records: Records, name: str) -> list[str | None]:
    return records.rows[name].to_list()


# --- text ------------------------------------------------------------------------------------------------------------


def test_text_stays_as_it_is(landed: Path) -> None:
    records = read(landed, 'tag,note\n00123, padded \n5E12,"two\r\nlines"\n" q",""\n"1,5","say ""hi"""\n')
    assert column(records, "tag") == ["00123", "5E12", " q", "1,5"]
    assert column(records, "note") == [" padded ", "two\r\nlines", None, 'say "hi"']
    assert records.rows["_row"].to_list() == [1, 2, 3, 4]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\n\r\n", "mixed"])
def test_every_line_end_ends_a_record(landed: Path, ends: str) -> None:
    text = "a,b\r\n1,x\r2,y\n3,z" if ends == "mixed" else ends.join(["a,b", "1,x", "2,y", "3,z", ""])
    records = read(landed, text)
    assert column(records, "a") == ["1", "2", "3"]
    assert column(records, "b") == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-8"), ("cp1252", "cp1252"), ("utf-8-sig", "cp1252")],
)
def test_encodings(landed: Path, encoding: str, declared: str) -> None:
    records = read(landed, "name,city\r\nZoë,Köln\r\n".encode(encoding), encoding=declared)
    assert records.columns == ("name", "city")
    assert records.rows.row(0) == ("Zoë", "Köln", 1)


def test_what_is_no_text_is_refused_and_its_line_named(landed: Path) -> None:
    records = read(landed, b"name\r\nok\rstill ok\nK\xf6ln\nlater \xff\n")
    assert records.failure == (
        "assets.csv: line 4 is not utf-8 (bytes f6); declare the encoding the file was written in"
    )
    assert records.landed == 0


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04", "a workbook or an archive under the name of a text; name it .xlsx if it is one"),
        (b"\xd0\xcf\x11\xe0", "a workbook of the kind before .xlsx under the name of a text; save it as .xlsx"),
        (b"\x1f\x8b\x08\x00", "compressed; deliver what is in it"),
    ],
)
def test_what_is_no_text_at_all_is_told_by_its_kind(landed: Path, start: bytes, said: str) -> None:
    assert read(landed, start, encoding="cp1252").failure == f"assets.csv: it is {said}"


def test_bytes_that_the_declared_encoding_does_not_know_are_refused(landed: Path) -> None:
    assert "line 2 is not cp1252" in str(read(landed, b"name\n\x81\n", encoding="cp1252").failure)
    assert "encoding 'klingon' is unknown" in str(read(landed, b"name\nx\n", encoding="klingon").failure)


def test_ragged_rows_are_handed_back_and_the_others_go_on(landed: Path) -> None:
    records = read(landed, "a,b\n1,x\n2\n3,y,extra\n\n4,z\n")
    assert column(records, "a") == ["1", "4"]
    assert records.rows["_row"].to_list() == [1, 5]
    assert records.unreadable.to_dicts() == [
        {"_row": 2, "reasons": ["line 3: 1 cells instead of 2"], "raw": "2"},
        {"_row": 3, "reasons": ["line 4: 3 cells instead of 2"], "raw": "3,y,extra"},
    ]


def test_a_quote_that_never_closes_costs_one_record_only(landed: Path) -> None:
    rest = "".join(f"{n},x\n" for n in range(3, 30_000))
    records = read(landed, f'a,b\n1,x\n2,"24 inch\n{rest}')
    assert records.unreadable.to_dicts() == [
        {"_row": 2, "reasons": ["a quote in line 3 does not close as it should"], "raw": '2,"24 inch'}
    ]
    assert records.rows.height == 29_998


def test_text_after_a_closing_quote_is_not_glued_on(landed: Path) -> None:
    records = read(landed, 'a,b\n"1"x,y\n"2",z\n')
    assert column(records, "a") == ["2"]
    assert records.unreadable["raw"].to_list() == ['"1"x,y']


def test_nul_characters_are_no_text(landed: Path) -> None:
    records = read(landed, b"a,b\n1,x\0y\n2,z\n")
    assert column(records, "a") == ["2"]
    assert records.unreadable["_row"].to_list() == [1]
    assert json.loads(records.unreadable["raw"][0]) == {"a": "1", "b": "x\0y"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "assets.csv: it is empty, without even a header line"),
        ("\n \n", "assets.csv: it is empty, without even a header line"),
        ("a,b,a\n1,2,3\n", "assets.csv: two columns are called 'a'; give each its own name"),
        (
            "a\0,b\0\n",
            "assets.csv: its header holds NUL characters; declare the encoding the file was written in",
        ),
        (
            "a,_row\n1,2\n",
            "assets.csv: a column is called '_row', which is kept for the number of the record; rename it",
        ),
    ],
)
def test_a_header_must_name_its_columns(landed: Path, content: str, sentence: str) -> None:
    assert read(landed, content).failure == sentence


def test_a_column_without_a_name_is_called_by_its_place_or_nothing_if_it_is_empty(landed: Path) -> None:
    records = read(landed, ",a,,b,\n1,x,,y,\n2,x,,y,z\n")
    assert records.columns == ("nameless column 1", "a", "b", "nameless column 5")
    assert column(records, "nameless column 5") == [None, "z"]


def test_a_line_of_spaces_is_no_record(landed: Path) -> None:
    assert read(landed, "a,b\n1,x\n  \n").landed == 1


def test_delimiter_and_lines_above_the_header(landed: Path) -> None:
    records = read(landed, 'Report;of today\n\na;b\n1;"x;y"\n', delimiter=";", skip_rows=2)
    assert records.rows.row(0) == ("1", "x;y", 1)


def test_records_without_content_are_no_rows_but_keep_their_number(landed: Path) -> None:
    records = read(landed, "a,b\n1,x\n,\n\n4,y\n,\n")
    assert records.rows["_row"].to_list() == [1, 4]
    assert (records.landed, records.blank) == (2, 2)


@hypothesis_settings(max_examples=150, deadline=None, derandomize=True)
@given(
    table=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6), min_size=3, max_size=3),
        max_size=6,
    ),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], end: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *table])
    records = read(tmp_path_factory.mktemp("landed"), text.getvalue().encode(encoding))
    wanted = [(*(cell or None for cell in row), n) for n, row in enumerate(table, 1) if any(row)]
    assert records.failure is None
    assert records.rows.rows() == wanted


@hypothesis_settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(["x.csv", "x.jsonl", "x.xlsx", "x.parquet"]))
def test_damaged_files_never_break_the_reader(tmp_path_factory: pytest.TempPathFactory, seed: int, name: str) -> None:
    """Bytes flipped, cut, doubled: rows are accounted for or the file is refused in one sentence."""
    chance, folder = random.Random(seed), tmp_path_factory.mktemp("landed")
    rows = [{"asset_tag": f"T{n}", "asset_class": "laptop", "status": "in_use", "note": 'a "b", c'} for n in range(20)]
    frame = pl.DataFrame(rows)
    match name:
        case "x.csv":
            frame.write_csv(folder / name)
        case "x.jsonl":
            frame.write_ndjson(folder / name)
        case "x.xlsx":
            frame.write_excel(folder / name)
        case _:
            frame.write_parquet(folder / name)
    data = bytearray((folder / name).read_bytes())
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                del data[place : place + chance.randrange(1, 40)]
            case 2:
                data[place:place] = chance.choice([b'"', b"\0", b"\r", b"\n", b",", b"\xff", b"{", b"\\ud800"])
            case _:
                data[place:place] = data[place : place + chance.randrange(1, 200)]
    result = staged(folder, bytes(data), name)
    assert result.landed == result.used + result.duplicates + result.quarantined
    assert result.failure is None or "\n" not in result.failure


# --- workbooks, JSON Lines, Parquet ----------------------------------------------------------------------------------


def workbook(folder: Path, *rows: list[Any], sheet: str = "Assets", name: str = "assets.xlsx") -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(row)
    book.create_sheet("Other").append(["else"])
    book.save(folder / name)


def test_a_workbook_as_text(landed: Path) -> None:
    workbook(
        landed,
        [],
        ["tag", "n", "on", "at", "yes", None],
        ["00123", 5.0, date(2026, 10, 1), NOON, True],
        [],
        [123456789012, 1234.123456789012, None, None, False],
        ["0.333333333", 0.1 + 0.2, None, None, None],
    )
    records = files.read(landed, Source(name="test", feed="assets"))
    assert records.columns == ("tag", "n", "on", "at", "yes")
    assert column(records, "tag") == ["00123", "123456789012", "0.333333333"]
    assert column(records, "n") == ["5", "1234.12345678901", "0.3"]
    assert column(records, "on")[0] == "2026-10-01 00:00:00"
    assert column(records, "at")[0] == "2026-10-01 12:30:00"
    assert column(records, "yes") == ["true", "false", None]
    assert (records.rows["_row"].to_list(), records.blank) == ([1, 3, 4], 1)


def test_a_cell_that_shows_an_error_sets_its_row_aside(landed: Path) -> None:
    workbook(landed, ["tag", "n"], ["A", 1], ["B", "#N/A"], ["C", 3])
    records = files.read(landed, Source(name="test", feed="assets"))
    assert column(records, "tag") == ["A", "C"]
    assert records.unreadable.to_dicts() == [
        {"_row": 2, "reasons": ["row 3 of the sheet: n shows #N/A"], "raw": '{"n":"#N/A","tag":"B"}'}
    ]


def test_a_sheet_without_any_cell_is_refused(landed: Path) -> None:
    workbook(landed)
    failure = files.read(landed, Source(name="test", feed="assets")).failure
    assert failure == "assets.xlsx: the sheet is empty, without even a header row"


def test_a_second_sheet_of_the_same_rows_is_not_passed_over(landed: Path) -> None:
    book = openpyxl.Workbook()
    for page in (book.active, book.create_sheet("Template"), book.create_sheet("Notes")):
        page.append(["tag", "n"] if page.title != "Notes" else ["tag"])
    for page in (book.active, book["Notes"]):
        page.append(["A", 1])
    book.save(landed / "assets.xlsx")
    assert files.read(landed, Source(name="test", feed="assets")).landed == 1
    book.copy_worksheet(book.active).title = "Hamburg"
    book.save(landed / "assets.xlsx")
    assert files.read(landed, Source(name="test", feed="assets")).failure == (
        "assets.xlsx: rows stand below the same header in 'Hamburg', too; declare sheet to name the one to read, "
        "or put all rows into one"
    )
    assert files.read(landed, Source(name="test", feed="assets", sheet="Hamburg")).landed == 1


def test_hidden_rows_and_named_sheets(landed: Path) -> None:
    workbook(landed, ["tag"], ["A"], ["B"])
    book = openpyxl.load_workbook(landed / "assets.xlsx")
    book["Assets"].row_dimensions[2].hidden = True
    book.save(landed / "assets.xlsx")
    assert column(files.read(landed, Source(name="test", feed="assets")), "tag") == ["A", "B"]
    assert files.read(landed, Source(name="test", feed="assets", sheet="Other")).columns == ("else",)
    failure = files.read(landed, Source(name="test", feed="assets", sheet="Nope")).failure
    assert failure == "assets.xlsx: there is no sheet 'Nope'; its sheets are 'Assets', 'Other'"


def test_dates_of_a_workbook_are_dates(landed: Path) -> None:
    workbook(
        landed,
        [*ASSET.split(","), "purchased_on", "updated_at"],
        ["1", "laptop", "in_use", date(2026, 10, 1), NOON],
    )
    source = Source(name="test", feed="assets", date_format="%d.%m.%Y")
    row = stage(files.read(landed, source), source, SETTINGS).rows.row(0, named=True)
    assert row["purchased_on"] == date(2026, 10, 1)
    assert row["updated_at"] == datetime(2026, 10, 1, 10, 30, tzinfo=UTC)


def test_json_lines_keep_what_they_say(landed: Path) -> None:
    lines = [
        '{"id": 12345678901234567890, "n": 1.50, "yes": true, "none": null}',
        "",
        '{"id": "00123", "late": {"a": [1.0, "é"]}}',
        "not json",
        "[1]",
        '{"id": "x", "id": "y"}',
        '{"id": "\\ud800"}',
        '{"id": NaN}',
    ]
    records = read(landed, "\r\n".join(lines), "assets.jsonl")
    assert column(records, "id") == ["12345678901234567890", "00123"]
    assert column(records, "n") == ["1.50", None]
    assert column(records, "yes") == ["true", None]
    assert column(records, "late") == [None, '{"a":[1.0,"é"]}']
    assert records.rows["_row"].to_list() == [1, 3]
    assert records.unreadable["_row"].to_list() == [4, 5, 6, 7, 8]
    assert records.unreadable["raw"].to_list() == lines[3:]


def test_parquet_as_text(landed: Path) -> None:
    at = datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
    pl.DataFrame(
        {
            "money": pl.Series([Decimal("1.50")]),
            "at": pl.Series([at]).dt.convert_time_zone("Europe/Berlin"),
            "local": [NOON],
            "on": [date(2026, 10, 1)],
            "whole": [12.0],
            "gap": [float("nan")],
            "list": [["a", "b"]],
            "yes": [True],
            "took": [timedelta(seconds=90)],
            "bytes": [[b"\xff"]],
            "within": [{"parts": [{"bytes": b"ab"}]}],
        }
    ).write_parquet(landed / "x.parquet")
    records = files.read(landed, Source(name="test", feed="assets"))
    assert records.rows.row(0, named=True) == {
        "money": "1.50",
        "at": "2026-10-01T14:30:00+02:00",
        "local": "2026-10-01T12:30:00",
        "on": "2026-10-01",
        "whole": "12",
        "gap": None,
        "list": '["a","b"]',
        "yes": "true",
        "took": "PT1M30S",
        "bytes": '["ff"]',
        "within": '{"parts":[{"bytes":"6162"}]}',
        "_row": 1,
    }


@pytest.mark.parametrize("name", ["x.xlsx", "x.parquet"])
def test_a_damaged_file_is_refused_in_one_sentence(landed: Path, name: str) -> None:
    assert str(read(landed, b"PK\x03\x04 cut off", name).failure).startswith(f"{name}: it is no readable ")


def test_no_line_is_no_row_and_lacks_no_column(landed: Path) -> None:
    taken = staged(landed, "", "movements.jsonl", feed="movements")
    assert (taken.failure, taken.landed) == (None, 0)


def test_a_field_that_no_line_has_is_unknown_unless_every_row_needs_it(landed: Path) -> None:
    columns = {"asset_tag": ["tag"], "asset_class": ["kind"], "status": ["state"], "serial": ["sn"]}
    line = '{"tag":"A1","kind":"laptop","state":"in_use"}'
    assert staged(landed, line, "assets.jsonl", columns=columns).rows["serial"].to_list() == [None]
    refused = staged(landed, line.replace("state", "stand"), "assets.jsonl", columns=columns).failure
    assert "columns.status names 'state', which is not in the file; the nearest is" in str(refused)


def test_lists_in_both_forms(landed: Path) -> None:
    lines = [{"person_id": "1", "full_name": "A", "status": "active", "other_emails": ["a@x.org", 'q"@x.org']}]
    lines += [{"person_id": "2", "full_name": "B", "status": "active", "other_emails": "a@x.org;; b@x.org"}]
    text = "\n".join(map(json.dumps, lines))
    rows = staged(landed, text, "people.jsonl", feed="people").rows
    assert rows["other_emails"].to_list() == [["a@x.org", 'q"@x.org'], ["a@x.org", "b@x.org"]]


# --- mapping ---------------------------------------------------------------------------------------------------------


def test_columns_are_found_by_name_in_any_dress(landed: Path) -> None:
    result = staged(landed, " Asset-Tag ,ASSET CLASS,Status,Shoe Size\n1,laptop,in use,44\n")
    assert result.rows.select("asset_tag", "asset_class", "status", "extra").row(0) == (
        "1", "laptop", "in_use", '{"Shoe Size":"44"}',
    )  # fmt: skip


def test_a_mapping_maps_what_it_names_only(landed: Path) -> None:
    text = (
        "No,First,Last,Mail,Mail 2,State,location\n"
        "1,Ada,Byron,,a@x.org,Present,here\n2,Bob,,b@x.org,c@x.org,Gone,\n3,,,,,other,\n"
    )
    result = staged(
        landed,
        text,
        feed="people",
        columns={"person_id": "No", "full_name": "{Last}, {First}", "email": ["Mail", "Mail 2"], "status": "State"},
        values={"status": {"present": "active", "Gone": "terminated"}},
        constants={"employment_type": "employee"},
    )
    rows = result.rows.select(
        "person_id", "full_name", "email", "status", "employment_type", "location", "extra"
    ).rows()
    assert rows == [
        ("1", "Byron, Ada", "a@x.org", "active", "employee", None, '{"location":"here"}'),
        ("2", "Bob", "b@x.org", "terminated", "employee", None, None),
    ]
    assert result.quarantine["reasons"].to_list() == [
        [
            "full_name is empty, but every row needs it",
            "status: 'other' is not one of active, leave, prehire, terminated",
        ]
    ]


@pytest.mark.parametrize(
    ("text", "options", "part"),
    [
        (
            "Tag,Kind\n1,2\n",
            {"columns": {"asset_tag": "Tagg"}},
            "columns.asset_tag names 'Tagg', which is not in the file; the nearest is 'Tag'",
        ),
        (
            "Asset,status,asset_class\n1,2,3\n",
            {},
            "there is no column for assets.asset_tag, which every row needs; the nearest is 'Asset'",
        ),
        ("asset_tag;status;asset_class\n1;2;3\n", {}, "declare delimiter = ';'"),
        (
            "Asset Tag,ASSET_TAG,status,asset_class\n1,2,3,4\n",
            {},
            "'Asset Tag' and 'ASSET_TAG' both stand for assets.asset_tag",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_said(landed: Path, text: str, options: dict[str, Any], part: str) -> None:
    result = staged(landed, text, **options)
    assert result.failure is not None
    assert part in result.failure
    assert result.used == 0


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("$12.58", {}, "12.58"),
        ("€ 1.299,99", {"decimal_separator": ",", "thousands_separator": "."}, "1299.99"),
        ("1.299,99 €", {"decimal_separator": ",", "thousands_separator": "."}, "1299.99"),
        ("1 299,99", {"decimal_separator": ",", "thousands_separator": " "}, "1299.99"),
        ("1'299.99", {"thousands_separator": "'"}, "1299.99"),
        ("(12.50)", {}, "-12.5"),
        ("($12.50)", {}, "-12.5"),
        ("12.50-", {}, "-12.5"),
        ("-$12.50", {}, "-12.5"),
        ("−12.50", {}, "-12.5"),
        (".5", {}, "0.5"),
        ("1.10000000000000", {}, "1.1"),
        ("1,299.99", {}, None),
        ("1.299,99", {}, None),
        ("1299.99", {"decimal_separator": ",", "thousands_separator": "."}, None),
        ("12,34,567", {"thousands_separator": ","}, None),
        ("1.12345678901", {}, None),
        ("1e5", {}, None),
        ("NaN", {}, None),
        ("inf", {}, None),
        ("99999999999999.99", {}, "99999999999999.99"),
        ("100000000000000", {}, None),
        ("12.5.1", {}, None),
        ("--1", {}, None),
        ("EUR 12", {}, None),
    ],
)
def test_money(landed: Path, text: str, options: dict[str, Any], value: str | None) -> None:
    result = staged(landed, f'{ASSET},cost\n1,laptop,in_use,"{text}"\n', **options)
    if value is None:
        assert result.used == 0
        assert result.quarantine["reasons"][0][0].startswith(
            f"cost: '{text}' is not an amount of at most 14 digits and 10 decimals"
        )
    else:
        assert result.rows["cost"].to_list() == [Decimal(value)]


@pytest.mark.parametrize(
    ("text", "formats", "value"),
    [
        ("2026-10-31", [], date(2026, 10, 31)),
        ("2026-10-31T00:00:00", [], date(2026, 10, 31)),
        ("2026-10-31T23:30:00Z", [], date(2026, 11, 1)),
        ("1/23/23", ["%m/%d/%y"], date(2023, 1, 23)),
        ("1/23/23", ["%m/%d/%Y", "%m/%d/%y"], date(2023, 1, 23)),
        ("31.10.2026", ["%d.%m.%Y"], date(2026, 10, 31)),
        ("2026-10-31", ["%d.%m.%Y"], date(2026, 10, 31)),
        ("9999-12-31", [], date(9999, 12, 31)),
        ("1793000000", ["epoch_seconds"], date(2026, 10, 26)),
        ("2026-10-31T23:30:00Z", ["%Y-%m-%dT%H:%M:%SZ"], date(2026, 11, 1)),
        ("31.10.2026 23:30 +0000", ["%d.%m.%Y %H:%M %z"], date(2026, 11, 1)),
        ("31.10.2026 23:30", ["%d.%m.%Y %H:%M"], date(2026, 10, 31)),
        ("1/23/23", [], None),
        ("01/02/2026", [], None),
        ("2026-02-30", [], None),
        ("46327", [], None),
        ("1/23/23", ["%m/%d/%Y"], None),
        ("31.10.2026 extra", ["%d.%m.%Y"], None),
    ],
)
def test_dates(landed: Path, text: str, formats: list[str], value: date | None) -> None:
    result = staged(landed, f"{ASSET},purchased_on\n1,laptop,in_use,{text}\n", date_format=formats)
    assert result.rows["purchased_on"].to_list() == ([value] if value else [])


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("2026-07-01T12:00:00+02:00", {}, datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01 12:00:00.1234567Z", {}, datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-07-01T12:00-0330", {}, datetime(2026, 7, 1, 15, 30, tzinfo=UTC)),
        ("2026-07-01T12:00:00", {}, datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01T12:00:00", {"timezone": "America/New_York"}, datetime(2026, 7, 1, 16, tzinfo=UTC)),
        ("2026-07-01", {}, datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-10-25T02:30:00", {}, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-03-29T02:30:00", {}, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("07/01/2026 1:05 PM", {"date_format": "%m/%d/%Y %I:%M %p"}, datetime(2026, 7, 1, 11, 5, tzinfo=UTC)),
        ("2026-07-01T12:00:00Z", {"date_format": "%Y-%m-%dT%H:%M:%SZ"}, datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("07/01/2026 12:00 GMT", {"date_format": "%m/%d/%Y %H:%M GMT"}, datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("01.07.2026", {"formats": {"updated_at": "%d.%m.%Y"}}, datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("1793000000", {"date_format": "epoch_seconds"}, datetime(2026, 10, 26, 7, 33, 20, tzinfo=UTC)),
        (
            "1793000000000",
            {"formats": {"updated_at": "epoch_milliseconds"}},
            datetime(2026, 10, 26, 7, 33, 20, tzinfo=UTC),
        ),
        ("2026-07-01T12:00:00Z", {"date_format": "epoch_seconds"}, datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("1793000000000", {"date_format": "epoch_seconds"}, None),
        ("1793000000", {"date_format": "epoch_milliseconds"}, None),
        ("1793000000", {}, None),
        ("2026-07-01T25:00:00", {}, None),
        ("1.7.2026", {}, None),
    ],
)
def test_instants(landed: Path, text: str, options: dict[str, Any], value: datetime | None) -> None:
    result = staged(landed, f"{ASSET},updated_at\n1,laptop,in_use,{text}\n", **options)
    assert result.rows["updated_at"].to_list() == ([value] if value else [])


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("10/31/2026", {"date_format": "%m/%d/%Y"}, datetime(2026, 10, 30, 23, tzinfo=UTC)),
        ("10/31/26", {"date_format": "%m/%d/%Y"}, None),
        ("0026-10-31", {}, None),
        ("01.01.1601", {"date_format": "%d.%m.%Y"}, NEVER),
        ("30.12.1899", {"date_format": "%d.%m.%Y"}, NEVER),
        ("01.01.0001", {"date_format": "%d.%m.%Y"}, NEVER),
        ("0", {"date_format": "epoch_seconds"}, NEVER),
        ("0", {"date_format": "epoch_milliseconds"}, NEVER),
    ],
)
def test_instants_of_use(landed: Path, text: str, options: dict[str, Any], value: datetime | None) -> None:
    content = f"product,seat_id,status,last_active_at\nFigma,1,active,{text}\n"
    records, source = read(landed, content, "seats.csv"), Source(name="test", feed="seats", **options)
    assert stage(records, source, SETTINGS).rows["last_active_at"].to_list() == ([value] if value else [])


def test_asset_classes(landed: Path) -> None:
    words = ["Laptops", "notebook pc", "Test Equipment", "ACCESSORIES", "Switches", "Drone", "drone", "other"]
    text = ASSET + "".join(f"\n{n},{word},in_use" for n, word in enumerate(words))
    result = staged(landed, text)
    assert result.rows["asset_class"].to_list() == [
        "laptop", "laptop", "test_equipment", "accessory", "other", "other", "other", "other",
    ]  # fmt: skip
    assert [(u.value, u.count) for u in result.unmapped] == [("Drone", 1), ("Switches", 1), ("drone", 1)]


def test_an_account_that_is_silent_of_its_kind_is_a_guests_by_its_address(landed: Path) -> None:
    addresses = ["eve@X.org", "eve@mail.x.org", "eve@y.org", "eve@notx.org"]
    text = "account_id,username,status,email,kind\n" + "".join(f"{a},u,active,{a},\n" for a in addresses)
    text += "said,u,active,eve@y.org,human\nnone,u,active,,\nname,eve@y.org,active,,\n"
    records, source = read(landed, text, "accounts.csv"), Source(name="test", feed="accounts")
    known = stage(records, source, SETTINGS.model_copy(update={"email_domains": ["x.org"]})).rows
    assert known.filter(kind="guest")["account_id"].to_list() == ["eve@y.org", "eve@notx.org", "name"]
    assert stage(records, source, SETTINGS).rows["kind"].unique().to_list() == ["human"]


def test_spreadsheet_damage_is_said_and_nothing_changed(landed: Path) -> None:
    tags = ["000123", "000124", "125", "AB-1", "5E12"]
    serials = ["1.23457E+11", "5E12", "12E+34X", "4E1", "1E+20"]
    text = f"serial,{ASSET}" + "".join(
        f"\n{serial},{tag},laptop,in_use" for serial, tag in zip(serials, tags, strict=True)
    )
    result = staged(landed, text)
    assert result.rows["asset_tag"].to_list() == tags
    assert result.rows["serial"].to_list() == serials
    assert [(doubt.column, doubt.count, doubt.example) for doubt in result.warnings] == [
        ("asset_tag", 1, "125"),
        ("serial", 2, "1.23457E+11"),
    ]
    assert str(result.warnings[0]) == (
        "asset_tag: 1 values such as '125' are shorter than the others, as when a spreadsheet drops leading zeros"
    )
    kept = staged(landed, f'{ASSET}\n"=""00123""",laptop,in_use\n')
    assert kept.rows["asset_tag"].to_list() == ['="00123"']
    assert [str(doubt) for doubt in kept.warnings] == [
        "asset_tag: 1 values such as '=\"00123\"' are formulas by which an export keeps text from a spreadsheet; "
        "have it write the text alone"
    ]


# --- finding and copying ---------------------------------------------------------------------------------------------


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "inbox/2026-10").mkdir(parents=True)
    return tmp_path


def drop(workspace: Path, name: str, content: str = "a\n1\n") -> Path:
    path = workspace / "inbox/2026-10" / name
    path.write_text(content)
    return path


def fetched(workspace: Path, landed: Path, **options: Any) -> Any:
    source = Source(**{"name": "assets", "feed": "assets"} | options)
    return files.fetch(source, workspace, workspace / "inbox", "2026-10", landed)


def test_dropped_files_are_sources(workspace: Path) -> None:
    for name in ("assets.csv", "seats.figma.XLSX", "seats.zoom.csv", "People.jsonl", "notes.txt", "asset.csv",
                 "~$assets.xlsx", "assets.csv.control.toml", "seats.my tool.csv", "seats.control.toml",
                 "seats.xls"):  # fmt: skip
        drop(workspace, name)
    found = files.discover(workspace / "inbox", "2026-10")
    assert [(s.feed, s.name) for s in found] == [
        ("assets", "assets"), ("people", "people"), ("seats", "figma"), ("seats", "zoom"),
    ]  # fmt: skip
    strays = {path.name: why for path, why in files.strays(workspace / "inbox", "2026-10").items()}
    assert list(strays) == ["asset.csv", "notes.txt", "seats.control.toml", "seats.my tool.csv", "seats.xls"]
    assert strays["asset.csv"].startswith("no feed is named 'asset'; the feeds are people, ")
    assert strays["seats.control.toml"] == "it speaks for seats, which is not there; call it <file>.control.toml"
    assert strays["seats.my tool.csv"] == "'my tool' cannot name a source; letters, digits and . _ - can"
    assert strays["seats.xls"] == "files of its kind are not read; save it as seats with .csv, .xlsx, .jsonl, .parquet"
    assert files.discover(workspace / "inbox", "2026-11") == []


def test_a_delivery_is_copied_byte_for_byte(workspace: Path, landed: Path) -> None:
    content = "a\r\n\x00ü\n"
    drop(workspace, "assets.csv", content)
    result = fetched(workspace, landed)
    [file] = result.files
    assert (landed / file.name).read_bytes() == (workspace / "inbox/2026-10/assets.csv").read_bytes()
    assert file.sha256 == hashlib.sha256((landed / file.name).read_bytes()).hexdigest()
    assert (file.origin, result.outcome, result.proof) == ("inbox/2026-10/assets.csv", "complete", "end of file")


def test_a_configured_source_without_a_path_takes_its_own_file_first(workspace: Path, landed: Path) -> None:
    drop(workspace, "assets.csv", "a\nplain\n")
    assert fetched(workspace, landed, name="snipe").files[0].name == "assets.csv"
    drop(workspace, "assets.snipe.csv", "a\nown\n")
    assert files.find(Source(name="snipe", feed="assets"), workspace, workspace / "inbox", "2026-10") == [
        workspace / "inbox/2026-10/assets.snipe.csv"
    ]


def test_json_that_is_not_in_lines_is_refused_with_its_reason(landed: Path) -> None:
    asset = '{"asset_tag": "1", "asset_class": "laptop", "status": "in_use"}'
    for text in (f"[{asset}]", f"\n[\n  {asset},\n  {asset}, \n]", json.dumps([json.loads(asset)], indent=1)):
        failed = staged(landed, text, "assets.jsonl").failure
        assert failed == "assets.jsonl: it is one JSON list; write each of its records on a line of its own"
    failed = staged(landed, "<html>\n</html>\n", "assets.jsonl").failure
    assert failed == "assets.jsonl: line 1 is no JSON object: Expecting value: line 1 column 1 (char 0)"


def test_a_mapping_names_what_stands_inside_of_json(landed: Path) -> None:
    columns = {"asset_tag": "tag", "asset_class": "kind.name", "status": "state", "custodian": "owners.0.email"}
    columns |= {"cost": "price.amount", "currency": "price.unit", "location": "site.name"}
    text = (
        '{"tag": 1, "kind": {"name": "laptop"}, "state": "in_use", "owners": [{"email": "eve@x.org"}], '
        '"price": {"amount": 1249.10, "unit": "EUR"}, "site": null}\n'
        '{"tag": 2, "kind": {"name": "phone"}, "state": "in_use", "owners": [], "site": {"name": "Oslo"}}\n'
        '{"tag": 3, "kind": "tablet", "state": "in_use"}\n'
    )
    result = staged(landed, text, "assets.jsonl", columns=columns)
    assert result.rows.select("asset_tag", "custodian", "cost", "location").rows() == [
        ("1", "eve@x.org", Decimal("1249.10"), None),
        ("2", None, None, "Oslo"),
    ]
    assert result.quarantine["reasons"].to_list() == [["asset_class is empty, but every row needs it"]]


def test_a_cover_sheet_is_said_to_be_one(landed: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["Assets, as of October"])
    book.save(landed / "assets.xlsx")
    source = Source(name="test", feed="assets")
    failure = stage(files.read(landed, source), source, SETTINGS).failure
    assert str(failure).endswith("; if its header stands elsewhere, declare skip_rows or sheet")


def test_columns_of_several_files_are_alike_in_any_case_and_each_has_what_is_mapped(landed: Path) -> None:
    (landed / "a.csv").write_text("Asset Tag,Asset Class,Status,Location\n1,laptop,in_use,Oslo\n")
    result = staged(landed, "asset_tag,asset_class,status,location\n2,laptop,in_use,Bergen\n", "b.csv")
    assert result.rows["location"].to_list() == ["Oslo", "Bergen"]
    mapped = {"asset_tag": "Asset tag", "asset_class": "Asset Class", "status": "Status", "location": "Site"}
    (landed / "a.csv").write_text("Asset tag,Asset Class,Status,Site\n1,laptop,in_use,Oslo\n")
    failed = staged(landed, "Asset Tag,Asset Class,Status,Office\n2,laptop,in_use,Bergen\n", "b.csv", columns=mapped)
    assert failed.failure == (
        "b.csv: source 'test': columns.location names 'Site', which is not in the file; "
        "the file has 'Asset tag', 'Asset Class', 'Status', 'Office'"
    )


@pytest.mark.parametrize("kind", ["xlsx", "parquet", "jsonl"])
def test_a_number_is_no_text_in_the_notation_of_its_source(landed: Path, kind: str) -> None:
    rates = {"USD": 0.917, "JPY": 0.0061, "GBP": 1234.5, "SEK": 12} | (
        {"NOK": "1.234,5", "DKK": "1.234"} if kind != "parquet" else {}
    )
    frame = pl.DataFrame({"currency": list(rates), "as_of": "2026-10-31", "rate": list(rates.values())}, strict=False)
    match kind:
        case "xlsx":
            book = openpyxl.Workbook()
            for row in (frame.columns, *((currency, "2026-10-31", rate) for currency, rate in rates.items())):
                book.worksheets[0].append(row)
            book.save(landed / "fx_rates.xlsx")
        case "parquet":
            frame.write_parquet(landed / "fx_rates.parquet")
        case _:
            rows = ({"currency": currency, "as_of": "2026-10-31", "rate": rate} for currency, rate in rates.items())
            (landed / "fx_rates.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    source = Source(name="test", feed="fx_rates", decimal_separator=",", thousands_separator=".")
    read = dict(stage(files.read(landed, source), source, SETTINGS).rows.select("currency", "rate").iter_rows())
    wanted = {"USD": "0.917", "JPY": "0.0061", "GBP": "1234.5", "SEK": "12", "NOK": "1234.5", "DKK": "1234"}
    assert read == {currency: Decimal(wanted[currency]) for currency in rates}


def test_utf8_is_not_taken_for_another_encoding(landed: Path) -> None:
    text = f"{ASSET},location\n1,laptop,in_use,Zürich\n"
    for encoding in ("cp1252", "latin-1", "ISO-8859-15"):
        failed = read(landed, text, encoding=encoding).failure
        assert failed == f"assets.csv: it is UTF-8, but declared as {encoding}; declare encoding = 'utf-8'"
        assert column(read(landed, text.encode(encoding), encoding=encoding), "location") == ["Zürich"]
        assert column(read(landed, text.replace("ü", "u"), encoding=encoding), "location") == ["Zurich"]


def test_a_control_file_that_counts_nothing_vouches_for_nothing(workspace: Path, landed: Path) -> None:
    drop(workspace, "assets.csv")
    drop(workspace, "assets.csv.control.toml", 'extracted_by = "nightly export"\n')
    result = fetched(workspace, landed)
    assert (result.outcome, result.proof, result.control) == ("complete", "end of file", None)
    assert result.extracted_by == "nightly export"


def test_the_folder_of_a_workspace_is_no_pattern(tmp_path: Path, landed: Path) -> None:
    root = tmp_path / "books [2026] *"
    (root / "exports").mkdir(parents=True)
    (root / "exports" / "assets-1.csv").write_text("a\n1\n")
    source = Source(name="assets", feed="assets", path="exports/assets-*.csv")
    result = files.fetch(source, root, root / "inbox", "2026-10", landed)
    assert [file.origin for file in result.files] == ["exports/assets-1.csv"]


def test_a_name_that_is_no_text_is_refused(workspace: Path, landed: Path) -> None:
    (workspace / "exports").mkdir()
    (workspace / "exports" / "Ger\udce4te.csv").write_text("asset_tag\n1\n")  # as archives of other systems unpack
    refused = fetched(workspace, landed, path="exports/*.csv")
    assert (refused.outcome, refused.why) == (
        "failed",
        r"the name of 'exports/Ger\udce4te.csv' is not UTF-8; rename the file",
    )


def test_several_files_of_a_glob_are_one_delivery(workspace: Path, landed: Path) -> None:
    for room, tag in (("b", "3"), ("a", "1")):
        folder = workspace / "scans/2026-10" / room
        folder.mkdir(parents=True)
        (folder / "scan.csv").write_text(f"asset_tag,room\n{tag},{room}\n\n{tag}{tag},{room}\n")
    source = Source(name="scanner", feed="assets", path="scans/{period}/*/scan.csv")
    result = files.fetch(source, workspace, workspace / "inbox", "2026-10", landed)
    assert [file.origin for file in result.files] == ["scans/2026-10/a/scan.csv", "scans/2026-10/b/scan.csv"]
    records = files.read(landed, source)
    assert records.rows.rows() == [("1", "a", 1), ("11", "a", 3), ("3", "b", 4), ("33", "b", 6)]


@pytest.mark.parametrize(
    ("dropped", "options", "outcome", "why"),
    [
        ([], {}, "missing", "inbox/2026-10/assets.csv (or .xlsx, .jsonl, .parquet) was not delivered"),
        ([], {"name": "hr"}, "missing", "inbox/2026-10/assets.hr.csv (or .xlsx, .jsonl, .parquet) was not delivered"),
        ([], {"path": "in/{period}-*.csv"}, "missing", "in/2026-10-*.csv was not delivered"),
        (
            ["assets.csv", "assets.xlsx"],
            {},
            "failed",
            "assets.csv and assets.xlsx are one delivery twice; keep one of them",
        ),
    ],
)
def test_what_did_not_come_is_said(
    workspace: Path, landed: Path, dropped: list[str], options: dict[str, Any], outcome: str, why: str
) -> None:
    for name in dropped:
        drop(workspace, name)
    result = fetched(workspace, landed, **options)
    assert (result.outcome, result.why, result.files) == (outcome, why, ())


def test_a_control_file_speaks_for_its_file(workspace: Path, landed: Path) -> None:
    drop(workspace, "assets.csv")
    drop(
        workspace,
        "assets.csv.control.toml",
        'rows = 1\nsums.cost = 12.50\nextracted_at = 2026-11-01T06:00:00\nextracted_by = "ann"\nsystem = "Snipe"\n'
        'filters = { status = "all" }\n',
    )
    result = fetched(workspace, landed)
    assert result.control is not None
    assert (result.control.rows, result.control.sums) == (1, {"cost": Decimal("12.50")})
    assert result.extracted(SETTINGS.zone) == datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert (result.system, result.extracted_by, result.filters) == ("Snipe", "ann", '{"status": "all"}')
    assert (landed / "assets.csv.control.toml").exists()
    assert files.read(landed, Source(name="assets", feed="assets")).rows.height == 1


@pytest.mark.parametrize(
    ("control", "why"),
    [
        ("rows = ", "assets.csv.control.toml is no readable control file: "),
        ("rows = -1", "assets.csv.control.toml is no readable control file: rows = -1 is not a number of rows"),
        ("sums.cost = 'x'", "assets.csv.control.toml is no readable control file: a sum is not a number"),
        ("row = 1", "assets.csv.control.toml says 'row'; a control file may say rows, sums, "),
    ],
)
def test_a_control_file_that_cannot_be_read_fails_the_delivery(
    workspace: Path, landed: Path, control: str, why: str
) -> None:
    drop(workspace, "assets.csv")
    drop(workspace, "assets.csv.control.toml", control)
    result = fetched(workspace, landed)
    assert result.outcome == "failed"
    assert str(result.why).startswith(why)


def test_a_defect_in_reading_costs_one_source_and_not_the_month(landed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path, source: Source) -> Records:
        raise pl.exceptions.ComputeError("not yet\nin detail")

    monkeypatch.setattr(files, "read", broken)
    failure = systems.read(landed, Source(name="test", feed="assets")).failure
    assert failure == "a defect in reading it (ComputeError: not yet); report it"
