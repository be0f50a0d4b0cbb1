"""The monthly run as Dagster sees it: nineteen feeds, then findings, exceptions, figures, reports and the database.

Each asset calls one step of `pipelines/steps.py`; data passes through the warehouse, never through Dagster.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import dagster as dg
import polars as pl

from pipelines import again, expected, intake, steps
from pipelines.discretion import discreetly
from pipelines.publish import EXPECTED
from pipelines.steps import Month, Pulled
from pipelines.workspace import Workspace, check_period, read_as_of
from tieout.feeds import FEEDS, Feed, Kind

TEAM = ["team:it-operations"]
SAFE_TO_SHOW = (
    Kind.ENUM, Kind.ASSET_CLASS, Kind.BOOL, Kind.NUMBER, Kind.INTEGER, Kind.SPAN, Kind.MONEY, Kind.RATE, Kind.CURRENCY,
    Kind.DATE,
)  # fmt: skip
"""Kinds of column that say nothing about who a person is."""


T = TypeVar("T")


class House(dg.ConfigurableResource[Any]):
    """The workspace a run works in, held for that run alone."""

    workspace: str
    as_of: str = ""  # empty: the end of the period
    replay: bool = False  # from what landed, not from the inbox
    offline: bool = False  # nothing is asked over the network

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["House"]:
        with Workspace.open(self.workspace).lock():
            yield self

    def month(self, period: str) -> Month:
        """The period of this run."""
        workspace = Workspace.open(self.workspace)
        as_of = read_as_of(self.as_of, workspace.settings.zone) if self.as_of else None
        return Month(workspace, check_period(period), as_of, self.replay, self.offline)

    def perform(self, step: Callable[[Month], T], period: str) -> T:
        """One step of this run; an error of it tells Dagster no credential."""
        return discreetly(lambda: step(self.month(period)))


def monthly_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Every asset of the house over the given months."""

    @dg.multi_asset(
        name="feeds",
        specs=[_feed_spec(feed) for feed in FEEDS.values()],
        check_specs=[
            dg.AssetCheckSpec("accepted", asset=name, description="Every source's snapshot was judged GREEN.")
            for name in FEEDS
        ],
        partitions_def=months,
    )
    def feeds(context: dg.AssetExecutionContext, house: House) -> Iterator[dg.MaterializeResult[None]]:
        pulled = house.perform(steps.pull, context.partition_key)
        for feed in FEEDS.values():
            yield _feed_result(feed, pulled)

    @dg.asset(deps=list(FEEDS), group_name="reconcile", kinds={"polars"}, owners=TEAM, partitions_def=months)
    def findings(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
        """What each rule says of each subject this month, with the evidence."""
        return _counted(house.perform(steps.reconcile, context.partition_key))

    @dg.asset(deps=[findings], group_name="reconcile", kinds={"polars"}, owners=TEAM, partitions_def=months)
    def exceptions(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
        """Opened, ageing, resolved and reopened: the findings as a list people work through."""
        return _counted(house.perform(steps.age, context.partition_key))

    @dg.asset(deps=[exceptions], group_name="reconcile", kinds={"polars"}, owners=TEAM, partitions_def=months)
    def adjustments(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
        """What late deliveries would have made of months that are closed."""
        return _counted(house.perform(again.adjust, context.partition_key))

    @dg.asset(deps=[adjustments], group_name="reconcile", kinds={"polars"}, owners=TEAM, partitions_def=months)
    def figures(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
        """What the exceptions and decisions of the month come to: rates, trust, money and what is past its limit."""
        return _counted(house.perform(steps.figure, context.partition_key))

    @dg.asset(
        deps=[figures],
        group_name="reconcile",
        owners=TEAM,
        partitions_def=months,
        check_specs=[
            dg.AssetCheckSpec("held", asset=EXPECTED, description="The month's results hold what they promise.")
        ],
    )
    def expectations(context: dg.AssetExecutionContext, house: House) -> Iterator[dg.MaterializeResult[None]]:
        """Every expectation of the tables to be published, and whether it holds."""
        counts = house.perform(expected.expect, context.partition_key)
        passed = dg.AssetCheckResult(check_name="held", passed=not counts["broken"], metadata=dict(counts))
        yield dg.MaterializeResult(metadata=dict(counts), check_results=[passed])

    @dg.asset(deps=[expectations], group_name="reports", kinds={"jinja"}, owners=TEAM, partitions_def=months)
    def reports(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
        """The month's pages for asset owners, finance and the auditor."""
        return _counted(house.perform(steps.render, context.partition_key))

    @dg.asset(deps=[reports], group_name="published", kinds={"duckdb"}, owners=TEAM, partitions_def=months)
    def published(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
        """The database for anyone's SQL, swapped whole."""
        return _counted(house.perform(steps.publish, context.partition_key))

    return [feeds, findings, exceptions, adjustments, figures, expectations, reports, published]


def _feed_spec(feed: Feed) -> dg.AssetSpec:
    system = re.split(r"[,:(]", feed.system)[0].strip().lower().replace(" ", "_")
    about_people = any(column.kind is Kind.PERSON or "email" in column.name for column in feed.columns)
    return dg.AssetSpec(
        feed.name,
        description=feed.doc,
        group_name=f"sources/{system}",
        kinds={"file", "duckdb"},
        owners=TEAM,
        tags={"pii": "true"} if about_people else {},
    )


def _feed_result(feed: Feed, pulled: Pulled) -> dg.MaterializeResult[None]:
    verdicts = pulled.sources.filter(pl.col("feed") == feed.name)
    refused = (verdicts["verdict"] == "RED").any()
    columns = [dg.TableColumn(c.name, c.kind.value, description=c.doc) for c in feed.columns]
    return dg.MaterializeResult(
        asset_key=feed.name,
        metadata={
            "dagster/row_count": pulled.rows[feed.name],
            "dagster/column_schema": dg.TableSchema(columns),
            "quarantined": int(verdicts["quarantined"].sum() or 0),
            "preview": dg.MetadataValue.md(_preview(feed, pulled.first[feed.name])),
        },
        check_results=[
            dg.AssetCheckResult(
                asset_key=feed.name,
                check_name="accepted",
                passed=bool((verdicts["verdict"] == "GREEN").all()),
                severity=dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
                metadata={name: int(verdicts[name].sum() or 0) for name in intake.CONSERVED},
            )
        ],
    )


def _preview(feed: Feed, rows: pl.DataFrame) -> str:
    """The first rows as Markdown, without the columns that could say who somebody is."""
    shown = rows.select(c.name for c in feed.columns if c.kind in SAFE_TO_SHOW and c.name in rows.columns)
    with pl.Config(
        tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_cols=-1
    ):
        return str(shown)


def _counted(counts: dict[str, int]) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata=dict(counts))
