"""The table of alerts in the state: what was mailed, so that nobody gets the same mail every night."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from klarna24.notify.alerts import Alert, Digest, KnownAlert
from klarna24.state.base import Database
from klarna24.text.sentences import from_stored, to_stored

MOMENTS = ("first_at", "mailed_at", "over_at")


class AlertLog(Database):
    """Opened with :meth:`open`, after the profiles have run. Each method raises StateFault."""

    def of(self, profile: str) -> list[KnownAlert]:
        """The profile's alerts, oldest first."""
        rows = self._query("SELECT * FROM alert WHERE profile = ? ORDER BY id", (profile,))
        return [_known_alert(row) for row in rows]

    def profiles(self) -> set[str]:
        """The names of the profiles that have alerts."""
        return {row["profile"] for row in self._query("SELECT DISTINCT profile FROM alert")}

    def keep(self, profile: str, known: Iterable[KnownAlert]) -> None:
        """Replace all alerts of the profile."""
        with self._transaction():
            self._db.execute("DELETE FROM alert WHERE profile = ?", (profile,))
            self._db.executemany(
                "INSERT INTO alert (profile, subject, code, wording, facts, first_at, mailed_at, over_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [_columns(it) for it in known],
            )

    def mailed(self, profile: str, digest: Digest, summary: str, at: datetime) -> None:
        """Record that the mail has left: forget the alerts that are over."""
        with self._transaction():
            self._db.executemany(
                "UPDATE alert SET mailed_at = ? WHERE (profile, subject, code) = (?, ?, ?)",
                [(at.isoformat(), *it.alert.key) for it in (*digest.new, *digest.still)],
            )
            self._db.executemany(
                "DELETE FROM alert WHERE (profile, subject, code) = (?, ?, ?) AND over_at IS NOT NULL",
                [it.alert.key for it in digest.over],
            )
            self._event(profile, None, "mailed", summary)


def _columns(it: KnownAlert) -> tuple[str | None, ...]:
    wording = to_stored(it.alert.message, it.alert.hint)
    moments = (it.first_at, it.mailed_at, it.over_at)
    return (*it.alert.key, wording, it.alert.facts, *(at.isoformat() if at else None for at in moments))


def _known_alert(row: Any) -> KnownAlert:
    alert = Alert(row["profile"], row["subject"], row["code"], *from_stored(row["wording"]), row["facts"])
    return KnownAlert(alert, *(row[name] and datetime.fromisoformat(row[name]) for name in MOMENTS))
