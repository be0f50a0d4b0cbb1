"""Names suggest whom a record may mean; nothing follows from them."""

import polars as pl
import pytest

from checks.rules import discover
from tests.worlds import world
from tieout.identity.suggestions import form, likest
from tieout.reconcile import reconcile

PEOPLE = [
    {"person_id": "p1", "full_name": "Zoë Müller", "status": "active"},
    {"person_id": "p2", "full_name": "Zacharias Muller", "status": "active"},
    {"person_id": "p3", "full_name": "Bob O'Neil", "status": "active"},
]
ACCOUNT = {"account_id": "u1", "username": "x1", "display_name": "Muller, Zoe", "kind": "human", "status": "active"}


def suggested(**feeds: list[dict[str, object]]) -> dict[tuple[str, str], list[str]]:
    tables = reconcile(world({"people": PEOPLE, **feeds}), discover())
    by_record = tables["suggestions"].group_by("feed", "record", maintain_order=True).agg("person_id")
    return {(feed, record): people for feed, record, people in by_record.iter_rows()}


def test_a_name_suggests_whom_and_concludes_nothing() -> None:
    tables = reconcile(world({"people": PEOPLE, "accounts": [ACCOUNT]}), discover())
    assert tables["suggestions"].select("record", "person_id", "similarity").rows() == [("u1", "p1", 1.0)]
    fired = tables["findings"].filter(pl.col("outcome") == "fired")
    assert ("stranger-account", "u1") in set(fired.select("rule", "subject").iter_rows())


def test_every_kind_of_record_that_names_nobody_is_looked_into() -> None:
    told = suggested(
        accounts=[ACCOUNT],
        assets=[{"asset_tag": "A-1", "asset_class": "laptop", "status": "in_use", "custodian": "bob oneil"}],
        endpoints=[{"endpoint_id": "e1", "last_seen_at": "2026-10-30", "user_name": "zoe.mueller@old.org"}],
        seats=[{"product": "Figma", "seat_id": "s1", "email": "z.muller@x.org", "status": "active",
                "display_name": "Zoe Müller"}],
    )  # fmt: skip
    assert told == {
        ("accounts", "u1"): ["p1"],
        ("assets", "A-1"): ["p3"],
        ("endpoints", "e1"): ["p1"],
        ("seats", "Figma/s1"): ["p1"],
    }


def test_who_is_known_needs_no_suggestion() -> None:
    service = {**ACCOUNT, "account_id": "u2", "kind": "service"}
    assert suggested(accounts=[{**ACCOUNT, "person_id": "p2"}, service]) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller, Zoë", "muller zo"),
        ("zoe.muller@x.org", "muller zo"),
        ("Łukasz  Żak", "zak łukasz"),
        ("د. سارة أحمد", "احمد سارة"),
        ("O'Neil B.", None),  # one part is no name
        ("svc-01", None),
        ("", None),
    ],
)
def test_a_form_keeps_what_spelling_does_not_change(text: str, expected: str | None) -> None:
    assert pl.select(form(pl.lit(text))).item() == expected


def test_at_most_three_are_suggested_the_likest_first() -> None:
    known = pl.DataFrame({"person_id": ["a", "b", "c", "d", "e"], "form": ["anna berg"] * 3 + ["anna bergs", "bo li"]})
    told = likest(pl.Series("form", ["anna bergs"]), known, 0.9)
    assert told.select("person_id", "similarity").rows() == [("d", 1.0), ("a", 0.98), ("b", 0.98)]
