"""No faster than a vendor allows: so many requests of one user in so many seconds, whichever threads make them."""

import time
from collections import deque
from collections.abc import Hashable
from threading import Lock


class TooMany(Exception):
    """The next request would have to wait for ``seconds``: longer than whoever asks is willing to."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class Pace:
    """``most`` requests in any span of ``seconds``."""

    def __init__(self, most: int, seconds: float) -> None:
        self._times: deque[float] = deque(maxlen=most)
        self._seconds = seconds
        self._lock = Lock()

    def keep(self, longest_wait: float) -> None:
        """Returns when a request may be made, and counts it. Raises TooMany instead of waiting longer."""
        while (wait := self._take()) > 0:
            if wait > longest_wait:
                raise TooMany(wait)
            time.sleep(wait)

    def _take(self) -> float:
        """0, and counted; or how long it is until there is room."""
        with self._lock:
            now = time.monotonic()
            if len(self._times) == self._times.maxlen and (wait := self._times[0] + self._seconds - now) > 0:
                return wait
            self._times.append(now)
            return 0.0


_paces: dict[Hashable, Pace] = {}
_lock = Lock()


def pace_of(user: Hashable, most: int, seconds: float) -> Pace:
    """The one that all of this process share for this user."""
    with _lock:
        return _paces.setdefault((user, most, seconds), Pace(most, seconds))
