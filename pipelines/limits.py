"""Holds limits and rule names of a config against the catalogue: a mistyped limit must not pass for one in force."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigError
from tieout.feeds import ASSET_CLASSES
from tieout.metrics import METRICS
from tieout.rule import Rule
from tieout.settings import ClassPolicy, PolicyTable, RuleTable, Settings


def hold_against_catalogue(settings: Settings, config: Path) -> None:
    """Raise ConfigError for limits and rules that the catalogue does not know, naming the nearest it does.

    The workspace's own rules are part of the catalogue; RuleFileError is raised for one that cannot be used.
    """
    own = config.parent / settings.paths.rules
    stated = settings.rules or settings.exempt or settings.thresholds
    named = stated or _named_by_routes(settings) or _limits_of_policy(settings)
    if not (named or own.is_dir()):
        return
    from pipelines.catalogue import rules_of  # takes its time, and most commands on most workspaces need none of it

    rules = {rule.slug: rule for rule in rules_of(own)}
    if unknown := [f"{config}: {sentence}" for sentence in _unknown(settings, rules)]:
        raise ConfigError(*unknown)


def _unknown(settings: Settings, rules: Mapping[str, Rule]) -> Iterator[str]:
    for place, slug in _named_rules(settings):
        if slug not in rules:
            yield f"{place} {slug!r} is not a rule; {nearest(slug, rules)}"
    figures = {metric.name for metric in METRICS}
    for name in settings.thresholds:
        if name.partition("/")[0] not in figures and name not in rules:
            yield f"thresholds: {name!r} is neither a figure nor a rule; {nearest(name, {*figures, *rules})}"
    every_limit = {name for rule in rules.values() for name in rule.params}
    for place, name, value in _limits_of_policy(settings):
        fields = ClassPolicy.model_fields if "classes" in place else PolicyTable.model_fields
        yield from _unusable(place, name, value, every_limit, fields)
    for slug, table in settings.rules.items():
        for name, value in table.params.items() if slug in rules else ():
            yield from _unusable(f"rules.{slug}", name, value, rules[slug].params, RuleTable.model_fields)


def _unusable(place: str, name: str, value: Any, limits: Collection[str], fields: Iterable[str]) -> Iterator[str]:
    if name not in limits:
        known = sorted({*limits, *fields} - {"params", "classes"})
        yield f"{place}.{name} is not a known limit; {nearest(name, known)}"
        return
    by_class = value if isinstance(value, dict) else {"": value}
    for asset_class, limit in by_class.items():
        where = f"{place}.{name}.{asset_class}".removesuffix(".")
        if asset_class and asset_class not in ASSET_CLASSES:
            yield f"{where}: {asset_class!r} is not an asset class; {nearest(asset_class, ASSET_CLASSES)}"
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 0:
            yield f"{where} should be a number from 0 on, but is {limit!r}."


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the nearest that is, else all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"the known ones are {', '.join(names)}."


def _limits_of_policy(settings: Settings) -> list[tuple[str, str, Any]]:
    """Where, name and value of every limit under `[policy]` and its classes."""
    tables = {"policy": settings.policy.model_extra or {}}
    tables |= {f"policy.classes.{name}": table.model_extra or {} for name, table in settings.policy.classes.items()}
    return [(place, name, value) for place, table in tables.items() for name, value in table.items()]


def _named_by_routes(settings: Settings) -> list[str]:
    return [slug for route in settings.routes for slug in route.rule]


def _named_rules(settings: Settings) -> Iterator[tuple[str, str]]:
    yield from (("rules:", slug) for slug in settings.rules)
    yield from (("exempt: rule", exemption.rule) for exemption in settings.exempt)
    yield from (("routes: rule", slug) for slug in _named_by_routes(settings))
