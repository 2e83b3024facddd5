"""What became of Klarna's report of a payout: mailed, or attached to the draft (``name`` in the table evidence).

mail     due → sending → sent | unknown       sending is on disk before the mail leaves; or not sent at all
attach   saving N → N                         N is the stamp number; saving is on disk before the first page
"""

from typing import Literal

from klarna24.bookkeeping.payout import PayoutKey
from klarna24.state.reading import StateReader
from klarna24.state.records import Owner, Row, row_of

Way = Literal["mail", "attach"]


class Deliveries(StateReader):
    """The part of :class:`~klarna24.state.store.State` that writes and reads them."""

    def delivery(self, row_id: int, way: Way) -> str | None:
        """How far it has come; None where it never began."""
        found = self._query("SELECT note FROM evidence WHERE payout_id = ? AND name = ?", (row_id, way))
        return found[0]["note"] if found else None

    def undelivered(self, owner: Owner) -> list[Row]:
        """The profile's drafted and booked payouts whose report is yet to be mailed, or was being mailed when a
        run ended; oldest first."""
        # A cross join, because SQLite reads its left table first: the few reports, and not all payouts.
        found = self._query(
            "SELECT payout.* FROM evidence CROSS JOIN payout WHERE payout.id = payout_id AND name = 'mail'"
            " AND note IN ('due', 'sending') AND profile = ? AND client_id = ? AND environment = ?"
            " AND status IN ('drafted', 'booked') ORDER BY payout_date, payout.id",
            owner,
        )
        return [row_of(row) for row in found]

    def mail_when_drafted(self, owner: Owner, key: PayoutKey) -> None:
        """The payout's report is to be mailed once it is drafted, unless that has begun already."""
        with self._transaction():
            if row := self.row(owner, key):
                self._db.execute(
                    "INSERT INTO evidence (payout_id, name, at, note) VALUES (?, 'mail', ?, 'due')"
                    " ON CONFLICT (payout_id, name) DO NOTHING",
                    (row.id, self._now()),
                )

    def deliver(
        self,
        owner: Owner,
        row_id: int,
        way: Way,
        note: str,
        answer: str,
        sha256: str | None = None,
        size: int | None = None,
    ) -> None:
        """Stores how far it has come; ``answer`` is what the log says of it. ``sha256`` and ``size`` (bytes) are
        those of the PDF, and stay once they are known."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO evidence (payout_id, name, at, note, sha256, size) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (payout_id, name) DO UPDATE SET at = excluded.at, note = excluded.note,"
                " sha256 = coalesce(excluded.sha256, evidence.sha256),"
                " size = coalesce(excluded.size, evidence.size)",
                (row_id, way, self._now(), note, sha256, size),
            )
            self._event(owner.profile, row_id, f"evidence: {way}", answer)
