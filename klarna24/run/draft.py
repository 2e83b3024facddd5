"""Save what is ready as drafts, oldest first, and write down what became of everything."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, assert_never

from klarna24.archive.documents import voucher_document
from klarna24.errors import Klarna24Error, Unavailable
from klarna24.run import booked, doubt, evidence, messages
from klarna24.run.claims import refuse_claimed
from klarna24.run.context import RunContext
from klarna24.run.outcome import (
    Blocked,
    Booked,
    Drafted,
    InDoubt,
    Outcome,
    Outcomes,
    Plan,
    Ready,
    Rejected,
    Skipped,
    until_fault,
)
from klarna24.run.stopping import finish_first
from klarna24.state.records import Status
from klarna24.text.sentences import sentence
from klarna24.twentyfour.answers import Kind

WRITE_SECONDS = 30.0  # how long to try to write down an answer
T = TypeVar("T")


def draft(context: RunContext, plan: Plan) -> Outcomes:
    """What became of the plan. Where a fault ended it, all that was done until then is written down, and the rest
    is as it was planned."""
    try:
        if plan.changes_state:
            context.state.check_integrity()
        for record in plan.adopted:
            context.state.adopt(context.owner, record)
        for record, key in plan.identified:
            context.state.identify(context.owner, record, key)
        listed = [(outcome.payout, outcome.payout_date) for outcome in plan.outcomes if outcome.payout]
        context.state.listed(context.owner, listed, context.scope)
        context.state.remark(context.owner, ((it.key, it.remarks) for it in plan.outcomes if it.payout))
        if plan.rates:
            context.state.keep_rates(context.owner, plan.rates)
        planned = doubt.against_ledger(context, plan.outcomes)
    except Klarna24Error as error:
        return Outcomes(plan.outcomes, error)
    done, fault = until_fault(_one_by_one(context, planned))
    if fault:
        return Outcomes([*done, *planned[len(done) :]], fault)
    try:
        done = booked.settled([*done, *booked.remind(context, done)])
    except Klarna24Error as error:
        return Outcomes(done, error)
    context.state.completed(context.owner)
    return Outcomes(done)


def _one_by_one(context: RunContext, planned: Sequence[Outcome]) -> Iterator[Outcome]:
    answer_lost = False
    for outcome in planned:
        if isinstance(outcome, Ready):
            if answer_lost:
                context.office.probe()  # an outage leaves one payout in doubt, not all of the night's
            sent = _send(context, outcome)
            answer_lost = isinstance(sent, InDoubt)
            yield sent
        else:
            _write_down(context, outcome)
            yield outcome


def _write_down(context: RunContext, outcome: Outcome) -> None:
    state, owner, payout, record = context.state, context.owner, outcome.payout, outcome.record
    if record and record.status.finished and record.status is outcome.status and record.problem != outcome.problem:
        state.changed(record, outcome.problem)
    match outcome:
        case Blocked():
            if payout:  # else it could not be fetched, and what the state knows of it stays
                state.block(owner, payout, outcome.payout_date, outcome.problem)
        case Skipped():
            if payout:
                state.skip(owner, payout, outcome.payout_date)
        case Booked():
            booked.write_down(context, outcome)
            if record and record.in_doubt:
                answer = f"found in the ledger as {outcome.transaction_no}"
                state.answered(owner, record.id, Status.BOOKED, answer, transaction_no=outcome.transaction_no)
        case InDoubt():
            doubt.write_down(context, outcome)
        case Rejected() | Drafted() | Ready():
            pass  # as it was before this run
        case _:
            raise TypeError(f"{type(outcome).__name__} is no outcome that a plan holds")


def _send(context: RunContext, outcome: Ready) -> Outcome:
    """The one place where a voucher is sent. Raises Unavailable and the like where nothing was sent."""
    state, owner = context.state, context.owner
    outcome, stamp_no = evidence.before_save(context, outcome)
    prepared = context.office.prepare(outcome.voucher, stamp_no)
    document = voucher_document(outcome.voucher) if context.config.archive else None
    with finish_first():
        row_id = state.sending(owner, outcome.payout, outcome.voucher, document)
        if row_id is None:
            reference = outcome.key.payment_reference
            if row := state.row(owner, outcome.key):
                # a profile that runs beside this one may have sent it
                refuse_claimed(context.config, context.profile, row)
            raise Unavailable(
                sentence("payout {reference} is being sent by another run", reference=reference),
                sentence("the next run carries on"),
                reference,
            )
        try:
            answer = context.office.save(prepared)
        except Klarna24Error as error:
            message = error.message
            _write_patiently(lambda: state.answered(owner, row_id, Status.READY, message))
            raise
        return _answered(context, outcome, row_id, answer.kind, answer.said)


def _write_patiently(write: Callable[[], T]) -> T:
    """An answer came, and must be written down: a reader or a full disk may be gone in a moment, and a server's
    connection is made again."""
    deadline = time.monotonic() + WRITE_SECONDS
    while True:
        try:
            return write()
        except Klarna24Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _answered(context: RunContext, outcome: Ready, row_id: int, kind: Kind, said: str) -> Outcome:
    state, owner, reference = context.state, context.owner, outcome.key.payment_reference
    match kind:
        case Kind.DRAFTED:
            try:
                _write_patiently(lambda: state.answered(owner, row_id, Status.DRAFTED, said))
            except Klarna24Error as error:
                return doubt.not_written_down(context, outcome, error)
            return outcome.become(Drafted)
        case Kind.NOT_SENT | Kind.LOG_IN:
            _write_patiently(lambda: state.answered(owner, row_id, Status.READY, said))
            message = sentence(
                "24SevenOffice: payout {reference} was not sent: {said}", reference=reference, said=said
            )
            raise Unavailable(message, sentence("the next run carries on"), reference)
        case Kind.REJECTED | Kind.REJECTED_UNTIL_ORDERED:
            awaits_order = kind is Kind.REJECTED_UNTIL_ORDERED
            longest_ocr = max(len(entry.ocr or "") for entry in outcome.voucher.entries)

            def rejected() -> Outcome:
                problem = messages.rejected(context.resolve_command(outcome.key), said, awaits_order, longest_ocr)
                state.answered(owner, row_id, Status.REJECTED, said, problem, awaits_order=awaits_order)
                return outcome.become(Rejected, problem=problem)

            return _write_patiently(rejected)
        case Kind.IN_DOUBT:

            def in_doubt() -> Outcome:
                lost = doubt.answer_lost(context, outcome, said)
                state.answered(owner, row_id, Status.IN_DOUBT, said, lost.problem)
                return lost

            return _write_patiently(in_doubt)
        case _:
            assert_never(kind)
