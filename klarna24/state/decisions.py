"""What a person decides about a payout, and what waits for it although the payout is finished."""

import json
from collections.abc import Mapping
from decimal import Decimal

from klarna24.bookkeeping.voucher import Trace
from klarna24.errors import Problem, StateFault
from klarna24.state.reading import StateReader
from klarna24.state.records import CORRECTED, RECKONED, Row, Status, problem_columns, trace_columns
from klarna24.text.sentences import sentence


class Decisions(StateReader):
    """The part of :class:`~klarna24.state.store.State` that stores them."""

    def changed(self, row: Row, problem: Problem | None) -> None:
        """Klarna has changed the figures of a payout that is drafted, booked or skipped; without a problem, it has
        changed them back. The payout waits for a person, and keeps its status."""
        with self._transaction():
            self._db.execute(
                "UPDATE payout SET code = ?, reason = ?, hint = ?, wording = ? WHERE id = ? AND status = ?",
                (*problem_columns(problem), row.id, row.status),
            )
            answer = str(problem.message) if problem else "Klarna's figures are again those that were drafted"
            self._event(row.profile, row.id, "changed", answer)

    def accept(self, row: Row, totals: Mapping[str, Decimal], trace: Trace | None, note: str | None) -> None:
        """A person has corrected the voucher of a payout that changed at Klarna, to these totals. ``trace`` is how
        it is to look now; None where that is unknown."""
        figures = json.dumps({name: str(amount) for name, amount in totals.items()})
        settled = dict.fromkeys(("code", "reason", "hint", "wording"))
        looks = trace_columns(trace) if trace else {}
        values = {"totals": figures, "changed_at": self._now(), **settled, **looks}
        updates = ", ".join(f"{name} = :{name}" for name in values)
        with self._transaction():
            self._db.execute(
                f"UPDATE payout SET {updates} WHERE id = :id",  # noqa: S608 - our own column names
                {**values, "id": row.id},
            )
            self._event(row.profile, row.id, row.status, RECKONED if trace else CORRECTED, note)

    def resolve(
        self,
        row: Row,
        status: Status,
        answer: str,
        note: str | None,
        transaction_no: int | None = None,
    ) -> None:
        """Stores a person's decision. Raises StateFault if a run has changed the payout since ``row`` was read."""
        with self._transaction():
            changed = self._db.execute(
                "UPDATE payout SET status = ?, code = NULL, reason = NULL, hint = NULL, wording = NULL,"
                " awaits_order = 0, resend = ?, by_person = ?, transaction_no = ?, booked_at = ?,"
                " ledger_sums = NULL, changed_at = ? WHERE id = ? AND status = ?",
                (
                    status,
                    status is Status.READY,
                    status is not Status.READY,
                    transaction_no,
                    self._booked_at(status),
                    self._now(),
                    row.id,
                    row.status,
                ),
            )
            if not changed.rowcount:
                raise StateFault(
                    sentence(
                        "a run has changed payout {reference} in the meantime", reference=row.key.payment_reference
                    ),
                    sentence("look at it again: {command}", command="klarna24 status"),
                )
            self._event(row.profile, row.id, status, answer, note)

    def _booked_at(self, status: Status) -> str | None:
        """The column of a payout that has this status from now on."""
        return self._now() if status is Status.BOOKED else None
