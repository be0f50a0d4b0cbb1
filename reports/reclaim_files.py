"""The licence reclaim for finance as a workbook and as CSV: the figures of the page, to the cent."""

from typing import Any

from reports import listing
from reports.about import About
from reports.listing import Column
from reports.reclaim import COLUMNS, Reclaim
from reports.workbook import Sheets
from tieout import spreadsheet

SEATS = tuple(column for column in COLUMNS if column.name not in ("subject", "may"))
KEYS = (Column("period", "Period"), Column("seat_id", "Seat"))
TOTAL = ("Seats", "Unvalued", "A year", "Now", "At renewal", "This year", "Next year")


def as_csv(page: Reclaim, about: About) -> bytes:
    """Every candidate, one a line: amounts as exact text, and no text that a spreadsheet takes for a formula."""
    columns = (*KEYS, *SEATS)
    text = listing.as_text(columns, page.seats, about.reporting_currency)
    return f"\ufeff{spreadsheet.as_csv(text)}".encode()


def as_workbook(page: Reclaim, about: About) -> bytes:
    """A sheet for the totals, and one each for candidates, lines, renewals, the ladder, the roll-forward and rates."""
    home = about.reporting_currency
    said = page.savings
    with Sheets(about) as book:
        front: list[tuple[Any, ...]] = [
            (f"Licence reclaim {about.period}",),
            (about.organisation, f"as of {about.today}", f"reported in {home}"),
            (),
            ("", *TOTAL),
            _cells(page.identified),
        ]
        for title, totals in (
            ("By product", page.by_product), ("By vendor", page.by_vendor), ("By contract line", page.by_contract),
            ("By cost centre", page.by_cost_center), ("By reason", page.by_reason),
        ):  # fmt: skip
            front += [(), (title, *TOTAL), *map(_cells, totals)]
        front += [
            (),
            ("Sign-off",),
            ("Prepared by, on",),
            ("Reviewed for finance by, on",),
            (page.signed or "not signed",),
        ]
        book.lines("Summary", front)
        listed = (*KEYS, *SEATS)
        book.table("Candidates", listed, page.seats)
        book.lines("Lines", [
            ("Contract", "Line", "Vendor", "Product", "Plan", "Ends", "Minimum", "Quantity", "Kept", "Reclaimable",
             "Unassigned", "Currency", "Unit a year", "Reclaimable, as contracted", "Unassigned, as contracted",
             f"Reclaimable ({home})", f"Unassigned ({home})"), *map(_cells, page.positions),
        ])  # fmt: skip
        book.lines("Renewals", [
            ("Decide by", "Ends", "Within 60 days", "Renews by itself", "Product", "Vendor", "Line", "Owner",
             "Quantity", "A year, as contracted", "Currency", f"A year ({home})", "May be given back",
             f"Saves a year ({home})"),
            *map(_cells, page.renewals),
        ])  # fmt: skip
        book.lines("Ladder", [
            ("Step", "Meaning", "Units", "Unvalued", f"Value ({home})"),
            *map(_cells, (*said.ladder, *said.standing)), (),
            ("Seat or line", "Step", "Because", "Units", f"A year ({home})", "Approved", "Released", "Realised",
             "Amount", "Currency", "Rate"), *map(_cells, said.followed),
        ])  # fmt: skip
        book.lines("Roll-forward", [
            ("Cause", "Meaning", "Units", *said.currencies, f"Value ({home})"),
            *((cause.name, cause.meaning, cause.units, *cause.amounts, cause.value) for cause in said.causes), (),
            ("Cause", "Seat or line", "Because", "Units", f"Value ({home})"),
            *((cause.name, *row) for cause in said.causes for row in cause.rows),
        ])  # fmt: skip
        book.lines("Beyond contract", [
            ("Exception", "What", "Subject", f"Value ({home})"),
            *map(_cells, (*page.exposures, *page.overcharges)), (),
            ("Unobserved product", "Vendor", "Line", "Counted per", "Quantity", "A year, as contracted", "Currency",
             f"A year ({home})"), *map(_cells, page.unobserved),
        ])  # fmt: skip
        book.lines("Rates", [("Currency", f"{home} for one", "Rate of"), *map(_cells, page.rates)])
    return book.content


def _cells(row: object) -> tuple[Any, ...]:
    """The fields of a row, in their order; `dataclasses.astuple` would copy each of them."""
    return tuple(vars(row).values())
