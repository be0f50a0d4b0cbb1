"""What a period says of each saving: found again, gone, kept, lapsed."""

from collections.abc import Mapping

import polars as pl

from tieout import licences
from tieout.findings import OPEN_STATUSES
from tieout.reclaim import AMOUNTS
from tieout.rule import parts_of_key
from tieout.savings.shape import DETAILS, OPEN, RETURNS, SUBJECT
from tieout.world import World

OF_SEATS = ("product_key", "seat_id", "source", "person_id", "billed", "assigned_on")
"""What is read of the table `seats`, by far the largest."""

IDLE_RULE = "unassigned-seats"


def _found(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Everything that may be given back now, with its exception; `waived` ones are left for now by decision."""
    listed = tables["memory_exceptions"].select("exception_id", "rule", "subject_key", "subject", "status")
    seats = tables["reclaim_candidates"].join(
        tables["seats"].select("product_key", "seat_id", "source"), on=["product_key", "seat_id"], how="left"
    ).join(
        listed.select("exception_id", "subject", "status", "subject_key", reason="rule"),
        on=["subject_key", "reason"], how="left",
    ).with_columns(subject_type=pl.lit("seat"), units=pl.lit(1))  # fmt: skip
    line = ["contract_id", "line_no"]
    sums = [pl.when(pl.col(c).null_count() == 0).then(pl.col(c).sum()).alias(c) for c in AMOUNTS]
    first = ("product", "product_key", "vendor", "cost_center", "bucket", "currency", "committed_until", "decide_by",
             "lapses_on")  # fmt: skip
    pools = tables["reclaim_pools"].group_by(line, maintain_order=True).agg(
        pl.col("units").sum(), *sums, *(pl.col(name).first() for name in first)
    )  # fmt: skip
    quantities = tables["entitlement_positions"].select(*line, "quantity")
    lines = (
        listed.filter((pl.col("rule") == IDLE_RULE) & pl.col("status").is_in(OPEN_STATUSES))
        .with_columns(
            *parts_of_key(*line), subject_type=pl.lit("line"), reason=pl.lit(IDLE_RULE)
        )
        .join(pools, on=line, how="left")
        .join(quantities, on=line, how="left")
    )  # fmt: skip
    both = pl.concat([seats, lines], how="diagonal_relaxed")
    return both.select(
        *SUBJECT,
        (pl.col("status") == "waived").fill_null(False).alias("waived"),
        *(pl.col(name).cast(kind) if name in both.columns else pl.lit(None, kind).alias(name)
          for name, kind in DETAILS.items()),
    )  # fmt: skip


def moves_of(world: World, tables: Mapping[str, pl.DataFrame], last: pl.DataFrame) -> pl.DataFrame:
    """Every subject known before or found now, once, with what becomes of it: `move`.

    Moves of what was open: stays, shrunk (a line lost some of its units), lapsed (and is still there), expired (its
    line ended and was renewed as it was), released, kept, withdrawn. Others: new, returned (to its row), renewed (a
    new row of a subject known before), or none. Columns of this period begin with `now_`.
    """
    today = pl.lit(world.today)
    now = _found(tables).with_columns(found=pl.lit(True))
    now = now.rename({name: f"now_{name}" for name in DETAILS})
    alive = world.alive_for("seats", pl.col("product"), tables["memory_coverage"])
    products = pl.concat([last.select(product="product_key"), now.select(product="now_product_key")]).unique()
    trusted = products.select(of="product", seats_alive=alive)
    exempt = tables["findings"].filter(
        (pl.col("outcome") == "exempt") & pl.col("rule").is_in([*licences.RECLAIM_REASONS, IDLE_RULE])
    )["subject_key"]  # fmt: skip
    contracts = pl.lit(world.alive("entitlements"))
    frame = (
        last.join(now, on=SUBJECT, how="full", coalesce=True)
        .with_columns(pl.coalesce("now_product_key", "product_key").alias("of"))
        .join(trusted, on="of", how="left")
        .join(_present(world, tables["seats"], last), on=SUBJECT, how="left")
        .join(_quantities(world, tables["entitlement_positions"], last), on=SUBJECT, how="left")
        .with_columns(
            pl.col("state").is_in(OPEN).fill_null(False).alias("was_open"),
            pl.col("number").is_not_null().alias("known"),
            (pl.col("found").fill_null(False) & ~pl.col("waived").fill_null(False)).alias("found"),
            pl.coalesce("waived", pl.col("subject_key").is_in(exempt.implode())).alias("spared"),
            pl.col("seats_alive").fill_null(True),
            pl.col("billed", "doubtful", "moved_on", "in_force").fill_null(False),
            (pl.col("subject_type") == "seat").alias("is_seat"),
            (pl.col("quantity") - pl.col("quantity_now").fill_null(0)).alias("fell"),
        )
        .with_columns((pl.col("seats_alive") & contracts).alias("told"))
    )
    fell = (pl.col("fell") > 0).fill_null(False) & pl.col("told")
    passed = (pl.col("lapses_on") < today).fill_null(False) & pl.col("told")
    move = (
        pl.when("was_open").then(
            pl.when("spared").then(pl.lit("kept"))
            .when(pl.col("found") & passed).then(pl.lit("lapsed"))
            .when(pl.col("found") & fell & ~pl.col("is_seat")).then(pl.lit("shrunk"))
            .when("found").then(pl.lit("stays"))
            .when(pl.when("is_seat").then(~pl.col("seats_alive") | pl.col("doubtful")).otherwise(~pl.col("told")))
            .then(pl.lit("stays"))
            .when(pl.when("is_seat").then(~pl.col("billed") & ~pl.col("moved_on")).otherwise(fell))
            .then(pl.lit("released"))
            .when(~pl.col("is_seat") & ~pl.col("in_force")).then(pl.lit("expired"))
            .otherwise(pl.lit("withdrawn"))
        )
        .when(~pl.col("found")).then(pl.lit("none"))
        .when(~pl.col("known")).then(pl.lit("new"))
        .when(pl.col("state").is_in(RETURNS)).then(pl.lit("returned"))
        .otherwise(pl.lit("renewed"))
    )  # fmt: skip
    return frame.with_columns(move.alias("move"))


def _quantities(world: World, positions: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """The units of each line now, `in_force` or not: of a line that has ended, those of the lines that follow it."""
    lines = last.filter(pl.col("subject_type") == "line").select(
        *SUBJECT, "product_key", "contract_id", "line_no", "committed_until"
    )
    now = positions.filter("in_force").select("product_key", "contract_id", "line_no", "term_start", "quantity")
    own = lines.join(now, on=["product_key", "contract_id", "line_no"]).select(
        *SUBJECT, in_force=pl.lit(True), quantity_now="quantity"
    )
    apart = (pl.col("term_start") - pl.col("committed_until")).dt.total_days().abs()
    following = (
        lines.join(own, on=SUBJECT, how="anti")
        .join(now, on="product_key", suffix="_next")
        .filter(apart <= world.settings.policy.succession_days)
        .group_by(SUBJECT)
        .agg(pl.col("quantity").sum().alias("quantity_now"))
    )
    return pl.concat([own, following.with_columns(in_force=pl.lit(False)).select(own.columns)])


def concerned(world: World, tables: Mapping[str, pl.DataFrame], before: pl.DataFrame) -> pl.DataFrame:
    """The seats that are or were identified, and others of their holders; `seen` where an earlier period saw it."""
    seat, holder = ["product_key", "seat_id"], ["product_key", "person_id"]
    named = pl.concat(rows.select(*seat, "person_id") for rows in (before, tables["reclaim_candidates"])).unique()
    seats = tables["seats"].select(OF_SEATS)
    own = seats.join(named, on=seat, how="semi")
    others = seats.join(named, on=holder, how="semi").join(named, on=seat, how="anti")
    concerned = pl.concat([own, others])
    known = world.remembered("memory_seats", {name: pl.String() for name in seat})
    seen = known.join(concerned, on=seat, how="semi").with_columns(seen=pl.lit(True))
    return concerned.join(seen, on=seat, how="left")


def _present(world: World, seats: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """Which seats are still listed and paid (`billed`), and whose holder has another paid seat of the product instead.

    Of a `doubtful` one two rows tell differently whether it is paid: it is neither gone nor known to be there.
    The other seat of a duplicate does not count, unless it is new.
    """
    paid = seats.filter("billed")
    others = (
        last.filter(pl.col("person_id").is_not_null())
        .join(paid, on=["product_key", "person_id"], suffix="_other")
        .filter(pl.col("seat_id") != pl.col("seat_id_other"))
        .filter((pl.col("reason") != "duplicate-seat") | pl.col("seen").is_null())
        .select(*SUBJECT, moved_on=pl.lit(True))
        .unique()
    )
    listed = seats.select("product_key", "seat_id", "billed", doubtful=pl.col("billed").is_null()).unique()
    return last.join(listed, on=["product_key", "seat_id"], how="left").join(others, on=SUBJECT, how="left").select(
        *SUBJECT, "billed", "doubtful", "moved_on"
    )  # fmt: skip
