"""The commands about sources: which systems there are, one pulled now, and whether all would answer."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import AsJson, InWorkspace


def register(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.command()(sources)
    app.command()(pull)
    app.command()(doctor)


def sources(
    system: Annotated[str | None, typer.Argument(metavar="[SYSTEM]", help="One system, like okta.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the systems that can be a source, and what each connector was tested against; or show one.

    \b
    Examples:
      tieout sources
      tieout sources okta
      tieout sources --json
    """
    import polars as pl

    from pipelines.answer import as_json_text, as_page, as_text
    from pipelines.support import described, listed

    if system:
        answer = described(system)
        typer.echo(as_json_text(answer) if as_json else as_page(answer), nl=False)
        return
    typer.echo(as_text(pl.DataFrame(listed()), "json" if as_json else "table"), nl=False)


def pull(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A source of the config that is asked over the network.")
    ],
    workspace: InWorkspace = Path(),
    period: Annotated[str | None, typer.Option("--period", help="A month like 2026-10.", metavar="YYYY-MM")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Pull and judge, but keep nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Pull one source now, whole, and tell what came.

    With --dry-run nothing is kept. Without it the month, which must have run before, has the source's delivery anew;
    the next `tieout run` takes it in. A pull that is not whole replaces none that is. Exit code 0 = done,
    1 = failed, 2 = bad usage or config, 3 = it would not be accepted.

    \b
    Examples:
      tieout pull okta-prod -w books --dry-run
      tieout pull okta-prod -w books --period 2026-10
    """
    from pipelines.answer import as_json_text, as_page
    from pipelines.cli import NOT_ACCEPTED, show_progress
    from pipelines.pulling import live_source, look, pull_again
    from pipelines.workspace import Workspace

    show_progress(quiet=False)
    opened = Workspace.open(workspace)
    found = live_source(opened, source)
    if not dry_run:
        fetched, counts = pull_again(opened, found, period)
        stands = "" if counts else "; the whole pull from before stands"
        typer.echo(f"{found.feed}/{found.name}: {fetched.outcome}{f', {fetched.why}' if fetched.why else ''}{stands}")
        if fetched.outcome in ("failed", "missing") or not counts:
            raise typer.Exit(NOT_ACCEPTED)
        return
    seen = look(opened, found, period)
    answer = seen.as_answer()
    typer.echo(as_json_text(answer) if as_json else as_page(answer), nl=False)
    if seen.verdict.color == "RED":
        raise typer.Exit(NOT_ACCEPTED)


def doctor(
    workspace: InWorkspace = Path(),
    offline: Annotated[bool, typer.Option("--offline", help="Ask no source over the network.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what would make a run fail, and say what to do about it.

    Versions, disk, and each source: whether its credential is there (it is never shown), whether it answers, what it
    does not permit, how far its clock is off, and whether its first page can be read.
    Exit code 0 = no problem, 1 = some, 2 = bad usage or config.

    \b
    Examples:
      tieout doctor -w books
      tieout doctor -w books --offline
      tieout doctor -w books --json
    """
    from dataclasses import asdict

    from pipelines.answer import as_json_text
    from pipelines.doctor import examine
    from pipelines.workspace import Workspace

    findings = list(examine(Workspace.open(workspace), offline=offline))
    if as_json:
        typer.echo(as_json_text([asdict(finding) for finding in findings]), nl=False)
    else:
        for finding in findings:
            typer.echo(f"{finding.state:<8} {finding.about}: {finding.said}{f'; {finding.fix}' if finding.fix else ''}")
    problems = sum(finding.state == "problem" for finding in findings)
    typer.echo(f"problems: {problems}", err=True)
    if problems:
        raise typer.Exit(1)
