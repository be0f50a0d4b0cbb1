"""The devices of the sample company, in good order: bought, registered, assigned, checking in, counted, retired."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from data.demo import custody
from data.demo.calendar import JUL, MONTHS, OCT, SEP, day, last_day, on, pick
from data.demo.company import Chapter, Company, Device, Endpoint, Model, Person, Row

LAPTOP_G3 = Model("Halden GmbH", "Halden 14 G3", "HB14-G3", "laptop", Decimal("1249.00"))
LAPTOP_G4 = Model("Halden GmbH", "Halden 14 G4", "HB14-G4", "laptop", Decimal("1329.90"))
LAPTOP_G5 = Model("Halden GmbH", "Halden 14 G5", "HB14-G5", "laptop", Decimal("1399.00"))
LAPTOP_US = Model("Halden Inc", "Halden 14 G4 US", "HB14-G4-US", "laptop", Decimal("1450.00"), "USD")
LAPTOP_UK = Model("Halden Ltd", "Halden 14 G4 UK", "HB14-G4-UK", "laptop", Decimal("1120.00"), "GBP")
LAPTOP_OLD = Model("Halden", "Halden 13 G1", "HB13-G1", "laptop", Decimal("899.00"))
TOWER = Model("Halden GmbH", "Halden Tower 9", "HT-9", "desktop", Decimal("2150.00"))
PHONE = Model("Fjell Oy", "Fjell Seven", "FJ-7", "phone", Decimal("649.00"))
TABLET = Model("Fjell Oy", "Fjell Slate 11", "FJ-S11", "tablet", Decimal("579.00"))
MONITOR = Model("Lumen", "Lumen 27", "LU-27", "monitor", Decimal("389.00"))
WIDE = Model("Lumen", "Lumen 40 Ultra", "LU-40", "monitor", Decimal("1099.00"))
DOCK = Model("Halden GmbH", "Halden Dock", "HD-2", "dock", Decimal("189.00"))
PRINTER = Model("Druckwerk AG", "Druckwerk 500", "DW-500", "printer", Decimal("720.00"))
SERVER = Model("Rackhaus", "Rackhaus R2", "RH-R2", "server", Decimal("6400.00"))
STORAGE = Model("Rackhaus", "Rackhaus Vault", "RH-V1", "storage", Decimal("12800.00"))
SWITCH = Model("Netzwerk AB", "NX-48", "NX-48", "network", Decimal("1150.00"))
SCOPE = Model("Oszillon", "Oszillon 4000", "OZ-4000", "test_equipment", Decimal("3200.00"))
METER = Model("Oszillon", "Oszillon Meter 6", "OZ-M6", "test_equipment", Decimal("480.00"))
PROJECTOR = Model("Lumen", "Lumen Beam", "LU-B", "peripheral", Decimal("640.00"))
HEADSET = Model("Klangwerk", "Klangwerk H3", "KW-H3", "accessory", Decimal("89.00"))
MANAGED = ("laptop", "desktop", "phone", "tablet")

DATA_CENTRE = "RZ Hamburg"
DEPOT = "Lübeck"
OLD = day("2025-02-10")
"""When most of what stands around was bought and taken into use."""


def furnish(company: Company) -> None:
    """Give everybody a laptop and the company everything else, then let four orderly months pass."""
    _laptops(company)
    _phones_and_desktops(company)
    _places(company)
    _stock(company)
    _near_misses(company)
    _joiners_and_leavers(company)
    _everyday(company)


def add(
    company: Company,
    model: Model,
    place: str,
    holder: Person | str | None = None,
    *,
    status: str = "in_use",
    since: date = OLD,
    bought: date | None = None,
    registered: date | None = None,
    po_number: str | None = None,
    serial: str | None = None,
    ownership: str = "owned",
    lease_end: date | None = None,
) -> Device:
    """Put one more device on the register, bought with others of its kind on one order."""
    number = len(company.devices) + 1
    bought = bought or min(since, OLD)
    owned = ownership == "owned"
    device = Device(
        tag=f"NW-{number:05d}",
        serial=f"{model.sku[:2]}{pick(90, number) + 10}K{number:04d}{'ABCDEFGH'[number % 8]}"
        if serial is None
        else serial,
        model=model,
        purchased=bought,
        registered=registered or since,
        po_number=order_number(model, bought) if po_number is None and owned else po_number or "",
        life=[Chapter(since, status, holder, place)],
        bin=f"R{number % 9 + 1}" if status == "in_stock" else "",
        ownership=ownership,
        lease_end=lease_end,
    )
    company.devices.append(device)
    return device


def order_number(model: Model, bought: date) -> str:
    """The order that everything of one article bought on one day came with."""
    return f"PO-{bought:%y%m%d}-{model.sku}"


def enrol(company: Company, device: Device, enrolled: date | None = None, **fields: Any) -> Endpoint:
    """Let the management system of its kind see the device."""
    number = len(company.endpoints)
    mobile = device.model.asset_class in ("phone", "tablet")
    named: Row = {
        "endpoint_id": f"{'mob' if mobile else 'dev'}-{pick(16**6, 'endpoint', number):06x}{number:04d}",
        "source": "mobile" if mobile else "mdm",
        "device": device,
        "serial": device.serial,
        "uuid": "" if mobile else str(UUID(int=(pick(2**32, "uuid", number) << 96) | (number + 4096) << 40 | 0x1234)),
        "maker": device.model.maker,
        "model": device.model.name,
        "asset_class": device.model.asset_class,
        "enrolled": enrolled or device.life[0].since,
        "asset_tag": device.tag if number % 4 == 0 else "",
        "encrypted": None if mobile else True,
    }
    endpoint = Endpoint(**(named | fields))
    company.endpoints.append(endpoint)
    return endpoint


def _laptops(company: Company) -> None:
    joined = day("2026-07-01")
    for number, person in enumerate(company.people):
        foreman = person.department == "Production" and number % 13 == 0
        if person.start >= joined or (person.end and person.end < joined) or not (person.in_office or foreman):
            continue
        since = max(person.start, day("2024-03-11") if number % 2 else OLD)
        model = LAPTOP_G3 if number % 2 else LAPTOP_G4
        model = {"Boston": LAPTOP_US, "London": LAPTOP_UK}.get(person.location, model)
        leased = number % 29 == 0
        device = add(
            company,
            model,
            person.location,
            person,
            since=since,
            bought=day("2024-03-11") if model is LAPTOP_G3 else OLD,
            ownership="leased" if leased else "owned",
            lease_end=day("2028-02-29") if leased else None,
        )
        endpoint = enrol(company, device)
        if person.leave:
            endpoint.write_in(MONTHS, last_seen_at=f"{person.leave[0]}T09:00:00Z")  # near-miss: on leave


def _phones_and_desktops(company: Company) -> None:
    travelling = [p for p in company.people if p.department in ("Sales", "Human Resources") and p.stays]
    for person in travelling[:65]:
        enrol(company, add(company, PHONE, person.location, person))
    for person in travelling[65:75]:
        enrol(company, add(company, TABLET, person.location, person))
    drawing = [p for p in company.people if p.department == "Research" and p.stays and p.location == "Hamburg"]
    for person in drawing[:12]:
        enrol(company, add(company, TOWER, person.location, person))


def _places(company: Company) -> None:
    """What belongs to a place rather than to a person."""
    offices = ("Hamburg", "Berlin", "München", "London", "Boston")
    for number in range(30):
        place = offices[number % 5]
        add(company, MONITOR, f"{place}/{number % 4 + 1}.OG" if number % 3 else place)
    for _ in range(12):
        add(company, WIDE, "Hamburg", po_number="PO-250113-POOL", bought=day("2025-01-13"))
    for number in range(8):
        add(company, DOCK, offices[number % 5])
    for number in range(8):
        add(company, PRINTER, (*offices, DEPOT)[number % 6])
    for model, count in ((SERVER, 8), (STORAGE, 3), (SWITCH, 10)):
        for number in range(count):
            # near-miss: servers are held by their room, which is a place and not a stranger
            add(company, model, DATA_CENTRE, DATA_CENTRE if number % 2 else None)
    for number in range(12):
        add(company, SCOPE if number < 4 else METER, offices[number % 3])
    for _ in range(4):
        add(company, PROJECTOR, DEPOT)


def _stock(company: Company) -> None:
    """Laptops on the shelf: not idle for half a year yet, and of articles nobody orders any more."""
    for number in range(10):
        add(company, LAPTOP_G3 if number % 2 else LAPTOP_G4, "Hamburg", status="in_stock", since=day("2026-05-20"))
    for number in range(4):
        add(company, MONITOR, DEPOT, status="in_stock", since=on("2026-06", 3 + number))


def _near_misses(company: Company) -> None:
    """Devices that look wrong to a careless eye and are not."""
    private = company.someone()
    for number, ownership in enumerate(("personal", "personal", "virtual")):
        company.endpoints.append(
            Endpoint(
                endpoint_id=f"own-{number:04d}",
                source="mobile" if ownership == "personal" else "mdm",
                serial=f"PRIV{number}XQ7" if ownership == "personal" else "VMware-42 1f",
                uuid="",
                maker="Fjell Oy",
                model="Fjell Six",
                asset_class="phone" if ownership == "personal" else "desktop",
                enrolled=day("2026-01-05"),
                user=private,
                ownership=ownership,
                encrypted=None,
            )
        )
    # re-enrolled after a new disk: the older record fell silent the day before
    laptop = company.device_of(company.someone())
    company.endpoint_of(laptop).write_in(MONTHS, last_seen_at="2026-06-23T08:00:00Z")
    enrol(company, laptop, on("2026-06", 24))
    # two records of one dual-boot machine, declared under [[multiplicities]]
    twin = company.device_of(company.someone())
    twin.serial = "HBDUALBOOT1"
    company.endpoint_of(twin).serial = twin.serial
    enrol(company, twin, day("2026-01-12"), serial=twin.serial)
    # a new main board reports a maker's placeholder, a new id and the UUID in the other byte order: the link is kept
    board = company.device_of(company.someone_remote())
    before = company.endpoint_of(board)
    before.asset_tag = ""
    before.leave_out((SEP, OCT))
    fields = UUID(before.uuid)
    swapped = str(UUID(bytes=fields.bytes_le)).upper()
    enrol(company, board, on(SEP, 2), serial="To Be Filled By O.E.M.", uuid=swapped, asset_tag="")
    # serials that begin with S, and one that the management system writes in another way
    for person in (company.someone(), company.someone()):
        laptop = company.device_of(person)
        laptop.serial = f"S{laptop.serial}"
        company.endpoint_of(laptop).serial = f" s/n: {laptop.serial.lower()} "
    # a hand-over: old and new laptop for some days
    keen = company.someone()
    fresh = add(company, LAPTOP_G5, "Hamburg", status="in_stock", since=on(OCT, 19), bought=on(OCT, 15))
    custody.assign(company, fresh, keen, on(OCT, 22))
    enrol(company, fresh, on(OCT, 22))
    # retired in September, awake once more the day after, while it was wiped; not yet collected
    closet = add(company, LAPTOP_OLD, "Hamburg", company.worker(), since=day("2021-04-20"), bought=day("2021-04-12"))
    enrol(company, closet).write_in((SEP, OCT), last_seen_at="2026-09-11T12:00:00Z", user_email="", user_name="")
    custody.retire(company, closet, on(SEP, 10))


def _joiners_and_leavers(company: Company) -> None:
    """Laptops for joiners are ordered, received, registered and assigned; those of leavers come back."""
    for month in MONTHS:
        first, last = on(month, 1), last_day(month)
        joining = [p for p in company.people if first <= p.start <= last and p.in_office]
        for person in joining:
            laptop = add(company, LAPTOP_G5, "Hamburg", status="in_stock", since=on(month, 2), bought=on(month, 2))
            custody.receive(company, laptop, on(month, 2))
            custody.assign(company, laptop, person, person.start)
            enrol(company, laptop, person.start)
            custody.ticket(company, "onboarding", first, person.start, person=person.person_id)
        for person in [p for p in company.people if p.end and first <= p.end <= last]:
            for device in [d for d in company.devices if d.on(person.end or last).custodian is person]:
                # near-miss: who leaves on the last day of the month brings it back two days later
                back = (person.end or last) + timedelta(days=2 if person.end == last else 0)
                custody.give_back(company, device, back, reason="left the company")
            custody.ticket(company, "offboarding", on(month, 4), person.end, person=person.person_id)


def _everyday(company: Company) -> None:
    """Transfers, moves, repairs and loans as they happen every month."""
    monitors = [d for d in company.devices if d.model is MONITOR and d.on(OLD).location.startswith("Hamburg")]
    meters = [d for d in company.devices if d.model is METER]
    for number, month in enumerate(MONTHS):
        phone = company.device_of(company.someone_with_phone(), "phone")
        custody.transfer(company, phone, company.someone(), on(month, 12))
        custody.relocate(company, monitors[number], "Berlin" if number else "München", on(month, 22))
        broken = company.device_of(company.someone())
        custody.repair(company, broken, on(month, 18), None if month == OCT else on(MONTHS[number + 1], 8))
        custody.check_out(
            company,
            company.someone(),
            on(month, 5),
            on(month, 19),
            asset_tag=meters[number].tag,
            due_at=f"{on(month, 26)}T18:00:00",
        )
    # both logs reach back to 2025: what they do not tell since then did not happen
    custody.check_out(company, company.someone(), day("2025-03-03"), day("2025-03-14"), asset_tag=meters[0].tag)
    custody.ticket(company, "repair", day("2025-02-17"), day("2025-02-21"), asset_tag=meters[1].tag)
    custody.ticket(company, "locate", on(JUL, 6), on(JUL, 7), sku="PUMP-24V")
    custody.ticket(company, "locate", on(SEP, 8), on(SEP, 8), sku="FILTER-H13")
    custody.ticket(company, "locate", on(OCT, 14), on(OCT, 15), sku="PUMP-24V")
    custody.ticket(company, "locate", on(OCT, 28), None, sku="PUMP-24V")
    custody.ticket(company, "purchase", on(JUL, 21), on(JUL, 23), sku="HD-2")
    # one more meter was asked for; the one on the shelf did, and nothing was bought
    custody.ticket(company, "purchase", on(OCT, 2), on(OCT, 6), sku=METER.sku)
