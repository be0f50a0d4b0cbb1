"""Measures a month on large companies: `make bench`, or `python -m data.bench S M L --times 3`.

Every figure is a ratio of two measurements of one run on one machine, medians of several; `build/bench/result.json`
keeps the seconds of each size, `docs/performance.md` shows the tables. Whatever is compared in time must have found the
same, row for row.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from data.bench import company, measure, names
from pipelines.workspace import Workspace

COPIES = {"S": 5, "M": 48, "L": 480}
"""How many copies of the sample company make a size: some 2,000, 20,000 and 200,000 people."""
NOT_OF_L = {"second", "history", "command", "csv"}
"""What is not measured of the largest size, a month of which takes minutes."""
BUILD, PAGE = Path("build/bench"), Path("docs/performance.md")


def main() -> None:
    """Generate, measure, compare, write."""
    parser = argparse.ArgumentParser(prog="python -m data.bench", description=__doc__)
    parser.add_argument("sizes", nargs="*", default=["S", "M"], choices=[*COPIES], metavar="SIZE")
    parser.add_argument("--times", type=int, default=3, help="how often each measurement is taken")
    asked = parser.parse_args()
    kept = BUILD / "result.json"
    results = json.loads(kept.read_bytes()) if kept.exists() else {}
    for size in asked.sizes:
        results[size] = _measured(size, asked.times)
        kept.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(_page({size: results[size] for size in COPIES if size in results}), encoding="utf-8")
    sys.stdout.write(PAGE.read_text(encoding="utf-8"))


def _measured(size: str, times: int) -> dict[str, Any]:
    """Medians of one size; raises SystemExit where two ways of asking the same did not find the same."""
    workspace = BUILD / size
    if not workspace.exists():
        company.write(workspace, COPIES[size])
    whats = [what for what in (*measure.MEASURED, "csv", "datacompy") if size != "L" or what not in NOT_OF_L]
    taken: dict[str, list[dict[str, Any]]] = {what: [] for what in whats}
    for _ in range(times):
        for what, measurements in taken.items():
            sys.stderr.write(f"{size} {what}\n")
            measurements.append(_taken(what, size))
    _hold_exact(workspace, COPIES[size])
    for ours, theirs in (("rules", "sql"), ("five", "script")):
        found, wanted = taken[ours][0]["found"], taken[theirs][0]["found"]
        differ = [rule for rule in wanted if found[rule] != wanted[rule]]
        if differ:
            raise SystemExit(f"{size}: {ours} and {theirs} did not find the same: {', '.join(differ)}")
    names = {name for one in taken.values() for name in one[0]["times"]}
    seconds = {
        name: {
            kind: median(m["times"][name][kind] for one in taken.values() for m in one if name in m["times"])
            for kind in ("wall", "cpu")
        }
        for name in sorted(names)
    }
    peak = {what: max(m["peak_mb"] for m in one) for what, one in taken.items()}
    rows = sum(_rows(path) for path in (workspace / "inbox" / measure.PERIOD).iterdir())
    found = sum(len(subjects) for subjects in taken["rules"][0]["found"].values())
    return {"rows": rows, "found": found, "times": times, "seconds": seconds, "peak_mb": peak}


def _taken(what: str, size: str) -> dict[str, Any]:
    """One measurement of one size."""
    workspace = BUILD / size
    if what == "datacompy":
        python = "build/compare/bin/python"
        asked = [python, "-W", "ignore", "data/bench/compared.py", str(workspace / "inbox" / measure.PERIOD)]
        told = subprocess.run(asked, check=True, capture_output=True, text=True)
        return {"times": {what: {"wall": float(told.stdout), "cpu": float(told.stdout)}}, "peak_mb": 0}
    if what == "csv":
        in_csv = BUILD / f"{size}-csv"
        if not in_csv.exists():
            company.write(in_csv, COPIES[size], "csv", (measure.PERIOD,))
        measured = _one("month", in_csv)
        return measured | {"times": {what: measured["times"]["month"]}}
    return _one(what, workspace)


def _hold_exact(workspace: Path, copies: int) -> None:
    """Raise SystemExit where the month measured last found other than what is found in every copy by itself."""
    alone = BUILD / "alone"
    if not alone.exists():
        company.write(alone, 1)
    _one("month", alone)
    once, often = (company.found(Workspace.open(one), measure.PERIOD) for one in (alone, workspace))
    if not often.equals(once.with_columns(pl.col("copies") * copies)):
        raise SystemExit(f"{workspace}: what is found is not {copies} times what is found in one company")


def _one(what: str, workspace: Path) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "data.bench.measure", what, str(workspace)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return result


def _rows(path: Path) -> int:
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())


def _page(results: dict[str, Any]) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    lines = [
        "# Performance",
        "",
        f"Made by `make bench` on {os.cpu_count()} cores and {memory} GB. The companies are the sample company 5, 48 "
        "or 480 times over, every copy with names of its own, and with devices, orders and seats that nothing is wrong "
        "with, until there are five devices and fifty seats for each of its people; so what there is to find is known. "
        "Of L the second month, the history, CSV and Dagster are not measured.",
        "",
        "| | aim | " + " | ".join(results) + " |",
        "| --- | ---: |" + " ---: |" * len(results),
    ]
    rows: list[tuple[str, str, Any]] = [
        ("medians of so many measurements", "", lambda r: r["times"]),
        ("rows delivered in the month", "", lambda r: f"{r['rows']:,}"),
        ("a month, seconds of wall (of CPU)", "", lambda r: _both(r, "month")),
        *((f"– {step.__name__}", "", lambda r, name=step.__name__: _both(r, name)) for step in measure.STEPS),
        ("peak memory of the month, MB", "≤ 8,000", lambda r: f"{r['peak_mb']['month']:,}"),
        (
            "month ÷ floor (the same inputs read and the same outputs written once)",
            "≤ 5",
            lambda r: _ratio(r, "month", "floor"),
        ),
        ("a month from CSV ÷ from Parquet files", "", lambda r: _ratio(r, "csv", "month")),
        ("the second month ÷ the first, in CPU", "≤ 1.3", lambda r: _ratio(r, "second", "month", "cpu")),
        ("that with 36 months behind it ÷ with one", "≤ 1.2", lambda r: _ratio(r, "history", "second")),
        ("`tieout run` ÷ the same steps without Dagster", "≤ 3", lambda r: _ratio(r, "command", "month")),
        ("`tieout --help` ÷ `import typer`", "≤ 3", lambda r: _ratio(r, "help", "typer")),
        ("twelve rules ÷ the same as hand-written SQL, findings equal", "≤ 1.5", lambda r: _ratio(r, "rules", "sql")),
        (
            "pandas script for five rules ÷ the same five rules, findings equal",
            "≥ 5",
            lambda r: _ratio(r, "script", "five"),
        ),
        (
            "datacompy, register against device management ÷ our two rules of it, with evidence and owners",
            "≥ 1",
            lambda r: _ratio(r, "datacompy", "managed"),
        ),
    ]
    lines += [
        f"| {name} | {aim} | " + " | ".join(str(cell(result)) for result in results.values()) + " |"
        for name, aim, cell in rows
    ]
    if {"M", "L"} <= results.keys():
        grew = results["L"]["seconds"]["month"]["wall"] / results["M"]["seconds"]["month"]["wall"]
        lines += ["", f"Ten times the rows take {grew:.1f} times as long (L against M; at most 12 is the aim)."]
    if names.WRITTEN.exists():
        told = (
            "Names that suggest people, on the Febrl data set 4 (`make bench-names`), beside Splink on the same blocks:"
        )
        lines += ["", told, "", names.WRITTEN.read_text(encoding="utf-8").rstrip()]
    return "\n".join(lines) + "\n"


def _both(result: dict[str, Any], name: str) -> str:
    seconds = result["seconds"][name]
    return f"{seconds['wall']:.1f} ({seconds['cpu']:.1f})"


def _ratio(result: dict[str, Any], one: str, other: str, kind: str = "wall") -> str:
    if one not in result["seconds"]:
        return ""
    return f"{result['seconds'][one][kind] / result['seconds'][other][kind]:.2f}"


if __name__ == "__main__":
    main()
