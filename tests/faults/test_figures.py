"""The page of figures says what was measured."""

from tests.faults.figures import HEAD, page


def test_the_same_thing_is_counted_together() -> None:
    lines = ['{"what": "kills", "held": 2, "of": 2}', '{"what": "edits", "held": 1, "of": 1}']
    assert page([*lines, lines[0]]) == HEAD + "| edits | 1 | 1 |\n| kills | 4 | 4 |\n"
