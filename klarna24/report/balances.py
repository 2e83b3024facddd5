"""Debts to Klarna and money that it holds back over a month, against their accounts in the ledger: pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from klarna24.bookkeeping.ledger_match import LedgerLine, VoucherKey, mentions
from klarna24.bookkeeping.payout import ZERO, OddPayout, Payout
from klarna24.report.month import Balance, Difference, Gathered
from klarna24.text.sentences import sentence

PAYMENT_BEFORE = timedelta(days=92)  # an invoiced debt may be paid before the next payout shows that it is gone


def debt_balance(
    gathered: Gathered, payouts: Sequence[Payout], currency: str, own: Collection[VoucherKey]
) -> Balance:
    """Return the debt over these payouts of one currency, oldest first; ``own`` are the vouchers of the month's
    payouts."""
    chains = [_moved(gathered, its) for its in _by_merchant(gathered, payouts)] or [(ZERO,) * 5]
    opening, added, taken, settled, closing = (sum(column, ZERO) for column in zip(*chains, strict=True))
    return Balance(opening, added, taken, settled, closing, *_ledger(gathered, "debt", currency, own))


def _moved(gathered: Gathered, its: Sequence[Payout]) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
    """A merchant's debt: opening, added, taken, settled otherwise, closing. ``its`` payouts stand in the chain."""
    opening, closing = its[0].totals.opening_debt, its[-1].totals.closing_debt
    known = gathered.before.get(its[0].key, ())
    if known and opening not in known:
        opening = known[-1]  # what the last month closed with
    added = sum((payout.totals["deposit"] for payout in its), ZERO)
    taken = sum((payout.totals["repay"] for payout in its), ZERO)
    return opening, added, taken, closing - opening - added + taken, closing


def _by_merchant(gathered: Gathered, payouts: Iterable[Payout]) -> list[list[Payout]]:
    """The payouts of each merchant, oldest first; those of one day so that each opens with what the one before it
    closed with, where they can stand so, for nothing says which came first."""
    by_merchant: defaultdict[str, defaultdict[date, list[Payout]]] = defaultdict(lambda: defaultdict(list))
    for payout in payouts:
        by_merchant[payout.merchant_id][payout.local_date(gathered.zone)].append(payout)
    chains = []
    for days in by_merchant.values():
        chain: list[Payout] = []
        for _, left in sorted(days.items()):
            while left:
                chain.append(_next(left, chain[-1].totals.closing_debt if chain else None))
                left.remove(chain[-1])
        chains.append(chain)
    return chains


def _next(left: Sequence[Payout], closing: Decimal | None) -> Payout:
    """The first of those that open with this debt, else with none that another of them leaves; before others those
    that leave it as it was."""
    fitting = [it for it in left if it.totals.opening_debt == closing] or [
        it
        for it in left
        if all(it.totals.opening_debt != other.totals.closing_debt for other in left if other is not it)
    ]
    return min(fitting or left, key=lambda it: (it.totals.opening_debt != it.totals.closing_debt, it.payout_date))


def debt_differences(
    gathered: Gathered, payouts: Iterable[Payout], own: Collection[VoucherKey]
) -> Iterator[Difference]:
    """Yield each break of the chain that no entry on the debt account explains. Klarna may have invoiced a debt;
    then its payment stands there, with the amount by which the chain breaks, in one line. A break after a day with
    several payouts shows only in the sum of the month."""
    account_no = gathered.accounts.get("debt")
    left = [line for line in gathered.lines.get(account_no or 0, ()) if line.key not in own]
    payouts, broken = list(payouts), set[str]()

    def is_paid(gap: Decimal, payout: Payout) -> bool:
        since = payout.local_date(gathered.zone) - PAYMENT_BEFORE
        entry = next((line for line in left if line.amount == gap and line.key.date >= since), None)
        if entry is None or payout.currency != gathered.home_currency:
            return False
        left.remove(entry)
        return True

    for payout in payouts:
        known, opening = gathered.before.get(payout.key, ()), payout.totals.opening_debt
        if not known or opening in known:
            continue
        broken.add(payout.merchant_id)
        gap = known[-1] - opening
        if is_paid(gap, payout):
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
    if any(isinstance(it, OddPayout) for it in gathered.listed):
        return  # what it moved is not known
    for its in _by_merchant(gathered, payouts):
        *_, settled, closing = _moved(gathered, its)
        if settled and its[0].merchant_id not in broken and not is_paid(-settled, its[0]):
            yield Difference(
                None,
                sentence(
                    "the debt to Klarna closes with {closing} {currency}, but by its opening and these payouts it "
                    "is {expected}: account {account_no} has no other entry of {gap}, as the payment of an "
                    "invoice of Klarna's would make",
                    closing=f"{closing:.2f}",
                    currency=its[0].currency,
                    expected=f"{closing - settled:.2f}",
                    account_no=account_no or sentence("(none)"),
                    gap=f"{-settled:.2f}",
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
