"""The commands that show the rules of a workspace, and what a changed limit would have done."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import AsJson, InWorkspace

rules = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="List the rules in force, show one, or try another limit on past months.",
)


def register(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.add_typer(rules, name="rules")


@rules.command("list")
def list_rules(workspace: InWorkspace = Path(), as_json: AsJson = False) -> None:
    """Show every rule, the workspace's own included: severity, whether it is on, its limits, what is open now.

    \b
    Examples:
      tieout rules list -w books
      tieout rules list -w books --json
    """
    from pipelines.answer import as_text
    from pipelines.catalogue import exposed
    from pipelines.rulebook import listed
    from pipelines.workspace import Workspace

    opened = Workspace.open(workspace)
    typer.echo(as_text(listed(opened), "json" if as_json else "table"), nl=False)
    for loose in exposed(opened.rules):
        typer.echo(f"tieout: {loose}", err=True)


@rules.command("show")
def show_rule(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The rule, like held-by-leaver.")],
    workspace: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Show one rule: what it finds and why, its limits in force and where each is said, and its counts a month.

    \b
    Examples:
      tieout rules show held-by-leaver -w books
      tieout rules show held-by-leaver -w books --json
    """
    from pipelines.answer import as_json_text, as_page
    from pipelines.rulebook import shown
    from pipelines.workspace import Workspace

    rule = shown(Workspace.open(workspace), slug)
    typer.echo(as_json_text(rule) if as_json else as_page(rule), nl=False)


@rules.command("backtest")
def backtest_rule(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The rule, like held-by-leaver.")],
    limit: Annotated[str, typer.Option("--set", metavar="NAME=VALUE", help="The limit as it would be.")],
    workspace: InWorkspace = Path(),
    asset_class: Annotated[str | None, typer.Option("--class", help="Only for this class of asset.")] = None,
    periods: Annotated[int, typer.Option(min=1, help="How many of the last complete months.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Show what a changed limit would have opened, closed or regraded over the last months; changes nothing.

    Every month is judged again, under today's config and under the changed one. A limit for one class of asset stands
    under [policy.classes], so it changes every rule that knows it.

    \b
    Examples:
      tieout rules backtest held-by-leaver --set return_days=21 -w books
      tieout rules backtest ghost-asset --set evidence_days=60 --class laptop --periods 6 -w books
    """
    from pipelines.answer import as_text
    from pipelines.backtest import backtest
    from pipelines.workspace import Workspace

    changes = backtest(Workspace.open(workspace), slug, limit, asset_class, periods)
    typer.echo(as_text(changes, "json" if as_json else "table"), nl=False)
    counted = changes["change"].value_counts().sort("change").iter_rows()
    typer.echo(", ".join(f"{n} {change}" for change, n in counted) or "nothing would have changed", err=True)
