"""Whether a voucher stands in the ledger: pure, from what was kept of it and the ledger's lines.

Not found proves nothing: drafts are invisible to the API (docs/vendors/24sevenoffice.md, "SaveBundleList").
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from klarna24.bookkeeping.voucher import Trace


class VoucherKey(NamedTuple):
    """A number may recur in another series or on another day."""

    transaction_no: int
    type_id: int
    date: date


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """Contract: Transaction.Transaction. ``references`` are its invoice number and its OCR reference, if any."""

    key: VoucherKey
    account_no: int
    amount: Decimal
    comment: str
    references: tuple[str, ...] = ()


class LedgerVoucher(NamedTuple):
    """A voucher as it is booked; ``sums`` are those per account, in the company's currency, zeros left out."""

    key: VoucherKey
    sums: dict[int, Decimal]


@dataclass(frozen=True, slots=True)
class LedgerMatch:
    """``ours`` where the sums per account are those that were sent; else the reference stands on other lines
    (booked by hand, or edited), and ``same_amount`` tells whether the anchor's amount is among them,
    ``in_our_words`` whether a comment begins as ours do, and ``is_program_made`` whether those of several lines
    do, each with a word of its own, as only this program writes them. ``voucher`` is ours; or else the only one
    that is in our words and has at least one account's sum as it was sent, if there is one. ``standing`` are the
    numbers of all vouchers that are in our words and pay out to the anchor's account, without those that another
    one reverses: more than one where it was booked twice, or split."""

    transaction_no: int
    ours: bool
    same_amount: bool
    in_our_words: bool
    is_program_made: bool = False
    voucher: LedgerVoucher | None = field(default=None, compare=False)
    standing: tuple[int, ...] = field(default=(), compare=False)

    @property
    def stands_several_times(self) -> bool:
        """Whether it was booked twice, or split, and none of these vouchers is certain to be the one."""
        return not self.ours and len(self.standing) > 1


def mentions(comment: str, payment_reference: str) -> bool:
    """The reference as a whole word, between blanks, quotes or stops: 12 is not in 123, 12-3 or 12/3."""
    return re.search(rf"""(?<![^\s"'(,;:]){re.escape(payment_reference)}(?![^\s"'),;:.])""", comment) is not None


def candidates(trace: Trace, lines: Iterable[LedgerLine]) -> set[VoucherKey]:
    """The vouchers with a line, on the accounts that were searched, that mentions the reference."""
    return {line.key for line in lines if mentions(line.comment, trace.payment_reference)}


def worded_as_ours(trace: Trace, lines: Iterable[LedgerLine]) -> set[VoucherKey]:
    """The candidates with a line in our words: a bank's row mentions the reference as well, and is none."""
    return {line.key for line in lines if in_our_words(trace.payment_reference, line)}


def judge(trace: Trace, lines: Iterable[LedgerLine]) -> LedgerMatch | None:
    """What the whole vouchers in ``lines`` say of the one that was sent. Two equal ones are no proof of one, but
    where a third reverses one of them."""
    vouchers: defaultdict[VoucherKey, list[LedgerLine]] = defaultdict(list)
    for line in lines:
        vouchers[line.key].append(line)
    sent = _without_zeros(trace.sums)
    worded = {
        key: LedgerVoucher(key, _sums(its))
        for key, its in vouchers.items()
        if any(in_our_words(trace.payment_reference, line) for line in its)
    }
    left = _without_reversed({key: voucher.sums for key, voucher in worded.items()})
    standing = tuple(
        key.transaction_no for key in left if worded[key].sums.get(trace.account_no, Decimal(0)) * trace.amount > 0
    )
    ours = [voucher for voucher in worded.values() if voucher.sums == sent]
    if len(ours) > 1:
        ours = [voucher for voucher in ours if voucher.key in left]
    if len(ours) == 1:
        number = ours[0].key.transaction_no
        return LedgerMatch(number, True, True, True, voucher=ours[0], standing=standing)
    if not vouchers:
        return None
    same = [key for key, its in vouchers.items() if any(_is_anchor(trace, line) for line in its)]
    named = min(same or worded or vouchers)
    words = {line.comment for line in vouchers[named] if in_our_words(trace.payment_reference, line)}
    edited = [voucher for voucher in worded.values() if voucher.sums.items() & sent.items()]
    return LedgerMatch(
        named.transaction_no,
        ours=False,
        same_amount=bool(same),
        in_our_words=bool(worded),
        is_program_made=len(words - {f"Klarna {trace.payment_reference}"}) > 1,
        voucher=edited[0] if len(edited) == 1 else None,
        standing=standing,
    )


def _without_reversed(sums: Mapping[VoucherKey, dict[int, Decimal]]) -> list[VoucherKey]:
    """The vouchers without each pair of which one has the sums of the other with the opposite signs, by number."""
    left: list[VoucherKey] = []
    for key in sorted(sums):
        opposite = {account_no: -amount for account_no, amount in sums[key].items()}
        other = next((it for it in reversed(left) if sums[it] == opposite), None)
        if other:
            left.remove(other)
        else:
            left.append(key)
    return left


def _is_anchor(trace: Trace, line: LedgerLine) -> bool:
    """Our amount on our account; on another only in our own words, for a bank row has the reference as well."""
    where = line.account_no == trace.account_no or in_our_words(trace.payment_reference, line)
    return where and line.amount == trace.amount and mentions(line.comment, trace.payment_reference)


def in_our_words(payment_reference: str, line: LedgerLine) -> bool:
    """Our comments begin so. A reference such as "12" or "payout" is a word of many other comments."""
    return f"{line.comment} ".startswith(f"Klarna {payment_reference} ")


def _sums(lines: Iterable[LedgerLine]) -> dict[int, Decimal]:
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.account_no] += line.amount
    return _without_zeros(sums)


def _without_zeros(sums: dict[int, Decimal]) -> dict[int, Decimal]:
    return {account_no: amount for account_no, amount in sums.items() if amount}
