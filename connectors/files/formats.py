"""The formats that files may have, by what declares them, and by how their names end."""

from collections.abc import Callable, Mapping
from pathlib import Path

from connectors.files.delimited import read_csv
from connectors.files.excel import read_xlsx
from connectors.files.json_lines import read_jsonl
from connectors.files.parquet import read_parquet
from connectors.files.sheet import Sheet
from tieout.settings import Source

READERS: Mapping[str, Callable[[Path, Source], Sheet]] = {
    "csv": read_csv,
    "xlsx": read_xlsx,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}
SUFFIXES = {f".{name}": name for name in READERS}
