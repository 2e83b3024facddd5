"""A time limit on a whole call. A socket's time-out only limits the wait for the next byte, so that a server which
sends one now and then, or a slow look-up of its name, would keep every other shop's run from ending."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

SECONDS = 20.0  # for a mail or a ping in all: looking up the name, logging in and sending
T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """What ``work`` returns or raises. Raises TimeoutError after ``seconds``; work then ends with the process."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.set_exception(error)

    Thread(target=run, daemon=True, name="notify").start()
    return outcome.result(timeout=seconds)
