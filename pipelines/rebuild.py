"""Makes the databases and the reports again from what landed and what was decided, and nothing else."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines import again, anchors, closed, crash, decisions, expected, interrupted, landing, steps, verify
from pipelines.anchors import SEEN
from pipelines.closing import put_aside
from pipelines.errors import ConfigError, TieoutError
from pipelines.pledges import pledged
from pipelines.steps import Month
from pipelines.warehouse import CONTENTS, StorageError, Warehouse
from pipelines.whole import UNFINISHED, sweep, write_whole
from pipelines.workspace import Workspace
from tieout import digest


@dataclass(frozen=True)
class Beside(Workspace):
    """A workspace whose database and reports are made in another folder, with its own config, landing and decisions."""

    folder: Path = field(kw_only=True)

    @property
    def warehouse(self) -> Path:
        return self.folder

    @property
    def reports(self) -> Path:
        return self.folder / "reports"


def rebuild(workspace: Workspace, say: Callable[[str], object] = print) -> list[str]:
    """Make everything again beside what there is, and put it in its place when it is whole; returns the months.

    `say` is told of each month. Raises TieoutError, with nothing changed, when what all follows from is not as it was
    recorded, or a closed month does not come to what was signed.
    """
    with workspace.lock():
        sweep(workspace.folders)
        months = landing.landed_periods(workspace)
        if not months:
            raise ConfigError(f"nothing landed in {workspace.root} yet; run a month first.")
        findings = verify.inputs(workspace)
        if findings:
            raise TieoutError(f"{findings[0].removesuffix('.')}; {len(findings)} findings in all, see `tieout verify`.")
        with TemporaryDirectory(prefix=UNFINISHED, dir=workspace.warehouse) as folder:
            beside = Beside(workspace.root, workspace.settings, folder=Path(folder))
            _carry_over(workspace, beside)
            for period in months:
                say(f"{period}  {_perform(beside, period)}")
            _show(beside, months)
            _put(beside, workspace)
            with pledged(workspace, "show", {"months": months}):
                shutil.copytree(beside.reports, workspace.reports, dirs_exist_ok=True)  # where publishing finds them
                steps.publish(Month(workspace, months[-1]))
                interrupted.ended(workspace)
                put_aside(workspace)
        return months


# -- inside ----------------------------------------------------------------------------------------------------------


def _carry_over(workspace: Workspace, beside: Beside) -> None:
    """Take along what is left of purged months: it lies nowhere else."""
    purged = closed.purged(workspace)
    if not purged:
        return
    old = Warehouse(workspace.tables)
    new = Warehouse(beside.tables)
    for table in old.tables():
        for period in purged.intersection(old.periods(table)):
            new.write(table, old.read(table, period=period), period)


def _perform(beside: Beside, period: str) -> str:
    """Perform a month again with the decisions its latest run knew, as it was configured when it was signed."""
    seen = anchors.vouched(anchors.read(beside)).get(f"{SEEN}{period}")
    closing = closed.closed(beside).get(period)
    manifest = closed.manifest_of(beside, closing) if closing else None
    settings = type(beside.settings).model_validate(manifest.settings) if manifest else beside.settings
    then = beside.folder / "then" / period
    moved = {"warehouse": str(beside.warehouse), "decisions": str(then)}
    paths = beside.settings.paths.model_copy(update=moved)
    aside = Workspace(beside.root, settings.model_copy(update={"paths": paths}), None if seen is None else int(seen))
    if decisions.log_of(beside).exists():
        write_whole(decisions.log_of(aside), decisions.log_of(beside).read_bytes())
    signed = anchors.signed_in(beside)
    if signed.is_dir():
        shutil.copytree(signed, then / "closed")
    month = Month(aside, period, delivered=manifest.delivered if manifest else landing.recall(beside, period))
    for step in (steps.pull, steps.reconcile, steps.age, again.adjust, steps.figure):
        step(month)
    if closing is None or manifest is None:
        return "made again"
    results = digest.of_tables(again.results(Warehouse(beside.tables), period))
    other = sorted(name for name in manifest.tables if results.get(name) != manifest.tables[name])
    if other:
        raise TieoutError(
            f"{period} is closed, and does not come to what was signed: {', '.join(other)} differ; nothing was changed."
        )
    return f"made again, and came to what was signed ({closing.content[:16]})"


def _show(beside: Beside, months: list[str]) -> None:
    """Write the state of every month, and its pages."""
    warehouse = Warehouse(beside.tables)
    for period in months:
        steps.keep_state(Month(beside, period), warehouse)
    for period in months:
        expected.expect(Month(beside, period))
        steps.render(Month(beside, period))


def _put(beside: Beside, workspace: Workspace) -> None:
    """Put the private tables in the place of the old ones."""
    try:
        warehouse = Warehouse(workspace.tables)
    except StorageError:  # it is damaged, which may be why all is made again
        (workspace.tables / CONTENTS).unlink()
        warehouse = Warehouse(workspace.tables)
    warehouse.take_over(Warehouse(beside.tables))
    crash.point("tables-replaced")
