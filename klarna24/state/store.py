"""What was done: one SQLite database for the state folder.

    payout   a row per payout, unique by company, environment, merchant, reference and currency; the profile is
             an attribute, so that renaming a profile or adding a twin cannot post anything twice
    profile  what was listed last, and when a run came to its end
    event    every change of a payout: when, by whom, what, the answer; written in the same transaction

    seen ──► ready ──► sending ──► drafted            ready: nothing was sent
              ▲ │         ├──────► rejected ──► (sending again)
              │ ▼         └──────► in-doubt          ended only by the ledger, or by a person
             held   skipped

Every change is one IMMEDIATE transaction, on disk before the call returns (synchronous = EXTRA).
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from klarna24.bookkeeping.payout import Payout, PayoutKey
from klarna24.bookkeeping.voucher import Voucher
from klarna24.errors import ConfigFault, Problem, StateFault
from klarna24.state.base import Database, now
from klarna24.state.database import trouble
from klarna24.state.records import Event, Owner, Row, Status, problem_columns, row_of, trace_columns
from klarna24.text import sentence


class State(Database):
    """Opened for a run with :meth:`open`, or for looking with :meth:`snapshot`."""

    def try_to_write(self) -> None:
        """A change that is taken back. Raises StateFault where a run could keep nothing."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            self._db.execute(f"PRAGMA user_version = {version}")
            self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise trouble(error, sentence("the state")) from None

    # Reading

    def row(self, owner: Owner, key: PayoutKey) -> Row | None:
        found = self._query(
            "SELECT * FROM payout WHERE (client_id, environment, merchant_id, payment_reference, currency)"
            " = (?, ?, ?, ?, ?)",
            (owner.client_id, owner.environment, *key),
        ).fetchone()
        return row_of(found) if found else None

    def unfinished(self, owner: Owner) -> list[Row]:
        """What is neither drafted nor skipped, oldest first, of the company and environment that the run is for."""
        found = self._query(
            "SELECT * FROM payout WHERE profile = ? AND client_id = ? AND environment = ?"
            " AND status NOT IN ('drafted', 'booked', 'skipped') ORDER BY payout_date, id",
            owner,
        )
        return [row_of(row) for row in found]

    def checkpoint(self, profile: str) -> date | None:
        """The payout date of the profile's newest payout, whatever became of it: a hint for where to look.

        Rows are made only after a complete listing, so that it cannot move past what was never seen.
        """
        found = self._query(
            "SELECT max(payout_date) AS newest FROM payout WHERE profile = ?", (profile,)
        ).fetchone()
        return date.fromisoformat(found["newest"]) if found["newest"] else None

    def scope(self, profile: str) -> str | None:
        """What the last complete listing asked for."""
        found = self._query("SELECT scope FROM profile WHERE name = ?", (profile,)).fetchone()
        return found["scope"] if found else None

    def orphans(self, owner: Owner, profiles: Iterable[str]) -> list[Row]:
        """Unfinished rows of the same company and environment whose profile is no longer in the file."""
        found = self._query(
            "SELECT * FROM payout WHERE client_id = ? AND environment = ? AND status NOT IN ('drafted', 'booked', 'skipped')"
            " ORDER BY payout_date, id",
            (owner.client_id, owner.environment),
        )
        known = set(profiles)
        return [row for row in map(row_of, found) if row.profile not in known]

    def namesakes(self, owner: Owner, key: PayoutKey) -> list[Row]:
        """Other payouts of the company under the same reference: of another merchant, currency or environment."""
        found = self._query(
            "SELECT * FROM payout WHERE client_id = ? AND payment_reference = ?"
            " AND (environment, merchant_id, currency) <> (?, ?, ?)",
            (owner.client_id, key.payment_reference, owner.environment, key.merchant_id, key.currency),
        )
        return [row_of(row) for row in found]

    def anchor_accounts(self, owner: Owner) -> set[int]:
        """Where vouchers of the company were ever anchored."""
        found = self._query(
            "SELECT DISTINCT anchor_account FROM payout WHERE client_id = ? AND anchor_account IS NOT NULL",
            (owner.client_id,),
        )
        return {row["anchor_account"] for row in found}

    def merchants(self, owner: Owner) -> set[str]:
        rows = self._query(
            "SELECT DISTINCT merchant_id FROM payout WHERE profile = ? AND client_id = ? AND environment = ?",
            owner,
        )
        return {row["merchant_id"] for row in rows}

    def check_owner(self, owner: Owner) -> None:
        """Raises ConfigFault where the profile's rows were made for another company."""
        rows = self._query("SELECT DISTINCT client_id FROM payout WHERE profile = ?", (owner.profile,))
        for row in rows:
            if row["client_id"] != owner.client_id:
                raise ConfigFault(
                    sentence(
                        "this profile's payouts were drafted to company {company}, and the profile now says "
                        "client_id {client_id}",
                        company=row["client_id"],
                        client_id=owner.client_id,
                    ),
                    sentence("correct client_id, or give the new company a profile of its own"),
                )

    def by_reference(self, profile: str, payment_reference: str) -> list[Row]:
        """More than one where a reference stands for several currencies or merchants."""
        found = self._query(
            "SELECT * FROM payout WHERE profile = ? AND payment_reference = ? ORDER BY id",
            (profile, payment_reference),
        )
        return [row_of(row) for row in found]

    def profiles(self) -> list[str]:
        """Every profile that has a row, whether it is still in the file or not."""
        found = self._query("SELECT name FROM profile UNION SELECT profile FROM payout ORDER BY name").fetchall()
        return [row["name"] for row in found]

    def waiting(self, profile: str) -> list[Row]:
        """What is neither drafted nor skipped, whatever company and environment it is of."""
        found = self._query(
            "SELECT * FROM payout WHERE profile = ? AND status NOT IN ('drafted', 'booked', 'skipped')"
            " ORDER BY payout_date, id",
            (profile,),
        )
        return [row_of(row) for row in found]

    def counts(self, profile: str) -> dict[Status, int]:
        found = self._query(
            "SELECT status, count(*) AS payouts FROM payout WHERE profile = ? GROUP BY status ORDER BY status",
            (profile,),
        )
        return {Status(row["status"]): row["payouts"] for row in found}

    def completed_at(self, profile: str) -> datetime | None:
        """When a run last came to its end."""
        found = self._query("SELECT completed_at FROM profile WHERE name = ?", (profile,)).fetchone()
        return datetime.fromisoformat(found["completed_at"]) if found and found["completed_at"] else None

    def last_run(self, owner: Owner) -> tuple[datetime | None, bool]:
        """When it came to its end, and whether payouts are unfinished: what decides when the next is due."""
        return self.completed_at(owner.profile), bool(self.unfinished(owner))

    def events(self, profile: str | None) -> list[Event]:
        """The log, oldest first; of one profile, or of all."""
        found = self._query(
            "SELECT event.*, payment_reference, currency FROM event LEFT JOIN payout ON payout.id = payout_id"
            " WHERE ?1 IS NULL OR event.profile = ?1 ORDER BY event.id",
            (profile,),
        )
        return [
            Event(
                datetime.fromisoformat(row["at"]),
                row["who"],
                row["profile"],
                row["payment_reference"],
                row["currency"],
                row["what"],
                row["answer"],
                row["note"],
            )
            for row in found
        ]

    # Writing

    def adopt(self, owner: Owner, row: Row) -> None:
        """The row passes to the profile that sees it."""
        with self._transaction():
            self._db.execute("UPDATE payout SET profile = ? WHERE id = ?", (owner.profile, row.id))
            self._event(owner.profile, row.id, "adopted", f"from profile {row.profile}")

    def block(self, owner: Owner, payout: Payout, payout_date: date, problem: Problem) -> None:
        self._decide(owner, payout, payout_date, Status.BLOCKED, problem)

    def skip(self, owner: Owner, payout: Payout, payout_date: date) -> None:
        self._decide(owner, payout, payout_date, Status.SKIPPED, None)

    def sending(self, owner: Owner, payout: Payout, voucher: Voucher) -> int | None:
        """Compare and set: the row's id where this run may send the payout, None where another one has.

        On disk when it returns, with all that a later look-up needs.
        """
        with self._transaction():
            row = self.row(owner, payout.key)
            if row is not None and not row.may_be_sent:
                return None
            if row is not None and row.until_changed and row.fingerprint == voucher.fingerprint():
                return None
            facts = {
                "fingerprint": voucher.fingerprint(),
                **trace_columns(voucher.trace()),
                "sent_at": now(),
                "until_changed": 0,
                "resend": 0,
            }
            row_id = self._put(owner, payout, voucher.date, Status.SENDING, None, facts)
            self._event(owner.profile, row_id, "sending", voucher.name)
            return row_id

    def answered(
        self,
        owner: Owner,
        row_id: int,
        status: Status,
        answer: str,
        problem: Problem | None = None,
        *,
        until_changed: bool = False,
        transaction_no: int | None = None,
    ) -> None:
        """What became of a payout that was being sent; ``ready`` where it was not sent after all."""
        with self._transaction():
            self._db.execute(
                "UPDATE payout SET status = ?, code = ?, reason = ?, hint = ?, wording = ?, until_changed = ?,"
                " transaction_no = ?, changed_at = ? WHERE id = ? AND status IN ('sending', 'in-doubt')",
                (status, *problem_columns(problem), until_changed, transaction_no, now(), row_id),
            )
            self._event(owner.profile, row_id, status, answer)

    def found(self, owner: Owner, payout: Payout, voucher: Voucher, transaction_no: int) -> None:
        """A payout that this state never sent stands in the ledger: it is booked."""
        answer = f"found in the ledger as {transaction_no}"
        self._decide(
            owner,
            payout,
            voucher.date,
            Status.BOOKED,
            None,
            {
                **trace_columns(voucher.trace()),
                "fingerprint": voucher.fingerprint(),
                "transaction_no": transaction_no,
            },
            answer,
        )

    def doubt(
        self,
        owner: Owner,
        payout: Payout,
        payout_date: date,
        problem: Problem,
        voucher: Voucher | None,
    ) -> None:
        """Whether a payout was sent cannot be known from this state; the voucher is what to look for."""
        trace = trace_columns(voucher.trace()) if voucher else {}
        self._decide(owner, payout, payout_date, Status.IN_DOUBT, problem, trace)

    def accept(self, row: Row, totals: Mapping[str, Decimal], note: str | None) -> None:
        """A person has corrected the voucher of a payout that changed at Klarna: these are its figures now."""
        with self._transaction():
            figures = json.dumps({name: str(amount) for name, amount in totals.items()})
            self._db.execute("UPDATE payout SET totals = ?, changed_at = ? WHERE id = ?", (figures, now(), row.id))
            self._event(row.profile, row.id, row.status, "resolved: a person corrected the voucher", note)

    def resolve(
        self,
        row: Row,
        status: Status,
        answer: str,
        note: str | None,
        transaction_no: int | None = None,
    ) -> None:
        """A person ends it. Raises StateFault where a run has changed the row in the meantime."""
        with self._transaction():
            changed = self._db.execute(
                "UPDATE payout SET status = ?, code = NULL, reason = NULL, hint = NULL, wording = NULL,"
                " until_changed = 0, resend = ?, by_person = ?, transaction_no = ?, changed_at = ?"
                " WHERE id = ? AND status = ?",
                (
                    status,
                    status is Status.READY,
                    status is not Status.READY,
                    transaction_no,
                    now(),
                    row.id,
                    row.status,
                ),
            )
            if not changed.rowcount:
                raise StateFault(
                    sentence("payout {reference} changed meanwhile", reference=row.key.payment_reference),
                    sentence("look again: {command}", command="klarna24 status"),
                )
            self._event(row.profile, row.id, status, answer, note)

    def listed(self, owner: Owner, payouts: Iterable[tuple[Payout, date]], scope: str) -> None:
        """A complete listing: every payout gets a row, and from now on none of them can be forgotten."""
        with self._transaction():
            for payout, payout_date in payouts:
                if self.row(owner, payout.key) is None:
                    row_id = self._put(owner, payout, payout_date, Status.READY, None, {})
                    self._event(owner.profile, row_id, "seen", None)
            self._profile(owner.profile, "scope", scope)

    def completed(self, owner: Owner) -> None:
        """Every attempt has ended, well or not."""
        with self._transaction():
            self._profile(owner.profile, "completed_at", now())

    def _profile(self, name: str, column: Literal["scope", "completed_at"], value: str) -> None:
        self._db.execute(
            f"INSERT INTO profile (name, {column}) VALUES (?, ?)"  # noqa: S608 - one of two literals
            f" ON CONFLICT (name) DO UPDATE SET {column} = excluded.{column}",
            (name, value),
        )

    def _decide(
        self,
        owner: Owner,
        payout: Payout,
        payout_date: date,
        status: Status,
        problem: Problem | None,
        facts: Mapping[str, Any] | None = None,
        answer: str | None = None,
    ) -> None:
        """Blocked, skipped and the like. What another run has sent meanwhile is left alone; an event only where
        something is new, so that the log is no diary of every night."""
        with self._transaction():
            before = self.row(owner, payout.key)
            if before is not None and not before.may_be_sent:
                return
            row_id = self._put(owner, payout, payout_date, status, problem, facts or {})
            if before is None or (before.status, before.problem) != (status, problem):
                self._event(owner.profile, row_id, status, answer or (problem.message if problem else None))

    def _put(
        self,
        owner: Owner,
        payout: Payout,
        payout_date: date,
        status: Status,
        problem: Problem | None,
        facts: Mapping[str, Any],
    ) -> int:
        code, reason, hint, wording = problem_columns(problem)
        values = {
            "client_id": owner.client_id,
            "environment": owner.environment,
            **payout.key._asdict(),
            "profile": owner.profile,
            "payout_date": payout_date.isoformat(),
            "status": status,
            "code": code,
            "reason": reason,
            "hint": hint,
            "wording": wording,
            "totals": json.dumps({name: str(amount) for name, amount in payout.totals.named().items()}),
            "created_at": now(),
            "changed_at": now(),
            **facts,
        }
        columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        updates = ", ".join(f"{name} = excluded.{name}" for name in values if name != "created_at")
        found = self._db.execute(
            f"INSERT INTO payout ({columns}) VALUES ({marks})"  # noqa: S608 - our own column names
            " ON CONFLICT (client_id, environment, merchant_id, payment_reference, currency)"
            f" DO UPDATE SET {updates} RETURNING id",
            values,
        ).fetchone()
        return int(found["id"])
