"""The ladder of a saving: identified, approved, released, realised or lapsed, each step with what proves it.

A seat is identified while a rule finds that it may be given back, the units of a line that nobody has while
unassigned-seats finds them. It is approved by a decision; released when a later GREEN snapshot lacks the seat or shows
it unpaid and the person holds no other paid seat of the product; `released_unapproved` when nobody had approved that.
Waived and exempted ones are `kept`; one that is used again, whose person is back or whose record was corrected is
`withdrawn`; both return to the same row when found again. One whose date has passed has `lapsed`, and what is still
there is identified anew for the next term. What a released one brought in is told by its document (settlement.py).

A source that is not alive moves nothing: what it showed last stays as it was.
"""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from tieout import licences, money, settlement
from tieout.judgement import OPEN_STATUSES
from tieout.reclaim import AMOUNTS
from tieout.rule import parts_of_key
from tieout.world import World

OPEN = ("identified", "approved")
"""States in which the seat is still there and paid for."""
RETURNS = ("kept", "withdrawn")
"""States from which a row returns; any other end is final, and what is found later gets a row of its own."""
LEAVES = ("shrunk", "lapsed", "expired", "released", "kept", "withdrawn")
"""Moves that end an open row."""
SUBJECT = ["subject_type", "subject_key"]
OF_SEATS = ("product_key", "seat_id", "source", "person_id", "billed", "assigned_on")
"""What is read of the table `seats`, by far the largest."""
IDLE_RULE = "unassigned-seats"

DETAILS: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "subject": pl.String(), "reason": pl.String(), "product": pl.String(),
    "product_key": pl.String(), "seat_id": pl.String(), "source": pl.String(), "person_id": pl.String(),
    "cost_center": pl.String(), "vendor": pl.String(), "contract_id": pl.String(), "line_no": pl.String(),
    "bucket": pl.String(), "units": money.MONEY, "quantity": money.MONEY, "currency": pl.String(),
    **dict.fromkeys(AMOUNTS, money.MONEY), "committed_until": pl.Date(), "decide_by": pl.Date(),
    "lapses_on": pl.Date(),
}  # fmt: skip
"""What is known of a saving as long as it is open; afterwards as it was last known."""

STEPS: Mapping[str, pl.DataType] = {
    "state": pl.String(), "because": pl.String(), "identified_on": pl.Date(), "opened_on": pl.Date(),
    "approval": pl.Int64(), "approved_on": pl.Date(), "approved_by": pl.String(),
    "release": pl.Int64(), "released_by": pl.String(), "released_on": pl.Date(), "release_snapshot": pl.String(),
    "ended_on": pl.Date(), "regranted_on": pl.Date(), **settlement.SETTLED,
}  # fmt: skip

SAVINGS: Mapping[str, pl.DataType] = {
    "subject_type": pl.String(), "subject_key": pl.String(), "number": pl.Int64(), **DETAILS, **STEPS,
}  # fmt: skip
"""One row a saving ever identified, as it stands: `memory_savings`, and published as `savings`.

`number` tells the rows of one subject apart. `opened_on` = since when it is found without a break; `ended_on` = when
it left the open ones; `approval`, `release` and `claim` are numbers of decisions.
"""

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
    tables = {**tables, "seats": _concerned(world, tables, before)}
    moved = _moved(world, tables, last)
    rows = pl.concat(
        [
            before.join(last.select(*SUBJECT, "number"), on=[*SUBJECT, "number"], how="anti"),
            _ended(world, moved),
            _standing(world, moved),
        ]
    )
    books = settlement.books(world, tables["entitlement_positions"])
    rows = settlement.settle(world, _decided(world, _regranted(world, rows, tables["seats"]), tables), books)
    savings = rows.select(_typed()).sort(*SUBJECT, "number")
    return {
        "savings": savings,
        "memory_savings": savings,
        "money_rollforward": _rolled(world, last, savings, moved),
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


# -- what this period says -------------------------------------------------------------------------------------------


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


def _moved(world: World, tables: Mapping[str, pl.DataFrame], last: pl.DataFrame) -> pl.DataFrame:
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


def _concerned(world: World, tables: Mapping[str, pl.DataFrame], before: pl.DataFrame) -> pl.DataFrame:
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


# -- rows ------------------------------------------------------------------------------------------------------------


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
        .select(_typed())
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
        .select(_typed())
    )


def _typed() -> list[pl.Expr]:
    return [pl.col(name).cast(kind) for name, kind in SAVINGS.items()]


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


# -- roll-forward ----------------------------------------------------------------------------------------------------


def _rolled(world: World, last: pl.DataFrame, rows: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """How the open savings went from the period before to this one, every step with its rows, in units and a year's
    value: opening + new + reopened - released - kept - withdrawn - lapsed ± repriced ± fx = closing.

    `fx` concerns `value` alone, which is in reporting currency; what is unvalued counts as nothing in it.
    """
    none = money.zero()
    shown = ["subject_type", "subject", "product", "contract_id", "line_no", "units", "amount", "currency", "value"]

    def as_rows(frame: pl.DataFrame, cause: str | pl.Expr, sign: int, because: pl.Expr) -> pl.DataFrame:
        named = pl.lit(cause) if isinstance(cause, str) else cause
        return frame.select(
            *SUBJECT, *shown[1:5], named.alias("cause"), because.alias("because"),
            *(pl.col(name).fill_null(0).cast(money.MONEY) * sign for name in ("units", "amount")), "currency",
            pl.col("value").fill_null(0).cast(money.MONEY) * sign,
        )  # fmt: skip

    amounts = {"annual_amount": "amount", "annual_value": "value"}
    is_open = pl.col("state").is_in(OPEN)
    opening, closing = last.filter(is_open).rename(amounts), rows.filter(is_open).rename(amounts)
    moves = moved.select(*SUBJECT, "move")
    left = rows.join(moves.filter(pl.col("move").is_in(LEAVES)), on=SUBJECT)
    left = left.filter(pl.col("ended_on") == pl.lit(world.today)).rename(amounts)
    left = left.sort("number").unique(SUBJECT, keep="last", maintain_order=True)
    came = closing.join(moves.filter(pl.col("move").is_in(["new", "returned", "renewed", "lapsed"])), on=SUBJECT)
    cause = pl.col("move").replace({"shrunk": "released", "expired": "lapsed"})
    entry = pl.when(pl.col("move") == "new").then(pl.lit("new")).otherwise(pl.lit("reopened"))
    stayed = opening.join(moves.filter(pl.col("move").is_in(["stays", "shrunk"])), on=SUBJECT)
    shrunk = left.filter(pl.col("move") == "shrunk").select(
        *SUBJECT, gone_units="units", gone_amount="amount", gone_value="value"
    )  # fmt: skip
    ends = closing.select(*SUBJECT, end_units="units", end_amount="amount", end_value="value", end_currency="currency")
    steps = (
        stayed.join(shrunk, on=SUBJECT, how="left")
        .join(ends, on=SUBJECT)
        .with_columns(
            pl.col(f"{end}{name}").fill_null(0)
            for name in ("units", "amount", "value")
            for end in ("", "gone_", "end_")
        )
        .with_columns((pl.col(name) - pl.col(f"gone_{name}")).alias(name) for name in ("units", "amount", "value"))
    )
    nothing = pl.lit(None, pl.String)
    return (
        pl.concat(
            [
                as_rows(opening, "opening", 1, nothing),
                as_rows(came, entry, 1, pl.col("because")),
                as_rows(left, cause, -1, pl.col("because")),
                *(as_rows(part, name, 1, why) for name, part, why in _changes(world, steps)),
                as_rows(closing, "closing", 1, nothing),
            ]
        )
        .filter((pl.col("units") != none) | (pl.col("amount") != none) | (pl.col("value") != none)
                | pl.col("cause").is_in(["opening", "closing"]))
        .sort("cause", *SUBJECT, "currency")
    )  # fmt: skip


def _changes(world: World, steps: pl.DataFrame) -> list[tuple[str, pl.DataFrame, pl.Expr]]:
    """What changed on the savings that stayed: more or fewer units, another price, another rate.

    `units`, `amount` and `value` are what was left of the opening, `end_…` what they are now.
    """
    home = pl.lit(world.settings.reporting_currency)
    same = (pl.col("currency") == pl.col("end_currency")).fill_null(True)
    more = pl.col("end_units") - pl.col("units")
    share = pl.when(pl.col("units") > 0).then(more / pl.col("units")).otherwise(0)
    rates = money.rates(world).select(end_currency="currency", rate_now="rate")
    frame = (
        steps.join(rates, on="end_currency", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("end_currency", "currency").alias("currency_now"),
            more.alias("more_units"),
            money.rounded(pl.col("amount") * share, pl.col("currency")).alias("more_amount"),
            money.rounded(pl.col("value") * share, home).alias("more_value"),
            same.alias("same"),
        )
        .with_columns((pl.col("end_amount") - pl.col("amount") - pl.col("more_amount")).alias("price_amount"))
        .with_columns(
            money.rounded(pl.col("price_amount") * pl.col("rate_now").fill_null(0), home).alias("price_value")
        )
        .with_columns(
            (pl.col("end_value") - pl.col("value") - pl.col("more_value") - pl.col("price_value")).alias("fx_value")
        )
    )
    same_currency, other = frame.filter("same"), frame.filter(~pl.col("same"))

    def part(rows: pl.DataFrame, units: str | None, amount: str | None, value: str, currency: str) -> pl.DataFrame:
        nil = money.zero()
        return rows.with_columns(
            units=pl.col(units) if units else nil, amount=pl.col(amount) if amount else nil, value=pl.col(value),
            currency=pl.col(currency),
        )  # fmt: skip

    grown = same_currency.filter(pl.col("more_units") > 0)
    fewer = same_currency.filter(pl.col("more_units") < 0)
    negative = [(-pl.col(name)).alias(name) for name in ("amount", "value")]
    regrown = other.with_columns(units=pl.col("more_units"))
    return [
        ("new", part(grown, "more_units", "more_amount", "more_value", "currency_now"), pl.lit("more of them")),
        ("withdrawn", part(fewer, "more_units", "more_amount", "more_value", "currency_now"), pl.lit("used again")),
        ("repriced", part(same_currency, None, "price_amount", "price_value", "currency_now"), pl.lit("price")),
        ("fx", part(same_currency, None, None, "fx_value", "currency_now"), pl.lit("rate")),
        ("repriced", part(other.with_columns(negative), None, "amount", "value", "currency"), pl.lit("currency")),
        ("repriced", part(regrown, "units", "end_amount", "end_value", "end_currency"), pl.lit("currency")),
    ]
