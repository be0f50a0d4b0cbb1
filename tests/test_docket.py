"""In what order rules are put, and that what goes before a rule is put before it."""

from dataclasses import replace

import polars as pl

from checks.rules import discover
from tests.worlds import world
from tieout import facts
from tieout.docket import Docket
from tieout.facts.ground import Ground
from tieout.reconcile import reconcile

RULES = discover()
LAST = "stranger-account"
WAITING = [replace(r, after=(*r.after, LAST)) if r.slug == "leaver-seat" else r for r in RULES]
"""The catalogue with a rule on seats that waits for one on accounts, which waits for one on seats and accounts."""
SEAT = {"product": "Figma", "seat_id": "u-1", "email": "ada@x.org", "status": "active"}
ADA = {"person_id": "p1", "email": "ada@x.org", "status": "terminated", "end_date": "2026-10-01"}


def test_with_the_rules_on_seats_go_those_that_they_wait_for() -> None:
    docket = Docket(WAITING, world())
    first = docket.before(facts.OF_SEATS)
    assert LAST in first
    assert {docket.rules[slug].grain for slug in first - {LAST}} == set(facts.OF_SEATS)
    assert LAST not in Docket(RULES, world()).before(facts.OF_SEATS)


def test_every_rule_is_put_once_whatever_waits_for_what() -> None:
    w = world({"people": [ADA], "seats": [SEAT]})
    usual, otherwise = (reconcile(w, rules)["rule_runs"].drop("rule_hash") for rules in (RULES, WAITING))
    assert usual["rule"].is_unique().all()
    assert usual.equals(otherwise)
    assert usual.filter(rule="leaver-seat")["fired"].item() == 1


def test_a_rule_switched_off_is_not_waited_for() -> None:
    w = world(rules={LAST: {"on": False}})
    docket = Docket(WAITING, w)
    judged = docket.judge(w, docket.before(["seat"]), facts.of_records(Ground(w)))
    assert "leaver-seat" in judged["rule_runs"]["rule"]


def test_a_rule_is_given_text_where_the_facts_have_categories() -> None:
    named = pl.col("product").str.contains("ig") & pl.col("status").str.starts_with("act")
    rules = [replace(r, fails=lambda p: named, shows=("product_key",)) for r in RULES if r.slug == "unused-seat"]
    found = reconcile(world({"people": [ADA], "seats": [SEAT, {**SEAT, "status": "invited", "seat_id": "u-2"}]}), rules)
    assert found["findings"]["subject"].to_list() == ["Figma/u-1"]
    assert '"product_key":"figma"' in found["findings"]["evidence"].item()
