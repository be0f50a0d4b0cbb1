"""Pages and workbooks people read: frozen data built from the published tables, shown by what computes nothing."""

from collections.abc import Iterator, Mapping

from reports import (
    audit,
    controls,
    disposal,
    entries,
    expectations,
    index,
    letterhead,
    owners,
    page,
    people,
    reclaim,
    reclaim_files,
    reconciliation,
    sources,
    stock,
    workbook,
)
from reports.about import About
from reports.letterhead import Letterhead
from reports.owners import Pack
from reports.tables import InequalityError, Tables

__all__ = ["About", "InequalityError", "render"]


def render(tables: Tables, about: About, rules: Mapping[str, str]) -> dict[str, bytes]:
    """Every file of one period's report by its path below the period's folder; each page needs no other file.

    `tables` are the published tables with every period up to this one, each with its `period` column; `rules` gives
    each rule's docstring by slug. Raises InequalityError where figures that must be equal are not.
    """
    head = letterhead.build(tables, about)
    exceptions = entries.gather(tables, about, rules)
    checks = controls.build(tables, about)
    finance = reclaim.build(tables, about, rules)
    packs = owners.build(about, rules, exceptions)
    plain = {
        "people": people.build(tables, about),
        "stock": stock.build(tables, about),
        "disposal": disposal.build(tables, about, exceptions),
        "sources": sources.build(tables, about),
        "expectations": expectations.build(tables, about),
        "audit": audit.build(tables, about),
    }
    pages = {
        "index": index.build(tables, about, exceptions, checks, packs, finance, plain),
        "reconciliation": reconciliation.build(tables, about, rules, exceptions, checks),
        "reclaim": finance,
    }
    files = {f"{name}.html": page.show(name, head, built).encode() for name, built in pages.items()}
    files |= {f"{name}.html": page.show("sections", head, built).encode() for name, built in plain.items()}
    files["reclaim.xlsx"] = reclaim_files.as_workbook(finance, about)
    files["reclaim.csv"] = reclaim_files.as_csv(finance, about)
    for pack in packs:
        files |= _of_owner(pack, head)
    return files


def _of_owner(pack: Pack, head: Letterhead) -> Iterator[tuple[str, bytes]]:
    """An owner's page, in as many parts as it needs, and their workbook."""
    names = [pack.file if number == 1 else f"{pack.file}.{number}" for number in range(1, len(pack.parts) + 1)]
    for name, part in zip(names, pack.parts, strict=True):
        text = page.show("owner", head, pack, root="../", part=part, part_names=names)
        yield f"owners/{name}.html", text.encode()
    yield f"owners/{pack.file}.xlsx", workbook.owner_workbook(pack, head.about)
