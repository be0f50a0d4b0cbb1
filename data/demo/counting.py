"""Physical counts: what was to be counted, and every beep of the scanners."""

from datetime import date

from data.demo.calendar import AUG, JUL, OCT, SEP, day, on, pick
from data.demo.company import Company, Device, Row
from data.demo.devices import DATA_CENTRE, DEPOT, MANAGED

COUNTS = (
    ("INV25-HL", DEPOT, day("2025-06-17")),
    *((f"INV26-01-{code}", place, day("2026-01-20")) for code, place in (
        ("HAM", "Hamburg"), ("BER", "Berlin"), ("MUC", "München"), ("LON", "London"), ("BOS", "Boston"),
        ("HL", DEPOT), ("RZ", DATA_CENTRE),
    )),
    ("RZ26-06", DATA_CENTRE, day("2026-06-10")),
    ("INV26-07-HAM", "Hamburg", on(JUL, 14)),
    ("RZ26-07", DATA_CENTRE, on(JUL, 15)),
    ("INV26-08-BER", "Berlin", on(AUG, 19)),
    ("RZ26-09", DATA_CENTRE, on(SEP, 15)),
    ("INV26-09-MUC", "München", on(SEP, 16)),
    ("INV26-10-LON", "London", on(OCT, 13)),
    ("INV26-10-BOS", "Boston", on(OCT, 14)),
    ("INV26-10-HL", DEPOT, on(OCT, 20)),
)  # fmt: skip
BROKEN_OFF = "INV26-10-HL"
"""The count of the depot in October ended after an hour: it scanned less than the scanner declares."""


def scan(company: Company, count_id: str, when: date, code: str, place: str) -> None:
    """One beep of a scanner."""
    number = _scanned(company, count_id) + 1
    row: Row = {
        "count_id": count_id,
        "scan_id": f"{number:04d}",
        "code": code,
        "location": place,
        "bin": "",
        "scanned_at": f"{when}T{9 + number // 60:02d}:{number % 60:02d}:00",
        "scanned_by": "P1004",
        "condition": "ok",
    }
    company.log("scans", when, row)


def count(company: Company) -> None:
    """Scan what stands at each counted place, and write down what each count set out to do."""
    for count_id, place, when in COUNTS:
        if count_id not in ("INV25-HL", "RZ26-06"):
            found = [device for device in company.devices if _found(device, place, when)]
            for device in found[:3] if count_id == BROKEN_OFF else found:
                scan(company, count_id, when, _code(company, device), _room(device, when))
        scanned = _scanned(company, count_id)
        company.log(
            "counts",
            when,
            {
                "count_id": count_id,
                "location": place,
                "asset_class": "",
                "cut_off_at": f"{when}T08:00:00",
                "completed_at": f"{when}T17:30:00",
                "scans_expected": 25 if count_id == BROKEN_OFF else scanned,
                "counter": "P1004",
            },
        )


def _scanned(company: Company, count_id: str) -> int:
    return sum(event.row["count_id"] == count_id for event in company.events["scans"])


def _found(device: Device, place: str, when: date) -> bool:
    """Whether a counter meets it: what has no user, what is on the shelf, and most of the laptops on the desks."""
    now = device.on(when)
    if device.uncounted_from is not None and when >= device.uncounted_from:
        return False
    # near-miss: some have their laptop with them; endpoint management has seen those
    rests = device.model.asset_class not in MANAGED or now.status == "in_stock"
    rests = rests or pick(8, "desk", device.tag, when) > 0
    here = now.location.split("/")[0] == place
    known = device.registered <= when and now.since < when and device.life[0].since < when
    return here and known and rests and now.status in ("in_use", "in_stock")


def _code(company: Company, device: Device) -> str:
    """Tags mostly; shelved laptops by their serial, which the scanner gun sometimes prefixes with an S."""
    on_shelf = device.life[-1].status == "in_stock" and device.model.asset_class == "laptop" and device.serial
    if on_shelf:
        return f"S{device.serial}" if pick(2, "gun", device.tag) else device.serial
    return device.tag.lower() if pick(9, "case", device.tag) == 0 else device.tag


def _room(device: Device, when: date) -> str:
    """Where the scanner says it is: the register's place, at times a room of it or its short name."""
    place = device.on(when).location
    if "/" not in place and pick(5, "room", device.tag, when) == 0:
        return f"{place}/Lager"
    return "HH-Zentrale" if place == "Hamburg" and pick(7, "alias", device.tag) == 0 else place
