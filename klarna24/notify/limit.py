"""What ends within its seconds: neither a look-up of a name nor a server that drips knows of a time limit."""

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

SECONDS = 20.0  # in all: names looked up, login and everything else
T = TypeVar("T")


def within(seconds: float, work: Callable[[], T], give_up: Callable[[], None] = lambda: None) -> T:
    """What ``work`` gives or raises. Raises TimeoutError once the seconds are over, after ``give_up``."""
    ended: list[tuple[T | None, Exception | None]] = []

    def run() -> None:
        try:
            ended.append((work(), None))
        except Exception as error:  # noqa: BLE001 - raised again below, where somebody hears it
            ended.append((None, error))

    thread = Thread(target=run, daemon=True, name="notify")
    thread.start()
    thread.join(seconds)
    if not ended:
        give_up()
        raise TimeoutError(f"no end within {seconds:.0f} s")
    result, error = ended[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only where T is
