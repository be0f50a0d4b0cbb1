"""Every system there is, by name; the one way to fetch what a source delivers, and to read it again."""

import importlib
import pkgutil
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import polars as pl
from pydantic import ValidationError

import connectors
from connectors import files, pages
from connectors.pages import PAGES, HostileError, PageFile, PullError
from connectors.system import WEAKEST, Copy, Delivery, Options, System
from connectors.vault import is_reference
from connectors.wire import Wire
from tieout.mapping import with_absent, with_members
from tieout.pull import Control, Fetched, PullReport, Records
from tieout.settings import Source

_PRESETS = Path(connectors.__path__[0]) / "presets"


@cache
def names() -> tuple[str, ...]:
    """Every connector beside `file`, sorted: modules that say what a SYSTEM is, and presets."""
    modules = [
        found.name
        for found in pkgutil.iter_modules(connectors.__path__)
        if not found.ispkg and b"\nSYSTEM = " in Path(connectors.__path__[0], f"{found.name}.py").read_bytes()
    ]
    return tuple(sorted([*modules, *(path.stem for path in _PRESETS.glob("*.toml"))]))


@cache
def system(name: str) -> System:
    """The system of that name, which is one of `names`."""
    preset = _PRESETS / f"{name}.toml"
    if preset.is_file():
        from connectors.rest import preset_of

        return preset_of(tomllib.loads(preset.read_text(encoding="utf-8")))
    return cast(System, importlib.import_module(f"connectors.{name}").SYSTEM)


def delivery_of(source: Source) -> Delivery:
    """How the source's system delivers the source's feed; raises ValueError where it does not."""
    deliveries = system(source.connector).deliveries
    if source.feed not in deliveries:
        raise ValueError(f"{source.connector} delivers {' and '.join(deliveries)}, not {source.feed}")
    return deliveries[source.feed]


def credentials_of(source: Source) -> list[str]:
    """The credentials that a source's options refer to."""
    return sorted(_references(source.options))


def place_of(source: Source) -> str:
    """Where the source's system is: sources of one place share its limits."""
    url = str(getattr(options_of(source), "url", ""))
    return urlsplit(url).netloc or url or source.connector


def _references(said: object) -> set[str]:
    if isinstance(said, dict):
        return {reference for value in said.values() for reference in _references(value)}
    return {said} if isinstance(said, str) and is_reference(said) else set()


def options_of(source: Source) -> Options:
    """The source's options, typed; raises ValidationError for what is no option of its system."""
    return system(source.connector).options.model_validate(source.options)


def configured(source: Source) -> Source:
    """The source with its system's own mapping behind what the config says."""
    if not source.is_live:
        return source
    delivery = delivery_of(source)
    stated = source.model_fields_set
    columns = {name: [ways] if isinstance(ways, str) else list(ways) for name, ways in delivery.columns.items()}
    update: dict[str, Any] = {name: value for name, value in delivery.reading.items() if name not in stated}
    update["columns"] = {k: v for k, v in columns.items() if k not in source.constants} | source.columns
    update["constants"] = {k: v for k, v in delivery.constants.items() if k not in source.columns} | source.constants
    update["values"] = {name: dict(values) for name, values in delivery.values.items()} | source.values
    update["never"] = [*source.never, *(name for name in delivery.never if name not in source.never)]
    return source.model_copy(update=update)


# -- fetching --------------------------------------------------------------------------------------------------------


def fetch(source: Source, period: str, folder: Path, wire: Wire) -> Fetched:
    """Pull a source into `folder`: complete with its proof, partial or failed with the reason; never just short."""
    began, spoken = wire.now(), system(source.connector)
    wire.period, wire.began = period, wire.clock()
    if spoken.copy:
        return _copied(spoken.copy, source, folder, wire)
    assert spoken.pull
    end, why = None, ""
    with PageFile(folder) as file:
        try:
            end = spoken.pull(options_of(source), delivery_of(source), file, wire)
        except (PullError, ValueError) as error:
            place = f" (after {file.pages} pages, {file.rows:,} rows)" if file.pages else ""
            why = wire.vault.blot(f"{_sentence(error)}{place}")
            if isinstance(error, HostileError) or not file.rows:
                file.back_to((0, 0, 0))
        except Exception as error:  # a defect in one connector is no reason to do without all other sources
            why = wire.vault.blot(f"a defect in the connector ({type(error).__name__}: {error}); report it")
            file.back_to((0, 0, 0))
    if end is None and not file.pages:
        file.path.unlink()
        return Fetched("failed", why=why, system=spoken.title)
    is_proven = end is not None and end.proof != WEAKEST
    return Fetched(
        outcome="complete" if end else "partial",
        why=why or None,
        proof=end.proof if end else None,
        files=(file.landed(str(getattr(options_of(source), "url", source.connector))),),
        extracted_at=began,
        system=spoken.title,
        control=Control() if is_proven else None,
        notes=tuple(wire.notes),
        report=PullReport(
            rows=file.rows,
            distinct=end.distinct if end else None,
            declared=end.declared if end else None,
            pages=file.pages,
            retries=wire.retries,
            waited=round(wire.waited, 3),
            ended_at=wire.now(),
        ),
    )


def _copied(copy: Copy, source: Source, folder: Path, wire: Wire) -> Fetched:
    try:
        return copy(options_of(source), folder, wire)
    except (PullError, ValueError) as error:
        return Fetched("failed", why=wire.vault.blot(_sentence(error)))


def read(folder: Path, source: Source) -> Records:
    """What `fetch` left in `folder`, as records under the system's own field names.

    A field that is mapped may be there as a column although no record has it under that name: see `with_members` and
    `with_absent`.
    """
    try:
        return _read(folder, source)
    except (Exception, pl.exceptions.PanicException) as error:  # as above
        said = str(error).partition("\n")[0][:160]
        return Records.failed(f"a defect in reading it ({type(error).__name__}: {said}); report it")


def _read(folder: Path, source: Source) -> Records:
    if not source.is_live:
        return files.read(folder, source)
    if (folder / PAGES).is_file():
        records, streams = pages.read(folder / PAGES, source.decimal_separator)
    else:
        records, streams = files.read(folder, source), {}
    if records.failure:
        return records
    rows = delivery_of(source).derive(records.rows, streams)
    if rows.height != records.rows.height:  # a record stands for several rows, or for none
        rows = rows.drop("_row").with_row_index("_row", offset=1).cast({"_row": pl.Int64})
    rows = with_absent(with_members(rows, source), source)
    return replace(records, rows=rows, columns=tuple(name for name in rows.columns if name != "_row"))


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))} {first['msg']}"
    return str(error)
