"""What a workspace's rules say and do: each with its limits in force, its counts over the months, what is open now."""

from typing import Any

import polars as pl

from checks.rules import categories
from pipelines import catalogue
from pipelines.errors import ConfigError
from pipelines.limits import nearest
from pipelines.warehouse import query
from pipelines.workspace import Workspace
from reports.prose import read
from tieout.docket import is_on
from tieout.findings import OPEN_STATUSES
from tieout.quoting import literal
from tieout.rule import Rule

_COUNTS = ("population", "fired", "superseded", "exempt", "clean", "unknown", "not_evaluated", "value", "reason")


def listed(workspace: Workspace) -> pl.DataFrame:
    """One row a rule: slug, category, severity, on, its limits as text, and how many of its exceptions are open.

    `open` is null while nothing is published.
    """
    rules = catalogue.rules_of(workspace.rules)
    where = categories() | catalogue.own_rules(workspace.rules)
    rows = [
        {
            "rule": rule.slug,
            "category": where[rule.slug],
            "severity": catalogue.severity_of(rule, workspace.settings),
            "on": is_on(rule, workspace.settings),
            "limits": _in_short(rule, workspace),
        }
        for rule in rules
    ]
    count = dict(open_now(workspace).group_by("rule").len().iter_rows())
    published = workspace.published_database.exists()
    return pl.DataFrame(rows).with_columns(
        pl.Series("open", [count.get(rule.slug, 0) if published else None for rule in rules], pl.Int64)
    )


def shown(workspace: Workspace, slug: str) -> dict[str, Any]:
    """One rule: its prose, what it asks, its limits and where they are said, its counts, and what does not hold.

    Raises ConfigError for a slug that is no rule.
    """
    rules = {rule.slug: rule for rule in catalogue.rules_of(workspace.rules)}
    if slug not in rules:
        raise ConfigError(f"{slug!r} is not a rule; {nearest(slug, rules)}")
    rule, settings = rules[slug], workspace.settings
    own = catalogue.own_rules(workspace.rules)
    prose = read(rule.slug, rule.doc)
    stated = settings.rules.get(slug)
    return {
        "rule": slug,
        "title": prose.title,
        "finds": prose.finds,
        "matters": prose.matters,
        "do": prose.do,
        "quiet": prose.quiet,
        "category": (categories() | own)[slug],
        "from": str(workspace.rules) if slug in own else "catalogue",
        "on": is_on(rule, settings),
        "severity": catalogue.severity_of(rule, settings),
        "severity_said_in": f"rules.{slug}" if stated and stated.severity else "default",
        "subject": "/".join(rule.subject_columns),
        "grain": rule.grain,
        "process": rule.process,
        "value": rule.value_kind,
        "remedy": rule.remedy,
        "goes_after": sorted(rule.goes_after),
        "goes_before": sorted(other.slug for other in rules.values() if slug in other.goes_after),
        "not_evaluated_without": list(rule.requires),
        "leans_on": catalogue.leans_on(rule),
        "looks_at": "records of the period, and those whose exception is open" if rule.event else "all of its subjects",
        "limits": catalogue.limits_in_force(rule, settings).to_dicts(),
        "exemptions": [e.model_dump(mode="json", exclude_none=True) for e in settings.exempt if e.rule == slug],
        "periods": counts(workspace, slug).to_dicts(),
        "open_now": open_now(workspace).filter(pl.col("rule") == slug).height,
        "does_not_hold": catalogue.failures(rule) if slug in own else [],
    }


def open_now(workspace: Workspace) -> pl.DataFrame:
    """The open exceptions of the latest published month; none where nothing is published."""
    asked = ("rule", "subject", "severity", "status", "owner", "value", "age_days", "due_on", "exception_id")
    if not workspace.published_database.exists():
        return pl.DataFrame(schema=dict.fromkeys(asked, pl.String))
    statuses = ", ".join(map(literal, OPEN_STATUSES))
    columns = ", ".join(asked)
    return query(
        workspace.published_database,
        f"SELECT {columns} FROM exceptions_current WHERE status IN ({statuses}) ORDER BY rule, subject, exception_id",
    )


def counts(workspace: Workspace, slug: str) -> pl.DataFrame:
    """What became of a rule's population in each published month."""
    if not workspace.published_database.exists():
        return pl.DataFrame()
    columns = ", ".join(("period", *_COUNTS, "params", "rule_hash"))
    runs = query(workspace.published_database, f"SELECT {columns}, rule FROM rule_runs ORDER BY period")
    return runs.filter(pl.col("rule") == slug).drop("rule")


def _in_short(rule: Rule, workspace: Workspace) -> str:
    """Every limit on one line: `return_days = 14, for laptop 21`."""
    limits: dict[str, list[str]] = {}
    for name, scope, value in (
        catalogue.limits_in_force(rule, workspace.settings).select("limit", "for", "value").rows()
    ):
        limits.setdefault(name, []).append(value if scope == "all" else f"for {scope} {value}")
    return "; ".join(f"{name} = {', '.join(values)}" for name, values in limits.items())
