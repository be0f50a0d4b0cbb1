"""What stands at the head of every page: whose report, of when, from which sources, and what is wrong with those."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from reports.about import About
from reports.tables import Tables, of_period, tie


@dataclass(frozen=True)
class Delivery:
    """One source in the period: landed = used + duplicate + quarantined.

    `change` is rows used less those of the previous period, None where there was none. `missing` means nothing came.
    """

    feed: str
    source: str
    system: str
    origin: str
    extracted_at: datetime | None
    as_of: datetime | None
    verdict: str
    landed: int
    used: int
    duplicate: int
    quarantined: int
    change: int | None
    missing: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    lacks: tuple[str, ...]
    override: str | None


@dataclass(frozen=True)
class Letterhead:
    """The head of a page; `incomplete` lists the sources that are AMBER, RED or missing, `overridden` those that two
    people accepted as they are. `signed` tells in one sentence whether the month is signed off, by whom.
    """

    about: About
    deliveries: tuple[Delivery, ...]
    incomplete: tuple[Delivery, ...]
    overridden: tuple[Delivery, ...]
    signed: str
    verdicts: tuple[tuple[str, int], ...]


def build(tables: Tables, about: About) -> Letterhead:
    """The head of the period's pages; raises InequalityError where a source's rows do not add up."""
    before = of_period(tables, "sources", about.previous or "").select("feed", "source", before="used")
    rows = (
        of_period(tables, "sources", about.period)
        .join(before, on=["feed", "source"], how="left", maintain_order="left")
        .select(
            "feed",
            "source",
            pl.col("system").fill_null(""),
            pl.col("endpoint_or_file").fill_null("").alias("origin"),
            "extracted_at",
            "as_of",
            "verdict",
            "landed",
            "used",
            "duplicate",
            "quarantined",
            (pl.col("used").cast(pl.Int64) - pl.col("before").cast(pl.Int64)).alias("change"),
            pl.col("snapshot_id").is_null().alias("missing"),
            pl.col("reasons").fill_null([]),
            pl.col("warnings").fill_null([]),
            pl.col("lacks").fill_null([]),
            "override",
        )
        .sort("feed", "source")
    )
    deliveries = tuple(
        Delivery(**{**row, **{name: tuple(row[name]) for name in ("reasons", "warnings", "lacks")}})
        for row in rows.iter_rows(named=True)
    )
    for one in deliveries:
        tie(
            f"Rows landed from {one.feed}/{one.source} against used, duplicate and quarantined",
            one.landed,
            one.used + one.duplicate + one.quarantined,
        )
    return Letterhead(
        about=about,
        deliveries=deliveries,
        incomplete=tuple(one for one in deliveries if one.verdict != "GREEN"),
        overridden=tuple(one for one in deliveries if one.override),
        signed=_signed(of_period(tables, "periods", about.period)),
        verdicts=tuple((verdict, sum(one.verdict == verdict for one in deliveries)) for verdict in
                       ("GREEN", "AMBER", "RED")),
    )  # fmt: skip


def _signed(month: pl.DataFrame) -> str:
    """Whether the month is signed off, by whom, over what and on which conditions."""
    state = month.row(0, named=True) if month.height else {"state": "open"}
    if state["state"] == "open":
        return "Not signed off."
    who = f"version {state['version']}, prepared by {state['preparer']}, reviewed by {state['reviewer']}"
    if state["state"] == "reopened":
        return f"Opened again after it was signed off ({who})."
    conditions = f" Conditions: {state['conditions']}." if state["conditions"] else ""
    return f"Signed off ({who}), content {state['content']}.{conditions}"
