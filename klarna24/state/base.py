"""One connection to the database: reading, whole transactions, and the event that each change leaves behind."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

from klarna24.errors import Klarna24Error
from klarna24.state.connection import Connection, Facts, Place, Record, Values
from klarna24.state.damage import check_values
from klarna24.state.opening import open_for_reading, open_for_writing
from klarna24.state.who import who

VALUES_AT_A_TIME = 500  # in one statement
log = logging.getLogger(__name__)


class Database:
    """The base of all classes that store something in the state. Their methods raise Locked, StateFault and, where
    the state is on a server, Unavailable."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, place: Place, locked: Connection | None = None) -> Self:
        """For reading and writing; makes the database where there is none. ``locked`` is what
        :func:`~klarna24.state.lock.only_run` gave: the run writes by the connection that has its lock."""
        return cls(locked or open_for_writing(place))

    @classmethod
    def for_reading(cls, place: Place) -> Self:
        """For reading only: nothing is changed, and writing raises StateFault. Works while a run writes, and does
        not keep one from writing."""
        return cls(open_for_reading(place))

    def close(self) -> None:
        """Closes the connection."""
        self._db.close()

    def check_integrity(self) -> None:
        """Raises Damaged if a table and its index disagree, or if a part of the file is not where it should be. To
        be called before anything is sent. It reads the whole file, once a process."""
        self._db.check_integrity()

    def try_to_write(self) -> None:
        """Makes a change and takes it back. Raises StateFault if nothing can be written."""
        self._db.try_to_write()

    def facts(self) -> Facts | None:
        """What ``check`` says of a server; None of a file."""
        return self._db.facts()

    def count_request(self, whose: str, most: int) -> float:
        """Counts a request with those of all hosts in the last hour, and returns 0; or the seconds until there are
        fewer than ``most``. What cannot be counted now waits for nothing."""
        try:
            return self._db.count_request(whose, most)
        except Klarna24Error as error:
            log.debug("a request is not counted: %s", error.message)
            return 0.0

    def now(self) -> datetime:
        """The present in UTC, by the clock that all who share the state go by."""
        return self._db.now()

    def _now(self) -> str:
        """The present, as the database stores it."""
        return stored_moment(self.now())

    def _query(self, statement: str, values: Values = ()) -> list[Record]:
        """All at once: a statement that is read row by row would keep other processes from writing meanwhile.
        Raises Damaged for a value that its column cannot hold."""
        with self._db.errors():
            found = self._db.execute(statement, values).fetchall()
        check_values(found)
        return found

    def _query_in(self, statement: str, values: Sequence[object], among: Iterable[object]) -> Iterator[Any]:
        """The rows for the values in ``among``, of which any number may be given: ``{}`` in the statement becomes
        a mark for each of some hundreds. What belongs to one value comes from one read."""
        wanted = [*dict.fromkeys(among)]
        for first in range(0, len(wanted), VALUES_AT_A_TIME):
            some = wanted[first : first + VALUES_AT_A_TIME]
            yield from self._query(statement.format(", ".join("?" for _ in some)), (*values, *some))

    def _distinct(
        self, column: str, table: str, condition: str = "1 = 1", values: Sequence[object] = ()
    ) -> list[Any]:
        """Every value of the column but NULL, in order. Each is one step in an index that begins with the columns
        of the condition, then has this one: however many rows there are, only the values cost time."""
        found: list[Any] = []
        statement = f"SELECT min({column}) AS value FROM {table} WHERE {condition}"  # noqa: S608 - our own names
        (row,) = self._query(statement, values)
        while row["value"] is not None:
            found.append(row["value"])
            (row,) = self._query(f"{statement} AND {column} > ?", (*values, row["value"]))
        return found

    def _event(
        self, profile: str, payout_id: int | None, what: str, answer: str | None, note: str | None = None
    ) -> None:
        self._db.execute(
            "INSERT INTO event (at, who, profile, payout_id, what, answer, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._now(), who(), profile, payout_id, what, answer, note),
        )
        found = self._query("SELECT payment_reference, currency FROM payout WHERE id = ?", (payout_id,))
        words = [profile, *(f"payout {' '.join(row)}" for row in found), what, *filter(None, [answer])]
        log.info("%s", ": ".join(words))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All changes inside are made or none. They are on disk when it ends."""
        with self._db.transaction():
            yield


def stored_moment(it: datetime) -> str:
    """The moment in UTC, as the database stores it."""
    return it.astimezone(UTC).isoformat(timespec="seconds")
