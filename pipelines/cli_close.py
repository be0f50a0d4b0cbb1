"""The commands with which a month is signed off, opened again, and a delivery is taken as it is."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import AsJson, InWorkspace, Stated, Taken, instant

Period = Annotated[str, typer.Argument(metavar="PERIOD", help="A month like 2026-10.")]
Preparer = Annotated[str, typer.Option(help="Who prepared it: a name or an e-mail address.")]
Reviewer = Annotated[str, typer.Option(help="Who reviewed it, somebody else.")]


def register(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.command()(close)
    app.command()(reopen)
    app.command()(accept)


def close(
    period: Period,
    preparer: Preparer,
    reviewer: Reviewer,
    workspace: InWorkspace = Path(),
    role: Stated = None,
    at: Taken = None,
    as_json: AsJson = False,
) -> None:
    """Sign off a month: freeze what came, the rules, the decisions and the results under one content hash.

    Refuses, and says all that stands in the way, while a required source is missing or refused without an override, an
    identity fails, a critical exception is past due undecided, a loosening change of policy is not approved, or the
    reclaim is not signed (`tieout decide reclaim/2026-10 --as approve`). Accepted shortfalls are printed as conditions.
    Exit code 0 = closed, 1 = refused, 2 = bad usage or config.

    \b
    Examples:
      tieout close 2026-10 --preparer ada@example.org --reviewer "Bob Roe" -w books
    """
    from pipelines.closed import manifest_of
    from pipelines.closing import close as sign_off
    from pipelines.decisions import Act
    from pipelines.workspace import Workspace, check_period

    opened = Workspace.open(workspace)
    act = Act(instant(opened, at), "cli")
    closing = sign_off(opened, check_period(period), preparer, reviewer, act, role)
    conditions = manifest_of(opened, closing).conditions
    if as_json:
        said = {"period": period, "version": closing.version, "content": closing.content, "conditions": conditions}
        typer.echo(json.dumps(said, indent=1))
        return
    typer.echo(f"{period} is closed, version {closing.version}, content {closing.content}")
    for condition in conditions:
        typer.echo(f"Condition: {condition}")


def reopen(
    period: Period,
    preparer: Preparer,
    reviewer: Reviewer,
    reason: Annotated[str, typer.Option(help="Why it has to change.")],
    workspace: InWorkspace = Path(),
    role: Stated = None,
    at: Taken = None,
) -> None:
    """Let a closed month change again; what was signed is kept beside what will be.

    \b
    Examples:
      tieout reopen 2026-10 --preparer ada@example.org --reviewer "Bob Roe" --reason "wrong rates" -w books
    """
    from pipelines.closing import reopen as take_back
    from pipelines.decisions import Act
    from pipelines.workspace import Workspace, check_period

    opened = Workspace.open(workspace)
    act = Act(instant(opened, at), "cli")
    closing = take_back(opened, check_period(period), preparer, reviewer, act, role, reason)
    typer.echo(f"{period} is open again; version {closing.version} is kept in {closing.kept_in(opened)}")


def accept(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source as `feed/source`, or its name alone.")],
    period: Annotated[str, typer.Option("--period", help="The first month it holds for.", metavar="YYYY-MM")],
    reason: Annotated[str, typer.Option(help="Why the delivery is right although a bound says otherwise.")],
    approver: Annotated[str, typer.Option(help="The second person.")],
    until: Annotated[
        str, typer.Option(help="The last day on which a month may end that it holds for.", metavar="DATE")
    ],
    who: Annotated[
        str | None, typer.Option("--by", help="Who asks for it; the user of the operating system by default.")
    ] = None,
    workspace: InWorkspace = Path(),
    role: Stated = None,
    at: Taken = None,
) -> None:
    """Take a delivery as it is: override the bounds it broke, by two people, with a reason and an end.

    It lifts an AMBER verdict to GREEN where nothing else is wrong than what is wrong now. A RED or missing delivery
    stays unused, but no longer keeps the month from being closed. It counts from the next run of the month, and is
    told in every report of it. Exit code 0 = recorded, 1 = refused, 2 = bad usage or config.

    \b
    Examples:
      tieout accept endpoints/mdm --period 2026-10 --reason "site sold" --approver "Bob Roe" --until 2026-10-31 -w books
    """
    from pipelines.accepting import accept as take_as_it_is
    from pipelines.decisions import Act
    from pipelines.workspace import Workspace, check_period

    opened = Workspace.open(workspace)
    said = {"who": who, "approver": approver, "until": until, "reason": reason, "role": role}
    entry = take_as_it_is(opened, check_period(period), source, said, Act(instant(opened, at), "cli"))
    typer.echo(f"Recorded D{entry.seq}; run {period} again for it to count.", err=True)
