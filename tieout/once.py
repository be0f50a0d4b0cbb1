"""Tables that many ask for are worked out once a period, and those that nobody asks for not at all."""

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

Subject = TypeVar("Subject")
Result = TypeVar("Result")
Asked = ParamSpec("Asked")


def once(work: Callable[Concatenate[Subject, Asked], Result]) -> Callable[Concatenate[Subject, Asked], Result]:
    """Let a function of a world, or of its ground, be worked out once for each; later calls get the same.

    What it is asked for besides is named by place. The subject keeps the result, and goes with it.
    """

    @wraps(work)
    def known(subject: Subject, /, *asked: Asked.args, **named: Asked.kwargs) -> Result:
        done = vars(subject).setdefault("_worked_out", dict[Hashable, Result]())
        if (work, asked) not in done:
            done[work, asked] = work(subject, *asked, **named)
        result: Result = done[work, asked]
        return result

    return known


class Afresh(Mapping[str, Result]):
    """Values by name, each worked out whenever it is asked for: tables that nobody should keep beside what they become.

    Whatever they are read from must still be open then.
    """

    def __init__(self, names: Iterable[str], work: Callable[[str], Result]) -> None:
        self._names, self._work = dict.fromkeys(names), work

    def __getitem__(self, name: str) -> Result:
        if name not in self._names:
            raise KeyError(name)
        return self._work(name)

    def __contains__(self, name: object) -> bool:  # works nothing out
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Each(Afresh[Result]):
    """Values by name, each worked out when it is first asked for, and kept, but for those to be had `afresh`."""

    def __init__(self, names: Iterable[str], work: Callable[[str], Result], afresh: Container[str] = ()) -> None:
        super().__init__(names, work)
        self._known: dict[str, Result] = {}
        self._afresh = afresh

    def __getitem__(self, name: str) -> Result:
        if name in self._afresh:
            return super().__getitem__(name)
        if name not in self._known:
            self._known[name] = super().__getitem__(name)
        return self._known[name]
