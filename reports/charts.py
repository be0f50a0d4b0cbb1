"""Drawings beside the numbers they show: bars and lines in percent of their room, drawn in the colours of the page.

They stand in the table of their numbers, so that they read the same on a phone, in the dark, on paper and aloud.

Altair and vl-convert were measured for the same drawings: 84 MB to install, 0.9 s of CPU before the first and 0.08 s
for each, where a month's pages take 0.8 s together. A drawing of fixed size with labels of its own does not read on a
phone, its colours do not follow the page, and where its labels stand depends on the fonts of the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

Number = Decimal | int | None


@dataclass(frozen=True)
class Bar:
    """One bar: where it begins and how wide it is, 0 to 100; `falls` where it takes away."""

    start: Decimal
    width: Decimal
    falls: bool = False


def waterfall(steps: Sequence[Decimal], totals: Sequence[int]) -> tuple[Bar, ...]:
    """A bar a step, each where the one before ended; the steps at the places `totals` stand on the ground."""
    level, spans = Decimal(0), []
    for place, step in enumerate(steps):
        start = Decimal(0) if place in totals else level
        level = start + step
        spans.append((min(start, level), max(start, level), step < 0))
    lowest, highest = (
        choose((edge for span in spans for edge in span[:2]), default=Decimal(0)) for choose in (min, max)
    )
    room = highest - lowest or Decimal(1)
    return tuple(
        Bar(_percent((low - lowest) / room), _percent((high - low) / room), falls) for low, high, falls in spans
    )


def line(values: Sequence[Number]) -> tuple[str, ...]:
    """The points of a line from left to right, `x,y` in a room of 100 × 20; a gap where nothing is known."""
    known = [value for value in values if value is not None]
    if not known:
        return ()
    lowest, room = Decimal(min(known)), Decimal(max(known) - min(known)) or Decimal(1)
    step = Decimal(100) / max(len(values) - 1, 1)
    pieces: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(
                f"{_percent(place * step / 100)},{18 - _percent((Decimal(value) - lowest) / room) * 16 / 100:.1f}"
            )
    return tuple(" ".join(piece) for piece in pieces if piece)


def _percent(part: Decimal) -> Decimal:
    return (part * 100).quantize(Decimal("0.1"))
