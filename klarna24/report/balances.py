"""Debts to Klarna and money that it holds back over a month, against their accounts in the ledger: pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from klarna24.bookkeeping.ledger_match import LedgerLine, VoucherKey, mentions
from klarna24.bookkeeping.payout import ZERO, Payout
from klarna24.report.month import Balance, Difference, Gathered
from klarna24.text import sentence

PAYMENT_BEFORE = timedelta(days=92)  # an invoiced debt may be paid before the next payout shows that it is gone


def debt_balance(
    gathered: Gathered, payouts: Sequence[Payout], currency: str, own: Collection[VoucherKey]
) -> Balance:
    """Return the debt over these payouts of one currency, oldest first; ``own`` are the vouchers of the month's
    payouts."""
    by_merchant: defaultdict[str, list[Payout]] = defaultdict(list)
    for payout in payouts:
        by_merchant[payout.merchant_id].append(payout)
    opening = sum((its[0].totals.opening_debt for its in by_merchant.values()), ZERO)
    closing = sum((its[-1].totals.closing_debt for its in by_merchant.values()), ZERO)
    for its in by_merchant.values():
        known = gathered.before.get(its[0].key, ())
        if known and its[0].totals.opening_debt not in known:
            opening += known[-1] - its[0].totals.opening_debt  # what the last month closed with
    added = sum((payout.totals["deposit"] for payout in payouts), ZERO)
    taken = sum((payout.totals["repay"] for payout in payouts), ZERO)
    settled = closing - opening - added + taken
    return Balance(opening, added, taken, settled, closing, *_ledger(gathered, "debt", currency, own))


def debt_differences(
    gathered: Gathered, payouts: Iterable[Payout], own: Collection[VoucherKey]
) -> Iterator[Difference]:
    """Yield each break of the chain that no entry on the debt account explains. Klarna may have invoiced a debt;
    then its payment stands there, with the amount by which the chain breaks, in one line."""
    account_no = gathered.accounts.get("debt")
    left = [line for line in gathered.lines.get(account_no or 0, ()) if line.key not in own]
    for payout in payouts:
        known, opening = gathered.before.get(payout.key, ()), payout.totals.opening_debt
        if not known or opening in known:
            continue
        gap, since = known[-1] - opening, payout.local_date(gathered.zone) - PAYMENT_BEFORE
        entry = next((line for line in left if line.amount == gap and line.key.date >= since), None)
        if entry and payout.currency == gathered.home_currency:
            left.remove(entry)
            continue
        yield Difference(
            payout.payment_reference,
            sentence(
                "the opening debt is {opening} {currency}, but the last payout closed with {closing}: account "
                "{account_no} has no other entry of {gap}, as the payment of an invoice of Klarna's would make",
                opening=f"{opening:.2f}",
                currency=payout.currency,
                closing=f"{known[-1]:.2f}",
                account_no=account_no or sentence("(none)"),
                gap=f"{gap:.2f}",
            ),
        )


def holdback_balance(
    gathered: Gathered, payouts: Sequence[Payout], currency: str, own: Collection[VoucherKey]
) -> Balance:
    """Return what Klarna holds back over these payouts of one currency. It opens with what the state has of all
    months before; Klarna states no balance of it."""
    earlier = [row.totals for row in gathered.earlier if row.key.currency == currency]
    opening = sum((its.get("holdback", ZERO) - its.get("release", ZERO) for its in earlier), ZERO)
    added = sum((payout.totals["holdback"] for payout in payouts), ZERO)
    taken = sum((payout.totals["release"] for payout in payouts), ZERO)
    return Balance(
        opening, added, taken, ZERO, opening + added - taken, *_ledger(gathered, "holdback", currency, own)
    )


def holdback_differences(gathered: Gathered, own: Collection[VoucherKey]) -> Iterator[Difference]:
    """Yield each entry of the month on the holdback account that speaks of Klarna, or is on an account that does,
    and belongs to none of the payouts. Entries that say nothing of Klarna may be other people's."""
    account_no = gathered.accounts.get("holdback")
    if account_no is None:
        return
    is_klarnas = "klarna" in gathered.chart.get(account_no, "").casefold()
    references = {row.key.payment_reference for row in (*gathered.earlier, *gathered.rows)}
    earlier = {row.transaction_no for row in gathered.earlier if row.transaction_no}
    for line in _of_month(gathered, account_no):
        if line.key in own or line.key.transaction_no in earlier:
            continue
        named = "klarna" in line.comment.casefold() or any(mentions(line.comment, it) for it in references)
        if is_klarnas or named:
            yield Difference(
                None,
                sentence(
                    "account {account_no}, holdback: {amount} {currency} in voucher {number} of {day} belongs to "
                    "no payout of the month",
                    account_no=account_no,
                    amount=f"{line.amount:.2f}",
                    currency=gathered.home_currency,
                    number=line.key.transaction_no,
                    day=str(line.key.date),
                ),
            )


def _of_month(gathered: Gathered, account_no: int) -> list[LedgerLine]:
    month = gathered.month
    return [line for line in gathered.lines.get(account_no, ()) if month.first <= line.key.date <= month.last]


def _ledger(
    gathered: Gathered, key: str, currency: str, own: Collection[VoucherKey]
) -> tuple[int | None, Decimal | None, Decimal | None]:
    """The account, what it moved in the month, and what of that the payouts' vouchers moved; only beside amounts
    in the company's currency, which is the ledger's."""
    account_no = gathered.accounts.get(key)
    if account_no is None or currency != gathered.home_currency:
        return None, None, None
    lines = _of_month(gathered, account_no)
    moved = sum((line.amount for line in lines), ZERO)
    return account_no, moved, sum((line.amount for line in lines if line.key in own), ZERO)
