"""A workspace: the directory with `tieout.toml`, its folders, its one lock, and every mistake in it as one sentence."""

import fcntl
import getpass
import hashlib
import json
import os
import re
import socket
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import Any, Self, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connectors.texts import is_text
from pipelines import discretion
from pipelines.errors import ConfigError, InUseError
from pipelines.limits import hold_against_catalogue
from pipelines.whole import complete
from tieout.settings import Settings

CONFIG = "tieout.toml"
MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Workspace:
    """A directory with a valid `tieout.toml`; all other paths lie below it.

    `known` is how many of the decisions there are for whoever reads them: all, or as many as a month knew that is
    performed again.
    """

    root: Path
    settings: Settings
    known: int | None = None

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Read and check the config.

        Raises ConfigError, which names the file and the line or field, for anything that is wrong with it.
        """
        root = Path(path).expanduser().resolve()
        if not root.is_dir():
            raise ConfigError(
                f"{path} is not a directory; name a workspace with -w, or make one with "
                f"`tieout init {quote(str(path))}`."
            )
        if not is_text([str(root)]) or not (str(root).isascii() or sys.getfilesystemencoding() == "utf-8"):
            raise ConfigError(
                f"the path of {root.name!a} cannot be told in this locale; set PYTHONUTF8=1, or rename the folder."
            )
        settings = read_settings(root / CONFIG)
        discretion.learn(settings)
        opened = cls(root, settings)
        with suppress(InUseError, OSError):  # of those who may not look there, or only read
            if opened.switch.exists():
                with opened.lock():
                    pass  # whoever holds it completes what was begun
        return opened

    def moved(self, folder: Path, *names: str) -> Self:
        """The same workspace with some of its folders below another: what is done there leaves it as it is."""
        paths = self.settings.paths.model_copy(update={name: str(folder / name) for name in names})
        return replace(self, settings=self.settings.model_copy(update={"paths": paths}))

    @property
    def inbox(self) -> Path:
        return self.root / self.settings.paths.inbox

    def below(self, path: Path) -> Path:
        """A path without the workspace that it lies in, if it does."""
        return path.relative_to(self.root) if path.is_relative_to(self.root) else path

    @property
    def landing(self) -> Path:
        return self.root / self.settings.paths.landing

    @property
    def warehouse(self) -> Path:
        return self.root / self.settings.paths.warehouse

    @property
    def published(self) -> Path:
        return self.root / self.settings.paths.published

    @property
    def reports(self) -> Path:
        return self.root / self.settings.paths.reports

    @property
    def rules(self) -> Path:
        """The folder of the workspace's own rules; it need not exist."""
        return self.root / self.settings.paths.rules

    @property
    def decisions(self) -> Path:
        return self.root / self.settings.paths.decisions

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that Tieout alone writes to."""
        return self.landing, self.warehouse, self.decisions, self.published, self.reports

    @property
    def tables(self) -> Path:
        """The folder of the private tables, which only Tieout opens."""
        return self.warehouse / "tables"

    @property
    def published_database(self) -> Path:
        """The file everybody may read."""
        return self.published / "tieout.duckdb"

    @property
    def switch(self) -> Path:
        """The file that says, while results are given to everybody, which files take whose place."""
        return self.warehouse / "switch.json"

    @property
    def pledge(self) -> Path:
        """The file that says which act is under way that is to be carried through."""
        return self.warehouse / "pledge.json"

    @property
    def config_hash(self) -> str:
        """A fingerprint of the config in force, defaults included."""
        said = json.dumps(self.settings.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace for this process; the operating system lets go when the process ends, however it ends.

        What was killed half-way is completed first. Holding it twice in one process is fine. Raises InUseError, which
        says who holds it.
        """
        path = self.warehouse / "lock"
        if path in _held:
            yield
            return
        for folder in (self.published, self.reports):  # whoever the user lets may look into these
            folder.mkdir(parents=True, exist_ok=True)
        with _for_the_user_alone():
            self.warehouse.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise InUseError(_busy(self.root, os.pread(handle, 4096, 0))) from None
                os.ftruncate(handle, 0)
                os.pwrite(handle, _holder(), 0)
                _held.add(path)
                try:
                    complete(self.switch, self.root)
                    if self.pledge.exists():
                        from pipelines.pledges import carry_through  # only where there is something: it takes its time

                        carry_through(self)
                    yield
                finally:
                    _held.discard(path)
                    os.ftruncate(handle, 0)
            finally:
                os.close(handle)


_held: set[Path] = set()


@contextmanager
def _for_the_user_alone() -> Iterator[None]:
    """Let nobody else read what is written meanwhile."""
    usual = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(usual)


def _holder() -> bytes:
    who = {
        "pid": os.getpid(),
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    return json.dumps(who).encode()


def _busy(root: Path, holder: bytes) -> str:
    try:
        who = json.loads(holder)
    except ValueError:  # the winner of a race has not written its name yet
        return f"{root} is in use by another run; wait for it to end."
    return (
        f"{root} is in use by {who['user']} on {who['host']} (process {who['pid']}, `{who['command']}`, "
        f"since {who['since']}); wait for it to end."
    )


# -- periods ---------------------------------------------------------------------------------------------------------


def check_period(text: str) -> str:
    """The text, when it is a month written YYYY-MM; raises ConfigError otherwise."""
    if not MONTH.fullmatch(text):
        raise ConfigError(f"{text!r} is not a period; write a month like 2026-10.")
    return text


def end_of_period(period: str, zone: ZoneInfo) -> datetime:
    """The last instant of a month in a time zone, in UTC."""
    year, month = (int(part) for part in check_period(period).split("-"))
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return following.astimezone(UTC) - timedelta(microseconds=1)


def read_as_of(text: str, zone: ZoneInfo) -> datetime:
    """An instant in UTC from `2026-10-15` (the end of that day) or `2026-10-15T12:00` (local unless it has a zone)."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            following = datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), zone)
            return following.astimezone(UTC) - timedelta(microseconds=1)
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigError(f"--as-of {text!r} is not a date; write one like 2026-10-15 or 2026-10-15T12:00.") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


# -- config ----------------------------------------------------------------------------------------------------------


def read_settings(path: Path) -> Settings:
    """The settings in a `tieout.toml`; raises ConfigError for mistakes in it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path.parent} has no {CONFIG}; make a workspace with `tieout init {quote(str(path.parent))}`."
        ) from None
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError as problem:
        line = problem.object.count(b"\n", 0, problem.start) + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8 text; save the file as UTF-8.") from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"{path} is not valid TOML: {problem}.") from None
    _refuse_secrets(path, tables)
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as problem:
        said = dict.fromkeys(_sentence(tables, error) for error in problem.errors())
        raise ConfigError(*(f"{path}: {sentence}" for sentence in said)) from None
    hold_against_catalogue(settings, path)
    if any(source.is_live for source in settings.sources):
        from pipelines.sources import hold_against_systems  # only where the network is asked: it takes its time

        settings = hold_against_systems(settings, path)
    return settings


def _sentence(tables: Mapping[str, Any], error: ErrorDetails) -> str:
    place = [step for step in error["loc"] if step != "[key]"]
    where = _spell(tables, place)
    match error["type"]:
        case "extra_forbidden":
            known = sorted(_table_at(place[:-1]).model_fields)
            near = get_close_matches(str(place[-1]), known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys there are {', '.join(known)}."
            return f"{where} is not a known key; {hint}"
        case "missing":
            return f"{where} is missing; add it."
        case "value_error":
            reason = str(error["ctx"]["error"])
            return f"{where}: {reason}." if where else f"{reason}."
        case "list_type" if isinstance(error["input"], dict):
            return f"{where} may stand more than once; write [[{where}]] above each."
        case kind:
            reason = error["msg"].replace("Input should", "should", 1)
            if kind.endswith("_parsing"):
                reason = reason.partition(",")[0]
            return f"{where} {reason}, but is {error['input']!r}."


def _spell(tables: Mapping[str, Any], place: list[int | str]) -> str:
    """A place in the config as its author knows it: `sources "okta": columns.email`."""
    here: Any = tables
    text = ""
    for step in place:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(step, int):
            name = here.get("name") if isinstance(here, dict) else None
            text += f" {name!r}:" if name else f"[{step + 1}]"
        else:
            text += ("" if not text else " " if text.endswith(":") else ".") + step
    return text.removesuffix(":")


def _table_at(place: list[int | str]) -> type[BaseModel]:
    """The model of the table a config path leads to."""
    table: type[BaseModel] = Settings
    steps = iter(place)
    for step in steps:
        annotation = table.model_fields[str(step)].annotation
        if get_origin(annotation) in (list, dict):
            next(steps, None)  # which entry
        table = next(inner for inner in [*get_args(annotation), annotation] if _is_model(inner))
    return table


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


_SECRET = re.compile(
    r"(password|passwd|passphrase|pwd|secret|token|(api|access|private)_?key|credential|authorization)s?$",
    re.IGNORECASE,
)
_SECRET_IN_ADDRESS = re.compile(r"://[^/\s@]*:[^/\s@]+@")


def _refuse_secrets(path: Path, table: object, where: str = "") -> None:
    if isinstance(table, list):
        for entry in table:
            _refuse_secrets(path, entry, where)
    if isinstance(table, dict):
        for key, value in table.items():
            place = f"{where}.{key}" if where else key
            if isinstance(value, str) and _SECRET.search(key) and not re.fullmatch(r"\$\{?[A-Z_][A-Z0-9_]*\}?", value):
                if re.fullmatch(r"\$\{\w+\}", value):
                    raise ConfigError(f"{path}: {place} refers to {value}; write the variable's name in capitals.")
                raise ConfigError(
                    f"{path}: {place} holds a secret in plain text; put it into an environment variable "
                    f'and write {key} = "${{ITS_NAME}}".'
                )
            if isinstance(value, str) and _SECRET_IN_ADDRESS.search(value):
                raise ConfigError(f"{path}: {place} is an address with a password in it; write the address without it.")
            _refuse_secrets(path, value, place)
