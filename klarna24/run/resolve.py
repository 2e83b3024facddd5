"""A person ends what a program cannot: drafted, to be sent again, or skipped."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.config.loading import Config
from klarna24.errors import UsageFault
from klarna24.run.context import open_shop
from klarna24.state.lock import only_run
from klarna24.state.records import Row
from klarna24.state.store import State
from klarna24.twentyfour.sessions import Sessions

Decision = Literal["drafted", "resend", "skip"]
FINISHED = frozenset({"drafted", "skipped"})


@dataclass(frozen=True, slots=True)
class PayoutName:
    """A payout as a person names it; currency and merchant where the reference has several."""

    reference: str
    currency: str | None = None
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked: for yes, or where ``type_reference`` for the reference itself."""

    text: str
    type_reference: bool


def resolve(
    config: Config,
    profile: str,
    name: PayoutName,
    decision: Decision,
    note: str | None,
    confirm: Callable[[Question], bool],
) -> str:
    """What was done, as a sentence. Takes the run's lock; ``--resend`` looks in the ledger first.

    Raises UsageFault where the reference or the decision does not fit, and what a look-up can raise.
    """
    with only_run(config.state_dir, profile), closing(State.open(config.state_dir)) as state:
        row = _row(state, profile, name)
        match decision:
            case "resend":
                return _resend(config, state, row, note, confirm)
            case "drafted" if row.status == "drafted":
                return _accept(config, state, row, note, confirm)
            case _ if row.status in FINISHED and row.by_person:
                raise UsageFault(
                    f"payout {row.key.payment_reference} is {row.status} already",
                    f"klarna24 log --profile {profile}",
                )
        if not confirm(_question(row, decision)):
            return _unchanged(row)
        return _settle(state, row, decision, note)


def _row(state: State, profile: str, name: PayoutName) -> Row:
    rows = [
        row
        for row in state.by_reference(profile, name.reference)
        if name.currency in {None, row.key.currency} and name.merchant_id in {None, row.key.merchant_id}
    ]
    if not rows:
        raise UsageFault(
            f"profile {profile} has no payout {name.reference}", f"klarna24 status --profile {profile}"
        )
    if len(rows) > 1:
        them = ", ".join(f"{row.key.currency} of {row.key.merchant_id}" for row in rows)
        raise UsageFault(
            f"{name.reference} stands for more than one payout: {them}", "say name: --currency, --merchant"
        )
    return rows[0]


def _resend(config: Config, state: State, row: Row, note: str | None, confirm: Callable[[Question], bool]) -> str:
    reference = row.key.payment_reference
    found = _look(config, state, row)
    if found and found.ours and row.status not in FINISHED:
        number = found.transaction_no
        state.resolve(row, "drafted", f"found in the ledger as {number}", note, transaction_no=number)
        return f"payout {reference} is in the ledger as voucher {number}: it is drafted, nothing is sent again"
    if found and row.status in FINISHED and (found.ours or found.same_amount):
        raise UsageFault(
            f"payout {reference} is in the ledger as voucher {found.transaction_no}: it cannot be sent again",
            "delete or reverse that voucher in 24SevenOffice first",
        )
    if not confirm(_question(row, "resend", found)):
        return _unchanged(row)
    return _settle(state, row, "resend", note)


def _look(config: Config, state: State, row: Row) -> LedgerMatch | None:
    """What the ledger says of the payout, if it was ever sent."""
    if row.trace is None:
        return None
    profile = config.profile(row.profile)
    with open_shop(profile, config, state, Sessions.beside(config.state_dir)) as shop:
        return shop.office.find([row.trace], shop.today)[0]


def _accept(config: Config, state: State, row: Row, note: str | None, confirm: Callable[[Question], bool]) -> str:
    """A drafted payout whose figures changed at Klarna: the person has corrected the voucher."""
    reference = row.key.payment_reference
    profile = config.profile(row.profile)
    with open_shop(profile, config, state, Sessions.beside(config.state_dir)) as shop:
        payout = shop.klarna.payout(row.key)
    if payout is None or payout.totals.named() == row.totals:
        raise UsageFault(
            f"payout {reference} is drafted already, and has not changed", f"klarna24 log --profile {row.profile}"
        )
    question = f"Has the voucher of {reference} been corrected to Klarna's new figures?"
    if not confirm(Question(question, type_reference=False)):
        return _unchanged(row)
    state.accept(row, payout.totals.named(), note)
    return f"payout {reference} is drafted, with Klarna's figures of now"


def _question(row: Row, decision: Decision, found: LedgerMatch | None = None) -> Question:
    reference, voucher = row.key.payment_reference, row.trace.name if row.trace else "its voucher"
    match decision:
        case "drafted":
            return Question(f"Is {voucher!r} in 24SevenOffice, once?", type_reference=False)
        case "skip":
            return Question(f"Shall payout {reference} never be drafted?", type_reference=False)
        case "resend":
            seen = ""
            if found:
                seen = f"Voucher {found.transaction_no} in the ledger has the reference {reference}. "
            text = f"Have you made sure that {voucher!r} is NOT in 24SevenOffice, neither booked nor as a draft?"
            return Question(f"{seen}{text}", type_reference=row.status in FINISHED or found is not None)


def _unchanged(row: Row) -> str:
    return f"payout {row.key.payment_reference} stays {row.status}: nothing was changed"


def _settle(state: State, row: Row, decision: Decision, note: str | None) -> str:
    reference = row.key.payment_reference
    match decision:
        case "drafted":
            state.resolve(row, "drafted", "resolved: a person found it drafted", note)
            return f"payout {reference} is drafted"
        case "skip":
            state.resolve(row, "skipped", "resolved: a person ended it", note)
            return f"payout {reference} is skipped: it will not be drafted"
        case "resend":
            state.resolve(row, "ready", "resolved: a person ordered it to be sent again", note)
            return f"payout {reference} is sent at the next run: klarna24 sync --profile {row.profile} --now"
