"""The figures of a period as controls: taken, graded, held against thresholds, and traced to their causes."""

import polars as pl

from tieout import escalations, metrics, root_causes, trust
from tieout.figures import Month

READS = (
    "exceptions", "exception_history", "memory_exceptions", "rule_runs", "devices", "people", "device_returns",
    "stock_positions", "disposals", "custody_changes", "requests", "product_claims", "involved", "savings",
)  # fmt: skip
"""Tables of the period that figures are taken from."""


def control(month: Month) -> dict[str, pl.DataFrame]:
    """Tables `metrics`, `trust`, `escalations` and `root_causes` of the period, and what the next must remember."""
    return {
        **escalations.watch(month.world, metrics.take(month)),
        "trust": trust.judge(month),
        **root_causes.trace(month),
    }
