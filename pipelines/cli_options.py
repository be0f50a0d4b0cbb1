"""Options that several commands take, and what they mean."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.workspace import Workspace

InWorkspace = Annotated[
    Path, typer.Option("-w", "--workspace", help="The workspace; the current directory by default.")
]
Stated = Annotated[str | None, typer.Option(help="The role they act in, as [roles] names it.")]
Taken = Annotated[
    str | None, typer.Option("--at", help="When it was taken, if not now: 2026-11-03 or 2026-11-03T12:00.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Answer as CSV.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def instant(workspace: "Workspace", at: str | None) -> datetime:
    """When a decision was taken: as stated, a day counting to its end, else now."""
    from pipelines.workspace import read_as_of

    if at is None:
        return datetime.now(UTC)
    try:
        return read_as_of(at, workspace.settings.zone)
    except ConfigError:
        raise ConfigError(f"--at {at!r} is not a date; write one like 2026-11-03 or 2026-11-03T12:00.") from None


def form(as_csv: bool, as_json: bool) -> Literal["csv", "json", "table"]:
    """How a table is answered; raises ConfigError where two ways are asked for."""
    if as_csv and as_json:
        raise ConfigError("--csv and --json exclude each other; name one.")
    return "csv" if as_csv else "json" if as_json else "table"
