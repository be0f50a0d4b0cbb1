"""What released licences brought in, told by documents: a smaller renewal, a lower bill, a credit note.

A decision to realise names its document; Tieout looks the document up and believes what it shows. A document settles
at most the units by which it fell against the one before, net of what was bought of that product from that vendor
within 90 days of it, and each unit once, in the order in which decisions claimed them. Of several documents of one name
(a line that fell twice, a contract of two lines) the nearest in time to the decision that has units left settles it.
Its own price and currency give the amount: a year's price of a contract line, what one unit of it cost of a bill, the
amount of a credit note, shared among the units claimed where it states none. The amount is converted at the document's
date.

A request met from the pool (the document is a licence move, or a purchase ticket that was closed) is an avoidance: it
has no amount, for nothing was refunded or cut. A claim whose document is not found or shows no fall stays `realised`
but not `verified`, and has no amount either.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tieout import money
from tieout.normalize import aliased
from tieout.world import World, product_key

SETTLED: Mapping[str, pl.DataType] = {
    "claim": pl.Int64(), "document": pl.String(), "realised_by": pl.String(), "realised_kind": pl.String(),
    "verified": pl.Boolean(), "realised_on": pl.Date(), "realised_units": money.MONEY,
    "realised_amount": money.MONEY, "realised_currency": pl.String(), "realised_value": money.MONEY,
    "rate": money.MONEY, "rate_on": pl.Date(),
}  # fmt: skip
"""What a claim adds to a saving; `realised_value` is in reporting currency, null = unverified or no rate that day."""

CONTRACTS = {
    "product_key": pl.Categorical(), "plan_key": pl.Categorical(), "vendor_key": pl.Categorical(),
    "contract_id": pl.String(), "line_no": pl.String(), "quantity": money.MONEY, "annual": money.MONEY,
    "currency": pl.String(), "term_start": pl.Date(), "term_end": pl.Date(),
}  # fmt: skip
"""Every contract line as it was last delivered: `memory_contracts`."""

CHANGES = {
    "kind": pl.String(), "name": pl.String(), "also": pl.String(), "product_key": pl.Categorical(),
    "vendor_key": pl.Categorical(), "on": pl.Date(), "change": money.MONEY, "price": money.MONEY,
    "currency": pl.String(),
}  # fmt: skip
"""Every document that changed how many units are paid for: `memory_contract_changes` holds those of contracts.

`name` and `also` are what a decision may call it (line, and document as a whole); `change` is negative where it fell;
`price` is of one unit.
"""
_SAVING = ["subject_type", "subject_key", "number"]


@dataclass(frozen=True)
class Books:
    """The documents of a period: contract lines as last delivered, and every change so far."""

    contracts: pl.DataFrame
    changes: pl.DataFrame
    moves: pl.DataFrame


def books(world: World, lines: pl.DataFrame) -> Books:
    """Read the period's documents; `lines` are the contract lines it delivered, with keys and prices.

    While the contracts' feed is not alive the lines stay as they were last delivered.
    """
    before = world.remembered("memory_contracts", CONTRACTS)
    changes = world.remembered("memory_contract_changes", CHANGES)
    vendor = aliased(pl.col("vendor"), {}).alias("vendor_key")
    now = lines.with_columns(vendor, annual="annual_price_amount").select(
        pl.col(name).cast(kind) for name, kind in CONTRACTS.items()
    )
    if world.alive("entitlements"):
        if not before.is_empty():
            changes = pl.concat([changes, _contract_changes(world, before, now)])
        gone = before.join(now, on=["contract_id", "line_no"], how="anti")
        before = pl.concat([now, gone]).sort("contract_id", "line_no")
    moves = pl.concat([_moves(world), _tickets(world)])
    return Books(before, pl.concat([changes, _bills(world)]), moves)


def memory(books: Books) -> dict[str, pl.DataFrame]:
    """What later periods need to know of contracts that changed or ended."""
    of_contracts = books.changes.filter(pl.col("kind") == "contract")
    return {"memory_contracts": books.contracts, "memory_contract_changes": of_contracts.sort(list(CHANGES))}


def settle(world: World, rows: pl.DataFrame, books: Books) -> pl.DataFrame:
    """The savings with what their claims brought in; only what was released with approval can be realised."""
    rows = rows.drop([name for name in SETTLED if name not in ("claim", "document", "realised_by")])
    claims = rows.filter(
        pl.col("claim").is_not_null()
        & pl.col("state").is_in(["released", "lapsed"])
        & pl.col("released_on").is_not_null()
    ).select(*_SAVING, "claim", "product_key", "units", called=pl.col("document").str.strip_chars().str.to_lowercase())
    taken = world.decisions.select(claim="seq", claimed_on=world.local_date(pl.col("at")))
    settled = _priced(world, _settled(claims.join(taken, on="claim"), _documents(world, books)))
    claimed = pl.col("_claimed").fill_null(False)
    return (
        rows.join(settled.with_columns(_claimed=pl.lit(True)), on=_SAVING, how="left")
        .with_columns(
            pl.when(claimed).then(pl.lit("realised")).otherwise("state").alias("state"),
            pl.when(claimed).then(pl.col("verified").fill_null(False)).alias("verified"),
        )
        .drop("_claimed")
    )


# -- documents -------------------------------------------------------------------------------------------------------


def _contract_changes(world: World, before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """What changed since the period before: lines with another quantity, renewals, and lines that are new."""
    line = ["contract_id", "line_no"]
    was = before.select(*line, quantity_was="quantity", start_was="term_start")
    changed = now.join(was, on=line).with_columns(
        change=pl.col("quantity") - pl.col("quantity_was"),
        on=pl.when(pl.col("term_start") == pl.col("start_was")).then(pl.lit(world.today)).otherwise("term_start"),
    )
    new = now.join(was, on=line, how="anti")
    same, days = ["product_key", "plan_key"], world.settings.policy.succession_days
    earlier = [f"{name}_was" for name in line]
    followed_before = _following(before, before, days).select(earlier).unique()
    follows = _following(new, before, days).join(followed_before, on=earlier, how="anti")
    ended = follows.unique([*same, "contract_id_was", "line_no_was"]).group_by(same).agg(pl.col("units").sum())
    renewals = (
        new.join(follows.select(line).unique(), on=line, how="semi")
        .sort("term_start", *line)
        .with_columns(pl.col("quantity").cum_sum().over(same).alias("upto"), last=pl.int_range(pl.len()).over(same)
                      == pl.len().over(same) - 1)
        .join(ended, on=same, nulls_equal=True)
        .filter("last")
        .with_columns(change=pl.col("upto") - pl.col("units"), on=pl.col("term_start"))
    )  # fmt: skip
    added = new.join(follows.select(line).unique(), on=line, how="anti").with_columns(
        change=pl.col("quantity"), on=pl.col("term_start")
    )
    return pl.concat([_as_changes(frame) for frame in (changed, renewals, added)])


def _following(lines: pl.DataFrame, before: pl.DataFrame, days: int) -> pl.DataFrame:
    """Lines beside the earlier ones of their product and plan that each follows, these with their `units`."""
    overlap = (pl.col("ended_on") - pl.col("term_start")).dt.total_days() + 1
    earlier = before.select(
        "product_key", "plan_key", "contract_id", "line_no", ended_on="term_end", started_on="term_start",
        units="quantity",
    )  # fmt: skip
    return lines.join(earlier, on=["product_key", "plan_key"], nulls_equal=True, suffix="_was").filter(
        (pl.col("started_on") < pl.col("term_start")) & overlap.is_between(-days, days)
    )


def _as_changes(lines: pl.DataFrame) -> pl.DataFrame:
    return (
        lines.filter(pl.col("change") != 0)
        .with_columns(
            kind=pl.lit("contract"), name=pl.concat_str("contract_id", "line_no", separator="/").str.to_lowercase(),
            also=pl.col("contract_id").str.to_lowercase(), price="annual",
        )
        .select(pl.col(name).cast(kind) for name, kind in CHANGES.items())
    )  # fmt: skip


def _bills(world: World) -> pl.DataFrame:
    """Every bill with the units by which those billed differ from the day before it begins; every credit note.

    Where nothing was billed for that day, from the last one for which something was; bills that run on are billed
    still. What two rows of one bill tell differently is no quantity: neither it nor the next shows a change.
    """
    rows = world.rows("invoices").with_columns(
        product_key(world.settings, pl.col("product")).alias("product_key"),
        aliased(pl.col("vendor"), {}).alias("vendor_key"),
        name=pl.concat_str("invoice_id", "line_no", separator="/").str.to_lowercase(),
        also=pl.col("invoice_id").str.to_lowercase(),
        on=pl.coalesce("invoiced_on", "period_start"),
    )
    bill = ["product_key", "vendor_key", "contract_id", "currency"]
    sums = [pl.when(pl.col(c).is_not_null().all()).then(pl.col(c).sum()).alias(c) for c in ("quantity", "amount")]
    lines = rows.filter(pl.col("kind") == "subscription").sort("period_start", "invoice_id", "line_no")
    spans = lines.select(*bill, began="period_start", ended="period_end", units="quantity")
    earlier, begins = pl.col("began") < pl.col("period_start"), pl.col("period_start")
    last_billed = pl.min_horizontal(begins.first().dt.offset_by("-1d"), pl.col("ended").filter(earlier).max())
    billed_now = (pl.col("began") == begins) | (pl.col("ended") > begins)
    billed_before = earlier & (pl.col("ended") >= last_billed)
    both = [pl.col("units").filter(part) for part in (billed_now, billed_before)]
    now, before = (pl.when(units.null_count() == 0).then(units.sum()) for units in both)
    change = pl.when(earlier.any()).then(now - before).alias("change")
    changes = (
        lines.select(*bill, "period_start").unique()
        .join(spans, on=bill, nulls_equal=True).filter(pl.col("began") <= begins)
        .group_by(*bill, "period_start").agg(change)
    )  # fmt: skip
    whole = (
        lines.group_by(*bill, "period_start", maintain_order=True)
        .agg(pl.col("name", "also", "on").last(), *sums)
        .join(changes, on=[*bill, "period_start"], nulls_equal=True, maintain_order="left")
        .with_columns(kind=pl.lit("bill"), price=pl.col("amount") / pl.when(pl.col("quantity") > 0).then("quantity"))
    )
    units = -pl.col("quantity").abs()
    credit = rows.filter(pl.col("kind") == "credit").with_columns(
        kind=pl.lit("credit"),
        change=units,
        price=pl.when(units < 0).then(pl.col("amount") / units).otherwise(-pl.col("amount")),
    )
    return pl.concat(
        [frame.select(pl.col(name).cast(kind) for name, kind in CHANGES.items()) for frame in (whole, credit)]
    ).drop_nulls("change")


def _moves(world: World) -> pl.DataFrame:
    """Licences that were handed on: called by their event."""
    return world.rows("license_moves").select(
        product_key(world.settings, pl.col("product")).alias("product_key"),
        called=pl.col("event_id").str.to_lowercase(), room=pl.col("quantity").cast(money.MONEY),
        on=world.local_date(pl.col("occurred_at")),
    )  # fmt: skip


def _tickets(world: World) -> pl.DataFrame:
    """Requests to buy that were closed: called by their ticket, of any product."""
    closed = world.rows("tickets").filter((pl.col("kind") == "purchase") & (pl.col("status") == "closed"))
    return closed.select(
        pl.lit(None, pl.Categorical).alias("product_key"), called=pl.col("ticket_id").str.to_lowercase(),
        room=pl.lit(1).cast(money.MONEY), on=world.local_date(pl.coalesce("closed_at", "opened_at")),
    )  # fmt: skip


def _documents(world: World, books: Books) -> pl.DataFrame:
    """Every document that fell, with the units it may settle: doc, called, product_key, realised_kind, room, on, price.

    `shared` documents state no units: their whole amount is shared among the units claimed.
    """
    days = world.settings.policy.increase_days
    falls = books.changes.filter((pl.col("change") < 0) | (pl.col("kind") == "credit")).with_row_index("doc")
    rises = books.changes.filter(pl.col("change") > 0).select("product_key", "vendor_key", "kind", "on", "change")
    near = (pl.col("on") - pl.col("on_right")).dt.total_days().abs() <= days
    same_vendor = (pl.col("vendor_key") == pl.col("vendor_key_right")).fill_null(True)
    bought = (
        falls.join(rises, on="product_key", suffix="_right")
        .filter(near & same_vendor & (pl.col("kind_right").is_in(["contract"]) | (pl.col("kind") == "bill")))
        .group_by("doc", "kind_right")
        .agg(pl.col("change_right").sum())
        .group_by("doc")
        .agg(pl.col("change_right").max().alias("bought"))
    )  # fmt: skip
    shared = (pl.col("kind") == "credit") & (pl.col("change") == 0)
    told = falls.join(bought, on="doc", how="left").with_columns(
        shared=shared,
        room=pl.max_horizontal(-pl.col("change") - pl.col("bought").fill_null(0), money.zero()),
        realised_kind=pl.when(pl.col("kind") == "credit").then(pl.lit("credit")).otherwise(pl.lit("reduction")),
    )
    columns = ["doc", "called", "product_key", "realised_kind", "room", "shared", "on", "price", "currency"]
    named = [told.with_columns(called=name).select(columns) for name in ("name", "also")]
    moves = books.moves.sort("called").with_columns(
        doc=pl.int_range(pl.len(), dtype=pl.UInt32) + falls.height, realised_kind=pl.lit("avoidance"),
        shared=pl.lit(False), price=pl.lit(None, money.MONEY), currency=pl.lit(None, pl.String),
    )  # fmt: skip
    return pl.concat([*named, moves.select(columns)])


# -- claims ----------------------------------------------------------------------------------------------------------


def _settled(claims: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Each claim with the document it names, and how many units of it are left for it; no unit twice.

    Of several documents of that name the nearest in time to the claim settles it. First come, first served: who finds
    no unit left has the next turn at what else is called so.
    """
    of_product = (pl.col("product_key") == pl.col("product_key_doc")).fill_null(True)
    apart = (pl.col("on") - pl.col("claimed_on")).dt.total_days().abs()
    room = pl.when("shared").then(pl.col("units").sum()).otherwise("room").alias("room")
    named = (
        claims.join(documents, on="called", suffix="_doc")
        .filter(of_product)
        .sort("claim", *_SAVING, "shared", apart, "on", "doc", descending=[False] * 6 + [True, False])
        .select(*_SAVING, "units", "doc", "realised_kind", room, "shared", "on", "price", "currency")
    )
    left = pl.col("room") - (pl.col("units").cum_sum().over("doc") - pl.col("units"))
    waiting, turns = named.filter(pl.col("units") > 0, pl.col("room") > 0), []
    while not waiting.is_empty():
        turn = waiting.unique(_SAVING, keep="first", maintain_order=True).with_columns(
            pl.min_horizontal("units", left).alias("realised_units")
        )
        turns.append(turn.filter(pl.col("realised_units") > 0))
        used = turns[-1].group_by("doc").agg(used=pl.col("realised_units").sum())
        waiting = (
            waiting.join(turns[-1], on=_SAVING, how="anti", maintain_order="left")
            .join(used, on="doc", how="left", maintain_order="left")
            .with_columns(pl.col("room") - pl.col("used").fill_null(0))
            .filter(pl.col("room") > 0)
            .drop("used")
        )
    found = pl.concat([*turns, named.with_columns(realised_units=money.zero())])
    found = found.unique(_SAVING, keep="first", maintain_order=True).drop("units", "room")
    units = pl.col("realised_units").sum().over("doc")
    among = pl.when(pl.col("shared") & (units > 0)).then(units).otherwise(pl.lit(1, money.MONEY))
    return (
        claims.join(found, on=_SAVING, how="left")
        .sort("claim", *_SAVING)
        .with_columns(
            pl.col("price") / among,
            pl.col("realised_units").cum_sum().over("doc").alias("upto"),
        )
    )


def _priced(world: World, claims: pl.DataFrame) -> pl.DataFrame:
    """What each claim brought in: cumulated sums are rounded, so that the claims of a document add up to it."""
    upto = money.rounded(pl.col("upto") * pl.col("price"), pl.col("currency"))
    before = money.rounded((pl.col("upto") - pl.col("realised_units")) * pl.col("price"), pl.col("currency"))
    verified = (pl.col("realised_units") > 0).fill_null(False)
    frame = claims.with_columns(
        verified.alias("verified"),
        pl.when(verified).then(upto - before).alias("amount"),
        pl.when(verified).then("realised_units").alias("realised_units"),
        pl.when(verified).then("on").alias("realised_on"),
        pl.when(verified).then("currency").alias("currency"),
    )
    return money.valued_on(frame, "realised", "amount", "currency", "realised_on", world).select(
        *_SAVING, "realised_kind", "verified", "realised_on", "realised_units",
        realised_amount="amount", realised_currency="currency", realised_value="realised", rate="rate",
        rate_on="rate_on",
    )  # fmt: skip
