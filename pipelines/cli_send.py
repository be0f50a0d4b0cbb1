"""The commands that bring a month to people: mails and chat, and the report on one's own screen."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli_options import AsJson, InWorkspace, instant
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.workspace import Workspace

ForPeriod = Annotated[
    str | None,
    typer.Option("--period", help="A month like 2026-10; the newest published by default.", metavar="YYYY-MM"),
]


def register(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.command()(send)
    app.command("open")(open_page)


def send(
    workspace: InWorkspace = Path(),
    period: ForPeriod = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the mails.")] = False,
    at: Annotated[
        str | None, typer.Option("--at", help="Count reminders to this day instead of today.", metavar="DATE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell people of a month: each owner their pack, finance the reclaim, breaches to who answers, once each.

    Run it again any day: it sends what was not sent yet, and reminds owners who have answered nothing, by the ladder
    `remind_after` of [notify]. Exit code 0 = done, 1 = something could not be sent, 2 = bad usage or config.

    \b
    Examples:
      tieout send --dry-run -w books
      tieout send -w books
      tieout send -w books --period 2026-10 --at 2026-11-20
    """
    import polars as pl

    from pipelines.answer import as_json_text, as_text
    from pipelines.notices import due
    from pipelines.sending import SENT, as_outcome, deliver, sent
    from pipelines.workspace import Workspace

    opened = Workspace.open(workspace)
    now = instant(opened, at)
    found = due(opened, _published(opened, period), sent(opened), now)
    if dry_run:
        if as_json:
            messages = [{**asdict(one), "files": [path.name for path in one.files]} for one in found.messages]
            typer.echo(as_json_text(messages), nl=False)
        else:
            for one in found.messages:
                files = "".join(f"\nAttached: {path.name}" for path in one.files)
                typer.echo(f"To: {', '.join(one.to)}\nSubject: {one.subject}{files}\n\n{one.text}\n")
        outcomes = [as_outcome(one, "not sent: a dry run") for one in found.messages]
    else:
        outcomes = deliver(opened, found.messages, now)
        if outcomes:
            typer.echo(as_text(pl.DataFrame(outcomes), "json" if as_json else "table", "outcome"), nl=False)
    for sentence in found.unreachable:
        typer.echo(f"tieout: {sentence}", err=True)
    count = sum(one.outcome == SENT for one in outcomes)
    typer.echo(f"{len(outcomes)} to send, {count} sent{'' if not dry_run else '; this was a dry run'}.", err=True)
    if not dry_run and count < len(outcomes):
        raise typer.Exit(1)


def open_page(
    page: Annotated[str, typer.Argument(metavar="[PAGE]", help="index, reconciliation, reclaim, audit …")] = "index",
    workspace: InWorkspace = Path(),
    period: ForPeriod = None,
    path_only: Annotated[bool, typer.Option("--path", help="Only say where it is.")] = False,
) -> None:
    """Open a page of the report in the browser.

    \b
    Examples:
      tieout open -w books
      tieout open reclaim -w books --period 2026-09
      tieout open owners/it-assets -w books --path
    """
    import webbrowser

    from pipelines.workspace import Workspace

    opened = Workspace.open(workspace)
    folder = opened.reports / _published(opened, period)
    path = folder / f"{page.removesuffix('.html')}.html"
    if not path.is_file():
        there = ", ".join(sorted(one.relative_to(folder).as_posix()[:-5] for one in folder.rglob("*.html")))
        raise ConfigError(f"{path} is no page; {f'those there are: {there}' if there else 'run the month first'}.")
    typer.echo(str(path))
    if not path_only and not webbrowser.open(path.resolve().as_uri()):
        typer.echo("tieout: no browser could be opened here; open the file yourself.", err=True)


def _published(workspace: "Workspace", period: str | None) -> str:
    from pipelines.decisions import latest_published
    from pipelines.workspace import check_period

    chosen = latest_published(workspace) if period is None else check_period(period)
    if chosen is None:
        raise ConfigError(f"{workspace.root} has published nothing yet; run it first.")
    return chosen
