"""The spares book, its monthly counts, and the cases."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from data.demo import custody
from data.demo.calendar import AUG, JUL, MONTHS, OCT, SEP, month_of, on, pick
from data.demo.company import Company, Line, Row, at
from data.demo.purchasing import CENT

PARTS = (
    "PUMP-24V", "FILTER-H13", "SEAL-KIT-4", "LASER-DIODE", "LENS-50", "BOARD-CTRL", "PSU-480", "FAN-120", "VALVE-3W",
    "SENSOR-PT100", "CABLE-M12", "FUSE-10A", "TONER-BK", "TONER-CY", "SSD-1TB", "RAM-16", "BATTERY-HB", "KEYBOARD-DE",
    "MOUSE-W", "HEADSET-USB", "PATCH-2M", "PATCH-5M", "SFP-10G", "RACK-SCREW", "LABEL-ROLL",
)  # fmt: skip
STORES = ("Hamburg", "Lübeck")
CYCLE = {"A": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10), "B": (2, 4, 6, 8, 10), "C": (1, 7)}
"""In which months of 2026 the lines of a class are counted."""


@dataclass(kw_only=True, eq=False)
class Spare(Line):
    """A line of the spares book; `found` is what a count finds where it is not the book, `uncounted` when none is."""

    found: dict[str, int]
    uncounted: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return "/".join(str(self.fields[name]) for name in ("sku", "location", "bin"))

    @property
    def place(self) -> str:
        return f"{self.fields['sku']}/{self.fields['location']}"


def shelve(company: Company, sku: str, store: str, bin_: str, quantity: int, abc: str, **fields: Any) -> Spare:
    """One more line of the book."""
    named: Row = {
        "sku": sku,
        "location": store,
        "bin": bin_,
        "quantity": quantity,
        "minimum": quantity // 3,
        "maximum": quantity * 2,
        "critical": abc == "A",
        "abc": abc,
        "unit_cost": Decimal(pick(40000, "part", sku) + 500) * CENT,
        "currency": "EUR",
        "description": sku.replace("-", " ").title(),
    }
    spare = Spare(fields=named | fields, found={})
    company.stock.append(spare)
    return spare


def stock_up(company: Company) -> None:
    """A line of every part in one or two stores, in good order."""
    for number, sku in enumerate(PARTS):
        abc = "A" if number < 6 else "B" if number < 14 else "C"
        for store in STORES[: 1 + number % 2]:
            shelve(company, sku, store, f"S{number % 4 + 1}-{number:02d}", 12 + pick(60, sku, store), abc)
    # near-miss: one bin is below its minimum, the store as a whole is not
    shelve(company, "SFP-25G", "Hamburg", "S1-90", 2, "B", minimum=4)
    shelve(company, "SFP-25G", "Hamburg", "S1-91", 9, "B", minimum=4, maximum=12)
    # near-miss: five pieces off are within the tolerance of a C line
    shelve(company, "O-RING-12", "Hamburg", "S3-77", 200, "C", minimum=None, maximum=None).found = {JUL: 195}
    # near-miss: two were taken after the count, so 14 was right
    taken = shelve(company, "GASKET-8", "Hamburg", "S3-78", 14, "A", minimum=3)
    taken.write_in((AUG, SEP, OCT), quantity=12)
    taken.found = {AUG: 14}
    custody.check_out(
        company, company.someone(), on(AUG, 27), None, sku="GASKET-8", quantity=2, from_location="Hamburg",
        due_at="2027-03-31T18:00:00",
    )  # fmt: skip


def count_stock(company: Company) -> None:
    """Count every line in the months of its class, and some by order of a case."""
    for number in range(1, 11):
        month = f"2026-{number:02d}"
        when = on(month, 25 if month in MONTHS else 20)
        for spare in company.stock:
            if isinstance(spare, Spare) and _due(spare, number, month):
                book = spare.row(month_of(when)) | spare.patches.get(month, {})
                found = spare.found.get(month, book["quantity"])
                count_line(company, f"SZ-{month}", when, spare.fields, found)


def _due(spare: Spare, number: int, month: str) -> bool:
    if month in spare.uncounted:
        return False
    return month in spare.found or number in CYCLE[str(spare.fields["abc"])]


def count_line(company: Company, count_id: str, when: date, line: Row, found: object) -> None:
    """What a count found in one bin."""
    row: Row = {"count_id": count_id, **{name: line[name] for name in ("sku", "location", "bin")}}
    company.log("stock_counts", when, row | {"quantity": found, "counted_at": at(when, 15), "counted_by": "P1004"})


# ---- cases -----------------------------------------------------------------------------------------------------------


def plant_spare_cases(company: Company) -> None:
    """All cases of this module."""
    for case in (stock_variance, recurring_variance, below_minimum, overstock, count_overdue, repeat_borrowing):
        case(company)


def stock_variance(company: Company) -> None:
    """Four diodes missing, put right by a booking; parts found in a bin the book does not know."""
    spare = shelve(company, "DIODE-660", "Hamburg", "S2-31", 40, "A", minimum=5)
    spare.write_in((SEP, OCT), quantity=36)
    spare.found = {AUG: 36}
    company.plant("stock-variance", spare.subject, (AUG,), "book 40, counted 36; booked over in September")
    loose: Row = {"sku": "FAN-120", "location": "Hamburg", "bin": "S9-99"}
    count_line(company, f"SZ-{OCT}", on(OCT, 25), loose, 3)
    company.plant("stock-variance", "FAN-120/Hamburg/S9-99", (OCT,), "3 counted, no book line: against 0")


def recurring_variance(company: Company) -> None:
    """The same bin is short two months running."""
    spare = shelve(company, "MIRROR-2IN", "Lübeck", "S2-32", 24, "A", minimum=3)
    spare.found = {AUG: 20, SEP: 19}
    company.plant("stock-variance", spare.subject, (AUG, SEP), "book 24, counted 20, then 19; found again in October")
    company.plant("recurring-variance", spare.subject, (SEP,), "a variance in this count and in the one before")


def below_minimum(company: Company) -> None:
    """Pumps below what must be there; refilled in October."""
    spare = shelve(company, "PUMP-48V", "Hamburg", "S2-33", 3, "A", minimum=5, maximum=20)
    spare.write_in((OCT,), quantity=8)
    company.plant("below-minimum", spare.place, (JUL, AUG, SEP), "book 3, minimum 5, critical and counted below too")
    spare = shelve(company, "LAMP-UV", "Lübeck", "S2-34", 10, "B", minimum=6, maximum=20)
    spare.write_in((SEP, OCT), quantity=4)
    company.plant("below-minimum", spare.place, (SEP, OCT), "book 4, minimum 6")


def overstock(company: Company) -> None:
    """Far more toner than ever needed."""
    spare = shelve(company, "TONER-MG", "Hamburg", "S4-35", 60, "C", minimum=2, maximum=20)
    company.plant("overstock", spare.place, MONTHS, "book 60, maximum 20")


def count_overdue(company: Company) -> None:
    """An A line skipped in July, a B line skipped in June and August."""
    spare = shelve(company, "GRATING-1200", "Hamburg", "S2-36", 9, "A", minimum=2)
    spare.uncounted = (JUL,)
    company.plant("count-overdue", spare.subject, (JUL,), "A line, last count 20 June, 41 days ago")
    spare = shelve(company, "COUPLER-FC", "Lübeck", "S2-37", 30, "B", minimum=5)
    spare.uncounted = ("2026-06", AUG)
    company.plant("count-overdue", spare.subject, (JUL, AUG, SEP), "B line, last count 20 April, more than 90 days ago")


def repeat_borrowing(company: Company) -> None:
    """One engineer borrows the same adapter three times within 90 days."""
    borrower = company.someone()
    for out in (on(JUL, 6), on(JUL, 27), on(AUG, 20)):
        custody.check_out(company, borrower, out, out.replace(day=out.day + 3), sku="PROBE-HV")
    company.plant("repeat-borrowing", f"PROBE-HV/{borrower.person_id}", (AUG, SEP), "three check-outs within 90 days")
