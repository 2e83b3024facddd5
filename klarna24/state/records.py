"""A payout and an event, and how the database stores them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Self

from klarna24.bookkeeping.payout import PayoutKey
from klarna24.bookkeeping.remarks import Remark
from klarna24.bookkeeping.voucher import Trace
from klarna24.config.tables import Profile
from klarna24.errors import Problem, ProblemCode
from klarna24.state.connection import Record
from klarna24.text.sentences import from_json, from_stored, to_json, to_stored

CORRECTED = "resolved: a person corrected the voucher"  # the answer of an event
RECKONED = f"{CORRECTED}; it is to have the sums that the new figures give"  # another


class Status(StrEnum):
    """What has become of a payout, as the state keeps it and JSON names it."""

    READY = "ready"  # it would be drafted now
    BLOCKED = "blocked"  # figures or settings need a person
    SENDING = "sending"  # only in the state: the run that sent it has not written down an answer
    IN_DOUBT = "in-doubt"  # it was sent, and the answer is unknown
    REJECTED = "rejected"  # 24SevenOffice refused it
    DRAFTED = "drafted"  # saved as a draft
    BOOKED = "booked"  # its voucher stands in the ledger
    SKIPPED = "skipped"  # there is nothing to book, or a person said so

    @property
    def finished(self) -> bool:
        """Whether no run does anything more about it."""
        return self in {Status.DRAFTED, Status.BOOKED, Status.SKIPPED}


class RateKey(NamedTuple):
    """Which rate it is: what one unit of ``currency`` was worth in ``home`` for a payout of ``day``."""

    day: date
    currency: str
    home: str


class Owner(NamedTuple):
    """The profile, company and environment that a run works for."""

    profile: str
    client_id: int
    environment: str

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """As the profile says today."""
        return cls(profile.name, profile.twentyfour.client_id, profile.klarna.environment)


@dataclass(frozen=True, slots=True)
class Row:
    """A payout as the state knows it."""

    id: int
    client_id: int
    key: PayoutKey
    environment: str
    profile: str
    payout_date: date
    status: Status
    problem: Problem | None
    totals: dict[str, Decimal]
    awaits_order: bool
    resend: bool
    by_person: bool
    trace: Trace | None
    transaction_no: int | None
    remarks: tuple[Remark, ...]
    changed_at: datetime
    booked_at: datetime | None  # in UTC: when its voucher was first seen in the ledger
    ledger_sums: dict[int, Decimal] | None  # per account as booked, where that is not what was drafted

    @property
    def in_doubt(self) -> bool:
        """A payout that still has the status "sending" is in doubt as well: its run never stored an answer."""
        return self.status in {Status.SENDING, Status.IN_DOUBT}

    @property
    def shown_status(self) -> Status:
        """The status as people and JSON have it: "sending" is in doubt."""
        return Status.IN_DOUBT if self.in_doubt else self.status

    @property
    def may_be_sent(self) -> bool:
        """A payout that was skipped as empty may be sent once it has figures, but not if a person skipped it."""
        if self.status is Status.SKIPPED:
            return not self.by_person
        return not (self.status.finished or self.in_doubt)


class Event(NamedTuple):
    """A line of the log: who did what to which payout, with which answer; ``note`` is the reason a person gave."""

    at: datetime
    who: str
    profile: str
    payment_reference: str | None
    currency: str | None
    what: str
    answer: str | None
    note: str | None


def row_of(found: Record) -> Row:
    """The payout of a row of the database."""
    problem = None
    if found["code"]:
        problem = Problem(ProblemCode(found["code"]), *_words(found), found["payment_reference"])
    return Row(
        id=found["id"],
        client_id=found["client_id"],
        key=PayoutKey(found["merchant_id"], found["payment_reference"], found["currency"]),
        environment=found["environment"],
        profile=found["profile"],
        payout_date=date.fromisoformat(found["payout_date"]),
        status=Status(found["status"]),
        problem=problem,
        totals={name: Decimal(amount) for name, amount in json.loads(found["totals"]).items()},
        awaits_order=bool(found["awaits_order"]),
        resend=bool(found["resend"]),
        by_person=bool(found["by_person"]),
        trace=_trace(found),
        transaction_no=found["transaction_no"],
        remarks=remarks_of_column(found["remarks"]),
        changed_at=datetime.fromisoformat(found["changed_at"]),
        booked_at=datetime.fromisoformat(found["booked_at"]) if found["booked_at"] else None,
        ledger_sums=_sums(found["ledger_sums"]) if found["ledger_sums"] else None,
    )


def _trace(found: Record) -> Trace | None:
    if found["sums"] is None:
        return None
    return Trace(
        payment_reference=found["payment_reference"],
        name=found["bundle_name"],
        account_no=found["anchor_account"],
        date=date.fromisoformat(found["anchor_date"]),
        amount=Decimal(found["anchor_amount"]),
        currency=found["voucher_currency"] or found["currency"],
        sums=_sums(found["sums"]),
    )


def _sums(stored: str) -> dict[int, Decimal]:
    return {int(number): Decimal(amount) for number, amount in json.loads(stored).items()}


def sums_column(sums: Mapping[int, Decimal]) -> str:
    """Sums per account, as :func:`row_of` reads them."""
    return json.dumps({str(number): str(amount) for number, amount in sums.items()})


def trace_columns(trace: Trace) -> dict[str, Any]:
    """The columns that :func:`row_of` reads the same trace from."""
    return {
        "bundle_name": trace.name,
        "anchor_account": trace.account_no,
        "anchor_date": trace.date.isoformat(),
        "anchor_amount": str(trace.amount),
        "voucher_currency": trace.currency,
        "sums": sums_column(trace.sums),
    }


def remarks_of_column(stored: str | None) -> tuple[Remark, ...]:
    """The remarks that :func:`remarks_column` made the text of."""
    return tuple(
        Remark(from_json(text), bool(is_mailed), *map(str, about))
        for text, is_mailed, *about in json.loads(stored or "[]")
    )


def remarks_column(remarks: Iterable[Remark]) -> str:
    """The remarks as a text from which they can still be translated."""
    columns = ([to_json(it.text), it.is_mailed, *filter(None, [it.about])] for it in remarks)
    return json.dumps([*columns], ensure_ascii=False)


def _words(found: Record) -> tuple[str, str]:
    """Message and hint, which can still be translated where their wording is stored."""
    if found["wording"]:
        return from_stored(found["wording"])
    return found["reason"], found["hint"]


def problem_columns(problem: Problem | None) -> tuple[str | None, str | None, str | None, str | None]:
    """The columns code, reason, hint and wording: both texts in English, and in a form that can be translated."""
    if problem is None:
        return None, None, None, None
    message, hint = problem.message, problem.hint
    return problem.code, str(message), str(hint), to_stored(message, hint)
