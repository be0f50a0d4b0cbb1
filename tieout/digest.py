"""Fingerprints of tables: the same rows give the same one, on any machine and in any order."""

import hashlib
import json
from collections.abc import Mapping

import polars as pl

_AT_ONCE = 50_000  # rows whose text is held in memory together


def of_table(frame: pl.DataFrame) -> str:
    """The sha256, in hex, over a table's rows as canonical text, sorted; columns count by name, not by place."""
    texts = [_text(frame.schema[name], pl.col(name)).alias(name) for name in sorted(frame.columns)]
    sha256 = hashlib.sha256(json.dumps(sorted(frame.columns)).encode())
    rows = frame.select(pl.struct(texts).struct.json_encode().sort()) if texts else pl.DataFrame()
    for some in rows.iter_slices(_AT_ONCE):
        sha256.update(b"\n" + some.to_series().str.join("\n").item().encode())
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
