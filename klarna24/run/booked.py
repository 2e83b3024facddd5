"""Drafts that wait in 24SevenOffice: which of them have been booked, and which have waited for too long.

Whenever the ledger is read for something else, the drafts are judged against the same answer (search). It is read
for them alone only where the profile has ``remind_unbooked_after_days`` and a draft has waited for as long, once a
day at most (remind). What is not found stays a draft: nothing here sends anything, or makes it ready again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.remarks import LEDGER, Remark
from klarna24.bookkeeping.voucher import Trace
from klarna24.run import messages
from klarna24.run.context import RunContext
from klarna24.run.outcome import Booked, Drafted, Outcome
from klarna24.state.records import Row, Status


class Search(NamedTuple):
    """What the ledger says of each voucher that was searched for, and which drafts the same answer shows."""

    matches: list[LedgerMatch | None]
    booked: list[Booked]


def search(
    context: RunContext, traces: Sequence[Trace], also: Iterable[int] = (), *, whole_years: bool = False
) -> Search:
    """Search the ledger for ``traces``, also on the accounts in ``also``, and judge the profile's drafts by the
    same answer; with ``whole_years`` from the year before to the one after. Without traces nothing is asked.
    Raises what a read of 24SevenOffice raises."""
    drafts = _drafts(context)
    matches = context.office.find(
        traces, context.today, also, [trace for _, trace in drafts], whole_years=whole_years
    )
    return Search(matches[: len(traces)], list(_booked(context, drafts, matches)))


def settled(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Each payout once: a draft that is now booked comes first, with the problem that it has besides."""
    booked = {it.key: it for it in outcomes if _was_draft(it)}
    problems = {it.key: it.problem for it in outcomes if it.problem}
    others = [it for it in outcomes if it.key not in booked]
    return [*(replace(it, problem=problems.get(key)) for key, it in booked.items()), *others]


def remind(context: RunContext, done: Sequence[Outcome]) -> Iterator[Outcome]:
    """The drafts that have waited for as long as the profile allows, each with a problem; before that all drafts
    are looked up, unless they were today, and those that are booked come as such, written down. What has a
    problem in ``done`` has no second one."""
    days = context.profile.remind_unbooked_after_days
    if days is None or not _waited(context, days):
        return
    read_at = context.state.ledger_read_at(context.owner.profile)
    if read_at is None or read_at.astimezone(context.profile.timezone).date() != context.today:
        drafts = _drafts(context)
        matches = context.office.find([trace for _, trace in drafts], context.today)
        _keep_several(context, drafts, matches)
        for it in _booked(context, drafts, matches):
            write_down(context, it)
            yield it
        context.state.ledger_read(context.owner)
    told = {it.key for it in done if it.problem}
    for row, waited in _waited(context, days):
        if row.key not in told:
            since = row.changed_at.astimezone(context.profile.timezone).date()
            stands = next((it.text for it in row.remarks if it.about == LEDGER), None)
            problem = messages.unbooked(context.resolve_command(row.key), since, waited, stands)
            yield Drafted.of_record(row, problem=problem)


def write_down(context: RunContext, outcome: Booked) -> None:
    """Keep in the state that a draft is booked; any other outcome is left alone."""
    if outcome.record and _was_draft(outcome):
        context.state.booked(outcome.record, outcome.transaction_no, outcome.ledger_sums, outcome.remarks)


def _was_draft(outcome: Outcome) -> bool:
    record = outcome.record
    return isinstance(outcome, Booked) and record is not None and record.status is Status.DRAFTED


def _drafts(context: RunContext) -> list[tuple[Row, Trace]]:
    """Those of the company and environment that the profile names today, with what to look for."""
    owner = context.owner
    rows = context.state.drafts(owner.profile)
    return [
        (row, row.trace)
        for row in rows
        if row.trace and (row.client_id, row.environment) == (owner.client_id, owner.environment)
    ]


def _waited(context: RunContext, days: int) -> list[tuple[Row, int]]:
    now = datetime.now(UTC)
    aged = ((row, (now - row.changed_at).days) for row, _ in _drafts(context))
    return [(row, waited) for row, waited in aged if waited >= days]


def _booked(
    context: RunContext, drafts: Sequence[tuple[Row, Trace]], matches: Sequence[LedgerMatch | None]
) -> Iterator[Booked]:
    """``matches`` are those of the drafts, after those of other payouts that were searched for. Nothing is guessed
    where one voucher may be that of two payouts."""
    found = [(match.voucher.key, match.ours) for match in matches if match and match.voucher]
    claims, exact_claims = Counter(key for key, _ in found), Counter(key for key, is_ours in found if is_ours)
    for (row, trace), match in zip(drafts, matches[len(matches) - len(drafts) :], strict=True):
        if match is None or match.voucher is None:
            continue
        key, sums = match.voucher
        namesakes = context.sent_namesakes(row.key)
        if match.ours:
            has_a_double = any(other.trace and other.trace.sums == trace.sums for other in namesakes)
            if exact_claims[key] == 1 and not has_a_double:
                remarks = tuple(it for it in row.remarks if it.about != LEDGER)
                yield Booked.of_record(row, transaction_no=key.transaction_no, remarks=remarks)
        elif claims[key] == 1 and not namesakes and not match.stands_several_times:
            remark = Remark(messages.other_sums(key.transaction_no, trace.sums, sums), about=LEDGER)
            remarks = (*(it for it in row.remarks if it.about != LEDGER), remark)
            yield Booked.of_record(row, transaction_no=key.transaction_no, ledger_sums=sums, remarks=remarks)


def note(context: RunContext, drafts: Sequence[tuple[Row, Trace]], matches: Sequence[LedgerMatch | None]) -> None:
    """Keep in the state which of these drafts are booked, of what another reading of the ledger says of each."""
    _keep_several(context, drafts, matches)
    for it in _booked(context, drafts, matches):
        write_down(context, it)


def _keep_several(
    context: RunContext, drafts: Sequence[tuple[Row, Trace]], matches: Sequence[LedgerMatch | None]
) -> None:
    """Keep as a remark which drafts stand several times in the ledger, and forget it of those that do no more."""
    found = []
    for (row, _), match in zip(drafts, matches, strict=True):
        several = match is not None and match.stands_several_times and not context.sent_namesakes(row.key)
        remarks = (Remark(messages.stands(match.standing), about=LEDGER),) if match and several else ()
        found.append((row.key, remarks))
    context.state.remark(context.owner, found, about=LEDGER)
