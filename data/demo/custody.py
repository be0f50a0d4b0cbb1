"""How devices change hands, properly: each function writes the register's next chapter and the log entry for it.

A field given by the caller replaces the proper one, so a case says in one place what its entry lacks.
"""

from datetime import date
from typing import Any

from data.demo.calendar import month_of
from data.demo.company import Company, Device, Person, Row, at


def _log(company: Company, kind: str, device: Device, when: date, fields: Row) -> str:
    proper: Row = {
        "event_id": company.number("movements", "MV"),
        "kind": kind,
        "asset_tag": device.tag,
        "occurred_at": at(when, 11),
    }
    row = proper | fields
    company.log("movements", when, row)
    return str(row["event_id"])


def receive(company: Company, device: Device, when: date, **fields: Any) -> str:
    """The dock takes a new device in."""
    return _log(company, "receive", device, when, {"to_location": device.on(when).location} | fields)


def assign(company: Company, device: Device, person: Person, when: date, **fields: Any) -> str:
    """Out of stock, to a person."""
    proper: Row = {
        "to_person": person.person_id,
        "to_location": person.location,
        "reason": "equipment",
        "condition": "good",
        "approved_by": company.approver.person_id,
    }
    device.enter(when, status="in_use", custodian=person, location=person.location)
    return _log(company, "assign", device, when, proper | fields)


def give_back(company: Company, device: Device, when: date, place: str = "Hamburg", **fields: Any) -> str:
    """From a person into stock."""
    holder = device.on(when).custodian
    proper: Row = {
        "from_person": holder.person_id if isinstance(holder, Person) else holder,
        "to_location": place,
        "reason": "returned",
        "condition": "used",
        "approved_by": company.approver.person_id,
    }
    device.enter(when, status="in_stock", custodian=None, location=place)
    return _log(company, "return", device, when, proper | fields)


def transfer(company: Company, device: Device, person: Person, when: date, **fields: Any) -> str:
    """From one person to another."""
    holder = device.on(when).custodian
    proper: Row = {
        "from_person": holder.person_id if isinstance(holder, Person) else holder,
        "to_person": person.person_id,
        "to_location": person.location,
        "reason": "change of role",
        "condition": "used",
        "approved_by": company.approver.person_id,
    }
    device.enter(when, custodian=person, location=person.location)
    return _log(company, "transfer", device, when, proper | fields)


def relocate(company: Company, device: Device, place: str, when: date, **fields: Any) -> str:
    """From one place to another, in nobody's hands."""
    proper: Row = {"from_location": device.on(when).location, "to_location": place, "reason": "moved"}
    device.enter(when, location=place)
    return _log(company, "transfer", device, when, proper | fields)


def repair(company: Company, device: Device, out: date, back: date | None) -> None:
    """To the workshop with a ticket, and back to whoever holds it."""
    ticket(company, "repair", out, back, asset_tag=device.tag)
    device.enter(out, status="in_repair")
    _log(company, "repair_out", device, out, {"reason": "defect"})
    if back:
        device.enter(back, status="in_use")
        _log(company, "repair_in", device, back, {"reason": "repaired"})


def retire(company: Company, device: Device, when: date, **fields: Any) -> str:
    """Out of use for good, approved."""
    device.enter(when, status="retired", custodian=None)
    proper: Row = {"reason": "end of life", "approved_by": company.approver.person_id}
    return _log(company, "retire", device, when, proper | fields)


def dispose(company: Company, device: Device, when: date, **fields: Any) -> str:
    """Off the books, approved."""
    device.enter(when, status="disposed")
    proper: Row = {"reason": "disposed of", "approved_by": company.approver.person_id}
    return _log(company, "dispose", device, when, proper | fields)


def check_out(company: Company, person: Person, when: date, back: date | None, **fields: Any) -> None:
    """Lend a pool device (asset_tag) or a stock item (sku) to a person, until it comes back."""
    proper: Row = {"kind": "checkout", "to_person": person.person_id, "quantity": 1, "reason": "on loan"}
    _lend(company, when, proper | fields)
    if back:
        home: Row = {"kind": "checkin", "from_person": person.person_id, "quantity": 1}
        _lend(company, back, home | {key: fields[key] for key in ("asset_tag", "sku") if key in fields})


def _lend(company: Company, when: date, fields: Row) -> None:
    event: Row = {"event_id": company.number("movements", "MV"), "occurred_at": at(when, 11)}
    company.log("movements", when, event | fields)


def ticket(company: Company, kind: str, opened: date, closed: date | None, **fields: Any) -> None:
    """A help desk ticket, open in the exports until the month it is closed in."""
    number = company.number("tickets", "HD")
    row: Row = {"ticket_id": number, "kind": kind, "opened_at": at(opened, 9), **fields}
    open_: Row = {"status": "open", "closed_at": None}
    done: Row = {"status": "closed", "closed_at": closed and at(closed, 16)}
    change = None if closed is None else f"{closed:%Y-%m}"
    if change != f"{opened:%Y-%m}":
        company.log("tickets", opened, row | open_, until=change)
    if closed is not None:
        company.log("tickets", opened, row | done, since=month_of(closed))
