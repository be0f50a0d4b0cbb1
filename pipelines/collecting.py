"""Takes in the files of decisions that people put into `decisions/returned/`, each with its receipts beside it."""

from datetime import datetime
from pathlib import Path

import polars as pl

from pipelines.answer import as_text
from pipelines.decisions import REFUSED, Act, Receipt, as_receipts, import_file, log_of
from pipelines.errors import ConfigError
from pipelines.whole import write_whole
from pipelines.workspace import Workspace

SUFFIXES = (".csv", ".xlsx", ".json", ".jsonl")
RECEIPTS = ".receipts.csv"
IMPORTED = "imported"


def waiting(workspace: Workspace) -> list[Path]:
    """Files that came back and are not taken in; receipts and what was taken in are none."""
    files = _folder(workspace).glob("*")
    return sorted(path for path in files if path.suffix.lower() in SUFFIXES and not path.name.endswith(RECEIPTS))


def imported(workspace: Workspace) -> list[Path]:
    """Files that were taken in."""
    return sorted((_folder(workspace) / IMPORTED).glob("*"))


def receipts_of(workspace: Workspace, path: Path) -> Path:
    """Where the receipts of a file that came back lie."""
    return _folder(workspace) / f"{path.name}{RECEIPTS}"


def collect(workspace: Workspace, path: Path, now: datetime) -> list[Receipt]:
    """Record all decisions of a file, or none, and leave a receipt for every row beside it.

    A file that was taken in moves to `imported/`; one that was refused stays, to be corrected. Raises ConfigError when
    it cannot be used as a whole, and leaves that sentence as its receipt.
    """
    receipts_at = receipts_of(workspace, path)
    try:
        receipts = import_file(workspace, path, Act(now, "import"), who=None, role=None)
    except ConfigError as problem:
        write_whole(receipts_at, as_text(pl.DataFrame({"said": [str(problem)]}), "csv").encode())
        raise
    write_whole(receipts_at, as_text(as_receipts(receipts), "csv").encode())
    if all(receipt.outcome != REFUSED for receipt in receipts):
        done = path.parent / IMPORTED / path.name
        done.parent.mkdir(exist_ok=True)
        path.replace(done)
    return receipts


def _folder(workspace: Workspace) -> Path:
    return log_of(workspace).parent / "returned"
