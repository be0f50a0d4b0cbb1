"""Drawings beside the tables of their numbers: a line through the months, and steps from an opening to a closing.

Altair says what is drawn and vl-convert draws it as SVG in the colours and the font of the page, so that it reads in
the light, in the dark and on paper. Every place is given and none measured, so the fonts of a machine change nothing;
and a drawing is no wider than a phone, so its text is never smaller than it was drawn.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from math import ceil
from typing import Any

from markupsafe import Markup

WIDTH = 290
TEXT = 11
LETTER = 6.3
"""What a letter of that size takes, on average and at most, in the fonts that a page may have."""
NUMBERED = 6
"""Up to so many months every point has its number; of more, the last."""
INK, QUIET, GRID, RISES, FALLS, STANDS = (
    f"var(--{name})" for name in ("ink", "quiet", "line", "accent", "high", "low")
)


@dataclass(frozen=True)
class Point:
    """One month of a line: its number, None where it is not known, and the text that the table has for it."""

    period: str
    value: Decimal | int | None
    text: str


@dataclass(frozen=True)
class Trend:
    """One figure through the months, the oldest first; it stands on zero unless it is a share in percent."""

    title: str
    points: tuple[Point, ...]
    is_share: bool = False

    @property
    def said(self) -> str:
        return "; ".join(f"{point.period}: {point.text}" for point in self.points)

    @property
    def has_shape(self) -> bool:
        known = [point.value for point in self.points if point.value is not None]
        return len(known) > 1 and (self.is_share or any(known))


@dataclass(frozen=True)
class Step:
    """One step: what it adds, below zero where it takes away, and the text that the table has for it."""

    name: str
    value: Decimal | int
    text: str


@dataclass(frozen=True)
class Waterfall:
    """How an opening became a closing: these two stand on zero, the steps between them where the one before ended."""

    title: str
    steps: tuple[Step, ...]

    @property
    def said(self) -> str:
        return "; ".join(f"{step.name}: {step.text}" for step in self.steps)

    @property
    def has_shape(self) -> bool:
        return any(step.value for step in self.steps)


@lru_cache(maxsize=64)
def draw(drawing: Trend | Waterfall) -> Markup:
    """A drawing that has a shape, as SVG with its name and its numbers in words."""
    import vl_convert  # it and Altair take longer to load than all there is to draw

    chart = _trend(drawing) if isinstance(drawing, Trend) else _waterfall(drawing)
    described = chart.to_dict(validate=False)  # its shape is ours; to check it takes longer than to draw it
    head, _, drawn = vl_convert.vegalite_to_svg(described).partition(">")
    room = head[head.index("viewBox") :]
    named = Markup("<title>{}</title><desc>{}</desc>").format(drawing.title, drawing.said)
    return Markup(f'<svg class="chart" role="img" {room}>{named}{drawn}')


def _trend(trend: Trend) -> Any:
    import altair as alt

    known = [point.value for point in trend.points if point.value is not None]
    floor, top = (max(min(known) - 1, 0), min(max(known) + 1, 100)) if trend.is_share else (0, max(known) or 1)
    last = len(trend.points) - 1
    rows = [
        {
            "month": point.period,
            "value": None if point.value is None else float(point.value),
            "text": point.text if point.value is not None and (last < NUMBERED or place == last) else "",
        }
        for place, point in enumerate(trend.points)
    ]
    left, right, height = 30, 24, 90
    width = WIDTH - left - right
    months = alt.X(
        "month:O",
        axis=alt.Axis(values=[point.period for point in trend.points[:: -ceil(last / 4)]], grid=False),
        scale=alt.Scale(type="point", padding=0, range=[16, width]),
    )
    levels = alt.Y(
        "value:Q",
        axis=alt.Axis(tickCount=min(3, ceil(top)), format="~s" if top >= 100_000 else ",~f"),
        scale=alt.Scale(domain=[float(floor), float(top)]),
    )
    drawn = alt.Chart(alt.Data(values=rows)).encode(months, levels)
    line = drawn.mark_line(stroke=RISES)
    points = drawn.mark_point(shape="circle", size=30, filled=True, fill=RISES, opacity=1)
    numbers = drawn.mark_text(dy=-10, fontSize=TEXT, fill=INK).encode(text="text:N")
    around = {"left": left, "right": right, "top": 16, "bottom": 22}
    return _plain(alt.layer(line, points, numbers), width, height).properties(padding=around)


def _waterfall(waterfall: Waterfall) -> Any:
    import altair as alt

    steps = waterfall.steps
    ends = [*accumulate(step.value for step in steps[:-1]), steps[-1].value]
    kinds = [STANDS, *(FALLS if step.value < 0 else RISES for step in steps[1:-1]), STANDS]
    rows = [
        {
            "name": step.name,
            "text": step.text,
            "from": float(start),
            "to": float(end),
            "colour": kind,
            "next": then.name,
        }
        for step, start, end, kind, then in zip(
            steps, [0, *ends[:-2], 0], ends, kinds, [*steps[1:], steps[-1]], strict=True
        )
    ]
    left = ceil(LETTER * max(len(step.name) for step in steps)) + 6
    right = ceil(LETTER * max(len(step.text) for step in steps)) + 6
    width = max(WIDTH, left + 80 + right)
    across = alt.Scale(domain=[float(min(0, *ends)), float(max(0, *ends))], range=[left, width - right])
    drawn = alt.Chart(alt.Data(values=rows)).encode(
        alt.Y("name:N", sort=None, axis=None, scale=alt.Scale(paddingInner=0.4, paddingOuter=0.2))
    )
    links = drawn.mark_rule(stroke=QUIET).encode(alt.X("to:Q", scale=across, axis=None), y2="next:N")
    bars = drawn.mark_bar().encode(
        alt.X("from:Q", scale=across, axis=None), x2="to:Q", fill=alt.Fill("colour:N", scale=None)
    )
    names = drawn.mark_text(align="left", fontSize=TEXT, fill=INK).encode(x=alt.value(0), text="name:N")
    amounts = drawn.mark_text(align="right", fontSize=TEXT, fill=INK).encode(x=alt.value(width), text="text:N")
    return _plain(alt.layer(links, bars, names, amounts), width, 22 * len(rows)).properties(padding=0)


def _plain(chart: Any, width: int, height: int) -> Any:
    """A chart on no ground of its own, with its places given."""
    import altair as alt

    return (
        chart.properties(width=width, height=height, autosize=alt.AutoSizeParams(type="none"))
        .configure(background="transparent", font="inherit", aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            title=None, domain=False, ticks=False, gridColor=GRID,
            labelColor=QUIET, labelFontSize=TEXT, labelAngle=0, labelPadding=6,
        )
    )  # fmt: skip
