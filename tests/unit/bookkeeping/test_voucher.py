"""A voucher balances, or cannot be made."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from klarna24.bookkeeping.voucher import Entry, Unbalanced, Voucher, VoucherType


@pytest.fixture
def voucher() -> Voucher:
    """100.00 of sales, paid to the bank."""
    entries = (
        Entry(1930, Decimal("100.00"), "settlement", "Klarna X payout"),
        Entry(1580, Decimal("-100.00"), "sale", "Klarna X sales"),
    )
    kind = VoucherType(9, "Diverse", 3)
    return Voucher("X", date(2026, 11, 19), kind, 2026, "SEK", entries, entries[0])


def test_an_unbalanced_voucher_cannot_be_made(voucher: Voucher) -> None:
    with pytest.raises(Unbalanced, match=r"0\.01"):
        replace(voucher, entries=(voucher.anchor, replace(voucher.entries[1], amount=Decimal("-99.99"))))


def test_a_voucher_without_its_anchor_cannot_be_made(voucher: Voucher) -> None:
    with pytest.raises(Unbalanced, match="anchor"):
        replace(voucher, anchor=replace(voucher.anchor, account_no=1940))
    with pytest.raises(Unbalanced, match="anchor"):
        replace(voucher, entries=())


@pytest.mark.parametrize("amount", ["0", "0.005", "1E-3"])
def test_an_entry_of_zero_or_of_half_an_ore_cannot_be_in_a_voucher(voucher: Voucher, amount: str) -> None:
    pair = [Entry(1580, sign * Decimal(amount), "sale", "Klarna X sales") for sign in (1, -1)]
    with pytest.raises(Unbalanced, match="two decimals"):
        replace(voucher, entries=(*voucher.entries, *pair))
