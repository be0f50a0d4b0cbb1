"""What the work came to in money, term by term, each with its kind: measured, estimated or assumed.

A term without its input is absent, never 0. The headline holds measured terms only; the cost of the programme is
subtracted whole, because it is spent whatever is saved.
"""

from decimal import Decimal

import polars as pl

from tieout import ladder
from tieout.figures import ALL, FIGURE, Metric, Month, counts, unknown


def _amount(value: Decimal | None, excluded: int = 0) -> pl.DataFrame:
    row = {"scope": ALL, "numerator": value, "excluded": excluded, "value": value}
    return pl.DataFrame([row], schema=dict(FIGURE))


def _duplicates_avoided(month: Month) -> pl.DataFrame:
    """Requests closed as met from stock, at the latest price of an order; requests without a price are left out."""
    met = month.tables["requests"].filter((pl.col("kind") == "purchase") & pl.col("closed_in_period"))
    return counts(met.filter(pl.col("met_from_stock")), None, pl.col("value"))


def _labour_saved(month: Month) -> pl.DataFrame:
    """Exceptions fixed in the period × minutes saved each × the hourly rate."""
    roi = month.world.settings.roi
    if roi.minutes_saved is None or roi.hourly_rate is None:
        return unknown()
    ended = month.tables["exception_history"].filter((pl.col("to_status") == "resolved") & (pl.col("why") == "fixed"))
    fixed = month.exceptions.filter(~pl.col("legacy")).join(ended, on="exception_id", how="semi").height
    return _amount(_cents(fixed * roi.minutes_saved / 60 * roi.hourly_rate))


def _downtime_avoided(month: Month) -> pl.DataFrame:
    roi = month.world.settings.roi
    if roi.downtime_hours is None or roi.downtime_rate is None:
        return unknown()
    return _amount(_cents(roi.downtime_hours * roi.downtime_rate))


def _programme_cost(month: Month) -> pl.DataFrame:
    cost = month.world.settings.roi.programme_cost
    return unknown() if cost is None else _amount(_cents(cost))


def _headline(month: Month) -> pl.DataFrame:
    return _net(month, ("measured",))


def _with_all(month: Month) -> pl.DataFrame:
    return _net(month, ("measured", "estimated", "assumed"))


def _ratio(month: Month) -> pl.DataFrame:
    cost = month.world.settings.roi.programme_cost
    net = _headline(month)["value"].item()
    if not cost or net is None:
        return unknown()
    ratio = (net / cost).quantize(Decimal("0.0001"))
    return pl.DataFrame(
        [{"scope": ALL, "numerator": net, "denominator": cost, "excluded": 0, "value": ratio}], schema=dict(FIGURE)
    )


def _net(month: Month, kinds: tuple[str, ...]) -> pl.DataFrame:
    """Gains of some kinds less the cost; null where no such term is known."""
    terms = [term for term in GAINS if term.kind in kinds]
    gains = [term.taken(month) for term in terms]
    known = [gain["value"][0] for gain in gains if gain["value"][0] is not None]
    left_out = sum(int(gain["excluded"][0] or 0) for gain in gains)
    cost = month.world.settings.roi.programme_cost or Decimal(0)
    return _amount(sum(known, Decimal(0)) - cost if known else None, left_out)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


GAINS: tuple[Metric, ...] = (
    Metric(
        "roi_duplicate_spend_avoided",
        "Purchase requests closed as met from stock, each at the latest price its article was ordered at.",
        "money", _duplicates_avoided, needs=("tickets", "purchases", "movements"),
    ),
    Metric(
        "roi_licences_realised",
        "Reductions and credits of licences that documents prove now and did not a period ago; avoidance is not in it.",
        "money", ladder.realised,
    ),
    Metric(
        "roi_labour_saved", "Exceptions fixed in the period × `minutes_saved` × `hourly_rate`.",
        "money", _labour_saved, kind="estimated",
    ),
    Metric(
        "roi_downtime_avoided", "`downtime_hours` × `downtime_rate`, as the workspace assumes them.",
        "money", _downtime_avoided, kind="assumed",
    ),
)  # fmt: skip
TERMS: tuple[Metric, ...] = (
    *GAINS,
    Metric("roi_programme_cost", "What the programme cost in the period.", "money", _programme_cost),
    Metric("roi_headline", "Measured gains − programme cost.", "money", _headline, "low"),
    Metric("roi_with_estimates", "All gains, estimated and assumed ones too, − programme cost.", "money", _with_all,
           kind="assumed"),
    Metric("roi_ratio", "(Measured gains − cost) ÷ cost.", "ratio", _ratio, "low"),
)  # fmt: skip
