"""Fingerprints of tables: the same rows in the same order give the same one, on any machine."""

import hashlib
import json
from collections.abc import Mapping

import polars as pl

WAY = 2
"""Counts the ways in which fingerprints of tables were ever made: those of another are not to be compared."""
_AT_ONCE = 200_000  # rows whose text is held in memory together


def of_table(frame: pl.DataFrame) -> str:
    """The sha256, in hex, over a table's rows as lines of quoted text; columns count by name, not by place.

    Every table is sorted before it is written, so that the same records always give the same rows in the same order.
    """
    texts = [_text(frame.schema[name], pl.col(name)).alias(name) for name in sorted(frame.columns)]
    sha256 = hashlib.sha256(json.dumps(sorted(frame.columns)).encode())
    for some in frame.iter_slices(_AT_ONCE):
        lines = some.select(texts).write_csv(include_header=False, quote_style="non_numeric")  # null is not quoted
        sha256.update(lines.encode())
    return sha256.hexdigest()


def of_tables(tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """The fingerprint of each table, by name."""
    return {name: of_table(tables[name]) for name in sorted(tables)}


def of_value(said: object) -> str:
    """The sha256, in hex, over something JSON can say."""
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def canonical(said: object) -> str:
    """The one text of something JSON can say."""
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _text(dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    if isinstance(dtype, pl.List):
        return pl.when(value.is_not_null()).then(pl.format("[{}]", value.cast(pl.List(pl.String)).list.join("\x1f")))
    if isinstance(dtype, pl.Datetime):
        return value.dt.epoch("us").cast(pl.String)
    return value.cast(pl.String)
