"""A person decides what a program cannot know: the payout is drafted, it is to be sent again, or it is skipped."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.payout import Listed, Payout
from klarna24.bookkeeping.voucher import Trace
from klarna24.config.loading import Config
from klarna24.errors import BadAnswer, Blocked, UsageFault
from klarna24.run import booked, plan
from klarna24.run.context import RunContext, open_context
from klarna24.state.lock import only_run
from klarna24.state.records import Row, Status
from klarna24.state.store import State
from klarna24.state.words import STATUS_WORDS
from klarna24.text.sentences import Sentence, joined, sentence
from klarna24.twentyfour.sessions import Sessions

Decision = Literal["drafted", "resend", "skip"]


@dataclass(frozen=True, slots=True)
class PayoutName:
    """A payout as a person names it; currency and merchant where the reference has several."""

    reference: str
    currency: str | None = None
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked: for yes, or for the payment reference where that is to be typed."""

    text: Sentence
    to_type: str | None = None


Confirm = Callable[[Question], bool]


def resolve(
    config: Config, profile: str, name: PayoutName, decision: Decision, note: str | None, confirm: Confirm
) -> Sentence:
    """What was done. Takes the run's lock; ``resend`` searches the ledger first.

    Raises UsageFault where the reference or the decision does not fit, and what a look-up can raise.
    """
    with only_run(config.state, profile) as lock, closing(State.open(config.state, lock)) as state:
        record = _record(state, profile, name)
        if decision == "resend":
            return _resend(config, state, record, note, confirm)
        if decision == "drafted" and record.status in {Status.DRAFTED, Status.BOOKED}:
            return _accept(config, state, record, note, confirm)
        is_other_end = decision == "skip" and record.status is Status.DRAFTED  # its draft is gone, say
        if record.status.finished and record.by_person and not is_other_end:
            raise UsageFault(
                sentence(
                    "payout {reference} is {status} already",
                    reference=record.key.payment_reference,
                    status=STATUS_WORDS[record.status],
                ),
                f"klarna24 log --profile {profile}",
            )
        if decision == "drafted":
            return _drafted(state, record, note, confirm)
        if record.status is Status.BOOKED:
            raise UsageFault(
                f"payout {record.key.payment_reference} is booked as voucher {record.transaction_no}: there is "
                "nothing to skip",
                f"klarna24 log --profile {profile}",
            )
        return _skip(state, record, note, confirm)


def _record(state: State, profile: str, name: PayoutName) -> Row:
    """Named by its reference in any case, or by the beginning of one payout's reference only."""
    records = [
        record
        for record in _named(state, profile, name.reference)
        if name.currency in {None, record.key.currency} and name.merchant_id in {None, record.key.merchant_id}
    ]
    if not records:
        raise UsageFault(
            sentence("profile {profile} has no payout {reference}", profile=profile, reference=name.reference),
            f"klarna24 status --profile {profile}",
        )
    if len(references := {record.key.payment_reference for record in records}) > 1:
        raise UsageFault(
            sentence(
                "more than one payout begins with {beginning}: {references}",
                beginning=name.reference,
                references=", ".join(sorted(references)),
            ),
            sentence("type more of the reference"),
        )
    if len(records) > 1:
        them = ", ".join(f"{record.key.currency} {record.key.merchant_id}" for record in records)
        raise UsageFault(
            sentence(
                "{reference} is the reference of more than one payout: {them}",
                reference=records[0].key.payment_reference,
                them=them,
            ),
            sentence("say which: {options}", options="--currency, --merchant"),
        )
    return records[0]


def _named(state: State, profile: str, reference: str) -> list[Row]:
    """As it is; else in another case; else those that begin with it."""
    if exact := state.by_reference(profile, reference):
        return exact
    similar = state.references_like(profile, reference) if reference else []
    same = [row for row in similar if row.key.payment_reference.lower() == reference.lower()]
    return same or similar


def _drafted(state: State, record: Row, note: str | None, confirm: Confirm) -> Sentence:
    if not confirm(Question(sentence("Is {voucher} in 24SevenOffice, once?", voucher=_voucher_name(record)))):
        return _unchanged(record)
    state.resolve(record, Status.DRAFTED, "resolved: a person found it in 24SevenOffice", note)
    return sentence("payout {reference} is drafted", reference=record.key.payment_reference)


def _skip(state: State, record: Row, note: str | None, confirm: Confirm) -> Sentence:
    reference = record.key.payment_reference
    if not confirm(Question(sentence("Should payout {reference} never be drafted?", reference=reference))):
        return _unchanged(record)
    state.resolve(record, Status.SKIPPED, "resolved: a person skipped it", note)
    return sentence("payout {reference} is skipped: it will not be drafted", reference=reference)


def _resend(config: Config, state: State, record: Row, note: str | None, confirm: Confirm) -> Sentence:
    reference = record.key.payment_reference
    match = _search_ledger(config, state, record)
    if match and match.ours and not record.status.finished:
        number = match.transaction_no
        state.resolve(record, Status.BOOKED, f"found in the ledger as {number}", note, transaction_no=number)
        return sentence(
            "payout {reference} is in the ledger as voucher {number}: it is booked, nothing is sent again",
            reference=reference,
            number=number,
        )
    if match and record.status.finished and (match.ours or match.same_amount or match.voucher):
        raise UsageFault(
            sentence(
                "payout {reference} is in the ledger as voucher {number}: it cannot be sent again",
                reference=reference,
                number=match.transaction_no,
            ),
            sentence("delete or reverse that voucher in 24SevenOffice first"),
        )
    text = sentence(
        "Have you made sure that {voucher} is NOT in 24SevenOffice, neither booked nor as a draft?",
        voucher=_voucher_name(record),
    )
    if match:
        seen = sentence(
            "Voucher {number} in the ledger has the reference {reference}.",
            number=match.transaction_no,
            reference=reference,
        )
        text = joined(" ", (seen, text))
    needs_care = record.status.finished or match is not None
    if not confirm(Question(text, reference if needs_care else None)):
        return _unchanged(record)
    state.resolve(record, Status.READY, "resolved: a person ordered it to be sent again", note)
    return sentence(
        "payout {reference} is sent at the next run: {command}",
        reference=reference,
        command=f"klarna24 sync --profile {record.profile} --now",
    )


def _search_ledger(config: Config, state: State, record: Row) -> LedgerMatch | None:
    """What the ledger says of the payout, if it was ever sent: in its year, the one before and the one after, for
    a person may have moved the voucher's date."""
    if record.trace is None:
        return None
    profile = config.profile(record.profile)
    with open_context(profile, config, state, Sessions.beside(config.state_dir)) as context:
        search = booked.search(context, [record.trace], whole_years=True)
        for it in search.booked:
            if it.record and it.record.id != record.id:  # this one is for the person to decide
                booked.write_down(context, it)
        return search.matches[0]


def _accept(config: Config, state: State, record: Row, note: str | None, confirm: Confirm) -> Sentence:
    """The figures of a drafted payout changed at Klarna, and the person has corrected the voucher. What the new
    figures give is kept, so that the report can compare it with the ledger."""
    reference = record.key.payment_reference
    profile = config.profile(record.profile)
    with open_context(profile, config, state, Sessions.beside(config.state_dir)) as context:
        payout = context.klarna.payout(record.key)
        is_reckoned = record.id not in state.corrected([record])
        if payout is None or (payout.figures == record.totals and is_reckoned):
            raise UsageFault(
                sentence(
                    "payout {reference} is {status} already, and has not changed",
                    reference=reference,
                    status=STATUS_WORDS[record.status],
                ),
                f"klarna24 log --profile {record.profile}",
            )
        trace = _corrected_trace(context, payout, record)
    question = sentence(
        "Has the voucher of {reference} been corrected to Klarna's new figures?", reference=reference
    )
    result = sentence(
        "payout {reference} is {status}, with Klarna's new figures",
        reference=reference,
        status=STATUS_WORDS[record.status],
    )
    if record.trace and trace is None:
        unknown = sentence("(The report cannot compare its sums with them.)")
        question, result = joined(" ", (question, unknown)), joined(" ", (result, unknown))
    if not confirm(Question(question)):
        return _unchanged(record)
    state.accept(record, payout.figures, trace, note)
    return result


def _corrected_trace(context: RunContext, payout: Listed, record: Row) -> Trace | None:
    """What the corrected voucher is to look like: with the name and the anchor's account that it was sent with.
    None where nothing was sent, or where the new figures give no voucher."""
    if record.trace is None or not isinstance(payout, Payout):
        return None
    try:
        voucher = plan.voucher_now(context, payout)
    except (Blocked, BadAnswer):
        return None
    if voucher is None:
        return None
    trace, account_no = voucher.trace(), record.trace.account_no
    amount = trace.sums.get(account_no, record.trace.amount)
    return replace(trace, name=record.trace.name, account_no=account_no, amount=amount)


def _voucher_name(record: Row) -> str:
    return f'"{record.trace.name}"' if record.trace else sentence("its voucher")


def _unchanged(record: Row) -> Sentence:
    return sentence(
        "payout {reference} stays {status}: nothing was changed",
        reference=record.key.payment_reference,
        status=STATUS_WORDS[record.status],
    )
