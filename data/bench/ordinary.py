"""What makes a large company large: devices, orders, scans and seats with nothing wrong about them.

The sample company is one in which much goes wrong. Beside what it has, everybody who stays gets further devices,
bought, booked, counted and in use, and seats of everyday products that are used and paid for.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl

from data.demo.calendar import MONTHS, last_day
from tieout.feeds import FEEDS

DEVICES = 1_430
"""Further devices a company: with those it has, five for each of its people."""
PRODUCTS, CONSOLES = 50, 10
"""Everyday products, and the consoles that list them: with those it has, fifty seats for each of its people."""
PLACE, COUNT = "Werk", "INV26-07-WERK"
COST, ANNUAL = Decimal("1329.90"), Decimal("24.00")
BOUGHT, COUNTED = date(2025, 2, 10), datetime(2026, 7, 14, 7, tzinfo=UTC)
YEAR = date(2026, 1, 1), date(2026, 12, 31)


def rows(staying: pl.DataFrame, period: str) -> dict[str, pl.DataFrame]:
    """Further rows of a month's deliveries by `<feed>.<source>`; the people given are there in all months.

    What happened before the first month is delivered in it.
    """
    today = datetime.combine(last_day(period), datetime.min.time(), UTC)
    seats = _seats(staying, today)
    told = _devices(staying, today) | {"entitlements.entitlements": _lines(seats)}
    for console in range(CONSOLES):
        told[f"seats.everyday{console + 1}"] = seats.filter(pl.col("number") % CONSOLES == console)
    if period == MONTHS[0]:
        told |= {"scans.scanner": _scans(), "counts.counts": _count(), "invoices.invoices": _invoices(seats)}
    return {name: _of_feed(rows, name.split(".")[0]) for name, rows in told.items()}


def _devices(staying: pl.DataFrame, today: datetime) -> dict[str, pl.DataFrame]:
    """A tablet in use, its record under management, its ledger row and its order line; two of three share one."""
    number = pl.int_range(DEVICES, eager=True).alias("number")
    holders = staying.select("email", "username", holder=pl.int_range(pl.len()))
    worn = (COST * min((today.year - BOUGHT.year) * 12 + today.month - BOUGHT.month, 36) / 36).quantize(Decimal("0.01"))
    devices = (
        number.to_frame()
        .with_columns(
            holder=pl.col("number") % staying.height,
            asset_tag=pl.format("WK-{}", _digits("number")),
            serial=pl.format("WK{}X7", _digits("number")),
            order=pl.col("number") * 2 // 3,
        )
        .join(holders, on="holder", maintain_order="left")
        .with_columns(po_number=pl.format("PO-WERK-{}", _digits("order")))
    )
    tablet = {"manufacturer": "Fjell Oy", "model": "Fjell Slate 13", "asset_class": "tablet"}
    return {
        "assets.register": devices.with_columns(
            **_constant(tablet | {"status": "in_use", "location": PLACE, "ownership": "owned", "cost": COST}),
            **_constant({"status_since": BOUGHT, "purchased_on": BOUGHT, "currency": "EUR", "sku": "FJ-S13"}),
            custodian=pl.col("email"),
        ),
        "endpoints.mobile": devices.with_columns(
            **_constant(tablet | {"os": "FjellOS 9", "managed": True, "ownership": "company", "encrypted": True}),
            endpoint_id=pl.format("mob-werk-{}", _digits("number")),
            hostname=pl.format("werk-{}", _digits("number")),
            user_email=pl.col("email"),
            user_name=pl.col("username"),
            last_seen_at=pl.lit(today) - pl.duration(hours=pl.col("number") % 72),
            enrolled_at=pl.lit(datetime.combine(BOUGHT, datetime.min.time(), UTC)),
        ),
        "ledger.finance": devices.with_columns(
            **_constant({"po_line_no": "1", "quantity": Decimal(1), "cost": COST, "currency": "EUR"}),
            **_constant({"accumulated_depreciation": worn, "in_service_on": BOUGHT, "life_months": 36}),
            ledger_id=pl.format("FA-WERK-{}", _digits("number")),
        ),
        "purchases.erp": devices.group_by("po_number", "order", maintain_order=True)
        .agg(quantity=pl.len())
        .with_columns(
            **_constant({"line_no": "1", "vendor": "Kontor Systemhaus GmbH", "sku": "FJ-S13", "currency": "EUR"}),
            **_constant({"asset_class": "tablet", "unit_cost": COST, "status": "closed", "cost_center": "4100"}),
            **_constant({"ordered_on": BOUGHT - timedelta(days=20)}),
        ),
    }


def _scans() -> pl.DataFrame:
    """Every one of the devices, where it belongs."""
    number = pl.int_range(DEVICES, eager=True).alias("number").to_frame()
    return number.with_columns(
        **_constant({"count_id": COUNT, "location": PLACE, "scanned_by": "P1004", "condition": "ok"}),
        scan_id=_digits("number"),
        code=pl.format("WK-{}", _digits("number")),
        scanned_at=pl.lit(COUNTED) + pl.duration(seconds=pl.col("number") * 10),
    )


def _count() -> pl.DataFrame:
    """The count that they were scanned in."""
    return pl.DataFrame(
        {
            "count_id": [COUNT], "location": [PLACE], "cut_off_at": [COUNTED - timedelta(hours=1)],
            "completed_at": [COUNTED + timedelta(hours=8)], "scans_expected": [DEVICES], "counter": ["P1004"],
        }
    )  # fmt: skip


def _seats(staying: pl.DataFrame, today: datetime) -> pl.DataFrame:
    """A seat of every everyday product for everybody who stays, used in the last days."""
    products = pl.int_range(PRODUCTS, eager=True).alias("number").to_frame()
    return products.join(staying.select("person_id", "email", "full_name"), how="cross").with_columns(
        **_constant({"status": "active", "paid": True, "assigned_at": datetime(2026, 1, 5, 9, tzinfo=UTC)}),
        product=pl.format("Alltag {}", _digits("number")),
        seat_id=pl.format("a-{}", "person_id"),
        display_name=pl.col("full_name"),
        last_active_at=pl.lit(today) - pl.duration(hours=pl.col("number") + 24),
    )


def _lines(seats: pl.DataFrame) -> pl.DataFrame:
    """The contract line of every everyday product, for as many as have a seat."""
    return (
        seats.group_by("product", "number", maintain_order=True)
        .agg(quantity=pl.len())
        .with_columns(
            **_constant({"line_no": "1", "vendor": "Alltag AG", "metric": "user", "unit_price": ANNUAL}),
            **_constant({"currency": "EUR", "billing_period": "annual", "term_start": YEAR[0], "term_end": YEAR[1]}),
            **_constant({"committed_until": YEAR[1], "auto_renew": False, "notice_days": 30, "owner": "licences"}),
            **_constant({"reduction": "renewal_only", "refund": "none", "cost_center": "4100"}),
            contract_id=pl.format("C-ALLTAG-{}", _digits("number")),
        )
    )


def _invoices(seats: pl.DataFrame) -> pl.DataFrame:
    """The year's invoice of every line."""
    return _lines(seats).with_columns(
        **_constant({"period_start": YEAR[0], "period_end": YEAR[1], "invoiced_on": YEAR[0], "kind": "subscription"}),
        invoice_id=pl.format("RE-ALLTAG-{}", _digits("number")),
        amount=pl.col("quantity") * ANNUAL,
    )


def _digits(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.zfill(5)


def _constant(values: Mapping[str, object]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in values.items()}


def _of_feed(rows: pl.DataFrame, feed: str) -> pl.DataFrame:
    """Rows with every column of a feed, null where they say nothing."""
    schema = FEEDS[feed].schema
    given = [pl.col(name) if name in rows.columns else pl.lit(None).alias(name) for name in schema]
    return rows.select(given).select(pl.col(name).cast(kind) for name, kind in schema.items())
