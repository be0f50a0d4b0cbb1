"""The `tieout` command.

Heavy imports happen inside the commands, so that `--help` answers at once. Data goes to stdout, progress to stderr.
"""

import contextlib
import errno
import getpass
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import __version__, cli_close, cli_decisions, cli_explain, cli_rules, cli_send, cli_sources, cli_verify
from pipelines.cli_options import AsCsv, AsJson, InWorkspace, form
from pipelines.errors import ConfigError, TieoutError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pipelines.workspace import Workspace

NOT_ACCEPTED = 3
"""Exit code of a run that is done although some source was not accepted."""
STOPPED = 130
"""Exit code of a command that Ctrl-C ended, as shells have it."""
PROBLEMS_SHOWN = 10


app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

ForPeriod = Annotated[str | None, typer.Option("--period", help="A month like 2026-10.", metavar="YYYY-MM")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress lines.")]

cli_decisions.register(app)
cli_close.register(app)
cli_explain.register(app)
cli_rules.register(app)
cli_send.register(app)
cli_verify.register(app)
cli_sources.register(app)


def main() -> None:
    """Entry point of the console script: whatever goes wrong is one sentence and an exit code."""
    try:
        app(prog_name="tieout")
    except TieoutError as problem:
        _leave(str(problem), problem.exit_code)
    except OSError as problem:
        _leave(_about_files(problem), 1)
    except SystemExit as end:
        if end.code == STOPPED:
            _leave("stopped; what was published before stands, and the next run takes up what this one left.", STOPPED)
        raise
    except Exception as problem:
        if os.environ.get("TIEOUT_DEBUG"):
            _tell(traceback.format_exc())
        _leave(f"a defect ({type(problem).__name__}: {problem}); set TIEOUT_DEBUG=1 to see where, and report it.", 1)


def _about_files(problem: OSError) -> str:
    """What the system would not do with a file, and what to do about it."""
    name, why = problem.filename or "the system", problem.strerror or str(problem)
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{name}: the disk is full; free some space and try again. What was published before stands."
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{name} cannot be read or written ({why}); give {getpass.getuser()} the right to, or name another place."
        )
    return f"{name}: {why}."


def _leave(sentence: str, code: int) -> None:
    _tell(f"tieout: {sentence}")
    sys.exit(code)


def _tell(text: str) -> None:
    from pipelines.discretion import discreet

    typer.echo(discreet(text), err=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tieout {__version__}")
        raise typer.Exit


@app.callback(epilog="Start with `tieout demo`, or `tieout init DIR` for your own data.")
def tieout(
    wanted: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Reconcile IT assets and software licences: an exception list with evidence, month after month.

    \b
    Examples:
      tieout demo                          see it work on a sample company
      tieout init books                    start a workspace of your own
      tieout run -w books                  run the newest delivered month
      tieout sql -w books "FROM exceptions_current"
    """


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put it.")] = Path("demo"),
    quiet: Quiet = False,
) -> None:
    """Write a sample company and run every month of it.

    \b
    Examples:
      tieout demo
      tieout demo /tmp/sample
    """
    if directory.exists() and not (directory / "planted.csv").is_file() and any(directory.iterdir()):
        raise ConfigError(f"{directory} holds something else already; name an empty or new directory.")
    show_progress(quiet)
    from data import demo as company
    from pipelines import delivery
    from pipelines.run import run as run_month
    from pipelines.workspace import Workspace, end_of_period

    company.write(directory)
    workspace = Workspace.open(directory)
    months = delivery.dropped(workspace)
    for period in months:
        run_month(workspace, period, end_of_period(period, workspace.settings.zone), replays=False)
    _point_to_results(workspace, max(months))
    typer.echo(f'Try next:  tieout sql -w {quote(str(directory))} "FROM exceptions_current"')


@app.command()
def init(directory: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace to make.")]) -> None:
    """Make a starter workspace: a commented tieout.toml and an empty inbox.

    \b
    Example:
      tieout init books
    """
    from pipelines.starter import write_starter

    config = write_starter(directory)
    typer.echo(
        f"Made {config}; read it, then drop files into {directory / 'inbox'} and run "
        f"`tieout run -w {quote(str(directory))}`."
    )


@app.command()
def run(
    workspace: InWorkspace = Path(),
    period: ForPeriod = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Judge at the end of this day instead of the month's.", metavar="DATE")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only tell what the run would come to; nothing is changed.")
    ] = False,
    pages: Annotated[
        Path | None, typer.Option("--pages", help="With --preview: where to write its pages.", metavar="DIR")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nothing over the network: what was pulled for the month counts.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run a month: pull, reconcile, age, report, publish.

    Without --period the newest delivered month. Exit code 0 = done, 1 = failed, 2 = bad usage or config,
    3 = done, but some source was not accepted.

    \b
    Examples:
      tieout run -w books
      tieout run -w books --period 2026-10
      tieout run -w books --period 2026-11 --as-of 2026-11-15
      tieout run -w books --preview --as-of 2026-11-15 --pages look
      tieout run -w books --offline
    """
    from pipelines import delivery
    from pipelines.workspace import Workspace, read_as_of

    show_progress(quiet)
    if pages and not preview:
        raise ConfigError(
            "--pages is for --preview: a run writes its pages below the workspace; add that, or leave it out."
        )
    opened = Workspace.open(workspace)
    instant = read_as_of(as_of, opened.settings.zone) if as_of else None
    chosen = delivery.choose(opened, period, instant)
    if preview:
        _show_preview(opened, chosen, instant, pages, offline=offline)
        return
    with opened.lock():  # refused at once, before the heavy imports
        from pipelines.run import run as run_month
        from pipelines.steps import not_accepted

        run_month(opened, chosen, instant, offline=offline)
        refused = not_accepted(opened, chosen)
    _point_to_results(opened, chosen)
    if refused:
        typer.echo(f"tieout: done, but not accepted: {', '.join(refused)}; see the table `sources`.", err=True)
        raise typer.Exit(NOT_ACCEPTED)


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Files to check; all dropped ones by default.")
    ] = None,
    workspace: InWorkspace = Path(),
    period: ForPeriod = None,
) -> None:
    """Check the config and the dropped files before a run.

    Shows the first ten problems, where they are and how to fix them. Exit code 0 = none, 1 = some,
    2 = bad usage or config.

    \b
    Examples:
      tieout check -w books
      tieout check -w books books/inbox/2026-10/assets.csv
    """
    from pipelines.check import look
    from pipelines.workspace import Workspace

    try:
        opened = Workspace.open(workspace)
    except ConfigError as mistakes:
        for line in _first_of(mistakes.problems):
            _tell(f"tieout: {line}")
        raise typer.Exit(mistakes.exit_code) from None
    found = look(opened, period, files or [])
    for line in _first_of(found.problems):
        typer.echo(line)
    typer.echo(f"{found.files} files, {found.rows} rows, problems: {len(found.problems)}", err=True)
    if found.problems:
        raise typer.Exit(1)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="SQL, in DuckDB's dialect, or a file of it: FILE.sql.")],
    workspace: InWorkspace = Path(),
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    seconds: Annotated[float, typer.Option(min=0.1, help="The longest a query may take.")] = 600,
) -> None:
    """Ask the published database; it cannot be changed this way, and the query reaches nothing else.

    In CSV a text that a spreadsheet would take for a formula has an apostrophe before it.

    \b
    Examples:
      tieout sql -w books "FROM exceptions_current"
      tieout sql -w books --csv "SELECT rule, count(*) FROM exceptions_current GROUP BY rule" > rules.csv
      tieout sql -w books "DESCRIBE exceptions"
      tieout sql -w books data/sql/open-by-rule.sql
    """
    from pipelines.warehouse import QueryError
    from pipelines.warehouse import query as ask
    from pipelines.workspace import Workspace

    shown_as = form(as_csv, as_json)
    opened = Workspace.open(workspace)
    if not opened.published_database.exists():
        raise ConfigError(f"{workspace} has published nothing yet; run `tieout run -w {quote(str(workspace))}` first.")
    if query.endswith(".sql"):
        if not Path(query).is_file():
            raise ConfigError(f"{query} is no file.")
        query = Path(query).read_text(encoding="utf-8-sig")
    try:
        with _bounded_memory():
            answer = ask(opened.published_database, query, seconds)
    except QueryError as problem:
        raise ConfigError(f"the query failed: {problem}") from None
    from pipelines.answer import as_text

    typer.echo(as_text(answer, shown_as), nl=False)


@contextlib.contextmanager
def _bounded_memory() -> "Iterator[None]":
    """Let the system refuse 6 GB more than there is: a single huge text is beyond what the database itself counts."""
    try:
        import resource

        held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    except (ImportError, OSError):  # where the system tells no such thing, there is no such bound
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (held + 6 * 1024**3, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@app.command()
def dev(
    workspace: InWorkspace = Path(),
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
) -> None:
    """Open the Dagster UI of a workspace, on this machine only.

    \b
    Example:
      tieout dev -w books
    """
    from pipelines.home import prepare_home
    from pipelines.workspace import Workspace

    opened = Workspace.open(workspace)
    environment = os.environ | prepare_home(opened)
    typer.echo(f"http://127.0.0.1:{port} shows {opened.root}; Ctrl-C ends it.", err=True)
    asked = ["dagster", "dev", "-m", "pipelines.definitions", "-h", "127.0.0.1", "-p", str(port)]
    raise typer.Exit(subprocess.run([sys.executable, "-m", *asked], env=environment, check=False).returncode)


def _first_of(problems: "Sequence[str]") -> "Iterator[str]":
    yield from problems[:PROBLEMS_SHOWN]
    if len(problems) > PROBLEMS_SHOWN:
        yield f"and {len(problems) - PROBLEMS_SHOWN} more"


def show_progress(quiet: bool) -> None:
    """Progress lines on stderr, plain so that they read the same in a terminal and in a log file."""
    log = logging.getLogger("tieout")
    log.setLevel(logging.INFO)
    log.propagate = False
    lines = logging.StreamHandler()
    lines.setLevel(logging.WARNING if quiet else logging.INFO)  # Dagster sets the logger's own level
    lines.setFormatter(logging.Formatter("%(message)s"))
    log.handlers = [lines]


def _show_preview(
    workspace: "Workspace", period: str, as_of: "datetime | None", pages: Path | None, *, offline: bool
) -> None:
    from pipelines.answer import as_text
    from pipelines.preview import preview

    seen = preview(workspace, period, as_of, pages, offline=offline)
    typer.echo(as_text(seen.rules, "table"), nl=False)
    typer.echo(f"A look at {period}; nothing was changed.", err=True)
    if seen.not_accepted:
        typer.echo(f"tieout: not accepted: {', '.join(seen.not_accepted)}.", err=True)
        raise typer.Exit(NOT_ACCEPTED)


def _point_to_results(workspace: "Workspace", period: str) -> None:
    report = workspace.reports / period / "index.html"
    if report.is_file():
        typer.echo(f"Report:    {report}")
    typer.echo(f"Database:  {workspace.published_database}")
