"""The reference pages of the documentation, made from the code: `python -m pipelines.reference` writes them.

A page that differs from what this makes fails the tests.
"""

import inspect
import json
import re
import types
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from typer.main import get_command
from typer.testing import CliRunner

from checks.rules import discover
from pipelines.catalogue import severity_of
from pipelines.cli import app
from reports.prose import read
from tieout.feeds import ASSET_CLASSES, FEEDS, Column, Feed, Kind
from tieout.metrics import METRICS
from tieout.published import TABLES
from tieout.rule import Rule
from tieout.settings import ClassPolicy, Owner, Product, Role, RuleTable, Settings, Threshold

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "*Made from the code by `python -m pipelines.reference`; edit the code, not this page.*"
NAMED_BY = {
    ClassPolicy: "asset class",
    RuleTable: "slug",
    Product: "name",
    Owner: "name",
    Role: "name",
    Threshold: "figure",
}
"""What stands for the key of a table that there is one of for each name."""
EXAMPLE = Settings(organisation="Example", reporting_currency="EUR", timezone="UTC")

CONVENTIONS = """\
- `*` marks a required column, which is never empty. **Bold** columns are the feed's key inside one source. All others
  may be empty.
- Dates are `YYYY-MM-DD`. Instants are ISO 8601 with a zone; one without is in the workspace's time zone.
- Money has a decimal point and its currency (ISO 4217) beside it. It has at most 14 digits before the point, a
  span of days or months 4, any other number 9; after the point 10.
- Booleans are true/false, yes/no, y/n or 1/0. Enumerations and they may be in any case; `-`, space and `_` are alike.
- Lists have `;` between values. Identifiers are text, always: `00123` and `5E12` survive unchanged.
- Persons are a person_id, an e-mail address or a username; resolution decides.
- `1970-01-01`, `0001-01-01` and "Never" in a last-used column mean *never*; an empty one means *unknown*.
- Columns that the contract does not know are kept with the row, never lost, never an error.
- A **state** feed's delivery is the whole of its source at one instant: what is not in it is gone. An **event** feed's
  deliveries add up: rows are united by key, and a later delivery of a key replaces the earlier.
"""


def pages() -> dict[str, str]:
    """Every reference page: file name → Markdown."""
    made = {
        "cli.md": _cli(),
        "feeds.md": _feeds(),
        "figures.md": _figures(),
        "rules.md": _rules(),
        "settings.md": _settings(),
        "tables.md": _tables(),
    }
    return {name: "\n".join(lines).rstrip() + "\n" for name, lines in made.items()}


def write(folder: Path = FOLDER) -> None:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _table(*heads: str) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


# -- feeds -----------------------------------------------------------------------------------------------------------


def _feeds() -> Iterator[str]:
    yield from ("# Feeds", "", MADE, "", CONVENTIONS)
    yield f"Asset classes: {', '.join(ASSET_CLASSES)}."
    for feed in FEEDS.values():
        yield from ("", f"## {feed.name}", "", *_about(feed), "")
        yield from _table("Column", "Type", "Default", "Meaning")
        for column in feed.columns:
            yield _row(_name(column), _type(column), _default_of(column), column.doc)


def _about(feed: Feed) -> Iterator[str]:
    kind = "State feed." if feed.is_state else f"Event feed, dated by `{feed.dated}`."
    yield f"{feed.doc} From: {feed.system}. {kind}"


def _name(column: Column) -> str:
    name = f"`{column.name}`"
    return f"{f'**{name}**' if column.key else name}{' *' if column.required else ''}"


def _type(column: Column) -> str:
    return ", ".join(f"`{value}`" for value in column.values) if column.kind is Kind.ENUM else column.kind.value


def _default_of(column: Column) -> str:
    return "" if column.default is None else f"`{json.dumps(column.default).strip(chr(34))}`"


# -- rules -----------------------------------------------------------------------------------------------------------


def _rules() -> Iterator[str]:
    rules = discover()
    yield from ("# Rules", "", MADE, "")
    yield "Every exception of the catalogue. A workspace changes limits under `[policy]` (for all rules), by asset"
    yield "class or product, or under `[rules.<slug>]`; there it also sets a rule's severity or switches it off."
    yield ""
    yield from _table("Rule", "Finds", "Severity", "Process")
    for rule in rules:
        title = read(rule.slug, rule.doc).title
        yield _row(f"[`{rule.slug}`](#{rule.slug})", title, severity_of(rule, EXAMPLE), rule.process)
    for rule in rules:
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    prose = read(rule.slug, rule.doc)
    yield from ("", f"## {rule.slug}", "", f"{prose.title}.", "")
    paragraphs = {"Finds": prose.finds, "Matters": prose.matters, "Do": prose.do, "Quiet": prose.quiet}
    yield from (f"- **{heading}**: {text}" for heading, text in paragraphs.items() if text)
    facts = {
        "Subject": "/".join(f"`{column}`" for column in rule.subject_columns),
        "Severity": severity_of(rule, EXAMPLE),
        "Process": rule.process,
        "Value": rule.value_kind or "none",
        "Goes after": ", ".join(f"`{slug}`" for slug in rule.goes_after),
        "Not evaluated without": ", ".join(f"`{feed}`" for feed in rule.requires),
        "Looks at": "records of the period, and those whose exception is open" if rule.event else "",
    }
    yield from (f"- {name}: {text}" for name, text in facts.items() if text)
    if rule.params:
        yield from ("", *_table("Limit", "Default"))
        yield from (_row(f"`{name}`", f"`{json.dumps(value, default=str)}`") for name, value in rule.params.items())


# -- figures ---------------------------------------------------------------------------------------------------------


def _figures() -> Iterator[str]:
    yield from ("# Figures", "", MADE, "")
    yield "The rows of the published table `metrics`. Shares go from 0 to 1; a figure without anything to measure, or"
    yield "whose feeds are not delivered or not alive, has no value: never 0, never 100 %. What arose before go-live is"
    yield "left out unless the name says otherwise. A `[thresholds]` entry names a figure, or a figure and a scope"
    yield "(`record_accuracy/laptop`), or a rule."
    yield ""
    yield from _table("Figure", "Meaning", "Unit", "Kind", "Bad when", "Also for each", "Needs")
    for metric in METRICS:
        needs = ", ".join(f"`{feed}`" for feed in metric.needs)
        yield _row(f"`{metric.name}`", metric.doc, metric.unit, metric.kind, metric.bad or "", metric.scopes, needs)


# -- published tables ------------------------------------------------------------------------------------------------


def _tables() -> Iterator[str]:
    yield from ("# Published tables", "", MADE, "")
    yield "The tables of `published/tieout.duckdb`. The same words stand as comments in the file itself."
    for name, table in TABLES.items():
        scope = "Latest period only." if table.latest_only else "Every period."
        key = f" In a period, one row a {', '.join(f'`{column}`' for column in table.key)}." if table.key else ""
        yield from ("", f"## {name}", "", f"{table.doc} {scope}{key}", "")
        yield from _table("Column", "Meaning")
        yield from (_row(f"`{column}`", meaning) for column, meaning in table.columns.items())


# -- settings --------------------------------------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    yield from ("# Settings", "", MADE, "")
    yield "What `tieout.toml` may say. Only `organisation`, `reporting_currency` and `timezone` are required; an"
    yield "unknown key is an error that names the nearest known one. The limits of the [rules](rules.md) stand by their"
    yield "name under `[policy]`, `[policy.classes.<asset class>]` and `[rules.<slug>]` too."
    yield from _model(Settings, "", "tieout.toml")


def _model(model: type[BaseModel], path: str, title: str) -> Iterator[str]:
    """The keys of one table, then the tables below it."""
    comments, below = _comments(model), []
    yield from ("", f"## {title}", "", _first_sentence(model), "")
    yield from _table("Key", "Type", "Default", "Meaning")
    for name, field in model.model_fields.items():
        inner = _inner(field.annotation)
        if inner is not None:
            below.append((inner, *_headed(f"{path}{name}", field.annotation, inner)))
            continue
        default = "**required**" if field.is_required() else _told(field.get_default(call_default_factory=True))
        yield _row(f"`{name}`", _in_words(field.annotation, field.metadata), default, comments.get(name, ""))
    for inner, inner_path, header in below:
        yield from _model(inner, inner_path, f"`{header}`")


def _first_sentence(model: type[BaseModel]) -> str:
    """The first paragraph of a model's docstring, without the header that the section bears already."""
    paragraph = " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())
    sentence = re.sub(r"^`\[.*?\]+`: ?", "", paragraph)
    return sentence[:1].upper() + sentence[1:]


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """What the source says beside each key."""
    found = re.finditer(r"^ {4}(\w+): [^#\n]*?(?:\s{2}# (.*))$", inspect.getsource(model), re.MULTILINE)
    return {match[1]: match[2].replace("None:", "not given:") for match in found}


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model a key holds: itself, a list of, or one for each name; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return _inner(get_args(annotation)[-1]) if get_origin(annotation) in (list, dict) else None


def _headed(path: str, annotation: Any, inner: type[BaseModel]) -> tuple[str, str]:
    """The path of what stands below a table, and its header in TOML."""
    if get_origin(annotation) is list:
        return f"{path}.", f"[[{path}]]"
    if get_origin(annotation) is dict:
        path = f"{path}.<{NAMED_BY[inner]}>"
    return f"{path}.", f"[{path}]"


def _in_words(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """The type of a key as people say it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _in_words(parts[0], parts[1:])
    if origin is Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(_in_words(part) for part in parts if part is not types.NoneType)
    if origin is list:
        return f"list of {_in_words(parts[0])}"
    if origin is dict:
        return f"table of {_in_words(parts[1])}"
    if annotation is float and metadata:
        return "share, 0 to 1"
    simple = {str: "text", int: "whole number", float: "number", bool: "true or false", date: "date"}
    return simple.get(annotation, "amount" if annotation is Decimal else "any")


def _told(default: object) -> str:
    return "" if default is None else f"`{json.dumps(default, default=str)}`"


# -- command line ----------------------------------------------------------------------------------------------------


def _cli() -> Iterator[str]:
    yield from ("# Command line", "", MADE)
    for words in ((), *_commands(get_command(app))):
        help_text = CliRunner().invoke(app, [*words, "--help"], prog_name="tieout", env={"COLUMNS": "100"}).stdout
        lines = [line.rstrip() for line in help_text.strip().splitlines()]
        yield from ("", f"## {' '.join(('tieout', *words))}", "", "```", *lines, "```")


def command_options() -> dict[str, set[str]]:
    """Every command with the options it takes; a group of commands has those of all in it."""
    taken: dict[str, set[str]] = {}
    for words, command in _commands(get_command(app)).items():
        options = {option for parameter in command.params for option in parameter.opts}
        taken.setdefault(words[0], {"--help", "-h"}).update(options)
    return taken


def _commands(group: Any, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every command by the words that call it, those inside a group after it."""
    found: dict[tuple[str, ...], Any] = {}
    for name, command in getattr(group, "commands", {}).items():
        found[*words, name] = command
        found |= _commands(command, (*words, name))
    return found


if __name__ == "__main__":
    write()
