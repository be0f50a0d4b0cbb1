"""Planted cases: seats, positions, bills and licence moves."""

from decimal import Decimal

from data.demo.calendar import AUG, FROM_AUG, FROM_SEP, JUL, MONTHS, OCT, SEP, day, on, pick
from data.demo.company import Account, Company, Event, Line, Person, Row, Seat
from data.demo.licences import (
    Product,
    anybody,
    assigned,
    contract,
    give_seat,
    invoice,
    named,
    reassignment,
    staying,
)
from data.demo.people import DOMAIN, newcomer


def plant_seat_cases(company: Company) -> None:
    """Cases in the consoles' lists; they come before contracts are fitted to the seats."""
    for case in (
        leaver_seat,
        deprovisioned_seat,
        duplicate_seat,
        bundled_seat,
        unused_seat,
        inactive_seat,
        stranger_seat,
        conflicting_person,
    ):
        case(company)


def plant_position_cases(company: Company) -> None:
    """Cases of contracts; each product here has a history of its own."""
    for case in (
        unassigned_seats,
        overassigned_seats,
        uncontracted_product,
        phantom_renewal,
        overlapping_entitlement,
        avoidable_top_up,
    ):
        case(company)


def plant_bill_cases(company: Company) -> None:
    """Cases of invoices and of the log of licence moves; they come after everything else is billed."""
    for case in (overbilled, billed_without_contract, incomplete_license_move):
        case(company)


# ---- seats -----------------------------------------------------------------------------------------------------------


def leaver_seat(company: Company) -> None:
    """Somebody left on 14 August and kept everything: every seat is a case."""
    leaver = next(p for p in company.people if p.keeps_seats)
    for seat in [seat for seat in company.seats if seat.person is leaver]:
        seat.write_in(FROM_AUG, last_active_at=on(AUG, 13))
        company.plant(
            "leaver-seat", f"{seat.product}/{seat.seat_id}", FROM_AUG, f"{leaver.person_id} left on {leaver.end}"
        )


def deprovisioned_seat(company: Company) -> None:
    """A contractor's account is suspended, the contractor is not; the seats go on."""
    person = newcomer(company, day("2025-10-01"), "Production")
    person.employment_type, person.licensed = "contractor", False
    suspended = Account(
        account_id="c7d1a6b2-0000-4000-8000-000000000001",
        username=person.username,
        email=person.email,
        display_name=f"{person.given} {person.family}",
        created=day("2025-10-01"),
        closed=on(AUG, 17),
    )
    company.accounts.append(suspended)
    for name in ("Kanbanero", "Signalhaus Business"):
        seat = give_seat(company, named(name), person)
        company.plant(
            "deprovisioned-seat", f"{name}/{seat.seat_id}", FROM_AUG, f"no active account of {person.person_id}"
        )


def duplicate_seat(company: Company) -> None:
    """Two people have a second seat under a former address; one is removed in September."""
    pairs = [p for p in company.people if p.other_emails and staying(p) and _has(company, p, "TimeTally")]
    for number, (person, months) in enumerate(((pairs[3], MONTHS), (pairs[4], (JUL, AUG)))):
        own = next(s for s in company.seats if s.person is person and s.product == "TimeTally")
        own.email = person.email
        second = give_seat(
            company,
            named("TimeTally"),
            person,
            seat_id=f"u-9{number:03d}",
            email=person.other_emails[0],
            removed=None if months == MONTHS else on(SEP, 3),
        )
        for month, last in ((JUL, "2026-07-10"), (AUG, "2026-08-10"), (SEP, "2026-09-10"), (OCT, "2026-10-10")):
            second.write_in((month,), last_active_at=last)
        company.plant(
            "duplicate-seat", f"TimeTally/{second.seat_id}", months, f"{own.seat_id} of {person.person_id} stays"
        )


def _has(company: Company, person: Person, product: str) -> bool:
    return any(seat.person is person and seat.product == product for seat in company.seats)


def bundled_seat(company: Company) -> None:
    """The suite includes mail, and somebody has both."""
    person = company.someone()
    seat = give_seat(company, named("Papyrus Mail"), person, assigned=on(AUG, 5))
    company.plant("bundled-seat", f"Papyrus Mail/{seat.seat_id}", FROM_AUG, "Papyrus 365 E3 includes Papyrus Mail")


def unused_seat(company: Company) -> None:
    """Never used: one since spring, one is used at last in October."""
    for name, months in (("Zephyr CAD", MONTHS), ("Insight BI", (JUL, AUG, SEP))):
        seat = _seat(company, name)
        seat.assigned = day("2026-04-20")
        seat.write_in(months, last_active_at="Never")
        company.plant("unused-seat", f"{name}/{seat.seat_id}", months, "assigned on 20 April, never used")
    # near-miss: assigned on the last day of September, not used yet
    fresh = give_seat(company, named("Papyrus Diagram"), company.someone(), assigned=on(SEP, 29))
    fresh.write_in((SEP, OCT), last_active_at="Never")


def inactive_seat(company: Company) -> None:
    """Idle for more than 90 days: all the time, for one month, and twice."""
    for name, last, months in (
        ("Codeschmiede Team", dict.fromkeys(MONTHS, "2026-03-15"), MONTHS),
        ("Vaultkey", dict.fromkeys((JUL, AUG, SEP), "2026-06-20"), (SEP,)),
        ("Signalhaus Business", {JUL: "2026-04-02"} | dict.fromkeys(FROM_AUG, "2026-08-01"), (JUL, OCT)),
    ):
        seat = _seat(company, name)
        for month, when in last.items():
            seat.write_in((month,), last_active_at=when)
        company.plant("inactive-seat", f"{name}/{seat.seat_id}", months, "last use more than 90 days before")
    # near-miss: CAD is used by the project; the workspace allows it 180 days
    seat = _seat(company, "Zephyr CAD")
    seat.write_in(MONTHS, last_active_at="2026-05-20")


def _seat(company: Company, product: str) -> Seat:
    """A seat of a product that plays no other part."""
    free = [s for s in company.seats if s.product == product and s.person and s.person.stays and not s.patches]
    return free[pick(len(free), "case", product)]


def stranger_seat(company: Company) -> None:
    """A freelancer's private address has a paid seat."""
    for number, (name, months) in enumerate((("Kanbanero", MONTHS), ("Codeschmiede Team", (SEP, OCT)))):
        seat = Seat(
            product=name,
            console=named(name).console,
            seat_id=f"f-{number + 1:03d}",
            email=f"freelance{number}@post.example",
            name="Freelance",
            assigned=on(months[0], 2) if months != MONTHS else day("2026-02-02"),
        )
        company.seats.append(seat)
        company.plant("stranger-seat", f"{name}/{seat.seat_id}", months, "the address is nobody's")


def conflicting_person(company: Company) -> None:
    """Two people list one shared address as their own, and a seat is bought for it."""
    one, other = company.someone(), company.someone()
    for person in (one, other):
        person.shared_emails = (f"team.optik@{DOMAIN}",)
    seat = Seat(
        product="Kanbanero",
        console="catalogue",
        seat_id="t-001",
        email=f"team.optik@{DOMAIN}",
        name="Team Optik",
        assigned=day("2026-03-02"),
    )
    company.seats.append(seat)
    company.plant(
        "conflicting-person", "Kanbanero/t-001", MONTHS, f"address of both {one.person_id} and {other.person_id}"
    )


# ---- positions -------------------------------------------------------------------------------------------------------


def _team(company: Company, product: Product, count: int, start: str = JUL) -> None:
    """Give a product to some people who stay."""
    for person in [p for p in company.people if staying(p)][30 : 30 + count]:
        give_seat(company, product, person, assigned=day("2025-03-03") if start == JUL else on(start, 3))


def unassigned_seats(company: Company) -> None:
    """A third of the whiteboards was never handed out."""
    product = Product("Brainwave", "Brainwave", "catalogue", "54.00", "annual", anybody)
    _team(company, product, 40)
    line = contract(company, product, 60)
    company.plant("unassigned-seats", _subject(line), MONTHS, "60 bought, 40 assigned")


def overassigned_seats(company: Company) -> None:
    """Four designers more than bought, in August and September; topped up in October."""
    product = named("Figura Design")
    line = contract(company, product, assigned(company, product.name, JUL))
    has = {seat.person for seat in company.seats if seat.product == product.name}
    for person in [p for p in company.people if staying(p) and p not in has][:4]:
        give_seat(company, product, person, assigned=on(AUG, 6))
    same = line.fields["contract_id"]
    contract(company, product, 4, since=OCT, contract_id=same, line_no="2", term_start=on(OCT, 1))
    company.plant("overassigned-seats", product.name, (AUG, SEP), "34 assigned, 30 in force; 4 more from October")


def uncontracted_product(company: Company) -> None:
    """Shadow IT since August; and a contract that lapsed for two weeks before it was renewed."""
    shadow = Product("Scribbly", "Scribbly", "catalogue", "0", "monthly", anybody)
    _team(company, shadow, 11, AUG)
    company.plant("uncontracted-product", "Scribbly", FROM_AUG, "11 paid seats, no entitlement")
    rooms = Product("Klarsicht Rooms", "Klarsicht", "catalogue", "132.00", "annual", anybody)
    _team(company, rooms, 12)
    contract(company, rooms, 12, term_start=day("2025-09-16"), term_end=day("2026-09-15"))
    contract(company, rooms, 12, since=OCT, term_start=day("2026-09-16"), term_end=day("2027-09-15"))
    company.plant(
        "uncontracted-product", rooms.name, (SEP,), "contract ended on 15 September, renewal in October's books"
    )


def phantom_renewal(company: Company) -> None:
    """Renews by itself on 1 December; the notice is due on 1 October; 15 of 50 seats are nobody's."""
    product = Product("Datenfluss", "Datenfluss", "catalogue", "240.00", "annual", anybody, auto_renew=True)
    _team(company, product, 35)
    start, end = day("2025-12-01"), day("2026-11-30")
    line = contract(company, product, 50, term_start=start, term_end=end, notice_days=60)
    company.plant("unassigned-seats", _subject(line), MONTHS, "50 bought, 35 assigned")
    company.plant("phantom-renewal", _subject(line), FROM_AUG, "notice by 1 October, 35 of 50 seats used")


def overlapping_entitlement(company: Company) -> None:
    """The contract of a team that joined was never ended; it runs out in September."""
    product = named("Lernwelt")
    contract(company, product, max(assigned(company, product.name, month) for month in MONTHS) + 4)
    contract(company, product, 40, term_end=on(SEP, 20))
    company.plant("overlapping-entitlement", product.name, (JUL, AUG), "everybody fits in the larger contract")


def avoidable_top_up(company: Company) -> None:
    """Five more were bought in September while five lay unassigned in August."""
    product = named("Signum")
    line = contract(company, product, assigned(company, product.name, AUG) + 5)
    same = line.fields["contract_id"]
    added = contract(company, product, 5, since=SEP, contract_id=same, line_no="2", term_start=on(SEP, 1))
    company.plant("avoidable-top-up", _subject(added), FROM_SEP, "5 unassigned at the end of August would have done")


def _subject(line: Line) -> str:
    return f"{line.fields['contract_id']}/{line.fields['line_no']}"


# ---- bills -----------------------------------------------------------------------------------------------------------


def _bill(company: Company, product: str, month: str) -> int:
    """Where the invoice of a product for a month stands among the events."""
    return next(
        number
        for number, event in enumerate(company.events["invoices"])
        if event.row["product"] == product and event.row["period_start"] == on(month, 1)
    )


def overbilled(company: Company) -> None:
    """Five seats too many in August; a price nobody agreed to in September, credited in October."""
    for product, month, months, note in (
        ("Codeschmiede Pair", AUG, FROM_AUG, "5 more than in force"),
        ("Signalhaus Business", SEP, (SEP,), "12.95 instead of 11.75 a seat; credited in October"),
    ):
        place = _bill(company, product, month)
        row = company.events["invoices"][place].row
        quantity = int(str(row["quantity"]))
        wrong: Row = {"quantity": quantity + 5, "amount": Decimal("10.00") * (quantity + 5)}
        if product == "Signalhaus Business":
            wrong = {"amount": Decimal("12.95") * quantity}
        company.events["invoices"][place] = Event(row | wrong, month)
        company.plant("overbilled", f"{row['invoice_id']}/1", months, note)
    line = next(line for line in company.lines if line.fields["product"] == "Signalhaus Business")
    excess = Decimal("1.20") * int(str(line.fields["quantity"]))
    number = len(company.events["invoices"])
    invoice(company, line, on(SEP, 1), on(SEP, 30), -excess, kind="credit", quantity=0, invoiced_on=on(OCT, 6))
    credit = company.events["invoices"][number]
    company.events["invoices"][number] = Event(credit.row, OCT)


def billed_without_contract(company: Company) -> None:
    """A bill for something nobody ordered, and one for a contract that ended the day before."""
    ended = Product("Wortlaut", "Wortlaut", "", "15.00", "monthly", anybody)
    line = contract(company, ended, 8, term_end=on(JUL, 31))
    for month in (JUL, AUG):
        subject = invoice(company, line, on(month, 1), on(month, 31), Decimal("120.00"))
    company.plant("billed-without-contract", subject, FROM_AUG, "contract ended on 31 July, August was billed")
    photos = Line(fields=line.fields | {"vendor": "Stocklicht", "product": "Stocklicht", "contract_id": ""})
    subject = invoice(company, photos, on(SEP, 1), on(SEP, 30), Decimal("240.00"))
    company.plant("billed-without-contract", subject, FROM_SEP, "no entitlement of Stocklicht")


def incomplete_license_move(company: Company) -> None:
    """Entries without a reason; one is completed in October."""
    row = reassignment(company, "Insight BI", on(JUL, 20), reason="")
    company.plant("incomplete-license-move", str(row["event_id"]), MONTHS, "no reason")
    row = reassignment(company, "Insight BI", on(SEP, 21), to_person="")
    moves = company.events["license_moves"]
    moves[-1] = Event(row, SEP, OCT)
    moves.append(Event(row | {"to_person": company.people[40].person_id}, OCT))
    company.plant("incomplete-license-move", str(row["event_id"]), (SEP,), "no receiver; completed in October")
