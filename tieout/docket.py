"""The one place that runs all rules: each is put to its facts after those that go before it."""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from graphlib import TopologicalSorter

import polars as pl

from tieout.evidence import EVIDENCE, prove
from tieout.findings import BEFORE, FINDINGS, INVOLVED, OPEN_STATUSES, QUIET, RULE_RUNS, as_quiet
from tieout.judgement import Case
from tieout.rule import Grain, Rule
from tieout.settings import Settings
from tieout.world import World

_TABLES = {
    "findings": (FINDINGS, ["rule", "subject_key"]),
    "involved": (INVOLVED, ["exception_id"]),
    "evidence": (EVIDENCE, list(EVIDENCE)),
    "rule_runs": (RULE_RUNS, ["rule"]),
    "memory_quiet": (QUIET, ["rule", "subject_key"]),
}
"""What judging leaves: the columns of each table, and those it is sorted by."""

Witness = Callable[[Case, pl.DataFrame], None]
"""Is told each rule's case and what it judged, in the order in which the rules are put."""


class Docket:
    """The rules of a period, put to their facts a few at a time; each hears what those put before it found open."""

    def __init__(self, rules: Sequence[Rule], world: World, witness: Witness | None = None) -> None:
        self.rules = {rule.slug: rule for rule in rules if is_on(rule, world.settings)}
        self._witness = witness
        before = open_before(world)
        self._open_before, self._nothing = before.partition_by("rule", as_dict=True), before.clear()
        self._quiet = world.remembered("memory_quiet", QUIET)
        named = [pair for rule in self.rules.values() for pair in rule.goes_after.items()]
        self._goes_first, self._compared_by = {first for first, _ in named}, {first: key for first, key in named if key}
        self._open_now: dict[str, pl.DataFrame] = {}

    def before(self, grains: Container[str]) -> set[str]:
        """The rules on some grains, and all that go before one of them."""
        asked = [slug for slug, rule in self.rules.items() if rule.grain in grains]
        found: set[str] = set()
        while asked:
            found.add(slug := asked.pop())
            asked += [first for first in self.rules[slug].goes_after if first in self.rules and first not in found]
        return found

    def judge(self, world: World, slugs: Collection[str], grains: Mapping[str, Grain]) -> dict[str, pl.DataFrame]:
        """Put some of the rules to their grains, one grain after the other as far as may be.

        The tables of these: what was found and whom it names, what proves it, how each rule's population divides, and
        what stays quiet.
        """
        asked = TopologicalSorter({slug: set(self.rules[slug].goes_after) & set(slugs) for slug in slugs})
        asked.prepare()
        ready, put = set(asked.get_ready()), list[dict[str, pl.DataFrame]]()
        while ready:
            name = min(self.rules[slug].grain for slug in ready)
            grain = grains[name]
            while of_grain := [slug for slug in ready if self.rules[slug].grain == name]:
                slug = min(of_grain)
                put.append(self._put(world, self.rules[slug], grain))
                asked.done(slug)
                ready = ready - {slug} | set(asked.get_ready())
        return {
            table: pl.concat([pl.DataFrame(schema=schema), *(one[table] for one in put)]).sort(order, nulls_last=True)
            for table, (schema, order) in _TABLES.items()
        }

    def _put(self, world: World, rule: Rule, grain: Grain) -> dict[str, pl.DataFrame]:
        """The same tables of one rule."""
        opened = self._open_before.get((rule.slug,), self._nothing)
        quiet = self._quiet.filter(pl.col("rule") == rule.slug)
        case = Case(rule, grain, world, opened, self._compared_by.get(rule.slug, ()), quiet)
        judged = case.judge(self._open_now)
        if self._witness:
            self._witness(case, judged)
        if rule.slug in self._goes_first:
            is_open = pl.col("outcome").is_in(["fired", "held"])
            self._open_now[rule.slug] = judged.filter(is_open).select("subject_key", "keys")
        proof, texts = prove(case, judged)
        return {
            "findings": judged.join(texts, on="subject_key", how="left").select(list(FINDINGS)),
            "involved": case.involved(judged),
            "evidence": proof,
            "rule_runs": pl.DataFrame([case.count(judged)], schema=RULE_RUNS),
            "memory_quiet": case.quieted(judged),
        }


def judge_all(rules: Sequence[Rule], grains: Mapping[str, Grain], world: World) -> dict[str, pl.DataFrame]:
    """The tables of some rules put to grains that stand."""
    docket = Docket(rules, world)
    return docket.judge(world, docket.rules, grains)


def is_on(rule: Rule, settings: Settings) -> bool:
    """False for a rule the workspace has switched off."""
    table = settings.rules.get(rule.slug)
    return table is None or table.on


def open_before(world: World) -> pl.DataFrame:
    """The exceptions open at the end of the latest earlier period, and those whose acceptance counts no more."""
    before = world.remembered("memory_exceptions", BEFORE)
    accepts = world.decided.filter(pl.col("kind") == "accept").select("exception_id", on=world.local_date(pl.col("at")))
    settled = before.join(accepts, on="exception_id").filter(pl.col("on") >= pl.col("opened_on"))["exception_id"]
    accepted = pl.col("status") == "accepted"
    withdrawn = accepted & ~pl.col("exception_id").is_in(settled.implode())
    return before.filter(pl.col("status").is_in(OPEN_STATUSES) | withdrawn).drop("opened_on")


def found_before(world: World) -> pl.DataFrame:
    """What had been found by the end of the latest earlier period and was not put right, open or quiet."""
    return pl.concat([world.remembered("memory_quiet", QUIET), as_quiet(open_before(world))])


def quiet_while_off(rules: Sequence[Rule], world: World) -> pl.DataFrame:
    """What rules that are switched off had found: `memory_quiet` of these."""
    found = found_before(world)
    on = [rule.slug for rule in rules if is_on(rule, world.settings)]
    return found.filter(~pl.col("rule").is_in(on))


def switched_off(rules: Sequence[Rule], world: World) -> pl.DataFrame:
    """Findings that let go what a rule opened that has since been switched off or retired."""
    on = [rule.slug for rule in rules if is_on(rule, world.settings)]
    left = open_before(world).filter(~pl.col("rule").is_in(on))
    let_go = left.with_columns(outcome=pl.lit("clean"), why=pl.lit("rule_off")).drop(
        "status", "since_on", "asset_class"
    )
    return pl.concat([pl.DataFrame(schema=FINDINGS), let_go], how="diagonal")
