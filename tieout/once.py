"""Tables that many ask for are worked out once a period."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Subject = TypeVar("Subject")
Result = TypeVar("Result")


def once(work: Callable[[Subject], Result]) -> Callable[[Subject], Result]:
    """Let a function of a world, or of its ground, be worked out once for each; later calls get the same."""

    @wraps(work)
    def known(subject: Subject) -> Result:
        done = vars(subject).setdefault("_worked_out", {})
        if work not in done:
            done[work] = work(subject)
        result: Result = done[work]
        return result

    return known
