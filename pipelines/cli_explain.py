"""The commands with which people ask how an answer came about, and auditors draw a sample of answers."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import AsJson, InWorkspace

ForPeriod = Annotated[
    str | None, typer.Option("--period", help="A complete month; the newest by default.", metavar="YYYY-MM")
]


def register(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.command()(explain)
    app.command()(sample)


def explain(
    asked: Annotated[
        str,
        typer.Argument(metavar="ID", help="An exception (its beginning will do), tag, serial, person, seat … or rule."),
    ],
    workspace: InWorkspace = Path(),
    period: ForPeriod = None,
    as_json: AsJson = False,
) -> None:
    """Show everything known about one thing: what each source claims, what each rule says of it, and why or why not.

    The month is judged again by the code of a run, and held against what the run left. A person is found by id,
    address, alias or former address; a seat as product/seat_id, a contract line as contract/line_no. Where an id names
    several things, write its kind before it, as in asset:1234. Exit code 0 = told, 1 = a run is going on, 2 = unknown.

    \b
    Examples:
      tieout explain A-1042 -w books
      tieout explain ada.old@example.org -w books
      tieout explain "Figma/u-17" -w books --period 2026-09
      tieout explain held-by-leaver -w books --json
    """
    from pipelines.answer import as_json_text, as_page
    from pipelines.explain import as_told
    from pipelines.explain import explain as ask
    from pipelines.workspace import Workspace

    answer = ask(Workspace.open(workspace), asked, period)
    if as_json:
        typer.echo(as_json_text(answer), nl=False)
    else:
        typer.echo(as_page(answer) if answer["kind"] == "rule" else as_told(answer), nl=False)


def sample(
    workspace: InWorkspace = Path(),
    period: ForPeriod = None,
    size: Annotated[int, typer.Option(min=1, help="How many to draw of each kind.")] = 25,
    seed: Annotated[str | None, typer.Option(help="What decides the draw; the month by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="The workbook to write; below samples/ by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draw an audit sample into a workpaper: exceptions, clean subjects, decisions, overrides, realised savings.

    Each with the raw rows it rests on and the answer performed again beside the run's, and columns left empty for the
    auditor. The same seed draws the same sample. Exit code 0 = drawn, 1 = a run is going on, 2 = bad usage.

    \b
    Examples:
      tieout sample -w books
      tieout sample -w books --period 2026-09 --size 40 --seed "audit 2026" --out workpaper.xlsx
    """
    from pipelines.answer import as_json_text
    from pipelines.sample import sample as draw
    from pipelines.workspace import Workspace

    drawn = draw(Workspace.open(workspace), period, size, seed, out)
    if as_json:
        typer.echo(as_json_text({**vars(drawn), "path": str(drawn.path)}), nl=False)
        return
    typer.echo(f"Workpaper: {drawn.path}")
    for name, number in drawn.sampled.items():
        typer.echo(f"{name}: {number} of {drawn.population[name]:,}", err=True)
