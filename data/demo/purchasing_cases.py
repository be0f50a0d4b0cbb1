"""Planted cases: orders, receipts and the fixed-asset ledger."""

from decimal import Decimal

from data.demo import custody
from data.demo.calendar import AUG, FROM_AUG, FROM_SEP, JUL, MONTHS, OCT, SEP, day, on
from data.demo.company import Company, Model
from data.demo.devices import DEPOT, LAPTOP_G4, LAPTOP_OLD, MONITOR, SCOPE, add
from data.demo.purchasing import LedgerRow, book, order, receipt

CHAIR_MAT = Model("Werkbedarf", "ESD floor mat", "ESD-MAT", "consumable", Decimal("38.50"))
CAMERA = Model("Lumen", "Lumen Cam", "LU-C", "peripheral", Decimal("1249.00"), "USD")
SLATE = Model("Fjell Oy", "Fjell Slate 13", "FJ-S13", "tablet", Decimal("799.00"))
NOTEPAD = Model("Fjell Oy", "Fjell Note", "FJ-N", "tablet", Decimal("489.00"))


def plant_order_cases(company: Company) -> None:
    """Cases that write orders of their own; they come before the orders behind everything else are written."""
    for case in (short_receipt, over_receipt, unordered_receipt, avoidable_purchase, unpurchased_asset):
        case(company)


def plant_ledger_cases(company: Company) -> None:
    """Cases that bend the ledger; they come after it is written."""
    for case in (ledger_ghost, unledgered_asset, ledger_mismatch, written_off_in_use):
        case(company)


def short_receipt(company: Company) -> None:
    """Mats delivered in two parts, the second late; a camera order nobody delivers."""
    order(company, "PO-260610-ESD", CHAIR_MAT, day("2026-06-10"), quantity=10, expected=on(JUL, 10))
    receipt(company, "PO-260610-ESD", on(JUL, 9), quantity=8)
    receipt(company, "PO-260610-ESD", on(SEP, 2), quantity=2)
    company.plant("short-receipt", "PO-260610-ESD/1", (JUL, AUG), "8 of 10 received, expected 10 July")
    order(company, "PO-260820-LU-C", CAMERA, on(AUG, 20), quantity=3)
    company.plant("short-receipt", "PO-260820-LU-C/1", FROM_SEP, "nothing received 30 days after the order")
    # near-misses: a service line without article, a cancelled line, one that is not due yet
    service = Model("", "Installation, 2 days", "", "", Decimal("1480.00"))
    order(company, "PO-260701-SERVICE", service, on(JUL, 1))
    order(company, "PO-260615-LU-C", CAMERA, day("2026-06-15"), quantity=2, cancelled=day("2026-06-20"))
    order(company, "PO-261012-ESD", CHAIR_MAT, on(OCT, 12), quantity=20)


def over_receipt(company: Company) -> None:
    """Twelve mats for an order of ten."""
    order(company, "PO-260728-ESD", CHAIR_MAT, on(JUL, 28), quantity=10)
    receipt(company, "PO-260728-ESD", on(AUG, 11), quantity=12)
    company.plant("over-receipt", "PO-260728-ESD/1", FROM_AUG, "12 received, 10 ordered")


def unordered_receipt(company: Company) -> None:
    """Goods for orders procurement does not know; one order reaches procurement a month later."""
    subject = receipt(company, "PO-269999", on(AUG, 18), quantity=4)
    company.plant("unordered-receipt", subject, FROM_AUG, "PO-269999 is unknown to procurement")
    subject = receipt(company, "PO-260917-ESD", on(SEP, 23), quantity=5)
    order(company, "PO-260917-ESD", CHAIR_MAT, on(OCT, 1), quantity=5)
    company.plant("unordered-receipt", subject, (SEP,), "PO-260917-ESD is first delivered in October")


def avoidable_purchase(company: Company) -> None:
    """Tablets ordered while the same article lies on the shelf; one order is cancelled."""
    add(company, SLATE, DEPOT, status="in_stock", since=day("2026-05-12"))
    order(company, "PO-260818-FJ-S13", SLATE, on(AUG, 18), quantity=2, expected=day("2026-12-01"))
    company.plant("avoidable-purchase", "PO-260818-FJ-S13/1", FROM_AUG, "1 of 2 was on the shelf since 12 May")
    # near-miss: the idle unit already counts for the older order
    order(company, "PO-260904-FJ-S13", SLATE, on(SEP, 4), expected=day("2026-12-01"))
    add(company, NOTEPAD, DEPOT, status="in_stock", since=day("2026-06-08"))
    order(company, "PO-260910-FJ-N", NOTEPAD, on(SEP, 10), expected=day("2026-12-01"), cancelled=on(OCT, 6))
    company.plant("avoidable-purchase", "PO-260910-FJ-N/1", (SEP,), "1 idle since 8 June; cancelled in October")


def unpurchased_asset(company: Company) -> None:
    """An order number nobody knows, and a dear oscilloscope without any."""
    company.unknown_orders.add("PO-24-0777")
    monitor = add(company, MONITOR, DEPOT, po_number="PO-24-0777")
    company.plant("unpurchased-asset", monitor.tag, MONTHS, "procurement knows no PO-24-0777")
    scope = add(company, SCOPE, "Hamburg", po_number="", since=on(AUG, 5), bought=on(AUG, 5))
    company.plant("unpurchased-asset", scope.tag, FROM_AUG, "cost 3200.00 and no purchase order")


def ledger_ghost(company: Company) -> None:
    """A ledger row for a tag nobody knows, and one for a laptop retired more than 90 days ago."""
    row = LedgerRow(
        ledger_id="FA-90001",
        cost=Decimal("1980.00"),
        currency="EUR",
        in_service=day("2025-03-01"),
        listed_from=day("2025-03-01"),
        asset_tag="NW-99017",
    )
    company.ledger.append(row)
    company.plant("ledger-ghost", row.ledger_id, MONTHS, "tag NW-99017 is on no register row, book value left")
    closet = add(company, LAPTOP_G4, DEPOT)
    custody.retire(company, closet, day("2026-06-10"))
    row = book(company, closet)
    company.plant("ledger-ghost", row.ledger_id, FROM_SEP, f"{closet.tag} retired on 10 June, book value left")
    company.plant("undisposed-retiree", closet.tag, FROM_SEP, "retired on 10 June, no disposal record after 90 days")
    # near-miss: retired, but written down to nothing
    old = next(d for d in company.devices if d.model is LAPTOP_OLD)
    book(company, old)


def unledgered_asset(company: Company) -> None:
    """Two laptops finance never capitalised; one row is added in September."""
    for months in (MONTHS, (JUL, AUG)):
        laptop = company.device_of(company.someone(lambda p: company.device_of(p).ownership == "owned"))
        row = _ledger_row(company, laptop.tag)
        row.leave_out(months)
        company.plant("unledgered-asset", laptop.tag, months, f"cost {laptop.model.cost} and no ledger row")


def ledger_mismatch(company: Company) -> None:
    """Transposed digits in the ledger; one of two is corrected in October."""
    for months in (MONTHS, (JUL, AUG, SEP)):
        laptop = company.device_of(company.someone(lambda p: company.device_of(p).ownership == "owned"))
        row = _ledger_row(company, laptop.tag)
        wrong = laptop.model.cost + 180
        row.write_in(months, cost=wrong)
        company.plant("ledger-mismatch", row.ledger_id, months, f"register {laptop.model.cost}, ledger {wrong}")


def written_off_in_use(company: Company) -> None:
    """Finance wrote a laptop off in May; it checks in every day."""
    laptop = company.device_of(company.someone(lambda p: company.device_of(p).ownership == "owned"))
    row = _ledger_row(company, laptop.tag)
    row.disposed = day("2026-05-31")
    company.plant("written-off-in-use", row.ledger_id, MONTHS, f"disposed 31 May, {laptop.tag} still checks in")


def _ledger_row(company: Company, tag: str) -> LedgerRow:
    return next(row for row in company.ledger if isinstance(row, LedgerRow) and row.asset_tag == tag)
