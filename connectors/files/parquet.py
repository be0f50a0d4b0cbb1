"""Reads Parquet files."""

from pathlib import Path

import polars as pl
from polars.datatypes import DataTypeClass

from connectors.files.errors import FileError
from connectors.files.sheet import Sheet, named, set_aside
from tieout.settings import Source


def read_parquet(path: Path, source: Source) -> Sheet:
    """Records of a Parquet file: decimals exact, dates and instants ISO, nested values as compact JSON text."""
    try:
        table = pl.read_parquet(path, hive_partitioning=False, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileError("it is no readable Parquet file; is it damaged or cut off?") from error
    names = named(table.columns, source.limits)
    mark = source.decimal_separator
    rows = table.select(_typed_as_text(pl.col(name), dtype, mark) for name, dtype in table.schema.items())
    rows = rows.with_row_index("_row", offset=1).select(*names, pl.col("_row").cast(pl.Int64))
    return Sheet(rows, set_aside([]), table.height)


def _typed_as_text(value: pl.Expr, dtype: pl.DataType, mark: str) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if dtype.time_zone else ""))
    if dtype.is_float():  # a column of whole numbers with gaps comes as floats: 12.0 is 12, NaN is a gap
        text = value.fill_nan(None).cast(pl.String)
        return text.str.strip_suffix(".0").str.replace(".", mark, literal=True)
    if dtype.is_decimal():
        return value.cast(pl.String).str.replace(".", mark, literal=True)
    if isinstance(dtype, pl.Duration):
        return value.dt.to_string("iso")
    if dtype.is_nested():
        member = (
            pl.struct(_without_bytes(value, dtype).alias("_")).struct.json_encode().str.slice(len('{"_":')).str.head(-1)
        )
        return pl.when(value.is_not_null()).then(member).alias(value.meta.output_name())
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("hex")
    return value.cast(pl.String)


def _without_bytes(value: pl.Expr, dtype: pl.DataType | DataTypeClass) -> pl.Expr:
    """A nested value with its bytes in hex, because JSON knows none."""
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("hex")
    if isinstance(dtype, pl.List | pl.Array):
        inner = _without_bytes(pl.element(), dtype.inner)
        return (value if isinstance(dtype, pl.List) else value.arr.to_list()).list.eval(inner)
    if isinstance(dtype, pl.Struct):
        fields = [_without_bytes(value.struct.field(f.name), f.dtype).alias(f.name) for f in dtype.fields]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    return value
