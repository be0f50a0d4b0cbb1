"""Orders, receipts and the fixed-asset ledger, in good order."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from data.demo.calendar import MONTHS, day, last_day, month_of
from data.demo.company import Company, Device, Model, Record, Row

CAPITALISED = Decimal(1000)
RATES = {"EUR": Decimal(1), "USD": Decimal("0.86"), "GBP": Decimal("1.15")}
LIFE_MONTHS = 36
CENT = Decimal("0.01")


def order(
    company: Company,
    number: str,
    model: Model,
    ordered: date,
    *,
    quantity: int = 1,
    expected: date | None = None,
    closed: date | None = None,
    cancelled: date | None = None,
    **fields: Any,
) -> None:
    """One order line; the export shows it open until the month in which it is closed or cancelled."""
    row: Row = {
        "po_number": number,
        "line_no": "1",
        "vendor": "Kontor Systemhaus GmbH",
        "sku": model.sku,
        "description": model.name,
        "asset_class": model.asset_class,
        "quantity": quantity,
        "unit_cost": model.cost,
        "currency": model.currency,
        "ordered_on": ordered,
        "expected_on": expected,
        "requested_by": company.people[3].person_id,
        "cost_center": "4100",
    } | fields
    ended = closed or cancelled
    since = month_of(ordered)
    if ended is None or month_of(ended) > since:
        company.log("purchases", ordered, row | {"status": "open"}, until=None if ended is None else month_of(ended))
    if ended is not None:
        status = "closed" if closed else "cancelled"
        company.log("purchases", ordered, row | {"status": status}, since=month_of(ended))


def receipt(company: Company, po_number: str, received: date, *, serial: str = "", quantity: int = 1) -> str:
    """One line of a delivery note; gives its subject, receipt_id/line_no."""
    number = company.number("receipts", "WE")
    company.log(
        "receipts",
        received,
        {
            "receipt_id": number,
            "line_no": "1",
            "po_number": po_number,
            "po_line_no": "1",
            "serial": serial,
            "quantity": quantity,
            "received_on": received,
            "location": "Hamburg",
        },
    )
    return f"{number}/1"


def order_everything(company: Company) -> None:
    """Write the order, closed long ago or with its receipts, behind everything on the register that has none yet."""
    known = {event.row["po_number"] for event in company.events["purchases"]} | company.unknown_orders
    bought: dict[str, list[Device]] = defaultdict(list)
    for device in company.devices:
        if device.po_number and device.po_number not in known:
            bought[device.po_number].append(device)
    for number, devices in sorted(bought.items()):
        first = devices[0]
        recent = first.purchased >= day("2026-07-01")
        ordered = first.purchased - timedelta(days=20)
        order(company, number, first.model, ordered, quantity=len(devices), closed=first.purchased)
        for device in devices if recent else ():
            receipt(company, number, first.purchased, serial=device.serial)


@dataclass(kw_only=True, eq=False)
class LedgerRow(Record):
    """A capitalised asset, or a pool of them bought on one order line."""

    ledger_id: str
    cost: Decimal
    currency: str
    in_service: date
    listed_from: date
    asset_tag: str = ""
    po_number: str = ""
    quantity: int = 1
    disposed: date | None = None

    def exists(self, month: str) -> bool:
        return self.listed_from <= last_day(month)

    def row(self, month: str) -> Row:
        today = last_day(month)
        age = (today.year - self.in_service.year) * 12 + today.month - self.in_service.month
        worn = self.cost * min(age, LIFE_MONTHS) / LIFE_MONTHS
        return {
            "ledger_id": self.ledger_id,
            "asset_tag": self.asset_tag,
            "serial": "",
            "po_number": self.po_number,
            "po_line_no": "1" if self.po_number else "",
            "quantity": self.quantity,
            "cost": self.cost,
            "accumulated_depreciation": worn.quantize(CENT, ROUND_HALF_EVEN),
            "currency": self.currency,
            "in_service_on": self.in_service,
            "life_months": LIFE_MONTHS,
            "disposed_on": self.disposed if self.disposed and self.disposed <= today else None,
        }


def capitalise(company: Company) -> None:
    """Give every asset that is dear enough its ledger row; the pooled monitors share one."""
    pool = [d for d in company.devices if d.po_number == "PO-250113-POOL"]
    book(
        company,
        pool[0],
        asset_tag="",
        po_number="PO-250113-POOL",
        quantity=len(pool),
        cost=pool[0].model.cost * len(pool),
    )
    for device in company.devices:
        dear = device.model.cost * RATES[device.model.currency] >= CAPITALISED
        if dear and device.ownership == "owned" and device not in pool:
            book(company, device)


def book(company: Company, device: Device, **fields: Any) -> LedgerRow:
    """One ledger row for a device, with its cost in its currency."""
    named: Row = {
        "ledger_id": f"FA-{len(company.ledger) + 1:05d}",
        "cost": device.model.cost,
        "currency": device.model.currency,
        "in_service": device.purchased,
        "listed_from": max(device.registered, day("2020-01-01")),
        "asset_tag": device.tag,
    }
    row = LedgerRow(**(named | fields))
    company.ledger.append(row)
    return row


def quote_rates(company: Company) -> None:
    """Weekly rates of the two foreign currencies."""
    when = day("2026-01-02")
    while when <= last_day(MONTHS[-1]):
        for currency in ("USD", "GBP"):
            wobble = Decimal(when.toordinal() % 5 - 2) / 1000
            company.log("fx_rates", when, {"currency": currency, "as_of": when, "rate": RATES[currency] + wobble})
        when += timedelta(days=7)
