"""A sample company for trying Tieout: four months of deliveries in which every rule has something to find.

`write` lays out a workspace; `planted` is the truth about it. The same bytes come out every time.
"""

import csv
from pathlib import Path

from data.demo.calendar import MONTHS
from data.demo.company import Company, Planted
from data.demo.counting import count
from data.demo.custody_cases import plant_custody_cases
from data.demo.device_cases import plant_device_cases
from data.demo.devices import furnish
from data.demo.disposal import dispose_of_old_devices, plant_disposal_cases
from data.demo.exports import export
from data.demo.licence_cases import plant_bill_cases, plant_position_cases, plant_seat_cases
from data.demo.licences import bill_everything, license_everybody, reassign, sign_contracts
from data.demo.people import populate
from data.demo.purchasing import capitalise, order_everything, quote_rates
from data.demo.purchasing_cases import plant_ledger_cases, plant_order_cases
from data.demo.sources import plant_source_cases
from data.demo.spares import count_stock, plant_spare_cases, stock_up

_SETTINGS = Path(__file__).with_name("workspace.toml")


def write(directory: Path) -> Path:
    """Write the sample workspace (settings, inbox, planted.csv) into a directory and give that directory."""
    company, expected = _company()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tieout.toml").write_bytes(_SETTINGS.read_bytes())
    for month in MONTHS:
        export(company, month, directory / "inbox" / month)
    with (directory / "planted.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("rule", "subject", "period", "note"))
        out.writerows((p.rule, p.subject, p.period, p.note) for p in sorted(company.truth + expected))
    return directory


def planted() -> list[Planted]:
    """Every exception and source exception that must be open, one line for each month's end at which it is."""
    company, expected = _company()
    return sorted(company.truth + expected)


def _company() -> tuple[Company, list[Planted]]:
    """Let the company live through its months; the order matters, each step builds on those before."""
    company = Company()
    populate(company)
    furnish(company)
    plant_device_cases(company)
    plant_custody_cases(company)
    plant_order_cases(company)
    dispose_of_old_devices(company)
    plant_disposal_cases(company)
    stock_up(company)
    plant_spare_cases(company)
    count_stock(company)
    license_everybody(company)
    plant_seat_cases(company)
    sign_contracts(company)
    plant_position_cases(company)
    bill_everything(company)
    reassign(company)
    expected = plant_source_cases(company)
    plant_bill_cases(company)
    order_everything(company)
    capitalise(company)
    plant_ledger_cases(company)
    quote_rates(company)
    count(company)
    return company, expected
