"""The tables that sources deliver: every feed with its columns, types, keys and meaning.

This module is the contract. The docs page, the pandera contracts and the parser are made from it, so a feed
is described in one place only. `*` in the docs = required; bold = part of the feed's key inside one source.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import polars as pl

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""What a last-used field holds when its system says *never*; null there means *unknown*."""

SCALE = 10
"""Decimal places kept for money, quantities and rates on their way through the house."""

ASSET_CLASSES = (
    "laptop", "desktop", "phone", "tablet", "monitor", "dock", "peripheral", "server", "storage", "network",
    "printer", "accessory", "consumable", "cable", "test_equipment", "other",
)  # fmt: skip
_PLURALS = {f"{name.removesuffix('y')}ie" if name.endswith("y") else name: name for name in ASSET_CLASSES}
CLASS_WORDS = {name: name for name in ASSET_CLASSES} | {
    f"{stem}{end}": name for stem, name in _PLURALS.items() for end in ("s", "es")
}
"""What names an asset class in the form that `canonical` gives: its name and its simple plurals."""

DATA_BEARING = ("laptop", "desktop", "server", "phone", "tablet", "storage", "network")
"""Asset classes that hold data unless their row says otherwise."""


def canonical(word: str) -> str:
    """A word as names of columns, classes and values are compared: any case, outer space gone, `-`, space, `_` one."""
    return re.sub(r"[-_\s]+", "_", word.strip().lower())


class Kind(StrEnum):
    """How a column's text is read."""

    TEXT = "text"
    ID = "identifier"  # text, always: 00123 and 5E12 survive
    PERSON = "person"  # a person_id, e-mail address or username; resolution decides
    LIST = "list"  # ';' between values
    DATE = "date"
    INSTANT = "instant"
    USED = "last used"  # an instant, or NEVER
    NUMBER = "number"
    INTEGER = "integer"
    SPAN = "span"  # a number of days or months, small enough to reckon with dates
    MONEY = "money"
    RATE = "rate"  # above zero: what is converted is neither lost nor turned round
    CURRENCY = "currency"
    BOOL = "boolean"
    ENUM = "enumeration"
    ASSET_CLASS = "asset class"

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type a staged column of this kind has."""
        return _DTYPES.get(self, pl.String())


_DTYPES: Mapping[Kind, pl.DataType] = {
    Kind.LIST: pl.List(pl.String),
    Kind.DATE: pl.Date(),
    Kind.INSTANT: pl.Datetime("us", "UTC"),
    Kind.USED: pl.Datetime("us", "UTC"),
    Kind.NUMBER: pl.Decimal(38, SCALE),
    Kind.MONEY: pl.Decimal(38, SCALE),
    Kind.RATE: pl.Decimal(38, SCALE),
    Kind.INTEGER: pl.Int64(),
    Kind.SPAN: pl.Int64(),
    Kind.BOOL: pl.Boolean(),
}


@dataclass(frozen=True)
class Column:
    """One field of a feed.

    `key` columns identify a row inside one source and are required. `default` stands in for an empty value.
    `completes` marks an instant that has not happened yet when it lies after as_of.
    """

    name: str
    kind: Kind
    doc: str
    key: bool = False
    required: bool = False
    values: tuple[str, ...] = ()
    default: str | bool | int | None = None
    completes: bool = False


@dataclass(frozen=True)
class Feed:
    """One canonical table contract.

    A *state* feed's delivery is the whole of its source at one instant; an *event* feed's deliveries add up.
    `dated` is the column by which an event happened (rows after as_of are cut); None for state feeds.
    """

    name: str
    system: str
    doc: str
    columns: tuple[Column, ...]
    dated: str | None = None

    @property
    def is_state(self) -> bool:
        return self.dated is None

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.key)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.required)

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def __contains__(self, name: str) -> bool:
        return any(c.name == name for c in self.columns)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column name → type of the staged table, without the bookkeeping columns."""
        return {c.name: c.kind.dtype for c in self.columns}


def _key(name: str, doc: str, kind: Kind = Kind.ID) -> Column:
    return Column(name, kind, doc, key=True, required=True)


def _must(name: str, kind: Kind, doc: str, values: tuple[str, ...] = ()) -> Column:
    return Column(name, kind, doc, required=True, values=values)


def _may(name: str, kind: Kind, doc: str, default: str | bool | int | None = None) -> Column:
    return Column(name, kind, doc, default=default)


def _enum(name: str, values: str, doc: str, *, required: bool = False, default: str | None = None) -> Column:
    return Column(name, Kind.ENUM, doc, required=required, values=tuple(values.split()), default=default)


TEXT, ID, PERSON, LIST = Kind.TEXT, Kind.ID, Kind.PERSON, Kind.LIST
DATE, INSTANT, USED = Kind.DATE, Kind.INSTANT, Kind.USED
NUMBER, INTEGER, SPAN = Kind.NUMBER, Kind.INTEGER, Kind.SPAN
MONEY, RATE, CURRENCY = Kind.MONEY, Kind.RATE, Kind.CURRENCY
BOOL, ASSET_CLASS = Kind.BOOL, Kind.ASSET_CLASS

_ALL = (
    Feed("people", "HR", "Everyone the organisation employs or has employed.", (
        _key("person_id", "the HR system's id of the person"),
        _must("full_name", TEXT, "name as HR writes it"),
        _may("email", TEXT, "own address"),
        _may("other_emails", LIST, "further and former addresses"),
        _may("username", ID, "sign-in name"),
        _enum("employment_type", "employee contractor intern other", "kind of contract"),
        _enum("status", "active leave prehire terminated", "employment as HR sees it", required=True),
        _may("start_date", DATE, "first day"),
        _may("end_date", DATE, "last day, which still counts as employed"),
        _may("manager_id", ID, "person_id of the manager"),
        _may("department", TEXT, "department"),
        _may("cost_center", TEXT, "cost centre"),
        _may("location", TEXT, "place of work"),
    )),
    Feed("accounts", "identity provider", "Sign-in accounts of the directory.", (
        _key("account_id", "the directory's id of the account"),
        _must("username", ID, "sign-in name"),
        _may("email", TEXT, "primary address"),
        _may("aliases", LIST, "further addresses"),
        _may("person_id", ID, "HR's id, where the directory carries it"),
        _may("display_name", TEXT, "name shown"),
        _enum("kind", "human service shared admin guest", "what the account is for", default="human"),
        _enum("status", "active suspended deprovisioned", "state of the account", required=True),
        _may("last_login_at", USED, "last sign-in"),
        _may("created_at", INSTANT, "creation"),
    )),
    Feed("endpoints", "MDM, endpoint management", "Devices that report to a management system.", (
        _key("endpoint_id", "the management system's id of the device"),
        _may("serial", ID, "serial number as reported"),
        _may("uuid", ID, "hardware UUID as reported"),
        _may("asset_tag", ID, "asset tag, where the management system carries it"),
        _may("hostname", TEXT, "host name; never used to match"),
        _may("manufacturer", TEXT, "maker"),
        _may("model", TEXT, "model"),
        _may("asset_class", ASSET_CLASS, "class of device"),
        _may("os", TEXT, "operating system"),
        _may("user_email", TEXT, "address of the user"),
        _may("user_name", ID, "sign-in name of the user"),
        _must("last_seen_at", USED, "last check-in"),
        _may("enrolled_at", INSTANT, "enrolment"),
        _may("managed", BOOL, "is under management", default=True),
        _enum("ownership", "company personal virtual", "whose device it is", default="company"),
        _may("encrypted", BOOL, "disk encryption is on; empty = unknown"),
    )),
    Feed("seats", "SaaS admin consoles", "Users of licensed products as the consoles list them.", (
        _key("product", "what one price line buys", TEXT),
        _key("seat_id", "the console's user id"),
        _may("email", TEXT, "address of the user"),
        _may("display_name", TEXT, "name shown"),
        _may("plan", TEXT, "plan or tier"),
        _enum("status", "active suspended invited", "state of the seat", required=True),
        _may("paid", BOOL, "the seat is billed", default=True),
        _may("assigned_at", INSTANT, "assignment"),
        _may("last_active_at", USED, "last use"),
    )),
    Feed("entitlements", "procurement: contracts, subscriptions", "Contract lines: what was bought.", (
        _key("contract_id", "contract or subscription"),
        _key("line_no", "line of the contract"),
        _must("vendor", TEXT, "seller"),
        _must("product", TEXT, "what the line buys"),
        _may("plan", TEXT, "plan or tier"),
        _enum("metric", "user device concurrent core consumption site", "what is counted", default="user"),
        _must("quantity", NUMBER, "units bought"),
        _may("minimum_quantity", NUMBER, "units below which it cannot be reduced"),
        _must("unit_price", MONEY, "price of one unit for one billing period"),
        _must("currency", CURRENCY, "currency of the price"),
        _enum("billing_period", "monthly quarterly annual term", "what the unit price pays for", required=True),
        _must("term_start", DATE, "first day in force"),
        _may("term_end", DATE, "last day in force; empty = perpetual"),
        _may("committed_until", DATE, "last day of the commitment; empty = term_end"),
        _may("auto_renew", BOOL, "renews by itself", default=False),
        _may("notice_days", SPAN, "days of notice before the commitment ends"),
        _enum("reduction", "anytime renewal_only", "when units may be given back", default="renewal_only"),
        _enum("refund", "none prorata", "whether a billed part is refunded", default="none"),
        _may("owner", TEXT, "who answers for the contract"),
        _may("cost_center", TEXT, "cost centre"),
    )),
    Feed("invoices", "procurement, accounts payable", "Invoice lines for licences.", (
        _key("invoice_id", "invoice number"),
        _key("line_no", "line of the invoice"),
        _may("vendor", TEXT, "seller"),
        _must("product", TEXT, "what is billed"),
        _may("contract_id", ID, "contract it is billed under"),
        _must("period_start", DATE, "first day billed"),
        _must("period_end", DATE, "last day billed"),
        _may("invoiced_on", DATE, "invoice date"),
        _enum("kind", "subscription true_up overage one_off credit", "kind of charge", default="subscription"),
        _must("quantity", NUMBER, "units billed"),
        _must("amount", MONEY, "net of recoverable tax, after discount; credits negative"),
        _must("currency", CURRENCY, "currency of the amount"),
    ), dated="period_start"),
    Feed("purchases", "procurement: purchase orders", "Purchase order lines.", (
        _key("po_number", "purchase order"),
        _key("line_no", "line of the order"),
        _may("vendor", TEXT, "seller"),
        _may("sku", ID, "article"),
        _may("description", TEXT, "text of the line"),
        _may("asset_class", ASSET_CLASS, "class ordered"),
        _must("quantity", NUMBER, "units ordered"),
        _must("unit_cost", MONEY, "price of one unit"),
        _must("currency", CURRENCY, "currency of the price"),
        _must("ordered_on", DATE, "order date"),
        _may("expected_on", DATE, "promised delivery"),
        _enum("status", "open closed cancelled", "state of the line", default="open"),
        _may("requested_by", PERSON, "who asked"),
        _may("cost_center", TEXT, "cost centre"),
    ), dated="ordered_on"),
    Feed("receipts", "receiving dock", "What arrived, one row a unit when serialised.", (
        _key("receipt_id", "delivery note"),
        _key("line_no", "line of the note"),
        _must("po_number", ID, "purchase order it belongs to"),
        _must("po_line_no", ID, "line of that order"),
        _may("serial", ID, "serial number of the unit"),
        _must("quantity", NUMBER, "units received"),
        _must("received_on", DATE, "day of receipt"),
        _may("location", TEXT, "where"),
    ), dated="received_on"),
    Feed("assets", "asset register (the system of record)", "What the organisation says it has.", (
        _key("asset_tag", "asset tag"),
        _may("serial", ID, "serial number"),
        _may("manufacturer", TEXT, "maker"),
        _may("model", TEXT, "model"),
        _may("sku", ID, "article"),
        _must("asset_class", ASSET_CLASS, "class of asset"),
        _enum("status", "on_order in_stock in_use in_repair retired disposed lost", "register status", required=True),
        _may("status_since", DATE, "day the status was set"),
        _may("custodian", PERSON, "who holds it"),
        _may("location", TEXT, "where it is"),
        _may("bin", ID, "bin or shelf"),
        _enum("ownership", "owned leased loaned consigned personal", "whose it is", default="owned"),
        _may("cost", MONEY, "acquisition cost"),
        _may("currency", CURRENCY, "currency of the cost"),
        _may("purchased_on", DATE, "purchase date"),
        _may("po_number", ID, "purchase order"),
        _may("warranty_end", DATE, "last day of warranty"),
        _may("lease_end", DATE, "last day of the lease"),
        _may("data_bearing", BOOL, "holds data; empty follows the asset class"),
        _may("updated_at", INSTANT, "last edit of the register row"),
    )),
    Feed("movements", "lifecycle events, check-out log", "What happened to assets and stock.", (
        _key("event_id", "id of the event"),
        _enum(
            "kind",
            "receive tag assign transfer return checkout checkin repair_out repair_in reclaim retire dispose",
            "what happened",
            required=True,
        ),
        _may("asset_tag", ID, "asset tag"),
        _may("serial", ID, "serial number"),
        _may("sku", ID, "article, for stock"),
        _may("quantity", NUMBER, "units, for stock"),
        _may("from_person", PERSON, "who gave it"),
        _may("to_person", PERSON, "who got it"),
        _may("from_location", TEXT, "where it was"),
        _may("to_location", TEXT, "where it went"),
        _must("occurred_at", INSTANT, "when"),
        _may("due_at", INSTANT, "when it is due back"),
        _may("reason", TEXT, "why"),
        _may("condition", TEXT, "in what state"),
        _may("approved_by", PERSON, "who approved"),
        Column("confirmed_at", INSTANT, "when the receiver confirmed", completes=True),
        _may("document_id", ID, "document that proves it"),
        _may("ticket_id", ID, "ticket it belongs to"),
    ), dated="occurred_at"),
    Feed("license_moves", "licence reassignments", "Seats that changed hands.", (
        _key("event_id", "id of the event"),
        _must("product", TEXT, "product"),
        _may("from_person", PERSON, "who gave it up"),
        _may("to_person", PERSON, "who got it"),
        _must("quantity", NUMBER, "seats moved"),
        _must("occurred_at", INSTANT, "when"),
        _may("reason", TEXT, "why"),
        _may("approved_by", PERSON, "who approved"),
    ), dated="occurred_at"),
    Feed("counts", "physical counts: scope", "What a physical count set out to count.", (
        _key("count_id", "id of the count"),
        _key("location", "place counted", TEXT),
        _may("asset_class", ASSET_CLASS, "class counted; empty = all"),
        _must("cut_off_at", INSTANT, "instant the count speaks for"),
        Column("completed_at", INSTANT, "when it was finished; empty = not yet", completes=True),
        _may("scans_expected", INTEGER, "scans the scanner declares"),
        _may("counter", PERSON, "who counted"),
    ), dated="cut_off_at"),
    Feed("scans", "physical counts: barcode scans", "What the scanners read.", (
        _key("count_id", "count it belongs to"),
        _key("scan_id", "id of the scan"),
        _must("code", ID, "serial or tag, as scanned"),
        _must("location", TEXT, "where it was scanned"),
        _may("bin", ID, "bin or shelf"),
        _must("scanned_at", INSTANT, "when"),
        _may("scanned_by", PERSON, "who"),
        _may("condition", TEXT, "in what state"),
    ), dated="scanned_at"),
    Feed("stock", "spares ledger (book quantities)", "Spares as the book has them.", (
        _key("sku", "article"),
        _key("location", "store", TEXT),
        _key("bin", "bin or shelf"),
        _must("quantity", NUMBER, "book quantity"),
        _may("minimum", NUMBER, "minimum to hold"),
        _may("maximum", NUMBER, "maximum to hold"),
        _may("critical", BOOL, "work stops without it", default=False),
        _enum("abc", "A B C", "class of value; empty = C", default="C"),
        _may("unit_cost", MONEY, "value of one unit"),
        _may("currency", CURRENCY, "currency of the value"),
        _may("description", TEXT, "text"),
    )),
    Feed("stock_counts", "physical counts: spares", "Counted quantities of spares.", (
        _key("count_id", "id of the count"),
        _key("sku", "article"),
        _key("location", "store", TEXT),
        _key("bin", "bin or shelf"),
        _must("quantity", NUMBER, "counted quantity"),
        _must("counted_at", INSTANT, "when"),
        _may("counted_by", PERSON, "who"),
    ), dated="counted_at"),
    Feed("tickets", "help desk", "Requests about devices and people.", (
        _key("ticket_id", "id of the ticket"),
        _enum("kind", "repair onboarding offboarding return loss purchase locate other", "subject", required=True),
        _enum("status", "open closed", "state", required=True),
        _may("asset_tag", ID, "asset tag"),
        _may("serial", ID, "serial number"),
        _may("sku", ID, "article"),
        _may("person", PERSON, "whom it is about"),
        _must("opened_at", INSTANT, "opened"),
        Column("closed_at", INSTANT, "closed", completes=True),
    ), dated="opened_at"),
    Feed("disposals", "IT asset disposition vendor", "Stages of every disposal.", (
        _key("event_id", "id of the event"),
        _must("batch_id", ID, "batch it belongs to"),
        _may("asset_tag", ID, "asset tag"),
        _may("serial", ID, "serial number, of a drive too"),
        _may("parent_serial", ID, "serial of the device a drive came from"),
        _enum(
            "stage",
            "shipped received verified pending_destruction destroyed certificate_issued released",
            "stage reached",
            required=True,
        ),
        _enum("route", "redeploy resale donation destruction recycling hazardous", "where it goes"),
        _enum("method", "clear purge destroy", "how data is removed"),
        _enum("media", "hdd ssd flash tape none", "what holds the data"),
        _must("occurred_at", INSTANT, "when"),
        _may("handler", TEXT, "who handled it"),
        _may("approved_by", PERSON, "who approved"),
        _may("certificate_id", ID, "certificate of destruction"),
        _may("shipment_id", ID, "shipment"),
        _may("document_id", ID, "document that proves it"),
        _may("grade", TEXT, "grade"),
        _may("vendor", TEXT, "vendor"),
        _may("proceeds", MONEY, "money received"),
        _may("currency", CURRENCY, "currency of the proceeds"),
    ), dated="occurred_at"),
    Feed("ledger", "finance: fixed assets", "Capitalised assets.", (
        _key("ledger_id", "row of the fixed-asset ledger"),
        _may("asset_tag", ID, "asset tag"),
        _may("serial", ID, "serial number"),
        _may("po_number", ID, "purchase order, for pooled rows"),
        _may("po_line_no", ID, "line of that order"),
        _may("quantity", NUMBER, "units in the row", default=1),
        _must("cost", MONEY, "acquisition cost"),
        _may("accumulated_depreciation", MONEY, "depreciation so far"),
        _must("currency", CURRENCY, "currency of the cost"),
        _may("in_service_on", DATE, "start of depreciation"),
        _may("life_months", SPAN, "useful life in months"),
        _may("disposed_on", DATE, "day it was written off"),
    )),
    Feed("fx_rates", "finance", "Exchange rates to the reporting currency.", (
        _key("currency", "foreign currency", CURRENCY),
        _key("as_of", "day of the rate", DATE),
        _must("rate", RATE, "reporting-currency units for one unit"),
    ), dated="as_of"),
)  # fmt: skip

FEEDS: Mapping[str, Feed] = {feed.name: feed for feed in _ALL}
"""Every feed by name, in the order of the docs."""
