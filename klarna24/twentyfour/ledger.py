"""Looks up in the ledger which of the vouchers that were sent have been booked (contract: GetTransactions)."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from klarna24.bookkeeping.ledger_match import (
    LedgerLine,
    LedgerMatch,
    VoucherKey,
    candidates,
    judge,
    worded_as_ours,
)
from klarna24.bookkeeping.voucher import Trace
from klarna24.text.clean import clean
from klarna24.twentyfour.dates import local_day

SEARCH_BACK = timedelta(days=45)
Read = Callable[..., Iterable[Any]]  # takes search parameters, returns the rows of the answer


def find(
    read: Read,
    traces: Sequence[Trace],
    until: date,
    zone: ZoneInfo,
    also: Iterable[int] = (),
    besides: Sequence[Trace] = (),
    *,
    whole_years: bool = False,
) -> list[LedgerMatch | None]:
    """Return for each trace what the ledger has of that voucher, from well before the trace's date, since a
    person may have changed the voucher's date, to ``until``.

    Makes one call for each anchor account, one for each account in ``also`` (accounts that were in the profile
    when vouchers were sent), and one for each voucher number whose text mentions a reference.

    The traces in ``besides`` are judged after the others, against the same lines: neither accounts nor days are
    added for them, and only a voucher in our words is read in whole. Without ``traces`` there is no search.

    With ``whole_years`` it searches from the year before the traces to the one after, in a call for each year.
    """
    if not traces:
        return [None] * len(besides)
    first_day = min(trace.date for trace in traces)
    since = first_day - SEARCH_BACK
    last = max(until, *(trace.date for trace in traces))
    accounts = {trace.account_no for trace in traces} | set(also)
    spans = [(since, last)]
    if whole_years:
        years = range(first_day.year - 1, max(last.year, *(trace.date.year + 1 for trace in traces)) + 1)
        spans = [(date(year, 1, 1), date(year, 12, 31)) for year in years]
    lines = [
        line
        for account_no in sorted(accounts)
        for first, end in spans
        for line in _lines(read, first, end, zone, AccountNoStart=account_no, AccountNoEnd=account_no)
        if line.account_no in accounts
    ]
    whole: dict[VoucherKey, list[LedgerLine]] = {}
    found = []
    keys_of = [candidates(trace, lines) for trace in traces] + [worded_as_ours(trace, lines) for trace in besides]
    for trace, keys in zip([*traces, *besides], keys_of, strict=True):
        for key in sorted(keys - whole.keys()):
            whole[key] = whole_voucher(read, key, zone)
        found.append(judge(trace, [line for key in keys for line in whole[key]]))
    return found


def lines_of(read: Read, accounts: Collection[int], since: date, until: date, zone: ZoneInfo) -> list[LedgerLine]:
    """Return the lines of these accounts with a date from ``since`` to ``until``, in one call that reads all
    accounts from the lowest to the highest of them."""
    lines = _lines(read, since, until, zone, AccountNoStart=min(accounts), AccountNoEnd=max(accounts))
    return [line for line in lines if line.account_no in accounts and since <= line.key.date <= until]


def whole_voucher(read: Read, key: VoucherKey, zone: ZoneInfo) -> list[LedgerLine]:
    """Return all lines of the voucher, in one call."""
    number = key.transaction_no
    lines = _lines(read, key.date, key.date, zone, TransactionNoStart=number, TransactionNoEnd=number)
    return [line for line in lines if line.key == key]


def _lines(read: Read, since: date, until: date, zone: ZoneInfo, **filters: int) -> list[LedgerLine]:
    """Return the lines that match. Asks for one more day at both ends, because a day may be stated in UTC; callers
    leave out what does not belong."""
    rows = read(
        DateStart=datetime.combine(since - timedelta(days=1), time.min),
        DateEnd=datetime.combine(until + timedelta(days=1), time(23, 59, 59)),
        **filters,
    )
    return [_line(row, zone) for row in rows if row.TransactionNo is not None and row.Date is not None]


def _line(row: Any, zone: ZoneInfo) -> LedgerLine:
    """.NET leaves out values that equal their default (docs/vendors/24sevenoffice.md, "Reading")."""
    return LedgerLine(
        VoucherKey(int(row.TransactionNo), int(row.TransactionTypeId or 0), local_day(row.Date, zone)),
        int(row.AccountNo or 0),
        Decimal(row.Amount if row.Amount is not None else 0),
        clean(row.Comment),
        tuple(filter(None, (clean(row.InvoiceNo), clean(row.OCR)))),
    )
