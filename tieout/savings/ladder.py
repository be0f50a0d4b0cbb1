"""Each saving as it stands: the rows that ended, those that are open, and the decisions that count for them."""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from tieout import licences, money
from tieout.reclaim import AMOUNTS
from tieout.savings import settlement
from tieout.savings.moves import IDLE_RULE, concerned, moves_of
from tieout.savings.rollforward import rolled
from tieout.savings.shape import DETAILS, LEAVES, OPEN, RETURNS, SAVINGS, STEPS, SUBJECT, typed
from tieout.world import World

_WITHDRAWN = {
    "unused-seat": "used again", "inactive-seat": "used again", "leaver-seat": "person back",
    "deprovisioned-seat": "person back", IDLE_RULE: "used again",
}  # fmt: skip


def climb(world: World, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Every saving as it stands at as_of, the roll-forward of the open ones, and the memory for the next period.

    `tables` are those of this period: reclaim_candidates, reclaim_pools, seats, entitlement_positions, findings,
    memory_exceptions and memory_coverage.
    """
    before = world.remembered("memory_savings", SAVINGS)
    last = before.sort("number").unique(SUBJECT, keep="last", maintain_order=True)
    tables = {**tables, "seats": concerned(world, tables, before)}
    moved = moves_of(world, tables, last)
    rows = pl.concat(
        [
            before.join(last.select(*SUBJECT, "number"), on=[*SUBJECT, "number"], how="anti"),
            _ended(world, moved),
            _standing(world, moved),
        ]
    )
    books = settlement.books(world, tables["entitlement_positions"])
    rows = settlement.settle(world, _decided(world, _regranted(world, rows, tables["seats"]), tables), books)
    savings = rows.select(typed()).sort(*SUBJECT, "number")
    return {
        "savings": savings,
        "memory_savings": savings,
        "money_rollforward": rolled(world, last, savings, moved),
        **settlement.memory(books),
    }


def approved_before(world: World) -> pl.DataFrame:
    """The seats that were identified at the end of the period before, as the decisions of today approve them.

    One row a seat: contract_id, line_no, units, approved_on.
    """
    before = world.remembered("memory_savings", SAVINGS)
    approvals = world.decided.filter(pl.col("kind") == "approve").select(
        "exception_id", approves_on=world.local_date(pl.col("at"))
    )
    return (
        before.filter(pl.col("state").is_in(OPEN) & (pl.col("subject_type") == "seat"))
        .join(approvals, on="exception_id")
        .filter(pl.col("approves_on") >= pl.col("opened_on"))
        .unique([*SUBJECT, "number"], maintain_order=True)
        .select("contract_id", "line_no", "units", approved_on="approves_on")
        .drop_nulls("contract_id")
    )


def _ended(world: World, moved: pl.DataFrame) -> pl.DataFrame:
    """The rows that are no longer open, or were not before: as last known, with how they ended."""
    today = pl.lit(world.today)
    move = pl.col("move")
    state = (
        pl.when(move == "shrunk").then(pl.lit("released"))
        .when(move == "expired").then(pl.lit("lapsed"))
        .when(move.is_in(LEAVES)).then(move)
        .otherwise("state")
    )  # fmt: skip
    told = (
        pl.when(move.is_in(["lapsed", "expired"])).then(pl.lit("date passed"))
        .when(move == "kept").then(pl.when("waived").then(pl.lit("waived")).otherwise(pl.lit("exempted")))
        .when((move == "withdrawn") & pl.col("moved_on")).then(pl.lit("moved to another seat"))
        .when(move == "withdrawn").then(pl.col("reason").replace_strict(_WITHDRAWN, default="record corrected"))
        .when(move == "released").then(pl.when("is_seat").then(pl.lit("seat gone")).otherwise(pl.lit("quantity fell")))
        .when(move == "shrunk").then(pl.lit("quantity fell"))
    )  # fmt: skip
    gone = move.is_in(["released", "shrunk"])
    snapshots = _snapshots(world)
    share = pl.when(move == "shrunk").then(pl.min_horizontal("units", "fell") / pl.col("units"))
    home = pl.lit(world.settings.reporting_currency)

    def part(name: str) -> pl.Expr:
        currency = pl.col("currency") if name.endswith("_amount") else home
        return pl.when(share.is_null()).then(name).otherwise(money.rounded(pl.col(name) * share, currency)).alias(name)

    return (
        moved.filter(pl.col("known") & move.is_in([*LEAVES, "none", "renewed"]))
        .join(snapshots, on="source", how="left")
        .with_columns(
            state.alias("state"),
            pl.coalesce(told, "because").alias("because"),
            pl.when(gone).then(today).otherwise("released_on").alias("released_on"),
            pl.when(gone).then("snapshot_id").otherwise("release_snapshot").alias("release_snapshot"),
            pl.when(move.is_in(LEAVES)).then(today).otherwise("ended_on").alias("ended_on"),
            *(part(name) for name in ("units", *AMOUNTS)),
        )
        .select(typed())
    )


def _standing(world: World, moved: pl.DataFrame) -> pl.DataFrame:
    """The rows that are open, with what this period says of them where it can be told."""
    today, move = pl.lit(world.today), pl.col("move")
    again = move.is_in(["shrunk", "lapsed", "renewed"])
    opens = move.is_in(["new", "returned", "renewed"])
    fresh = pl.col("found") & (pl.col("told") | ~move.is_in(["stays"]))
    steps = [pl.when(~again & ~opens).then(name).alias(name) for name in STEPS]
    because = (
        pl.when(move == "new").then(pl.lit("new")).when(opens).then(pl.lit("found again"))
        .when(move == "lapsed").then(pl.lit("next term")).otherwise("because")
    )  # fmt: skip
    lasting = {"state": pl.lit("identified"), "because": because,
               "identified_on": pl.when(again | ~pl.col("known")).then(today).otherwise("identified_on"),
               "opened_on": pl.when(opens).then(today).otherwise("opened_on")}  # fmt: skip
    return (
        moved.filter(move.is_in(["new", "returned", "renewed", "stays", "shrunk", "lapsed"]))
        .with_columns(
            pl.when(fresh).then(f"now_{name}").otherwise(name).alias(name) for name in DETAILS if name != "person_id"
        )
        .with_columns(
            pl.coalesce("now_person_id", "person_id").alias("person_id"),
            pl.when(again).then(pl.col("number") + 1).otherwise(pl.coalesce("number", pl.lit(1))).alias("number"),
            *(step for step, name in zip(steps, STEPS, strict=True) if name not in lasting),
            *(value.alias(name) for name, value in lasting.items()),
        )
        .select(typed())
    )


def _snapshots(world: World) -> pl.DataFrame:
    """The snapshot each seats source delivered this period: source, snapshot_id."""
    now = world.sources.filter((pl.col("period") == world.period) & (pl.col("feed") == "seats"))
    told = pl.col("snapshot_id") if "snapshot_id" in now.columns else pl.lit(None, pl.String)
    return now.select("source", told.cast(pl.String).alias("snapshot_id")).unique("source", keep="first")


def _regranted(world: World, rows: pl.DataFrame, seats: pl.DataFrame) -> pl.DataFrame:
    """With the day on which a released seat was granted again to the same person, if that was soon.

    Told by the same seat being paid again, or by one of that person that no earlier period saw.
    """
    today = pl.lit(world.today)
    held = seats.filter("billed")
    released = rows.filter((pl.col("released_on") < today) & (pl.col("subject_type") == "seat"))
    same = released.select(*SUBJECT, "number", "product_key", "seat_id", "released_on").join(
        held, on=["product_key", "seat_id"]
    )
    other = released.filter(pl.col("person_id").is_not_null()).select(
        *SUBJECT, "number", "product_key", "person_id", "released_on"
    ).join(held.filter(pl.col("seen").is_null()), on=["product_key", "person_id"])  # fmt: skip
    granted_on = pl.when(pl.col("assigned_on") >= pl.col("released_on")).then("assigned_on").otherwise(today)
    soon = (granted_on - pl.col("released_on")).dt.total_days() <= world.settings.policy.regrant_days
    columns = [*SUBJECT, "number", "released_on", "assigned_on"]
    grants = (
        pl.concat([same.select(columns), other.select(columns)])
        .filter(soon)
        .group_by(*SUBJECT, "number")
        .agg(granted_on.min().alias("granted_on"))
    )
    return (
        rows.join(grants, on=[*SUBJECT, "number"], how="left")
        .with_columns(pl.coalesce("regranted_on", "granted_on").alias("regranted_on"))
        .drop("granted_on")
    )


def _decided(world: World, rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """With the decisions that count for each row: approve, release, realise; and the states they make.

    A decision is about what was open of its subject, or had last been, when it was taken. Rows that were kept,
    withdrawn or lapsed while open stay as they ended. What was approved only after it was gone was not approved; the
    first approval counts.
    """
    reclaims = pl.col("rule").is_in([*licences.RECLAIM_REASONS, IDLE_RULE])
    about = tables["memory_exceptions"].filter(reclaims).select("exception_id", "subject_type", "subject_key")
    taken = (
        world.decided.filter(pl.col("kind").is_in(["approve", "release", "realise"]))
        .with_columns(world.local_date(pl.col("at")).alias("taken_on"))
        .join(about, on="exception_id")
        .sort("taken_on", "seq")
    )
    final = pl.col("state").is_in(RETURNS) | ((pl.col("state") == "lapsed") & pl.col("released_on").is_null())
    opening = [*SUBJECT, "opened_on"]
    meant = taken.join_asof(
        rows.filter(~final).select(opening).unique().sort("opened_on"),
        left_on="taken_on", right_on="opened_on", by=SUBJECT, coalesce=False, check_sortedness=False,
    ).drop_nulls("opened_on")  # fmt: skip
    steps = rows
    for kind, columns in (
        ("approve", {"approval": "seq", "approved_on": "taken_on", "approved_by": "who"}),
        ("release", {"release": "seq", "released_by": "who"}),
        ("realise", {"claim": "seq", "document": "document", "realised_by": "who"}),
    ):
        keep: Literal["first", "last"] = "first" if kind == "approve" else "last"
        one = meant.filter(pl.col("kind") == kind).unique(opening, keep=keep, maintain_order=True)
        named = one.select(*opening, *(pl.col(said).alias(f"said_{name}") for name, said in columns.items()))
        steps = (
            steps.join(named, on=opening, how="left")
            .with_columns(pl.when(final).then(name).otherwise(f"said_{name}").alias(name) for name in columns)
            .drop([f"said_{name}" for name in columns])
        )
    approved = pl.col("approval").is_not_null() & ~(pl.col("approved_on") > pl.col("released_on")).fill_null(False)
    late = (pl.col("committed_until") < pl.lit(world.today)).fill_null(False) & pl.lit(world.alive("entitlements"))
    state = (
        pl.when(final).then("state")
        .when(pl.col("released_on").is_null()).then(pl.when(approved).then(pl.lit("approved")).otherwise(pl.lit("identified")))
        .when(~approved).then(pl.lit("released_unapproved"))
        .when(late | (pl.col("state") == "lapsed")).then(pl.lit("lapsed"))
        .otherwise(pl.lit("released"))
    )  # fmt: skip
    return steps.with_columns(state.alias("state"))
