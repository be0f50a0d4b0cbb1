"""The people of the sample company, their accounts, and what goes wrong with them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from data.demo.calendar import AUG, FROM_AUG, FROM_SEP, JUL, MONTHS, OCT, SEP, day, on, pick
from data.demo.company import Account, Company, Person, Row
from data.demo.names import everyone, folded

DOMAIN = "nordwind.example"
DEPARTMENTS = {
    "IT": 25,
    "Engineering": 110,
    "Sales": 70,
    "Research": 45,
    "Operations": 30,
    "Marketing": 25,
    "Finance": 25,
    "Quality": 15,
    "Human Resources": 15,
    "Production": 40,
}
PLACES = ("Hamburg",) * 9 + ("Berlin",) * 3 + ("München",) * 3 + ("London",) * 2 + ("Boston",) * 2 + ("Remote",) * 2


def populate(company: Company) -> None:
    """Fill the company: about 400 people, leavers and joiners of every month, accounts, near-misses and cases."""
    names = iter(everyone())
    for department, size in DEPARTMENTS.items():
        for _ in range(size):
            _hire(company, next(names), department, _tenure(company), _place(company, department))
    heads = {person.department: person.person_id for person in reversed(company.people)}
    for person in company.people[1:]:
        head = heads[person.department]
        person.manager_id = head if head != person.person_id else company.people[0].person_id
    _former(company, names)
    _on_leave(company)
    _contractors(company)
    _leave_and_join(company, names)
    _rehired(company)
    _last_day_is_today(company)
    for person in company.people:
        if person.in_office and not any(a.email == person.email and not a.closed for a in company.accounts):
            open_account(company, person)
    _other_accounts(company)
    for case in (vanished_person, conflicting_person, live_account_of_leaver, stranger_account):
        case(company)


def _tenure(company: Company) -> date:
    return day("2015-02-01") + timedelta(days=pick(3900, "start", len(company.people)))


def _place(company: Company, department: str) -> str:
    if department in {"Production", "IT"}:
        return "Hamburg"
    return PLACES[pick(len(PLACES), "place", len(company.people))]


def _hire(company: Company, name: tuple[str, str], department: str, start: date, place: str) -> Person:
    given, family = name
    number = len(company.people)
    address = f"{folded(given)}.{folded(family)}"
    former = (f"{address}@altwind.example",) if pick(9, "alias", number) == 0 else ()
    person = Person(
        person_id=f"P{1001 + number}",
        given=given,
        family=family,
        email=f"{address}@{DOMAIN}",
        username=f"{folded(given)[:2]}{folded(family)[:5]}{number:03d}",
        start=start,
        department=department,
        location=place,
        cost_center=f"{4100 + 100 * list(DEPARTMENTS).index(department)}",
        other_emails=former,
        manager_id=company.people[0].person_id if company.people else "",
    )
    company.people.append(person)
    return person


def open_account(company: Company, person: Person, **fields: Any) -> Account:
    """Give a person the directory account that follows his or her employment."""
    named: Row = {
        "account_id": str(UUID(int=pick(2**32, "account", person.person_id) << 64 | len(company.accounts))),
        "username": person.username,
        "email": person.email,
        "display_name": f"{person.given} {person.family}",
        "created": person.start,
        "person_id": person.person_id if pick(3, "employee id", person.person_id) else "",
        "aliases": person.other_emails,
        "closed": person.end and person.end + timedelta(days=1),
    }
    account = Account(**(named | fields))
    company.accounts.append(account)
    return account


def newcomer(company: Company, start: date, department: str = "Sales", place: str = "Hamburg") -> Person:
    """Hire one more person with a name nobody has yet."""
    name = everyone()[len(company.people) + 40]
    person = _hire(company, name, department, start, place)
    if person.in_office:
        open_account(company, person)
    return person


def _former(company: Company, names: Iterator[tuple[str, str]]) -> None:
    """People who left before the sample begins; everything of theirs was taken back."""
    for number in range(25):
        person = _hire(company, next(names), "Engineering", day("2016-05-01"), "Hamburg")
        person.end = day("2024-01-15") + timedelta(days=31 * number)


def _on_leave(company: Company) -> None:
    """Near-miss: on parental leave, the laptop stays in a drawer at home and the seats are idle."""
    away = [p for p in company.people if p.location == "Remote"][:4]
    for number, person in enumerate(away):
        person.leave = (on("2026-02", 1 + number), day("2027-01-31"))


def _contractors(company: Company) -> None:
    for person in [p for p in company.people if p.department == "Engineering" and p.stays][40:55]:
        person.employment_type = "contractor"
    for person in [p for p in company.people if p.department == "Marketing" and p.stays][10:16]:
        person.employment_type = "intern"


def _leave_and_join(company: Company, names: Iterator[tuple[str, str]]) -> None:
    """Three people leave and four join every month, all as they should."""
    leaving = iter([p for p in company.people if p.department == "Operations" and p.stays and p.location != "Remote"])
    for month in MONTHS:
        for offset in (9, 13, 18):
            next(leaving).end = on(month, offset)
        for offset in (6, 8, 13, 15):
            _hire(company, next(names), "Operations", on(month, offset), "Hamburg")
    # near-miss: hardly anyone in production has a laptop, so a joiner there lacks none
    _hire(company, next(names), "Production", on(AUG, 3), "Hamburg")


def _rehired(company: Company) -> None:
    """Near-miss: left in 2025, back in 2026 with the old address; HR has two rows, devices and seats follow the new."""
    earlier = next(p for p in company.people if p.end == day("2024-01-15"))
    again = _hire(company, (earlier.given, earlier.family), "Quality", day("2026-03-01"), "Hamburg")
    again.email = earlier.email
    again.other_emails = earlier.other_emails
    open_account(company, again, person_id="")


def _last_day_is_today(company: Company) -> None:
    """Near-miss: the last day of work is the last day of August; it still counts as employed."""
    person = next(p for p in company.people if p.department == "Finance" and p.stays and p.location != "Remote")
    person.end = day("2026-08-31")


def _other_accounts(company: Company) -> None:
    """Accounts that belong to no person, rightly."""
    others = [(f"svc-{n}", "service") for n in ("ci", "backup", "erp", "scanner", "mail-relay")]
    others += [(f"adm-{p.username}", "admin") for p in company.people[:6]]
    others += [(n, "shared") for n in ("empfang", "messe", "werkstatt")]
    others += [(f"gast{n}", "guest") for n in range(1, 9)]
    for name, kind in others:
        address = f"{name}@{'partner.example' if kind == 'guest' else DOMAIN}"
        number = UUID(int=pick(2**32, "account", name) << 64 | len(company.accounts))
        company.accounts.append(
            Account(
                account_id=str(number),
                username=name,
                email=address,
                display_name=name,
                created=day("2024-02-01"),
                kind=kind,
            )
        )


# ---- cases -----------------------------------------------------------------------------------------------------------


def vanished_person(company: Company) -> None:
    """Two people of the shop floor drop out of HR's report without having left; one comes back."""
    floor = [p for p in company.people if p.department == "Production"]
    for person, months in ((floor[12], (AUG, SEP)), (floor[16], (OCT,))):
        person.leave_out(months)
        person.licensed = False
        company.plant("vanished-person", person.person_id, months, "absent from HR's report and not terminated before")


def conflicting_person(company: Company) -> None:
    """An account carries the employee number of one person and the address of another."""
    one, other = company.someone(), company.someone()
    account = open_account(
        company, one, username="doppel01", person_id=one.person_id, email=other.email, aliases=(), created=on(AUG, 10)
    )
    company.plant(
        "conflicting-person",
        account.account_id,
        FROM_AUG,
        f"employee number says {one.person_id}, address says {other.person_id}",
    )


def live_account_of_leaver(company: Company) -> None:
    """Two leavers whose account nobody closed; one is closed in October, the other was even used after the last day."""
    for leaver, until, months in (
        (_leaver(company, on(JUL, 20)), on(OCT, 5), (JUL, AUG, SEP)),
        (_leaver(company, on(SEP, 11)), None, FROM_SEP),
    ):
        account = next(a for a in company.accounts if a.email == leaver.email)
        account.closed = until
        company.plant("live-account-of-leaver", account.account_id, months, f"{leaver.person_id} left {leaver.end}")


def _leaver(company: Company, end: date) -> Person:
    """A person who leaves on that day and hands back everything but the account."""
    person = company.someone()
    person.end = end
    return person


def stranger_account(company: Company) -> None:
    """Active human accounts of people HR never heard of."""
    for username, created, months in (("k.unbekannt", day("2025-11-03"), MONTHS), ("temp-projekt", on(SEP, 7), (SEP,))):
        account = Account(
            account_id=str(UUID(int=pick(2**32, username))),
            username=username,
            email=f"{username}@{DOMAIN}",
            display_name=username,
            created=created,
            closed=on(OCT, 4) if months == (SEP,) else None,
        )
        company.accounts.append(account)
        company.plant("stranger-account", account.account_id, months, "human, active, resolves to nobody in HR")
