"""States made of a small one: after years, with a payout a day; and of thousands of shops.

A real run makes the first payout of each shop, whose reference has its date; all others are copies of its rows
under other days and references, so that this program knows few of the columns.
"""

from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from klarna24.state.store import State

Values = dict[str, Any]
UNBOOKED = 5  # days that an accountant takes to book a draft


class _Years(State):
    """Writes more rows like those that are there, in one transaction."""

    def grow(self, days: int) -> int:
        """Each payout gets ``days`` - 1 older ones. Returns how many payouts there are then."""
        with self._transaction():
            for payout in self._query("SELECT * FROM payout ORDER BY id"):
                events, evidence = (
                    self._query(f"SELECT * FROM {table} WHERE payout_id = ? ORDER BY id", (payout["id"],))  # noqa: S608 - as below
                    for table in ("event", "evidence")
                )
                for ago in range(1, days):
                    self._copy(dict(payout), [*map(dict, events)], [*map(dict, evidence)], ago)
        (found,) = self._query("SELECT count(*) AS payouts FROM payout")
        return int(found["payouts"])

    def spread(self, shops: int) -> None:
        """Of ``shop1`` are made so many, each in a company of its own, as benchmarks/server.py knows them."""
        with self._transaction():
            (profile,) = self._query("SELECT * FROM profile")
            (payout,) = self._query("SELECT * FROM payout")
            for shop in range(2, shops + 1):
                reference = payout["payment_reference"].removesuffix("1") + str(shop)
                its = {"payment_reference": reference, "merchant_id": f"M{shop}", "profile": f"shop{shop}"}
                self._insert("payout", {**payout, **its, "client_id": shop})
                scope = profile["scope"].replace("-shop1", f"-shop{shop}")
                self._insert("profile", {**profile, "name": f"shop{shop}", "scope": scope}, "name")

    def _copy(self, payout: Values, events: list[Values], evidence: list[Values], ago: int) -> None:
        before, newest = payout["payment_reference"], payout["payout_date"]
        day = date.fromisoformat(newest) - timedelta(days=ago)
        reference = before.replace(newest, str(day))
        payout |= {"payment_reference": reference, "payout_date": str(day), "anchor_date": str(day)}
        payout["bundle_name"] = str(payout["bundle_name"]).replace(before, reference)
        if ago >= UNBOOKED:
            payout |= {"status": "booked", "transaction_no": 10_000 + ago, "booked_at": payout["changed_at"]}
            events.append({**events[-1], "what": "booked", "answer": f"found in the ledger as {10_000 + ago}"})
        row_id = self._insert("payout", payout)
        for event in events:
            self._insert("event", event | {"payout_id": row_id})
        for its in evidence:
            self._insert("evidence", its | {"payout_id": row_id, "name": its["name"].replace(newest, str(day))})

    def _insert(self, table: str, values: Values, key: str = "id") -> Any:
        """The new row's key."""
        new = {name: value for name, value in values.items() if name != "id"}
        columns, marks = ", ".join(new), ", ".join("?" for _ in new)
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING {key}"  # noqa: S608 - our own names
        return self._db.execute(statement, (*new.values(),)).fetchone()[key]


def grow(state: Path, days: int) -> int:
    """Give each payout of the state ``days`` - 1 older ones, and return how many there are then."""
    with closing(_Years.open(state)) as opened:
        return opened.grow(days)


def spread(state: Path, shops: int) -> None:
    """Make so many shops of the state's one."""
    with closing(_Years.open(state)) as opened:
        opened.spread(shops)
