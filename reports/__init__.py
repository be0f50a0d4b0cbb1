"""Pages people read: frozen data built from the published tables, shown by templates that compute nothing."""

from collections.abc import Mapping

from reports import index, letterhead, page, reclaim, reconciliation
from reports.about import About
from reports.tables import InequalityError, Tables

__all__ = ["About", "InequalityError", "render"]

PAGES = {"index": index.build, "reconciliation": reconciliation.build, "reclaim": reclaim.build}


def render(tables: Tables, about: About, rules: Mapping[str, str]) -> dict[str, str]:
    """Every page of one period: file name → its whole text, which needs no other file.

    `tables` are the published tables with every period up to this one, each with its `period` column; `rules` gives
    each rule's docstring by slug. Raises InequalityError where figures that must be equal are not.
    """
    head = letterhead.build(tables, about)
    return {f"{name}.html": page.show(name, head, build(tables, about, rules)) for name, build in PAGES.items()}
