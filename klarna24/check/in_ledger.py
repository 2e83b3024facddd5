"""Whether payouts of the past stand in the ledger already, whoever booked them: pure, from the ledger's lines.

Found by its reference and its amount a payout stands there for certain. Found by one of them alone it probably
does: another voucher may have the amount, and a voucher may speak of a payout without booking it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from klarna24.bookkeeping.ledger_match import LedgerLine, VoucherKey, candidates, in_our_words, judge, mentions
from klarna24.bookkeeping.payout import ZERO, PayoutKey
from klarna24.bookkeeping.voucher import Trace
from klarna24.check.months import Found, PastPayout
from klarna24.text.sentences import sentence

# A payout that is booked by its amount alone is booked when the bank has it, or when the report says that it will.
SOONEST, LATEST = timedelta(days=-3), timedelta(days=10)
SHOWN_NUMBERS = 3


class _Amount(NamedTuple):
    """An amount of money that a voucher moves: a line of it, or all its lines together."""

    key: VoucherKey
    amount: Decimal


class LedgerSearch:
    """``money`` are the accounts on which a payout arrives: that of payouts, and the bank's. ``anchors`` are those
    on which a run looks for vouchers. A transfer only moves money on, as the bank's row does from a clearing
    account, and books no payout."""

    def __init__(self, lines: Sequence[LedgerLine], money: Collection[int], anchors: Collection[int]) -> None:
        self._lines, self._money, self._anchors = lines, money, anchors
        self._texts = [" ".join((line.comment, *line.references)) for line in lines]
        self._vouchers: defaultdict[VoucherKey, list[LedgerLine]] = defaultdict(list)
        moved: defaultdict[VoucherKey, list[Decimal]] = defaultdict(list)
        for line in lines:
            self._vouchers[line.key].append(line)
            if line.account_no in money and line.amount:
                moved[line.key].append(line.amount)
        self._moved = dict(moved)
        self._transfers = {key for key, its in moved.items() if len(its) > 1 and sum(its, ZERO) == 0}

    def find(self, payouts: Sequence[PastPayout], known: Collection[PayoutKey]) -> dict[PayoutKey, Found]:
        """Return the voucher of each payout that has one. Those of ``known``, which the state has, are not looked
        for by their amount."""
        named = {payout.key: self._mentioning(payout.key.payment_reference) for payout in payouts}
        namesakes = Counter(key.payment_reference for key in named)
        found = {}
        for payout in payouts:
            is_alone = namesakes[payout.key.payment_reference] == 1
            if hit := self._by_reference(payout, named[payout.key], is_alone):
                found[payout.key] = hit
        taken = {place for places in named.values() for place in places}
        left = [it for it in payouts if it.key not in found and it.key not in known]
        return {**found, **self._by_amount(left, taken)}

    def _mentioning(self, reference: str) -> list[int]:
        """The places of the lines that mention it: in the comment, as invoice number or as OCR reference."""
        return [place for place, text in enumerate(self._texts) if reference in text and mentions(text, reference)]

    def _by_reference(self, payout: PastPayout, places: Sequence[int], is_alone: bool) -> Found | None:
        """``is_alone``: no other payout has this reference."""
        reference, amount = payout.key.payment_reference, payout.trace.amount if payout.trace else None
        lines = [self._lines[place] for place in places]
        booked = sorted({line.key for line in lines} - self._transfers)
        if not booked:
            return None
        exact = [key for key in booked if self._moves(key, amount)]
        # a person may write "Klarna" and the reference; a word after it is the program's
        worded = {it.key for it in lines if in_our_words(reference, it) and it.comment != f"Klarna {reference}"}
        key = (exact or sorted(worded & {*booked}) or booked)[0]
        if len(exact) > 1:
            numbers = ", ".join(str(it.transaction_no) for it in exact[:SHOWN_NUMBERS])
            why = sentence("its reference and its amount, in vouchers {numbers}", numbers=numbers)
        elif exact:
            why = sentence("its reference and its amount")
        elif key in worded:
            why = sentence("in klarna24's own words")
        else:
            why = sentence("its reference, without its amount")
        is_certain = bool(exact) or (key in worded and is_alone)
        is_noticed = payout.trace is not None and self._run_notices(payout.trace, lines)
        return Found(key.transaction_no, key.date, is_certain, why, is_noticed, key in worded)

    def _run_notices(self, trace: Trace, lines: Iterable[LedgerLine]) -> bool:
        """Whether a run would find it, and put it in doubt or call it booked (run/doubt.py)."""
        keys = candidates(trace, [line for line in lines if line.account_no in self._anchors])
        match = judge(trace, [line for key in sorted(keys) for line in self._vouchers[key]])
        return match is not None and (match.ours or match.same_amount or match.in_our_words)

    def _moves(self, key: VoucherKey, amount: Decimal | None) -> bool:
        moved = self._moved.get(key) or [line.amount for line in self._vouchers[key]]
        return amount is not None and (amount in moved or sum(moved, ZERO) == amount)

    def _by_amount(self, payouts: Iterable[PastPayout], taken: Collection[int]) -> dict[PayoutKey, Found]:
        """The vouchers of the same amount and about the same day, the nearest first, each for one payout."""
        left = Counter(self._amounts(taken))
        by_amount: defaultdict[Decimal, list[_Amount]] = defaultdict(list)
        for amount in left:
            by_amount[amount.amount].append(amount)
        pairs = sorted(
            (abs((amount.key.date - payout.trace.date).days), payout.key, amount)
            for payout in payouts
            if payout.trace and payout.trace.account_no in self._money
            for amount in by_amount[payout.trace.amount]
            if SOONEST <= amount.key.date - payout.trace.date <= LATEST
        )
        found: dict[PayoutKey, Found] = {}
        for days, key, amount in pairs:
            if key not in found and left[amount]:
                left[amount] -= 1
                why = sentence("the same amount {days} days apart, without its reference", days=days)
                found[key] = Found(amount.key.transaction_no, amount.key.date, False, why, False)
        return found

    def _amounts(self, taken: Collection[int]) -> Iterator[_Amount]:
        """What each voucher moves, without lines that mention a payout; all together where none of its lines
        does."""
        spoken_for = {self._lines[place].key for place in taken}
        for place, line in enumerate(self._lines):
            is_money = line.account_no in self._money and line.amount
            if is_money and place not in taken and line.key not in self._transfers:
                yield _Amount(line.key, line.amount)
        for key, moved in self._moved.items():
            if len(moved) > 1 and key not in spoken_for and (whole := sum(moved, ZERO)):
                yield _Amount(key, whole)
