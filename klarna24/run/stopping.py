"""SIGTERM, SIGHUP and Ctrl-C: a save under way is finished and written down first; a second signal stops at once.

Python delivers signals to the main thread only. Where profiles run side by side in threads, no save begins after
the first signal, and the main thread waits for those under way; threads that only read are left behind.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, current_thread, main_thread
from types import FrameType

# A terminal that is closed sends SIGHUP; Windows does not have it.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(BaseException):
    """A signal ended the run. No Exception, so that no handler on the way takes it for a fault and goes on."""

    def __init__(self, signal_number: int) -> None:
        self.name = signal.Signals(signal_number).name
        self.exit_code = 128 + signal_number  # 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP
        super().__init__(self.name)


class _Pending:
    """The last signal, whether the main thread is saving, and how many other threads are."""

    signal_number: int | None = None
    main_is_saving = False
    saving_threads = 0


_pending = _Pending()
_saves_changed = Condition()  # the handler never takes it: it may interrupt whoever holds it


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Inside, a signal raises Stopped in the main thread: at once, or where :func:`finish_first` ends. A signal
    that is ignored when the program starts (``nohup``, ``&`` in a script) stays ignored."""
    _pending.signal_number = None
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _on_signal) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signal(signal_number: int, frame: FrameType | None) -> None:
    del frame
    is_first, _pending.signal_number = _pending.signal_number is None, signal_number
    if not (_pending.main_is_saving and is_first):
        raise Stopped(signal_number)


@contextmanager
def finish_first() -> Iterator[None]:
    """The first signal does not interrupt what stands inside; it raises Stopped at its end."""
    if current_thread() is not main_thread():
        with _finish_in_thread():
            yield
        return
    _pending.main_is_saving = True
    try:
        yield
    finally:
        _pending.main_is_saving = False
        _raise_pending()


@contextmanager
def _finish_in_thread() -> Iterator[None]:
    with _saves_changed:
        _raise_pending()
        _pending.saving_threads += 1
    try:
        yield
    finally:
        with _saves_changed:
            _pending.saving_threads -= 1
            _saves_changed.notify_all()
    _raise_pending()


def _raise_pending() -> None:
    if _pending.signal_number is not None:
        raise Stopped(_pending.signal_number)


def wait_for_saves() -> None:
    """Returns once no other thread is inside :func:`finish_first`; for the main thread, after a signal."""
    with _saves_changed:
        _saves_changed.wait_for(lambda: not _pending.saving_threads)
