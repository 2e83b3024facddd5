"""When a voucher in the ledger counts as the one that was sent."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from klarna24.bookkeeping.ledger_match import (
    LedgerLine,
    LedgerMatch,
    VoucherKey,
    candidates,
    judge,
    mentions,
    worded_as_ours,
)
from klarna24.bookkeeping.voucher import Trace

DAY = date(2026, 11, 19)
OURS = {1930: "962.50", 1580: "-1000.00", 6064: "30.00", 2641: "7.50"}


def trace(sums: dict[int, str] | None = None) -> Trace:
    """Of the payout XISA93DJ, whose anchor is 962.50 on account 1930."""
    amounts = {account_no: Decimal(amount) for account_no, amount in (sums or OURS).items()}
    return Trace("XISA93DJ", "Klarna XISA93DJ 2026-11-19", 1930, DAY, Decimal("962.50"), "SEK", amounts)


def voucher(
    number: int,
    sums: dict[int, str] | None = None,
    day: date = DAY,
    comment: str = "Klarna XISA93DJ payout",
    type_id: int = 9,
) -> list[LedgerLine]:
    """The lines of one voucher, one for each account; ours unless ``sums`` says otherwise."""
    key = VoucherKey(number, type_id, day)
    return [LedgerLine(key, account_no, Decimal(amount), comment) for account_no, amount in (sums or OURS).items()]


# The reference in a comment


@pytest.mark.parametrize(
    "comment",
    [
        *(
            "12",
            "Klarna 12",
            "Klarna 12 payout",
            "12, booked by hand",
            '"12"',
            "'12'",
            "(12)",
            "ref:12",
            "Klarna 12.",
        ),
        *("a;12;b", "112 12"),
    ],
)
def test_a_comment_mentions_a_reference_that_stands_between_blanks_quotes_or_stops(comment: str) -> None:
    assert mentions(comment, "12")


@pytest.mark.parametrize(
    "comment", ["", "123", "012", "12-3", "3-12", "12/3", "3/12", "x12", "12x", "12_3", "#12", "1 2", "12€"]
)
def test_a_comment_does_not_mention_a_reference_that_is_part_of_a_longer_word(comment: str) -> None:
    assert not mentions(comment, "12")


def test_a_reference_is_text_and_not_a_pattern() -> None:
    assert mentions("Klarna a.c+ payout", "a.c+")
    assert not mentions("Klarna abcc payout", "a.c+")


# Candidates: the vouchers with a line that mentions the reference


@pytest.mark.parametrize("day", [date(2026, 11, 5), date(2026, 11, 18), DAY, date(2026, 11, 20)])
def test_a_voucher_is_a_candidate_whatever_date_a_person_gave_it(day: date) -> None:
    assert candidates(trace(), voucher(7, day=day)) == {VoucherKey(7, 9, day)}


def test_a_voucher_that_does_not_mention_the_reference_is_no_candidate() -> None:
    lines = [*voucher(7, comment="Klarna XISA93DJ2 payout"), *voucher(8)]
    assert candidates(trace(), lines) == {VoucherKey(8, 9, DAY)}


# The judgement


def test_no_voucher_proves_nothing() -> None:
    assert judge(trace(), []) is None


def test_one_voucher_with_our_sums_per_account_is_ours() -> None:
    assert judge(trace(), voucher(7)) == LedgerMatch(7, ours=True, same_amount=True, in_our_words=True)


def test_the_sums_decide_where_one_comment_is_still_ours() -> None:
    first, *others = voucher(7, comment="XISA93DJ, checked")
    kept = replace(others[0], comment="Klarna XISA93DJ sales")
    assert judge(trace(), [first, kept, *others[1:]]) == LedgerMatch(
        7, ours=True, same_amount=True, in_our_words=True
    )


@pytest.mark.parametrize("comment", ["", "Klarnas utbetalning", "XISA93DJ", "Klarna XISA93DJX payout"])
def test_equal_sums_without_our_words_are_no_proof(comment: str) -> None:
    """A reference such as "12" or "payout" is a word of other comments, and another payout may have our sums."""
    found = judge(trace(), voucher(7, comment=comment))
    assert found
    assert not found.ours


def test_lines_of_one_account_are_added_up() -> None:
    """A person may split or join lines before booking."""
    split = [
        *voucher(7, {1930: "900.00", 1580: "-1000.00"}),
        *voucher(7, {1930: "62.50", 6064: "30", 2641: "7.5"}),
    ]
    assert judge(trace(), split) == LedgerMatch(7, ours=True, same_amount=True, in_our_words=True)


@pytest.mark.parametrize(
    ("sent", "booked"),
    [
        ({**OURS, 1688: "0.00"}, OURS),
        (OURS, {**OURS, 1688: "0"}),
        ({**OURS, 1688: "0.00"}, {**OURS, 2890: "0"}),
    ],
    ids=["sent", "booked", "both"],
)
def test_accounts_with_a_sum_of_zero_are_not_compared(sent: dict[int, str], booked: dict[int, str]) -> None:
    assert judge(trace(sent), voucher(7, booked)) == LedgerMatch(7, ours=True, same_amount=True, in_our_words=True)


@pytest.mark.parametrize(
    "change",
    [{6064: "30.01"}, {2641: "0"}, {6990: "0.01"}, {1580: "1000.00"}],
    ids=["an öre more", "an account less", "an account more", "the other side"],
)
def test_other_sums_are_not_ours(change: dict[int, str]) -> None:
    found = judge(trace(), voucher(7, {**OURS, **change}))
    assert found == LedgerMatch(7, ours=False, same_amount=True, in_our_words=True)


@pytest.mark.parametrize(
    "second",
    [voucher(8), voucher(7, day=date(2026, 11, 20)), voucher(7, type_id=10)],
    ids=["number", "day", "series"],
)
def test_two_equal_vouchers_are_no_proof_of_one(second: list[LedgerLine]) -> None:
    assert judge(trace(), [*second, *voucher(7)]) == LedgerMatch(
        7, ours=False, same_amount=True, in_our_words=True
    )


def test_our_voucher_is_found_among_others_that_mention_the_reference() -> None:
    lines = [*voucher(3, {1930: "962.50", 1580: "-962.50"}), *voucher(7), *voucher(9, {1930: "1", 1580: "-1"})]
    assert judge(trace(), lines) == LedgerMatch(7, ours=True, same_amount=True, in_our_words=True)


def test_of_several_others_the_smallest_number_with_our_amount_is_named() -> None:
    """Not the smallest of all: a person is to look at the voucher that is most likely the payout."""
    without, ours = {1930: "1.00", 1580: "-1.00"}, {1930: "962.50", 1580: "-962.50"}
    lines = [*voucher(3, without), *voucher(9, ours), *voucher(8, ours)]
    assert judge(trace(), lines) == LedgerMatch(8, ours=False, same_amount=True, in_our_words=True)
    assert judge(trace(), [*voucher(4, without), *voucher(3, without)]) == LedgerMatch(3, False, False, True)


# The voucher that is a draft's, though a person may have edited it


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        (voucher(7), 7),
        (voucher(7, {**OURS, 1580: "-999.00"}), 7),
        ([*voucher(7), *voucher(8, {**OURS, 1580: "-999.00"})], 7),
        ([*voucher(7, {**OURS, 1580: "-999.00"}), *voucher(8, {1930: "-962.50", 1920: "962.50"})], 7),
        (voucher(8, {1930: "-962.50", 1920: "962.50"}), None),  # the bank, in words like ours
        (voucher(7, comment="XISA93DJ by hand"), None),
        ([*voucher(7), *voucher(8)], None),
        ([*voucher(7, {**OURS, 1580: "-999.00"}), *voucher(8, {**OURS, 1580: "-998.00"})], None),
    ],
    ids=["ours", "edited", "ours first", "and the bank", "the bank", "by hand", "twice", "edited twice"],
)
def test_the_voucher_of_a_draft_is_ours_or_the_only_edited_one(
    lines: list[LedgerLine], number: int | None
) -> None:
    found = judge(trace(), lines)
    assert found
    assert (found.voucher.key.transaction_no if found.voucher else None) == number


def test_the_sums_of_an_edited_voucher_are_those_in_the_ledger() -> None:
    found = judge(trace(), [*voucher(7, {**OURS, 1580: "-999.00"}), *voucher(7, {2641: "-7.50"})])
    assert found
    assert found.voucher
    assert found.voucher.sums == {1930: Decimal("962.50"), 1580: Decimal("-999.00"), 6064: Decimal("30.00")}


def test_a_line_that_only_mentions_the_reference_is_not_in_our_words() -> None:
    lines = [*voucher(7, comment="payment XISA93DJ"), *voucher(8)]
    assert worded_as_ours(trace(), lines) == {VoucherKey(8, 9, DAY)}


@pytest.mark.parametrize(
    ("account_no", "amount", "comment", "same"),
    [
        (1930, "962.50", "XISA93DJ by hand", True),
        (1930, "-962.50", "XISA93DJ by hand", False),
        (1930, "962.51", "XISA93DJ by hand", False),
        (1930, "962.50", "by hand", False),
        # on another account only with our own words, for a row of the bank's has the reference as well
        (1940, "962.50", "XISA93DJ by hand", False),
        (1940, "962.50", "Klarna XISA93DJ payout", True),
        (1940, "962.50", "Klarna XISA93DJ2 payout", False),
    ],
)
def test_our_amount_is_the_anchors_on_its_account_or_in_our_own_words(
    account_no: int, amount: str, comment: str, same: bool
) -> None:
    found = judge(trace(), voucher(7, {account_no: amount, 1580: "-1.00"}, comment=comment))
    is_ours = comment == "Klarna XISA93DJ payout"
    assert found == LedgerMatch(7, ours=False, same_amount=same, in_our_words=is_ours)


@pytest.mark.parametrize(
    ("comments", "is_made"),
    [
        (("Klarna XISA93DJ payout", "Klarna XISA93DJ sales"), True),
        (("Klarna XISA93DJ", "Klarna XISA93DJ"), False),
        (("Klarna XISA93DJ", "Klarna XISA93DJ payout"), False),
        (("Klarna XISA93DJ payout", "Klarna XISA93DJ payout"), False),
        (("Klarna XISA93DJ payout", "XISA93DJ sales"), False),
    ],
)
def test_only_the_program_words_several_lines_each_in_its_own_way(
    comments: tuple[str, str], is_made: bool
) -> None:
    """With other sums, since an account or a rate may have changed. A person writes one text on all lines."""
    lines = voucher(7, {1930: "1.00"}, comment=comments[0]) + voucher(7, {1580: "-1.00"}, comment=comments[1])
    found = judge(trace(), lines)
    assert found
    assert (found.ours, found.is_program_made) == (False, is_made)
