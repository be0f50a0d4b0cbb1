"""What is drawn is what the table says: every bar and point stands where its number is, and a gap where none is."""

import re
import subprocess
import sys
from decimal import Decimal
from xml.etree import ElementTree

from reports import charts, page, render
from reports.charts import Point, Step, Trend, Waterfall
from tests import pages

STEPS = (("Opening", "10.00"), ("New", "5.50"), ("Kept", "-3"), ("Lapsed", "-12.5"), ("FX", "0"), ("Closing", "0.00"))
ROLL = Waterfall(
    "Savings", tuple(Step(name, Decimal(value), page.money(Decimal(value), "EUR")) for name, value in STEPS)
)


def drawn(drawing: Trend | Waterfall) -> ElementTree.Element:
    return ElementTree.fromstring(charts.draw(drawing))


def numbers(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]


def texts(image: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in image.iter("text")]


def trend(*values: int | str | None, is_share: bool = False) -> Trend:
    exact = [None if value is None else Decimal(value) for value in values]
    points = (Point(f"2026-{month:02}", value, page.units(value)) for month, value in enumerate(exact, 1))
    return Trend("A figure", tuple(points), is_share)


def test_bars_stand_where_the_one_before_ended() -> None:
    bars = [numbers(path.attrib["d"]) for group in drawn(ROLL).iter("g") if "mark-rect" in group.get("class", "")
            for path in group]  # fmt: skip
    spans = [(left, left + width) for left, _, width, *_ in bars]
    room = (max(end for _, end in spans) - spans[0][0]) / 15.5
    assert [tuple(round((edge - spans[0][0]) / room, 2) for edge in span) for span in spans] == [
        (0, 10), (10, 15.5), (12.5, 15.5), (0, 12.5), (0, 0), (0, 0)
    ]  # fmt: skip


def test_a_waterfall_says_the_amounts_of_its_table() -> None:
    image = drawn(ROLL)
    names, amounts = (
        [name for name, _ in STEPS],
        ["10.00 EUR", "5.50 EUR", "-3.00 EUR", "-12.50 EUR", "0.00 EUR", "0.00 EUR"],
    )
    assert texts(image) == [*names, *amounts]
    assert (image.get("role"), image.findtext("title")) == ("img", "Savings")
    assert image.findtext("desc", "").startswith("Opening: 10.00 EUR; New: 5.50 EUR; Kept: -3.00 EUR")


def test_points_stand_at_their_numbers_and_nothing_bridges_a_gap() -> None:
    image = drawn(trend(8, None, 2, 4))
    heights = [numbers(mark.attrib["transform"])[1] for group in image.iter("g")
               if "mark-symbol" in group.get("class", "") for mark in group]  # fmt: skip
    assert [round((heights[1] - height) / (heights[1] - heights[0]), 3) for height in heights] == [1, 0, 0.333]
    (line,) = (path.attrib["d"] for group in image.iter("g") if "mark-line" in group.get("class", "")
               for path in group)  # fmt: skip
    assert line.count("M") == 2
    assert texts(image)[-3:] == ["8", "2", "4"]


def test_a_share_has_its_room_around_it_and_a_long_line_the_last_number_alone() -> None:
    assert "100" in texts(drawn(trend("97.5", "99.5", is_share=True)))
    image = drawn(trend(*range(1000, 1030)))
    assert [text for text in texts(image)[-30:] if text] == ["1,029"]
    assert drawn(trend(0, 0, is_share=True)).get("viewBox") == image.get("viewBox")


def test_nothing_is_drawn_of_nothing() -> None:
    flat = Waterfall("Nothing", tuple(Step(name, 0, "0") for name in "abc"))
    assert not any(drawing.has_shape for drawing in (trend(5), trend(None, 5), trend(0, 0), flat))
    assert trend(0, 0, is_share=True).has_shape
    assert "<figure" not in "".join(pages.html(render(pages.empty(), pages.FIRST, {})).values())


def test_every_number_of_a_chart_stands_in_a_table_of_its_page() -> None:
    for name, text in pages.html(render(pages.full(), pages.ABOUT, pages.RULES)).items():
        cells = {" ".join(re.sub("<.*?>", "", cell).split()) for cell in re.findall(r"<td.*?>(.*?)</td>", text)}
        for said in re.findall(r"<desc>(.*?)</desc>", text):
            assert {one.rpartition(": ")[2] for one in said.split("; ")} <= cells, name


def test_the_same_drawing_has_the_same_bytes_in_another_process() -> None:
    made = f"from decimal import Decimal; from reports.charts import *; print(draw({ROLL!r}))"
    again = subprocess.run([sys.executable, "-c", made], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == charts.draw(ROLL)
    assert "style=" not in charts.draw(ROLL)


def test_charts_are_loaded_where_one_is_drawn() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, reports, pipelines.cli; print({'altair', 'vl_convert'} & {*sys.modules})"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == "set()\n"
