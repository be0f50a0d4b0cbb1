"""The commands that hold what is kept against what was recorded, and make again what can be made again."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import AsJson, InWorkspace


def register(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.command()(verify)
    app.command()(rebuild)
    app.command()(purge)


def verify(workspace: InWorkspace = Path(), as_json: AsJson = False) -> None:
    """Hold landed files, decisions, sign-offs and the published tables against what was recorded of them.

    Each finding names the file, line or table. Exit code 0 = everything is as it was recorded, 1 = something is not,
    2 = bad usage or config.

    \b
    Examples:
      tieout verify -w books
      tieout verify -w books --json
    """
    from pipelines.answer import as_json_text
    from pipelines.verify import verify as hold
    from pipelines.workspace import Workspace

    findings = hold(Workspace.open(workspace))
    if as_json:
        typer.echo(as_json_text(findings), nl=False)
    else:
        for finding in findings:
            typer.echo(finding)
    typer.echo(f"findings: {len(findings)}", err=True)
    if findings:
        raise typer.Exit(1)


def rebuild(workspace: InWorkspace = Path()) -> None:
    """Make the databases and the reports again from what landed and what was decided, and nothing else.

    Every month is performed again in order: an open one under the config as it is now, a closed one under what was
    frozen when it was signed, and that must come to the signed results. Nothing is replaced before all is whole.
    Refuses when what landed, was decided or was signed is not as it was recorded (see `tieout verify`).
    Exit code 0 = done, 1 = refused or failed, and nothing changed, 2 = bad usage or config.

    \b
    Example:
      tieout rebuild -w books
    """
    from pipelines.rebuild import rebuild as make_again
    from pipelines.workspace import Workspace

    opened = Workspace.open(workspace)
    make_again(opened, lambda said: typer.echo(said, err=True))
    typer.echo(f"Database:  {opened.published_database}")


def purge(
    before: Annotated[str, typer.Option(help="The first month that stays as it is.", metavar="YYYY-MM")],
    reason: Annotated[str, typer.Option(help="Why it is done.")],
    approver: Annotated[str, typer.Option(help="The second person.")],
    who: Annotated[
        str | None, typer.Option("--by", help="Who asks for it; the user of the operating system by default.")
    ] = None,
    workspace: InWorkspace = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be purged.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget people: take away the files of old months, and whom their rows were about.

    What was dropped, landed, shown and signed of the months before is removed. Figures, rule runs, exceptions and
    events stay without personal fields; who is named in no later month is forgotten everywhere. The decisions of
    those months stay as tombstones in the chain. Such months can no longer be reproduced; `tieout verify` still holds.
    Months under `[retention] hold` are left alone, and so is what is younger than `evidence_years`.
    Exit code 0 = done, 1 = refused, 2 = bad usage or config.

    \b
    Examples:
      tieout purge -w books --before 2019-11 --by "Ada Byron" --approver "Bob Hill" --reason "retention" --dry-run
      tieout purge -w books --before 2019-11 --by "Ada Byron" --approver "Bob Hill" --reason "retention"
    """
    import getpass
    from datetime import UTC, datetime

    from pipelines import purge as purging
    from pipelines.answer import as_json_text
    from pipelines.decisions import Act
    from pipelines.workspace import Workspace

    opened, now = Workspace.open(workspace), datetime.now(UTC)
    if dry_run:
        found = purging.look(opened, before, now)
    else:
        found = purging.purge(opened, before, who or getpass.getuser(), approver, reason, Act(now, "cli"))
    if as_json:
        typer.echo(as_json_text(vars(found)), nl=False)
        return
    typer.echo(f"months: {', '.join(found.months) or 'none'}")
    typer.echo(f"held: {', '.join(found.held) or 'none'}")
    typer.echo(f"texts that name somebody: {found.people}")
