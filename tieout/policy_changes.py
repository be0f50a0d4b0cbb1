"""What changed in the policy since the period before, and what those changes let go.

The effect is measured, not guessed: the period is judged a second time under the policy of the period before. What
fired then and does not now was silenced by the change; what was open and is clean only now was not fixed.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import polars as pl

from tieout.decisions import not_corrected_frame
from tieout.four_eyes import same_person, whose
from tieout.normalize import is_named
from tieout.reconcile import judge
from tieout.rule import Rule
from tieout.settings import Exemption, PolicyTable, Settings
from tieout.world import World

POLICY_CHANGES: Mapping[str, pl.DataType] = {
    "change_id": pl.String(), "what": pl.String(), "rule": pl.String(), "from_value": pl.String(),
    "to_value": pl.String(), "loosened": pl.Boolean(), "silenced": pl.Int64(), "added": pl.Int64(),
    "who": pl.String(), "why": pl.String(), "until": pl.Date(), "approver": pl.String(),
}  # fmt: skip

MEMORY = {"policy": pl.String()}
"""The policy a period was judged under, as JSON: the table `memory_policy`."""

_JUDGING = ("policy", "rules", "exempt", "multiplicities", "placeholders")
"""Tables of the config that decide what is an exception, whole."""
_PRODUCT_LIMITS = {"inactive_days", "unused_days", "bills_suspended", "exempt"}
_GRADES = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Change:
    """One key of the policy that says something else than before; None = it says nothing."""

    what: str
    before: Any
    now: Any


def compare(world: World, rules: Sequence[Rule], tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The findings with the reason corrected where only new limits made them clean, the changes, and the memory.

    Of the period's tables `findings` is asked, and who people are: `memory_person_keys` and `memory_people`.
    """
    findings = tables["findings"]
    now = _policy(world.settings)
    remembered = world.remembered("memory_policy", MEMORY)["policy"].to_list()
    before = json.loads(remembered[0]) if remembered else now
    changes = list(_changes(before, now, rules))
    table = pl.DataFrame(schema=dict(POLICY_CHANGES))
    if changes:
        earlier = judge(replace(world, settings=_under(before, world.settings)), rules)["findings"]
        fired_before, fires_now = (f.filter(pl.col("outcome") == "fired") for f in (earlier, findings))
        silenced = fired_before.join(fires_now, on="exception_id", how="anti")
        added = fires_now.join(fired_before, on="exception_id", how="anti")
        texts = [text for e in world.settings.exempt for text in (e.who, e.approver) if text]
        people = whose(texts, tables["memory_person_keys"], tables["memory_people"])
        rows = [_told(change, world, rules, silenced, added, people) for change in changes]
        table = pl.DataFrame(rows, schema=dict(POLICY_CHANGES)).sort("what")
        only_now = (pl.col("outcome") == "clean") & pl.col("exception_id").is_in(silenced["exception_id"].implode())
        findings = findings.with_columns(
            pl.when(only_now & (pl.col("why") != "rule_off"))
            .then(pl.lit("limit_changed"))
            .otherwise("why")
            .alias("why")
        )
    memory = pl.DataFrame({"policy": [json.dumps(now, sort_keys=True)]})
    return {"findings": findings, "policy_changes": table, "memory_policy": memory}


def unsigned(period: str, closed: Collection[str]) -> pl.Expr:
    """True for the changes that a sign-off of a period answers for: all since the last closed one, by their `period`.

    Where no earlier period is closed, those of the period itself.
    """
    last = max((one for one in closed if one < period), default=None)
    months = pl.col("period")
    return (months == period) if last is None else (months > last) & (months <= period)


def _policy(settings: Settings) -> dict[str, Any]:
    """Everything in the config that decides what is an exception, and nothing else; only what is stated."""
    said = settings.model_dump(mode="json", exclude_defaults=True)
    products = {
        name: {key: value for key, value in product.items() if key in _PRODUCT_LIMITS}
        for name, product in said.get("products", {}).items()
    }
    return {**{name: said[name] for name in _JUDGING if name in said}, "products": products}


def _under(policy: Mapping[str, Any], settings: Settings) -> Settings:
    """The settings with an earlier policy; names and aliases stay as they are now, so that subjects keep their ids."""
    said = settings.model_dump(mode="json", exclude_defaults=True)
    for name in _JUDGING:
        said.pop(name, None)
    products = {
        name: {key: value for key, value in product.items() if key not in _PRODUCT_LIMITS}
        | policy["products"].get(name, {})
        for name, product in said.get("products", {}).items()
    }
    return Settings.model_validate({**said, **policy, "products": products})


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], rules: Sequence[Rule]) -> Iterator[Change]:
    """Every key that says something else; a limit that is now stated as it already was by default is no change."""
    old, new = dict(_leaves(before)), dict(_leaves(now))
    for what in sorted(old.keys() | new.keys()):
        default = _default(what, rules)
        change = Change(what, old.get(what, default), new.get(what, default))
        if change.before != change.now:
            yield change


def _default(what: str, rules: Sequence[Rule]) -> Any:
    """What holds where a key is not stated, as far as it has one value."""
    if what.startswith("exempt."):
        return None
    own = [rule.params[_name(what)] for rule in _concerned(what, rules) if _name(what) in rule.params]
    if own:
        return own[0]
    stated = PolicyTable.model_fields.get(_name(what)) if what.startswith("policy.") else None
    return stated.default if stated else {"on": True}.get(_name(what))


def _leaves(policy: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each stated key by its path; an exemption by its rule and each of its subjects, with its last day.

    Of several for one subject the one that holds longest comes last, so that it is the one that counts.
    """
    for name, value in policy.items():
        if name != "exempt":
            yield from _below(name, value)
            continue
        for exemption in sorted(value, key=lambda exemption: str(exemption["until"])):
            for subject in exemption["subject"]:
                yield f"exempt.{exemption['rule']}.{subject}", exemption["until"]


def _below(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for name, inner in value.items():
        skipped = path.startswith("rules.") and name == "params"
        yield from _below(path if skipped else f"{path}.{name}", inner)


def _name(what: str) -> str:
    return what.rpartition(".")[2]


def _concerned(what: str, rules: Sequence[Rule]) -> list[Rule]:
    """The rules whose answers a key can change."""
    table, *rest = what.split(".")
    if table in ("rules", "exempt"):
        return [rule for rule in rules if rest[0] in (rule.slug, rule.limits_of)]
    return [rule for rule in rules if _name(what) in rule.params] or list(rules)


def _told(
    change: Change,
    world: World,
    rules: Sequence[Rule],
    silenced: pl.DataFrame,
    added: pl.DataFrame,
    people: Mapping[str, str],
) -> dict[str, Any]:
    """One change as a row: from, to, what it did to this period, and who answers for it."""
    slugs = [rule.slug for rule in _concerned(change.what, rules)]
    of_change = pl.col("rule").is_in(slugs)
    exemption = None
    if change.what.startswith("exempt."):
        _, slug, subject = change.what.split(".", 2)
        of_change &= is_named(pl.col("subject"), [subject])
        stated = (e for e in world.settings.exempt if e.rule == slug and subject in e.subject)
        exemption = max(stated, key=attrgetter("until"), default=None)
    counts = {"silenced": silenced.filter(of_change).height, "added": added.filter(of_change).height}
    change_id = identify(world.period, change)
    return {
        "change_id": change_id,
        "what": change.what,
        "rule": slugs[0] if len(slugs) == 1 else None,
        "from_value": _text(change.before),
        "to_value": _text(change.now),
        "loosened": _loosened(change, **counts),
        **counts,
        "who": exemption.who if exemption else None,
        "why": exemption.why if exemption else None,
        "until": exemption.until if exemption else None,
        "approver": _approver(change_id, exemption, world, people),
    }


def identify(period: str, change: Change) -> str:
    """The id of a policy change, which an approval names."""
    canonical = json.dumps([period, change.what, change.before, change.now], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _loosened(change: Change, *, silenced: int, added: int) -> bool | None:
    """True where less is found than before; null where this period does not show it."""
    before, now = change.before, change.now
    if change.what.startswith("exempt."):
        return bool(now and (not before or now > before))
    if _name(change.what) == "on":
        return not now
    if _name(change.what) == "severity" and before and now:
        return _GRADES.index(now) < _GRADES.index(before)
    return True if silenced else False if added else None


def _approver(change_id: str, exemption: Exemption | None, world: World, people: Mapping[str, str]) -> str | None:
    """Who approved it: another person than who asked, in the config or by a decision, whenever it was taken."""
    if exemption and exemption.approver and not same_person(exemption.who, exemption.approver, people):
        return exemption.approver
    log = not_corrected_frame(world.decisions)
    approvals = log.filter((pl.col("exception_id") == change_id) & (pl.col("kind") == "approve"))
    return None if approvals.is_empty() else str(approvals["who"][0])


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
