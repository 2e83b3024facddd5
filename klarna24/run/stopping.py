"""SIGTERM and Ctrl-C: what is being saved is finished and written down first; a second signal stops at once.

Signals reach the main thread only. Where profiles are run side by side, in threads, no save begins any more after
the first signal, and the main thread waits for those under way; what only reads is left behind.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, current_thread, main_thread
from types import FrameType


class Stopped(BaseException):
    """No Exception: nothing on the way may take it for a fault and go on. 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, signal_number: int) -> None:

        self.name = signal.Signals(signal_number).name
        super().__init__(self.name)
        self.exit_code = 128 + signal_number


class _Pending:
    """``finishing`` is the main thread's own, ``saves`` are those of all other threads."""

    finishing = False
    signal_number: int | None = None
    saves = 0


_pending = _Pending()
_saves_changed = Condition()  # never taken by the handler, which may interrupt whoever holds it


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """From here a signal raises Stopped, at once or as soon as :func:`finish_first` lets it."""

    _pending.signal_number = None
    before = {number: signal.signal(number, _on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signal(signal_number: int, frame: FrameType | None) -> None:
    del frame
    first, _pending.signal_number = _pending.signal_number is None, signal_number
    if not (_pending.finishing and first):
        raise Stopped(signal_number)


@contextmanager
def finish_first() -> Iterator[None]:
    """What stands inside is not stopped by the first signal, which is raised at its end."""
    if current_thread() is not main_thread():
        with _finish_in_thread():
            yield
        return
    _pending.finishing = True
    try:
        yield
    finally:
        _pending.finishing = False
        _raise_pending()


@contextmanager
def _finish_in_thread() -> Iterator[None]:
    with _saves_changed:
        _raise_pending()
        _pending.saves += 1
    try:
        yield
    finally:
        with _saves_changed:
            _pending.saves -= 1
            _saves_changed.notify_all()
    _raise_pending()


def _raise_pending() -> None:
    if _pending.signal_number is not None:
        raise Stopped(_pending.signal_number)


def wait_for_saves() -> None:
    """In the main thread, after a signal: until no other thread is inside :func:`finish_first`."""
    with _saves_changed:
        while _pending.saves:
            _saves_changed.wait()
