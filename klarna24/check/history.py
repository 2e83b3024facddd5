"""The payouts of the last months, month by month: the proof before a go-live, and before start_date is moved back.

Whether each would be ready, by the same code as a dry run; which accounts the profile lacks for its kinds; and
whether it stands in the ledger already, drafted by klarna24 or booked by anybody. Reads only.

Klarna lists the payouts once, and is asked for the rows of the newest ones that need them. 24SevenOffice is asked
for the accounts on which money arrives, fourteen months in a call, back to the oldest payout that the state lacks.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from klarna24.bookkeeping.entries import TABLES, account_of, line_kind
from klarna24.bookkeeping.ledger_match import LedgerLine
from klarna24.bookkeeping.payout import Listed
from klarna24.bookkeeping.usual_accounts import is_bank
from klarna24.check.in_ledger import SOONEST, LedgerSearch
from klarna24.check.months import History, HistoryMonth, HistoryPayout, MissingAccount, PastPayout
from klarna24.check.past import PayoutReader, months_before
from klarna24.check.start_date import advice_of
from klarna24.config.tables import Profile
from klarna24.errors import Klarna24Error
from klarna24.report.month import Month
from klarna24.run.context import RunContext
from klarna24.text.sentences import Sentence, sentence

MOST_PAYOUTS = 400  # whose rows are read, the newest ones: a year of daily payouts
ROWS_SECONDS = 180.0
LEDGER_SECONDS = 60.0  # after which no earlier part of the ledger is read
IN_ONE_CALL = timedelta(days=420)  # of the ledger: twelve months, and what goes before them
SEARCH_BACK = timedelta(days=45)  # a person may have changed a voucher's date


def new_reader(context: RunContext) -> PayoutReader:
    """Return what reads the payouts of a history."""
    return PayoutReader(context.profile, context.klarna, context.books, context.rate, MOST_PAYOUTS, ROWS_SECONDS)


def read_history(
    context: RunContext,
    months: int,
    listed: Sequence[Listed] | None = None,
    reader: PayoutReader | None = None,
) -> History:
    """Return the history of so many months. ``listed`` is what Klarna lists of them, where that is known already;
    ``reader`` is what reads them, for a caller who needs its counters.

    Raises what the listing and the company's books raise, and StateFault; what cannot be read after these is left
    out, and said so."""
    since = months_before(context.today, months)
    if listed is None:
        listed = context.klarna.payouts(since, context.today, context.profile.timezone)
    reader = reader or new_reader(context)
    read = [reader.read(payout) for payout in reversed(listed)]
    pasts = sorted((it for it in read if it.day and it.day >= since), key=lambda it: (it.day or since, it.key))
    rows = {it.key: context.state.row(context.owner, it.key) for it in pasts}
    known = {key for key, row in rows.items() if row and not row.may_be_sent}
    ledger = _read_ledger(context, pasts, [it.day for it in pasts if it.day and it.key not in known])
    search = LedgerSearch(ledger.lines, ledger.money, ledger.accounts)
    found = search.find(pasts, known)
    payouts = [
        HistoryPayout(it, it.day, rows[it.key], found.get(it.key), ledger.has(it.day)) for it in pasts if it.day
    ]
    by_month: defaultdict[Month, list[HistoryPayout]] = defaultdict(list)
    for payout in payouts:
        by_month[Month.of(payout.day)].append(payout)
    profile = context.profile
    return History(
        profile=profile.name,
        language=profile.language,
        start_date=profile.start_date,
        since=since,
        until=context.today,
        months=[HistoryMonth(month, its, _missing(profile, its)) for month, its in by_month.items()],
        ledger_since=ledger.since,
        accounts=sorted(ledger.accounts) if ledger.since else (),
        not_looked_at=[*_undated(read), *_not_read(reader), *ledger.not_read],
        advice=[*advice_of(payouts, profile.start_date)],
    )


def _missing(profile: Profile, payouts: Iterable[HistoryPayout]) -> list[MissingAccount]:
    missing = set()
    for payout in payouts:
        for line in payout.past.lines:
            number, key = account_of(line, profile)
            if number is None:
                kind = line_kind(line)
                missing.add(MissingAccount(key, (kind.detailed_type if key in TABLES else None) or kind.kind))
    return sorted(missing)


def _undated(read: Iterable[PastPayout]) -> Iterable[Sentence]:
    """What belongs to no month."""
    if undated := [it.key.payment_reference for it in read if not it.day]:
        yield sentence("payouts whose date cannot be read: {references}", references=", ".join(undated))


def _not_read(reader: PayoutReader) -> Iterable[Sentence]:
    """What was left out of Klarna's rows."""
    if reader.error:
        yield sentence("Klarna's rows cannot be read: {why}", why=reader.error.message)
    if reader.unread:
        yield sentence(
            "payouts whose rows were not read: {count} (of {most} at most, for {seconds} s)",
            count=reader.unread,
            most=MOST_PAYOUTS,
            seconds=f"{ROWS_SECONDS:.0f}",
        )


@dataclass
class _Ledger:
    """What was read: the lines of ``accounts`` from ``since`` on, None where nothing was; ``money`` are those on
    which a payout arrives; ``since`` is ``first`` where all was read."""

    accounts: set[int]
    money: set[int]
    first: date | None = None
    since: date | None = None
    lines: list[LedgerLine] = field(default_factory=list)
    not_read: list[Sentence] = field(default_factory=list)

    def has(self, day: date) -> bool:
        """Whether it was read around the day."""
        return self.since is not None and (self.since == self.first or self.since <= day + SOONEST)


def _read_ledger(context: RunContext, pasts: Sequence[PastPayout], days: Sequence[date]) -> _Ledger:
    """Read the ledger around these days, the newest year first, until time is up. A fault ends it as well."""
    payout_account = context.profile.accounts.payout
    money = {payout_account, *(number for number, name in context.chart.items() if is_bank(number, name))}
    traces = {it.trace.account_no for it in pasts if it.trace}
    ledger = _Ledger(money | traces | context.state.anchor_accounts(context.owner), money)
    if not days:
        return ledger
    ledger.first, until, end = min(days) - SEARCH_BACK, context.today, time.monotonic() + LEDGER_SECONDS
    while ledger.since is None or ledger.since > ledger.first:
        since = max(ledger.first, until - IN_ONE_CALL)
        try:
            if time.monotonic() > end:
                ledger.not_read.append(_cut_off(until, sentence("it took too long")))
                break
            for accounts in _neighbours(ledger.accounts):
                ledger.lines += context.office.lines_of(accounts, since, until)
        except Klarna24Error as error:
            ledger.not_read.append(_cut_off(until, error.message))
            break
        ledger.since, until = since, since - timedelta(days=1)
    return ledger


def _cut_off(until: date, why: str) -> Sentence:
    return sentence("the ledger was not read up to {day}: {why}", day=str(until), why=why)


def _neighbours(accounts: Iterable[int]) -> list[set[int]]:
    """The accounts that are read in one call: those with the same first two digits."""
    groups: defaultdict[int, set[int]] = defaultdict(set)
    for number in accounts:
        groups[number // 100].add(number)
    return [groups[key] for key in sorted(groups)]
