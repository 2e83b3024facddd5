"""A state after years: each shop's payouts, one a day, with what the log and the archive have of each.

A real run makes the first payout of each shop; all others are copies of its rows under other days and references,
so that this program knows few of the columns.
"""

from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from klarna24.state.store import State

ARCHIVED = ("payout.json", "transactions.json", "report.pdf", "report.csv", "voucher.json")
UNBOOKED = 5  # days that an accountant takes to book a draft


class _Years(State):
    """Writes more rows like those that are there, in one transaction."""

    def grow(self, days: int) -> int:
        """Each payout gets ``days`` - 1 older ones. Returns how many payouts there are then."""
        with self._transaction():
            for payout in self._query("SELECT * FROM payout ORDER BY id"):
                events = self._query("SELECT * FROM event WHERE payout_id = ? ORDER BY id", (payout["id"],))
                newest = date.fromisoformat(payout["payout_date"])
                for ago in range(1, days):
                    self._copy(dict(payout), [dict(event) for event in events], newest - timedelta(days=ago), ago)
        (found,) = self._query("SELECT count(*) AS payouts FROM payout")
        return int(found["payouts"])

    def _copy(self, payout: dict[str, Any], events: list[dict[str, Any]], day: date, ago: int) -> None:
        before, reference = payout["payment_reference"], payout["payment_reference"]
        reference = f"D{day}{before[len('D2026-11-27') :]}"
        number = payout.pop("id")
        del number
        payout |= {"payment_reference": reference, "payout_date": str(day), "anchor_date": str(day)}
        payout["bundle_name"] = str(payout["bundle_name"]).replace(before, reference)
        if ago >= UNBOOKED:
            payout |= {"status": "booked", "transaction_no": 10_000 + ago, "booked_at": payout["changed_at"]}
            events.append({**events[-1], "what": "booked", "answer": f"found in the ledger as {10_000 + ago}"})
        row_id = self._insert("payout", payout)
        for event in events:
            event.pop("id")
            self._insert("event", event | {"payout_id": row_id})

    def _insert(self, table: str, values: dict[str, Any]) -> int:
        columns, marks = ", ".join(values), ", ".join("?" for _ in values)
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING id"  # noqa: S608 - our own names
        return int(self._db.execute(statement, (*values.values(),)).fetchone()["id"])


def grow(state: Path, days: int) -> int:
    """Give each payout of the state ``days`` - 1 older ones, and return how many there are then."""
    with closing(_Years.open(state)) as opened:
        return opened.grow(days)
