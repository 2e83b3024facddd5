"""Closes a month: pure. Compares Klarna's figures with what was drafted and what the ledger has of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from klarna24.bookkeeping.ledger_match import VoucherKey
from klarna24.bookkeeping.payout import ZERO, Payout, may_be_same, net_fees, net_vat
from klarna24.bookkeeping.remarks import LEDGER
from klarna24.bookkeeping.usual_accounts import is_bank
from klarna24.report.balances import debt_balance, debt_differences, holdback_balance, holdback_differences
from klarna24.report.differences import Pair, of_payout
from klarna24.report.month import (
    CurrencyMonth,
    Difference,
    Gathered,
    MonthPayout,
    PastPayout,
    ProfileMonth,
)
from klarna24.report.open_items import open_items
from klarna24.report.vouchers import belonging, drafted_sums, standing, sums
from klarna24.run.messages import ResolveCommand
from klarna24.state.records import Row, Status
from klarna24.text.sentences import sentence

HISTORY = timedelta(days=366)
_NOT_COMPARED = sentence(
    "a person says that the voucher is corrected to Klarna's new figures; what these give is not known, and was "
    "not compared"
)
Name = TypeVar("Name")


def close(gathered: Gathered) -> ProfileMonth:
    """Return the month with everything that keeps it from closing."""
    pairs = _pairs(gathered)
    currencies = sorted({pair.key.currency for pair in pairs}, key=lambda it: (it != gathered.home_currency, it))
    number = gathered.accounts["payout"]
    is_clearing = not is_bank(number, gathered.chart.get(number, ""))
    references = {row.key.payment_reference for row in (*gathered.earlier, *gathered.rows)}
    until = min(gathered.month.last, gathered.today)
    return ProfileMonth(
        profile=gathered.profile,
        language=gathered.language,
        zone=gathered.zone,
        month=gathered.month,
        is_over=gathered.is_over,
        home_currency=gathered.home_currency,
        chart=gathered.chart,
        currencies=tuple(_currency(gathered, currency, pairs) for currency in currencies),
        clearing=number if is_clearing else None,
        open_items=open_items(gathered.lines[number], references, until) if is_clearing else (),
        read_from=gathered.read_from,
    )


def _pairs(gathered: Gathered) -> list[Pair]:
    """Each payout of the month once, oldest first."""
    rows = {row.key: row for row in gathered.rows}
    left = dict(rows)
    pairs = []
    for listed in gathered.listed:
        similar = [row for row in left.values() if may_be_same(row.key, listed.key)]
        row = left.get(listed.key) or (similar[0] if len(similar) == 1 else None)
        if row:
            del left[row.key]
        pairs.append(Pair(listed, row))
    pairs += [Pair(None, row) for row in left.values()]
    return sorted(pairs, key=lambda pair: (_day(gathered, pair), pair.key))


def _day(gathered: Gathered, pair: Pair) -> date:
    if pair.listed and pair.listed.payout_date:
        return pair.listed.payout_date.astimezone(gathered.zone).date()
    return pair.row.payout_date if pair.row else gathered.month.first


def _currency(gathered: Gathered, currency: str, all_pairs: Sequence[Pair]) -> CurrencyMonth:
    pairs = [pair for pair in all_pairs if pair.key.currency == currency]
    own: set[VoucherKey] = {key for pair in all_pairs for key in _vouchers(gathered, pair.row)[0]}
    payouts, differences = [], list[Difference]()
    for pair in pairs:
        payout = _payout(gathered, pair)
        numbers = [key.transaction_no for key in _vouchers(gathered, pair.row)[0]]
        same = (other.key for other in all_pairs if other.key.payment_reference == pair.key.payment_reference)
        command = ResolveCommand.of(gathered.profile, pair.key, same)
        is_corrected = pair.row is not None and pair.row.id in gathered.corrected
        found = of_payout(pair, payout, numbers, is_corrected, gathered.home_currency, command)
        differences += [Difference(pair.key.payment_reference, message) for message in found]
        payouts.append(payout)
    listed = [pair.listed for pair in pairs if isinstance(pair.listed, Payout)]
    differences += debt_differences(gathered, listed, own)
    debt = debt_balance(gathered, listed, currency, own)
    holdback = holdback_balance(gathered, listed, currency, own)
    currencies = {pair.key.currency for pair in all_pairs}
    # once, for accounts are in the company's currency
    if currency == (gathered.home_currency if gathered.home_currency in currencies else min(currencies)):
        differences += holdback_differences(gathered, own)
    if not gathered.is_over:
        last = sentence("the month is not over: its last day is {day}", day=str(gathered.month.last))
        differences.append(Difference(None, last))
    booked = [payout for payout in payouts if payout.booked]
    return CurrencyMonth(
        currency=currency,
        payouts=tuple(payouts),
        klarna=_added(payout.totals for payout in payouts),
        stored=_added(payout.stored for payout in payouts if payout.status in {Status.DRAFTED, Status.BOOKED}),
        ledger=_added(payout.booked for payout in booked),
        expected=_added(payout.drafted for payout in booked),
        debt=debt,
        holdback=holdback,
        differences=tuple(differences),
        history=_history(gathered, currency),
    )


def _vouchers(gathered: Gathered, row: Row | None) -> tuple[list[VoucherKey], Mapping[int, Decimal]]:
    """The payout's vouchers in the ledger, and their sums per account."""
    if row is None:
        return [], {}
    its = belonging(row, gathered.vouchers.get(row.id, ()), gathered.accounts["payout"])
    return list(its), sums(line for lines in its.values() for line in lines)


def _payout(gathered: Gathered, pair: Pair) -> MonthPayout:
    keys, booked = _vouchers(gathered, pair.row)
    row, day = pair.row, _day(gathered, pair)
    totals = pair.listed.figures if pair.listed else {}
    if row is None:
        return MonthPayout(pair.key, day, None, totals, {}, {}, {})
    several = standing(row, gathered.vouchers.get(row.id, ()))
    is_booked = row.status is Status.BOOKED or (row.status is Status.DRAFTED and not several)
    is_booked = is_booked and bool(keys)
    status = Status.BOOKED if is_booked else row.shown_status
    numbers = [key.transaction_no for key in keys]
    known = row.transaction_no if row.transaction_no in numbers or not numbers else numbers[0]
    return MonthPayout(
        key=row.key,
        payout_date=day,
        status=status,
        totals=totals or row.totals,
        stored=row.totals,
        drafted=drafted_sums(row),
        booked=booked if is_booked else {},
        transaction_no=known if is_booked or not numbers else None,
        days_to_booking=_days_to_booking(row),
        waits_since=row.changed_at.astimezone(gathered.zone).date() if status is Status.DRAFTED else None,
        standing=several,
        problem=row.problem,
        remarks=(*_remarks(row), *([_NOT_COMPARED] if booked and row.id in gathered.corrected else [])),
    )


def _remarks(row: Row) -> Iterator[str]:
    """Without those on its voucher in the ledger, which the report compares anew."""
    return (remark.text for remark in row.remarks if remark.about != LEDGER)


def _days_to_booking(row: Row) -> int | None:
    booked_at = getattr(row, "booked_at", None)  # branch booked adds the field
    return (booked_at.date() - row.payout_date).days if booked_at else None


def _history(gathered: Gathered, currency: str) -> tuple[PastPayout, ...]:
    """The payouts of the last twelve months, this one included, oldest first."""
    since = gathered.month.last - HISTORY
    rows = [row for row in (*gathered.earlier, *gathered.rows) if row.key.currency == currency]
    return tuple(
        PastPayout(
            row.payout_date,
            row.totals.get("settlement", ZERO),
            row.totals.get("sale", ZERO),
            net_fees(row.totals),
            net_vat(row.totals),
            _days_to_booking(row),
        )
        for row in sorted(rows, key=lambda row: (row.payout_date, row.id))
        if row.payout_date > since
    )


def _added(every: Iterable[Mapping[Name, Decimal]]) -> dict[Name, Decimal]:
    found: defaultdict[Name, Decimal] = defaultdict(Decimal)
    for its in every:
        for name, amount in its.items():
            found[name] += amount
    return {name: amount for name, amount in found.items() if amount}
