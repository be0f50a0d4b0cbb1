"""An audit sample: the same seed draws the same, every answer is performed again, and every row is the landed one."""

import json
import random
import shutil
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.decisions import Act, as_asked, record
from pipelines.errors import ConfigError
from pipelines.sample import sample
from pipelines.warehouse import query
from pipelines.workspace import Workspace, end_of_period
from tests.conftest import MINIMAL, run_steps
from tieout.sampling import draw

Sheets = dict[str, list[dict[str, str]]]
FORMULA = "=SUM(A1:A9)"


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A month with ten devices without a usable serial, ten healthy ones, and two decisions."""
    root = tmp_path_factory.mktemp("sample") / "books"
    folder = root / "inbox" / "2026-09"
    folder.mkdir(parents=True)
    (root / "tieout.toml").write_text(MINIMAL, encoding="utf-8")
    bad = [f"{tag},laptop,in_stock,2026-09-01,none" for tag in (FORMULA, *(f"B{n}" for n in range(1, 10)))]
    good = [f"G{n},laptop,in_stock,2026-09-01,SER-000{n:02}" for n in range(1, 11)]
    lines = ["asset_tag,asset_class,status,status_since,serial", *bad, *good]
    (folder / "assets.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    workspace = Workspace.open(root)
    run_steps(workspace, "2026-09")
    found = query(workspace.published_database, "SELECT exception_id FROM exceptions ORDER BY subject LIMIT 2")
    said = [{"kind": "acknowledge", "who": "Ada", "exception_id": one} for one in found["exception_id"]]
    asked = [as_asked(number, one) for number, one in enumerate(said, 1)]
    record(workspace, asked, Act(end_of_period("2026-09", workspace.settings.zone), "cli"))
    return workspace


def read(path: Path) -> Sheets:
    sheets: Sheets = {}
    for sheet in openpyxl.load_workbook(path):
        head, *rows = sheet.iter_rows(values_only=True)
        sheets[sheet.title] = [dict(zip(map(str, head), (str(c or "") for c in row), strict=True)) for row in rows]
    return sheets


@pytest.fixture
def drawn(books: Workspace, tmp_path: Path) -> Sheets:
    path = tmp_path / "w.xlsx"
    sample(books, None, 4, "s", path)
    return read(path)


def test_every_kind_is_drawn_and_the_readme_says_from_how_many(books: Workspace, tmp_path: Path) -> None:
    told = sample(books, "2026-09", 4, "s", tmp_path / "w.xlsx")
    assert (told.population["Exceptions"], told.sampled["Exceptions"]) == (10, 4)
    assert (told.population["Decisions"], told.sampled["Decisions"]) == (2, 2)
    assert told.sampled["Clean subjects"] == 4
    readme = {row["what"]: row["is"] for row in read(told.path)["Read me"]}
    assert (readme["Period"], readme["Seed"], readme["Population: exceptions"]) == (
        "2026-09",
        "s",
        "10, of which 4 drawn",
    )
    assert readme["Config hash"] == books.config_hash
    assert readme["Decision log"].startswith("2 entries, chain head ")


def test_the_answer_performed_again_stands_beside_the_runs(drawn: Sheets) -> None:
    assert len(drawn["Exceptions"]) == 4
    for row in drawn["Exceptions"]:
        assert (row["rule"], row["answer of the run"], row["performed again"], row["agrees"]) == (
            "unusable-serial", "fired", "fired", "yes"
        )  # fmt: skip
        assert (row["result"], row["checked by"], row["remarks"]) == ("", "", "")
    answers = {(row["item"], row["rule"]): row for row in drawn["Answers"]}
    assert answers["E1", "unusable-serial"]["answer"] == "fired"
    assert "serial_quality = placeholder" in answers["E1", "unusable-serial"]["judged"]
    items = {row["item"] for row in drawn["Clean subjects"]}
    assert items == {"C1", "C2", "C3", "C4"}
    of_clean = {row["answer"] for row in drawn["Answers"] if row["item"] in items}
    assert of_clean
    assert of_clean <= {"clean", "unknown", "not evaluated"}


def test_raw_rows_are_those_that_landed(drawn: Sheets, books: Workspace) -> None:
    subjects = {row["item"]: row["subject"] for row in drawn["Exceptions"]}
    lines = (books.root / "inbox" / "2026-09" / "assets.csv").read_text(encoding="utf-8").splitlines()
    for row in drawn["Raw rows"]:
        raw = json.loads(row["raw"])
        assert lines[int(row["landed row"])].startswith(f"{raw['asset_tag']},")
        if row["item"] in subjects:
            assert raw["asset_tag"] == subjects[row["item"]]
    assert {row["item"] for row in drawn["Raw rows"]} >= set(subjects)


def test_nothing_in_the_workbook_runs(books: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "w.xlsx"
    sample(books, None, 99, None, path)
    cells = [cell for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    assert FORMULA in {cell.value for cell in cells}
    assert not any(cell.hyperlink for cell in cells)


def test_the_same_seed_gives_the_same_bytes_and_another_another(books: Workspace, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.xlsx" for n in range(3)]
    for path, seed in zip(paths, ("s", "s", "t"), strict=True):
        sample(books, None, 4, seed, path)
    one, again, other = (path.read_bytes() for path in paths)
    assert one == again
    assert read(paths[0])["Exceptions"] != read(paths[2])["Exceptions"]
    assert other


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter(books: Workspace, tmp_path: Path) -> None:
    shuffled = Workspace.open(shutil.copytree(books.root, tmp_path / "shuffled"))
    for name in ("landing", "warehouse", "published"):
        shutil.rmtree(shuffled.root / name)
    path = shuffled.root / "inbox" / "2026-09" / "assets.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    random.Random(7).shuffle(lines)
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    run_steps(shuffled, "2026-09")
    drawn = []
    for workspace, name in ((books, "a.xlsx"), (shuffled, "b.xlsx")):
        sample(workspace, None, 4, "s", tmp_path / name)
        sheets = read(tmp_path / name)
        drawn.append(
            [[(row["item"], row["subject"]) for row in sheets[kind]] for kind in ("Exceptions", "Clean subjects")]
        )
    assert drawn[0] == drawn[1]


def test_a_workpaper_is_never_written_over(books: Workspace, tmp_path: Path) -> None:
    (tmp_path / "w.xlsx").write_text("somebody's results")
    with pytest.raises(ConfigError, match=r"w\.xlsx is there already; name another file with --out"):
        sample(books, None, 4, None, tmp_path / "w.xlsx")
    assert (tmp_path / "w.xlsx").read_text() == "somebody's results"
    assert sample(books, None, 1, "a/b", None).path == books.root / "samples" / "sample-2026-09-a_b.xlsx"


def test_a_month_that_is_not_complete_is_one_sentence(books: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"2026-10 is not complete; the complete months are 2026-09\."):
        sample(books, "2026-10", 4, None, None)


@given(st.sets(st.text(max_size=8), max_size=30), st.integers(1, 40), st.text(max_size=4), st.randoms())
def test_a_draw_depends_on_seed_and_ids_alone(ids: set[str], size: int, seed: str, chance: random.Random) -> None:
    shuffled = sorted(ids)
    chance.shuffle(shuffled)
    drawn = draw(shuffled + shuffled[:3], size, seed)
    assert drawn == draw(pl.Series(sorted(ids), dtype=pl.String), size, seed)
    assert len(drawn) == min(size, len(ids)) == len(set(drawn))
    assert drawn == draw(ids, len(ids) or 1, seed)[:size]
