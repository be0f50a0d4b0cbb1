"""Fact tables: one module a grain, where all joining, grouping and ranking happens; rules only judge their rows.

Each module has `build` and `HEALTHY`, a row of the grain on which every rule stays quiet.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import polars as pl

from tieout.facts.ground import Ground
from tieout.once import Each
from tieout.rule import Grain

_SHARED = ("books", "counting", "existence", "ground")
_POSITIONS = ("line", "overlap", "product")
"""Grains that stand on the answers about seats: how many of the assigned may be given back."""
OF_SEATS = ("claimant", "seat", *_POSITIONS)
"""Grains that are built of the seats."""
_TOLD = ("account", "asset", "disposal_item", "found_device", "movement", "seat", "stock_line")
"""Grains that tables are made of as well; the others are not kept once their rules are put."""


def _modules() -> dict[str, Any]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED)
    return {name: import_module(f"{__name__}.{name}") for name in names}


def of_records(ground: Ground) -> Mapping[str, Grain]:
    """Every grain that stands on the period's records alone, by name; built when a rule asks for it."""
    modules = {name: module for name, module in _modules().items() if name not in _POSITIONS}
    return Each(modules, lambda name: modules[name].build(ground), afresh=modules.keys() - set(_TOLD))


def of_positions(ground: Ground, filled: pl.DataFrame) -> dict[str, Grain]:
    """Every grain of contract lines and products, given the line each paid seat fills."""
    return {name: module.build(ground, filled) for name, module in _modules().items() if name in _POSITIONS}


def healthy() -> dict[str, Mapping[str, Any]]:
    """For every grain a row that no rule finds anything wrong with."""
    return {name: module.HEALTHY for name, module in _modules().items()}
