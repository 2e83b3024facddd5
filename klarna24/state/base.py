"""One connection to the database: whole transactions, and the event that each change leaves behind."""

import getpass
import logging
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Self

from klarna24.state.database import copy_in_memory, open_for_writing, trouble
from klarna24.text import sentence

# Profiles that are run side by side take turns: SQLite would let the unlucky one wait until it gives up.
_turn = Lock()
log = logging.getLogger(__name__)


def default_who() -> str:
    """The user and the machine, for the log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


class Database:
    """What :class:`~klarna24.state.store.State` and the trouble book stand on."""

    def __init__(self, connection: sqlite3.Connection, who: str) -> None:
        self._db = connection
        self._who = who

    @classmethod
    def open(cls, folder: Path) -> Self:
        """For writing. Raises StateFault before anything is done."""
        return cls(open_for_writing(folder), default_who())

    @classmethod
    def snapshot(cls, folder: Path) -> Self:
        """A copy in memory, for looking."""
        return cls(copy_in_memory(folder), default_who())

    def close(self) -> None:
        self._db.close()

    def _query(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise trouble(error, sentence("the state")) from None

    def _event(
        self, profile: str, payout_id: int | None, what: str, answer: str | None, note: str | None = None
    ) -> None:
        self._db.execute(
            "INSERT INTO event (at, who, profile, payout_id, what, answer, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (now(), self._who, profile, payout_id, what, answer, note),
        )
        found = self._db.execute("SELECT payment_reference, currency FROM payout WHERE id = ?", (payout_id,))
        words = [profile, *(f"payout {' '.join(row)}" for row in found), what, *filter(None, [answer])]
        log.info("%s", ": ".join(words))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """IMMEDIATE, and on disk when it ends (synchronous = EXTRA)."""
        with _turn:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._db.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise trouble(error, sentence("the state")) from None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
