"""Planted cases: devices that exist and are not recorded, or are recorded and do not exist."""

from datetime import date

from data.demo import custody
from data.demo.calendar import AUG, FROM_AUG, FROM_SEP, JUL, MONTHS, OCT, SEP, day, on
from data.demo.company import Company, Device, Endpoint, Person
from data.demo.counting import scan
from data.demo.devices import (
    DEPOT,
    DOCK,
    HEADSET,
    LAPTOP_G4,
    LAPTOP_G5,
    METER,
    MONITOR,
    OLD,
    PHONE,
    PRINTER,
    PROJECTOR,
    SWITCH,
    add,
    enrol,
)
from data.demo.purchasing import order, receipt

JULY, EVER = day("2026-07-01"), day("2000-01-01")


def plant_device_cases(company: Company) -> None:
    """All cases of this module."""
    for case in (
        missing_in_count,
        ghost_asset,
        uncounted_asset,
        unregistered_device,
        received_unregistered,
        unknown_scan_code,
        duplicate_serial,
        duplicate_asset_tag,
        unusable_serial,
        conflicting_identity,
        duplicate_endpoint,
        vanished_asset,
    ):
        case(company)


def missing_in_count(company: Company) -> None:
    """A printer nobody found in Berlin; a meter not found in Hamburg and found in another room in September."""
    printer = add(company, PRINTER, "Berlin")
    printer.uncounted_from = JULY
    company.plant("missing-in-count", printer.tag, FROM_AUG, "in scope of the Berlin count of 19 August, not scanned")
    meter = add(company, METER, "Hamburg")
    meter.uncounted_from = JULY
    scan(company, "RZ26-09", on(SEP, 15), meter.tag, "Hamburg")
    company.plant(
        "missing-in-count", meter.tag, (JUL, AUG), "not scanned in Hamburg on 14 July; scanned on 15 September"
    )


def ghost_asset(company: Company) -> None:
    """A laptop that has been silent since May; a phone that is found again; one that is lost twice."""
    laptop = company.device_of(company.someone_remote())
    _silent(company, laptop, dict.fromkeys(MONTHS, day("2026-05-10")))
    company.plant("ghost-asset", laptop.tag, MONTHS, "no check-in since 10 May, no scan, ticket or movement")
    phone = add(company, PHONE, "Remote", company.someone_remote())
    enrol(company, phone)
    _silent(company, phone, {AUG: on(AUG, 5), SEP: on(AUG, 5)})
    company.plant("ghost-asset", phone.tag, (SEP,), "last check-in 5 August; checks in again in October")
    again = company.device_of(company.someone_remote())
    _silent(company, again, {JUL: day("2026-06-05"), AUG: on(AUG, 10), SEP: on(AUG, 10), OCT: on(AUG, 10)})
    company.plant("ghost-asset", again.tag, (JUL, SEP, OCT), "silent since 5 June, seen on 10 August, silent again")


def _silent(company: Company, device: Device, seen: dict[str, date]) -> None:
    for month, when in seen.items():
        company.endpoint_of(device).write_in((month,), last_seen_at=f"{when}T07:30:00Z")


def uncounted_asset(company: Company) -> None:
    """A printer last scanned 13 months ago; a switch, which holds data, not scanned for more than 90 days."""
    printer = add(company, PRINTER, DEPOT)
    printer.uncounted_from = EVER
    scan(company, "INV25-HL", day("2025-06-17"), printer.tag, DEPOT)
    company.plant("uncounted-asset", printer.tag, MONTHS, "last scan 17 June 2025, more than 365 days ago")
    switch = add(company, SWITCH, DEPOT)
    switch.uncounted_from = EVER
    scan(company, "RZ26-06", day("2026-06-10"), switch.tag, DEPOT)
    scan(company, "INV26-10-HL", on(OCT, 20), switch.tag, DEPOT)
    company.plant(
        "uncounted-asset", switch.tag, (SEP,), "holds data, last scan 10 June, 112 days ago; scanned in October"
    )


def unregistered_device(company: Company) -> None:
    """Company laptops that check in and stand on no register row."""
    user = company.someone()
    stray = _stray(company, "xr90k7741q", on(AUG, 6), user=user)
    company.plant("unregistered-device", "XR90K7741Q", FROM_AUG, f"endpoint {stray.endpoint_id}, no register row")
    blank = _stray(company, "To be filled by O.E.M.", on(SEP, 9))
    company.plant("unregistered-device", blank.endpoint_id, FROM_SEP, "placeholder serial: the endpoint's id is named")


def _stray(company: Company, serial: str, enrolled: date, user: Person | None = None) -> Endpoint:
    """A record of endpoint management for a laptop that the register does not list."""
    endpoint = Endpoint(
        endpoint_id=f"dev-stray{len(company.endpoints):05d}",
        source="mdm",
        serial=serial,
        uuid="",
        maker="Halden GmbH",
        model="Halden 14 G4",
        asset_class="laptop",
        enrolled=enrolled,
        user=user,
    )
    company.endpoints.append(endpoint)
    return endpoint


def received_unregistered(company: Company) -> None:
    """A monitor received and never registered; a laptop that was first seen by endpoint management, then registered."""
    order(company, "PO-260625-LU-27", MONITOR, day("2026-06-25"), expected=on(AUG, 10))
    receipt(company, "PO-260625-LU-27", on(AUG, 12), serial="LU27X8812B")
    company.plant("received-unregistered", "LU27X8812B", FROM_AUG, "received 12 August, on no register row")
    order(company, "PO-260616-HB14-G5", LAPTOP_G5, day("2026-06-16"), expected=on(JUL, 16))
    late = add(
        company,
        LAPTOP_G5,
        "Hamburg",
        company.worker(),
        since=on(AUG, 3),
        bought=on(JUL, 16),
        registered=on(SEP, 4),
        po_number="PO-260616-HB14-G5",
    )
    receipt(company, late.po_number, on(JUL, 16), serial=late.serial)
    enrol(company, late, on(AUG, 3), asset_tag="")
    company.plant("received-unregistered", late.serial, (JUL,), "received 16 July, on no register row")
    company.plant(
        "unregistered-device", late.serial, (AUG,), "checks in since 3 August; overtakes received-unregistered"
    )
    # near-miss: received three days before the end of the month, registered in the next
    order(company, "PO-260803-HD-2", DOCK, on(AUG, 3))
    young = add(company, DOCK, "Hamburg", since=on(SEP, 2), bought=on(AUG, 28), po_number="PO-260803-HD-2")
    receipt(company, young.po_number, on(AUG, 28), serial=young.serial)


def unknown_scan_code(company: Company) -> None:
    """A label of nobody; a label of a monitor that is registered a month later."""
    scan(company, "INV26-07-HAM", on(JUL, 14), "INV-99812", "Hamburg")
    company.plant("unknown-scan-code", "INV-99812", MONTHS, "scanned on 14 July, names nothing under any variant")
    late = add(company, MONITOR, "Berlin", since=on(SEP, 3), bought=OLD, registered=on(SEP, 3))
    scan(company, "INV26-08-BER", on(AUG, 19), late.tag, "Berlin")
    company.plant("unknown-scan-code", late.tag, (AUG,), "scanned on 19 August, registered on 3 September")


def duplicate_serial(company: Company) -> None:
    """Two monitors were registered with one serial; a second pair is put right in September."""
    for serial, months in (("LU55K0417C", MONTHS), ("LU81K0932A", (JUL, AUG))):
        first = add(company, MONITOR, DEPOT, serial=serial)
        second = add(company, MONITOR, DEPOT, serial=serial if months == MONTHS else "LU81K0923A")
        second.write_in(months, serial=serial.lower())
        company.plant("duplicate-serial", serial, months, f"{first.tag} and {second.tag} share it")


def duplicate_asset_tag(company: Company) -> None:
    """A headset was entered twice under one tag, with two models; one entry is deleted in October."""
    headset = add(company, HEADSET, DEPOT, serial="", status="in_stock", since=day("2026-06-02"))
    twin = add(company, HEADSET, DEPOT, serial="", status="in_stock", since=day("2026-06-02"))
    twin.tag = headset.tag
    twin.uncounted_from = EVER
    twin.write_in(MONTHS, model="Klangwerk H3 rev 2")
    twin.leave_out((JUL, OCT))
    company.plant("duplicate-asset-tag", headset.tag, (AUG, SEP), "two rows with one tag that differ in the model")


def unusable_serial(company: Company) -> None:
    """Serials that name nothing: a null word, a vendor's placeholder, none at all."""
    meter = add(company, METER, "Hamburg", serial="N/A")
    company.plant("unusable-serial", meter.tag, MONTHS, "serial is a null word")
    printer = add(company, PRINTER, "London")
    printer.write_in((SEP, OCT), serial="Default string")
    company.plant("unusable-serial", printer.tag, FROM_SEP, "serial is a vendor's placeholder")
    projector = add(company, PROJECTOR, DEPOT)
    projector.write_in((JUL, AUG), serial="")
    company.plant("unusable-serial", projector.tag, (JUL, AUG), "no serial; filled in September")


def conflicting_identity(company: Company) -> None:
    """A laptop on the shelf reports its own serial and the asset tag of a monitor."""
    laptop = add(company, LAPTOP_G4, "Hamburg", status="in_stock", since=on(AUG, 11), registered=on(AUG, 11))
    monitor = add(company, MONITOR, "Hamburg")
    endpoint = enrol(company, laptop, on(AUG, 12), asset_tag=monitor.tag)
    endpoint.write_in(FROM_AUG, last_seen_at="2026-08-12T10:00:00Z")
    endpoint.write_in((OCT,), asset_tag=laptop.tag)
    company.plant(
        "conflicting-identity", endpoint.endpoint_id, (AUG, SEP), f"serial says {laptop.tag}, tag says {monitor.tag}"
    )


def duplicate_endpoint(company: Company) -> None:
    """A laptop has two records in endpoint management, and both check in."""
    laptop = company.device_of(company.someone())
    enrol(company, laptop, on(SEP, 3), asset_tag="")
    company.plant("duplicate-endpoint", laptop.serial, FROM_SEP, "the older record checks in after 3 September too")


def vanished_asset(company: Company) -> None:
    """Two monitors drop out of the register; one comes back."""
    for months in (FROM_SEP, (AUG, SEP)):
        monitor = add(company, MONITOR, DEPOT)
        monitor.leave_out(months)
        company.plant("vanished-asset", monitor.tag, months, "on the books before, no row now, serial on no other tag")
    # near-miss: a row is gone because its serial stands under a new tag
    relabelled = add(company, MONITOR, DEPOT)
    relabelled.leave_out(FROM_AUG)
    custody.receive(
        company,
        add(company, MONITOR, DEPOT, serial=relabelled.serial, since=on(AUG, 4), bought=OLD, registered=on(AUG, 4)),
        on(AUG, 4),
    )
