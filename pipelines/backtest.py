"""What a changed limit would have done: the last months judged again under it, and nothing kept."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from pipelines import catalogue
from pipelines.errors import ConfigError
from pipelines.limits import nearest
from pipelines.steps import MEMORY, RUNS, Month, world_of
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from tieout import exceptions
from tieout.feeds import ASSET_CLASSES
from tieout.findings import OPEN_STATUSES
from tieout.reconcile import reconcile
from tieout.rule import Rule
from tieout.settings import Settings
from tieout.world import World

_SHOWN = ("rule", "subject", "severity", "value", "value_kind", "owner", "exception_id")


def backtest(workspace: Workspace, slug: str, limit: str, asset_class: str | None, periods: int) -> pl.DataFrame:
    """One row an exception and month that a changed limit would have opened, closed or regraded, other rules' included.

    `limit` is `name=value`. The months are the last complete ones, walked in order as runs would: what the first of
    them found under the limit is what the second one remembers. Both sides are judged by today's config and rules, so
    that nothing but the limit tells them apart. Raises ConfigError for a rule, limit, class or month there is not.
    """
    rules = catalogue.rules_of(workspace.rules)
    changed = _changed(workspace.settings, _named(slug, rules), limit, asset_class)
    with workspace.lock():
        warehouse = Warehouse(workspace.tables)
        months = warehouse.periods(RUNS)[-periods:]
        if not months:
            raise ConfigError(f"{workspace.root} has no complete month yet; run one first.")
        worlds = [world_of(Month(workspace, period), warehouse) for period in months]
        as_is, as_if = (list(_walk(worlds, rules, settings)) for settings in (workspace.settings, changed))
    told = [_told(period, one, other) for period, one, other in zip(months, as_is, as_if, strict=True)]
    return pl.concat(told).sort("period", "change", "rule", "subject", "exception_id")


def _named(slug: str, rules: Sequence[Rule]) -> Rule:
    by_slug = {rule.slug: rule for rule in rules}
    if slug not in by_slug:
        raise ConfigError(f"{slug!r} is not a rule; {nearest(slug, by_slug)}")
    return by_slug[slug]


def _changed(settings: Settings, rule: Rule, limit: str, asset_class: str | None) -> Settings:
    """The settings with one limit of a rule stated otherwise, for all or for one asset class."""
    name, _, text = (part.strip() for part in limit.partition("="))
    if name not in rule.params:
        known = f"; {nearest(name, rule.params)}" if rule.params else "."
        raise ConfigError(f"--set {name}: {rule.slug} has no such limit{known}")
    if asset_class is not None and asset_class not in ASSET_CLASSES:
        raise ConfigError(f"--class {asset_class!r} is not an asset class; {nearest(asset_class, ASSET_CLASSES)}")
    value = _number(name, text)
    said = settings.model_dump(mode="json", exclude_defaults=True)
    if asset_class is None:
        table = said.setdefault("rules", {}).setdefault(rule.slug, {}).setdefault("params", {})
    else:
        table = said.setdefault("policy", {}).setdefault("classes", {}).setdefault(asset_class, {})
    table[name] = value
    return Settings.model_validate(said)


def _number(name: str, text: str) -> int | float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigError(f"--set {name}={text} should be a number from 0 on, like --set {name}=30.")
    return int(value) if value.is_integer() else value


def _walk(worlds: Sequence[World], rules: Sequence[Rule], settings: Settings) -> Iterator[pl.DataFrame]:
    """The exceptions open at the end of each month under some settings, each month remembering the one before."""
    kept: dict[str, pl.DataFrame] = {}
    for world in worlds:
        judged = replace(world, settings=settings, memory={**world.memory, **kept})
        tables = reconcile(judged, rules)
        tables |= exceptions.age(judged, tables["findings"])
        kept = {name: table for name, table in tables.items() if name.startswith(MEMORY)}
        yield tables["exceptions"].filter(pl.col("status").is_in(OPEN_STATUSES)).select(_SHOWN)


def _told(period: str, as_is: pl.DataFrame, as_if: pl.DataFrame) -> pl.DataFrame:
    opened = as_if.join(as_is, on="exception_id", how="anti").with_columns(change=pl.lit("opened"))
    closed = as_is.join(as_if, on="exception_id", how="anti").with_columns(change=pl.lit("closed"))
    regraded = (
        as_if.join(as_is.select("exception_id", was="severity"), on="exception_id")
        .filter(pl.col("severity") != pl.col("was"))
        .with_columns(change=pl.format("regraded from {}", "was"))
    )
    told = pl.concat([opened, closed, regraded.drop("was")])
    return told.select(pl.lit(period).alias("period"), "change", *_SHOWN)
