"""An audit sample of a month as a workpaper: what was drawn, the raw rows it rests on, and the answer performed again.

The month is judged again from what is stored, by the code of a run. The same seed draws the same sample.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import xlsxwriter

from connectors import systems
from pipelines import __version__, catalogue, landing
from pipelines import decisions as decision_log
from pipelines.answer import in_words
from pipelines.errors import ConfigError
from pipelines.explain import choose
from pipelines.steps import Month, world_of
from pipelines.warehouse import PERIOD, Warehouse
from pipelines.whole import place, unfinished
from pipelines.workspace import Workspace
from tieout.chain import head
from tieout.explanation import NOT_LOOKED_AT, Answer, Witness
from tieout.mapping import as_json
from tieout.reconcile import judge
from tieout.rule import Rule
from tieout.sampling import LookedAt, draw
from tieout.subjects import Thing
from tieout.world import World

FOR_THE_AUDITOR = ("result", "checked_by", "checked_on", "remarks")
"""Columns left empty."""
LETTERS = {"Exceptions": "E", "Clean subjects": "C", "Decisions": "L", "Overrides": "O", "Realised savings": "S"}
"""What is drawn, and the letter its items are numbered with."""
CELL = 32_000
"""Characters a cell of a workbook holds, and a little less."""
NOT_CLEAN = ("fired", "held", "superseded", "exempt")
OVERRIDE = "override"
_ABOUT = (
    "exception_id", "rule", "subject", "severity", "status", "owner", "value", "value_kind", "first_seen", "due_on",
    "decision",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A sample: where the workpaper is, and of each kind how many there were and how many were drawn."""

    path: Path
    period: str
    seed: str
    population: Mapping[str, int]
    sampled: Mapping[str, int]


@dataclass(frozen=True)
class _Performed:
    """A month judged again: its findings, the subjects some rule looked at, and what the run left."""

    world: World
    rules: Sequence[Rule]
    findings: pl.DataFrame
    looked_at: pl.DataFrame
    stored: pl.DataFrame
    exceptions: pl.DataFrame
    savings: pl.DataFrame


def sample(workspace: Workspace, period: str | None, size: int, seed: str | None, out: Path | None) -> Drawn:
    """Draw a sample of a complete month, the newest if none is named, and write it as a workbook.

    `size` is how many are drawn of each kind; the seed is the month where none is given. Raises ConfigError when the
    workpaper is there already: it may hold somebody's results.
    """
    with workspace.lock():
        warehouse = Warehouse(workspace.tables)
        month = Month(workspace, choose(warehouse, period))
        seed = seed or month.period
        path = out or _folder(workspace) / f"sample-{month.period}-{_as_name(seed)}.xlsx"
        if path.exists():
            raise ConfigError(f"{path} is there already; name another file with --out, or move it away.")
        performed = _perform(month, warehouse)
        sheets, population = _sheets(workspace, performed, size, seed)
        sampled = {name: sheets[name].height for name in population}
        readme = _readme(workspace, performed.world, size, seed, population, sampled)
        _write(
            path,
            {"Read me": readme, **{name: sheet for name, sheet in sheets.items() if sheet.height}},
            performed.world,
        )
    return Drawn(path, month.period, seed, population, sampled)


def workpapers(workspace: Workspace, period: str) -> list[Path]:
    """The samples that were drawn of a month, where they were not named another place."""
    return sorted(_folder(workspace).glob(f"sample-{period}-*.xlsx"))


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "samples"


def _perform(month: Month, warehouse: Warehouse) -> _Performed:
    world, rules, looked_at = world_of(month, warehouse), catalogue.rules_of(month.workspace.rules), LookedAt()
    findings = judge(world, rules, looked_at)["findings"]
    read = {name: warehouse.read(name, period=month.period) for name in ("findings", "exceptions", "savings")}
    stored = (frame.drop(PERIOD) if frame.width else frame for frame in read.values())
    return _Performed(world, rules, findings, looked_at.subjects, *stored)


# -- what is drawn -----------------------------------------------------------------------------------------------------


def _sheets(
    workspace: Workspace, performed: _Performed, size: int, seed: str
) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
    """Every sheet by its name, and the population of each kind that was drawn from."""
    log = _log(performed.world)
    overrides = pl.col("kind") == OVERRIDE
    realised = performed.savings.filter(pl.col("state") == "realised") if performed.savings.width else pl.DataFrame()
    populations = {
        "Exceptions": performed.exceptions.with_columns(id="exception_id"),
        "Clean subjects": _clean(performed).with_columns(id=pl.format("{}|{}", "grain", "subject_key")),
        "Decisions": log.filter(~overrides).with_columns(id="no"),
        "Overrides": log.filter(overrides).with_columns(id="no"),
        "Realised savings": realised.with_columns(
            id=pl.concat_str("subject_type", "subject_key", pl.col("number").cast(pl.String), separator="|")
        )
        if realised.height
        else pl.DataFrame(schema={"id": pl.String}),
    }
    drawn = {name: _drawn(frame, size, seed, name) for name, frame in populations.items()}
    items = _items(drawn["Exceptions"], drawn["Clean subjects"], performed)
    witness = Witness(Thing("sample", seed, (), _by_grain(items)))
    judge(performed.world, performed.rules, witness)
    answers = [answer for answer in witness.answers if answer.outcome != NOT_LOOKED_AT]
    said = _said(items, answers)
    sheets = {
        "Exceptions": _of_exceptions(drawn["Exceptions"], performed),
        "Clean subjects": _of_clean(drawn["Clean subjects"], said),
        "Decisions": drawn["Decisions"].drop("id"),
        "Overrides": drawn["Overrides"].drop("id"),
        "Realised savings": drawn["Realised savings"].drop("id"),
    }
    to_check = {name: _to_check(sheet) for name, sheet in sheets.items()}
    rest = {"Answers": said, "Raw rows": _raw(workspace, performed.world, items, witness.records)}
    return {**to_check, **rest}, {name: frame.height for name, frame in populations.items()}


def _drawn(frame: pl.DataFrame, size: int, seed: str, name: str) -> pl.DataFrame:
    """The rows drawn, in the order they were drawn in, each with the number of its item."""
    ids = draw(frame["id"], size, seed)
    order = pl.DataFrame(
        {"id": ids, "item": [f"{LETTERS[name]}{n}" for n in range(1, len(ids) + 1)]},
        schema_overrides={"id": pl.String, "item": pl.String},
    )
    return order.join(frame, on="id", how="left", maintain_order="left").select("item", pl.exclude("item"))


def _clean(performed: _Performed) -> pl.DataFrame:
    """Subjects that some rule looked at and none found anything wrong with: grain, subject_key, subject."""
    grains = {rule.slug: rule.grain for rule in performed.rules}
    wrong = performed.findings.filter(pl.col("outcome").is_in(NOT_CLEAN)).select(
        pl.col("rule").replace_strict(grains, default=None, return_dtype=pl.String).alias("grain"), "subject_key"
    )
    return performed.looked_at.join(wrong, on=["grain", "subject_key"], how="anti")


def _log(world: World) -> pl.DataFrame:
    """The decisions taken by the month's end, each with its number."""
    taken = world.decisions.filter(pl.col("at") <= world.as_of)
    return taken.select(pl.format("D{}", "seq").alias("no"), pl.exclude("seq"))


# -- what is said about it ---------------------------------------------------------------------------------------------


def _items(exceptions: pl.DataFrame, clean: pl.DataFrame, performed: _Performed) -> pl.DataFrame:
    """The subjects drawn, by grain: item, grain, subject_key, rule (null where every rule counts)."""
    about = pl.concat([f.select("exception_id", "subject_key") for f in (performed.findings, performed.stored)])
    keys = exceptions.select("item", "exception_id", "rule", grain="subject_type").join(
        about.unique("exception_id", keep="first", maintain_order=True), on="exception_id", how="left"
    )
    subjects = [keys.select("item", "grain", "subject_key", "rule"), clean.select("item", "grain", "subject_key")]
    return pl.concat(subjects, how="diagonal").drop_nulls("subject_key")


def _by_grain(items: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    by_grain = items.group_by("grain").agg(pl.col("subject_key").unique().sort()).sort("grain")
    return {grain: tuple(keys) for grain, keys in by_grain.iter_rows()}


def _said(items: pl.DataFrame, answers: Iterable[Answer]) -> pl.DataFrame:
    """What each rule says of each item: of an exception its own rule only, of a clean subject every one."""
    told = [
        {
            "grain": answer.grain,
            "subject_key": answer.subject_key,
            "says": answer.rule,
            "answer": answer.outcome,
            "why": answer.why,
            "judged": in_words(answer.measures),
            "limits": in_words(answer.limits),
            "without_a_value": in_words(answer.missing),
            "not_alive": in_words(answer.silent),
        }
        for answer in answers
    ]
    names = ("grain", "subject_key", "says", "answer", "why", "judged", "limits", "without_a_value", "not_alive")
    said = items.join(pl.DataFrame(told, schema=dict.fromkeys(names, pl.String)), on=["grain", "subject_key"])
    own = said.filter(pl.col("rule").is_null() | (pl.col("rule") == pl.col("says")))
    shown = own.select("item", pl.col("says").alias("rule"), *names[3:])
    return shown.sort(*_number(), "rule")


def _number() -> list[pl.Expr]:
    """Items in the order they were drawn in."""
    return [pl.col("item").str.extract(r"^(\D+)"), pl.col("item").str.extract(r"(\d+)$").cast(pl.Int64)]


def _of_exceptions(drawn: pl.DataFrame, performed: _Performed) -> pl.DataFrame:
    """Each exception with the run's answer beside the one performed again."""
    both = drawn.select("item", *_ABOUT)
    for name, findings in (("answer_of_the_run", performed.stored), ("performed_again", performed.findings)):
        told = pl.concat_str("outcome", "why", separator=", ", ignore_nulls=True)
        answers = findings.select("exception_id", told.alias(name))
        both = both.join(answers, on="exception_id", how="left", maintain_order="left")
    return both.with_columns(pl.col("answer_of_the_run", "performed_again").fill_null("none")).with_columns(
        agrees=pl.col("answer_of_the_run").str.head(5) == pl.col("performed_again").str.head(5)
    )


def _of_clean(drawn: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Each clean subject with what the rules say of it, in numbers."""
    answers = {item: Counter(rows["answer"]) for (item,), rows in said.group_by("item")}
    counted = [", ".join(f"{n} {name}" for name, n in sorted(answers.get(item, {}).items())) for item in drawn["item"]]
    return drawn.select(
        "item", pl.col("grain").alias("kind"), "subject", pl.lit("no finding").alias("answer_of_the_run"),
        pl.Series("performed_again", counted, pl.String),
    )  # fmt: skip


def _to_check(sheet: pl.DataFrame) -> pl.DataFrame:
    return sheet.with_columns(pl.lit("").alias(name) for name in FOR_THE_AUDITOR)


def _raw(workspace: Workspace, world: World, items: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Every landed record an item rests on, as it came: item, feed, source, snapshot, row, file and the record."""
    refs = items.join(records, on=["grain", "subject_key"])
    where = [
        world.landed(feed, refs.filter(pl.col("feed") == feed).select("item", "feed", "_id"))
        .select("item", "feed", source="_source", delivered_for="_period", snapshot_id="_snapshot", landed_row="_row")
        .cast({pl.Categorical: pl.String})
        for feed in refs["feed"].unique().sort()
    ]  # fmt: skip
    if not where:
        return pl.DataFrame()
    rows = pl.concat(where).unique()
    read = [
        _read_again(workspace, period, snapshot_id, numbers["landed_row"])
        for (period, snapshot_id), numbers in rows.group_by("delivered_for", "snapshot_id")
    ]
    key = ["delivered_for", "snapshot_id", "landed_row"]
    return rows.join(pl.concat(read), on=key, how="left").sort(*_number(), "feed", *key)


def _read_again(workspace: Workspace, period: object, snapshot_id: object, numbers: pl.Series) -> pl.DataFrame:
    """Some records of a landed snapshot, read from its files: delivered_for, snapshot_id, landed_row, file, raw."""
    delivered = landing.recall(workspace, str(period))
    found = [one for one in delivered.snapshots if one.snapshot_id == snapshot_id] if delivered else []
    schema = dict.fromkeys(("delivered_for", "snapshot_id", "file", "sha256", "raw"), pl.String)
    if not found:
        return pl.DataFrame(schema={**schema, "landed_row": pl.Int64})
    records = systems.read(landing.folder_of(workspace, str(period), found[0]), found[0].source)
    kept = records.rows.filter(pl.col("_row").is_in(numbers.implode()))
    return kept.select(
        pl.lit(str(period)).alias("delivered_for"),
        pl.lit(str(snapshot_id)).alias("snapshot_id"),
        pl.lit(", ".join(file.origin for file in found[0].fetched.files)).alias("file"),
        pl.lit(", ".join(file.sha256 for file in found[0].fetched.files)).alias("sha256"),
        as_json(list(records.columns)).alias("raw"),
        pl.col("_row").alias("landed_row"),
    )


# -- the workpaper -----------------------------------------------------------------------------------------------------


def _readme(
    workspace: Workspace,
    world: World,
    size: int,
    seed: str,
    population: Mapping[str, int],
    sampled: Mapping[str, int],
) -> pl.DataFrame:
    log = decision_log.read(workspace)
    lines = [
        ("Organisation", world.settings.organisation),
        ("Period", world.period),
        ("As of", f"{world.as_of:%Y-%m-%dT%H:%M:%SZ}"),
        ("Seed", seed),
        ("Drawn of each kind", str(size)),
        *((f"Population: {name.lower()}", f"{population[name]}, of which {n} drawn") for name, n in sampled.items()),
        ("Config hash", workspace.config_hash),
        ("Decision log", f"{len(log)} entries, chain head {head(log)}; every entry's sha256 was recomputed"),
        ("Tieout", __version__),
        ("How it was drawn", "of each kind those with the lowest sha256 of `seed|id`; the same seed draws the same"),
        ("Clean subjects", "what some rule looked at and none found, held, superseded or exempted"),
        ("Performed again", "every rule put anew to the stored records of the month, by the code that runs it"),
        ("Raw rows", "the records as they landed, read from their files; snapshot and row name each one"),
        ("To fill in", ", ".join(FOR_THE_AUDITOR)),
        ("To draw it again", f"tieout sample --period {world.period} --size {size} --seed {json.dumps(seed)}"),
    ]
    return pl.DataFrame(lines, schema=["what", "is"], orient="row")


def _write(path: Path, sheets: Mapping[str, pl.DataFrame], world: World) -> None:
    """A workbook of text alone: no formula, no link, nothing that a cell could run; written whole."""
    building = unfinished(path)
    building.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(building, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": f"Audit sample {world.period}", "created": world.as_of.replace(tzinfo=None)})
        bold = book.add_format({"bold": True})
        for name, frame in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for column, title in enumerate(frame.columns):
                texts = [in_words(value) for value in frame[title]]
                sheet.write_string(0, column, title.replace("_", " "), bold)
                for row, text in enumerate(texts, 1):
                    sheet.write_string(row, column, _fitting(text))
                sheet.set_column(column, column, min(60, max(map(len, [title, *texts])) + 2))
    place(building, path)


def _fitting(text: str) -> str:
    return text if len(text) <= CELL else f"{text[:CELL]}… (cut, {len(text):,} characters)"


def _as_name(seed: str) -> str:
    """A seed as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in seed)[:40]
