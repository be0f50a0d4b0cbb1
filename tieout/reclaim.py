"""What giving seats back is worth, and when: the candidates of the licence-reclaim report and the waterfall of a line.

Each unit stands in one bucket. Seats to be given back that fill no line cure over-assignment (`true_up_avoided`); then
unassigned units, and after them the seats to be given back, reduce their line down to its minimum quantity
(`reducible`); for the rest the contract's minimum is paid anyway (`below_minimum`: 0.00). A line has unassigned units
only when no seat of its product and plan is without a line, so they never cure over-assignment. Price tiers are not
modelled.
"""

from datetime import date

import polars as pl

from tieout import licences, money
from tieout.facts.ground import Ground
from tieout.rule import SEPARATOR
from tieout.world import World

WORTH = ("realisable_now", "at_renewal", "this_year", "next_year")
"""What giving a unit back saves within the term, in the year from renewal on, and in cash in two fiscal years."""
AMOUNTS = ("annual_value", "annual_amount", *(name + end for name in WORTH for end in ("", "_amount")))


def candidates(ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    """Every seat that may be given back: why, on which line, what it is worth, and by when to decide."""
    seats = _bucketed(filled.filter(pl.col("reason").is_not_null()), licences.positions(ground, filled))
    frame = _valued(seats.join(_terms(ground), on="line", how="left", maintain_order="left"), ground.world)
    return frame.select(
        "product", "seat_id", "reason", "contract_id", "line_no", "cost_center",
        pl.col("holder_id").alias("person_id"),
        pl.col("annual").alias("annual_value"), "annual_amount", "currency", "bucket", *AMOUNTS[2:], "reduction",
        pl.col("committed_on").alias("committed_until"), "decide_by", "lapses_on", "vendor", "product_key",
        pl.concat_str(licences.SEAT, separator=SEPARATOR).alias("subject_key"),
    ).sort(licences.SEAT)  # fmt: skip


def pools(ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    """The units of each line that nobody has: a row for those that reduce it, one for those its minimum keeps."""
    lines = (
        licences.positions(ground, filled)
        .filter("told")
        .select("_id", "product_key", "quantity", "minimum_quantity", "unassigned")
    )
    free = pl.max_horizontal("unassigned", money.zero())
    reducible = pl.min_horizontal(free, pl.max_horizontal(_above_minimum(), money.zero()))
    parts = [
        lines.with_columns(bucket=pl.lit(bucket), units=units)
        for bucket, units in (("reducible", reducible), ("below_minimum", free - reducible))
    ]
    units = pl.concat(parts).filter(pl.col("units") > 0).select("bucket", "units", "product_key", line="_id")
    frame = _valued(units.join(_terms(ground), on="line", maintain_order="left"), ground.world, pl.col("units"))
    frame = money.valued(frame, "annual", pl.col("units") * pl.col("annual_exact"), pl.col("currency"), ground.world)
    return frame.select(
        pl.col("line_product").alias("product"), "product_key", "vendor", "contract_id", "line_no",
        pl.col("line_cost_center").alias("cost_center"),
        "bucket", "units", pl.col("annual").alias("annual_value"), "annual_amount", "currency", *AMOUNTS[2:],
        pl.col("committed_on").alias("committed_until"), "decide_by", "lapses_on",
    ).sort("contract_id", "line_no", "bucket", descending=[False, False, True])  # fmt: skip


def waterfall(ground: Ground, filled: pl.DataFrame, found: pl.DataFrame, idle: pl.DataFrame) -> pl.DataFrame:
    """Every unit of every line that can be told, once: kept, to be given back by reason, or unassigned.

    The units of a line add up to its quantity. Seats that fill no line stand under their product without a contract.
    An amount is null where one of its units has none.
    """
    told = licences.positions(ground, filled).filter("told")
    known = told.select("product", "contract_id", "line_no", "currency")
    kept = told.filter(pl.col("kept") > 0).select(*known.columns, part=pl.lit("kept"), units=pl.col("kept"))
    over = (
        filled.filter(pl.col("line").is_null() & pl.col("reason").is_null())
        .group_by("product_key")
        .agg(pl.col("product").first(), units=pl.len())
        .select("product", part=pl.lit("kept beyond contract"), units="units")
    )
    sums = [pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name) for name in AMOUNTS]
    line = ["contract_id", "line_no"]
    by_reason = (
        found.with_columns(pl.col("reason").alias("part"))
        .group_by("product_key", *line, "currency", "part", "bucket")
        .agg(pl.col("product").first(), pl.len().alias("units"), *sums)
    )
    lineless = pl.col("contract_id").is_null()
    by_reason = pl.concat(
        [by_reason.filter(lineless), by_reason.filter(~lineless).join(known.select(line), on=line, how="semi")]
    )
    unassigned = idle.with_columns(part=pl.lit("unassigned"))
    parts = [frame.with_columns(pl.col("units").cast(money.MONEY)) for frame in (kept, over, by_reason, unassigned)]
    columns = ["product", *line, "part", "bucket", "units", "currency", *AMOUNTS]
    short = told.filter(pl.col("unassigned") < 0).select(*known.columns, part=pl.lit("unassigned"), units="unassigned")
    return pl.concat([*parts, short], how="diagonal_relaxed").select(columns).sort("product", *line, "part", "bucket")


def _above_minimum() -> pl.Expr:
    """Units of a line above those its contract keeps; negative where it is already below."""
    return pl.col("quantity") - pl.max_horizontal("minimum_quantity", money.zero())


def _bucketed(seats: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """The seats with the bucket each stands in; the reasons that come first in the catalogue reduce first.

    A seat that fractions of several lines add up to stands on the last of them: none of them can give a whole one back.
    """
    idle = pl.max_horizontal("unassigned", money.zero())
    room = positions.select(line="_id", room=(_above_minimum() - idle).floor().cast(pl.Int64))
    order = pl.col("reason").replace_strict({r: i for i, r in enumerate(licences.RECLAIM_REASONS)})
    place = pl.int_range(pl.len()).over("line")
    return (
        seats.sort("line", order, "seat_id")
        .with_columns(place.alias("place"))
        .join(room, on="line", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("line").is_null())
            .then(pl.lit("true_up_avoided"))
            .when(pl.col("place") < pl.col("room"))
            .then(pl.lit("reducible"))
            .otherwise(pl.lit("below_minimum"))
            .alias("bucket")
        )
    )


def _valued(frame: pl.DataFrame, world: World, units: pl.Expr | None = None) -> pl.DataFrame:
    """With what each row saves, by when it must be decided, and after which day it is too late for this term."""
    saves = pl.col("bucket") == "reducible"
    for name in WORTH:
        each = pl.col(f"unit_{name}")
        amount = each if units is None else each * units
        worth = pl.when(saves).then(amount).when(amount.is_not_null()).then(money.zero())
        frame = money.valued(frame, name, worth, pl.col("currency"), world)
    today, notice = world.today, licences.notice_deadline(world.settings)
    binding = pl.when("auto_renew").then(notice).otherwise("committed_on")
    return frame.with_columns(
        pl.when(notice >= today).then(notice).alias("decide_by"),
        pl.when((binding >= today) & (pl.col("reduction") == "renewal_only")).then(binding).alias("lapses_on"),
    )


def _terms(ground: Ground) -> pl.DataFrame:
    """Each line's dates and prices, and what one unit of it saves (`unit_<worth>`); null for perpetual lines.

    Before renewal a unit saves the billing periods that begin after as_of and end within the term, and with a
    pro-rata refund the days left of the running one; nothing where units may be given back at renewal only. From
    renewal on it saves one year, at the following line's price where one is known. In cash, each billing period falls
    into the fiscal year it begins in, a refund into this one; periods of a term in which units may be given back at any
    time count with the term, also those after the commitment. A line that renews by itself and whose notice deadline
    has passed (`bound`) is paid for the year from renewal on all the same.
    """
    world = ground.world
    today, after = pl.lit(world.today), pl.col("term_end").dt.offset_by("1d")
    lines = licences.lines(ground)
    next_line = lines.filter(pl.col("succeeds_on").is_not_null()).group_by(
        "product_key", "plan_key", "currency", term_end="succeeds_on"
    ).agg(pl.col("annual_exact").max().alias("next_annual"))  # fmt: skip
    step = pl.col("billing_period").replace_strict(money.PERIOD_MONTHS, default=None)
    whole, at_most = (money.whole_months(pl.col("term_start"), end) for end in (after, pl.col("term_end")))
    begins = pl.col("term_start").dt.offset_by(pl.format("{}mo", (pl.col("begun") - 1) * pl.col("step")))
    ends = pl.col("term_start").dt.offset_by(pl.format("{}mo", pl.col("begun") * pl.col("step")))
    days_left = (pl.col("ends") - today).dt.total_days() - 1
    days = (pl.col("ends") - pl.col("begins")).dt.total_days()
    part = days_left.cast(money.MONEY) / pl.when(days > 0).then(days).cast(money.MONEY)  # none of a term that is over
    refunded = pl.when(pl.col("refund") == "prorata").then(pl.col("unit_price") * part).otherwise(money.zero())
    this_end, next_end = (pl.lit(day) for day in _fiscal_year_ends(world))

    def in_term(upto: pl.Expr) -> pl.Expr:
        """What the billing periods of the term save that begin after as_of and before a day."""
        count = pl.min_horizontal(_begun(pl.col("term_start"), pl.col("step"), upto), "periods") - pl.col("begun")
        saved = pl.col("unit_price") * pl.max_horizontal(count, pl.lit(0)).cast(money.MONEY)
        return pl.when(pl.col("reduction") == "anytime").then(saved).otherwise(money.zero())

    def renewed(upto: pl.Expr) -> pl.Expr:
        """What the billing periods of the year from renewal on save that begin after as_of and before a day."""
        begun = _begun(pl.col("renews_on"), 12 // pl.col("a_year"), upto)
        before = _begun(pl.col("renews_on"), 12 // pl.col("a_year"), today.dt.offset_by("1d"))
        count = pl.min_horizontal(begun, "a_year") - pl.min_horizontal(before, "a_year")
        saved = pl.col("next_price") * count.cast(money.MONEY) / pl.col("a_year").cast(money.MONEY)
        return pl.when("bound").then(money.zero()).otherwise(saved)

    refund = pl.when(pl.col("reduction") == "anytime").then(refunded).otherwise(money.zero())
    worth = {
        "realisable_now": in_term(after) + refund,
        "at_renewal": pl.col("next_price"),
        "this_year": in_term(this_end) + refund + renewed(this_end),
        "next_year": in_term(next_end) - in_term(this_end) + renewed(next_end) - renewed(this_end),
    }
    same = ["product_key", "plan_key", "currency", "term_end"]
    limited = pl.col("term_end").is_not_null()
    return (
        lines.join(next_line, on=same, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.coalesce(step, at_most + 1).alias("step"))
        .with_columns(
            (whole // pl.col("step")).alias("periods"),
            _begun(pl.col("term_start"), pl.col("step"), today.dt.offset_by("1d")).alias("begun"),
            pl.when(pl.col("reduction") == "anytime").then(after)
            .otherwise(pl.col("committed_on").dt.offset_by("1d"))
            .alias("renews_on"),
            pl.col("billing_period").replace_strict(money.PERIODS_A_YEAR, default=1).cast(pl.Int64).alias("a_year"),
            pl.coalesce("next_annual", "annual_exact").alias("next_price"),
            (pl.col("auto_renew") & (licences.notice_deadline(world.settings) < today)).fill_null(False).alias("bound"),
        )
        .with_columns(begins.alias("begins"), pl.min_horizontal(ends, after).alias("ends"))
        .select(
            "contract_id", "line_no", "vendor", "reduction", "committed_on", "notice_days", "auto_renew",
            "annual", "annual_amount", "annual_exact", "currency",
            pl.col("_id").alias("line"), pl.col("product").alias("line_product"),
            pl.col("cost_center").alias("line_cost_center"),
            *(pl.when(limited).then(amount).alias(f"unit_{name}") for name, amount in worth.items()),
        )
    )  # fmt: skip


def _begun(start: pl.Expr, step: pl.Expr, before: pl.Expr) -> pl.Expr:
    """How many periods of `step` months, the first beginning at `start`, have begun before a day."""
    last = before.dt.offset_by("-1d")
    return pl.when(start <= last).then(money.whole_months(start, last) // step + 1).otherwise(0)


def _fiscal_year_ends(world: World) -> tuple[date, date]:
    """The first day after this fiscal year, and the first after the next."""
    today, month = world.today, world.settings.policy.fiscal_year_start
    year = today.year if today.month < month else today.year + 1
    return date(year, month, 1), date(year + 1, month, 1)
