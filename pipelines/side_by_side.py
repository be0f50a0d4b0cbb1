"""Does several pulls side by side, so that no system waits for the end of another's; each is asked one thing at a time.

The pulls share nothing. They end with the process, so that a run which is interrupted waits for none of them.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from tieout.pull import Fetched

AT_ONCE = 4  # systems: more would mostly wait for this machine, which unpacks and writes their pages
_HEARS = 0.2  # seconds after which a wait is begun anew, to hear of Ctrl-C: libraries let the system restart waits
Pull = Callable[[], Fetched]
Lane = list[tuple[Future[Fetched], Pull]]


@contextmanager
def side_by_side(pulls: Sequence[tuple[str, Pull]]) -> Iterator[list[Pull]]:
    """Begin pulls, those that name the same system one after the other; gives, in their order, what waits for each.

    At the end of the block, what has not begun does not begin any more.
    """
    brought: list[Future[Fetched]] = [Future() for _ in pulls]
    lanes: dict[str, Lane] = {}
    for future, (system, pull) in zip(brought, pulls, strict=True):
        lanes.setdefault(system, []).append((future, pull))
    waiting = SimpleQueue[Lane]()
    for lane in lanes.values():
        waiting.put(lane)
    for _ in range(min(AT_ONCE, len(lanes))):
        Thread(target=_work, args=(waiting,), daemon=True).start()
    try:
        yield [partial(_when_come, future) for future in brought]
    finally:
        for future in brought:
            future.cancel()


def _when_come(future: Future[Fetched]) -> Fetched:
    while not future.done():
        wait([future], timeout=_HEARS)
    return future.result()


def _work(waiting: SimpleQueue[Lane]) -> None:
    while True:
        try:
            lane = waiting.get_nowait()
        except Empty:
            return
        for future, pull in lane:
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(pull())
            except BaseException as error:  # told where what it brought is asked for
                future.set_exception(error)
