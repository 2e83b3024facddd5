"""SIGTERM and Ctrl-C: what is being saved is finished and written down first; a second signal stops at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """No Exception: nothing on the way may take it for a fault and go on. 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.name = signal.Signals(signal_number).name
        self.exit_code = 128 + signal_number


class _Pending:
    finishing = False
    signal_number: int | None = None


_pending = _Pending()


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """From here a signal raises Stopped, at once or as soon as :func:`finish_first` lets it."""
    _pending.signal_number = None
    before = {number: signal.signal(number, _on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signal(signal_number: int, frame: FrameType | None) -> None:
    del frame
    if _pending.finishing and _pending.signal_number is None:
        _pending.signal_number = signal_number
        return
    raise Stopped(signal_number)


@contextmanager
def finish_first() -> Iterator[None]:
    """What stands inside is not stopped by the first signal, which is raised at its end."""
    _pending.finishing = True
    try:
        yield
    finally:
        _pending.finishing = False
        if _pending.signal_number is not None:
            raise Stopped(_pending.signal_number)
