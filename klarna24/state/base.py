"""One connection to the database: reading, whole transactions, and the event that each change leaves behind."""

import getpass
import logging
import os
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Self

from klarna24.state.damage import check_integrity, check_once, check_values
from klarna24.state.database import SQLITE_ERRORS, open_for_reading, open_for_writing, trouble
from klarna24.text.sentences import sentence

# Profiles that run side by side in this process take turns. SQLite does not queue them: one could wait in vain.
_one_writer = Lock()
VALUES_AT_A_TIME = 500  # in one statement
log = logging.getLogger(__name__)


class Database:
    """The base of all classes that store something in the state. Their methods raise Locked and StateFault."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, folder: Path) -> Self:
        """For reading and writing; makes the database where there is none."""
        return cls(open_for_writing(folder))

    @classmethod
    def for_reading(cls, folder: Path) -> Self:
        """For reading only: nothing on disk changes, and writing raises StateFault. Works while a run writes, and
        does not keep one from writing."""
        return cls(open_for_reading(folder))

    def close(self) -> None:
        """Closes the connection."""
        self._db.close()

    def check_integrity(self) -> None:
        """Raises Damaged if a table and its index disagree, or if a part of the file is not where it should be. To
        be called before anything is sent. It reads the whole file, once a process."""
        with _own_errors():
            path = Path(self._db.execute("PRAGMA database_list").fetchone()["file"])
            check_once(check_integrity, self._db, path)

    def try_to_write(self) -> None:
        """Makes a change and takes it back. Raises StateFault if nothing can be written."""
        with _own_errors():
            self._db.execute("BEGIN IMMEDIATE")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            self._db.execute(f"PRAGMA user_version = {version}")
            self._db.execute("ROLLBACK")

    def _query(self, statement: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[sqlite3.Row]:
        """All at once: a statement that is read row by row would keep other processes from writing meanwhile.
        Raises Damaged for a value that its column cannot hold."""
        with _own_errors():
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
            (now(), who(), profile, payout_id, what, answer, note),
        )
        found = self._query("SELECT payment_reference, currency FROM payout WHERE id = ?", (payout_id,))
        words = [profile, *(f"payout {' '.join(row)}" for row in found), what, *filter(None, [answer])]
        log.info("%s", ": ".join(words))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All changes inside are made or none. They are on disk when it ends (synchronous = EXTRA).

        IMMEDIATE, so that what is read inside is still true when it is changed: no other process can write in
        between.
        """
        with _one_writer, _own_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except SQLITE_ERRORS as error:
        raise trouble(error, sentence("the state")) from None


def now() -> str:
    """The present in UTC, as the database stores it."""
    return stored_moment(datetime.now(UTC))


def stored_moment(it: datetime) -> str:
    """The moment in UTC, as the database stores it."""
    return it.astimezone(UTC).isoformat(timespec="seconds")


def who() -> str:
    """The user and the machine, for the log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
