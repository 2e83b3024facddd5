"""Profiles run side by side: threads, for a run waits for two servers nearly all of its time."""

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
    """What ``work``, which does not raise, gives for each, in their order; at most ``jobs`` at a time, each in a
    thread that bears the thing's name (the log shows it). One job is done right here.

    Raises Stopped on a signal, once no save is under way any more.
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
            except Empty:
                return
            current_thread().name = name(things[place])
            try:
                results[place] = work(things[place])
            except Stopped:
                return  # the main thread has server_text the signal, too

    # daemons: after a signal nobody waits for those that only read
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
