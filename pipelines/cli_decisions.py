"""The commands with which people decide, and with which they see what changed between two months."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli_options import AsCsv, AsJson, InWorkspace, Stated, Taken, form, instant

if TYPE_CHECKING:
    from pipelines.decisions import Receipt
    from pipelines.workspace import Workspace

decisions = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="List the decisions recorded so far, or import a reviewed file of them.",
)


def register(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.command()(decide)
    app.command()(diff)
    app.add_typer(decisions, name="decisions")


def decide(
    exceptions: Annotated[
        list[str], typer.Argument(metavar="ID", help="Exceptions or policy changes; the beginning of an id will do.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="KIND",
            help="acknowledge, assign, keep, waive, accept, dispute, approve, release, realise or correct.",
        ),
    ],
    who: Annotated[str, typer.Option("--by", help="Who decides: a name or an e-mail address.")],
    workspace: InWorkspace = Path(),
    role: Stated = None,
    reason: Annotated[str | None, typer.Option(help="A reason code.")] = None,
    comment: Annotated[str | None, typer.Option(help="Free text.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day a waiver, or a kept seat, holds.", metavar="DATE")] = None,
    approver: Annotated[str | None, typer.Option(help="The second person, to waive or accept.")] = None,
    to: Annotated[str | None, typer.Option(help="Who is to see to it, to assign.", metavar="OWNER")] = None,
    document: Annotated[str | None, typer.Option(help="What proves it, to realise.")] = None,
    corrects: Annotated[str | None, typer.Option(help="The decision this one takes back, like D12.")] = None,
    at: Taken = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be recorded.")] = False,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Record a decision about one or more exceptions: of all, or of none.

    Decisions are only ever added; one is corrected by another that names it. They count from the run of the month in
    which they were taken. Exit code 0 = recorded, 1 = refused, 2 = bad usage or config.

    \b
    Examples:
      tieout decide 4f1c --as acknowledge --by ada@example.org -w books
      tieout decide 4f1c 88d0 --as assign --by ada@example.org --to it-assets -w books
      tieout decide 4f1c --as waive --until 2027-01-31 --by ada@example.org --approver "Bob Roe" -w books
      tieout decide 4f1c --as correct --corrects D12 --by ada@example.org -w books
    """
    from pipelines.decisions import Act, as_asked, record
    from pipelines.workspace import Workspace

    opened = Workspace.open(workspace)
    said = {
        "kind": kind, "who": who, "role": role, "reason": reason, "comment": comment, "until": until,
        "approver": approver, "owner": to, "document": document, "corrects": corrects,
    }  # fmt: skip
    asked = [as_asked(number, {**said, "exception_id": one}) for number, one in enumerate(exceptions, 1)]
    act = Act(instant(opened, at), "cli")
    _show(opened, record(opened, asked, act, dry_run=dry_run), act.at, dry_run, as_csv, as_json)


@decisions.command("list")
def list_decisions(workspace: InWorkspace = Path(), as_csv: AsCsv = False, as_json: AsJson = False) -> None:
    """Show every decision recorded so far, oldest first, after checking that none was changed.

    \b
    Examples:
      tieout decisions list -w books
      tieout decisions list -w books --csv > decisions.csv
    """
    import polars as pl

    from pipelines.answer import as_text
    from pipelines.decisions import read
    from pipelines.workspace import Workspace
    from tieout.chain import head
    from tieout.decisions import as_frame, in_words

    log = read(Workspace.open(workspace))
    frame = as_frame(log)
    if not as_csv and not as_json:
        frame = frame.select(pl.format("D{}", "seq").alias("no"), "at", "exception_id", in_words().alias("decision"))
    typer.echo(as_text(frame, form(as_csv, as_json)), nl=False)
    typer.echo(f"{len(log)} decisions, chain head {head(log)[:16]}", err=True)


@decisions.command("import")
def import_decisions(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, XLSX or JSON, one decision a row.")],
    workspace: InWorkspace = Path(),
    who: Annotated[str | None, typer.Option("--by", help="Who decided, for rows that do not say.")] = None,
    role: Stated = None,
    at: Taken = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be recorded.")] = False,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Record the decisions of a reviewed file: all of them, or none when one is refused; a receipt for every row.

    Columns, in any order: exception_id, decision, and where they apply by, role, reason, comment, until, approver, to,
    document, corrects, period. Other columns are left alone; a row without a decision asks for nothing. The file is
    kept by its sha256 under decisions/imports. Exit code 0 = recorded, 1 = refused, 2 = bad usage or config.

    \b
    Examples:
      tieout decisions import reviewed.xlsx --dry-run -w books
      tieout decisions import reviewed.xlsx --by ada@example.org -w books
    """
    from pipelines.decisions import Act, import_file
    from pipelines.workspace import Workspace

    opened = Workspace.open(workspace)
    act = Act(instant(opened, at), "import")
    receipts = import_file(opened, file, act, who=who, role=role, dry_run=dry_run)
    _show(opened, receipts, act.at, dry_run, as_csv, as_json)


def diff(
    earlier: Annotated[str, typer.Argument(metavar="P1", help="A month like 2026-09.")],
    later: Annotated[str, typer.Argument(metavar="P2", help="A later month.")],
    workspace: InWorkspace = Path(),
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Show what is new, reopened, resolved or aged between the ends of two months.

    \b
    Examples:
      tieout diff 2026-09 2026-10 -w books
      tieout diff 2026-07 2026-10 -w books --csv > changes.csv
    """
    from pipelines.answer import as_text
    from pipelines.difference import difference
    from pipelines.workspace import Workspace

    changes = difference(Workspace.open(workspace), earlier, later)
    typer.echo(as_text(changes, form(as_csv, as_json)), nl=False)
    counts = changes["change"].value_counts().sort("change").iter_rows()
    typer.echo(
        f"{earlier} to {later}: " + (", ".join(f"{n} {change}" for change, n in counts) or "no change"), err=True
    )


def _show(
    workspace: "Workspace", receipts: "list[Receipt]", at: datetime, dry_run: bool, as_csv: bool, as_json: bool
) -> None:
    """Print the receipts, and what came of them in one line; leave with 1 when one was refused."""
    from pipelines.answer import as_text
    from pipelines.decisions import ACCEPTED, REFUSED, as_receipts, counts_from

    typer.echo(as_text(as_receipts(receipts), form(as_csv, as_json), "said"), nl=False)
    refused = [receipt for receipt in receipts if receipt.outcome == REFUSED]
    accepted = sum(receipt.outcome == ACCEPTED for receipt in receipts)
    if refused:
        first = refused[0]
        typer.echo(
            f"tieout: nothing was recorded: {len(refused)} of {len(receipts)} refused; "
            f"{first.exception_id or f'row {first.row}'}: {first.said}.",
            err=True,
        )
        raise typer.Exit(1)
    if dry_run:
        typer.echo(f"{accepted} would be recorded; nothing was.", err=True)
        return
    month = counts_from(workspace, at)
    typer.echo(f"Recorded {accepted}; they count from the run of {month} on.", err=True)
