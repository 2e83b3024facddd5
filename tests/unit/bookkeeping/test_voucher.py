"""A voucher balances or cannot be made, and its fingerprint tells whether two say the same."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import get_args

import pytest

from klarna24.bookkeeping.payout import Payout, Transaction
from klarna24.bookkeeping.voucher import Currency, Entry, Unbalanced, Voucher, VoucherType
from klarna24.text import Language
from tests.support import bookkeeping as build
from tests.support.bookkeeping import ALL_ACCOUNTS, ALL_TOTALS, ITEMISED, book, charge_and_credit, row


@pytest.fixture
def voucher() -> Voucher:
    """100.00 of sales, paid to the bank."""
    entries = (
        Entry(1930, Decimal("100.00"), "settlement", "Klarna X payout"),
        Entry(1580, Decimal("-100.00"), "sale", "Klarna X sales"),
    )
    kind = VoucherType(9, "Diverse", 3)
    return Voucher("X", date(2026, 11, 19), kind, 2026, Currency("SEK"), entries, entries[0])


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


# The fingerprint


def fingerprints(payout: Payout, lists_of_rows: Iterable[Iterable[Transaction]]) -> set[str]:
    return {book(payout, list(rows), ITEMISED).fingerprint() for rows in lists_of_rows}


def test_the_fingerprint_does_not_depend_on_the_order_of_the_rows() -> None:
    payout = build.payout({"settlement": 7_000, "sale": 9_000, "return": 1_000, "charge": 1_000})
    rows = (
        row("SALE", 5_000, order_id="order-1"),
        row("SALE", 4_000, order_id="order-2"),
        row("RETURN", 1_000, order_id="order-3"),
        row("CHARGE", 500, detailed_type="B"),
        row("CHARGE", 500, detailed_type="A"),
    )
    assert len(fingerprints(payout, itertools.permutations(rows))) == 1


def test_the_fingerprint_does_not_depend_on_the_order_where_the_anchor_is_one_of_equal_rows() -> None:
    """There are only rows, and none is larger than the others: Klarna's order must not choose the anchor."""
    payout = build.payout({"settlement": 0, "sale": 10_000, "return": 10_000})
    types = ("SALE", "SALE", "RETURN", "RETURN")
    rows = [row(kind, 5_000, order_id=f"order-{n}") for n, kind in enumerate(types)]
    assert len(fingerprints(payout, itertools.permutations(rows))) == 1


def test_another_reference_and_another_amount_make_another_fingerprint() -> None:
    payout = build.payout({"settlement": 10_000, "sale": 10_000})
    lists_of_rows = [
        [row("SALE", 6_000, order_id="order-1"), row("SALE", 4_000, order_id="order-2")],
        [row("SALE", 6_000, order_id="order-1"), row("SALE", 4_000, order_id="order-3")],
        [row("SALE", 6_001, order_id="order-1"), row("SALE", 3_999, order_id="order-2")],
    ]
    assert len(fingerprints(payout, lists_of_rows)) == 3


def test_another_kind_account_or_department_makes_another_fingerprint(voucher: Voucher) -> None:
    """Although our own words in the comment do not."""
    payout, sale = voucher.entries
    others = [replace(sale, kind="return"), replace(sale, account_no=1581), replace(sale, department_id=10)]
    prints = {replace(voucher, entries=(payout, entry)).fingerprint() for entry in (sale, *others)}
    assert len(prints) == 4


def test_the_fingerprint_is_the_same_in_every_language() -> None:
    """A voucher that may have been saved in spite of an Exception is not sent again for another language."""
    vouchers = [
        book(build.payout(ALL_TOTALS), charge_and_credit(), {"accounts": ALL_ACCOUNTS, "language": language})
        for language in get_args(Language)
    ]
    assert len({tuple(entry.comment for entry in voucher.entries) for voucher in vouchers}) == len(vouchers)
    assert len({voucher.fingerprint() for voucher in vouchers}) == 1
