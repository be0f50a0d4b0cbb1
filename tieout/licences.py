"""Licence positions: which contract line each paid seat fills, and what each line has assigned, idle and reclaimable.

Seats fill the lines in force of their product (and plan, where both name one) in order of term start, contract and
line: kept seats by seat_id first, then reclaimable ones in catalogue order and seat_id. What overflows has no line
and no value. Only lines counted per user take part, and only of products whose seats an alive console shows.
"""

import polars as pl

from tieout import money, normalize
from tieout.facts.ground import Ground
from tieout.identity.people import Keys
from tieout.money import MONEY
from tieout.once import once
from tieout.rule import parts_of_key
from tieout.settings import Settings
from tieout.world import product_key

RECLAIM_REASONS = (
    "leaver-seat",
    "deprovisioned-seat",
    "duplicate-seat",
    "bundled-seat",
    "unused-seat",
    "inactive-seat",
)
"""Seat rules in catalogue order: the first that fires is the seat's one reason."""
SEAT = ("product_key", "seat_id")
"""What names a seat."""


def seat_of_key() -> list[pl.Expr]:
    """What names a seat, from the key of a finding about it."""
    product, seat_id = parts_of_key(*SEAT)
    return [product.cast(pl.Categorical), seat_id]


@once
def lines(ground: Ground) -> pl.DataFrame:
    """Every contract line with its product and plan in normal form, from when it counts, and its price a year.

    Of two lines for one product, plan and metric that overlap by no more than the succession days the later is the
    successor: it counts from the day after the earlier one ends (`counts_from`). `in_force` lines are counted per
    user and count at as_of; `running` ones are within their dates, whatever is counted. `responsible` is who answers
    for the contract, null once they have left.
    """
    world = ground.world
    days = world.settings.policy.succession_days
    today = pl.lit(world.today)
    ended = pl.col("term_end") < today
    frame = world.rows("entitlements").with_columns(
        product_key(world.settings, pl.col("product")).alias("product_key"),
        normalize.aliased(pl.col("plan"), {}).alias("plan_key"),
        pl.coalesce("committed_until", "term_end").alias("committed_on"),
    )
    owners = ground.people.resolve(frame, Keys(any_kind="owner")).join(ground.people.known, on="person_id")
    left = owners.filter("leaver")["_id"].implode()
    frame = frame.with_columns(pl.when(~pl.col("_id").is_in(left)).then("owner").alias("responsible"))
    same = ["product_key", "plan_key", "metric"]
    before = frame.select(*same, "_id", before_start="term_start", before_end="term_end")
    overlap = (pl.col("before_end") - pl.col("term_start")).dt.total_days() + 1
    succeeded = (
        frame.join(before, on=same, nulls_equal=True, suffix="_before")
        .filter(
            (pl.col("before_start") < pl.col("term_start"))
            & (pl.col("term_end").is_null() | (pl.col("term_end") > pl.col("before_end")))
            & overlap.is_between(-days, days)
        )
        .group_by("_id")
        .agg(pl.col("before_end").max().alias("succeeds_on"))
    )
    annual = money.annual_price(
        pl.col("unit_price"), pl.col("billing_period"), pl.col("term_start"), pl.col("term_end")
    )
    frame = frame.join(succeeded, on="_id", how="left", maintain_order="left").with_columns(
        pl.max_horizontal("term_start", pl.col("succeeds_on").dt.offset_by("1d")).alias("counts_from"),
        annual.alias("annual_exact"),
    )
    running = (pl.col("term_start") <= today) & ~ended.fill_null(False)
    counts = (pl.col("counts_from") <= today) & ~ended.fill_null(False)
    return (
        money.valued(frame, "annual", pl.col("annual_exact"), pl.col("currency"), world)
        .with_columns(running.alias("running"), (counts & (pl.col("metric") == "user")).alias("in_force"))
        .sort("product_key", "term_start", "contract_id", "line_no")
    )


def fill(lines: pl.DataFrame, seats: pl.DataFrame) -> pl.DataFrame:
    """Which line each counted seat fills: the seats with `line` (`_id` of the line, null = overflow).

    `seats` has _id, product_key, plan_key, seat_id and reason (null = kept), and is in order of product and seat_id.
    Seats that name a plan go to lines of that plan first, then to lines without one; seats without a plan go wherever
    room is left, and kept ones in the place of reclaimable ones where none is. Fractions of units add up over the
    lines of one product and plan.
    """
    order = pl.col("reason").replace_strict({r: i + 1 for i, r in enumerate(RECLAIM_REASONS)}, default=0)
    ranked = (
        seats.select("_id", "product_key", "plan_key", "seat_id", order.alias("_order"))
        .with_row_index("_seat")
        .with_columns(pl.col("product_key").rle_id().alias("_product"))
        .sort("_product", "_order", maintain_order=True)
    )
    plans, units = ["product_key", "plan_key"], pl.col("quantity").clip(0)
    upto = units.cum_sum().over(plans)
    room = lines.filter("in_force").select(
        *plans, line="_id", room=(upto.floor() - (upto - units).floor()).cast(pl.Int64)
    )
    of_plan = pl.col("plan_key").is_not_null()
    on_plan = _place(ranked.filter(of_plan), room.filter(of_plan), plans)
    left = on_plan.filter(pl.col("line").is_null()).drop("line")
    on_product = _place(left, room.filter(~of_plan), ["product_key"])
    placed = [on_plan.filter(pl.col("line").is_not_null()), on_product]
    rest = _left_of(room, pl.concat(placed))
    placed.append(_place(ranked.filter(~of_plan), rest, ["product_key"]))
    return seats.with_columns(_kept_first(pl.concat(placed)).sort("_seat")["line"])


def _left_of(room: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """The room that seats placed so far leave."""
    taken = placed.group_by("line").agg(pl.len().cast(pl.Int64).alias("taken"))
    left = pl.col("room") - pl.col("taken").fill_null(0)
    return room.join(taken, on="line", how="left", maintain_order="left").with_columns(left.alias("room")).drop("taken")


def _kept_first(placed: pl.DataFrame) -> pl.DataFrame:
    """Where kept seats without a plan overflow, they take the lines of the reclaimable seats that come last."""
    kept = pl.col("_order") == 0
    left_out = placed.filter(kept & pl.col("line").is_null() & pl.col("plan_key").is_null()).sort("seat_id")
    giving = (
        placed.filter(~kept & pl.col("line").is_not_null())
        .join(left_out, on="product_key", how="semi")
        .sort("_order", "seat_id", descending=True)
    )
    turn = pl.int_range(pl.len()).over("product_key").alias("turn")
    swaps = left_out.with_columns(turn).join(
        giving.with_columns(turn).select("product_key", "turn", given="line", giver="_id"), on=["product_key", "turn"]
    )
    nothing = pl.lit(None, pl.UInt32).alias("given")
    changes = pl.concat([swaps.select("_id", "given"), swaps.select(nothing, _id="giver").select("_id", "given")])
    return placed.join(changes.with_columns(changed=True), on="_id", how="left", maintain_order="left").with_columns(
        pl.when("changed").then("given").otherwise("line").alias("line")
    )


def _place(seats: pl.DataFrame, room: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    """Seats with `line`: seat k of a group goes to the line whose cumulated room spans k, or to none."""
    first = pl.col("room").cum_sum().over(group) - pl.col("room")
    spans = room.filter(pl.col("room") > 0).select(
        *group, first.alias("_at"), until=first + pl.col("room"), line="line"
    )
    placed = seats.with_columns(pl.int_range(pl.len()).over(group).alias("_at")).join_asof(
        spans, on="_at", by=group, check_sortedness=False
    )
    inside = pl.when(pl.col("_at") < pl.col("until")).then("line").alias("line")
    return placed.with_columns(inside).select(*seats.columns, "line")


def seats_with_reason(seat_facts: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Every paid seat with the one reason for which it may be reclaimed; null = kept."""
    fired = findings.filter(pl.col("rule").is_in(RECLAIM_REASONS) & pl.col("outcome").is_in(["fired", "held"]))
    reason = pl.col("rule").cast(pl.Categorical).alias("reason")
    reasons = fired.select(*seat_of_key(), reason).unique(SEAT, keep="first", maintain_order=True)
    return (
        seat_facts.filter("counted")
        .select("_id", "product_key", "product", "plan_key", "seat_id", "holder_id", "cost_center")
        .join(reasons, on=SEAT, how="left", maintain_order="left")
    )


def positions(ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    """Every line with what fills it: assigned, kept, reclaimable and unassigned units, and whether it can be told.

    `observed` = an alive console shows or covers the product: null where the only ones that do are not alive. `told` =
    in force, observed and of one quantity; only there quantity = kept + reclaimable + unassigned is known to be so.
    """
    world = ground.world
    covered = ground.coverage("seats")["kind"].drop_nulls().unique()
    seats_alive = world.alive_for("seats", pl.col("product_key"), ground.coverage("seats"))
    observed = (
        pl.when(~pl.col("product_key").is_in(covered.implode()))
        .then(pl.lit(False))
        .when(seats_alive)
        .then(pl.lit(True))
    )
    by_line = (
        filled.filter(pl.col("line").is_not_null())
        .group_by(_id="line")
        .agg(
            pl.len().cast(pl.Int64).alias("assigned"),
            pl.col("reason").is_not_null().sum().cast(pl.Int64).alias("reclaimable"),
        )
    )
    return (
        lines(ground)
        .join(by_line, on="_id", how="left", maintain_order="left")
        .with_columns(pl.col("assigned", "reclaimable").fill_null(0))
        .with_columns(
            (pl.col("assigned") - pl.col("reclaimable")).alias("kept"),
            pl.when("in_force").then(pl.col("quantity") - pl.col("assigned").cast(MONEY)).alias("unassigned"),
            observed.alias("observed"),
        )
        .with_columns(
            (pl.col("in_force") & pl.col("observed") & pl.col("quantity").is_not_null()).fill_null(False).alias("told")
        )
    )


def seat_values(ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    """What each seat is worth a year: the price of the line it fills; null where it fills none."""
    priced = lines(ground).select(
        "contract_id", "line_no", line="_id", value="annual", amount="annual_amount", currency="annual_currency"
    )
    return filled.join(priced, on="line", how="left", maintain_order="left")


def notice_deadline(settings: Settings) -> pl.Expr:
    """The last day to give notice: the notice days (those of policy where none are told) before the commitment ends."""
    return pl.col("committed_on") - pl.duration(days=pl.col("notice_days").fill_null(settings.policy.notice_days))


def position_table(ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    """Every contract line with its position, as published: units are null where no alive console can tell them."""
    world = ground.world
    counts = ("assigned", "kept", "reclaimable", "unassigned")
    spend = pl.when("running").then(pl.col("quantity") * pl.col("annual_exact"))
    lines = money.valued(positions(ground, filled), "annual_spend", spend, pl.col("currency"), world)
    notice = notice_deadline(world.settings)
    decide_by = pl.when("running").then(pl.when(notice >= pl.lit(world.today)).then(notice))
    units = (pl.when("told").then(name).alias(name) for name in counts)
    return lines.with_columns(*units, decide_by=decide_by).select(
        "contract_id", "line_no", "vendor", "product", "plan", "metric", "in_force", "observed", "quantity", *counts,
        "minimum_quantity", "unit_price", "currency", "billing_period", "term_start", "term_end",
        pl.col("committed_on").alias("committed_until"), "auto_renew", "decide_by",
        pl.col("annual").alias("annual_price"), pl.col("annual_amount").alias("annual_price_amount"), "annual_spend",
        "annual_spend_amount", "owner", "cost_center", "product_key", "plan_key",
    ).sort("contract_id", "line_no")  # fmt: skip


def seat_table(ground: Ground, seat_facts: pl.DataFrame, filled: pl.DataFrame) -> pl.DataFrame:
    """Every seat the consoles list, whose it is and how that is known, its latest use, and the line it fills.

    By product and seat_id, the order in which the seats and their facts stand.
    """
    told = ground.holders.select("plan", "assigned_at", "last_active_at", "how", source="_source").collect()
    known = ~pl.col("usage_unknown") & (pl.col("never_used") | pl.col("used_on").is_not_null())
    seats = (
        seat_facts.select(
            "_id", "product", "seat_id", "status", "paid", "cost_center", "assigned_on", "never_used", "product_key",
            billed="counted", person_id="holder_id", last_active_on="used_on", usage_known=known,
        )
        .hstack(told)
        .join(filled.select("_id", "reason", "line"), on="_id", how="left", maintain_order="left")
    )  # fmt: skip
    return seat_values(ground, seats).select(
        "product", "plan", "seat_id", "source", "status", "paid", "billed", "person_id", "how", "cost_center",
        "assigned_at", "assigned_on", "last_active_on", "never_used", "usage_known", "reason", "contract_id", "line_no",
        pl.col("value").alias("annual_value"), pl.col("amount").alias("annual_amount"), "currency", "product_key",
    )  # fmt: skip
