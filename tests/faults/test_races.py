"""Of those who start at once one goes on and the others leave; readers and publications never meet."""

from pathlib import Path

import pytest

from pipelines import steps
from pipelines.steps import Month
from pipelines.workspace import Workspace
from tests.conftest import MakeWorkspace, run_steps
from tests.faults.figures import measured
from tests.faults.victims import FORKS, begin, race, read_on

ROUNDS, RACERS = 50, 4


def test_racing_starts_have_one_winner_each(make_workspace: MakeWorkspace) -> None:
    root = make_workspace()
    start, tried = FORKS.Barrier(RACERS), FORKS.Barrier(RACERS)
    pipes = [FORKS.Pipe(duplex=False) for _ in range(RACERS)]
    for _, tells in pipes:
        begin(race, root, ROUNDS, start, tried, tells)
    for _ in range(ROUNDS):
        said = [told.recv() for told, _ in pipes]
        assert said.count("") == 1
        assert all(text == "" or f"{root} is in use by" in text for text in said)
    measured("racing starts with one winner", ROUNDS, ROUNDS)


@pytest.mark.parametrize(
    ("readers", "publications"),
    [pytest.param(2, 2, id="some"), pytest.param(5, 20, id="many", marks=pytest.mark.slow)],
)
def test_readers_and_publications_never_meet(readers: int, publications: int, make_workspace: MakeWorkspace) -> None:
    rows = "asset_tag,asset_class,status,serial\nT1,laptop,in_use,none\n"
    root: Path = make_workspace(files={"2026-08/assets.csv": rows})
    workspace = Workspace.open(root)
    run_steps(workspace, "2026-08")
    enough, pipes = FORKS.Event(), [FORKS.Pipe(duplex=False) for _ in range(readers)]
    for _, tells in pipes:
        begin(read_on, root, enough, tells)
    assert [told.recv() for told, _ in pipes] == [1] * readers
    for _ in range(publications):
        steps.publish(Month(workspace, "2026-08"))
    enough.set()
    read = [told.recv() for told, _ in pipes]
    assert all(isinstance(count, int) for count in read), read
    measured("publications under reading", publications, publications)
    measured("readings under publication", sum(read), sum(read))
