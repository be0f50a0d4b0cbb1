"""Every feed, generically: what its contract promises holds for each of its columns, in each file format."""

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from checks.contracts import ContractError, contract, hold
from connectors import files
from tieout.feeds import DATA_BEARING, FEEDS, NEVER, Column, Feed, Kind
from tieout.pull import UNREADABLE, Records
from tieout.settings import Settings, Source
from tieout.staging import Staged, stage, staged_schema

SETTINGS = Settings(organisation="Acme", reporting_currency="EUR", timezone="Europe/Berlin")
every_feed = pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
every_enum = pytest.mark.parametrize(
    ("feed", "column"),
    [(feed, column) for feed in FEEDS.values() for column in feed.columns if column.kind is Kind.ENUM],
    ids=lambda part: part.name,
)
every_required = pytest.mark.parametrize(
    ("feed", "column"),
    [(feed, column) for feed in FEEDS.values() for column in feed.columns if column.required],
    ids=lambda part: part.name,
)

TEXT_AND_VALUE: dict[Kind, tuple[str, Any]] = {
    Kind.TEXT: ("Zoë O'Neill", "Zoë O'Neill"),
    Kind.ID: ("00123", "00123"),
    Kind.PERSON: ("p-1", "p-1"),
    Kind.LIST: ("a@x.org; b@x.org", ["a@x.org", "b@x.org"]),
    Kind.DATE: ("2026-10-31", date(2026, 10, 31)),
    Kind.INSTANT: ("2026-10-31T12:00:00", datetime(2026, 10, 31, 11, tzinfo=UTC)),
    Kind.USED: ("2026-07-31T12:00:00Z", datetime(2026, 7, 31, 12, tzinfo=UTC)),
    Kind.NUMBER: ("12.5", Decimal("12.5")),
    Kind.INTEGER: ("12", 12),
    Kind.SPAN: ("30", 30),
    Kind.MONEY: ("1299.99", Decimal("1299.99")),
    Kind.RATE: ("0.92", Decimal("0.92")),
    Kind.CURRENCY: ("eur", "EUR"),
    Kind.BOOL: ("Yes", True),
    Kind.ASSET_CLASS: ("Laptops", "laptop"),
}
UNREADABLE_TEXT = {
    Kind.DATE: "1/23/23",
    Kind.INSTANT: "yesterday",
    Kind.USED: "yesterday",
    Kind.NUMBER: "1,299",
    Kind.INTEGER: "1.5",
    Kind.SPAN: "1.5",
    Kind.MONEY: "1e5",
    Kind.RATE: "-0.92",
    Kind.CURRENCY: "euro",
    Kind.BOOL: "maybe",
    Kind.ENUM: "nonsense",
}


def text_of(column: Column) -> str:
    return column.values[-1].upper() if column.values else TEXT_AND_VALUE[column.kind][0]


def value_of(column: Column) -> Any:
    return column.values[-1] if column.values else TEXT_AND_VALUE[column.kind][1]


def full(feed: Feed) -> dict[str, str | None]:
    return {column.name: text_of(column) for column in feed.columns}


def minimal(feed: Feed) -> dict[str, str | None]:
    return {column.name: text_of(column) if column.required else None for column in feed.columns}


def records_of(rows: list[dict[str, str | None]]) -> Records:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    frame = frame.with_row_index("_row", 1).select(*columns, pl.col("_row").cast(pl.Int64))
    return Records(frame, pl.DataFrame(schema=UNREADABLE), tuple(columns))


def staged_of(feed: Feed, rows: list[dict[str, str | None]], **options: Any) -> Staged:
    return stage(records_of(rows), Source(name="test", feed=feed.name, **options), SETTINGS)


@every_feed
def test_a_full_row_is_typed(feed: Feed) -> None:
    staged = staged_of(feed, [full(feed) | {"Unknown": "kept"}])
    assert staged.failure is None
    assert staged.quarantine["reasons"].to_list() == []
    row = staged.rows.row(0, named=True)
    assert {name: row[name] for name in feed.schema} == {column.name: value_of(column) for column in feed.columns}
    assert row["extra"] == '{"Unknown":"kept"}'
    assert dict(staged.rows.schema) == staged_schema(feed)
    hold(feed, staged.rows)


@every_feed
def test_a_minimal_row_gets_the_defaults_and_nothing_else(feed: Feed) -> None:
    staged = staged_of(feed, [minimal(feed)])
    row = staged.rows.row(0, named=True)
    for column in feed.columns:
        if column.name == "data_bearing":
            assert row[column.name] is (row["asset_class"] in DATA_BEARING)
        elif not column.required:
            assert row[column.name] == column.default, column.name
    assert row["extra"] is None
    hold(feed, staged.rows)


@every_required
def test_a_required_column_is_filled_or_the_row_is_set_aside(feed: Feed, column: Column) -> None:
    staged = staged_of(feed, [full(feed) | {column.name: "  "}])
    assert staged.rows.is_empty()
    assert staged.quarantine["reasons"].to_list() == [[f"{column.name} is empty, but every row needs it"]]


@every_required
def test_a_missing_required_column_fails_the_delivery(feed: Feed, column: Column) -> None:
    row = full(feed)
    del row[column.name]
    staged = staged_of(feed, [row])
    assert staged.failure is not None
    assert f"no column for {feed.name}.{column.name}" in staged.failure
    assert (staged.landed, staged.used) == (0, 0)
    with_constant = staged_of(feed, [row], constants={column.name: text_of(column)})
    assert with_constant.rows[column.name].to_list() == [value_of(column)]


@every_enum
def test_a_word_outside_its_list_sets_the_row_aside(feed: Feed, column: Column) -> None:
    for form in (column.values[0].replace("_", "-").title(), f" {column.values[0].replace('_', ' ')} "):
        assert staged_of(feed, [full(feed) | {column.name: form}]).rows[column.name].to_list() == [column.values[0]]
    staged = staged_of(feed, [full(feed) | {column.name: "nonsense"}])
    assert staged.quarantine["reasons"].to_list() == [
        [f"{column.name}: 'nonsense' is not one of {', '.join(column.values)}"]
    ]


@every_feed
def test_every_bad_value_of_a_row_is_named(feed: Feed) -> None:
    bad = {column.name: UNREADABLE_TEXT[column.kind] for column in feed.columns if column.kind in UNREADABLE_TEXT}
    staged = staged_of(feed, [full(feed) | bad, full(feed)])
    if bad:
        [reasons] = staged.quarantine["reasons"].to_list()
        assert [reason.partition(":")[0] for reason in reasons] == list(bad)
        assert all(f"'{bad[reason.partition(':')[0]]}'" in reason for reason in reasons)
    assert staged.landed == staged.used + staged.duplicates + staged.quarantined


@every_feed
def test_identical_rows_count_once_and_differing_ones_stay(feed: Feed) -> None:
    rows = [full(feed), full(feed), full(feed) | {"Note": "differs"}]
    staged = staged_of(feed, rows)
    assert (staged.landed, staged.used, staged.duplicates) == (3, 2, 1)
    assert staged.rows["_row"].to_list() == [1, 3]


@pytest.mark.parametrize("text", ["0", "0.000", "-0.92"])
def test_a_rate_by_which_money_is_lost_or_turned_round_is_set_aside(text: str) -> None:
    result = staged_of(FEEDS["fx_rates"], [full(FEEDS["fx_rates"]) | {"rate": text}])
    assert result.used == 0
    assert result.quarantine["reasons"][0][0].startswith(f"rate: '{text}' is not a number above zero")


@every_feed
def test_a_number_of_more_digits_than_arithmetic_holds_sets_the_row_aside(feed: Feed) -> None:
    for column in feed.columns:
        if digits := {Kind.MONEY: 14, Kind.NUMBER: 9, Kind.INTEGER: 9, Kind.SPAN: 4, Kind.RATE: 9}.get(column.kind):
            for text, used in (("9" * digits, 1), ("1" + "0" * digits, 0)):
                for written in (text, f"+{text}"):
                    staged = staged_of(feed, [full(feed) | {column.name: written}])
                    assert staged.rows[column.name].to_list() == [int(text)] * used, column.name


@every_feed
def test_never_is_not_unknown(feed: Feed) -> None:
    for column in feed.columns:
        if column.kind is Kind.USED:
            for never in ("Never", "1970-01-01", "0001-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00"):
                assert staged_of(feed, [full(feed) | {column.name: never}]).rows[column.name].to_list() == [NEVER]


def write_file(folder: Path, suffix: str, rows: list[dict[str, str | None]]) -> None:
    """Write rows as a file of any format, all cells text, as a plain exporter would."""
    frame = records_of(rows).rows.drop("_row")
    path = folder / f"delivery.{suffix}"
    if suffix == "csv":
        frame.write_csv(path)
    elif suffix == "jsonl":
        frame.write_ndjson(path)
    elif suffix == "parquet":
        frame.write_parquet(path)
    else:
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for place, row in enumerate([frame.columns, *frame.rows()]):
                for column, cell in enumerate(row):
                    sheet.write_string(place, column, cell or "")


@every_feed
def test_every_format_brings_the_same_rows(feed: Feed, tmp_path: Path) -> None:
    rows = [full(feed), minimal(feed), full(feed) | {"Note": 'two\nlines, "quoted" ; ünïcode'}]
    source = Source(name="test", feed=feed.name)
    delivered = []
    for suffix in ("csv", "xlsx", "jsonl", "parquet"):
        folder = tmp_path / suffix
        folder.mkdir()
        write_file(folder, suffix, rows)
        staged = stage(files.read(folder, source), source, SETTINGS)
        assert staged.failure is None, suffix
        delivered.append(staged.rows)
    assert all(frame.equals(delivered[0]) for frame in delivered), [frame.to_dicts() for frame in delivered]


@every_feed
def test_the_contract_catches_our_own_mistakes(feed: Feed) -> None:
    rows = staged_of(feed, [full(feed)]).rows
    key = feed.key[0]
    with pytest.raises(ContractError, match=f"staged rows of {feed.name} break their contract in {key}"):
        hold(feed, rows.with_columns(pl.lit(None, feed.schema[key]).alias(key)))
    with pytest.raises(ContractError):
        hold(feed, rows.drop(key))
    with pytest.raises(SchemaErrors):
        contract(feed).validate(rows.with_columns(stranger=1), lazy=True)
    for column in feed.columns:
        if column.values:
            with pytest.raises(ContractError):
                hold(feed, rows.with_columns(pl.lit("nonsense").alias(column.name)))


def canonical(frame: pl.DataFrame) -> list[str]:
    return sorted(str(row) for row in frame.drop("_row").rows())


def reasons_of(staged: Staged) -> list[list[str]]:
    return sorted(sorted(reasons) for reasons in staged.quarantine["reasons"].to_list())


PROOF = hypothesis_settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@PROOF
@given(name=st.sampled_from(list(FEEDS)), seed=st.integers(0, 2**32))
def test_order_of_rows_and_columns_changes_nothing(name: str, seed: int) -> None:
    feed, chance = FEEDS[name], random.Random(seed)
    rows = [damaged(full(feed) | {"A": str(n % 3), "B": None}, chance, 0.1) for n in range(8)]
    columns = list(rows[0])
    shuffled = [{column: row[column] for column in chance.sample(columns, len(columns))} for row in rows]
    chance.shuffle(shuffled)
    one, other = staged_of(feed, rows), staged_of(feed, shuffled)
    assert canonical(one.rows) == canonical(other.rows)
    assert reasons_of(one) == reasons_of(other)
    assert (one.duplicates, one.quarantined, one.fill) == (other.duplicates, other.quarantined, other.fill)


DAMAGE = [
    None,
    "",
    " ",
    "\t",
    "\0",
    "-",
    "nonsense",
    "1e5",
    "NaN",
    "inf",
    "99999999999999999999",
    "2026-02-30",
    "(",
    ";",
]


def damaged(row: dict[str, str | None], chance: random.Random, share: float) -> dict[str, str | None]:
    return {name: chance.choice(DAMAGE) if chance.random() < share else text for name, text in row.items()}


@PROOF
@given(name=st.sampled_from(list(FEEDS)), seed=st.integers(0, 2**32), text=st.text(max_size=12))
def test_every_record_is_accounted_for_whatever_it_holds(name: str, seed: int, text: str) -> None:
    feed, chance = FEEDS[name], random.Random(seed)
    rows = [damaged(full(feed), chance, 0.05) for _ in range(12)]
    rows[0][chance.choice(list(feed.schema))] = text
    staged = staged_of(feed, rows)
    assert staged.landed == len(rows) == staged.used + staged.duplicates + staged.quarantined
    assert all(staged.quarantine["reasons"].to_list())
    hold(feed, staged.rows)
