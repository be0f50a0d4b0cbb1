"""A company many times over: every copy is found the same, and SQL written by hand finds what the rules find."""

import polars as pl
import pytest

from data.bench import company, engine, measure, script
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from tests.conftest import run_steps
from tieout.rule import SEPARATOR

pytestmark = pytest.mark.slow

COPIES = 4


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Workspace, pl.DataFrame]]:
    """The workspace and the findings of the first month, for one copy and for several."""
    made = {}
    for copies in (1, COPIES):
        root = tmp_path_factory.mktemp(f"copies-{copies}")
        workspace = Workspace.open(company.write(root, copies, periods=(measure.PERIOD,)))
        run_steps(workspace, measure.PERIOD)
        made[copies] = workspace, Warehouse(workspace.tables).read("findings", period=measure.PERIOD)
    return made


def test_every_copy_is_found_the_same(found: dict[int, tuple[Workspace, pl.DataFrame]]) -> None:
    one, many = (company.found(found[copies][0], measure.PERIOD) for copies in (1, COPIES))
    assert one.height > 40
    assert many.rows() == one.with_columns(pl.col("copies") * COPIES).rows()


def test_sql_and_pandas_find_what_the_rules_find(found: dict[int, tuple[Workspace, pl.DataFrame]]) -> None:
    workspace, findings = found[COPIES]
    by_sql = engine.ask(workspace.tables, workspace.settings, measure.PERIOD, measure.TODAY)
    by_script = script.ask(workspace.inbox / measure.PERIOD, measure.TODAY)
    fired = findings.filter(pl.col("outcome").is_in(["fired", "superseded", "exempt"]))
    for told in (by_sql, by_script):
        ours = {rule: set(fired.filter(pl.col("rule") == rule)["subject_key"]) for rule in told}
        assert told == ours
    assert sum(bool(subjects) for subjects in by_sql.values()) >= 9
    assert SEPARATOR == "\x1f"  # as the queries join the parts of a key
