"""The same inputs give the same answer: other file names and formats, other orders of rows, columns and months."""

import csv
import io
import json
import random
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from data import demo
from data.demo.calendar import AUG, JUL, MONTHS, OCT, SEP
from pipelines.run import run
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from tests.conftest import plain_runs
from tests.flow.conftest import Ask

CANONICAL = ("accounts", "entitlements", "movements", "stock", "counts", "purchases", "receipts", "disposals")
"""Feeds whose single file takes another name."""
SPLIT = {"HR_Personalliste.csv": "HR_*.csv", "mdm_devices.csv": "mdm_devices*.csv"}
"""Files that come in two, and the glob that unites them again."""


def reworked(text: str, delimiter: str, dice: random.Random) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a delimited text, both in another order; a row with too many or too few cells stays so."""
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    order = list(range(len(header)))
    dice.shuffle(order)
    dice.shuffle(rows)
    return [header[i] for i in order], [[row[i] for i in order] if len(row) == len(order) else row for row in rows]


def written(header: list[str], rows: list[list[str]], delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue()


def rework(path: Path, dice: random.Random) -> None:
    """Lay the same records out in another order, and where the file bears a feed's name, in another format."""
    control = path.with_name(f"{path.name}.control.toml")
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        sheet = book.worksheets[0]
        head, rows = list(sheet.values)[:3], list(sheet.values)[3:]
        dice.shuffle(rows)
        for number, row in enumerate([*head, *rows], 1):
            for place, value in enumerate(row, 1):
                sheet.cell(number, place).value = value
        book.save(path)
    elif path.suffix == ".jsonl":
        lines = path.read_text("utf-8").splitlines()
        dice.shuffle(lines)
        path.write_text("\n".join(lines), "utf-8")
    elif path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        frame.select(sorted(frame.columns)).sample(fraction=1, shuffle=True, seed=1).write_parquet(path)
    else:
        legacy = path.name in ("HR_Personalliste.csv", "Anlagenspiegel.csv")
        encoding, delimiter = ("cp1252", ";") if legacy else ("utf-8-sig", ",")
        header, rows = reworked(path.read_bytes().decode(encoding), delimiter, dice)
        ragged = any(len(row) != len(header) for row in rows)
        if path.name in SPLIT:
            half = len(rows) // 2
            path.with_stem(f"{path.stem}_2").write_bytes(written(header, rows[half:], delimiter).encode(encoding))
            rows = rows[:half]
        name = path.name.split(".")[0]
        if name in CANONICAL and path.name == f"{name}.csv" and not ragged and not control.exists():
            path.unlink()
            _in_another_format(path.with_name(f"{name}.main.csv"), header, rows, dice.choice([".jsonl", ".parquet"]))
        else:
            path.write_bytes(written(header, rows, delimiter).encode(encoding))


def _in_another_format(path: Path, header: list[str], rows: list[list[str]], suffix: str) -> None:
    records = [dict(zip(header, row, strict=True)) for row in rows]
    if suffix == ".jsonl":
        path.with_suffix(suffix).write_text("\n".join(map(json.dumps, records)), "utf-8")
    else:
        pl.DataFrame(records, schema=dict.fromkeys(header, pl.String)).write_parquet(path.with_suffix(suffix))


@pytest.fixture(scope="module")
def otherwise(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The sample company delivered in other files, and its months run in another order."""
    root = demo.write(tmp_path_factory.mktemp("otherwise"))
    dice = random.Random(7)
    for path in sorted((root / "inbox").rglob("*")):
        if path.is_file() and not path.name.endswith(".toml"):
            rework(path, dice)
    config = root / "tieout.toml"
    text = config.read_text("utf-8")
    for name, pattern in SPLIT.items():
        text = text.replace(name, pattern)
    config.write_text(text, "utf-8")
    workspace = Workspace.open(root)
    with plain_runs():
        for month in (JUL, SEP, AUG, OCT):
            run(workspace, month)
    return workspace


@pytest.mark.parametrize(
    "table",
    ["exceptions", "exception_history", "rule_runs", "entitlement_positions", "reclaim_candidates"],
)
def test_the_answer_is_the_same(table: str, otherwise: Workspace, ask: Ask) -> None:
    one, other = ask(f"FROM {table}"), query(otherwise.published_database, f"FROM {table}")
    assert one.height > 0
    for month in MONTHS:
        left, right = (frame.filter(pl.col("period") == month) for frame in (one, other))
        differing = pl.concat([left, right]).filter(pl.concat([left, right]).is_unique())
        assert differing.height == 0, f"{month}: {differing.head(4).to_dicts()}"
    assert one.equals(other)
