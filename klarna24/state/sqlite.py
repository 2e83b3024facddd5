"""A connection to a file of SQLite, as the state uses it."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from klarna24.state.connection import Values
from klarna24.state.damage import check_integrity, check_once
from klarna24.state.database import SQLITE_ERRORS, trouble
from klarna24.text.sentences import sentence

# Profiles that run side by side in this process take turns. SQLite does not queue them: one could wait in vain.
_one_writer = Lock()


class SqliteConnection:
    """A :class:`~klarna24.state.connection.Connection` to a file. Its lock is the folder's (lock.py): it cannot be
    lost while the process lives."""

    def __init__(self, opened: sqlite3.Connection) -> None:
        self._file = opened
        self.execute = opened.execute
        self.close = opened.close

    def executemany(self, statement: str, values: Iterable[Values], /) -> None:
        """The same statement for each of the values."""
        self._file.executemany(statement, values)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns SQLite's errors into Locked and StateFault."""
        try:
            yield
        except SQLITE_ERRORS as error:
            raise trouble(error, sentence("the state")) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside are made or none. They are on disk when it ends (synchronous = EXTRA).

        IMMEDIATE, so that what is read inside is still true when it is changed: no other process can write in
        between.
        """
        with _one_writer, self.errors():
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment; nobody can write meanwhile."""
        with self.errors():
            self.execute("BEGIN")
            try:
                yield
            finally:
                self.execute("ROLLBACK")

    def check_integrity(self) -> None:
        """Reads the whole file, once a process. Raises Damaged if a table and its index disagree."""
        with self.errors():
            path = Path(self.execute("PRAGMA database_list").fetchone()["file"])
            check_once(check_integrity, self._file, path)

    def require_lock(self) -> None:
        """Holds always: see above."""

    def try_to_write(self) -> None:
        """Makes a change and takes it back. Raises StateFault if nothing can be written."""
        with self.errors():
            self.execute("BEGIN IMMEDIATE")
            version = self.execute("PRAGMA user_version").fetchone()[0]
            self.execute(f"PRAGMA user_version = {version}")
            self.execute("ROLLBACK")

    def facts(self) -> None:
        """There is no server."""

    def count_request(self, whose: str, most: int) -> float:
        """No other host uses a file: the process itself counts (klarna24/http/pace.py)."""
        del whose, most
        return 0.0

    def now(self) -> datetime:
        """By this machine's clock."""
        return datetime.now(UTC)
