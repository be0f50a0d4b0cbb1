"""Holds a month's tables, as they are about to be published, against what everybody may rely on.

What is expected follows from tieout/published and from the equalities beside it; Great Expectations puts it to the
database. It takes seconds to import, so it is asked for only when a month is held.
"""

import sys
from collections.abc import Mapping
from importlib.util import LazyLoader, find_spec, module_from_spec
from pathlib import Path

import polars as pl

EXPECTATIONS = {
    "about": pl.String(), "expectation": pl.String(), "says": pl.String(), "severity": pl.String(),
    "held": pl.Boolean(), "rows": pl.Int64(), "unexpected": pl.Int64(), "examples": pl.List(pl.String),
}  # fmt: skip
"""The table of results: one row an expectation."""
CRITICAL, WARNING = "critical", "warning"
"""How grave it is when it does not hold: nothing may be published, or everybody is told."""

UNASKED = ("anchors", "expectations", "exceptions_current")
"""Tables that are filled only after all this held, and the one that shows the rows of another again."""
BEFORE = "exceptions_before"


def validate(files: Mapping[str, Path]) -> pl.DataFrame:
    """What one month's tables came to, an expectation a row, in the order of the tables.

    `files` has the Parquet file of every table by name, and as BEFORE that of `exceptions` of the month before, where
    there is one. `held` is false, too, where an expectation could not be put.
    """
    _put_off("scipy.stats")  # of which Great Expectations needs nothing for what is expected here
    from checks.expectations.asking import ask

    return pl.DataFrame([vars(answer) for answer in ask(files)], schema=EXPECTATIONS, orient="row")


def _put_off(name: str) -> None:
    """Let a module of a package be read when something of it is asked for: this one takes a third of the import."""
    spec = None if name in sys.modules else find_spec(name)  # which would ask the module there is, and so read it
    if spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    sys.modules[name] = module = module_from_spec(spec)
    package, _, own = name.rpartition(".")
    setattr(sys.modules[package], own, module)
    spec.loader.exec_module(module)
