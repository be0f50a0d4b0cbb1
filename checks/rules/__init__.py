"""The exception catalogue: one exception slug = one file, found by being here.

Each module holds one `RULE` and a docstring with the headings Finds, Matters, Do and Quiet.
"""

import pkgutil
from dataclasses import replace
from importlib import import_module

from tieout.rule import Rule


def discover() -> tuple[Rule, ...]:
    """Every rule of the catalogue with its prose, by slug."""
    modules = pkgutil.walk_packages(__path__, f"{__name__}.")
    rules = [_load(module.name) for module in modules if not module.ispkg]
    return tuple(sorted(rules, key=lambda rule: rule.slug))


def _load(module_name: str) -> Rule:
    module = import_module(module_name)
    rule: Rule = module.RULE
    stem = module_name.rsplit(".", 1)[-1]
    if rule.slug != stem.replace("_", "-"):
        raise ValueError(f"{module_name} holds the rule {rule.slug!r}; a rule's file bears its slug")
    return replace(rule, doc=module.__doc__ or "")
