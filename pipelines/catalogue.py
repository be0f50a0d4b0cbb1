"""The rules of a workspace: those of the catalogue, and those in the workspace's own folder.

An own rule has the shape of the catalogue's: one file, its stem the slug, one `RULE`, a docstring with headings. It is
code, read anew each time and known to its own workspace alone: it is neither importable nor seen by another.
"""

import json
import stat
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import polars as pl

from checks import rules
from pipelines.errors import ConfigError
from tieout import facts, licences
from tieout.facts.ground import Ground
from tieout.feeds import FEEDS
from tieout.findings import BEFORE
from tieout.judgement import Case
from tieout.kinds import Severity
from tieout.rule import OPEN_BEFORE, Grain, Params, Rule, lineage
from tieout.settings import Settings
from tieout.world import BOOKKEEPING, World

GRADES = get_args(Severity)
HEADINGS = ("Finds", "Matters", "Do", "Quiet")
OWN = "own"
"""The category of a workspace's own rules that stand in no folder of theirs."""


class RuleFileError(ConfigError):
    """A rule of the workspace's own that cannot be used: file, line, what, in one sentence."""


def rules_of(folder: Path) -> tuple[Rule, ...]:
    """The catalogue and the rules in a workspace's folder, by slug; raises RuleFileError for a file that is no rule."""
    known = {rule.slug: rule for rule in rules.discover()}
    own = rule_files(folder)
    for path in own:
        rule = _load(path)
        if rule.slug in known:
            raise RuleFileError(f"{path}: there is a rule {rule.slug!r} already; give it another slug and file name.")
        known[rule.slug] = rule
        _hold(rule, path)
    found = tuple(rule for _, rule in sorted(known.items()))
    if own:
        _hold_together(found, folder)
    return found


def rule_files(folder: Path) -> list[Path]:
    """The files of a workspace's own rules; names that begin with `_` or `.` are none."""
    below = (path.relative_to(folder) for path in folder.rglob("*.py"))
    return sorted(folder / path for path in below if not any(part.startswith(("_", ".")) for part in path.parts))


def own_rules(folder: Path) -> dict[str, str]:
    """Slug of each of a workspace's own rules → the folder its file stands in."""
    files = rule_files(folder)
    return {path.stem.replace("_", "-"): path.parent.name if path.parent != folder else OWN for path in files}


def severity_of(rule: Rule, settings: Settings) -> str:
    """The severity of a rule, or those it chooses from."""
    stated = settings.rules.get(rule.slug)
    if stated and stated.severity:
        return stated.severity
    if isinstance(rule.severity, str):
        return rule.severity
    chooses = str(rule.severity(Params(rule, settings, ())))
    grades = [grade for grade in GRADES if f'"{grade}"' in chooses]
    return f"{', '.join(grades[:-1])} or {grades[-1]}, by what is found"


def leans_on(rule: Rule) -> list[str]:
    """The feeds that a rule's answer rests on."""
    grain = example_grains()[rule.grain]
    return lineage(rule, grain, Params(rule, _example().settings, grain.frame.columns))[1]


def limits_in_force(rule: Rule, settings: Settings) -> pl.DataFrame:
    """Every limit of a rule: for what it holds (`all`, an asset class, a product), and where the config says so."""
    columns = facts.healthy()[rule.grain]
    p = Params(rule, settings, list(columns))
    rows = []
    for name, default in rule.params.items():
        general = p.value(name)
        said = _said_in(rule, settings, name)
        if not isinstance(general, Mapping):
            rows.append((name, "all", general, said, default))
        for asset_class, limit in sorted(p.by_class(name).items()) if "asset_class" in columns else []:
            policy = settings.policy.classes.get(asset_class)
            own = policy is not None and policy.model_dump().get(name) is not None
            rows.append((name, asset_class, limit, f"policy.classes.{asset_class}" if own else said, default))
        for product, limit in sorted(p.by_product(name).items()) if "product_key" in columns else []:
            rows.append((name, product, limit, "products", default))
    texts = [(name, scope, _text(limit), said, _text(default)) for name, scope, limit, said, default in rows]
    return pl.DataFrame(
        texts, schema=dict.fromkeys(("limit", "for", "value", "said_in", "default"), pl.String), orient="row"
    )


def _said_in(rule: Rule, settings: Settings, name: str) -> str:
    """The table of the config that states a limit for everything; `default` where none does."""
    stated = [
        slug for slug in (rule.slug, rule.limits_of) if slug in settings.rules and name in settings.rules[slug].params
    ]
    if stated:
        return f"rules.{stated[0]}"
    return "policy" if name in (settings.policy.model_extra or {}) else "default"


def _text(limit: object) -> str:
    return json.dumps(limit, default=str)


# -- whether a rule keeps what it promises ----------------------------------------------------------------------------


def exposed(folder: Path) -> list[str]:
    """A sentence for each place where others than its owner could put code into the workspace's rules."""
    loose = [path for path in ([folder] if folder.is_dir() else []) + rule_files(folder) if _others_may_write(path)]
    return [f"{path} may be changed by others, and rules run with your rights; `chmod go-w` it." for path in loose]


def doubts(folder: Path) -> list[str]:
    """What is wrong with the workspace's own rules although they can be used, a sentence each."""
    own = own_rules(folder)
    broken = [(rule, said) for rule in rules_of(folder) if rule.slug in own for said in failures(rule)]
    return exposed(folder) + [f"rule {rule.slug}: {said}." for rule, said in broken]


def failures(rule: Rule) -> list[str]:
    """What a rule says of itself that does not hold: its prose, its declarations and its cases, a sentence each."""
    return [*_of_prose(rule), *_of_cases(rule)]


def _others_may_write(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _of_prose(rule: Rule) -> Iterator[str]:
    missing = [heading for heading in HEADINGS if f"\n{heading}: " not in rule.doc]
    if missing:
        yield f"its docstring lacks {', '.join(missing)}; each heading begins a line, like `{missing[0]}: …`"
    for kind in ("fires", "quiet"):
        if not getattr(rule, kind):
            yield f"it lists no case under {kind}; list what differs from a healthy row"


def _of_cases(rule: Rule) -> Iterator[str]:
    """Every case put to the rule; the healthy row is a quiet case of every rule."""
    cases: list[tuple[str, Mapping[str, Any], bool]] = [("the healthy row", {}, False)]
    cases += [(f"fires[{number}]", case, True) for number, case in enumerate(rule.fires)]
    cases += [(f"quiet[{number}]", case, False) for number, case in enumerate(rule.quiet)]
    healthy = facts.healthy()[rule.grain]
    for name, case, fires in cases:
        unknown = sorted(set(case) - set(healthy))
        if unknown:
            yield f"{name} names {unknown[0]!r}, which the grain {rule.grain!r} does not have"
        elif _answers(rule, {**healthy, **case}) is not fires:
            yield f"{name} should {'fire, but does' if fires else 'not fire, but does'}{' not' if fires else ''}"


def _answers(rule: Rule, row: Mapping[str, Any]) -> bool:
    """Whether a rule fires on one row of its grain, every feed being there."""
    empty = example_grains()[rule.grain]
    frame = pl.DataFrame([dict(row)], schema=empty.frame.schema, strict=False)
    case = Case(rule, Grain(empty.name, empty.feed, frame, empty.leans, empty.keys), _example(), _NOTHING_BEFORE)
    looked_at, answer = case.rows.select("_looked_at", "_answer").row(0)
    return bool(looked_at and answer)


_NOTHING_BEFORE = pl.DataFrame(schema=dict(BEFORE))


@cache
def example_grains() -> dict[str, Grain]:
    """Every grain of a workspace without records: its columns, their types and what they lean on."""
    ground = Ground(_example())
    records = facts.of_records(ground)
    none = pl.DataFrame(schema={"rule": pl.String, "outcome": pl.String, "subject_key": pl.String})
    seats = licences.seats_with_reason(records["seat"].frame, none)
    return {**records, **facts.of_positions(ground, licences.fill(licences.lines(ground), seats))}


@cache
def _example() -> World:
    """A period in which every feed has one source, which is alive and has no records."""
    settings = Settings(organisation="Example", reporting_currency="EUR", timezone="UTC")
    sources = [{"period": "2026-10", "feed": name, "source": name, "verdict": "GREEN"} for name in FEEDS]
    frames = {name: pl.DataFrame(schema={**feed.schema, **BOOKKEEPING}) for name, feed in FEEDS.items()}
    return World("2026-10", datetime(2026, 10, 31, 23, tzinfo=UTC), settings, frames, pl.DataFrame(sources), {})


# -- reading a file ---------------------------------------------------------------------------------------------------


def _load(path: Path) -> Rule:
    """Run one file in a module of its own, which nothing can import."""
    module = ModuleType(f"rule file {path.name}")
    try:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as problem:
        raise RuleFileError(f"{path}: {_said(problem, path)}; correct it, or take the file away.") from None
    try:
        return rules.filed(getattr(module, "RULE", None), path.stem, module.__doc__)
    except ValueError as problem:
        raise RuleFileError(f"{path}: {problem}.") from None


def _said(problem: BaseException, path: Path) -> str:
    """Where in the file something went wrong, and what."""
    if isinstance(problem, SyntaxError):
        return f"line {problem.lineno}: {problem.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == str(path)]
    what = next(iter(str(problem).splitlines()), "no message")
    return f"{f'line {lines[-1]}: ' if lines else ''}{type(problem).__name__}: {what}"


def _hold(rule: Rule, path: Path) -> None:
    """Refuse what no run could judge: a grain, column, feed or limit that is not there, an unheard-of severity."""
    for said in _impossible(rule, path):
        raise RuleFileError(f"{path}: {said}.")


def _impossible(rule: Rule, path: Path) -> Iterator[str]:
    grains = facts.healthy()
    if rule.grain not in grains:
        yield f"there is no grain {rule.grain!r}; the grains are {', '.join(sorted(grains))}"
        return
    unknown = sorted(set(rule.requires) - set(FEEDS))
    if unknown:
        yield f"requires names {unknown[0]!r}, which is no feed; the feeds are {', '.join(FEEDS)}"
    if isinstance(rule.severity, str) and rule.severity not in GRADES:
        yield f"the severity {rule.severity!r} is none of {', '.join(GRADES)}"
    try:
        asked = {name for e in rule.expressions(Params(rule, _example().settings, ())) for name in e.meta.root_names()}
    except Exception as problem:
        yield _said(problem, path)
        return
    missing = sorted({*asked, *rule.subject_columns} - {*grains[rule.grain], *OPEN_BEFORE})
    if missing:
        yield f"it asks for {missing[0]!r}, which the grain {rule.grain!r} does not have"
        return
    try:
        _answers(rule, grains[rule.grain])
    except Exception as problem:
        yield f"it cannot be put to a row of {rule.grain}: {_said(problem, path)}"


def _hold_together(found: tuple[Rule, ...], folder: Path) -> None:
    """Refuse a rule that goes after one that is not there, or after itself in the end."""
    slugs = {rule.slug for rule in found}
    own = own_rules(folder)
    for rule in found:
        nowhere = sorted(set(rule.goes_after) - slugs) if rule.slug in own else []
        if nowhere:
            raise RuleFileError(f"{folder}: the rule {rule.slug!r} goes after {nowhere[0]!r}, which is no rule.")
    try:
        TopologicalSorter({rule.slug: rule.goes_after for rule in found}).prepare()
    except CycleError as problem:
        raise RuleFileError(f"{folder}: rules go after each other in a circle: {', '.join(problem.args[1])}.") from None
