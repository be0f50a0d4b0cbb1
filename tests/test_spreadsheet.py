"""No text of a CSV file is a formula for a spreadsheet, and every one is read back as it was."""

import csv
import io

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tieout.spreadsheet import as_csv, as_read

LEADS = "=+-@\t\r\n＝＋－＠"
texts = st.lists(st.text(st.sampled_from([*LEADS, *"'\";, 1.aä\\|!("]), max_size=6), min_size=1)


@given(texts)
def test_every_text_is_harmless_and_read_back_exactly(said: list[str]) -> None:
    frame = pl.DataFrame({"=said": said})
    header, *rows = csv.reader(io.StringIO(as_csv(frame), newline=""))
    assert header == ["'=said"]
    cells = [row[0] if row else "" for row in rows]
    assert not [cell for cell in cells if cell[:1] and cell[0] in LEADS and not _is_number(cell)]
    read = pl.DataFrame({"said": cells}, schema={"said": pl.String}).select(as_read(pl.col("said"))).to_series()
    assert read.to_list() == said


def _is_number(text: str) -> bool:
    try:
        return float(text) is not None
    except ValueError:
        return False


def test_numbers_stay_numbers() -> None:
    frame = pl.DataFrame({"amount": [-1, 2], "text": ["-1.50", "+49 170"]})
    assert as_csv(frame) == "amount,text\n-1,-1.50\n2,'+49 170\n"


def test_what_separates_cells_elsewhere_is_quoted() -> None:
    assert as_csv(pl.DataFrame({"note": ["a;=1+1"], "n": [1]})) == '"note","n"\n"a;=1+1",1\n'
