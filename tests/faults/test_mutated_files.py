"""Files as accidents and malice leave them: every record is accounted for, nothing breaks, memory stays bounded."""

import csv
import io
import json
import random
import re
import resource
import shutil
import struct
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from checks.contracts import hold
from connectors import files
from tests.faults.figures import measured
from tieout.feeds import FEEDS
from tieout.intake import judge
from tieout.pull import Fetched
from tieout.settings import Limits, Settings, Source
from tieout.staging import stage

SETTINGS = Settings(organisation="Acme", reporting_currency="EUR", timezone="Europe/Berlin")
AS_OF = datetime(2026, 10, 31, tzinfo=UTC)
HEADER = ["asset_tag", "serial", "asset_class", "status", "custodian", "cost", "currency", "status_since"]
ROWS = [
    [f"T{n}", f"00SER{n:03}", "laptop", "in_use", f"müller{n}@x.org", f"{n},5", "EUR", "2026-01-31"] for n in range(40)
]
LIMITS = Limits(unpacked_bytes=20_000_000, file_bytes=20_000_000, rows=100_000, cell_chars=10_000, columns=200)
ROOM = 400 * 1024
"""Kilobytes by which all the hostile files together may raise the memory of this process."""

Mutation = Callable[[bytes, random.Random], bytes]


def as_csv(rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def as_xlsx(rows: list[list[str]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def as_jsonl(rows: list[list[str]]) -> bytes:
    header, *records = rows
    return "\n".join(json.dumps(dict(zip(header, record, strict=True))) for record in records).encode()


def as_parquet(rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows[1:], schema=rows[0], orient="row").write_parquet(out)
    return out.getvalue()


HEALTHY = {
    ".csv": as_csv([HEADER, *ROWS]),
    ".xlsx": as_xlsx([HEADER, *ROWS]),
    ".jsonl": as_jsonl([HEADER, *ROWS]),
    ".parquet": as_parquet([HEADER, *ROWS]),
}


def place(content: bytes, dice: random.Random) -> int:
    return dice.randrange(len(content))


def inserted(content: bytes, dice: random.Random, what: bytes) -> bytes:
    at = place(content, dice)
    return content[:at] + what + content[at:]


ANY: tuple[Mutation, ...] = (
    lambda c, d: c[: place(c, d)],
    lambda c, d: c[place(c, d) :],
    lambda c, d: inserted(c, d, b"\0" * d.randrange(1, 50)),
    lambda c, d: inserted(c, d, d.randbytes(d.randrange(1, 200))),
    lambda c, d: bytes(byte ^ (d.random() < 0.01) << d.randrange(8) for byte in c),
    lambda c, d: inserted(c, d, c[place(c, d) :]),
    lambda c, d: c[: len(c) // 3] + c[2 * len(c) // 3 :],
    lambda c, d: d.randbytes(len(c)),
    lambda c, d: b"",
)
"""What may happen to any file."""

TEXT: tuple[Mutation, ...] = (
    lambda c, d: c.decode().encode("cp1252"),
    lambda c, d: c.decode().encode(d.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"])),
    lambda c, d: c.replace(b"\r\n", d.choice([b"\r", b"\n", b"\r\r\n", b"\x85", "\u2028".encode()])),
    lambda c, d: inserted(c, d, d.choice([b'"', b'""', b"'", b'"\n', b',"', b"\\"])),
    lambda c, d: inserted(c, d, b'"' * d.randrange(1, 30)),
    lambda c, d: inserted(c, d, b"x" * 12_000),
    lambda c, d: inserted(c, d, b"," * d.randrange(1, 400)),
    lambda c, d: inserted(c, d, b"\n" + b",".join(b"c%d" % n for n in range(300)) + b"\n"),
    lambda c, d: c.replace(b",", d.choice([b";", b"\t", b"|", b",,"])),
    lambda c, d: b"\n".join(d.sample(lines := c.split(b"\n"), len(lines))),
    lambda c, d: c + b"\n" + c,
    lambda c, d: c.replace(b"T1", d.choice([b"=1+1", b"@SUM(1)", b"1E+12", b"#N/A", b"44927", b"NULL"])),
    lambda c, d: c.replace(b"serial", d.choice([b"asset_tag", b"", b" ", b"_row", b"a\nb"]), 1),
    lambda c, d: c.split(b"\n", 1)[-1],
    lambda c, d: c.replace(b"2026-01-31", d.choice([b"31.01.2026", b"2026-02-31", b"99999-01-01", b"0000-00-00"])),
    lambda c, d: c.replace(b"EUR", b"\xf0\x9f\x92\xb6\xed\xa0\x80"),
)
"""What may happen to a text."""

JSON: tuple[Mutation, ...] = (
    lambda c, d: inserted(c, d, b"[" * 100_000),
    lambda c, d: c + b"\n" + b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    lambda c, d: c + b'\n{"asset_tag": ' + b"9" * 11_000 + b"}",
    lambda c, d: c + b'\n{"asset_tag": "a", "asset_tag": "b"}',
    lambda c, d: c + b'\n{"asset_tag": "\\ud800"}\n[]\n"x"\nnull\nNaN',
    lambda c, d: c + b"\n" + json.dumps({f"k{n}": n for n in range(300)}).encode(),
)


def rezipped(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """A workbook whose parts were changed, in a sound archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as other:
        for name in book.namelist():
            if changed := change(name, book.read(name)):
                other.writestr(name, changed)
    return out.getvalue()


def in_sheet(change: Callable[[bytes], bytes]) -> Mutation:
    return lambda content, dice: rezipped(
        content, lambda name, part: change(part) if name == "xl/worksheets/sheet1.xml" else part
    )


def with_row(row: bytes) -> Mutation:
    return in_sheet(lambda part: part.replace(b"</sheetData>", row + b"</sheetData>"))


def _lying(content: bytes, dice: random.Random) -> bytes:
    """A workbook one part of which unpacks to far more than the archive says."""
    bomb = rezipped(content, lambda name, part: b" " * 60_000_000 if name.endswith("styles.xml") else part)
    return bomb.replace(struct.pack("<I", 60_000_000), struct.pack("<I", 1000))


SHEETS: tuple[Mutation, ...] = (
    lambda c, d: rezipped(c, lambda name, part: b"" if d.random() < 0.3 else part),
    lambda c, d: rezipped(c, lambda name, part: part[: place(part, d)] if d.random() < 0.3 else part),
    lambda c, d: rezipped(c, lambda name, part: ANY[4](part, d) if name.startswith("xl/") else part),
    lambda c, d: rezipped(c, lambda name, part: part + b" " * 30_000_000 if name.endswith("sheet1.xml") else part),
    _lying,
    with_row(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
    with_row(b'<row r="9999"><c r="GR9999"><v>1</v></c></row>'),
    with_row(b'<row r="50"><c r="A50" t="e"><v>#REF!</v></c></row>'),
    in_sheet(lambda part: part.replace(b'r="A', b'r="ZZZZZZ')),
    in_sheet(lambda part: part.replace(b"<v>", b"<v>999999")),
    in_sheet(lambda part: b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;">]>' + part.replace(b"<v>1", b"<v>&b;")),
)
"""What may happen inside a workbook."""

TABLES: tuple[Mutation, ...] = (
    lambda c, d: as_parquet([[f"c{n}" for n in range(300)]]),
    lambda c, d: _repeated(150_000),
    lambda c, d: c[:4] + bytes(byte ^ (d.random() < 0.05) << d.randrange(8) for byte in c[4:-8]) + c[-8:],
    lambda c, d: c[:-8] + struct.pack("<I", d.randrange(2**31)) + c[-4:],
)


def _repeated(rows: int) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"asset_tag": ["x" * 9]}).select(pl.all().repeat_by(rows).explode()).write_parquet(out)
    return out.getvalue()


OF_KIND = {".csv": (*ANY, *TEXT), ".jsonl": (*ANY, *TEXT, *JSON), ".xlsx": (*ANY, *SHEETS), ".parquet": (*ANY, *TABLES)}


def taken_in(folder: Path, suffix: str, content: bytes, **options: Any) -> str:
    """What became of a file: the failure as a whole, or nothing when every record of it is accounted for."""
    source = Source(name="test", feed="assets", limits=LIMITS, **options)
    (folder / f"assets{suffix}").write_bytes(content)
    records = files.read(folder, source)
    staged = stage(records, source, SETTINGS)
    verdict = judge(source, SETTINGS, AS_OF, Fetched("complete"), records, staged)
    hold(FEEDS["assets"], staged.rows)
    if staged.failure:
        assert verdict.color == "RED"
        return staged.failure
    apart = pl.concat([staged.rows["_row"], staged.quarantine["_row"]])
    assert apart.is_unique().all()
    assert staged.landed == staged.used + staged.duplicates + staged.quarantined
    assert staged.landed + staged.blank >= apart.len()
    return ""


def peak() -> int:
    """Kilobytes of memory this process ever held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most


@pytest.mark.parametrize("rounds", [pytest.param(1, id="once"), pytest.param(6, id="often", marks=pytest.mark.slow)])
def test_every_record_of_a_mutated_file_is_accounted_for(rounds: int, tmp_path: Path) -> None:
    dice, count, refused = random.Random(rounds), 0, 0
    assert all(taken_in(_empty(tmp_path), suffix, content) == "" for suffix, content in HEALTHY.items())
    before = peak()
    for _ in range(rounds):
        for suffix, mutations in OF_KIND.items():
            for mutation in mutations:
                content = mutation(HEALTHY[suffix], dice)
                failure = taken_in(_empty(tmp_path), suffix, content)
                assert "\n" not in failure
                count, refused = count + 1, refused + bool(failure)
    assert count == rounds * sum(map(len, OF_KIND.values()))
    assert 0 < refused < count
    assert peak() - before < ROOM
    measured("mutated files whose every record is accounted for", count, count)
    measured("mutated files refused as a whole", refused, count)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("suffix", "mutation", "limit"),
    [
        (".csv", lambda c, d: c + b"\n" * 21_000_000, "file_bytes = 20000000"),
        (".csv", lambda c, d: c + b"\n,,,,,,," * 100_000, "rows = 100000"),
        (".csv", lambda c, d: b"x," * 250 + c, "columns = 200"),
        (".jsonl", JSON[5], "columns = 200"),
        (".xlsx", SHEETS[3], "unpacked_bytes = 20000000"),
        (".xlsx", SHEETS[4], "unpacked_bytes = 20000000"),
        (".xlsx", SHEETS[5], "columns = 200"),
        (".parquet", TABLES[0], "columns = 200"),
        (".parquet", TABLES[1], "rows = 100000"),
    ],
)
def test_hostile_size_is_refused_by_the_name_of_its_limit(
    suffix: str, mutation: Mutation, limit: str, tmp_path: Path
) -> None:
    failure = taken_in(tmp_path, suffix, mutation(HEALTHY[suffix], random.Random(1)))
    assert failure == f"assets{suffix}: it is larger than its limit, {limit}; if that is right, raise it under limits"


def with_texts(text: bytes, references: int, sheets: int = 1) -> bytes:
    """A workbook in which so many cells of each sheet refer to one shared text."""
    out = io.BytesIO()
    cells = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (n, n) for n in range(2, references + 2))
    part = b"<worksheet><dimension ref='A1:XFD1048576'/><sheetData>%s</sheetData></worksheet>" % cells
    with (
        zipfile.ZipFile(io.BytesIO(HEALTHY[".xlsx"])) as book,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as other,
    ):
        for name in book.namelist():
            if name not in ("xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"):
                other.writestr(name, book.read(name))
        other.writestr("xl/sharedStrings.xml", b"<sst><si><t>%s</t></si></sst>" % text)
        for number in range(1, sheets + 1):
            other.writestr(f"xl/worksheets/sheet{number}.xml", part)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (with_texts(b"x" * 1_000_000, 60_000), "unpacked_bytes = 20000000"),
        (with_texts(b"x" * 10_000, 60_000).replace(b"worksheets", b"other_name"), "unpacked_bytes = 20000000"),
        (with_texts(b"x", 60_000, sheets=12), "unpacked_bytes = 20000000"),
    ],
    ids=["one text in many cells", "sheets in another place", "many sheets"],
)
def test_what_only_grows_when_it_is_read_is_refused_before(content: bytes, said: str, tmp_path: Path) -> None:
    before = peak()
    failure = taken_in(tmp_path, ".xlsx", content)
    assert failure == f"assets.xlsx: it is larger than its limit, {said}; if that is right, raise it under limits"
    assert peak() - before < ROOM


def test_a_workbook_that_lies_about_its_size_or_holds_archives_is_read_as_it_is(tmp_path: Path) -> None:
    nested, before = HEALTHY[".xlsx"], peak()
    for _ in range(50):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.xlsx", nested)
        nested = out.getvalue()
    told = re.compile(rb'<dimension ref="[^"]*"')
    out = io.BytesIO(rezipped(HEALTHY[".xlsx"], lambda name, part: told.sub(b'<dimension ref="A1:XFD1048576"', part)))
    with zipfile.ZipFile(out, "a") as book:
        assert b"XFD1048576" in book.read("xl/worksheets/sheet1.xml")
        book.writestr("xl/embeddings/deep.zip", nested)
    assert taken_in(tmp_path, ".xlsx", out.getvalue()) == ""
    assert peak() - before < ROOM


def test_a_sheet_of_two_far_corners_is_refused(tmp_path: Path) -> None:
    content = in_sheet(lambda part: part.replace(b"A40", b"ALL1048576"))(HEALTHY[".xlsx"], random.Random(1))
    (tmp_path / "assets.xlsx").write_bytes(content)
    failure = files.read(tmp_path, Source(name="test", feed="assets")).failure
    assert failure == "assets.xlsx: its sheet spans 1,048,576 rows and 1,000 columns, more than 64,000,000 cells"


def test_a_cell_beyond_its_limit_costs_one_record(tmp_path: Path) -> None:
    for suffix, write in ((".csv", as_csv), (".jsonl", as_jsonl), (".parquet", as_parquet)):
        rows = [HEADER, *ROWS, ["T99", "x" * 10_001, *ROWS[0][2:]]]
        _empty(tmp_path)
        (tmp_path / f"assets{suffix}").write_bytes(write(rows))
        records = files.read(tmp_path, Source(name="test", feed="assets", limits=LIMITS))
        assert records.rows.height == len(ROWS)
        assert (
            records.unreadable["reasons"]
            .to_list()[0][0]
            .endswith("a cell is longer than its limit, cell_chars = 10000")
        )


@pytest.mark.parametrize("linked", ["assets.csv", "assets.csv.control.toml"])
def test_a_link_out_of_the_inbox_is_not_followed(linked: str, tmp_path: Path) -> None:
    inbox, folder, secret = tmp_path / "inbox", tmp_path / "landed", tmp_path / "secret.csv"
    (inbox / "2026-10").mkdir(parents=True)
    folder.mkdir()
    secret.write_bytes(b"token = 'canary'\n")
    (inbox / "2026-10" / "assets.csv").write_bytes(HEALTHY[".csv"])
    link = inbox / "2026-10" / linked
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    fetched = files.fetch(Source(name="assets", feed="assets"), tmp_path, inbox, "2026-10", folder)
    assert fetched.outcome == "failed"
    assert fetched.why == f"inbox/2026-10/{linked} is a link that leads out of its folder; drop the file itself"
    assert not any(b"canary" in path.read_bytes() for path in folder.iterdir())


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "landed").mkdir()
    (tmp_path / "exports" / "assets-1.csv").write_bytes(HEALTHY[".csv"])
    (tmp_path / "exports" / "latest.csv").symlink_to("assets-1.csv")
    source = Source(name="assets", feed="assets", path="exports/latest.csv")
    fetched = files.fetch(source, tmp_path, tmp_path / "inbox", "2026-10", tmp_path / "landed")
    assert fetched.outcome == "complete"


def test_a_file_that_grows_beyond_its_limit_is_not_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "inbox" / "2026-10").mkdir(parents=True)
    (tmp_path / "landed").mkdir()
    (tmp_path / "inbox" / "2026-10" / "assets.csv").write_bytes(b"x" * 3_000_000)
    source = Source(name="assets", feed="assets", limits=Limits(file_bytes=1_000_000))
    fetched = files.fetch(source, tmp_path, tmp_path / "inbox", "2026-10", tmp_path / "landed")
    assert fetched.why is not None
    assert fetched.why.startswith("inbox/2026-10/assets.csv is larger than its limit, file_bytes = 1000000;")
    assert (tmp_path / "landed" / "assets.csv").stat().st_size < 3_000_000
