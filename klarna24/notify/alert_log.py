"""The trouble book: what mail has been sent about, so that nobody is told the same thing every night."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from klarna24.notify.alerts import Alert, Known
from klarna24.state.base import Database
from klarna24.text import from_stored, to_stored


class AlertLog(Database):
    """Opened with :meth:`open`, once the profiles have been run."""

    def of(self, profile: str) -> list[Known]:
        """Oldest first."""
        found = self._query("SELECT * FROM alert WHERE profile = ? ORDER BY id", (profile,))
        return [_known(row) for row in found]

    def profiles(self) -> set[str]:
        return {row["profile"] for row in self._query("SELECT DISTINCT profile FROM alert")}

    def keep(self, profile: str, known: Iterable[Known]) -> None:
        """All that is known of the profile's troubles now; what is not among it is forgotten."""
        with self._transaction():
            self._db.execute("DELETE FROM alert WHERE profile = ?", (profile,))
            self._db.executemany(
                "INSERT INTO alert (profile, subject, code, wording, facts, first_at, mailed_at, over_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [_columns(it) for it in known],
            )

    def mailed(
        self, profile: str, told: Sequence[Known], over: Sequence[Known], summary: str, at: datetime
    ) -> None:
        """The mail has left: what it told is told, and what it called over is forgotten."""
        with self._transaction():
            self._db.executemany(
                "UPDATE alert SET mailed_at = ? WHERE (profile, subject, code) = (?, ?, ?)",
                [(at.isoformat(), *it.trouble.key) for it in told],
            )
            self._db.executemany(
                "DELETE FROM alert WHERE (profile, subject, code) = (?, ?, ?) AND over_at IS NOT NULL",
                [it.trouble.key for it in over],
            )
            self._event(profile, None, "mailed", summary)


def _columns(it: Known) -> tuple[str | None, ...]:
    trouble = it.trouble
    wording = to_stored(trouble.message, trouble.hint)
    moments = (it.first_at, it.mailed_at, it.over_at)
    return (*trouble.key, wording, trouble.facts, *(at.isoformat() if at else None for at in moments))


def _known(row: sqlite3.Row) -> Known:
    words = from_stored(row["wording"])
    trouble = Alert(row["profile"], row["subject"], row["code"], *words, row["facts"])
    first, mailed, over = (row[name] and datetime.fromisoformat(row[name]) for name in MOMENTS)
    return Known(trouble, first, mailed, over)


MOMENTS = ("first_at", "mailed_at", "over_at")
