"""One connection to the database: reading, whole transactions, and the event that each change leaves behind."""

import getpass
import logging
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Self

from klarna24.state.damage import check_values
from klarna24.state.database import SQLITE_ERRORS, open_for_reading, open_for_writing, trouble
from klarna24.text.sentences import sentence

# Profiles that run side by side in this process take turns. SQLite does not queue them: one could wait in vain.
_one_writer = Lock()
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
        for row in found:
            check_values(row)
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
