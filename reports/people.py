"""People who left: everything each still holds, what that costs, and the proof of what came back."""

import polars as pl

from reports.about import About
from reports.listing import Column
from reports.page import valued
from reports.sections import Card, Sections, long_list
from reports.tables import Tables, counted, of_period, scanned, silent, total, unless, unvalued
from tieout.money import zero

STATES = ("overdue", "open", "not known", "done")
LEAVERS = (
    Column("person_id", "Person"),
    Column("state", "State", facet=True, order=STATES),
    Column("left_on", "Left", "date"),
    Column("days", "Days since", "number"),
    Column("devices_held", "Devices", "number"),
    Column("seats_held", "Paid seats", "number"),
    Column("accounts_active", "Accounts", "number"),
    Column("seats_value", "Seats a year", "money"),
    Column("devices_value", "Devices", "money"),
    Column("department", "Department", facet=True, shown=False),
    Column("cost_center", "Cost centre", facet=True, shown=False),
    Column("location", "Location", facet=True, shown=False),
    Column("done_on", "Nothing was left on", "date", shown=False),
)
RETURNS = (
    Column("asset_tag", "Device"),
    Column("person_id", "Person"),
    Column("asset_class", "Class", facet=True),
    Column("department", "Department", facet=True),
    Column("left_on", "Left", "date"),
    Column("due_on", "Due back", "date"),
    Column("returned_on", "Came back", "date"),
    Column("in_time", "In time", facet=True),
)


def build(tables: Tables, about: About) -> Sections:
    """The page on leavers of one period."""
    left = of_period(tables, "people", about.period).filter(pl.col("status") == "terminated")
    holders = left.lazy().select("person_id")
    devices = (
        scanned(tables, "devices", about.period)
        .filter(pl.col("on_books").fill_null(False))
        .join(holders, left_on="custodian_id", right_on="person_id", how="semi")
        .collect()
    )
    seats = (
        scanned(tables, "seats", about.period)
        .filter(pl.col("billed").fill_null(False))
        .join(holders, on="person_id", how="semi")
        .collect()
    )
    returns = of_period(tables, "device_returns", about.period).sort("due_on", "asset_tag")
    leavers = _leavers(left, tables, about, seats, devices)
    still = leavers.filter(pl.col("state").is_in(["overdue", "open"]))
    signing_in = _signing_in(tables, about)
    late = returns.filter(pl.col("returned_on").is_null() & (pl.col("due_on") < about.today))
    home, gone = about.reporting_currency, silent(tables, about, "people")
    missing = silent(tables, about, "people", "assets", "seats", "accounts") if leavers.height else gone
    return Sections(
        "Leavers",
        "Who has left and what each still holds, as the register, the consoles and the directory show it.",
        (
            Card(counted(still.height, missing), f"of {leavers.height:,} leavers still hold something",
                 alarm=still.height > 0, link="#leavers"),
            Card(counted(int(still["devices_held"].sum()), missing), "devices with them", link="#leavers"),
            Card(counted(int(still["accounts_active"].sum()), missing), "accounts that can still sign in",
                 alarm=bool(still["accounts_active"].sum()), link="#leavers"),
            Card(valued(total(still["seats_value"]), home, missing),
                 f"a year for seats they still have{unvalued(still['seats_value'])}", link="#leavers"),
            Card(counted(late.height, missing), "devices past the day they were due", link="#returns"),
        ),
        (
            long_list("leavers", "Leavers", "Unfold a person for every device, seat and account, and proof of return.",
                      LEAVERS, leavers, about, unless(gone, "Nobody has left."),
                      _held(seats, devices, signing_in, returns)),
            long_list("returns", "Devices to come back", "", RETURNS, returns, about,
                      unless(silent(tables, about, "people", "assets"), "Nobody who left had a device.")),
        ),
    )  # fmt: skip


def _leavers(
    left: pl.DataFrame, tables: Tables, about: About, seats: pl.DataFrame, devices: pl.DataFrame
) -> pl.DataFrame:
    """Everybody who has left with what they hold and what it costs; those who hold most first."""
    seat_value = seats.group_by("person_id").agg(_worth("annual_value").alias("seats_value"))
    device_value = devices.group_by(person_id="custodian_id").agg(_worth("value").alias("devices_value"))
    held = pl.col("still_open")
    late = of_period(tables, "device_returns", about.period).filter(
        pl.col("returned_on").is_null() & (pl.col("due_on") < about.today)
    )
    is_late = pl.col("person_id").is_in(late["person_id"].implode()) | (pl.col("accounts_active") > 0)
    return (
        left.join(seat_value, on="person_id", how="left", maintain_order="left")
        .join(device_value, on="person_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("seats_held") == 0).then(zero()).otherwise("seats_value").alias("seats_value"),
            pl.when(pl.col("devices_held") == 0).then(zero()).otherwise("devices_value").alias("devices_value"),
            state=pl.when(held.is_null()).then(pl.lit("not known")).when(held == 0).then(pl.lit("done"))
            .when(is_late).then(pl.lit("overdue")).otherwise(pl.lit("open")),
            days=(pl.lit(about.today) - pl.col("left_on")).dt.total_days(),
        )
        .sort(pl.col("state").replace_strict({s: n for n, s in enumerate(STATES)}, default=None), -held, "left_on",
              "person_id", nulls_last=True)
    )  # fmt: skip


def _worth(name: str) -> pl.Expr:
    """The sum of amounts; null where none has a value."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum())


def _signing_in(tables: Tables, about: About) -> pl.DataFrame:
    """The accounts that live-account-of-leaver finds, with the person each was taken to be."""
    live = of_period(tables, "exceptions", about.period).filter(
        (pl.col("rule") == "live-account-of-leaver") & (pl.col("status") != "resolved")
    )
    known = scanned(tables, "matches", about.period).filter(
        (pl.col("feed") == "accounts") & (pl.col("means") == "person")
    )
    return (
        live.lazy()
        .join(known, left_on="subject", right_on="record", maintain_order="left")
        .select("subject", "status", person_id="named")
        .unique(maintain_order=True)
        .collect()
    )


def _held(seats: pl.DataFrame, devices: pl.DataFrame, signing_in: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """What stands under each leaver: devices, seats, accounts and returns, one a line."""
    return pl.concat([
        devices.sort("device").select(
            key="custodian_id", heading=pl.lit("Devices"), note=pl.lit(""), name="device",
            value=pl.concat_str("asset_class", "model", "status", separator=", ", ignore_nulls=True)),
        seats.sort("product", "seat_id").select(
            key="person_id", heading=pl.lit("Paid seats"), note=pl.lit(""), name="product", value="seat_id"),
        signing_in.sort("person_id", "subject").select(
            key="person_id", heading=pl.lit("Accounts that can still sign in"), note=pl.lit(""), name="subject",
            value="status"),
        returns.select(
            key="person_id", heading=pl.lit("Returns"), note=pl.lit(""), name="asset_tag",
            value=pl.when(pl.col("returned_on").is_not_null()).then(pl.format("came back {}", "returned_on"))
            .otherwise(pl.format("due {}", "due_on"))),
    ])  # fmt: skip
