"""The figures that act as controls, each defined in one place: what it says, of which rows, and which way is bad.

What arose before go-live is in no figure unless its name says so. Events are those of the period; states are as they
stand at as_of.
"""

from collections.abc import Mapping

import polars as pl

from tieout import ladder, normalize, roi
from tieout.figures import ALL, FIGURE, Metric, Month, counts, durations, shares
from tieout.money import MONEY

METRICS_TABLE: Mapping[str, pl.DataType] = {
    "name": pl.String(), **FIGURE, "unit": pl.String(), "kind": pl.String(), "threshold": MONEY,
    "breached": pl.Boolean(),
}  # fmt: skip
OF_ASSETS = ("asset", "register_tag", "disposal_item", "loan")
"""Kinds of subject that an asset tag names."""
OF_SERIALS = ("serial", "enrolled_device")
ANSWERS = ("acknowledged", "in_progress", "waived", "accepted", "disputed")
RECOVERED = ("missing-in-count", "ghost-asset", "held-by-leaver", "vanished-asset", "overdue-checkout")
"""Rules on devices that were out of control; the device is recovered when its exception is fixed."""


def take(month: Month) -> pl.DataFrame:
    """Every figure of the period, without thresholds. No value where the denominator is nothing or a feed is down."""
    taken = [
        metric.taken(month).select(
            pl.lit(metric.name).alias("name"),
            *FIGURE,
            pl.lit(metric.unit).alias("unit"),
            pl.lit(metric.kind).alias("kind"),
        )
        for metric in METRICS
    ]
    return pl.concat(taken).with_columns(threshold=pl.lit(None, MONEY), breached=pl.lit(None, pl.Boolean))


# -- devices ---------------------------------------------------------------------------------------------------------


def judged_records(devices: pl.DataFrame) -> pl.DataFrame:
    """The devices that record accuracy speaks of, with the `answer`: right, wrong or (null) not checked.

    Entries on the books, entries written off that were seen all the same, and devices found that are on no entry.
    """
    wrong_all_the_same = ~pl.col("right").fill_null(True)
    return devices.filter(pl.col("on_books") | ~pl.col("on_register") | wrong_all_the_same).with_columns(
        answer=pl.when(~pl.col("on_register")).then(pl.lit(False)).otherwise("right")
    )


def _record_accuracy(month: Month) -> pl.DataFrame:
    return shares(judged_records(month.tables["devices"]), pl.col("answer"), "asset_class")


def _trust_coverage(month: Month) -> pl.DataFrame:
    return shares(month.tables["devices"].filter("on_books"), pl.col("checked"), "asset_class")


def _loss_rate(month: Month) -> pl.DataFrame:
    held = month.tables["devices"].filter(pl.col("on_books") | pl.col("newly_lost"))
    return shares(held, pl.col("newly_lost"), "asset_class")


def _records(month: Month, flag: pl.Expr) -> pl.DataFrame:
    """The register's entries on the books, and those written off that still have such an exception: `hit`."""
    listed = month.exceptions.filter(flag)
    tags = listed.filter(pl.col("subject_type").is_in(OF_ASSETS)).select(normalize.code(pl.col("subject"))).to_series()
    serials = listed.filter(pl.col("subject_type").is_in(OF_SERIALS))["subject"]
    hit = normalize.code(pl.col("asset_tag")).is_in(tags.implode()) | (
        normalize.serial(pl.col("serial")).is_in(serials.implode())
    )
    records = month.tables["devices"].filter("on_register").with_columns(hit=hit.fill_null(False))
    return records.filter(pl.col("on_books") | pl.col("hit"))


_CURRENT = pl.col("is_open") & ~pl.col("legacy")
_EVERYTHING = pl.col("is_open") | pl.col("is_waived")


def _exception_rate(month: Month) -> pl.DataFrame:
    return shares(_records(month, _CURRENT), pl.col("hit"), "asset_class")


def _exception_rate_by_value(month: Month) -> pl.DataFrame:
    return shares(_records(month, _CURRENT), pl.col("hit"), "asset_class", pl.col("value"))


def _exception_rate_with_all(month: Month) -> pl.DataFrame:
    return shares(_records(month, _EVERYTHING), pl.col("hit"), "asset_class")


def _exception_rate_with_all_by_value(month: Month) -> pl.DataFrame:
    return shares(_records(month, _EVERYTHING), pl.col("hit"), "asset_class", pl.col("value"))


def _transfer_completion(month: Month) -> pl.DataFrame:
    return shares(month.tables["custody_changes"], pl.col("complete"), "kind")


def _device_returns(month: Month) -> pl.DataFrame:
    returns = month.tables["device_returns"].filter(month.world.in_period(pl.col("due_on")))
    return shares(returns, pl.col("in_time"), "asset_class")


def _recovered(month: Month) -> pl.DataFrame:
    return _settled(month, "fixed").filter(pl.col("rule").is_in(RECOVERED) & ~pl.col("legacy")).unique(
        "subject", keep="first", maintain_order=True
    )  # fmt: skip


def _recovered_devices(month: Month) -> pl.DataFrame:
    return counts(_recovered(month), "asset_class")


def _recovered_value(month: Month) -> pl.DataFrame:
    return counts(_recovered(month), "asset_class", pl.col("value"))


# -- people ----------------------------------------------------------------------------------------------------------


def _leavers(month: Month) -> pl.DataFrame:
    """Leavers of the period, those with something still open, and those whose last thing went in the period."""
    people = month.tables["people"].filter(pl.col("left_on").is_not_null())
    ended = month.world.in_period(pl.col("left_on")) | month.world.in_period(pl.col("done_on")).fill_null(False)
    return people.filter(ended | (pl.col("still_open") > 0).fill_null(False))


def _offboarding_completion(month: Month) -> pl.DataFrame:
    left = month.tables["people"].filter(month.world.in_period(pl.col("left_on")).fill_null(False))
    done = (
        pl.when(pl.col("done_on").is_not_null()).then(pl.lit(True)).when(pl.col("still_open") > 0).then(pl.lit(False))
    )
    return shares(left, done, "department")


def _offboarding_days(month: Month) -> pl.DataFrame:
    return durations(_leavers(month), "done_days", 0.5, "department")


def _offboarding_days_p90(month: Month) -> pl.DataFrame:
    return durations(_leavers(month), "done_days", 0.9, "department")


# -- spares and what goes out ----------------------------------------------------------------------------------------


def _locates(month: Month) -> pl.DataFrame:
    """Tickets on critical spares; without hours where it is not known whether a spare is critical."""
    asked = month.tables["requests"].filter((pl.col("kind") == "locate") & pl.col("critical").fill_null(True))
    return asked.with_columns(hours=pl.when("critical").then("hours"))


def _time_to_locate(month: Month) -> pl.DataFrame:
    return durations(_locates(month), "hours", 0.5, "sku")


def _time_to_locate_p90(month: Month) -> pl.DataFrame:
    return durations(_locates(month), "hours", 0.9, "sku")


def _stock_accuracy(month: Month) -> pl.DataFrame:
    return shares(month.tables["stock_positions"].filter("counted_in_period"), pl.col("within"), "location")


def _count_coverage(month: Month) -> pl.DataFrame:
    lines = month.tables["stock_positions"].filter(pl.col("book").is_not_null())
    return shares(lines, pl.col("count_in_time"), "location")


def _days_in_stage(month: Month) -> pl.DataFrame:
    waiting = month.tables["disposals"].filter(pl.col("recorded") & ~pl.col("finished").fill_null(False))
    return durations(waiting, "stage_days", 0.5, "stage")


def _certificate_coverage(month: Month) -> pl.DataFrame:
    left = month.tables["disposals"].filter(
        pl.col("out_on").is_not_null() & pl.col("data_bearing").fill_null(True) & ~pl.col("redeployed").fill_null(False)
    )
    return shares(left, pl.when("data_bearing").then("certified"), "route")


# -- the list itself -------------------------------------------------------------------------------------------------


def _open_exceptions(month: Month) -> pl.DataFrame:
    """Open ones by rule, 0 for a rule that found none; no value for a rule that could not be evaluated at all."""
    by_rule = counts(month.current, "rule")
    judged = month.tables["rule_runs"].select(scope="rule", could=pl.col("reason").is_null())
    silent = judged.join(by_rule, on="scope", how="anti").select(
        "scope", numerator=pl.lit(0, MONEY), excluded=pl.lit(0, pl.UInt32), value=pl.lit(0, MONEY)
    )
    listed = pl.concat([by_rule, silent.sort("scope")], how="vertical_relaxed")
    could = pl.col("could").fill_null(True)
    return listed.join(judged, on="scope", how="left", maintain_order="left").with_columns(
        pl.when(could).then(name).alias(name) for name in ("numerator", "value")
    )


def _findings(month: Month, by: str) -> pl.DataFrame:
    """What part of the open exceptions each group has."""
    grouped = counts(month.current, by).filter(pl.col("scope") != ALL).drop("value")
    share = pl.when(pl.col("denominator") != 0).then(pl.col("numerator") / pl.col("denominator"))
    return grouped.with_columns(denominator=pl.lit(month.current.height).cast(MONEY)).with_columns(share.alias("value"))


def _findings_by_category(month: Month) -> pl.DataFrame:
    return _findings(month, "category")


def _findings_by_process(month: Month) -> pl.DataFrame:
    return _findings(month, "process")


def _overdue_share(month: Month) -> pl.DataFrame:
    overdue = pl.when(~pl.col("legacy")).then(pl.col("due_on") < pl.lit(month.world.today))
    return shares(month.exceptions.filter("is_open"), overdue, "owner")


def _settled(month: Month, why: str) -> pl.DataFrame:
    """The exceptions resolved in the period for one reason."""
    ended = month.tables["exception_history"].filter((pl.col("to_status") == "resolved") & (pl.col("why") == why))
    return month.exceptions.join(ended, on="exception_id", how="semi", maintain_order="left")


def _owner_answer_rate(month: Month) -> pl.DataFrame:
    """Of what owners had on their list before the period ended: what they decided about, or fixed."""
    known_before = month.tables["memory_exceptions"].filter(pl.col("opened_on") < pl.lit(month.world.today))
    listed = month.exceptions.join(known_before, on="exception_id", how="semi", maintain_order="left")
    fixed = pl.col("exception_id").is_in(_settled(month, "fixed")["exception_id"].implode())
    decided = pl.col("status").is_in(ANSWERS) | pl.col("decision").is_not_null()
    answered = (
        pl.when("legacy").then(None)
        .when(fixed | decided).then(pl.lit(True))
        .when(pl.col("status") != "resolved").then(pl.lit(False))
    )  # fmt: skip
    return shares(listed, answered, "owner")


def _waiver_share(month: Month) -> pl.DataFrame:
    listed = month.exceptions.filter(pl.col("is_open") | pl.col("is_waived"))
    return shares(listed, pl.when(~pl.col("legacy")).then("is_waived"), "owner")


def _unvalued_share(month: Month) -> pl.DataFrame:
    valued = month.current.filter(pl.col("value_kind").is_not_null())
    return shares(valued, pl.col("value").is_null(), "value_kind")


def _not_evaluated_share(month: Month) -> pl.DataFrame:
    runs = month.tables["rule_runs"]
    parts = pl.concat(
        [
            runs.select("rule", units="not_evaluated", answer=pl.lit(True)),
            runs.select("rule", units=pl.col("population") - pl.col("not_evaluated"), answer=pl.lit(False)),
        ]
    )
    return shares(parts, pl.col("answer"), "rule", pl.col("units"))


def _overrides(month: Month) -> pl.DataFrame:
    now = month.world.sources.filter(pl.col("period") == month.world.period)
    overridden = pl.col("override").is_not_null() if "override" in now.columns else pl.lit(False)
    return shares(now, overridden, "feed")


METRICS: tuple[Metric, ...] = (
    Metric(
        "record_accuracy",
        "Register entries right in every attribute that was checked ÷ entries checked and devices found on no entry; "
        "entries on the books that nothing checked are left out.",
        "share", _record_accuracy, "low", "asset class", ("assets",),
    ),
    Metric(
        "trust_coverage", "Entries on the books that something checked ÷ entries on the books.",
        "share", _trust_coverage, "low", "asset class", ("assets",),
    ),
    Metric(
        "transfer_completion",
        "Custody changes of the period with a complete record ÷ all of them, those that no movement records included.",
        "share", _transfer_completion, "low", "kind of change", ("movements",),
    ),
    Metric(
        "exception_rate", "Entries with an open exception ÷ entries in scope: on the books, or written off with one.",
        "share", _exception_rate, "high", "asset class", ("assets",),
    ),
    Metric(
        "exception_rate_by_value", "The same by value; entries without a value are left out.",
        "share", _exception_rate_by_value, "high", "asset class", ("assets",),
    ),
    Metric(
        "exception_rate_with_waived_and_legacy", "The same by count, with what is waived and the legacy.",
        "share", _exception_rate_with_all, "high", "asset class", ("assets",),
    ),
    Metric(
        "exception_rate_with_waived_and_legacy_by_value", "The same by value, with what is waived and the legacy.",
        "share", _exception_rate_with_all_by_value, "high", "asset class", ("assets",),
    ),
    Metric(
        "loss_rate", "Entries that became lost in the period ÷ those and the entries on the books.",
        "share", _loss_rate, "high", "asset class", ("assets",),
    ),
    Metric(
        "device_return_sla",
        "Devices of leavers that came back in time ÷ those that were due back in the period; without a known day of "
        "return left out.",
        "share", _device_returns, "low", "asset class", ("people", "assets"),
    ),
    Metric(
        "recovered_devices", "Devices that were missing, unseen or with somebody who left, and are back under control.",
        "count", _recovered_devices, None, "asset class",
    ),
    Metric(
        "recovered_value", "What the recovered devices are worth; a figure of its own, in no return.",
        "money", _recovered_value, None, "asset class",
    ),
    Metric(
        "offboarding_completion", "Leavers of the period with no account, seat or device left ÷ leavers of the period.",
        "share", _offboarding_completion, "low", "department", ("people",),
    ),
    Metric(
        "offboarding_days",
        "Median days from the last day of work to the last of accounts, seats and devices gone; open ones count to "
        "as_of. Of leavers of the period, those done in it and those still open.",
        "days", _offboarding_days, "high", "department", ("people",),
    ),
    Metric(
        "offboarding_days_p90", "Nine in ten of the same leavers took at most so many days.",
        "days", _offboarding_days_p90, "high", "department", ("people",),
    ),
    Metric(
        "time_to_locate",
        "Median hours that `locate` tickets on critical spares took; open ones count to as_of.",
        "hours", _time_to_locate, "high", "sku", ("tickets",),
    ),
    Metric(
        "time_to_locate_p90", "Nine in ten of the same tickets took at most so many hours.",
        "hours", _time_to_locate_p90, "high", "sku", ("tickets",),
    ),
    Metric(
        "stock_accuracy", "Lines counted in the period that are within tolerance ÷ lines counted; overs and shorts "
        "never net.",
        "share", _stock_accuracy, "low", "location",
    ),
    Metric(
        "count_coverage", "Lines of the spares book counted within the days of their class ÷ lines of the book.",
        "share", _count_coverage, "low", "location", ("stock",),
    ),
    Metric(
        "days_in_stage", "Median days that items on their way out have been in their present stage.",
        "days", _days_in_stage, "high", "stage", ("disposals",),
    ),
    Metric(
        "certificate_coverage", "Data-bearing items that left with a certificate ÷ data-bearing items that left.",
        "share", _certificate_coverage, "low", "route",
    ),
    *ladder.METRICS,
    Metric("open_exceptions", "Open exceptions.", "count", _open_exceptions, "high", "rule"),
    Metric(
        "findings_by_category", "Open exceptions about one kind of subject ÷ all open exceptions.",
        "share", _findings_by_category, None, "subject folder of the rule",
    ),
    Metric(
        "findings_by_process", "Open exceptions that one lifecycle step should have prevented ÷ all open exceptions.",
        "share", _findings_by_process, None, "process",
    ),
    Metric("overdue_share", "Open exceptions past their due date ÷ open exceptions.",
           "share", _overdue_share, "high", "owner"),
    Metric(
        "owner_answer_rate",
        "Exceptions known before the period that their owner decided about or fixed ÷ those; what ended for another "
        "reason is left out.",
        "share", _owner_answer_rate, "low", "owner",
    ),
    Metric("waiver_share", "Waived exceptions ÷ open and waived ones.", "share", _waiver_share, "high", "owner"),
    Metric(
        "unvalued_share", "Open exceptions whose rule speaks of money and that have no value ÷ all such.",
        "share", _unvalued_share, "high", "kind of value",
    ),
    Metric(
        "not_evaluated_share", "Subjects a rule could not judge because a source was not alive ÷ subjects looked at.",
        "share", _not_evaluated_share, "high", "rule",
    ),
    Metric(
        "overrides", "Deliveries taken as they are by override ÷ deliveries of the period.",
        "share", _overrides, "high", "feed",
    ),
    *roi.TERMS,
)  # fmt: skip
