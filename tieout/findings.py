"""What judging leaves: the shapes of its tables, and the id of an exception."""

import hashlib
import json
from collections.abc import Mapping

import polars as pl

from tieout.feeds import SCALE
from tieout.rule import SEPARATOR

OPEN_STATUSES = ("open", "acknowledged", "in_progress", "waived", "disputed")
"""Statuses of an exception that still stands."""

BEFORE: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "exception_id": pl.String(), "subject": pl.String(), "subject_key": pl.String(),
    "keys": pl.String(), "status": pl.String(), "since_on": pl.Date(), "asset_class": pl.String(),
    "opened_on": pl.Date(),
}  # fmt: skip
"""What a run needs to know of the exceptions at the end of the latest earlier period."""

FINDINGS: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "exception_id": pl.String(), "subject": pl.String(), "subject_key": pl.String(),
    "outcome": pl.String(), "why": pl.String(), "keys": pl.String(), "subject_type": pl.String(),
    "asset_class": pl.String(), "severity": pl.String(), "owner": pl.String(), "process": pl.String(),
    "remedy": pl.String(), "value": pl.Decimal(38, SCALE), "value_kind": pl.String(),
    "amount": pl.Decimal(38, SCALE), "currency": pl.String(), "since_on": pl.Date(), "evidence": pl.String(),
    "sources": pl.List(pl.String),
}  # fmt: skip
"""One row a subject that fired, was overtaken or exempt, or was open before; `sources` has what spoke for it.

`outcome` is fired, superseded or exempt; and for exceptions open before: held (no answer), clean or gone.
"""

RULE_RUNS: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "rule_hash": pl.String(), "params": pl.String(), "population": pl.Int64(),
    "fired": pl.Int64(), "superseded": pl.Int64(), "exempt": pl.Int64(), "clean": pl.Int64(), "unknown": pl.Int64(),
    "not_evaluated": pl.Int64(), "value": pl.Decimal(38, SCALE), "reason": pl.String(),
}  # fmt: skip
"""One row a rule: how its population divides, what fired is worth, and why it could not be put at all."""

QUIET: Mapping[str, pl.DataType] = {
    "rule": pl.String(), "subject_key": pl.String(), "since_on": pl.Date(), "found": pl.Boolean(),
}  # fmt: skip
"""What a rule on events has to look at again: found but exempt, overtaken or switched off, or never judged.

Never judged, `found` is false, is what came while a feed that the answer rests on was not alive. The record may be of
any month, so that the rule would not look at it again by itself once that is over.
"""

INVOLVED: Mapping[str, pl.DataType] = {"exception_id": pl.String(), "person_id": pl.String(), "product": pl.String()}
"""One row a finding that is about a person or a product, beside its subject."""


def exception_id(rule: str, subject_key: str) -> str:
    """The id of an exception: the same next month, from nothing volatile."""
    canonical = json.dumps([rule, *subject_key.split(SEPARATOR)], ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def as_quiet(findings: pl.DataFrame) -> pl.DataFrame:
    """Findings as rows of `QUIET`."""
    return findings.select(pl.lit(True).alias(name) if name == "found" else pl.col(name) for name in QUIET)
