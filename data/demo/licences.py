"""Products, their contracts, seats and invoices, in good order; the cases are in licence_cases."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from data.demo.calendar import AUG, JUL, MONTHS, OCT, SEP, day, last_day, month_of, on, pick
from data.demo.company import Company, Line, Person, Row, Seat, listed
from data.demo.people import DOMAIN

YEAR = (day("2026-01-01"), day("2026-12-31"))
PERIODS = {"monthly": 12, "quarterly": 4, "annual": 1}


def in_office(person: Person) -> bool:
    return person.in_office and person.licensed


def on_the_floor(person: Person) -> bool:
    return not person.in_office and person.licensed


def anybody(person: Person) -> bool:
    return person.licensed


def of(*departments: str) -> Callable[[Person], bool]:
    """Those of some departments who stay all the time."""
    return lambda person: person.department in departments and person.stays and person.licensed


def staying(person: Person) -> bool:
    return person.in_office and person.stays and person.licensed


@dataclass(frozen=True)
class Product:
    """What one price line buys, who gets it, and where its console's list comes from."""

    name: str
    vendor: str
    console: str
    price: str
    billing: str
    users: Callable[[Person], bool]
    limit: int = 1000
    currency: str = "EUR"
    auto_renew: bool = False
    bill: str = ""  # how it is invoiced: empty = as priced, twelfths = an annual price by the month


PRODUCTS = (
    Product("Papyrus 365 E3", "Papyrus Europe", "papyrus", "414.00", "annual", in_office, bill="twelfths"),
    Product("Papyrus 365 F1", "Papyrus Europe", "papyrus", "4.20", "monthly", on_the_floor),
    Product("Papyrus Mail", "Papyrus Europe", "papyrus", "3.10", "monthly", of("Production"), 24),
    Product("Papyrus Diagram", "Papyrus Europe", "papyrus", "13.50", "monthly", of("Research", "Quality"), 40),
    Product("Signalhaus Business", "Signalhaus AG", "signalhaus", "11.75", "monthly", in_office),
    Product("Codeschmiede Team", "Codeschmiede Inc", "codeschmiede", "19.00", "monthly", of("Engineering", "IT"), 120,
            currency="USD"),
    Product("Codeschmiede Pair", "Codeschmiede Inc", "codeschmiede", "10.00", "monthly", of("Engineering"), 60,
            currency="USD"),
    Product("Salesbridge CRM", "Salesbridge Ltd", "salesbridge", "225.00", "quarterly", of("Sales"), currency="GBP"),
    Product("TimeTally", "Zeitwerk GmbH", "catalogue", "2.40", "monthly", anybody),
    Product("Vaultkey", "Vaultkey Oy", "catalogue", "48.00", "annual", in_office, auto_renew=True),
    Product("Klarsicht Meetings", "Klarsicht", "catalogue", "96.00", "annual", staying, 180),
    Product("Kanbanero", "Kanbanero SL", "catalogue", "84.00", "annual", staying, 210),
    Product("Lernwelt", "Lernwelt eG", "catalogue", "36.00", "annual", staying, 312),
    Product("Signum", "Signum AS", "catalogue", "72.00", "annual", staying, 145),
    Product("Zephyr CAD", "Zephyr Design", "catalogue", "1890.00", "annual", of("Research"), 30, currency="GBP"),
    Product("Figura Design", "Figura Inc", "catalogue", "45.00", "monthly", of("Marketing", "Research"), 30,
            currency="USD"),
    Product("Insight BI", "Insight SAS", "catalogue", "118.80", "annual", of("Finance", "Sales"), 90),
    Product("Beacon Analytics", "Beacon", "catalogue", "310.00", "annual", of("Marketing", "Quality"), 16),
    Product("Skizzenblock", "Skizzenblock", "skizzenblock", "60.00", "annual", of("Research"), 14),
    Product("Formwerk", "Formwerk", "formwerk", "75.00", "annual", of("Quality", "Finance"), 18),
    Product("Umfragewerk", "Umfragewerk", "umfragewerk", "24.00", "annual", of("Sales", "Marketing"), 60),
    Product("Prisma Viewer", "Prisma", "prisma", "30.00", "annual", of("Engineering"), 55),
)  # fmt: skip


def license_everybody(company: Company) -> None:
    """Give everybody the seats of the job, for as long as the job lasts."""
    for product in PRODUCTS:
        for person in [p for p in company.people if product.users(p)][: product.limit]:
            give_seat(company, product, person)
    _guests_and_robots(company)
    _grow(company)


def named(name: str) -> Product:
    return next(product for product in PRODUCTS if product.name == name)


def give_seat(company: Company, product: Product, person: Person, **fields: Any) -> Seat:
    """A seat from the day after the first day at work to the last one."""
    alias = person.other_emails and pick(4, "seat", product.console, person.person_id) == 0
    values: Row = {
        "product": product.name,
        "console": product.console,
        "seat_id": f"u-{person.person_id[1:]}",
        "email": person.other_emails[0] if alias else person.email,
        "name": f"{person.given} {person.family}",
        "assigned": max(person.start + timedelta(days=1), day("2024-01-08")),
        "person": person,
        "removed": None if person.end is None or person.keeps_seats else person.end + timedelta(days=1),
    }
    seat = Seat(**(values | fields))
    if seat.removed is None or seat.removed > day("2026-07-01"):
        company.seats.append(seat)
    return seat


def _guests_and_robots(company: Company) -> None:
    """Near-misses: seats of guest and service accounts, a suspended seat nobody bills, one that is billed."""
    for number in range(1, 5):
        _nobodys(company, "Signalhaus Business", f"gast{number}@partner.example")
    for name in ("svc-ci", "svc-backup"):
        _nobodys(company, "Codeschmiede Team", f"{name}@{DOMAIN}")
    former = next(p for p in company.people if p.end and day("2025-01-01") < p.end < day("2026-06-01"))
    gone = give_seat(company, named("Kanbanero"), former, status="suspended", removed=None)
    gone.write_in(MONTHS, last_active_at="2025-01-10")
    paused = next(s for s in company.seats if s.product == "Salesbridge CRM")
    paused.status = "suspended"  # billed all the same: bills_suspended


def _nobodys(company: Company, product: str, email: str) -> None:
    company.seats.append(
        Seat(
            product=product,
            console=named(product).console,
            seat_id=f"x-{len(company.seats):05d}",
            email=email,
            name=email.partition("@")[0],
            assigned=day("2025-05-05"),
        )
    )


def _grow(company: Company) -> None:
    """More people get Kanbanero in August and Signum in September."""
    for name, count, month in (("Kanbanero", 10, AUG), ("Signum", 10, SEP)):
        product = named(name)
        has = {seat.person for seat in company.seats if seat.product == name}
        for person in [p for p in company.people if staying(p) and p not in has][:count]:
            give_seat(company, product, person, assigned=on(month, 4))


# ---- contracts and invoices ------------------------------------------------------------------------------------------


def assigned(company: Company, name: str, month: str) -> int:
    """Paid seats of a product at the end of a month."""
    bills_suspended = name == "Salesbridge CRM"
    rows = listed([seat for seat in company.seats if seat.product == name], month)
    return sum(bool(row["paid"]) and (row["status"] != "suspended" or bills_suspended) for row in rows)


def contract(company: Company, product: Product, quantity: int, *, since: str = JUL, **fields: Any) -> Line:
    """One contract line, by default for the calendar year."""
    number = f"C-{len({line.fields['contract_id'] for line in company.lines}) + 1001}"
    values: Row = {
        "contract_id": number,
        "line_no": "1",
        "vendor": product.vendor,
        "product": product.name,
        "plan": "",
        "metric": "user",
        "quantity": quantity,
        "minimum_quantity": None,
        "unit_price": product.price,
        "currency": product.currency,
        "billing_period": product.billing,
        "term_start": YEAR[0],
        "term_end": YEAR[1],
        "committed_until": None,
        "auto_renew": product.auto_renew,
        "notice_days": 30,
        "reduction": "anytime" if product.billing == "monthly" else "renewal_only",
        "refund": "none",
        "owner": "licences",
        "cost_center": "4100",
    }
    line = Line(fields=values | fields, since=since)
    company.lines.append(line)
    return line


SPECIAL = ("Klarsicht Meetings", "Kanbanero", "Lernwelt", "Signum", "Figura Design")


def sign_contracts(company: Company) -> None:
    """A contract for every product that fits its seats, and those with a history of their own."""
    for product in PRODUCTS:
        if product.name not in SPECIAL:
            contract(company, product, max(assigned(company, product.name, month) for month in MONTHS))
    # near-miss: a renewal under a new contract that begins before the old one ends is a succession
    meetings = named("Klarsicht Meetings")
    contract(company, meetings, 180, term_end=day("2026-08-31"))
    contract(company, meetings, 180, since=AUG, term_start=day("2026-08-15"), term_end=day("2027-08-14"))
    # near-miss: a top-up from another contract that is needed
    board = named("Kanbanero")
    contract(company, board, assigned(company, board.name, JUL))
    extra = assigned(company, board.name, AUG) - assigned(company, board.name, JUL)
    contract(company, board, extra, since=AUG, term_start=on(AUG, 1), term_end=day("2027-07-31"))
    # near-misses: what no console lists is unobserved spend, not shelfware
    support = Product("Granit Support Gold", "Granit", "", "18400.00", "annual", anybody)
    contract(company, support, 1, metric="site")
    shield = Product("Endpunkt Shield", "Endpunkt AG", "", "2.10", "monthly", anybody)
    contract(company, shield, 480, metric="device")


def bill_everything(company: Company) -> None:
    """Invoice every line as its contract says: a year, a quarter, a month, or a twelfth at a time."""
    twelfths = {product.name for product in PRODUCTS if product.bill == "twelfths"}
    for line in list(company.lines):
        terms = line.fields
        start, last = _day(terms["term_start"]), min(_day(terms["term_end"]), last_day(OCT))
        a_year = PERIODS[str(terms["billing_period"])]
        months = 1 if terms["product"] in twelfths else 12 // a_year
        yearly = Decimal(str(terms["unit_price"])) * a_year * Decimal(str(terms["quantity"]))
        while start <= last:
            end = min(_months_later(start, months) - timedelta(days=1), _day(terms["term_end"]))
            # near-miss: the successor of a contract is billed by the old one until that ends
            if start >= YEAR[0] and start != day("2026-08-15"):
                whole = (end.year - start.year) * 12 + end.month - start.month + (end.day >= start.day)
                invoice(company, line, start, end, yearly * whole / 12)
            start = _months_later(start, months)


def _day(value: object) -> date:
    assert isinstance(value, date)
    return value


def _months_later(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(year=year, month=month + 1)


def invoice(company: Company, line: Line, start: date, end: date, amount: Decimal, **fields: Any) -> str:
    """One invoice line under a contract line; gives its subject, invoice_id/line_no."""
    number = company.number("invoices", "RE")
    row: Row = {
        "invoice_id": number,
        "line_no": "1",
        **{name: line.fields[name] for name in ("vendor", "product", "contract_id", "quantity", "currency")},
        "period_start": start,
        "period_end": end,
        "invoiced_on": start,
        "kind": "subscription",
        "amount": amount.quantize(Decimal("0.01")),
    }
    # a line that reaches the books late is billed late
    company.log("invoices", start, row | fields, since=max(line.since, month_of(start)))
    return f"{number}/1"


def reassign(company: Company) -> None:
    """Seats that change hands, properly logged."""
    for month in MONTHS:
        for product in ("Papyrus Diagram", "Zephyr CAD", "Insight BI"):
            reassignment(company, product, on(month, 11))


def reassignment(company: Company, product: str, when: date, **fields: Any) -> Row:
    """One entry of the log."""
    users = [seat.person for seat in company.seats if seat.product == product and seat.person]
    row: Row = {
        "event_id": company.number("license_moves", "LM"),
        "product": product,
        "from_person": users[when.month].person_id,
        "to_person": users[when.month + 1].person_id,
        "quantity": 1,
        "occurred_at": f"{when}T09:30:00",
        "reason": "change of role",
        "approved_by": company.approver.person_id,
    }
    company.log("license_moves", when, row | fields)
    return row | fields
