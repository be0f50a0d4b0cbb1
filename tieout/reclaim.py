"""What giving seats back is worth, and when: the candidates of the licence-reclaim report.

Each seat stands in one bucket. Unassigned units and seats to be given back first cure over-assignment (a seat that
fills no line: `true_up_avoided`), then reduce the line down to its minimum quantity (`reducible`); for the rest the
contract's minimum is paid anyway (`below_minimum`: 0.00). Price tiers are not modelled.
"""

import polars as pl

from tieout import licences, money
from tieout.facts.ground import Ground


def candidates(ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    """Every seat that may be given back: why, on which line, what it is worth, and by when to decide."""
    world = ground.world
    today = world.today
    notice = licences.notice_deadline()
    seats = _bucketed(filled.filter(pl.col("reason").is_not_null()), licences.positions(ground, filled))
    frame = seats.join(_terms(ground), on="line", how="left", maintain_order="left")
    saves = pl.col("bucket") == "reducible"
    for name, amount in (("realisable_now", pl.col("left_price")), ("at_renewal", pl.col("next_price"))):
        worth = pl.when(saves).then(amount).when(amount.is_not_null()).then(money.zero())
        frame = money.valued(frame, name, worth, pl.col("currency"), world)
    return (
        frame.select(
            "product", "seat_id", "reason", "contract_id", "line_no", "cost_center",
            pl.col("holder_id").alias("person_id"),
            pl.col("annual").alias("annual_value"), "annual_amount", "currency", "bucket",
            "realisable_now", "realisable_now_amount", "at_renewal", "at_renewal_amount", "reduction",
            pl.col("committed_on").alias("committed_until"),
            pl.when(notice >= today).then(notice).alias("decide_by"),
        )
        .sort("product", "seat_id")
    )  # fmt: skip


def _bucketed(seats: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """The seats with the bucket each stands in; the reasons that come first in the catalogue reduce first."""
    free = pl.col("quantity") - pl.max_horizontal("minimum_quantity", money.zero()) - pl.col("unassigned")
    room = positions.select(line="_id", room=free.floor().cast(pl.Int64))
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


def _terms(ground: Ground) -> pl.DataFrame:
    """Each line's dates and prices: `left_price` = what one unit given back now saves, `next_price` = from renewal on.

    Before renewal a unit saves the billing periods that begin after as_of and end within the term, and with a
    pro-rata refund the days left of the running one; nothing where units may be given back at renewal only. Both are
    null for perpetual lines.
    """
    world = ground.world
    today, after = pl.lit(world.today), pl.col("term_end").dt.offset_by("1d")
    lines = licences.lines(ground)
    next_line = lines.filter(pl.col("succeeds_on").is_not_null()).group_by(
        "product_key", "plan_key", "currency", term_end="succeeds_on"
    ).agg(pl.col("annual_exact").max().alias("next_annual"))  # fmt: skip
    step = pl.col("billing_period").replace_strict(money.PERIOD_MONTHS, default=None)
    whole = money.whole_months(pl.col("term_start"), after)
    begun = (money.whole_months(pl.col("term_start"), today) // pl.col("step")) + 1
    begins = pl.col("term_start").dt.offset_by(pl.format("{}mo", (pl.col("begun") - 1) * pl.col("step")))
    ends = pl.col("term_start").dt.offset_by(pl.format("{}mo", pl.col("begun") * pl.col("step")))
    days_left = (pl.col("ends") - today).dt.total_days() - 1
    part = days_left.cast(money.MONEY) / (pl.col("ends") - pl.col("begins")).dt.total_days().cast(money.MONEY)
    refunded = pl.when(pl.col("refund") == "prorata").then(pl.col("unit_price") * part).otherwise(money.zero())
    later = pl.max_horizontal(pl.col("periods") - pl.col("begun"), pl.lit(0)).cast(money.MONEY)
    saved = (
        pl.when(pl.col("reduction") == "anytime").then(pl.col("unit_price") * later + refunded).otherwise(money.zero())
    )
    perpetual = pl.col("term_end").is_null()
    same = ["product_key", "plan_key", "currency", "term_end"]
    return (
        lines.join(next_line, on=same, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.coalesce(step, whole).alias("step"))
        .with_columns((whole // pl.col("step")).alias("periods"), begun.alias("begun"))
        .with_columns(begins.alias("begins"), pl.min_horizontal(ends, after).alias("ends"))
        .select(
            "contract_id", "line_no", "reduction", "committed_on", "notice_days", "annual", "annual_amount", "currency",
            pl.col("_id").alias("line"),
            pl.when(~perpetual).then(saved).alias("left_price"),
            pl.when(~perpetual).then(pl.coalesce("next_annual", "annual_exact")).alias("next_price"),
        )
    )  # fmt: skip
