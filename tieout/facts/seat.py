"""One row a seat of a licensed product: who has it, when it was last used, what identity says of that person."""

from datetime import date
from typing import Any

import polars as pl

from tieout import licences, normalize, usage
from tieout.facts.ground import SEAT_KEYS, Ground
from tieout.feeds import NEVER
from tieout.rule import SEPARATOR, Grain
from tieout.settings import Settings
from tieout.world import World, product_key


def build(ground: Ground) -> Grain:
    """Every seat the consoles list."""
    world = ground.world
    seats = usage.marked(ground)
    frame = ground.person(seats, SEAT_KEYS, "holder", ground.whose, "_keys")
    accounts = (
        ground.accounts.filter(pl.col("owner_id").is_not_null())
        .group_by(holder_id="owner_id")
        .agg(
            pl.col("_id").sort().alias("accounts__row"),
            (pl.col("status") == "active").any(ignore_nulls=False).alias("any_active"),
        )
    )
    settings = world.settings
    form = normalize.folded(settings.products)
    products = [
        {"product_key": form[name], "bills_suspended": p.bills_suspended, "product_exempt": p.exempt}
        for name, p in settings.products.items()
    ]
    stated = pl.DataFrame(
        products, schema={"product_key": pl.Categorical, "bills_suspended": pl.Boolean, "product_exempt": pl.Boolean}
    )
    alive = pl.lit(world.alive("accounts"))
    billed = pl.col("status").is_in(["active", "invited"]) | pl.col("bills_suspended")
    used_on = usage.used_on(ground)
    doubts = usage.usage_of(ground).select(
        "product_key", "concealed", usage_unknown=pl.col("frozen") | pl.col("concealed")
    )
    frame = (
        frame.join(accounts, on="holder_id", how="left", maintain_order="left")
        .join(stated, on="product_key", how="left", maintain_order="left")
        .join(doubts, on="product_key", how="left", maintain_order="left")
        .join(_kept(world), on=["product_key", "seat_id"], how="left", maintain_order="left")
        .with_columns(pl.col("bills_suspended", "product_exempt", "kept").fill_null(False))
        .with_columns(
            (pl.col("paid") & billed).alias("counted"),
            alive.alias("accounts__alive"),
            pl.when("any_active")
            .then(pl.lit(False))
            .when(pl.col("accounts__row").is_not_null() & alive)
            .then(~pl.col("any_active"))
            .when(alive & pl.col("holder_known").is_not_null())
            .then(pl.lit(False))
            .alias("deprovisioned"),
            (pl.col("usage_mark") == pl.lit(NEVER)).alias("never_used"),
            world.days_since(used_on).alias("unused_days"),
            world.local_date(pl.col("assigned_at")).alias("assigned_on"),
            used_on.alias("used_on"),
            world.days_since("first_seen_on").alias("first_seen_days"),
            (pl.col("holder_on_leave") | (pl.col("holder_status") == "prehire").fill_null(False)).alias("holder_away"),
            pl.col("holder_cost_center").alias("cost_center"),
        )
        .with_columns(
            world.days_since("assigned_on").alias("assigned_days"),
            (pl.col("product_exempt") | pl.col("kept")).alias("left_alone"),
        )
    )
    frame = _mates(frame, ground)
    return Grain(
        name="seat",
        feed="seats",
        frame=frame.select(list(HEALTHY)),
        keys={"product": "product_key"},
        gone=world.alive_for(
            "seats", pl.col("subject_key").str.split(SEPARATOR).list.first(), ground.coverage("seats")
        ),
        leans={
            **dict.fromkeys(
                (
                    "holder_id",
                    "holder_conflict",
                    "holder_known",
                    "holder_leaver",
                    "holder_left_on",
                    "holder_away",
                    "cost_center",
                ),
                ("people", "accounts"),
            ),
            **dict.fromkeys(("deprovisioned", "duplicate", "bundled", "unclaimed"), ("accounts", "people")),
        },
    )


def _mates(frame: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """What else the holder has: a better seat of the product (`duplicate`), or one that includes it (`bundled`).

    The better of two seats is the more recently used, then the lower seat_id, also where the use of neither is told;
    where the use of one is unknown, it may be the better one. That there is none is unknown where a console that
    would show it is not alive. `unclaimed` = the seat is nobody's: no person's, and no service, shared,
    admin or guest account's; unknown where the console shows pseudonyms, and where accounts are not alive.
    """
    world = ground.world
    seats = frame.select("_id", "counted", "holder_id", "product_key", "plan_key", "seat_id", "usage_mark")
    held = seats.filter(pl.col("counted").fill_null(True) & pl.col("holder_id").is_not_null())
    mark, other, never = pl.col("usage_mark"), pl.col("usage_mark_other"), pl.lit(NEVER)
    lower = pl.col("seat_id_other") < pl.col("seat_id")
    better = (
        pl.when(mark.eq_missing(other))
        .then(lower)
        .when((mark == never) & lower)
        .then(pl.lit(True))
        .when((other == never) & ~lower)
        .then(pl.lit(False))
        .otherwise(other > mark)
    )
    same_plan = (pl.col("plan_key") == pl.col("plan_key_other")).fill_null(True)
    several = held.filter(pl.struct("holder_id", "product_key").hash().is_duplicated())  # who is alone finds no mate
    duplicates = (
        several.join(several, on=["holder_id", "product_key"], suffix="_other")
        .filter((pl.col("_id") != pl.col("_id_other")) & same_plan)
        .group_by("_id")
        .agg(duplicate=(better & pl.col("counted_other")).any(ignore_nulls=False), paired=pl.lit(True))
    )
    suites = _suites(world.settings)
    shown = world.alive_for("seats", pl.col("product_key"), ground.coverage("seats"))
    shown_suites = suites.group_by("product_key").agg(
        world.alive_for("seats", pl.col("suite"), ground.coverage("seats")).all().alias("suites_shown")
    )
    bundled = (
        held.join(suites, on="product_key")
        .join(held.select("holder_id", suite="product_key", pays="counted"), on=["holder_id", "suite"])
        .group_by("_id")
        .agg(bundled=pl.col("pays").any(ignore_nulls=False), in_suite=pl.lit(True))
    )
    addresses = pl.concat_list("email", "username", pl.col("aliases").fill_null([]))
    tools = (
        ground.accounts.filter(pl.col("kind") != "human")
        .select(pl.concat_list(addresses, "account_id").alias("key"))
        .explode("key", empty_as_null=False)
        .select(normalize.email(pl.col("key")).alias("key"))
        .drop_nulls()
        .unique()
    )["key"].implode()
    named = [normalize.email(pl.col(column)).is_in(tools).fill_null(False) for column in ("email", "seat_id")]
    of_tools = ground.seat_keys.select("_keys", tool=pl.any_horizontal(named))

    def told(flag: str, compared: str, shown: pl.Expr) -> pl.Expr:
        single = shown & (pl.col("holder_id").is_not_null() | pl.col("holder_known").is_not_null())
        no = single & (pl.col(compared).is_null() | ~pl.col(flag))
        return pl.when(flag).then(pl.lit(True)).when(no).then(pl.lit(False))

    return (
        frame.join(duplicates, on="_id", how="left", maintain_order="left")
        .join(bundled, on="_id", how="left", maintain_order="left")
        .join(shown_suites, on="product_key", how="left", maintain_order="left")
        .join(of_tools, on="_keys", how="left", maintain_order="left")
        .with_columns(
            told("duplicate", "paired", shown).alias("duplicate"),
            told("bundled", "in_suite", pl.col("suites_shown").fill_null(True)).alias("bundled"),
            pl.when("tool")
            .then(pl.lit(False))
            .when(~pl.col("concealed") & (pl.col("holder_known") | pl.lit(world.alive("accounts"))))
            .then(~pl.col("holder_known"))
            .alias("unclaimed"),
        )
    )


def _suites(settings: Settings) -> pl.DataFrame:
    """Which product includes which, and what its parts include in their turn: suite, product_key."""
    stated = [(name, part) for name, product in settings.products.items() for part in product.includes]
    columns = {"suite": pl.Categorical, "product_key": pl.Categorical}
    named = pl.DataFrame(stated, schema=columns, orient="row").select(product_key(settings, pl.col(c)) for c in columns)
    found: set[tuple[str, str]] = set()
    included = {(suite, part) for suite, part in named.iter_rows()}
    while found != included:
        found = included
        included = found | {(suite, part) for suite, tier in found for other, part in found if tier == other}
    return pl.DataFrame(sorted(pair for pair in included if pair[0] != pair[1]), schema=columns, orient="row")


def _kept(world: World) -> pl.DataFrame:
    """The seats that a decision keeps although nobody uses them, until its day has passed."""
    keeps = world.decided.filter((pl.col("kind") == "keep") & (pl.col("until") >= pl.lit(world.today)))
    about = {"exception_id": pl.String(), "subject_type": pl.String(), "subject_key": pl.String()}
    return (
        world.remembered("memory_exceptions", about)
        .filter(pl.col("subject_type") == "seat")
        .join(keeps, on="exception_id", how="semi")
        .select(licences.seat_of_key())
        .unique()
        .with_columns(pl.lit(True).alias("kept"))
    )


HEALTHY: dict[str, Any] = {
    "_id": 0, "product": "Figma", "product_key": "figma", "plan_key": None, "seat_id": "u-1", "status": "active",
    "paid": True, "counted": True, "product_exempt": False, "kept": False, "left_alone": False,
    "assigned_on": date(2026, 1, 10), "assigned_days": 294,
    "first_seen_days": 90, "never_used": False, "used_on": date(2026, 10, 30), "unused_days": 1, "usage_unknown": False,
    "holder_id": "p1", "holder_conflict": False, "holder_known": True, "holder_leaver": False, "holder_left_on": None,
    "holder_away": False, "cost_center": "100", "deprovisioned": False,
    "duplicate": False, "bundled": False, "unclaimed": False, "people__row": 0, "people__alive": True,
    "accounts__row": [0], "accounts__alive": True,
}  # fmt: skip
