"""How devices leave the company: batches that go through every stage with their documents, and the cases."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from data.demo import custody
from data.demo.calendar import AUG, FROM_AUG, FROM_SEP, JUL, MONTHS, OCT, SEP, day, on
from data.demo.company import Company, Device, Row, at
from data.demo.devices import DEPOT, LAPTOP_G3, LAPTOP_OLD, MONITOR, OLD, PROJECTOR, SERVER, add, enrol

VENDOR = "Elbe Remarketing GmbH"
HANDLER, SECOND_HANDLER, SLOW_HANDLER = "Elbe Nord", "Elbe Süd", "Elbe Ost"
STEPS = {
    "shipped": 1,
    "received": 3,
    "verified": 5,
    "pending_destruction": 7,
    "destroyed": 11,
    "certificate_issued": 14,
}
FULL = (*STEPS, "released")


def stage(company: Company, item: Row, batch: str, name: str, when: date, **fields: Any) -> None:
    """One record of the disposal vendor."""
    row: Row = {
        "event_id": company.number("disposals", "EV"),
        "batch_id": batch,
        "stage": name,
        "route": "destruction",
        "media": "ssd",
        "occurred_at": at(when, 13),
        "handler": HANDLER,
        "vendor": VENDOR,
    }
    company.log("disposals", when, row | item | fields)


def go_through(company: Company, device: Device, batch: str, start: date, stages: Iterable[str], **fields: Any) -> None:
    """Let a device pass these stages from `start` on; what a stage needs to be in order is filled in."""
    for name in stages:
        needs: Row = {}
        if name == "destroyed":
            needs = {"method": "destroy", "approved_by": company.approver.person_id}
        if name == "certificate_issued":
            needs = {"certificate_id": f"CERT-{device.tag}"}
        if name == "released":
            needs = {"approved_by": company.approver.person_id}
        when = start + timedelta(days=STEPS.get(name, 17))
        stage(company, {"asset_tag": device.tag, "serial": device.serial}, batch, name, when, **(needs | fields))


def send_away(company: Company, device: Device, batch: str, start: date, **fields: Any) -> None:
    """Retire a device, have it destroyed and certified, and take it off the books."""
    custody.retire(company, device, start)
    go_through(company, device, batch, start, STEPS, **fields)
    custody.dispose(company, device, start + timedelta(days=15))


def dispose_of_old_devices(company: Company) -> None:
    """What left earlier, a batch every month, and near-misses."""
    for number in range(20):
        device = _old_laptop(company)
        send_away(company, device, f"B25-{number // 5 + 1:02d}", day("2025-02-03") + timedelta(days=60 * (number // 5)))
    for month in MONTHS:
        for _ in range(4):
            send_away(
                company, _old_laptop(company, status="in_stock", since=day("2026-05-20")), f"B{month}", on(month, 2)
            )
        monitor = add(company, MONITOR, DEPOT)
        custody.retire(company, monitor, on(month, 2))
        plain = ("shipped", "received", "verified", "released")
        go_through(
            company, monitor, f"B{month}-R", on(month, 2), plain, route="recycling", media="none", document_id="LS-1"
        )
        custody.dispose(company, monitor, on(month, 22))
    _redeployed(company)
    _resold(company)
    _certified_by_drive(company)


def _old_laptop(company: Company, **fields: Any) -> Device:
    named: Row = {"since": day("2021-04-20"), "bought": day("2021-04-12")}
    return add(company, LAPTOP_OLD, DEPOT, **(named | fields))


def _redeployed(company: Company) -> None:
    """Near-miss: wiped by purge, released, and alive again with its next user."""
    laptop = add(company, LAPTOP_G3, DEPOT, status="in_stock", since=day("2026-06-22"))
    go_through(company, laptop, "B26-RD", on(JUL, 1), FULL, route="redeploy", method="purge")
    user = company.worker()
    custody.assign(company, laptop, user, on(AUG, 5))
    enrol(company, laptop, on(AUG, 5))


def _resold(company: Company) -> None:
    """Near-miss: sold after destruction of the data, with document and proceeds."""
    laptop = _old_laptop(company, status="in_stock", since=day("2026-06-01"))
    custody.retire(company, laptop, on(AUG, 3))
    sale: Row = {"route": "resale", "method": "purge", "document_id": "VK-2201", "proceeds": "85.00", "currency": "EUR"}
    go_through(company, laptop, "B26-VK", on(AUG, 3), FULL, **sale)
    custody.dispose(company, laptop, on(AUG, 21))


def _certified_by_drive(company: Company) -> None:
    """Near-miss: the certificate names the server's drive, which the register does not list."""
    server = add(company, SERVER, DEPOT, since=day("2019-02-11"), bought=day("2019-02-11"))
    custody.retire(company, server, on(JUL, 2))
    go_through(company, server, "B26-SRV", on(JUL, 2), STEPS, route="recycling", certificate_id="", document_id="LS-88")
    for name, days in STEPS.items():
        drive: Row = {"serial": "DRV00981XQ", "parent_serial": server.serial, "certificate_id": "CERT-DRV00981XQ"}
        if name != "certificate_issued":
            drive["certificate_id"] = ""
        method = {"method": "destroy", "approved_by": company.approver.person_id} if name == "destroyed" else {}
        stage(company, drive, "B26-SRV", name, on(JUL, 2) + timedelta(days=days), **method)
    custody.dispose(company, server, on(JUL, 17))


# ---- cases -----------------------------------------------------------------------------------------------------------


def plant_disposal_cases(company: Company) -> None:
    """All cases of this module."""
    for case in (
        lost_in_transit,
        uncertified_disposal,
        released_undestroyed,
        skipped_stage,
        unapproved_release,
        undocumented_disposition,
        unfit_sanitisation,
        stalled_disposal,
        queue_jump,
        unmanifested_item,
        disposed_on_books,
        undisposed_retiree,
        life_after_death,
    ):
        case(company)


def _retired(company: Company, when: date) -> Device:
    device = _old_laptop(company, status="in_stock", since=day("2026-06-01"))
    custody.retire(company, device, when)
    return device


def lost_in_transit(company: Company) -> None:
    """Two laptops shipped and not received within a week; one turns up in September."""
    for found, months in ((False, MONTHS), (True, (JUL, AUG))):
        device = _retired(company, on(JUL, 6))
        go_through(company, device, "B26-TR", on(JUL, 7), ("shipped",))
        if found:
            go_through(company, device, "B26-TR", on(SEP, 2), tuple(STEPS)[1:])
            custody.dispose(company, device, on(SEP, 18))
        company.plant("lost-in-transit", device.tag, months, "shipped on 8 July, not received within 7 days")


def uncertified_disposal(company: Company) -> None:
    """Destroyed, and the certificate event names no certificate; disposed of long ago without any record."""
    device = _retired(company, on(AUG, 3))
    go_through(company, device, "B26-UC", on(AUG, 3), STEPS, certificate_id="")
    company.plant("uncertified-disposal", device.tag, FROM_AUG, "destroyed on 14 August, no certificate_id")
    gone = _old_laptop(company)
    custody.dispose(company, gone, day("2026-03-02"))
    company.plant("uncertified-disposal", gone.tag, MONTHS, "register says disposed since 2 March, no disposal record")


def released_undestroyed(company: Company) -> None:
    """Sold with its data on it."""
    device = _retired(company, on(SEP, 7))
    sale: Row = {"route": "resale", "document_id": "VK-2207", "proceeds": "60.00", "currency": "EUR"}
    go_through(company, device, "B26-RU", on(SEP, 8), ("shipped", "received", "verified", "released"), **sale)
    company.plant("released-undestroyed", device.tag, FROM_SEP, "released on 25 September, data never destroyed")
    company.plant("uncertified-disposal", device.tag, (OCT,), "released for more than 7 days, no certificate")


def skipped_stage(company: Company) -> None:
    """Destroyed without having been verified."""
    device = _retired(company, on(AUG, 3))
    go_through(company, device, "B26-SK", on(AUG, 4), tuple(s for s in STEPS if s != "verified"))
    company.plant("skipped-stage", device.tag, FROM_AUG, "pending_destruction without verified before it")


def unapproved_release(company: Company) -> None:
    """The handler approved the release himself."""
    device = _retired(company, on(SEP, 4))
    sale: Row = {"route": "resale", "document_id": "VK-2209", "proceeds": "70.00", "currency": "EUR"}
    go_through(company, device, "B26-UR", on(SEP, 4), STEPS, **sale)
    go_through(company, device, "B26-UR", on(SEP, 4), ("released",), approved_by=HANDLER, **sale)
    company.plant("unapproved-release", device.tag, FROM_SEP, "released on 21 September, approved by its own handler")


def undocumented_disposition(company: Company) -> None:
    """A projector given to a school without a receipt for it."""
    projector = add(company, PROJECTOR, DEPOT)
    custody.retire(company, projector, on(AUG, 5))
    plain = ("shipped", "received", "verified", "released")
    go_through(company, projector, "B26-DO", on(AUG, 5), plain, route="donation", media="none")
    company.plant("undocumented-disposition", projector.tag, FROM_AUG, "donated on 22 August, no document_id")


def unfit_sanitisation(company: Company) -> None:
    """An SSD was cleared, which does not reach all of its cells."""
    device = _retired(company, on(JUL, 3))
    go_through(company, device, "B26-SA", on(JUL, 3), STEPS, method="clear")
    company.plant("unfit-sanitisation", device.tag, MONTHS, "clear on an ssd")


def stalled_disposal(company: Company) -> None:
    """Waiting for destruction for more than 30 days; done in October."""
    device = _retired(company, day("2026-06-05"))
    before, after = tuple(STEPS)[:4], tuple(STEPS)[4:]
    go_through(company, device, "B26-ST", day("2026-06-08"), before, handler=SLOW_HANDLER)
    go_through(company, device, "B26-ST", on(OCT, 1), after, handler=SLOW_HANDLER)
    company.plant("stalled-disposal", device.tag, (JUL, AUG, SEP), "pending destruction since 15 June, done in October")


def queue_jump(company: Company) -> None:
    """A fresh batch is destroyed, with nobody's approval, while an older laptop still waits."""
    waiting = _retired(company, on(AUG, 10))
    go_through(company, waiting, "B26-Q1", on(AUG, 10), tuple(STEPS)[:4], handler=SECOND_HANDLER)
    late = ("destroyed", "certificate_issued")
    go_through(company, waiting, "B26-Q1", on(SEP, 3), late, handler=SECOND_HANDLER)
    jumping = _retired(company, on(AUG, 26))
    stages = tuple(s for s in STEPS if s != "destroyed")
    go_through(company, jumping, "B26-Q2", on(AUG, 26), stages, handler=SECOND_HANDLER)
    go_through(company, jumping, "B26-Q2", on(AUG, 26), ("destroyed",), handler=SECOND_HANDLER, approved_by="")
    company.plant("queue-jump", "B26-Q2", FROM_SEP, f"destroyed 6 September; {waiting.tag} waits since 13 August")


def unmanifested_item(company: Company) -> None:
    """The vendor destroyed something the register never listed."""
    for name, days in STEPS.items():
        needs: Row = {"method": "destroy", "approved_by": company.approver.person_id} if name == "destroyed" else {}
        if name == "certificate_issued":
            needs = {"certificate_id": "CERT-UNKNOWN-1"}
        stage(company, {"serial": "ZX81K4477P"}, "B26-UM", name, on(AUG, 4) + timedelta(days=days), **needs)
    company.plant("unmanifested-item", "ZX81K4477P", FROM_AUG, "on no register row, nor its parent")


def disposed_on_books(company: Company) -> None:
    """Destroyed and certified in August, in stock by the register until October."""
    device = _old_laptop(company, status="in_stock", since=day("2026-06-01"))
    go_through(company, device, "B26-OB", on(AUG, 3), STEPS)
    custody.dispose(company, device, on(OCT, 5))
    company.plant("disposed-on-books", device.tag, (AUG, SEP), "destroyed on 14 August, register still says in_stock")


def undisposed_retiree(company: Company) -> None:
    """Two laptops forgotten in the closet; one is collected in September."""
    kept = _old_laptop(company)
    custody.retire(company, kept, day("2026-05-15"))
    company.plant("undisposed-retiree", kept.tag, FROM_AUG, "retired on 15 May, no disposal record after 90 days")
    collected = _old_laptop(company)
    custody.retire(company, collected, day("2025-11-03"))
    go_through(company, collected, "B26-CL", on(SEP, 3), STEPS)
    custody.dispose(company, collected, on(SEP, 18))
    company.plant("undisposed-retiree", collected.tag, (JUL, AUG), "retired on 3 November 2025, collected in September")


def life_after_death(company: Company) -> None:
    """A laptop checks in a month after its certificate of destruction."""
    device = _retired(company, on(AUG, 3))
    go_through(company, device, "B26-LD", on(AUG, 3), STEPS)
    custody.dispose(company, device, on(AUG, 18))
    endpoint = enrol(company, device, OLD)
    for month, seen in ((JUL, "2026-05-30"), (AUG, "2026-05-30"), (SEP, "2026-09-12"), (OCT, "2026-10-20")):
        endpoint.write_in((month,), last_seen_at=f"{seen}T05:00:00Z")
    company.plant("life-after-death", device.tag, FROM_SEP, "certified on 17 August, checked in on 12 September")
