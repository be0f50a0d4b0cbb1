"""One suite walks every rule: its prose, its cases, its lineage, and the laws all rules obey."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl
import pytest

from checks.rules import discover
from tests.worlds import world
from tieout import facts, licences
from tieout.facts.ground import Ground
from tieout.judgement import Case
from tieout.kinds import Severity
from tieout.rule import Grain, Params, Rule, lineage

RULES = {rule.slug: rule for rule in discover()}
CASES = [(slug, "fires", i) for slug, r in RULES.items() for i in range(len(r.fires))] + [
    (slug, "quiet", i) for slug, r in RULES.items() for i in range(len(r.quiet))
]
PROCESSES = (
    "receive tag assign transfer repair return retire dispose purchase renew grant revoke count offboard onboard"
)
VALUE_KINDS = (None, "licence_pool", "exposure", "overcharge", "asset", "stock", "view")


@cache
def grains() -> dict[str, Grain]:
    """Every grain as built from an empty world: its columns and types."""
    ground = Ground(world())
    records = facts.of_records(ground)
    seats = licences.seats_with_reason(
        records["seat"].frame, pl.DataFrame(schema={"rule": pl.String, "outcome": pl.String, "subject_key": pl.String})
    )
    return {**records, **facts.of_positions(ground, licences.fill(licences.lines(ground), seats))}


def row(rule: Rule, differs: Mapping[str, Any]) -> Grain:
    """A grain of one row: the healthy one, but for what differs."""
    empty = grains()[rule.grain]
    unknown = set(differs) - set(empty.frame.columns)
    assert not unknown, f"{rule.slug} names {unknown}, which the grain {rule.grain} does not have"
    frame = pl.DataFrame([{**facts.healthy()[rule.grain], **differs}], schema=empty.frame.schema, strict=False)
    return Grain(empty.name, empty.feed, frame, empty.leans, empty.keys)


def answer(rule: Rule, grain: Grain) -> tuple[bool, bool | None]:
    case = Case(rule, grain, world(), _nothing_open())
    looked_at, fired = case.rows.select("_looked_at", "_answer").row(0)
    return looked_at, fired


def _nothing_open() -> pl.DataFrame:
    from tieout.findings import BEFORE

    return pl.DataFrame(schema=dict(BEFORE))


@pytest.mark.parametrize("grain", sorted(facts.healthy()))
def test_healthy_row_has_the_columns_of_its_grain(grain: str) -> None:
    assert list(facts.healthy()[grain]) == grains()[grain].frame.columns


@pytest.mark.parametrize("slug", RULES)
def test_prose_has_its_headings(slug: str) -> None:
    doc = RULES[slug].doc
    assert re.match(r"[A-Z].*\.\n\nFinds: ", doc), "first a sentence a non-programmer can read, then Finds"
    positions = [doc.find(f"\n{heading}: ") for heading in ("Finds", "Matters", "Do", "Quiet")]
    assert -1 not in positions
    assert positions == sorted(positions)


@pytest.mark.parametrize("slug", RULES)
def test_declarations_are_of_the_catalogue(slug: str) -> None:
    rule = RULES[slug]
    assert rule.process in PROCESSES.split()
    assert rule.value_kind in VALUE_KINDS
    assert rule.remedy.endswith(".")
    assert rule.fires
    assert rule.quiet
    if isinstance(rule.severity, str):
        assert rule.severity in Severity.__args__
    columns, feeds = lineage(
        rule, grains()[rule.grain], Params(rule, world().settings, grains()[rule.grain].frame.columns)
    )
    assert columns
    assert feeds


@pytest.mark.parametrize(("slug", "kind", "index"), CASES)
def test_case(slug: str, kind: str, index: int) -> None:
    rule = RULES[slug]
    looked_at, fired = answer(rule, row(rule, getattr(rule, kind)[index]))
    if kind == "fires":
        assert looked_at
        assert fired is True
    else:
        assert not looked_at or fired is not True


@pytest.mark.parametrize("slug", RULES)
def test_healthy_row_is_quiet_and_decided(slug: str) -> None:
    looked_at, fired = answer(RULES[slug], row(RULES[slug], {}))
    assert not looked_at or fired is False


@pytest.mark.parametrize("slug", RULES)
def test_population_asks_only_the_grains_own_feed(slug: str) -> None:
    rule = RULES[slug]
    grain = grains()[rule.grain]
    names = set(rule.population.meta.root_names()) - {"was_open"}
    assert {feed for name in names for feed in grain.feeds_of(name)} <= {grain.feed}


@pytest.mark.parametrize("slug", RULES)
def test_severity_is_always_one_of_four(slug: str) -> None:
    rule = RULES[slug]
    for differs in rule.fires:
        case = Case(rule, row(rule, differs), world(), _nothing_open())
        assert case.judge({})["severity"].item() in Severity.__args__


@pytest.mark.parametrize("slug", [slug for slug, rule in RULES.items() if rule.params])
def test_limits_can_be_set_by_workspace(slug: str) -> None:
    rule = RULES[slug]
    columns = grains()[rule.grain].frame.columns
    for name, default in rule.params.items():
        own = world(rules={slug: {"params": {name: 123456}}}).settings
        assert Params(rule, own, columns).value(name) == 123456
        shared = world(policy={name: 654321}).settings
        assert Params(rule, shared, columns).value(name) == 654321
        assert Params(rule, world().settings, columns).value(name) == default
