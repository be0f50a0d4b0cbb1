"""Looks for what would make a run fail: versions, disk, credentials, systems that do not answer, clocks that differ."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import urlsplit

from connectors import systems
from connectors.vault import Vault
from pipelines import delivery
from pipelines.sources import wire_of
from pipelines.workspace import Workspace
from tieout.settings import Source
from tieout.staging import stage

_NEEDED = ("polars", "duckdb", "dagster", "httpx")
_LEAST_FREE = 1024**3  # bytes
_PLAIN = {"http": "https://", "ldap": "ldaps://"}
_HERE = ("127.0.0.1", "localhost", "::1")
_SKEW_SECONDS = 300
"""A clock further off than this shows extracts at the wrong time, and breaks signed assertions."""
State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, how it is, and what to do about it."""

    about: str
    state: State
    said: str
    fix: str = ""


def examine(workspace: Workspace, *, offline: bool) -> Iterator[Finding]:
    """Every finding, the machine's first, then each source's; offline, no source is asked."""
    yield from _machine(workspace)
    month = delivery.newest(workspace)
    for due in delivery.due(workspace, month):
        if due.source.is_live:
            yield from _live(workspace, due.source, offline=offline)
        else:
            yield _dropped(workspace, due.source, month)


def _machine(workspace: Workspace) -> Iterator[Finding]:
    yield Finding("config", "ok", f"{workspace.root} is a workspace of {workspace.settings.organisation}")
    yield Finding("versions", "ok", ", ".join([f"Python {platform.python_version()}", *map(_version, _NEEDED)]))
    free = shutil.disk_usage(workspace.root).free
    said = f"{free / 1024**3:.1f} GiB are free below {workspace.root}"
    if free < _LEAST_FREE:
        yield Finding(
            "disk", "problem", said, "make room: a run writes its tables anew before it lets go of the old ones"
        )
    else:
        yield Finding("disk", "ok", said)
    if not os.access(workspace.root, os.W_OK):
        yield Finding("disk", "problem", f"{workspace.root} cannot be written to", "give this user the right to write")


def _version(name: str) -> str:
    return f"{name} {version(name)}"


def _dropped(workspace: Workspace, source: Source, month: str) -> Finding:
    about = f"{source.feed}/{source.name}"
    found = delivery.files_of(workspace, source, month)
    if found:
        return Finding(about, "ok", f"there for {month}: {', '.join(path.name for path in found)}")
    return Finding(
        about,
        "warning",
        f"no file for {month}",
        f"`tieout check -w {quote(str(workspace.root))}` says what is expected",
    )


def _live(workspace: Workspace, source: Source, *, offline: bool) -> Iterator[Finding]:
    about = f"{source.feed}/{source.name}"
    missing = [reference for reference in systems.credentials_of(source) if not Vault().has(reference)]
    for reference in missing:
        name = reference.strip("${}")
        yield Finding(
            about, "problem", f"the credential {name} is not there", f"set {name}, or {name}_FILE to a file's name"
        )
    if missing:
        return
    if systems.credentials_of(source):
        yield Finding(about, "ok", "its credentials are there")
    url = str(source.options.get("url", ""))
    plain = urlsplit(url).scheme in _PLAIN and not source.options.get("start_tls")
    if plain and urlsplit(url).hostname not in _HERE and systems.credentials_of(source):
        said = "its credential travels unencrypted"
        yield Finding(about, "warning", said, f"write {_PLAIN[urlsplit(url).scheme]} in its url")
    if not offline:
        yield from _answering(workspace, source, about)


def _answering(workspace: Workspace, source: Source, about: str) -> Iterator[Finding]:
    """A glance at the source: the first page of each of its lists."""
    wire = replace(wire_of(source), is_glance=True, tries=2)
    with TemporaryDirectory(prefix="tieout-doctor-") as folder:
        fetched = systems.fetch(source, delivery.newest(workspace), Path(folder), wire)
        if fetched.outcome != "complete":
            yield Finding(about, "problem", str(fetched.why), "mend that, then look again with `tieout doctor`")
        else:
            staged = stage(systems.read(Path(folder), source), source, workspace.settings)
            rows = f"it answers: {staged.landed} rows on the first page, {staged.quarantined} of them set aside"
            if staged.failure:
                yield Finding(
                    about, "problem", staged.failure, f"map it under columns; `tieout sources {source.connector}`"
                )
            else:
                yield Finding(about, "ok", rows)
    for note in fetched.notes:
        yield Finding(about, "warning", note, "give the credential that right, or leave it: the column stays unknown")
    if wire.ahead is not None and abs(wire.ahead) > _SKEW_SECONDS:
        ahead = "ahead of" if wire.ahead > 0 else "behind"
        said = f"its clock is {abs(wire.ahead):.0f} s {ahead} this machine's"
        yield Finding(about, "warning", said, "set this machine's clock by NTP")
