"""Writes the files of one month, most of them in the shapes their systems export."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import xlsxwriter

from data.demo.calendar import pick
from data.demo.company import Company, Row, listed
from data.demo.sources import CONTROLLED, DECLARED_MORE, NOT_DELIVERED, UNREADABLE_TICKET, WORKS_COUNCIL

Layout = Mapping[str, str | Callable[[Row], object]]
"""Header of a column → the field it shows, or how its text is made."""

WHOLE_HISTORY = {"movements", "license_moves", "purchases", "tickets"}
"""Event feeds whose every export begins at the beginning; the others bring what is new."""


def export(company: Company, month: str, folder: Path) -> None:
    """Write everything that people drop for one month."""
    folder.mkdir(parents=True, exist_ok=True)
    _hr(company, month, folder / "HR_Personalliste.csv")
    _canonical(folder / "accounts.csv", listed(company.accounts, month))
    _endpoint_management(company, month, folder)
    _consoles(company, month, folder)
    _register(company, month, folder / "Asset Register.xlsx")
    _ledger(company, month, folder / "Anlagenspiegel.csv")
    _canonical(folder / "entitlements.csv", listed(company.lines, month))
    _parquet(folder / "stock.parquet", listed(company.stock, month))
    _orders(company, month, folder / f"PO_Lines_{month}.csv")
    _tickets(company, month, folder / "helpdesk.csv")
    _scans(company, month, folder / "scanner")
    _json_lines(folder / "movements.jsonl", events(company, "movements", month))
    for feed in ("receipts", "invoices", "license_moves", "counts", "stock_counts", "disposals", "fx_rates"):
        columns = dict.fromkeys(name for event in company.events[feed] for name in event.row)
        _canonical(folder / f"{feed}.csv", events(company, feed, month), columns)


def events(company: Company, feed: str, month: str) -> list[Row]:
    """What an event feed's file of a month holds: what is new, or all that is known."""
    if feed in WHOLE_HISTORY:
        known = [e for e in company.events[feed] if e.since <= month and (e.until is None or month < e.until)]
    else:
        known = [e for e in company.events[feed] if e.since == month]
    return [event.row for event in known]


# ---- the systems -----------------------------------------------------------------------------------------------------


def _hr(company: Company, month: str, path: Path) -> None:
    """Windows-1252, semicolons, German words and dates."""
    contracts = {"employee": "unbefristet", "contractor": "extern", "intern": "Praktikum"}
    states = {"active": "aktiv", "leave": "Elternzeit", "prehire": "eintretend", "terminated": "ausgeschieden"}
    layout: dict[str, str | Callable[[Row], object]] = {
        "Personalnummer": "person_id",
        "Vorname": "given",
        "Nachname": "family",
        "E-Mail": "email",
        "Weitere E-Mails": "other_emails",
        "Benutzer": "username",
        "Vertragsart": lambda row: contracts[str(row["employment_type"])],
        "Status": lambda row: states[str(row["status"])],
        "Eintritt": lambda row: _german(row["start_date"]),
        "Austritt": lambda row: _german(row["end_date"]),
        "Führungskraft": "manager_id",
        "Abteilung": "department",
        "Kostenstelle": "cost_center",
        "Standort": "location",
        "Wochenstunden": lambda row: "38,50" if row["employment_type"] == "employee" else "40,00",
    }
    if month in WORKS_COUNCIL:
        layout["Betriebsrat"] = lambda row: "ja" if pick(40, "council", row["person_id"]) == 0 else "nein"
    _table(path, listed(company.people, month), layout, encoding="cp1252", delimiter=";")


def _endpoint_management(company: Company, month: str, folder: Path) -> None:
    """Laptops and desktops as CSV with a byte order mark, phones and tablets as JSON Lines."""
    owners = {"company": "Corporate", "personal": "Personal", "virtual": "Virtual"}
    layout: Layout = {
        "Device ID": "endpoint_id",
        "Serial Number": "serial",
        "Hardware UUID": "uuid",
        "Asset Tag": "asset_tag",
        "Device Name": "hostname",
        "Manufacturer": "manufacturer",
        "Model": "model",
        "Chassis": lambda row: {"laptop": "Notebook", "desktop": "Desktop"}[str(row["asset_class"])],
        "OS": "os",
        "Primary User Email": "user_email",
        "Primary User": "user_name",
        "Last Check-in": lambda row: _instant(row["last_seen_at"]),
        "Enrollment Date": lambda row: _instant(row["enrolled_at"]),
        "Ownership": lambda row: owners[str(row["ownership"])],
        "Disk Encrypted": lambda row: (
            {True: "Yes", False: "No"}.get(row["encrypted"] is True, "") if row["encrypted"] is not None else ""
        ),
    }
    computers = [endpoint for endpoint in company.endpoints if endpoint.source == "mdm"]
    _table(folder / "mdm_devices.csv", listed(computers, month), layout, encoding="utf-8-sig")
    mobile: Layout = {
        "deviceId": "endpoint_id",
        "serialNumber": "serial",
        "assetTag": "asset_tag",
        "manufacturer": "manufacturer",
        "model": "model",
        "deviceType": "asset_class",
        "osVersion": "os",
        "userPrincipalName": "user_email",
        "lastSyncDateTime": lambda row: _instant(row["last_seen_at"]),
        "enrolledDateTime": lambda row: _instant(row["enrolled_at"]),
        "ownerType": "ownership",
    }
    phones = [endpoint for endpoint in company.endpoints if endpoint.source == "mobile"]
    _json_lines(folder / "mobile_devices.jsonl", _laid_out(listed(phones, month), mobile))


def _consoles(company: Company, month: str, folder: Path) -> None:
    """Each console lists its users in its own way; the small ones as Tieout likes it."""
    rows = {
        console: listed([seat for seat in company.seats if seat.console == console], month)
        for console in dict.fromkeys(seat.console for seat in company.seats)
    }
    codes = {
        "Papyrus 365 E3": "PPX_E3",
        "Papyrus 365 F1": "PPX_F1",
        "Papyrus Mail": "PPX_MAIL",
        "Papyrus Diagram": "PPX_DIA",
    }
    papyrus: Layout = {
        "User principal name": "email",
        "Display name": "display_name",
        "Object ID": "seat_id",
        "License SKU": lambda row: codes[str(row["product"])],
        "Assigned on": "assigned_at",
        "Last activity date (UTC)": lambda row: _day_of(row["last_active_at"]),
        "Block credential": lambda row: "True" if row["status"] == "suspended" else "False",
    }
    _table(folder / "papyrus_license_export.csv", rows.pop("papyrus"), papyrus)
    signalhaus: Layout = {
        "username": "seat_id",
        "email": "email",
        "fullname": "display_name",
        "status": lambda row: {"active": "Member", "invited": "Invited", "suspended": "Deactivated"}[
            str(row["status"])
        ],
        "billing-active": lambda row: "1" if row["paid"] else "0",
        "date-joined": "assigned_at",
        "last-active": lambda row: _day_of(row["last_active_at"]),
    }
    _table(folder / "signalhaus-members.csv", rows.pop("signalhaus"), signalhaus)
    codeschmiede: Layout = {
        "id": "seat_id",
        "email": "email",
        "name": "display_name",
        "subscription": lambda row: str(row["product"]).replace("Codeschmiede ", "").lower(),
        "state": lambda row: "blocked" if row["status"] == "suspended" else "active",
        "created_at": lambda row: _instant(row["assigned_at"]),
        "last_activity_on": lambda row: _day_of(row["last_active_at"]),
    }
    _json_lines(folder / "codeschmiede_users.jsonl", _laid_out(rows.pop("codeschmiede"), codeschmiede))
    salesbridge: Layout = {
        "User ID": "seat_id",
        "First Name": lambda row: str(row["display_name"]).partition(" ")[0],
        "Last Name": lambda row: str(row["display_name"]).partition(" ")[2],
        "Email": "email",
        "Status": lambda row: "Frozen" if row["status"] == "suspended" else "Active",
        "Created Date": lambda row: f"{row['assigned_at']:%d/%m/%Y}",
        "Last Login": lambda row: f"{row['last_active_at']:%d/%m/%Y}",
    }
    _table(folder / "Salesbridge Users.csv", rows.pop("salesbridge"), salesbridge)
    for console, seats in rows.items():
        if (console, month) not in NOT_DELIVERED:
            _canonical(
                folder / f"seats.{console}.csv", seats if console != "formwerk" else _vouched(seats, month, folder)
            )


def _vouched(seats: list[Row], month: str, folder: Path) -> list[Row]:
    """The rows of the console that sends a control file; in one month a row gets lost on the way."""
    control = folder / "seats.formwerk.csv.control.toml"
    said = f'rows = {len(seats)}\nextracted_at = {CONTROLLED[month]}T06:30:00+02:00\nextracted_by = "cron"\n'
    control.write_text(said + 'system = "Formwerk EU-1"\nfilters = "paid users"\n', encoding="utf-8")
    return seats[:-1] if month in DECLARED_MORE else seats


def _register(company: Company, month: str, path: Path) -> None:
    """A workbook with two lines above its header, real dates and numbers."""
    states = {
        "in_stock": "Ready to Deploy",
        "in_use": "Deployed",
        "in_repair": "Out for Repair",
        "retired": "Archived",
        "disposed": "Disposed",
        "lost": "Lost/Stolen",
    }
    classes = {"laptop": "Laptops", "phone": "Mobile Phones", "monitor": "Displays", "network": "Switches"}
    layout: Layout = {
        "Asset Tag": "asset_tag",
        "Serial": "serial",
        "Manufacturer": "manufacturer",
        "Model": "model",
        "Model No.": "sku",
        "Category": lambda row: classes.get(str(row["asset_class"]), row["asset_class"]),
        "Status": lambda row: states[str(row["status"])],
        "Status Changed": "status_since",
        "Checked Out To": "custodian",
        "Location": "location",
        "Shelf": "bin",
        "Ownership": "ownership",
        "Purchase Cost": "cost",
        "Currency": "currency",
        "Purchase Date": "purchased_on",
        "Order Number": "po_number",
        "Warranty Expires": "warranty_end",
        "Lease Ends": "lease_end",
    }
    rows = _laid_out(listed(company.devices, month), layout)
    rows.insert(9, rows[3])  # near-miss: the very same row twice
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001 - the same bytes every time
        sheet = book.add_worksheet("Assets")
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_string(0, 0, f"Nordwind Instruments, asset register, {month}")
        for across, name in enumerate(layout):
            sheet.write_string(2, across, name)
        for down, row in enumerate(rows, 3):
            for across, value in enumerate(row.values()):
                if isinstance(value, date):
                    sheet.write_datetime(down, across, value, dated)
                elif isinstance(value, Decimal):
                    sheet.write_number(down, across, float(value))
                elif value not in (None, ""):
                    sheet.write_string(down, across, str(value))


def _ledger(company: Company, month: str, path: Path) -> None:
    """Finance's own report: Windows-1252, 1.299,99 and 31.12.2026."""
    layout: Layout = {
        "Anlage": "ledger_id",
        "Inventarnummer": "asset_tag",
        "Seriennummer": "serial",
        "Bestellung": "po_number",
        "Position": "po_line_no",
        "Menge": "quantity",
        "AHK": lambda row: _german_money(row["cost"]),
        "kum. AfA": lambda row: _german_money(row["accumulated_depreciation"]),
        "Währung": "currency",
        "Aktivierung": lambda row: _german(row["in_service_on"]),
        "ND (Monate)": "life_months",
        "Abgang": lambda row: _german(row["disposed_on"]),
    }
    _table(path, listed(company.ledger, month), layout, encoding="cp1252", delimiter=";")


def _orders(company: Company, month: str, path: Path) -> None:
    """Order lines with $1,299.00 and 07/31/2026."""
    signs = {"EUR": "€", "USD": "$", "GBP": "£"}
    layout: Layout = {
        "PO Number": "po_number",
        "Line": "line_no",
        "Supplier": "vendor",
        "Item No.": "sku",
        "Item Description": "description",
        "Category": "asset_class",
        "Qty": "quantity",
        "Unit Price": lambda row: f"{signs[str(row['currency'])]}{Decimal(str(row['unit_cost'])):,.2f}",
        "Currency": "currency",
        "Order Date": lambda row: f"{row['ordered_on']:%m/%d/%Y}",
        "Due Date": lambda row: f"{row['expected_on']:%m/%d/%Y}" if row["expected_on"] else "",
        "Line Status": lambda row: str(row["status"]).upper(),
        "Requested By": "requested_by",
        "Cost Center": "cost_center",
    }
    _table(path, events(company, "purchases", month), layout)


def _tickets(company: Company, month: str, path: Path) -> None:
    """The help desk's queue in its own words."""
    kinds = {
        "repair": "Incident - Hardware",
        "onboarding": "Request - New Hire",
        "offboarding": "Request - Leaver",
        "locate": "Request - Where Is",
        "purchase": "Request - Purchase",
    }
    layout: Layout = {
        "Number": "ticket_id",
        "Type": lambda row: kinds[str(row["kind"])],
        "State": lambda row: "Resolved" if row["status"] == "closed" else "In Progress",
        "Configuration Item": "asset_tag",
        "Article": "sku",
        "Affected User": "person",
        "Opened": "opened_at",
        "Resolved": "closed_at",
    }
    rows = events(company, "tickets", month)
    if month in ("2026-08", "2026-09", "2026-10"):
        rows = [*rows, UNREADABLE_TICKET]
    _table(path, rows, layout)


def _scans(company: Company, month: str, folder: Path) -> None:
    """One file a scanner; two counters share the larger counts."""
    folder.mkdir(exist_ok=True)
    layout: Layout = {
        "Count": "count_id",
        "Seq": "scan_id",
        "Barcode": "code",
        "Place": "location",
        "Shelf": "bin",
        "Time": "scanned_at",
        "User": "scanned_by",
        "Condition": "condition",
    }
    rows = events(company, "scans", month)
    for number in (1, 2):
        own = [row for row in rows if int(str(row["scan_id"])) % 2 == number % 2]
        _table(folder / f"scanner-{number}.csv", own, layout)


# ---- formats ---------------------------------------------------------------------------------------------------------


def _laid_out(rows: Iterable[Row], layout: Layout) -> list[Row]:
    return [
        {name: row.get(shown) if isinstance(shown, str) else shown(row) for name, shown in layout.items()}
        for row in rows
    ]


def _table(path: Path, rows: Iterable[Row], layout: Layout, encoding: str = "utf-8", delimiter: str = ",") -> None:
    text = io.StringIO()
    out = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    out.writerow(layout)
    out.writerows([_text(value) for value in row.values()] for row in _laid_out(rows, layout))
    path.write_bytes(text.getvalue().encode(encoding))


def _canonical(path: Path, rows: list[Row], columns: Iterable[str] = ()) -> None:
    """The feed's own names; of `columns` those that a row lacks are empty."""
    _table(path, rows, {name: name for name in columns or rows[0]})


def _json_lines(path: Path, rows: Iterable[Row]) -> None:
    lines = [
        json.dumps({name: _text(value) for name, value in row.items() if value not in (None, "")}, ensure_ascii=False)
        for row in rows
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _parquet(path: Path, rows: list[Row]) -> None:
    columns = {name: [_text(row[name]) or None for row in rows] for name in rows[0]}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    frame.with_columns(pl.col("quantity").cast(pl.Int64), pl.col("unit_cost").cast(pl.Decimal(12, 2))).write_parquet(
        path
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _instant(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, date) else str(value)


def _day_of(value: object) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value)


def _german(value: object) -> str:
    return f"{value:%d.%m.%Y}" if isinstance(value, date) else ""


def _german_money(value: object) -> str:
    return f"{Decimal(str(value)):,.2f}".translate(str.maketrans(",.", ".,"))
