"""From one period's feeds to its findings: who is who, the facts, the rules, and what the next period must know."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from tieout import facts, golden, licences, money, reclaim, source_exceptions, usage
from tieout.facts import asset, book_line, line, purchase_line, stock_line
from tieout.facts.ground import Ground
from tieout.identity import suggestions
from tieout.judgement import Witness, judge_all, switched_off
from tieout.once import Each
from tieout.rule import Grain, Rule
from tieout.world import World


class Judged(NamedTuple):
    """What a period's rules say: tables `findings`, `rule_runs` and `evidence`, and what they were judged on."""

    grains: Mapping[str, Grain]
    filled: pl.DataFrame
    tables: dict[str, pl.DataFrame]


def judge(ground: Ground, rules: Sequence[Rule], witness: Witness | None = None) -> Judged:
    """Put every rule to the period that the ground is of.

    Rules on contract lines and products run second, because they ask how many assigned seats may be given back.
    A witness hears every case as it is judged.
    """
    world, grains = ground.world, facts.of_records(ground)
    records = judge_all([rule for rule in rules if rule.grain in grains], grains, world, witness)
    seats = licences.seats_with_reason(grains["seat"].frame, records["findings"])
    filled = licences.fill(licences.lines(ground), seats)
    positions = facts.of_positions(ground, filled)
    of_positions = judge_all([rule for rule in rules if rule.grain in positions], positions, world, witness)
    tables = {name: pl.concat([records[name], of_positions[name]]) for name in records}
    findings = _with_seat_values(tables["findings"], ground, filled)
    tables["findings"] = pl.concat([findings, switched_off(rules, world)]).sort("rule", "subject_key")
    tables["rule_runs"] = _with_seat_totals(tables["rule_runs"], tables["findings"])
    every = Each([*grains, *positions], lambda name: positions[name] if name in positions else grains[name])
    return Judged(every, filled, tables)


def reconcile(world: World, rules: Sequence[Rule]) -> dict[str, pl.DataFrame]:
    """Every table of the period but the exceptions: findings, rule_runs, evidence, licence tables and memory."""
    return {name: table for some in tables(world, rules) for name, table in some.items()}


def tables(world: World, rules: Sequence[Rule]) -> Iterator[Mapping[str, pl.DataFrame]]:
    """The same a few at a time, so that a large company's need not all be in memory at once."""
    ground = Ground(world)
    grains, filled, judged = judge(ground, rules)
    findings = judged["findings"]
    yield judged
    del judged
    yield {"matches": ground.matches()}
    candidates, pools = reclaim.candidates(ground, filled), reclaim.pools(ground, filled)
    yield {
        "suggestions": suggestions.suggest(ground),
        "source_exceptions": source_exceptions.find(ground, grains["asset"]),
        "rates": money.rates(world).sort("currency"),
        "reclaim_candidates": candidates,
        "reclaim_pools": pools,
        "waterfall": reclaim.waterfall(ground, filled, candidates, pools),
        "entitlement_positions": licences.position_table(ground, filled),
    }
    yield {"seats": licences.seat_table(ground, grains["seat"].frame, filled)}
    yield line.memory(ground, filled)
    del filled
    yield golden.tables(ground, grains, rules, findings)
    yield ground.memory()
    yield usage.memory(ground)
    yield asset.memory(grains["asset"].frame, ground)
    yield purchase_line.memory(ground)
    yield book_line.memory(ground)
    yield stock_line.memory(grains["stock_line"].frame, ground)


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
