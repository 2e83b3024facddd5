"""Gathers what a month's report is made of: Klarna lists the month again, the ledger is read, and the state.

Reads only. The ledger costs a call for each account (payout, holdback, debt, and those of other anchors), and one
for each payout of the month that stands in it; an account more for each one on which a voucher was changed.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from klarna24.bookkeeping.ledger_match import LedgerLine, mentions
from klarna24.bookkeeping.payout import Listed, Payout, may_be_same
from klarna24.bookkeeping.usual_accounts import is_bank
from klarna24.config.tables import Profile
from klarna24.report.month import Gathered, Month
from klarna24.report.vouchers import belonging, candidates, differing, drafted_sums, not_of_others, sums
from klarna24.run.context import RunContext
from klarna24.run.debts import DebtChain
from klarna24.state.records import Row
from klarna24.twentyfour.books import BooksReader

SEARCH_BACK = timedelta(days=45)  # a person may have changed a voucher's date
OPEN_ITEMS_BACK = timedelta(days=365)


def gather(context: RunContext, month: Month) -> Gathered:
    """Raises what the reads raise, and ConfigFault where the profile's payouts were drafted in another company."""
    profile, state, owner = context.profile, context.state, context.owner
    state.check_owner(owner)
    last = min(month.last, context.today)
    listed = context.klarna.payouts(month.first, last, profile.timezone)
    chain = DebtChain(listed, profile.timezone, owner, state)
    rows = _rows(context, month, listed)
    known = {row.key for row in rows}
    listed = [payout for payout in listed if payout.key in known or not _is_before_the_start(profile, payout)]
    chart = context.office.ask(BooksReader.chart)
    accounts = _accounts(profile)
    read_from = _read_from(profile, month, chart)
    wanted = {*accounts.values(), *(row.trace.account_no for row in rows if row.trace)}
    lines = {number: context.office.account_lines(number, read_from, context.today) for number in sorted(wanted)}
    return Gathered(
        profile=profile.name,
        language=profile.language,
        zone=profile.timezone,
        month=month,
        today=context.today,
        read_from=read_from,
        home_currency=context.office.ask(BooksReader.client).home_currency,
        listed=listed,
        rows=rows,
        earlier=state.period(profile.name, None, month.first - timedelta(days=1)),
        before={payout.key: chain.before(payout) for payout in listed if isinstance(payout, Payout)},
        vouchers=_vouchers(context, rows, lines, month.first - SEARCH_BACK),
        lines=lines,
        corrected=state.corrected(rows),
        chart=chart,
        accounts=accounts,
    )


def _accounts(profile: Profile) -> dict[str, int]:
    named = {key: getattr(profile.accounts, key) for key in ("payout", "holdback", "debt")}
    return {key: number for key, number in named.items() if number is not None}


def _read_from(profile: Profile, month: Month, chart: dict[int, str]) -> date:
    """On a clearing account, where items may have been open for long, from the start, or for a year."""
    number = profile.accounts.payout
    since = month.first - SEARCH_BACK
    if is_bank(number, chart.get(number, "")):
        return since
    return min(since, max(profile.start_date - SEARCH_BACK, month.first - OPEN_ITEMS_BACK))


def _is_before_the_start(profile: Profile, payout: Listed) -> bool:
    moment = payout.payout_date
    return moment is not None and moment.astimezone(profile.timezone).date() < profile.start_date


def _rows(context: RunContext, month: Month, listed: Sequence[Listed]) -> list[Row]:
    """What the state has of the month, as far as the profile's filters cover it today, and of what Klarna lists,
    whichever profile drafted it."""
    filters, owner = context.profile.klarna, context.owner
    found = [
        row
        for row in context.state.period(owner.profile, month.first, month.last)
        if row.environment == owner.environment
        and (not row.key.merchant_id or filters.covers_merchant(row.key.merchant_id))
        and (not row.key.currency or filters.covers_currency(row.key.currency))
    ]
    of_others = [
        row
        for payout in listed
        if not any(may_be_same(row.key, payout.key) for row in found)
        and (row := context.state.row(owner, payout.key))
    ]
    return [*found, *of_others]


def _vouchers(
    context: RunContext, rows: Sequence[Row], lines: dict[int, list[LedgerLine]], since: date
) -> dict[int, list[LedgerLine]]:
    """The whole vouchers that mention each payout. Where their sums are not what was drafted, those as well that
    mention it on an account that differs: a booked voucher is corrected by another."""
    payout_account = context.profile.accounts.payout
    everything = [line for its in lines.values() for line in its]
    vouchers: dict[int, list[LedgerLine]] = {}
    for row in rows:
        keys = sorted(candidates(row, everything))
        whole = [line for key in keys for line in context.office.whole_voucher(key)]
        vouchers[row.id] = not_of_others(row, context.state.namesakes(context.owner, row.key), whole)
    others: dict[int, list[LedgerLine]] = {}
    for row in rows:
        booked = [line for its in belonging(row, vouchers[row.id], payout_account).values() for line in its]
        if not booked or not row.trace:
            continue
        for number in differing(drafted_sums(row), sums(booked)):
            if number not in lines and number not in others:
                others[number] = context.office.account_lines(number, since, context.today)
            known = {line.key for line in vouchers[row.id]}
            its = others[number] if number in others else lines[number]
            more = {line.key for line in its if mentions(line.comment, row.key.payment_reference)} - known
            vouchers[row.id] += [line for key in sorted(more) for line in context.office.whole_voucher(key)]
    return vouchers
