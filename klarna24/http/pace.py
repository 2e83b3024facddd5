"""No more requests in a span of time than a vendor allows."""

import time
from collections import deque
from collections.abc import Callable, Hashable
from threading import Lock


class TooManyRequests(Exception):
    """The next request would have to wait for ``seconds``, which is longer than the caller allows."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class Pace:
    """At most ``most`` requests in any span of ``seconds``."""

    def __init__(self, most: int, seconds: float) -> None:
        self._times: deque[float] = deque(maxlen=most)
        self._seconds = seconds
        self._lock = Lock()

    def wait(self, longest: float, elsewhere: Callable[[], float] | None = None) -> None:
        """Return when a request may be made, and count it; ``elsewhere`` counts those of other hosts with it, and
        returns the seconds until one is possible. Raises TooManyRequests instead of waiting more than ``longest``
        seconds."""
        for count_or_wait in filter(None, (self._count_or_wait, elsewhere)):
            while (seconds := count_or_wait()) > 0:
                if seconds > longest:
                    raise TooManyRequests(seconds)
                time.sleep(seconds)

    def _count_or_wait(self) -> float:
        """Count a request and return 0, or return the seconds until one is possible."""
        with self._lock:
            now = time.monotonic()
            if len(self._times) == self._times.maxlen and (wait := self._times[0] + self._seconds - now) > 0:
                return wait
            self._times.append(now)
            return 0.0


# Shared by the whole process, because the vendors count the requests of a user, not of a profile: an agency's
# thousand web shops may have one user.
_paces: dict[Hashable, Pace] = {}
_paces_lock = Lock()


def pace_of(user: Hashable, most: int, seconds: float) -> Pace:
    """Return the pace that all clients of this user share in this process."""
    with _paces_lock:
        return _paces.setdefault((user, most, seconds), Pace(most, seconds))


def reset_paces() -> None:
    """Forget every request made so far; tests call it, because they share a process."""
    with _paces_lock:
        _paces.clear()
