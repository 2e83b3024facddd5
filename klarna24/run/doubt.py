"""Payouts of which nobody knows whether they were sent: everything that puts one in doubt, or ends its doubt.

A payout comes into doubt
-   when the run that sent it ended before an answer was written down, or the answer was lost (draft.py);
-   when the same figures were sent before under its reference, for another merchant or environment, or the payout
    itself in another company;
-   when the ledger knows more than this state: the state is older than the books;
-   when its reference stands in a voucher that is not quite the one we would send.

Its doubt ends when its voucher is found in the ledger, or when a person decides (resolve.py). That it is not found
proves nothing: a program cannot see drafts (docs/vendors/24sevenoffice.md, "SaveBundleList").
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.payout import PayoutKey
from klarna24.bookkeeping.voucher import Trace
from klarna24.errors import Klarna24Error
from klarna24.run import booked, messages
from klarna24.run.context import RunContext
from klarna24.run.outcome import Booked, InDoubt, Outcome, Ready
from klarna24.state.records import Row
from klarna24.text.sentences import Sentence, sentence

# Records that are in doubt


def look_up(context: RunContext, records: Sequence[Row]) -> Iterator[Outcome]:
    """What the ledger says of each, all looked up at once, and before them the drafts that the same answer shows
    to be booked. Where it cannot be read they stay in doubt, and the fault is raised after them."""
    traces = [record.trace for record in records if record.trace]
    try:
        found = booked.search(context, traces)
    except Klarna24Error:
        for record in records:
            yield still_in_doubt(context, record, None)
        raise
    matches = iter(found.matches)
    yield from found.booked
    for record in records:
        match = next(matches) if record.trace else None
        if match and match.ours and record.trace and not _has_a_double(context, record.key, record.trace):
            yield Booked.of_record(record, transaction_no=match.transaction_no)
        else:
            yield still_in_doubt(context, record, match)


def still_in_doubt(context: RunContext, record: Row, match: LedgerMatch | None = None) -> InDoubt:
    """A record that is in doubt, with what the ledger says of it, if it was asked."""
    why = sentence("the run that sent it ended before an answer came")
    if match and match.ours:
        why = _whose(match)
    elif match:
        why = messages.elsewhere(match)
    problem = messages.in_doubt(context.resolve_command(record.key), why, record.trace)
    if record.problem and not match:
        # as it was reported first, with the commands of the profile that it belongs to now
        problem = record.problem._replace(hint=problem.hint)
    return InDoubt.of_record(record, problem=problem)


def _has_a_double(context: RunContext, key: PayoutKey, trace: Trace) -> bool:
    """Whether the company has another payout of the same reference whose voucher would look just the same."""
    return any(other.trace and other.trace.sums == trace.sums for other in context.sent_namesakes(key))


def _is_an_earlier_one(context: RunContext, outcome: Outcome, match: LedgerMatch) -> bool:
    """Whether the voucher has our words and other figures, as if Klarna had changed the payout after a run that
    this state does not know. Where another payout of the same reference was sent, the words may be its own."""
    return match.in_our_words and not context.sent_namesakes(outcome.key)


def _whose(match: LedgerMatch) -> Sentence:
    return sentence(
        "voucher {number} may be its own, or that of another payout of the same reference",
        number=match.transaction_no,
    )


# Payouts that would be drafted


def known_otherwise(context: RunContext, outcome: Outcome) -> InDoubt | None:
    """A new payout whose reference and figures were sent before, for another merchant or environment: it may be
    one payout that Klarna or the profile now names otherwise, or two. Another currency is another payout."""
    for record in context.state.namesakes(context.owner, outcome.key):
        if record.client_id != context.owner.client_id:
            was_sent = record.trace or record.in_doubt or record.status.finished
            if was_sent and (record.key, record.environment) == (outcome.key, context.owner.environment):
                why = sentence(
                    "company {company} already has it ({status}), by profile {profile}",
                    company=record.client_id,
                    status=record.status,
                    profile=record.profile,
                )
                return _put_in_doubt(context, outcome, why)
        elif record.trace and record.key.currency == outcome.key.currency and record.totals == outcome.totals:
            why = sentence(
                "the same figures were sent before under this reference, for merchant {merchant} in environment "
                "{environment}",
                merchant=record.key.merchant_id,
                environment=record.environment,
            )
            return _put_in_doubt(context, outcome, why)
    return None


def against_ledger(context: RunContext, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Before the first save: does the ledger know more than this state?

    A voucher of ours there that the state does not know proves that the state is older than the books (a disk
    restored from yesterday's copy): its payout is booked, or in doubt where its sums are others, and every other
    one that is not drafted is in doubt. A voucher that somebody booked by hand puts its own payout in doubt. Where
    nothing has been booked yet, nothing can be seen. What a person ordered to be sent again is not doubted a
    second time, unless it stands there.

    Drafts that the same answer shows to be booked come first in what is returned.

    Writes down each doubt before the voucher that proves it, so that a run which is killed here finds the proof
    again.
    """
    ready = {index: outcome for index, outcome in enumerate(outcomes) if isinstance(outcome, Ready)}
    if not ready:
        return list(outcomes)
    traces = [outcome.voucher.trace() for outcome in ready.values()]
    search = booked.search(context, traces, context.state.anchor_accounts(context.owner))
    found = {index: match for index, match in zip(ready, search.matches, strict=True) if match}
    claims = Counter(match.transaction_no for match in found.values() if match.ours)
    ours: dict[int, LedgerMatch] = {}
    doubts: dict[int, InDoubt] = {}
    for index, match in found.items():
        it = ready[index]
        if match.ours:
            is_certain = claims[match.transaction_no] == 1
            if is_certain and not _has_a_double(context, it.key, it.voucher.trace()):
                ours[index] = match
            else:
                doubts[index] = _put_in_doubt(context, it, _whose(match))
        elif (match.same_amount or _is_an_earlier_one(context, it, match)) and not _is_ordered(it):
            doubts[index] = _put_in_doubt(context, it, messages.elsewhere(match))
    # With other sums, too: an account of the profile, or a rate, may have changed since the voucher was sent.
    others = {
        index: match
        for index, match in found.items()
        if index in doubts and match.is_program_made and not match.ours
        if _is_an_earlier_one(context, ready[index], match)
    }
    proof = next((it for index, it in {**ours, **others}.items() if not _was_sent(ready[index])), None)
    if proof:
        why = sentence(
            "voucher {number} of another payout stands in the ledger, and this state does not know it: the state "
            "is older than the books, and whether this payout was sent as well is unknown",
            number=proof.transaction_no,
        )
        for index, outcome in enumerate(outcomes):
            if index not in ours and index not in doubts and outcome.payout and _may_have_been_sent(outcome):
                doubts[index] = _put_in_doubt(context, outcome, why)
    for index in sorted(doubts, key=lambda index: index in others):
        write_down(context, doubts[index])
    known = {index: _found_in_ledger(context, ready[index], match) for index, match in ours.items()}
    judged = [known.get(index) or doubts.get(index) or outcome for index, outcome in enumerate(outcomes)]
    return booked.settled([*search.booked, *judged])


def answer_lost(context: RunContext, outcome: Ready, said: str) -> InDoubt:
    """It was sent, and what came back does not say whether it was saved."""
    why = sentence("it was sent to 24SevenOffice, and whether it was saved is unknown: {said}", said=said)
    return _put_in_doubt(context, outcome, why)


def not_written_down(context: RunContext, outcome: Ready, error: Klarna24Error) -> InDoubt:
    """24SevenOffice answered Ok, and the state could not keep that: to the next run it is a lost answer."""
    why = sentence("24SevenOffice saved the draft, and that could not be written down: {why}", why=error.message)
    return _put_in_doubt(context, outcome, why)


def write_down(context: RunContext, outcome: InDoubt) -> None:
    """Keep in the state that the payout is in doubt, with what to look for in the ledger."""
    record, problem = outcome.record, outcome.problem
    if record is None and outcome.payout:
        context.state.doubt(context.owner, outcome.payout, outcome.payout_date, problem, outcome.voucher)
    elif record and record.problem != problem:
        context.state.answered(context.owner, record.id, outcome.status, problem.message, problem)


def _found_in_ledger(context: RunContext, outcome: Ready, match: LedgerMatch) -> Booked:
    context.state.found(context.owner, outcome.payout, outcome.voucher, match.transaction_no)
    return outcome.become(Booked, record=None, transaction_no=match.transaction_no)


def _may_have_been_sent(outcome: Outcome) -> bool:
    """By a run that an older state does not know of."""
    return not (outcome.status.finished or isinstance(outcome, InDoubt) or _is_ordered(outcome))


def _was_sent(outcome: Outcome) -> bool:
    """By a run that this very state knows of: then its voucher in the ledger is no news."""
    return outcome.record is not None and outcome.record.trace is not None


def _is_ordered(outcome: Outcome) -> bool:
    """A person ordered it to be sent again."""
    return outcome.record is not None and outcome.record.resend


def _put_in_doubt(context: RunContext, outcome: Outcome, why: str) -> InDoubt:
    trace = outcome.voucher.trace() if outcome.voucher else None
    problem = messages.in_doubt(context.resolve_command(outcome.key), why, trace)
    return outcome.become(InDoubt, record=None, problem=problem)
