"""Planted cases: who holds what, in which state, and where."""

from datetime import date, timedelta

from data.demo import custody
from data.demo.calendar import AUG, FROM_AUG, FROM_SEP, JUL, MONTHS, OCT, SEP, day, last_day, on
from data.demo.company import Chapter, Company, Device, Event, Person, Row
from data.demo.counting import scan
from data.demo.devices import (
    DEPOT,
    LAPTOP_G3,
    LAPTOP_G4,
    METER,
    MONITOR,
    PHONE,
    PROJECTOR,
    TABLET,
    add,
    enrol,
)
from data.demo.people import newcomer


def plant_custody_cases(company: Company) -> None:
    """All cases of this module."""
    for case in (
        held_by_leaver,
        held_by_stranger,
        used_by_another,
        unrecorded_transfer,
        incomplete_transfer,
        overdue_checkout,
        excess_devices,
        unequipped_joiner,
        misplaced_asset,
        zombie_asset,
        stocked_but_active,
        unmanaged_device,
        silent_endpoint,
        unencrypted_device,
        overstayed_repair,
        lease_overdue,
        idle_stock,
        unapproved_write_off,
    ):
        case(company)


def held_by_leaver(company: Company) -> None:
    """A laptop that comes back in October, a phone that does not, and somebody who kept everything."""
    for end, back in ((on(JUL, 10), on(OCT, 6)), (on(AUG, 14), None)):
        leaver = company.someone_remote()
        _leave(company, leaver, end)
        laptop = company.device_of(leaver)
        months = tuple(m for m in MONTHS if last_day(m) > end and (back is None or last_day(m) < back))
        company.endpoint_of(laptop).write_in(
            [m for m in MONTHS if last_day(m) > end], last_seen_at=f"{end - timedelta(days=1)}T15:00:00Z"
        )
        if back:
            custody.give_back(company, laptop, back, reason="left the company")
        else:
            leaver.keeps_seats = True  # licence_cases.leaver_seat goes on from here
        company.plant("held-by-leaver", laptop.tag, months, f"custodian {leaver.person_id} left on {end}")
    # HR gives no last day: the status alone says it
    leaver = company.someone_with_phone()
    _leave(company, leaver, on(AUG, 20))
    leaver.write_in(FROM_AUG, end_date=None)
    custody.give_back(company, company.device_of(leaver), on(AUG, 20))
    phone = company.device_of(leaver, "phone")
    company.plant(
        "held-by-leaver", phone.tag, FROM_AUG, f"custodian {leaver.person_id} is terminated, last day unknown"
    )


def _leave(company: Company, leaver: Person, end: date) -> None:
    """The person leaves and the account is closed the day after."""
    leaver.end = end
    for account in company.accounts:
        if account.email == leaver.email:
            account.closed = end + timedelta(days=1)


def held_by_stranger(company: Company) -> None:
    """A laptop of somebody HR does not know, and a tablet of a team that is neither person nor place."""
    laptop = add(company, LAPTOP_G4, "Hamburg", "j.doe@oldfirm.example")
    enrol(company, laptop)
    company.plant("held-by-stranger", laptop.tag, MONTHS, "custodian j.doe@oldfirm.example is nobody in HR")
    tablet = add(company, TABLET, "Berlin", "Team Messebau", since=on(AUG, 6))
    enrol(company, tablet)
    custody.transfer(company, tablet, company.someone(), on(OCT, 6))
    company.plant("held-by-stranger", tablet.tag, (AUG, SEP), "custodian 'Team Messebau' is neither person nor place")


def used_by_another(company: Company) -> None:
    """The register names one person, endpoint management another."""
    laptop, user = company.device_of(company.someone()), company.someone()
    company.endpoint_of(laptop).write_in((AUG, SEP), user_email=user.email, user_name=user.username)
    company.plant("used-by-another", laptop.tag, (AUG, SEP), f"checks in for {user.person_id}")


def unrecorded_transfer(company: Company) -> None:
    """Phones change hands in the register and no movement says so; for one of them it is handed in late."""
    for number, months in enumerate((FROM_AUG, (AUG,))):
        giver, taker = company.someone_with_phone(), company.someone()
        phone = company.device_of(giver, "phone")
        phone.enter(on(AUG, 10 + number), custodian=taker, location=taker.location)
        if months == (AUG,):
            _hand_in_late(company, phone, giver, taker)
        company.plant(
            "unrecorded-transfer", phone.tag, months, f"{giver.person_id} in July, {taker.person_id} in August"
        )


def _hand_in_late(company: Company, phone: Device, giver: Person, taker: Person) -> None:
    row: Row = {
        "event_id": company.number("movements", "MV"),
        "kind": "transfer",
        "asset_tag": phone.tag,
        "from_person": giver.person_id,
        "to_person": taker.person_id,
        "to_location": taker.location,
        "occurred_at": f"{on(AUG, 11)}T11:00:00",
        "reason": "change of role",
        "condition": "used",
        "approved_by": company.approver.person_id,
    }
    company.log("movements", on(AUG, 11), row, since=SEP)


def incomplete_transfer(company: Company) -> None:
    """Entries that lack the approver or the condition, or are approved by a party to them; one is completed later."""
    for month, lacks, months, note in (
        (JUL, {"approved_by": ""}, MONTHS, "transfer without an approver"),
        (AUG, {"condition": ""}, (AUG,), "transfer without the condition; completed in September"),
        (SEP, None, FROM_SEP, "transfer approved by the person who received it"),
    ):
        giver, taker = company.someone_with_phone(), company.someone()
        phone = company.device_of(giver, "phone")
        fields: Row = dict(lacks) if lacks is not None else {"approved_by": taker.person_id}
        event = custody.transfer(company, phone, taker, on(month, 16), **fields)
        if months == (AUG,):
            _complete(company, event)
        company.plant("incomplete-transfer", event, months, note)
    leaver = company.someone()
    _leave(company, leaver, on(OCT, 8))
    event = custody.give_back(company, company.device_of(leaver), on(OCT, 8), condition="", reason="left the company")
    company.plant("incomplete-transfer", event, (OCT,), "return without the condition")


def _complete(company: Company, event_id: str) -> None:
    """Deliver the entry again in September, with the condition."""
    events = company.events["movements"]
    place = next(n for n, event in enumerate(events) if event.row["event_id"] == event_id)
    first = events[place]
    events[place] = Event(first.row, first.since, SEP)
    events.append(Event(first.row | {"condition": "used"}, SEP))


def overdue_checkout(company: Company) -> None:
    """A meter never brought back, an adapter brought back late, a tester lent to somebody who leaves."""
    meter = add(company, METER, DEPOT)
    borrower = company.someone()
    due = "2026-06-20T18:00:00"
    custody.check_out(company, borrower, day("2026-06-05"), None, asset_tag=meter.tag, due_at=due)
    company.plant("overdue-checkout", meter.tag, MONTHS, "due 20 June, no return")
    late = company.someone()
    custody.check_out(company, late, on(JUL, 10), on(SEP, 8), sku="ADP-USBC")
    company.plant("overdue-checkout", f"ADP-USBC/{late.person_id}", (AUG,), "no due date: 30 days after 10 July")
    leaver = company.someone()
    custody.check_out(company, leaver, on(SEP, 1), None, sku="TESTER-RJ45", due_at=f"{on(OCT, 30)}T18:00:00")
    _leave(company, leaver, on(SEP, 21))
    custody.give_back(company, company.device_of(leaver), on(SEP, 21), reason="left the company")
    company.plant(
        "overdue-checkout", f"TESTER-RJ45/{leaver.person_id}", FROM_SEP, "borrower left on 21 September; due at once"
    )


def excess_devices(company: Company) -> None:
    """Somebody keeps the old laptop beside the new one; it comes back in October."""
    keeper = company.someone()
    second = add(company, LAPTOP_G4, DEPOT, status="in_stock", since=day("2026-06-18"))
    custody.assign(company, second, keeper, on(AUG, 4))
    enrol(company, second, on(AUG, 4))
    custody.give_back(company, second, on(OCT, 7))
    company.plant("excess-devices", keeper.person_id, (AUG, SEP), f"two laptops in use; {second.tag} since 4 August")


def unequipped_joiner(company: Company) -> None:
    """Two joiners without a laptop; one gets it in October."""
    first = newcomer(company, on(AUG, 3))
    laptop = add(company, LAPTOP_G3, DEPOT, status="in_stock", since=day("2026-06-15"))
    custody.assign(company, laptop, first, on(OCT, 5))
    enrol(company, laptop, on(OCT, 5))
    company.plant("unequipped-joiner", first.person_id, (AUG, SEP), "started 3 August, laptop assigned on 5 October")
    second = newcomer(company, on(OCT, 5))
    company.plant("unequipped-joiner", second.person_id, (OCT,), "started 5 October, holds no laptop or desktop")
    newcomer(company, on(OCT, 29))  # near-miss: started two days ago


def misplaced_asset(company: Company) -> None:
    """Monitors scanned at another place than the register's; one is booked over in September."""
    monitor = add(company, MONITOR, "Hamburg")
    scan(company, "INV26-08-BER", on(AUG, 19), monitor.tag, "Berlin")
    custody.relocate(company, monitor, "Berlin", on(SEP, 7))
    company.plant("misplaced-asset", monitor.tag, (AUG,), "register says Hamburg, scanned in Berlin on 19 August")
    wandering = add(company, MONITOR, "München")
    scan(company, "INV26-10-LON", on(OCT, 13), wandering.tag, "London")
    company.plant("misplaced-asset", wandering.tag, (OCT,), "register says München, scanned in London on 13 October")
    # near-miss: moved with an entry after it had been scanned
    moved = add(company, MONITOR, "Berlin")
    custody.relocate(company, moved, "München", on(AUG, 25))
    # near-miss: people carry their laptops to other offices
    visitor = company.device_of(company.someone(lambda p: p.location == "Hamburg"))
    scan(company, "INV26-08-BER", on(AUG, 19), visitor.tag, "Berlin")


def zombie_asset(company: Company) -> None:
    """A lost phone that checks in, and a retired monitor that is scanned in another city."""
    owner = company.worker()
    phone = add(company, PHONE, "Remote", owner)
    enrol(company, phone).write_in(MONTHS, user_email="", user_name="")
    for month in MONTHS:
        company.endpoint_of(phone).write_in((month,), last_seen_at=f"{on(month, 24)}T06:00:00Z")
    phone.enter(day("2026-06-15"), status="lost", custodian=None)
    company.plant("zombie-asset", phone.tag, MONTHS, "lost since 15 June, checks in every month")
    monitor = add(company, MONITOR, "Hamburg")
    custody.retire(company, monitor, day("2026-06-20"))
    scan(company, "INV26-08-BER", on(AUG, 19), monitor.tag, "Berlin")
    monitor.enter(on(SEP, 3), status="in_stock", location="Berlin")
    custody.receive(company, monitor, on(SEP, 3))
    company.plant("zombie-asset", monitor.tag, (AUG,), "retired in Hamburg, scanned in Berlin on 19 August")


def stocked_but_active(company: Company) -> None:
    """A laptop booked into stock is in daily use."""
    laptop = add(company, LAPTOP_G3, DEPOT, status="in_stock", since=on(AUG, 10))
    endpoint = enrol(company, laptop, on(AUG, 10))
    for month, seen in ((AUG, on(AUG, 11)), (SEP, on(SEP, 25)), (OCT, on(OCT, 28))):
        endpoint.write_in((month,), last_seen_at=f"{seen}T07:00:00Z")
    company.plant("stocked-but-active", laptop.tag, FROM_SEP, "in stock since 10 August, checks in in September")


def unmanaged_device(company: Company) -> None:
    """A laptop leaves endpoint management; an open repair ticket shows that it exists."""
    laptop = company.device_of(company.someone_remote())
    company.endpoint_of(laptop).leave_out(FROM_AUG)
    custody.ticket(company, "repair", on(AUG, 20), None, asset_tag=laptop.tag)
    company.plant("unmanaged-device", laptop.tag, FROM_AUG, "no endpoint record since August, repair ticket open")


def silent_endpoint(company: Company) -> None:
    """A laptop that was scanned on a desk in September has not checked in since 10 August."""
    laptop = company.device_of(company.someone(lambda p: p.location == "München"))
    company.endpoint_of(laptop).write_in((AUG, SEP), last_seen_at=f"{on(AUG, 10)}T07:00:00Z")
    laptop.uncounted_from = on(JUL, 1)
    scan(company, "INV26-09-MUC", on(SEP, 16), laptop.tag, "München")
    company.plant("silent-endpoint", laptop.tag, (SEP,), "last check-in 10 August, scanned on 16 September")


def unencrypted_device(company: Company) -> None:
    """Disk encryption is off; for one of two it is switched on in August."""
    for months in (MONTHS, (JUL,)):
        laptop = company.device_of(company.someone())
        company.endpoint_of(laptop).write_in(months, encrypted=False)
        company.plant("unencrypted-device", laptop.tag, months, "endpoint management says encrypted = false")


def overstayed_repair(company: Company) -> None:
    """A laptop three months in the workshop, and one there without a ticket."""
    slow = company.device_of(company.someone())
    custody.repair(company, slow, day("2026-06-10"), on(OCT, 9))
    company.plant("overstayed-repair", slow.tag, (JUL, AUG, SEP), "in repair since 10 June, back on 9 October")
    silent = company.device_of(company.someone())
    silent.enter(on(OCT, 12), status="in_repair")
    company.plant("overstayed-repair", silent.tag, (OCT,), "in repair since 12 October, no repair ticket")


def lease_overdue(company: Company) -> None:
    """Leases that ended in July and on the last day of September, the laptops still in use."""
    for end, months in ((on(JUL, 15), MONTHS), (on(SEP, 30), (OCT,))):
        laptop = company.device_of(company.someone())
        laptop.ownership, laptop.po_number, laptop.lease_end = "leased", "", end
        company.plant("lease-overdue", laptop.tag, months, f"lease ended on {end}, still on the books")


def idle_stock(company: Company) -> None:
    """Tablets on the shelf for more than 180 days; one is assigned in September."""
    first = add(company, TABLET, DEPOT, status="in_stock", since=day("2026-01-15"))
    user = company.someone()
    custody.assign(company, first, user, on(SEP, 9))
    enrol(company, first, on(SEP, 9))
    company.plant("idle-stock", first.tag, (JUL, AUG), "in stock since 15 January; assigned on 9 September")
    second = add(company, PROJECTOR, DEPOT, status="in_stock", since=day("2026-03-20"))
    company.plant("idle-stock", second.tag, FROM_SEP, "in stock since 20 March, more than 180 days since 16 September")


def unapproved_write_off(company: Company) -> None:
    """A projector retired without a word, and a phone reported lost with its holder's own approval."""
    projector = add(company, PROJECTOR, DEPOT)
    projector.enter(on(AUG, 10), status="retired")
    company.plant(
        "unapproved-write-off", projector.tag, FROM_AUG, "retired on 10 August, no retire or dispose movement"
    )
    holder = company.someone_with_phone()
    phone = company.device_of(holder, "phone")
    custody.retire(company, phone, on(SEP, 14), reason="lost on a train", approved_by=holder.person_id)
    phone.life[-1] = Chapter(on(SEP, 14), "lost", None, phone.life[-1].location)
    company.endpoint_of(phone).write_in(FROM_SEP, last_seen_at=f"{on(SEP, 13)}T07:00:00Z")
    company.plant(
        "unapproved-write-off", phone.tag, FROM_SEP, "lost on 14 September, approved by the last custodian only"
    )
