"""Taking a delivery as it is: a bound is lifted by two people, with a reason and an end, and never silently."""

import getpass
from collections.abc import Mapping

import polars as pl

from pipelines import decisions
from pipelines.decisions import SOURCE, Act, as_asked
from pipelines.errors import ConfigError
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace, end_of_period
from tieout.decisions import Entry, Standing


def accept(workspace: Workspace, period: str, source: str, said: Mapping[str, str | None], act: Act) -> Entry:
    """Record an override of what is wrong with a month's delivery now.

    Raises ConfigError when the month has no such source or nothing is wrong with it, TieoutError when it is refused.
    """
    with workspace.lock():
        warehouse = Warehouse(workspace.tables)
        sources = warehouse.read("sources", period=period)
        wrong = warehouse.read("source_exceptions", period=period)
        feed, name, verdict = _named(sources, source, period)
        if verdict == "GREEN":
            raise ConfigError(f"{feed}/{name} of {period} is GREEN, so there is nothing to accept.")
        slugs = wrong.filter((pl.col("subject") == f"{feed}/{name}") & pl.col("verdict").is_not_null())["rule"]
        subject = f"{SOURCE}{period}/{feed}/{name}"
        about = Standing(
            exception_id=subject, rule="delivery", subject=f"{feed}/{name}", status="open", value=None, value_kind=None,
            is_event=False, about="source", content=", ".join(slugs.unique().sort()),
        )  # fmt: skip
        who = said.get("who") or getpass.getuser()
        asked = as_asked(1, {**said, "who": who, "kind": "override", "exception_id": subject})
        last = end_of_period(period, workspace.settings.zone).astimezone(workspace.settings.zone).date()
        if asked.proposal and asked.proposal.until and asked.proposal.until < last:
            raise ConfigError(
                f"until is {asked.proposal.until}, before {period} ends, so that it would never count; "
                f"name {last} or a later day."
            )
        decisions.record_one(workspace, asked, about, act)
        return decisions.read(workspace)[-1]


def _named(sources: pl.DataFrame, source: str, period: str) -> tuple[str, str, str]:
    """Feed, name and verdict of the one source that a text names."""
    if sources.is_empty():
        raise ConfigError(f"{period} never ran; run it first with `tieout run --period {period}`.")
    feed, _, name = source.rpartition("/")
    named = pl.col("source") == name
    found = sources.filter(named & (pl.col("feed") == feed) if feed else named)
    if found.height != 1:
        known = sources.select(pl.format("{}/{}", "feed", "source")).to_series().sort().to_list()
        how = "is no source" if found.is_empty() else "names several sources"
        raise ConfigError(f"{source} {how} of {period}; they are {', '.join(known)}.")
    row: tuple[str, str, str] = found.select("feed", "source", "verdict").row(0)
    return row
