"""The journal: which of the vouchers that were sent stand in it (contract: Transaction.GetTransactions)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from klarna24.lookup import Found, JournalLine, VoucherKey, candidates, judge
from klarna24.text import clean
from klarna24.voucher import Trace

Read = Callable[..., Iterable[Any]]  # search parameters → rows of the answer


def find(read: Read, traces: Sequence[Trace], until: date) -> list[Found | None]:
    """For each trace what the journal says, from its date to ``until``.

    One call for each anchor account, and one for each voucher number that mentions a reference.
    """
    by_account: defaultdict[int, list[Trace]] = defaultdict(list)
    for trace in traces:
        by_account[trace.account_no].append(trace)
    on_account = {
        account_no: _lines(
            read,
            min(trace.date for trace in its),
            max(until, *(trace.date for trace in its)),
            AccountNoStart=account_no,
            AccountNoEnd=account_no,
        )
        for account_no, its in by_account.items()
    }
    whole: dict[VoucherKey, list[JournalLine]] = {}
    found = []
    for trace in traces:
        keys = candidates(trace, on_account[trace.account_no])
        for key in sorted(keys - whole.keys()):
            whole[key] = _whole_voucher(read, key)
        found.append(judge(trace, [line for key in keys for line in whole[key]]))
    return found


def _whole_voucher(read: Read, key: VoucherKey) -> list[JournalLine]:
    number = key.transaction_no
    lines = _lines(read, key.date, key.date, TransactionNoStart=number, TransactionNoEnd=number)
    return [line for line in lines if line.key == key]


def _lines(read: Read, since: date, until: date, **filters: int) -> list[JournalLine]:
    rows = read(
        DateStart=datetime.combine(since, time.min),
        DateEnd=datetime.combine(until, time(23, 59, 59)),
        **filters,
    )
    return [_line(row) for row in rows if row.TransactionNo is not None and row.Date is not None]


def _line(row: Any) -> JournalLine:
    """.NET leaves a value out where it equals the default (facts: Reading)."""
    return JournalLine(
        VoucherKey(int(row.TransactionNo), int(row.TransactionTypeId or 0), row.Date.date()),
        int(row.AccountNo or 0),
        Decimal(row.Amount if row.Amount is not None else 0),
        clean(row.Comment),
    )
