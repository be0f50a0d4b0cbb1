"""The sample company through the real commands: exactly what was planted is found, and every figure adds up."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

import tieout
from checks.rules import discover
from data.demo.calendar import MONTHS
from pipelines.workspace import Workspace
from tests.flow.conftest import Ask, Ran
from tests.test_every_rule import grains
from tests.test_reclaim_files import AMOUNTS, MONEYS, said_by
from tieout.feeds import FEEDS
from tieout.published import TABLES
from tieout.rule import Params

Cases = set[tuple[str, str, str]]


def planted(company: Ran, slugs: Iterable[str]) -> Cases:
    """Rule, subject and period of everything planted for some slugs."""
    wanted = set(slugs)
    with (company.root / "planted.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["rule"], row["subject"], row["period"]) for row in csv.DictReader(file)]
    return {row for row in rows if row[0] in wanted}


def test_it_ends_by_naming_the_report_the_database_and_the_next_command(company: Ran) -> None:
    root = company.root
    assert company.said.splitlines() == [
        f"Report:    {root / 'reports' / MONTHS[-1] / 'index.html'}",
        f"Database:  {root / 'published' / 'tieout.duckdb'}",
        f'Try next:  tieout sql -w {root} "FROM exceptions_current"',
    ]
    for month in MONTHS:
        assert {path.name for path in (root / "reports" / month).iterdir()} >= {
            "index.html",
            "reconciliation.html",
            "reclaim.html",
        }


def test_the_exceptions_are_those_planted(company: Ran, ask: Ask) -> None:
    """Rules that are not there yet, and those that give way to one that is not, are left out on both sides."""
    rules = {rule.slug: rule for rule in discover()}
    comparable = {slug for slug, rule in rules.items() if set(rule.goes_after) <= set(rules)}
    found = ask("SELECT rule, subject, period FROM exceptions WHERE status <> 'resolved'")
    assert len(set(found.rows())) == found.height
    held = {case for case in found.rows() if case[0] in comparable}
    expected = planted(company, comparable)
    assert sorted(expected - held) == [], "planted, but not found"
    assert sorted(held - expected) == [], "found, but not planted"


def test_the_reclaim_files_come_to_what_the_database_holds(company: Ran, ask: Ask) -> None:
    folder = company.root / "reports" / MONTHS[-1]
    files = {path.name: path.read_bytes() for path in folder.glob("reclaim.*")}
    (row,) = ask(
        "SELECT " + ", ".join(f"sum({name})" for name in (*MONEYS, *AMOUNTS)) + " FROM reclaim_candidates"
    ).rows()
    wanted = dict(zip((*MONEYS, *AMOUNTS), row, strict=True))
    assert wanted["annual_value"] > 0
    assert said_by(files) == {"page": wanted, "csv": wanted, "workbook": wanted}


def test_the_source_exceptions_are_those_planted(company: Ran, ask: Ask) -> None:
    """Slugs that no module of the domain raises yet are left out on both sides."""
    domain = "\n".join(path.read_text("utf-8") for path in Path(tieout.__path__[0]).rglob("*.py"))
    rules = {rule.slug for rule in discover()}
    slugs = {case[0] for case in planted(company, _all_slugs(company) - rules)}
    raised = {slug for slug in slugs if f'"{slug}"' in domain}
    found = set(ask("SELECT rule, subject, period FROM source_exceptions").rows())
    expected = planted(company, raised)
    assert sorted(expected - found) == [], "planted, but not found"
    assert sorted(found - expected) == [], "found, but not planted"


def test_every_landed_row_is_accounted_for(company: Ran, ask: Ask) -> None:
    assert ask("SELECT DISTINCT period FROM sources ORDER BY 1").to_series().to_list() == list(MONTHS)
    assert ask("FROM sources WHERE landed <> used + duplicate + quarantined").is_empty()
    rows = """
        SELECT s.period, s.feed, s.source FROM sources s LEFT JOIN quarantine q USING (period, feed, source)
        GROUP BY ALL HAVING count(q.row) <> any_value(s.quarantined)"""
    assert ask(rows).is_empty()
    assert ask("FROM quarantine WHERE len(reasons) = 0 OR raw IS NULL").is_empty()


def test_every_rule_accounts_for_its_population(ask: Ask) -> None:
    sides = "population <> fired + superseded + exempt + clean + unknown + not_evaluated"
    assert ask(f"FROM rule_runs WHERE {sides}").is_empty()
    counted = ask("SELECT count(*) FROM rule_runs").item()
    assert counted == len(discover()) * len(MONTHS)


def test_everything_published_says_what_it_is(ask: Ask) -> None:
    named = "NOT internal AND schema_name = 'main'"
    assert set(ask(f"SELECT table_name FROM duckdb_tables() WHERE {named}").to_series()) == set(TABLES)
    for catalogue in ("duckdb_tables()", "duckdb_columns()"):
        assert ask(f"FROM {catalogue} WHERE {named} AND coalesce(comment, '') = ''").is_empty()


def test_every_exception_has_its_evidence(ask: Ask) -> None:
    """What a later month could not judge again keeps the evidence of the month that found it."""
    open_ones = "FROM exceptions WHERE status <> 'resolved'"
    assert ask(f"{open_ones} AND NOT coalesce(json_valid(evidence), false)").is_empty()
    assert ask(f"FROM ({open_ones}) ANTI JOIN evidence USING (exception_id)").is_empty()
    assert ask("FROM evidence ANTI JOIN exceptions USING (period, exception_id)").is_empty()
    landed = "(SELECT feed, source, snapshot_id FROM sources)"
    assert ask(
        f"FROM (FROM evidence WHERE snapshot_id IS NOT NULL) ANTI JOIN {landed} USING (feed, source, snapshot_id)"
    ).is_empty()


def _all_slugs(company: Ran) -> set[str]:
    with (company.root / "planted.csv").open(encoding="utf-8", newline="") as file:
        return {row["rule"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("slug", [rule.slug for rule in discover()])
def test_the_evidence_alone_makes_the_rule_fire(slug: str, ask: Ask, company: Ran) -> None:
    """What an exception shows as judged is all that its rule asked for, and the rule says yes to it."""
    rule = next(rule for rule in discover() if rule.slug == slug)
    new = ask(f"SELECT evidence FROM exceptions WHERE rule = '{slug}' AND cycles_open = 1 AND status <> 'resolved'")
    schema = grains()[rule.grain].frame.schema
    proofs = [json.loads(text) for text in new["evidence"]]
    shown = [proof["judged"] for proof in proofs]
    assert shown
    told = pl.DataFrame(shown, schema=dict.fromkeys(shown[0], pl.String))
    known = told.select(_read(schema[name], pl.col(name)).alias(name) for name in told.columns if name in schema)
    rows = {f"{feed}__row": [0 if isinstance(proof.get(feed), list) else None for proof in proofs] for feed in FEEDS}
    known = known.with_columns(was_open=False, untold=False).with_columns(
        pl.Series(name, values, pl.UInt32) for name, values in rows.items()
    )
    p = Params(rule, Workspace.open(company.root).settings, known.columns)
    assert known.select(rule.fails(p)).to_series().to_list() == [True] * len(shown)


def _read(kind: pl.DataType, text: pl.Expr) -> pl.Expr:
    """A value back from the text that evidence shows of it."""
    if isinstance(kind, pl.Boolean):
        return text == "true"
    if isinstance(kind, pl.List):
        return text.str.split(";").cast(kind)
    if isinstance(kind, pl.Datetime):
        return pl.when(text != "never").then(text).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    return text.str.to_date() if isinstance(kind, pl.Date) else text.cast(kind)
