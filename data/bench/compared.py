"""The register held against device management by datacompy, for `make bench`: prints the seconds that it took.

It runs in an environment of its own, because it asks for another Polars than Tieout does; so nothing of the house is
imported here.
"""

import sys
import time
from pathlib import Path

import polars as pl
from datacompy import PolarsCompare


def main() -> None:
    """Join the registered devices with the managed ones of an inbox, by serial."""
    inbox = Path(sys.argv[1])
    register, managed = (
        pl.concat(pl.read_parquet(path) for path in sorted(inbox.glob(f"{feed}.*.parquet")))
        for feed in ("assets", "endpoints")
    )
    began = time.perf_counter()
    compared = PolarsCompare(register, managed, join_columns="serial", df1_name="register", df2_name="managed")
    found = (compared.df1_unq_rows.height, compared.df2_unq_rows.height)
    sys.stdout.write(f"{time.perf_counter() - began}\n")
    sys.stderr.write(f"only registered, only managed: {found}\n")


if __name__ == "__main__":
    main()
