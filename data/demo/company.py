"""What the sample company is made of: records that tell, month by month, how their system writes them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from data.demo.calendar import MONTHS, last_day, month_of, pick

Row = dict[str, Any]
"""A line of a delivery: field → value, before it is written as text."""
OPENING = date(2026, 7, 1)
"""The day the sample begins."""


@dataclass(kw_only=True, eq=False)
class Record:
    """Something a state feed lists; what its system writes wrongly in some months is patched over the truth."""

    patches: dict[str, Row] = field(default_factory=lambda: defaultdict(dict))
    absent: set[str] = field(default_factory=set)

    def write_in(self, months: Iterable[str], **fields: Any) -> None:
        """Let the system write other values in these months."""
        for month in months:
            self.patches[month].update(fields)

    def leave_out(self, months: Iterable[str]) -> None:
        """Let the system not list the record in these months."""
        self.absent.update(months)

    def exists(self, month: str) -> bool:
        raise NotImplementedError

    def row(self, month: str) -> Row:
        raise NotImplementedError


def listed(records: Iterable[Record], month: str) -> list[Row]:
    """The rows of one month's delivery."""
    return [
        record.row(month) | record.patches.get(month, {})
        for record in records
        if month not in record.absent and record.exists(month)
    ]


@dataclass(kw_only=True, eq=False)
class Person(Record):
    """Somebody in HR's list."""

    person_id: str
    given: str
    family: str
    email: str
    username: str
    start: date
    department: str
    location: str
    cost_center: str
    employment_type: str = "employee"
    end: date | None = None
    leave: tuple[date, date] | None = None
    other_emails: tuple[str, ...] = ()
    shared_emails: tuple[str, ...] = ()
    manager_id: str = ""
    licensed: bool = True  # gets the products of everybody in the office
    keeps_seats: bool = False  # nobody takes the seats away when the person leaves

    def left(self, when: date) -> bool:
        return self.end is not None and self.end <= when

    def away(self, when: date) -> bool:
        return self.leave is not None and self.leave[0] <= when <= self.leave[1]

    def employed(self, when: date) -> bool:
        return self.start <= when and not self.left(when)

    @property
    def stays(self) -> bool:
        """Is there, at work, from the first to the last day of the sample."""
        return self.start < date(2026, 4, 1) and self.end is None and self.leave is None

    @property
    def in_office(self) -> bool:
        return self.department != "Production"

    def exists(self, month: str) -> bool:
        return self.start <= last_day(month) + timedelta(days=30)

    def row(self, month: str) -> Row:
        today = last_day(month)
        status = "active"
        if self.left(today):
            status = "terminated"
        elif self.away(today):
            status = "leave"
        elif self.start > today:
            status = "prehire"
        return {
            "person_id": self.person_id,
            "given": self.given,
            "family": self.family,
            "email": self.email,
            "other_emails": ";".join(self.other_emails + self.shared_emails),
            "username": self.username,
            "employment_type": self.employment_type,
            "status": status,
            "start_date": self.start,
            "end_date": self.end if self.left(today) else None,
            "manager_id": self.manager_id,
            "department": self.department,
            "cost_center": self.cost_center,
            "location": self.location,
        }


@dataclass(kw_only=True, eq=False)
class Account(Record):
    """A sign-in account of the directory."""

    account_id: str
    username: str
    email: str
    display_name: str
    created: date
    person_id: str = ""
    kind: str = "human"
    aliases: tuple[str, ...] = ()
    closed: date | None = None

    def exists(self, month: str) -> bool:
        return self.created <= last_day(month)

    def row(self, month: str) -> Row:
        today = last_day(month)
        closed = self.closed is not None and self.closed <= today
        used = (self.closed or today) - timedelta(days=1) if closed else today
        return {
            "account_id": self.account_id,
            "username": self.username,
            "email": self.email,
            "aliases": ";".join(self.aliases),
            "person_id": self.person_id,
            "display_name": self.display_name,
            "kind": self.kind,
            "status": "deprovisioned" if closed else "active",
            "last_login_at": at(max(self.created, used - timedelta(days=pick(9, self.account_id, month)))),
            "created_at": at(self.created),
        }


@dataclass(frozen=True)
class Model:
    """An article the company buys."""

    maker: str
    name: str
    sku: str
    asset_class: str
    cost: Decimal
    currency: str = "EUR"


@dataclass(frozen=True)
class Chapter:
    """A stretch of a device's life, from a day on."""

    since: date
    status: str
    custodian: Person | str | None
    location: str


@dataclass(kw_only=True, eq=False)
class Device(Record):
    """A row of the asset register and the life behind it."""

    tag: str
    serial: str
    model: Model
    purchased: date
    registered: date
    po_number: str
    life: list[Chapter]
    bin: str = ""
    ownership: str = "owned"
    lease_end: date | None = None
    uncounted_from: date | None = None  # no counter scans it from then on

    def enter(self, since: date, **changes: Any) -> None:
        """Begin a new chapter; what is not named stays as it was."""
        self.life.append(replace(self.on(since), since=since, **changes))
        self.life.sort(key=lambda chapter: chapter.since)

    def on(self, when: date) -> Chapter:
        past = [chapter for chapter in self.life if chapter.since <= when]
        return past[-1] if past else self.life[0]

    def status_since(self, when: date) -> date:
        since = self.on(when).since
        for chapter in reversed([chapter for chapter in self.life if chapter.since <= when]):
            if chapter.status != self.on(when).status:
                break
            since = chapter.since
        return since

    def used_until(self, when: date) -> date:
        """The last day up to `when` on which somebody used it."""
        last = when
        for chapter in reversed([chapter for chapter in self.life if chapter.since <= when]):
            if chapter.status == "in_use":
                return last
            last = chapter.since - timedelta(days=1)
        return last

    def exists(self, month: str) -> bool:
        return self.registered <= last_day(month)

    def row(self, month: str) -> Row:
        today = last_day(month)
        now = self.on(today)
        priced = self.ownership == "owned"
        return {
            "asset_tag": self.tag,
            "serial": self.serial,
            "manufacturer": self.model.maker,
            "model": self.model.name,
            "sku": self.model.sku,
            "asset_class": self.model.asset_class,
            "status": now.status,
            "status_since": self.status_since(today),
            "custodian": _addressed(now.custodian, self.tag),
            "location": now.location,
            "bin": self.bin,
            "ownership": self.ownership,
            "cost": self.model.cost if priced else None,
            "currency": self.model.currency if priced else None,
            "purchased_on": self.purchased,
            "po_number": self.po_number,
            "warranty_end": self.purchased + timedelta(days=1095),
            "lease_end": self.lease_end,
        }


def _addressed(custodian: Person | str | None, tag: str) -> str:
    """How the register names a custodian: by address, now and then by sign-in name or a further address."""
    if not isinstance(custodian, Person):
        return custodian or ""
    habit = pick(12, "register", tag)
    if habit == 0:
        return custodian.username
    if habit == 1 and custodian.other_emails:
        return custodian.other_emails[0]
    return custodian.email.title() if habit == 2 else custodian.email


@dataclass(kw_only=True, eq=False)
class Endpoint(Record):
    """A device as an endpoint management system sees it."""

    endpoint_id: str
    source: str  # mdm or mobile
    serial: str
    uuid: str
    maker: str
    model: str
    asset_class: str
    enrolled: date
    device: Device | None = None
    asset_tag: str = ""
    user: Person | None = None  # None: whoever holds the device
    ownership: str = "company"
    encrypted: bool | None = True

    def exists(self, month: str) -> bool:
        return self.enrolled <= last_day(month)

    def row(self, month: str) -> Row:
        today = last_day(month)
        custodian = self.device.on(today).custodian if self.device else None
        user = self.user or (custodian if isinstance(custodian, Person) else None)
        used = self.device.used_until(today) if self.device else today
        seen = used - timedelta(days=pick(6, self.endpoint_id, month)) if used == today else used
        alias = user is not None and user.other_emails and pick(5, "mdm", self.endpoint_id) == 0
        return {
            "endpoint_id": self.endpoint_id,
            "serial": self.serial,
            "uuid": self.uuid,
            "asset_tag": self.asset_tag,
            "hostname": f"{self.source}-{self.endpoint_id[-6:]}",
            "manufacturer": self.maker,
            "model": self.model,
            "asset_class": self.asset_class,
            "os": "Windows 11" if self.source == "mdm" else "Fjell OS 19",
            "user_email": "" if user is None else user.other_emails[0] if alias else user.email,
            "user_name": "" if user is None else user.username,
            "last_seen_at": at(max(seen, self.enrolled), 14),
            "enrolled_at": at(self.enrolled, 8),
            "managed": True,
            "ownership": self.ownership,
            "encrypted": self.encrypted,
        }


@dataclass(kw_only=True, eq=False)
class Seat(Record):
    """A user of a product as its console lists it."""

    product: str
    console: str
    seat_id: str
    email: str
    name: str
    assigned: date
    person: Person | None = None
    removed: date | None = None
    plan: str = ""
    status: str = "active"
    paid: bool = True

    def exists(self, month: str) -> bool:
        today = last_day(month)
        return self.assigned <= today and (self.removed is None or self.removed > today)

    def row(self, month: str) -> Row:
        today = last_day(month)
        used = today - timedelta(days=pick(12, self.product, self.seat_id, month))
        if self.person is not None and self.person.leave and self.person.away(today):
            used = self.person.leave[0] - timedelta(days=1)
        return {
            "product": self.product,
            "seat_id": self.seat_id,
            "email": self.email,
            "display_name": self.name,
            "plan": self.plan,
            "status": self.status,
            "paid": self.paid,
            "assigned_at": self.assigned,
            "last_active_at": max(used, self.assigned),
        }


@dataclass(kw_only=True, eq=False)
class Line(Record):
    """A line of a contract, in the books from a month on."""

    fields: Row
    since: str = MONTHS[0]

    def exists(self, month: str) -> bool:
        return month >= self.since

    def row(self, month: str) -> Row:
        return dict(self.fields)


@dataclass(frozen=True)
class Event:
    """A row of an event feed: the month that first delivers it, and the one that delivers its correction."""

    row: Row
    since: str
    until: str | None = None


@dataclass(frozen=True, order=True)
class Planted:
    """One line of the truth: this rule must be open on this subject at the end of this period."""

    rule: str
    subject: str
    period: str
    note: str


@dataclass
class Company:
    """Everything that is true about the sample company."""

    people: list[Person] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    stock: list[Line] = field(default_factory=list)
    ledger: list[Record] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    truth: list[Planted] = field(default_factory=list)
    unknown_orders: set[str] = field(default_factory=set)  # numbers procurement has never seen
    _cast: set[Person] = field(default_factory=set)

    def plant(self, rule: str, subject: str, months: Iterable[str], note: str) -> None:
        """Note that `rule` must be open on `subject` at the end of each of these months, and why."""
        self.truth.extend(Planted(rule, subject, month, note) for month in months)

    def log(self, feed: str, when: date, row: Row, *, since: str | None = None, until: str | None = None) -> None:
        """Add a row to an event feed, delivered in its own month unless `since` names a later one."""
        self.events[feed].append(Event(row, since or month_of(when), until))

    def number(self, feed: str, prefix: str) -> str:
        """The next free id of a feed's events."""
        return f"{prefix}-{len(self.events[feed]) + 1:05d}"

    def someone(self, fits: Callable[[Person], bool] = lambda p: p.location != "Remote") -> Person:
        """A person at a desk who stays all the time, holds a laptop and nothing else, and plays no other part."""
        held = Counter(self.holders())
        return self._take(lambda p: held[p] <= 1 and fits(p))

    def someone_remote(self) -> Person:
        """The same for a person whose devices no count ever meets."""
        return self.someone(lambda p: p.location == "Remote")

    def someone_with_phone(self) -> Person:
        """The same for a person who also holds a phone."""
        holders = set(self.holders("phone"))
        return self._take(lambda p: p in holders and p.location != "Remote")

    def _take(self, fits: Callable[[Person], bool]) -> Person:
        person = next(p for p in self.people[20:] if p.stays and p.in_office and p not in self._cast and fits(p))
        self._cast.add(person)
        return person

    def worker(self) -> Person:
        """Somebody in production who holds nothing and plays no other part."""
        taken = set(self.holders()) | self._cast
        person = next(p for p in self.people if p.stays and not p.in_office and p.licensed and p not in taken)
        self._cast.add(person)
        return person

    def holders(self, *asset_classes: str) -> list[Person | str | None]:
        """Who holds each device (of some classes) when the sample begins."""
        devices = [d for d in self.devices if not asset_classes or d.model.asset_class in asset_classes]
        return [device.on(OPENING).custodian for device in devices]

    def device_of(self, person: Person, asset_class: str = "laptop") -> Device:
        """The device of a class that a person holds when the sample begins."""
        return next(d for d in self.devices if d.on(OPENING).custodian is person and d.model.asset_class == asset_class)

    def endpoint_of(self, device: Device) -> Endpoint:
        """The first endpoint record of a device."""
        return next(e for e in self.endpoints if e.device is device)

    @property
    def approver(self) -> Person:
        """Who approves what happens to assets and is never a party to it."""
        return self.people[1]


def at(when: date, hour: int = 10) -> datetime:
    """That day at an hour, local time."""
    return datetime.combine(when, time(hour, pick(60, when, hour)))
