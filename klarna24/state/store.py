"""The state: one SQLite database in the state folder, which tells what has been done.

    payout   a row per payout, unique by company, environment, merchant, reference and currency; the profile is
             an attribute, so that a renamed or a copied profile drafts nothing twice
    profile  what was listed last, and when a run last came to its end
    event    every change of a payout: when, by whom, what, the answer; written in the same transaction
    rate     the exchange rates by which payouts were converted
    alert    what has been mailed (klarna24/notify/alert_log.py)

    listed ──► ready ──► sending ──► drafted ──► booked
                ▲ │         ├──────► rejected ──► (sending again)
                │ ▼         └──────► in-doubt          ended only by the ledger, or by a person
              blocked, skipped

Every change is one transaction, on disk before the call returns.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from klarna24.bookkeeping.payout import Listed, PayoutKey
from klarna24.bookkeeping.remarks import Remark
from klarna24.bookkeeping.voucher import Rate, Voucher
from klarna24.errors import Problem
from klarna24.state.decisions import Decisions
from klarna24.state.delivery import Deliveries
from klarna24.state.evidence import EvidenceState
from klarna24.state.records import (
    Owner,
    RateKey,
    Row,
    Status,
    problem_columns,
    remarks_column,
    sums_column,
    trace_columns,
)


class State(Decisions, Deliveries, EvidenceState):
    """Opened with :meth:`open` for a run, or with :meth:`for_reading`."""

    def adopt(self, owner: Owner, row: Row) -> None:
        """The payout passes to the profile of ``owner``."""
        with self._transaction():
            self._db.execute("UPDATE payout SET profile = ? WHERE id = ?", (owner.profile, row.id))
            self._event(owner.profile, row.id, "adopted", f"from profile {row.profile}")

    def identify(self, owner: Owner, row: Row, key: PayoutKey) -> None:
        """A record whose merchant or currency could not be read when it was first listed has them now."""
        with self._transaction():
            self._db.execute(
                "UPDATE payout SET merchant_id = ?, currency = ? WHERE id = ?",
                (key.merchant_id, key.currency, row.id),
            )
            self._event(owner.profile, row.id, "identified", f"merchant {key.merchant_id}")

    def block(self, owner: Owner, payout: Listed, payout_date: date, problem: Problem) -> None:
        """The payout needs a person before it can be drafted."""
        self._decide(owner, payout, payout_date, Status.BLOCKED, problem)

    def skip(self, owner: Owner, payout: Listed, payout_date: date) -> None:
        """The payout has nothing to book."""
        self._decide(owner, payout, payout_date, Status.SKIPPED, None)

    def sending(self, owner: Owner, payout: Listed, voucher: Voucher, document: str | None = None) -> int | None:
        """Claims the payout for sending. Returns the row's id, or None if the payout may not be sent: another run
        has claimed it, or 24SevenOffice has rejected this very voucher. When it returns, all that a later look-up
        needs is on disk, and so is ``document``, the voucher as it is to be archived. Raises Unavailable where
        the run has lost its lock."""
        with self._transaction():
            self._db.require_lock()
            row = self.row(owner, payout.key)
            if row is not None and (row.awaits_order or not row.may_be_sent):
                return None
            sent_at = self._now()
            facts = {
                **trace_columns(voucher.trace()),
                "sent_at": sent_at,
                "awaits_order": 0,
                "resend": 0,
            }
            row_id = self._put(owner, payout, voucher.date, Status.SENDING, None, facts)
            if document is not None:
                self._voucher_waits(row_id, sent_at, document)
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
        awaits_order: bool = False,
        transaction_no: int | None = None,
    ) -> None:
        """Stores the outcome of sending; ``ready`` where nothing was sent after all. A payout whose doubt has been
        settled in the meantime stays as it is, and only the log tells of the answer."""
        with self._transaction():
            self._db.execute(
                "UPDATE payout SET status = ?, code = ?, reason = ?, hint = ?, wording = ?, awaits_order = ?,"
                " transaction_no = ?, booked_at = ?, changed_at = ?"
                " WHERE id = ? AND status IN ('sending', 'in-doubt')",
                (
                    status,
                    *problem_columns(problem),
                    awaits_order,
                    transaction_no,
                    self._booked_at(status),
                    self._now(),
                    row_id,
                ),
            )
            if status is Status.READY:
                self._voucher_was_not_sent(row_id)
            self._event(owner.profile, row_id, status, answer)

    def found(self, owner: Owner, payout: Listed, voucher: Voucher, transaction_no: int) -> None:
        """The voucher stands in the ledger, although this state has never sent it."""
        answer = f"found in the ledger as {transaction_no}"
        self._decide(
            owner,
            payout,
            voucher.date,
            Status.BOOKED,
            None,
            {**trace_columns(voucher.trace()), "transaction_no": transaction_no, "booked_at": self._now()},
            answer,
        )

    def booked(
        self,
        row: Row,
        transaction_no: int,
        ledger_sums: Mapping[int, Decimal] | None = None,
        remarks: tuple[Remark, ...] = (),
    ) -> None:
        """The ledger has the voucher of a draft: from now on it is booked. ``ledger_sums`` are those per account
        where they are not what was drafted. Nothing but a draft becomes booked here."""
        sums = None if ledger_sums is None else sums_column(ledger_sums)
        with self._transaction():
            changed = self._db.execute(
                "UPDATE payout SET status = 'booked', transaction_no = ?, booked_at = ?, ledger_sums = ?,"
                " remarks = ?, changed_at = ? WHERE id = ? AND status = 'drafted'",
                (transaction_no, self._now(), sums, remarks_column(remarks), self._now(), row.id),
            )
            if changed.rowcount:
                self._event(row.profile, row.id, Status.BOOKED, f"found in the ledger as {transaction_no}")
                for remark in remarks:
                    if remark not in row.remarks:
                        self._event(row.profile, row.id, "remark", remark.text)

    def doubt(
        self,
        owner: Owner,
        payout: Listed,
        payout_date: date,
        problem: Problem,
        voucher: Voucher | None,
    ) -> None:
        """This state cannot tell whether the payout was sent; ``voucher`` is what to look for."""
        trace = trace_columns(voucher.trace()) if voucher else {}
        self._decide(owner, payout, payout_date, Status.IN_DOUBT, problem, trace)

    def listed(self, owner: Owner, payouts: Iterable[tuple[Listed, date]], scope: str) -> None:
        """Stores a complete listing: every payout gets a row, so that none of them can be forgotten."""
        with self._transaction():
            for payout, payout_date in payouts:
                if self.row(owner, payout.key) is None:
                    row_id = self._put(owner, payout, payout_date, Status.READY, None, {})
                    self._event(owner.profile, row_id, "seen", None)
            self._set_profile(owner.profile, "scope", scope)

    def remark(
        self, owner: Owner, outcomes: Iterable[tuple[PayoutKey, tuple[Remark, ...]]], about: str = ""
    ) -> None:
        """Stores what an accountant should know of these payouts, in place of the remarks ``about`` the same; the
        log gets an event for each new remark."""
        with self._transaction():
            for key, found in outcomes:
                row = self.row(owner, key)
                new = [it for it in found if it.about == about]
                if row is None:
                    continue
                others = [it for it in row.remarks if it.about != about]
                remarks = tuple(sorted([*new, *others], key=lambda it: it.about))
                if row.remarks == remarks:
                    continue
                self._db.execute("UPDATE payout SET remarks = ? WHERE id = ?", (remarks_column(remarks), row.id))
                for remark in remarks:
                    if remark not in row.remarks:
                        self._event(owner.profile, row.id, "remark", remark.text)

    def settings(self, owner: Owner, settings: Mapping[str, str]) -> None:
        """Stores the settings that decide what is booked; the log gets an event for each one that has changed
        since the last run."""
        with self._transaction():
            found = self._query("SELECT settings FROM profile WHERE name = ?", (owner.profile,))
            before = json.loads(found[0]["settings"]) if found and found[0]["settings"] else None
            if before == settings:
                return
            self._set_profile(owner.profile, "settings", json.dumps(settings, ensure_ascii=False))
            if before is None:
                return  # the first run: nothing has changed
            for name in sorted({*before, *settings}):
                then, now_ = before.get(name, "(none)"), settings.get(name, "(none)")
                if then != now_:
                    self._event(owner.profile, None, "settings", f"{name}: {then} → {now_}")

    def keep_rates(self, owner: Owner, rates: Mapping[RateKey, Rate]) -> None:
        """Stores the rates of a plan, so that a payout that is sent later, or again, is converted by the same one.
        The log gets an event for each that is new; one that is there already stays."""
        with self._transaction():
            for key, rate in rates.items():
                added = self._db.execute(
                    "INSERT INTO rate (day, currency, home, published, value) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT DO NOTHING",
                    (key.day.isoformat(), key.currency, key.home, rate.day.isoformat(), str(rate.value)),
                )
                if added.rowcount:
                    worth = f"1 {key.currency} = {rate.value.normalize():f} {key.home}"
                    answer = f"{worth} on {key.day}, published by the European Central Bank for {rate.day}"
                    self._event(owner.profile, None, "rate", answer)

    def completed(self, owner: Owner) -> None:
        """A run has come to its end, whatever the outcomes."""
        with self._transaction():
            self._set_profile(owner.profile, "completed_at", self._now())

    def ledger_read(self, owner: Owner) -> None:
        """All of the profile's drafts have been looked up in the ledger."""
        with self._transaction():
            self._set_profile(owner.profile, "ledger_read_at", self._now())

    def _set_profile(
        self, name: str, column: Literal["scope", "completed_at", "settings", "ledger_read_at"], value: str
    ) -> None:
        self._db.execute(
            f"INSERT INTO profile (name, {column}) VALUES (?, ?)"  # noqa: S608 - one of four literals
            f" ON CONFLICT (name) DO UPDATE SET {column} = excluded.{column}",
            (name, value),
        )

    def _decide(
        self,
        owner: Owner,
        payout: Listed,
        payout_date: date,
        status: Status,
        problem: Problem | None,
        facts: Mapping[str, Any] | None = None,
        answer: str | None = None,
    ) -> None:
        """Stores a decision. A payout that another run has sent in the meantime stays as it is. The log gets an
        event only if something is new, not one every night."""
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
        payout: Listed,
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
            "totals": json.dumps({name: str(amount) for name, amount in payout.figures.items()}),
            "created_at": self._now(),
            "changed_at": self._now(),
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
