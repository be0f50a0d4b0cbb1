"""The exceptions of a period as pages list them: each with what every source says of it and how it came about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from reports.about import About
from reports.controls import held
from reports.listing import Answers, Column
from reports.prose import read
from reports.tables import Tables, of_period
from tieout.decisions import KEPT_RULE, RECLAIMED
from tieout.feeds import FEEDS

SEVERITIES = ("critical", "high", "medium", "low")
WEIGHTS = {severity: 2 ** (3 - place) for place, severity in enumerate(SEVERITIES)}
"""What a severity counts where risk is held against money: critical 8, high 4, medium 2, low 1."""
STATUSES = ("open", "in_progress", "acknowledged", "disputed", "waived", "accepted", "resolved")
SETTLED = ("resolved", "accepted")
SINCE = ("new", "reopened", "older", "legacy")
AGES = (("0–7 days", 7), ("8–30 days", 30), ("31–60 days", 60), ("61–90 days", 90), ("90+ days", None))
"""Buckets of age and the last day in each."""

COLUMNS = (
    Column("exception_id", "Exception", shown=False),
    Column("subject", "Subject"),
    Column("title", "What is wrong", link="reconciliation.html#rule-", to="rule"),
    Column("severity", "Severity", "tag", facet=True, order=SEVERITIES),
    Column("status", "Status", facet=True, order=STATUSES),
    Column("owner", "Owner", facet=True),
    Column("age_days", "Age in days", "number"),
    Column("due_on", "Due", "date"),
    Column("value", "Value", "money"),
    Column("due", "Due or overdue", facet=True, shown=False, order=("overdue", "within 30 days", "later", "settled")),
    Column("since", "New or older", facet=True, shown=False, order=SINCE),
    Column("age", "Age", facet=True, shown=False, order=tuple(name for name, _ in AGES)),
    Column("rule", "Rule", facet=True, shown=False),
    Column("process", "Step that should have prevented it", facet=True, shown=False),
    Column("asset_class", "Class", facet=True, shown=False),
    Column("hold", "On hold", facet=True, shown=False),
    Column("value_kind", "Kind of value", facet=True, shown=False),
    Column("remedy", "What to do", shown=False),
    Column("amount", "Original amount", "money", shown=False, currency="currency"),
    Column("currency", "Currency", shown=False),
    Column("since_on", "Arose", "date", shown=False),
    Column("first_seen", "First seen", "date", shown=False),
    Column("last_seen", "Last seen", "date", shown=False),
    Column("cycles_open", "Periods in which it was found", "number", shown=False),
    Column("recurrence", "Times it opened", "number", shown=False),
    Column("paused_days", "Days in which it could not be judged", "number", shown=False),
    Column("decision", "Decision", shown=False),
    Column("may", "May", shown=False),
)
ANSWERS: Answers = {
    "acknowledge": ("I see to it", ()),
    "assign": ("Somebody else sees to it", ("to",)),
    "dispute": ("It is not so", ()),
    "waive": ("Leave it until a day", ("until", "approver")),
    "accept": ("Accept what happened", ("approver",)),
    "keep": ("Keep the seat", ("until",)),
    "approve": ("Give the licence back", ()),
}
"""The decisions an owner can take in a page or a workbook."""


_NAMED_IN = {"account": "accounts", "asset": "assets", "endpoint": "endpoints", "seat": "seats"}
"""The feed in which a subject of each type is named as its record is."""


@dataclass(frozen=True)
class Exceptions:
    """The exceptions of a period in the order of their weight, with the columns of COLUMNS and `risk`.

    `details` are what stands under each: what each source says, whom it may mean, what was judged, and every change of
    state.
    """

    rows: pl.DataFrame
    details: pl.DataFrame


def gather(tables: Tables, about: About, rules: Mapping[str, str]) -> Exceptions:
    """Every exception of the period: unsettled ones first, then by risk × money.

    One without a value weighs like the median one that has a value.
    """
    rows = _listed(tables, about, rules)
    told = (_claims(tables, about, rows), _suggested(tables, about, rows), _judged(rows), _history(tables, about, rows))
    details = pl.concat(told)
    return Exceptions(rows, details)


# -- inside ----------------------------------------------------------------------------------------------------------


def _listed(tables: Tables, about: About, rules: Mapping[str, str]) -> pl.DataFrame:
    rows = of_period(tables, "exceptions", about.period)
    titles = {rule: read(rule, rules.get(rule, "")).title for rule in rows["rule"].unique()}
    weight = pl.col("severity").replace_strict(WEIGHTS, default=0, return_dtype=pl.Float64)
    worth = pl.coalesce(pl.col("value").cast(pl.Float64), pl.col("value").cast(pl.Float64).median(), pl.lit(1.0))
    settled = pl.col("status").is_in(SETTLED)
    days = pl.col("due_on") - pl.lit(about.today)
    return (
        rows.join(_since(tables, about), on="exception_id", how="left", maintain_order="left")
        .with_columns(
            title=pl.col("rule").replace_strict(titles, default=None, return_dtype=pl.String),
            since=pl.when("legacy").then(pl.lit("legacy")).otherwise(pl.col("since").fill_null("older")),
            age=_bucket(pl.col("age_days")),
            due=pl.when(settled).then(pl.lit("settled")).when(days.dt.total_days() < 0).then(pl.lit("overdue"))
            .when(days.dt.total_days() <= 30).then(pl.lit("within 30 days")).otherwise(pl.lit("later")),
            may=answerable(about),
            hold=_hold(tables, about),
            risk=weight * worth,
        )
        .sort(settled, "risk", "due_on", "subject", "exception_id", descending=[False, True, False, False, False],
              nulls_last=True)
    )  # fmt: skip


def _since(tables: Tables, about: About) -> pl.DataFrame:
    """Which exceptions came in this period: for the first time, or back again."""
    changes = of_period(tables, "exception_history", about.period).filter(
        ~pl.col("to_status").is_in(SETTLED), pl.col("from_status").is_null() | pl.col("from_status").is_in(SETTLED)
    )
    since = pl.when(pl.col("from_status").is_null()).then(pl.lit("new")).otherwise(pl.lit("reopened"))
    return changes.select("exception_id", since=since).unique("exception_id", keep="first", maintain_order=True)


def _bucket(days: pl.Expr) -> pl.Expr:
    bucket = pl.lit(AGES[-1][0])
    for name, last in reversed(AGES[:-1]):
        bucket = pl.when(days <= last).then(pl.lit(name)).otherwise(bucket)
    return bucket


def answerable(about: About) -> pl.Expr:
    """The decisions that make sense for an exception, joined by commas; null when it is settled."""
    can = {
        "accept": pl.col("rule").is_in(about.lasting),
        "keep": pl.col("rule") == KEPT_RULE,
        "approve": pl.col("value_kind") == RECLAIMED,
    }
    kinds = [pl.when(can.get(kind, True)).then(pl.lit(kind)) for kind in ANSWERS]
    return pl.when(~pl.col("status").is_in(SETTLED)).then(pl.concat_str(kinds, separator=",", ignore_nulls=True))


def _hold(tables: Tables, about: About) -> pl.Expr:
    """Whether too little is known of an exception's class or product to act on it."""
    classes, products = held(tables, about, "asset class"), held(tables, about, "product")
    product = pl.when(pl.col("subject_type") == "seat").then(pl.col("subject").str.replace(r"/[^/]*$", "")).otherwise(
        pl.when(pl.col("subject_type") == "product").then("subject")
    )  # fmt: skip
    on_hold = pl.col("asset_class").is_in(classes) | product.is_in(products)
    return pl.when(on_hold).then(pl.lit("hold"))


def _claims(tables: Tables, about: About, shown: pl.DataFrame) -> pl.DataFrame:
    """What the sources say of each exception, from the latest period that found it; feeds in the order of the docs."""
    order = {feed: place for place, feed in enumerate(FEEDS)}
    places = {f"{feed}.{column}": place for feed in FEEDS for place, column in enumerate(FEEDS[feed].schema)}
    place_of_field = pl.concat_str("feed", "field", separator=".").replace_strict(
        places, default=None, return_dtype=pl.Int64
    )
    silent = pl.col("field").is_null()
    told = of_period(tables, "evidence", about.period)
    kept = shown.select("exception_id").join(told, on="exception_id", how="anti")  # found in an earlier period
    if kept.height:
        earlier = tables["evidence"].lazy().filter(pl.col("period") < about.period)
        latest = pl.col("period") == pl.col("period").max().over("exception_id")
        told = pl.concat([told, earlier.join(kept.lazy(), on="exception_id", how="semi").filter(latest).collect()])
    if shown.height < told["exception_id"].n_unique():
        told = told.join(shown.select("exception_id"), on="exception_id", how="semi")
    ordered = told.sort(
        "exception_id", pl.col("feed").replace_strict(order, default=len(order), return_dtype=pl.Int64), "source",
        "landed_row", place_of_field, "field",
    )  # fmt: skip
    return ordered.select(
        key="exception_id",
        heading=pl.format("{} · {}", "feed", "source"),
        note=pl.when(silent).then("value").otherwise(pl.format("row {} of snapshot {}", "landed_row", "snapshot_id")),
        name="field",
        value=pl.when(~silent).then("value"),
    )  # fmt: skip


def _suggested(tables: Tables, about: About, shown: pl.DataFrame) -> pl.DataFrame:
    """Whom the record of an exception may mean by name alone, where it names nobody."""
    feed = pl.col("subject_type").replace_strict(_NAMED_IN, default=None, return_dtype=pl.String)
    suggested = of_period(tables, "suggestions", about.period).select(
        "feed", "person_id", "similarity", subject="record"
    )
    alike = shown.select("exception_id", "subject", feed=feed).join(suggested, on=["feed", "subject"])
    return alike.sort("exception_id", "similarity", "person_id", descending=[False, True, False]).select(
        key="exception_id",
        heading=pl.lit("By name alone it may be"),
        note=pl.lit("a suggestion: nothing follows from it"),
        name="person_id",
        value=pl.format("{} % alike", (pl.col("similarity") * 100).round().cast(pl.Int64)),
    )


def _judged(shown: pl.DataFrame) -> pl.DataFrame:
    """The measures a rule asked for, as text; what nobody knows is said so."""
    measures = (
        (exception, name, "unknown" if value is None else str(value))
        for exception, evidence in shown.select("exception_id", "evidence").iter_rows()
        for name, value in json.loads(evidence or "{}").get("judged", {}).items()
    )
    told = pl.DataFrame(list(measures), schema={"key": pl.String, "name": pl.String, "value": pl.String}, orient="row")
    return told.select("key", heading=pl.lit("What was judged"), note=pl.lit(""), name="name", value="value")


def _history(tables: Tables, about: About, shown: pl.DataFrame) -> pl.DataFrame:
    """Every change of each exception up to this period, oldest first."""
    changes = (
        tables["exception_history"]
        .lazy()
        .filter(pl.col("period") <= about.period)
        .join(shown.lazy().select("exception_id"), on="exception_id", how="semi")
        .sort("exception_id", "period", "at", maintain_order=True)
        .collect()
    )
    before = pl.when(pl.col("from_status").is_not_null()).then(pl.format("{} → ", "from_status")).otherwise(pl.lit(""))
    why = pl.when(pl.col("why").fill_null("") != "").then(pl.format(" ({})", "why")).otherwise(pl.lit(""))
    return changes.select(
        key="exception_id",
        heading=pl.lit("History"),
        note=pl.lit(""),
        name=pl.col("at").cast(pl.String),
        value=pl.concat_str(before, "to_status", why),
    )
