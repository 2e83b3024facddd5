"""Which vouchers in the ledger are a payout's: pure, from its row and the ledger's lines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from klarna24.bookkeeping.ledger_match import LedgerLine, VoucherKey, judge, mentions
from klarna24.bookkeeping.payout import ZERO
from klarna24.state.records import Row


def sums(lines: Iterable[LedgerLine]) -> dict[int, Decimal]:
    """Return the sum per account, without zeros."""
    found: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line.account_no] += line.amount
    return {account_no: amount for account_no, amount in sorted(found.items()) if amount}


def drafted_sums(row: Row) -> dict[int, Decimal]:
    """Return the sums per account as they were sent, without zeros; empty where nothing was."""
    its = row.trace.sums if row.trace else {}
    return {account_no: amount for account_no, amount in sorted(its.items()) if amount}


def candidates(row: Row, lines: Iterable[LedgerLine]) -> set[VoucherKey]:
    """Return the vouchers that have a line in our words, or the number and the amount that the state knows. Of a
    payout that a person booked, whose words are unknown, those that mention its reference."""
    reference, amount = row.key.payment_reference, row.trace.amount if row.trace else None
    ours = f"Klarna {reference} "
    return {
        line.key
        for line in lines
        if f"{line.comment} ".startswith(ours)
        or (row.transaction_no == line.key.transaction_no and line.amount == amount)
        or (amount is None and mentions(line.comment, reference))
    }


def belonging(row: Row, lines: Iterable[LedgerLine], payout_account: int) -> dict[VoucherKey, list[LedgerLine]]:
    """Return the payout's own vouchers among whole vouchers that mention it: all but those of the bank, which take
    the payout off the clearing account again and have no other account in common with it. More than one where it
    was corrected, booked twice, or split."""
    account_no = row.trace.account_no if row.trace else payout_account
    amount = row.trace.amount if row.trace else row.totals.get("settlement", ZERO)
    others = drafted_sums(row).keys() - {account_no}
    own = {}
    for key, its in sorted(_by_voucher(lines).items()):
        found = sums(its)
        if found.get(account_no, ZERO) * amount >= 0 or others & found.keys():
            own[key] = its
    return own


def standing(row: Row, lines: Iterable[LedgerLine]) -> tuple[int, ...]:
    """Return the numbers of the vouchers that the payout has in the ledger, where it has several and none is
    certain to be its own: it was booked twice, or split."""
    match = judge(row.trace, lines) if row.trace else None
    return match.standing if match and match.stands_several_times else ()


def not_of_others(row: Row, namesakes: Iterable[Row], lines: Iterable[LedgerLine]) -> list[LedgerLine]:
    """Return the lines without the vouchers of other payouts of the same reference, in another currency or of
    another merchant: those that have the sums of one of these. Where several payouts have the same sums, each has
    one of as many vouchers, and none where there are fewer: whose they are would be a guess."""
    vouchers = _by_voucher(lines)
    own = drafted_sums(row)
    others = [other for other in namesakes if other.trace and other.client_id == row.client_id]
    equals = sorted([row.id, *(other.id for other in others if drafted_sums(other) == own)])
    exact = [key for key, its in sorted(vouchers.items()) if sums(its) == own]
    foreign = {key for key, its in vouchers.items() if sums(its) in [drafted_sums(it) for it in others]}
    if len(equals) == len(exact):
        mine = {exact[equals.index(row.id)]}
    else:
        mine = set(exact if len(exact) > len(equals) or len(equals) == 1 else ())
    left = {key for key in vouchers if key not in foreign and key not in exact} | mine
    return [line for key, its in sorted(vouchers.items()) if key in left for line in its]


def differing(then: Mapping[int, Decimal], now: Mapping[int, Decimal]) -> list[int]:
    """Return the accounts whose sums differ."""
    return sorted(number for number in {*then, *now} if then.get(number, ZERO) != now.get(number, ZERO))


def _by_voucher(lines: Iterable[LedgerLine]) -> dict[VoucherKey, list[LedgerLine]]:
    vouchers: defaultdict[VoucherKey, list[LedgerLine]] = defaultdict(list)
    for line in lines:
        vouchers[line.key].append(line)
    return vouchers
