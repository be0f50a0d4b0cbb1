"""From one period's feeds to its findings: who is who, the facts, the rules, and what the next period must know."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from tieout import facts, golden, licences, money, reclaim, source_exceptions, usage
from tieout.docket import Docket, Witness, quiet_while_off, switched_off
from tieout.facts import asset, book_line, line, purchase_line, stock_line
from tieout.facts.ground import Ground
from tieout.golden import people, stock
from tieout.identity import suggestions
from tieout.identity.people import People
from tieout.rule import Grain, Rule
from tieout.world import World

Tables = Mapping[str, pl.DataFrame]


def judge(world: World, rules: Sequence[Rule], witness: Witness | None = None) -> dict[str, pl.DataFrame]:
    """Every rule put to a period: tables `findings`, `involved`, `evidence` and `rule_runs`.

    A witness hears every case as it is judged.
    """
    docket = Docket(rules, world, witness)
    seats = _judge_seats(Ground(replace(world)), docket).judged
    things = docket.judge(world, _on_things(docket), facts.of_records(Ground(world)))
    judged = {name: pl.concat([table, things[name]]) for name, table in seats.items()}
    return judged | {"findings": pl.concat([judged["findings"], switched_off(rules, world)])}


def reconcile(world: World, rules: Sequence[Rule]) -> dict[str, pl.DataFrame]:
    """Every table of the period but the exceptions, as it is kept: findings, evidence, licence tables, memory."""
    text = pl.col(pl.Categorical).cast(pl.String)
    return {name: table.with_columns(text) for some in tables(world, rules) for name, table in some.items()}


def tables(world: World, rules: Sequence[Rule]) -> Iterator[Tables]:
    """The same a few at a time, so that a large company's need not all be in memory at once.

    What seats tell comes first, by far the most rows there are. All that was worked out of them goes before devices,
    orders and accounts have their turn.
    """
    docket = Docket(rules, world)
    identity = People(replace(world))
    told = yield from _of_seats(Ground(replace(world), identity), docket)
    yield from _of_things(Ground(replace(world), identity), docket, rules, told)


class _Seats(NamedTuple):
    """What is known once every rule on seats and contracts is put, and those that go before them."""

    records: Mapping[str, Grain]
    filled: pl.DataFrame
    judged: dict[str, pl.DataFrame]


def _judge_seats(ground: Ground, docket: Docket) -> _Seats:
    """Rules on contract lines and products run last, because they ask how many assigned seats may be given back."""
    records = facts.of_records(ground)
    asked = docket.before(facts.OF_SEATS)
    on_records = {slug for slug in asked if docket.rules[slug].grain in records}
    judged = docket.judge(ground.world, on_records, records)
    seats = licences.seats_with_reason(records["seat"].frame, judged["findings"])
    filled = licences.fill(licences.lines(ground), seats)
    positions = facts.of_positions(ground, filled)
    of_positions = docket.judge(ground.world, asked - on_records, positions)
    judged = {name: pl.concat([table, of_positions[name]]) for name, table in judged.items()}
    judged["findings"] = _with_seat_values(judged["findings"], ground, filled)
    judged["rule_runs"] = _with_seat_totals(judged["rule_runs"], judged["findings"])
    return _Seats(records, filled, judged)


def _on_things(docket: Docket) -> set[str]:
    return docket.rules.keys() - docket.before(facts.OF_SEATS)


def _of_seats(ground: Ground, docket: Docket) -> Generator[Tables, None, dict[str, pl.DataFrame]]:
    """The tables that seats and contracts tell; returns what is told together with things."""
    records, filled, judged = _judge_seats(ground, docket)
    seats = records["seat"]
    candidates, pools = reclaim.candidates(ground, filled), reclaim.pools(ground, filled)
    yield {
        "reclaim_candidates": candidates,
        "reclaim_pools": pools,
        "waterfall": reclaim.waterfall(ground, filled, candidates, pools),
        "entitlement_positions": licences.position_table(ground, filled),
        "product_claims": stock.products(seats, ground),
    }
    yield {"seats": licences.seat_table(ground, seats.frame, filled)}
    yield line.memory(ground, filled)
    del filled
    held, hidden = people.holdings(ground, seats)
    seats_held = people.seats_held(held, hidden)
    yield {"memory_holdings": pl.concat([held.unique(maintain_order=True), hidden])}
    del records, seats, held
    yield usage.memory(ground)
    return judged | {
        "seats_held": seats_held,
        "memory_coverage": ground.coverage("seats"),
        "source_exceptions": source_exceptions.of_usage(ground),
        "nameless": suggestions.nameless(ground, "seats"),
        "matches": ground.matches("seats"),
    }


def _of_things(
    ground: Ground, docket: Docket, rules: Sequence[Rule], told: dict[str, pl.DataFrame]
) -> Iterator[Tables]:
    """The tables that everything else tells, and those to which seats add their part."""
    world, grains = ground.world, facts.of_records(ground)
    judged = docket.judge(world, _on_things(docket), grains)
    findings = pl.concat([told["findings"], judged["findings"], switched_off(rules, world)]).sort("rule", "subject_key")
    quiet = [told["memory_quiet"], judged["memory_quiet"], quiet_while_off(rules, world)]
    nameless = [suggestions.nameless(ground, feed) for feed in ("accounts", "assets", "endpoints")]
    of_sources = [
        told["source_exceptions"],
        source_exceptions.of_counts(ground, grains["asset"]),
        source_exceptions.of_endpoints(ground),
    ]
    yield {
        "findings": findings,
        "rule_runs": pl.concat([told["rule_runs"], judged["rule_runs"]]).sort("rule"),
        "involved": pl.concat([told["involved"], judged["involved"]]).sort("exception_id"),
        "evidence": pl.concat([told.pop("evidence"), judged.pop("evidence")]),
        "memory_quiet": pl.concat(quiet).sort("rule", "subject_key"),
    }
    yield {
        "suggestions": suggestions.suggest(ground, pl.concat([*nameless, told["nameless"]])),
        "source_exceptions": pl.concat(of_sources).sort("rule", "subject"),
        "rates": money.rates(world).sort("currency"),
        "memory_coverage": pl.concat([ground.coverage("endpoints"), told["memory_coverage"]]),
    }
    yield golden.tables(ground, grains, rules, findings, told["seats_held"])
    yield ground.memory()
    yield asset.memory(grains["asset"].frame, ground)
    yield purchase_line.memory(ground)
    yield book_line.memory(ground)
    yield stock_line.memory(grains["stock_line"].frame, ground)
    matches = [ground.matches(feed) for feed in ("accounts", "assets", "endpoints", "scans")]
    del ground, grains, world
    yield {"matches": pl.concat([*matches, told.pop("matches")])}


def _with_seat_values(findings: pl.DataFrame, ground: Ground, filled: pl.DataFrame) -> pl.DataFrame:
    """Seats that fired carry the annual price of the line they fill."""
    of_seats = pl.col("subject_type") == "seat"
    asked = findings.filter(of_seats).select(*licences.seat_of_key(), "subject_key").unique()
    values = licences.seat_values(ground, filled.join(asked, on=licences.SEAT)).select(
        "subject_key", "value", "amount", "currency"
    )
    return (
        findings.join(values, on="subject_key", how="left", suffix="_of_seat", maintain_order="left")
        .with_columns(
            pl.when(of_seats).then(f"{name}_of_seat").otherwise(name).alias(name)
            for name in ("value", "amount", "currency")
        )
        .select(findings.columns)
    )


def _with_seat_totals(runs: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    totals = (
        findings.filter(pl.col("outcome") == "fired")
        .group_by("rule")
        .agg(pl.when(pl.col("value").count() > 0).then(pl.col("value").sum()).alias("value"))
    )
    return runs.drop("value").join(totals, on="rule", how="left", maintain_order="left").select(runs.columns)
