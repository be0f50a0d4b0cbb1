"""Tables that many ask for are worked out once a period, and those that nobody asks for not at all."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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


class Each(Mapping[str, Result]):
    """Values by name, each worked out when it is first asked for; whatever that reads from must still be open then."""

    def __init__(self, names: Iterable[str], work: Callable[[str], Result]) -> None:
        self._names, self._work, self._known = dict.fromkeys(names), work, dict[str, Result]()

    def __getitem__(self, name: str) -> Result:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._known:
            self._known[name] = self._work(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
