"""Profiles of one company, in one run: each of the company's lists is read once for all of them."""

from collections.abc import Callable, Hashable
from threading import Event, Lock
from typing import Any, TypeVar

T = TypeVar("T")


class SharedBooks:
    """The lists that were read so far; for the length of a run, and for profiles side by side.

    Only what was read well is shared. Whoever asks while another profile does so waits for its answer; where that
    one fails, each asks for itself, so that its fault is its own and nobody waits twice.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[Hashable, Any] = {}
        self._asked: dict[Hashable, Event] = {}

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What ``ask`` returned when it was first called with this key. Raises what ``ask`` raises."""
        found: T
        with self._lock:
            if key in self._known:
                found = self._known[key]
                return found
            asked = self._asked.get(key)
            if asked is None:
                mine = self._asked[key] = Event()
        if asked is None:
            return self._ask(key, ask, mine)
        asked.wait()
        with self._lock:
            if key in self._known:
                found = self._known[key]
                return found
        return ask()

    def _ask(self, key: Hashable, ask: Callable[[], T], mine: Event) -> T:
        try:
            found = ask()
            with self._lock:
                self._known[key] = found
            return found
        finally:
            with self._lock:
                del self._asked[key]
            mine.set()
