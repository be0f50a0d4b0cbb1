"""The sample company, copied as often as asked: every feed in proportion, and the truth about it known.

Copies share nothing that could make one's rows say something of another's: each has its own people, devices, places
and products. So whatever is found in one copy must be found in every other, and nothing more.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import polars as pl

from data import demo
from data.bench import ordinary
from data.demo.calendar import MONTHS
from pipelines import steps
from pipelines.intake import staged_table
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from tieout import normalize
from tieout.feeds import FEEDS, Column, Kind

PERIODS = MONTHS[:3]
MARK = "~"
"""What stands between a name of the sample company and the number of the copy; the first copy bears no number."""
SHARED = ("line_no", "po_line_no", "bin", "scan_id")
"""Identifiers that mean something only inside another one's."""
NAMED = (
    "product",
    "location",
    "from_location",
    "to_location",
    "full_name",
    "email",
    "user_email",
    "hostname",
    "handler",
)
"""Texts that name something of a copy."""
Form = Literal["parquet", "csv"]


def write(directory: Path, copies: int, form: Form = "parquet", periods: tuple[str, ...] = PERIODS) -> Path:
    """Write a workspace with so many copies of the sample company into a directory and give that directory."""
    with TemporaryDirectory() as folder:
        sample = Workspace.open(demo.write(Path(folder) / "sample"))
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "tieout.toml").write_text("\n".join(_settings(sample, copies, form)), encoding="utf-8")
        for period in PERIODS:
            steps.pull(steps.Month(sample, period))
        for period in periods:
            inbox = directory / "inbox" / period
            inbox.mkdir(parents=True)
            for name, rows in _delivered(sample, period):
                copied = copy(rows, name.split(".")[0], copies)
                if form == "parquet":
                    copied.write_parquet(inbox / f"{name}.parquet")
                else:
                    copied.write_csv(inbox / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return directory


def found(workspace: Workspace, period: str) -> pl.DataFrame:
    """What a month found, by what it says without the number of the copy, and in how many copies: equal for all."""
    findings = Warehouse(workspace.tables).read("findings", period=period)
    nameless = pl.col("subject").str.replace_all(MARK + r"\d+", "")
    told = ("rule", "subject", "outcome", "severity", "owner", "value", "currency")
    return findings.with_columns(nameless).group_by(told).agg(copies=pl.len()).sort(told)


def copy(rows: pl.DataFrame, feed: str, copies: int) -> pl.DataFrame:
    """A feed's rows, once for each copy, with the copy's names."""
    numbers = pl.DataFrame({"_copy": range(copies)})
    mark = pl.when(pl.col("_copy") == 0).then(pl.lit("")).otherwise(pl.format(MARK + "{}", "_copy"))
    columns = FEEDS[feed].columns
    return (
        numbers.join(rows, how="cross")
        .with_columns(mark.alias("_mark"))
        .select(_renamed(column).alias(column.name) for column in columns)
    )


def _renamed(column: Column) -> pl.Expr:
    """A column's text with the copy's number where it names something."""
    text, mark = pl.col(column.name), pl.col("_mark")
    if column.kind is Kind.LIST:
        return text.list.join(";").str.replace_all("@", mark + "@")
    if column.name in SHARED or not (column.kind in (Kind.ID, Kind.PERSON) or column.name in NAMED):
        return text
    if column.name == "uuid":
        hexadecimal = pl.col("_copy").cast(pl.String).str.zfill(4)
        own = pl.when(mark == "").then(text).otherwise(text.str.head(-4) + hexadecimal)
        return pl.when(normalize.uuid(text).is_null()).then(text).otherwise(own)
    if column.name in ("serial", "parent_serial", "code"):
        known = normalize.is_placeholder_serial(normalize.serial(text))
        return pl.when(known).then(text).otherwise(text + mark)
    if column.name in ("location", "from_location", "to_location"):
        return pl.when(text.str.contains("/")).then(text.str.replace("/", mark + "/")).otherwise(text + mark)
    return pl.when(text.str.contains("@")).then(text.str.replace("@", mark + "@")).otherwise(text + mark)


def _delivered(sample: Workspace, period: str) -> Iterator[tuple[str, pl.DataFrame]]:
    """What the sample company's sources delivered and was taken in, and the ordinary: `<feed>.<source>`, rows."""
    warehouse = Warehouse(sample.tables)
    more = ordinary.rows(_staying(warehouse), period)
    for feed in FEEDS.values():
        rows = warehouse.read(staged_table(feed), period=period)
        for (source,), delivered in rows.group_by("_source", maintain_order=True) if rows.width else ():
            name = f"{feed.name}.{source}"
            sample_rows = delivered.select(column.name for column in feed.columns)
            yield name, pl.concat([sample_rows, more.pop(name)]) if name in more else sample_rows
    yield from more.items()


def _staying(warehouse: Warehouse) -> pl.DataFrame:
    """The employees who are at work in every month."""
    people = warehouse.read(staged_table(FEEDS["people"]))
    always = people.group_by("person_id").agg(at_work=(pl.col("status") == "active").sum() == len(PERIODS))
    first = people.filter((pl.col("period") == PERIODS[0]) & (pl.col("employment_type") == "employee"))
    return first.join(always.filter("at_work"), on="person_id").sort("person_id")


# -- settings --------------------------------------------------------------------------------------------------------


def _settings(sample: Workspace, copies: int, form: Form) -> Iterator[str]:
    """The sample company's settings, said for every copy."""
    said = tomllib.loads((sample.root / "tieout.toml").read_text(encoding="utf-8"))
    marks = ["", *(f"{MARK}{number}" for number in range(1, copies))]
    products, sources = said.pop("products"), said.pop("sources")
    said["places"] = [place + mark for mark in marks for place in said["places"]]
    said["location_aliases"] = {
        name + mark: place + mark for mark in marks for name, place in said["location_aliases"].items()
    }
    said["multiplicities"] = [
        one | {"serial": one["serial"] + mark} for mark in marks for one in said["multiplicities"]
    ]
    said["products"] = {
        name + mark: {key: _marked(value, mark) for key, value in product.items()}
        for mark in marks
        for name, product in products.items()
    }
    said["sources"] = [
        {
            "name": source["name"],
            "feed": source["feed"],
            "path": f"inbox/{{period}}/{source['feed']}.{source['name']}.{form}",
            "covers": [
                kind + mark
                for mark in (marks if source["feed"] == "seats" else [""])
                for kind in source.get("covers", [])
            ],
        }
        for source in sources
    ]
    yield from _table((), said)


def _marked(value: Any, mark: str) -> Any:
    return [text + mark for text in value] if isinstance(value, list) else value


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """A table of TOML, its own values first."""
    inner = {key: value for key, value in table.items() if isinstance(value, dict) or _is_tables(value)}
    if path:
        yield f"\n[{'.'.join(map(json.dumps, path))}]"
    for key, value in table.items():
        if key not in inner:
            yield f"{json.dumps(key)} = {_value(value)}"
    for key, value in inner.items():
        if isinstance(value, dict):
            yield from _table((*path, key), value)
        for one in value if isinstance(value, list) else ():
            yield f"\n[[{'.'.join(map(json.dumps, (*path, key)))}]]"
            yield from (f"{json.dumps(name)} = {_value(said)}" for name, said in one.items())


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)
