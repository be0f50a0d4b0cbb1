"""What changed between the published ends of two months."""

import polars as pl

from pipelines.errors import ConfigError
from pipelines.warehouse import query
from pipelines.workspace import Workspace, check_period
from tieout.findings import OPEN_STATUSES
from tieout.quoting import literal

_COLUMNS = ("rule", "subject", "severity", "owner", "value", "age_days")
_ORDER = {"new": 0, "reopened": 1, "resolved": 2, "aged": 3}


def difference(workspace: Workspace, earlier: str, later: str) -> pl.DataFrame:
    """One row an exception open at the end of either month, with `change`: new, reopened, resolved or aged.

    `new` was first found after the earlier month's end, `reopened` came back after having been settled, `resolved` is
    open no more, whatever the reason, `aged` was open at both ends. `from_status` and `status` are as at the two ends;
    null = not on the list. Raises ConfigError for months that are not published or not in order.
    """
    _hold(workspace, earlier, later)
    before, now = (_listed(workspace, period) for period in (earlier, later))
    was_open, is_open = (pl.col(status).is_in(OPEN_STATUSES).fill_null(False) for status in ("from_status", "status"))
    came_back = pl.col("recurrence") > pl.col("recurrence_before").fill_null(1)
    change = (
        pl.when(is_open & came_back).then(pl.lit("reopened"))
        .when(is_open & was_open).then(pl.lit("aged"))
        .when(is_open).then(pl.lit("new"))
        .otherwise(pl.lit("resolved"))
    )  # fmt: skip
    return (
        before.rename({"status": "from_status"})
        .join(now, on="exception_id", how="full", coalesce=True, suffix="_now")
        .rename({"recurrence": "recurrence_before", "recurrence_now": "recurrence"})
        .filter(was_open | is_open)
        .select(
            change.alias("change"),
            *(pl.coalesce(f"{name}_now", name).alias(name) for name in _COLUMNS[:2]),
            "from_status",
            "status",
            *(pl.coalesce(f"{name}_now", name).alias(name) for name in _COLUMNS[2:]),
            "exception_id",
        )
        .sort(pl.col("change").replace_strict(_ORDER), "rule", "subject", "exception_id")
    )


def _hold(workspace: Workspace, earlier: str, later: str) -> None:
    """Refuse months that cannot be compared."""
    if not workspace.published_database.exists():
        raise ConfigError(f"{workspace.root} has published nothing yet; run it first.")
    known = query(workspace.published_database, "SELECT DISTINCT period FROM rule_runs ORDER BY 1")["period"].to_list()
    for period in (earlier, later):
        if check_period(period) not in known:
            raise ConfigError(f"{period} is not published; the published months are {', '.join(known)}.")
    if earlier >= later:
        raise ConfigError(f"{earlier} is not before {later}; name the earlier month first.")


def _listed(workspace: Workspace, period: str) -> pl.DataFrame:
    columns = ", ".join(("exception_id", "status", "recurrence", *_COLUMNS))
    return query(workspace.published_database, f"FROM exceptions SELECT {columns} WHERE period = {literal(period)}")
