"""The exception catalogue: one exception slug = one file, found by being here.

Each module holds one `RULE` and a docstring with the headings Finds, Matters, Do and Quiet.
"""

import pkgutil
from dataclasses import replace
from importlib import import_module

from tieout.rule import Rule


def discover() -> tuple[Rule, ...]:
    """Every rule of the catalogue with its prose, by slug."""
    return tuple(sorted((_load(module) for module in _modules()), key=lambda rule: rule.slug))


def categories() -> dict[str, str]:
    """Slug of each rule of the catalogue → the folder its file stands in."""
    return {module.rsplit(".", 1)[-1].replace("_", "-"): module.split(".")[-2] for module in _modules()}


def filed(rule: object, stem: str, doc: str | None) -> Rule:
    """What a file gives as its rule, with the file's prose; raises ValueError where it is none or has another name."""
    if not isinstance(rule, Rule):
        raise ValueError("it defines no RULE; write RULE = Rule(slug=…, …)")
    if rule.slug != stem.replace("_", "-"):
        raise ValueError(f"it holds the rule {rule.slug!r}; a rule's file bears its slug")
    return replace(rule, doc=doc or "")


def _modules() -> list[str]:
    """The name of the module of every rule."""
    return [module.name for module in pkgutil.walk_packages(__path__, f"{__name__}.") if not module.ispkg]


def _load(module_name: str) -> Rule:
    module = import_module(module_name)
    return filed(module.RULE, module_name.rsplit(".", 1)[-1], module.__doc__)
