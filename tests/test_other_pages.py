"""Pages on people, spares, disposal, sources and for the auditor hold what their tables hold."""

from dataclasses import replace
from decimal import Decimal

import polars as pl

from reports import audit, controls, disposal, entries, index, owners, people, reclaim, sources, stock
from reports.listing import Listing
from reports.sections import Sections
from tests import pages
from tests.pages import ABOUT, RULES

TABLES = pages.full()


def figures(page: Sections) -> list[str]:
    return [card.figure for card in page.cards]


def rows(page: Sections, name: str) -> list[dict[str, str | None]]:
    (part,) = (section.part for section in page.sections if section.name == name)
    return part.rows.to_dicts() if isinstance(part, Listing) else [dict(row) for row in part.rows]


def test_leavers_are_shown_with_what_they_hold_and_what_it_costs() -> None:
    page = people.build(TABLES, ABOUT)
    assert figures(page) == ["1", "1", "1", "300.10 EUR", "1"]
    told = [(row["person_id"], row["state"], row["seats_value"], row["devices_value"]) for row in rows(page, "leavers")]
    assert told == [
        ("P-9", "overdue", "300.10", "1234.50"), ("P-7", "not known", None, "0.00"), ("P-8", "done", "0.00", "0.00"),
    ]  # fmt: skip
    assert [row["in_time"] for row in rows(page, "returns")] == ["no", "yes"]


def test_accounts_of_leavers_and_what_has_no_value_are_named() -> None:
    live = TABLES["exceptions"].tail(1).with_columns(
        rule=pl.lit("live-account-of-leaver"), subject=pl.lit("acc-9"), status=pl.lit("open"), period=pl.lit("2026-10")
    )  # fmt: skip
    uncounted = TABLES["stock_positions"].with_columns(
        counted_in_period=pl.lit(True), variance=pl.lit(1, TABLES["stock_positions"]["variance"].dtype)
    )
    tables = {**TABLES, "exceptions": pl.concat([TABLES["exceptions"], live]), "stock_positions": uncounted}
    (leavers, _) = (section.part for section in people.build(tables, ABOUT).sections)
    assert isinstance(leavers, Listing)
    assert "Accounts that can still sign in" in leavers.island
    assert "acc-9" in leavers.island
    assert stock.build(tables, ABOUT).cards[1].text == "those differences are worth, 1 unvalued"


def test_spares_are_shown_by_what_differs_is_short_and_is_to_be_counted() -> None:
    page = stock.build(TABLES, ABOUT)
    assert figures(page) == ["1", "25.00 EUR", "1", "1"]
    assert [(row["variance"], row["variance_value"]) for row in rows(page, "variance")] == [("-2", "25.00")]
    assert [(row["sku"], row["order"], row["cost"]) for row in rows(page, "order")] == [("PUMP", "8", "100.00")]
    assert [row["sku"] for row in rows(page, "count")] == ["SEAL"]


def test_disposal_is_shown_by_batch_with_what_proves_it() -> None:
    page = disposal.build(TABLES, ABOUT, entries.gather(TABLES, ABOUT, RULES))
    assert figures(page) == ["1", "1 of 2", "?", "?"]  # no source delivers disposals here, so nobody knows of more
    (batch,) = rows(page, "batches")
    assert (batch["items"], batch["finished"], batch["certified"], batch["longest"], batch["flawed"]) == (
        "2", "1", "1", "60", "1",
    )  # fmt: skip
    assert batch["stages"] == "1 certificate_issued, 1 collected"


def test_nothing_is_concluded_from_feeds_that_are_not_delivered_whole() -> None:
    told = TABLES["sources"].row(0, named=True)
    feeds = ("people", "assets", "seats", "accounts", "stock", "stock_counts", "disposals", "tickets")
    whole = pl.DataFrame(
        [{**told, "feed": feed, "period": ABOUT.period} for feed in feeds], schema=TABLES["sources"].schema
    )
    for sources_then, said in ((pages.empty()["sources"], "Not known: there is no whole delivery of"), (whole, "No")):
        tables = {**pages.empty(), "sources": sources_then}
        built = (
            people.build(tables, ABOUT), stock.build(tables, ABOUT),
            disposal.build(tables, ABOUT, entries.gather(tables, ABOUT, {})),
        )  # fmt: skip
        for page in built:
            assert page.cards[0].figure == ("?" if said != "No" else "0")
            for section in page.sections:
                assert section.nothing.startswith(("Not known",) if said != "No" else ("No", "What", "Every")), section
    page = people.build({**pages.empty(), "sources": whole.filter(pl.col("feed") == "people")}, ABOUT)
    assert (page.cards[0].figure, page.cards[3].figure) == ("0", "0.00 EUR")  # where nobody has left, nothing is held
    assert page.sections[0].nothing == "Nobody has left."
    late = whole.with_columns(period=pl.lit("2026-09"))
    page = stock.build({**pages.empty(), "sources": late}, ABOUT)  # a state must be delivered each month, an event not
    assert page.sections[0].nothing == "Not known: there is no whole delivery of stock."
    assert page.sections[3].nothing == "Nobody asked for a spare."


def test_sources_are_shown_with_every_row_set_aside_and_why() -> None:
    page = sources.build(TABLES, ABOUT)
    assert figures(page) == ["3", "1", "1,240", "2", "2", "1"]
    assert [row["verdict"] for row in rows(page, "pulls")] == ["RED", "AMBER", "GREEN"]
    assert [row["reasons"] for row in rows(page, "quarantine")] == ["asset_tag is empty"] * 2
    months = rows(page, "verdicts")
    assert [row["2026-08"] for row in months] == ["GREEN", "AMBER", "RED"]


def test_the_auditor_sees_who_signed_what_and_what_was_loosened() -> None:
    page = audit.build(TABLES, ABOUT)
    assert figures(page) == ["closed", "1", "1", "0", "0", "0"]
    assert [row["number"] for row in rows(page, "overrides")] == ["D3"]
    assert [row["number"] for row in rows(page, "waivers")] == ["D1"]
    assert [(row["loosened"], row["approved"]) for row in rows(page, "policy")] == [("yes", "no")]
    assert len(rows(page, "decisions")) == 3
    assert [row["state"] for row in rows(page, "periods")] == [None, None, "closed"]
    conflict = TABLES["decisions"].filter(TABLES["decisions"]["seq"] == 2)
    again = conflict.with_columns(seq=conflict["seq"] + 7, kind=conflict["kind"].str.replace("approve", "release"))
    both = {**TABLES, "decisions": TABLES["decisions"].vstack(again)}
    assert [row["kinds"] for row in rows(audit.build(both, ABOUT), "conflicts")] == ["approve, release"]
    rests = {row["figure"]: row["rests_on"] for row in rows(page, "figures")}
    assert rests["record_accuracy"] == "assets/register GREEN"
    assert rests["overdue_share"] == "what the month came to"
    assert rows(page, "verify") == []
    found = audit.build(TABLES, replace(ABOUT, verified=("landing/2026-10/x was changed",)))
    assert figures(found)[-1] == "1"
    assert rows(found, "verify") == [{"finding": "landing/2026-10/x was changed"}]


def test_the_first_page_shows_what_presses_who_is_silent_and_the_money() -> None:
    tables = TABLES
    exceptions = entries.gather(tables, ABOUT, RULES)
    packs = owners.build(ABOUT, RULES, exceptions)
    page = index.build(
        tables, ABOUT, exceptions, controls.build(tables, ABOUT), packs, reclaim.build(tables, ABOUT, RULES),
        {"people": people.build(tables, ABOUT)},
    )  # fmt: skip
    assert dict(page.since) == {"new": 2, "reopened": 1, "older": 3, "legacy": 1}
    assert sum(count for _, count in page.since) == page.current.roll.closing
    assert [one.exception_id[:2] for one in page.top[:3]] == ["v1", "x1", "a1"]
    assert (page.silent, page.soon[0].product) == (("it-assets",), "Figura")
    amounts = {one.name: one.value for one in page.finance}
    assert amounts["Identified"] == amounts["Realised"] + Decimal("513.11") == Decimal("600.20")
    assert [len(month.roll.terms) for month in page.months] == [5, 5, 5]
    assert [point.text for point in page.trends[0].points] == ["4", "6", "7"]
    months = (replace(page.months[-1], period="2025-11"), replace(page.months[0], period="2026-01"))
    gap = index._trend("Open", months, [4, 7])
    assert [(point.period, point.value) for point in gap.points] == [("2025-11", 4), ("2025-12", None), ("2026-01", 7)]
    assert [month.state for month in page.months] == ["closed", "open", "open"]
    invoices = TABLES["rule_runs"].tail(1).with_columns(rule=pl.lit("overbilled"), period=pl.lit("2026-10"))
    with_invoices = {**tables, "rule_runs": pl.concat([tables["rule_runs"], invoices])}
    billed = index.build(
        with_invoices, ABOUT, exceptions, controls.build(tables, ABOUT), packs, reclaim.build(tables, ABOUT, RULES), {}
    ).billed
    assert (page.billed, billed) == (0, invoices["population"][0] - invoices["not_evaluated"][0])
    assert page.signed.period is None
    before = tables["periods"].with_columns(period=pl.lit("2026-09"))
    since = index.build(
        {**tables, "periods": before}, ABOUT, exceptions, controls.build(tables, ABOUT), packs,
        reclaim.build(tables, ABOUT, RULES), {},
    ).signed  # fmt: skip
    assert (since.period, since.came, since.went) == ("2026-09", 3, 2)
