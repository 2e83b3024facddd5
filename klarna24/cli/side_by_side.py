"""Runs profiles side by side, in threads: a run spends nearly all of its time waiting for two servers.

Not in a ThreadPoolExecutor, whose threads Python joins before it exits: after a signal, one server that does not
answer would keep the program from ending for minutes.
"""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread, current_thread
from typing import TypeVar

from klarna24.run.stopping import Stopped, wait_for_saves

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Thing], Result], things: Sequence[Thing], jobs: int, name: Callable[[Thing], str]
) -> list[Result]:
    """The results of ``work``, which does not raise, in the order of the things.

    At most ``jobs`` run at a time, each in a thread with the thing's name, which the log shows; one job runs here.

    Raises Stopped on a signal, once no save is under way.
    """
    if jobs == 1 or len(things) < 2:
        return [work(thing) for thing in things]
    waiting: SimpleQueue[int] = SimpleQueue()
    for place in range(len(things)):
        waiting.put(place)
    results: dict[int, Result] = {}

    def worker() -> None:
        while True:
            try:
                place = waiting.get_nowait()
                current_thread().name = name(things[place])
                results[place] = work(things[place])
            except (Empty, Stopped):  # the main thread raises Stopped, too
                return

    threads = [Thread(target=worker, daemon=True) for _ in range(min(jobs, len(things)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except Stopped:
        wait_for_saves()
        raise
    return [results[place] for place in range(len(things))]
