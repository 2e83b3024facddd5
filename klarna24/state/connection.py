"""What the state needs of a database: one connection, be it to a file of SQLite or to a PostgreSQL server.

The statements of the state are written once, in what both understand, with SQLite's marks (``?`` and ``:name``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from klarna24.config.address import Server

Place = Path | Server
"""Where the state is: a folder that has a database of SQLite, or a PostgreSQL server."""

Values = Sequence[object] | Mapping[str, object]


class Facts(NamedTuple):
    """What ``check`` says of a server. ``round_trip`` is in seconds; ``ahead`` is how far the server's clock is
    ahead of this machine's."""

    version: str
    encryption: str | None
    user: str
    is_superuser: bool
    is_durable: bool
    round_trip: float
    ahead: timedelta


class Record(Protocol):
    """A row that was read: its values by the names of their columns, or one after the other."""

    def __getitem__(self, name: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> Iterable[str]:
        """The names of the columns."""
        ...


class Answer(Protocol):
    """What a statement led to."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...


class Connection(Protocol):
    """One connection to the state."""

    def execute(self, statement: str, values: Values = (), /) -> Answer:
        """Raises the database's own errors, which :meth:`errors` and :meth:`transaction` turn into ours."""
        ...

    def executemany(self, statement: str, values: Iterable[Values], /) -> None:
        """The same for each of the values."""
        ...

    def errors(self) -> AbstractContextManager[None]:
        """Turns the database's errors into StateFault, Locked or Unavailable."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All changes inside are made or none; they are on disk when it ends. What is read inside is still true
        when it is changed: no other process, on whatever host, can write in between."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """All that is read inside is of one moment."""
        ...

    def check_integrity(self) -> None:
        """Raises Damaged where a table and its index disagree. A server looks after that itself."""
        ...

    def require_lock(self) -> None:
        """Inside a transaction: raises Unavailable if the lock with which this connection began is lost."""
        ...

    def try_to_write(self) -> None:
        """Makes a change and takes it back. Raises StateFault if nothing can be written."""
        ...

    def facts(self) -> Facts | None:
        """Of a server; None of a file."""
        ...

    def count_request(self, whose: str, most: int) -> float:
        """Counts a request with those of all hosts in the last hour, and returns 0; or the seconds until there are
        fewer than ``most``."""
        ...

    def now(self) -> datetime:
        """The present in UTC, by the clock that all who share the state go by."""
        ...

    def close(self) -> None:
        """Ends it; to be called more than once if need be."""
        ...
