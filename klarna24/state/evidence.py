"""What the archive holds of each payout: the table evidence, whose names with a / are paths in the archive.

A voucher waits here from the moment in which it is sent until it is in the archive: its name is then ``sent`` and
the moment, and its content stands in ``note``. What a run could not archive therefore is not lost with the run.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from klarna24.state.connection import Record
from klarna24.state.reading import StateReader
from klarna24.state.records import Owner, Row

SENT = "sent "
# A payout whose four documents are there in their first version, and of which nothing waits, lacks nothing.
_COMPLETE = (
    "(SELECT count(*) FROM evidence WHERE payout_id = payout.id AND (name LIKE '%/payout.json'"
    " OR name LIKE '%/rows.json' OR name LIKE '%/rows-1.json' OR name LIKE '%/report.pdf'"
    " OR name LIKE '%/report.csv')) = 4 AND NOT EXISTS (SELECT 1 FROM evidence WHERE payout_id = payout.id"
    " AND (name LIKE 'sent %' OR name LIKE '%/payout-%'))"
)


class Evidence(NamedTuple):
    """A file in the archive, or a voucher that waits for it. ``name`` is its path, with / between folders;
    ``size`` is in bytes. ``note`` is, of Klarna's JSON, a digest of the figures for which it was fetched."""

    payout_id: int
    name: str
    sha256: str
    size: int
    note: str | None

    @property
    def is_waiting(self) -> bool:
        """Whether it is a voucher that is not in the archive yet; ``note`` is its content."""
        return self.name.startswith(SENT)

    @property
    def folder(self) -> str:
        """The payout's folder in the archive."""
        return self.name.rpartition("/")[0]

    @property
    def file(self) -> str:
        """The file's name in that folder."""
        return self.name.rpartition("/")[2]


class EvidenceState(StateReader):
    """The part of :class:`~klarna24.state.store.State` that knows what is in the archive."""

    def payouts_of(self, owner: Owner) -> list[Row]:
        """All payouts of the profile, in the company and environment that it names today, oldest first."""
        return self._payouts("profile = ? AND client_id = ? AND environment = ? ORDER BY payout_date, id", *owner)

    def incomplete(self, owner: Owner, about: str) -> list[Row]:
        """Of the same payouts those that may lack a document, or have a remark ``about`` this."""
        return self._payouts(
            "profile = ? AND client_id = ? AND environment = ?"
            f" AND (remarks LIKE ? OR NOT ({_COMPLETE})) ORDER BY payout_date, id",
            *owner,
            f'%"{about}"%',
        )

    def evidence_of(self, rows: Iterable[Row]) -> dict[int, list[Evidence]]:
        """What is kept of these payouts, by their ids."""
        statement = "SELECT payout_id, name, sha256, size, note FROM evidence WHERE payout_id IN ({}) ORDER BY id"
        return _by_payout(self._query_in(statement, (), (row.id for row in rows)))

    def evidence(self, owner: Owner | None = None) -> dict[int, list[Evidence]]:
        """What is kept of the profile's payouts, or of all, by the id of the payout."""
        whose = "(profile, client_id, environment) = (?, ?, ?)" if owner else "1 = 1"
        found = self._query(
            "SELECT payout_id, evidence.name, sha256, size, evidence.note FROM evidence"  # noqa: S608 - as above
            f" JOIN payout ON payout.id = payout_id WHERE {whose} ORDER BY evidence.id",
            owner or (),
        )
        return _by_payout(found)

    def keep_evidence(self, owner: Owner, files: Iterable[Evidence], waited: Iterable[Evidence] = ()) -> None:
        """Stores that these files are in the archive, in place of the vouchers that ``waited`` for it. The log
        gets one event for each payout."""
        names: dict[int, list[str]] = {}
        with self._transaction():
            for it in files:
                self._db.execute(
                    "INSERT INTO evidence (payout_id, name, sha256, size, at, note) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (payout_id, name) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size,"
                    " at = excluded.at, note = excluded.note",
                    (it.payout_id, it.name, it.sha256, it.size, self._now(), it.note),
                )
                names.setdefault(it.payout_id, []).append(it.file)
            for it in waited:
                self._db.execute("DELETE FROM evidence WHERE (payout_id, name) = (?, ?)", (it.payout_id, it.name))
            for payout_id, kept in names.items():
                self._event(owner.profile, payout_id, "archived", ", ".join(kept))

    def _voucher_waits(self, payout_id: int, sent_at: str, document: str) -> None:
        """Inside the transaction that stores "sending"."""
        content = document.encode()
        self._db.execute(
            "INSERT INTO evidence (payout_id, name, sha256, size, at, note) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (payout_id, name) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size,"
            " note = excluded.note",
            (payout_id, f"{SENT}{sent_at}", sha256(content).hexdigest(), len(content), sent_at, document),
        )

    def _voucher_was_not_sent(self, payout_id: int) -> None:
        """Inside the transaction that stores that after all nothing was sent."""
        self._db.execute(
            "DELETE FROM evidence WHERE payout_id = ? AND name = ? || (SELECT sent_at FROM payout WHERE id = ?)",
            (payout_id, SENT, payout_id),
        )

    def note_evidence(self, it: Evidence) -> None:
        """Stores its note: for which figures Klarna's JSON was found to be the same."""
        with self._transaction():
            self._db.execute(
                "UPDATE evidence SET note = ? WHERE (payout_id, name) = (?, ?)", (it.note, it.payout_id, it.name)
            )


def _by_payout(found: Iterable[Record]) -> dict[int, list[Evidence]]:
    """Files and what waits for the archive; not what became of a report that was mailed or attached."""
    kept: dict[int, list[Evidence]] = {}
    for it in (Evidence(*row) for row in found):
        if it.is_waiting or it.folder:
            kept.setdefault(it.payout_id, []).append(it)
    return kept
