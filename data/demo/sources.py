"""Planted cases: deliveries that are short, late, odd or silent about use (source exceptions)."""

from datetime import timedelta
from hashlib import md5

from data.demo.calendar import AUG, FROM_AUG, FROM_SEP, JUL, MONTHS, OCT, SEP, day, last_day, on
from data.demo.company import Company, Planted, Row, Seat
from data.demo.devices import DEPOT, PROJECTOR, add
from data.demo.licences import Product, anybody, contract, staying

NOT_DELIVERED = {("skizzenblock", SEP)}
CONTROLLED = {
    JUL: last_day(JUL) + timedelta(days=1),
    AUG: last_day(AUG) + timedelta(days=1),
    SEP: last_day(SEP) + timedelta(days=1),
    OCT: last_day(OCT) + timedelta(days=9),
}
"""When the forms console was extracted, as its control file says: in October nine days late."""
DECLARED_MORE = {AUG}
"""In August the file of the forms console lacks a row that its control file counts."""
WORKS_COUNCIL = FROM_SEP
"""From September on HR's report has a column nobody announced."""
UNREADABLE_TICKET: Row = {
    "ticket_id": "HD-OLD-1",
    "kind": "repair",
    "status": "closed",
    "opened_at": "31/02/2026",
    "closed_at": "",
}
"""A ticket of a 31 February, in every export from August on."""


def plant_source_cases(company: Company) -> list[Planted]:
    """Let sources misbehave; gives the source exceptions to expect: rule, subject, period and why."""
    _frozen(company)
    _concealed(company)
    _regressed(company)
    _short(company)
    _spike(company)
    add(company, PROJECTOR, DEPOT, since=on(OCT, 6)).write_in((OCT,), asset_class="Hologramme")
    expected = [
        ("missing-source", "seats/skizzenblock", (SEP,), "the console's list was not dropped"),
        ("control-mismatch", "seats/formwerk", (AUG,), "one row less than the control file declares"),
        ("stale-source", "seats/formwerk", (OCT,), "extracted nine days after the end of the month"),
        ("volume-drop", "seats/umfragewerk", (OCT,), "40 of 60 users"),
        ("incomplete-pull", "seats/umfragewerk", (OCT,), "fewer than 95 % of the keys are still there"),
        ("volume-spike", "seats/prisma", (AUG,), "exported without a filter: 70 viewers who pay nothing"),
        ("schema-drift", "people/hr", (SEP,), "a new column appears"),
        ("quarantined-rows", "tickets/helpdesk", FROM_AUG, "a ticket opened on 31 February"),
        ("duplicate-keys", "assets/register", (AUG, SEP), "one tag with two differing rows"),
        ("unmapped-values", "assets/register", (OCT,), "class 'Hologramme' is no asset class"),
        ("incomplete-count", "counts/counts", (OCT,), "INV26-10-HL scanned 4 of 25 it declares"),
        ("frozen-usage-feed", "Beacon Analytics", (SEP,), "nobody's last use advanced"),
        ("concealed-usage", "Pulse", (OCT,), "addresses are hashed"),
        ("usage-regressed", "Vaultkey", (SEP,), "a last use moved back"),
        ("usage-regressed", "Kanbanero", (OCT,), "a last use became empty"),
    ]
    return [Planted(rule, subject, month, note) for rule, subject, months, note in expected for month in months]


def _seats(company: Company, product: str) -> list[Seat]:
    return [s for s in company.seats if s.product == product and not s.patches and s.person and s.person.stays]


def _frozen(company: Company) -> None:
    """The console of Beacon Analytics shows in September what it showed in August."""
    for seat in [seat for seat in company.seats if seat.product == "Beacon Analytics"]:
        seat.write_in((SEP,), last_active_at=seat.row(AUG)["last_active_at"])


def _concealed(company: Company) -> None:
    """A survey tool under a site licence hides its users behind hashes in October."""
    product = Product("Pulse", "Pulse", "catalogue", "4800.00", "annual", anybody)
    for person in [p for p in company.people if staying(p)][60:72]:
        digest = md5(person.email.encode(), usedforsecurity=False).hexdigest().upper()
        seat = Seat(
            product=product.name,
            console=product.console,
            seat_id=f"u-{person.person_id[1:]}",
            email=person.email,
            name=f"{person.given} {person.family}",
            assigned=day("2025-06-02"),
            person=person,
            paid=False,
        )
        seat.write_in((OCT,), seat_id=digest, email=digest, display_name=digest, last_active_at="")
        company.seats.append(seat)
    contract(company, product, 1, metric="site")


def _regressed(company: Company) -> None:
    """A last use that moves back, and one that disappears; neither makes a seat idle."""
    _seats(company, "Vaultkey")[40].write_in((SEP,), last_active_at=on(JUL, 3))
    _seats(company, "Kanbanero")[40].write_in((OCT,), last_active_at="")


def _short(company: Company) -> None:
    """A third of one console's list is cut off in October; nobody lost anything."""
    for seat in [seat for seat in company.seats if seat.product == "Umfragewerk"][40:]:
        seat.leave_out((OCT,))


def _spike(company: Company) -> None:
    """Viewers who pay nothing are in the August export only."""
    for number in range(70):
        viewer = Seat(
            product="Prisma Viewer",
            console="prisma",
            seat_id=f"v-{number:04d}",
            email=f"viewer{number}@partner.example",
            name=f"Viewer {number}",
            assigned=day("2026-01-12"),
            paid=False,
        )
        viewer.leave_out(month for month in MONTHS if month != AUG)
        company.seats.append(viewer)
