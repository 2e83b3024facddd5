"""Whether payouts of the past stand in the ledger, by lines written by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from klarna24.bookkeeping.ledger_match import LedgerLine, VoucherKey
from klarna24.bookkeeping.payout import Payout, Totals
from klarna24.bookkeeping.voucher import Trace
from klarna24.check.in_ledger import LedgerSearch
from klarna24.check.months import Found, PastPayout
from klarna24.state.records import Status

BANK, CLEARING, RECEIVABLE, FEES = 1930, 1940, 1580, 6064
DAY = date(2026, 11, 10)


def payout(
    reference: str = "A", amount: str = "962.50", day: date = DAY, account_no: int = CLEARING
) -> PastPayout:
    """A payout that is ready, and that a run would find on its account."""
    moment = datetime.combine(day, datetime.min.time(), UTC)
    klarna = Payout(reference, moment, "SEK", "NET", "M1", Totals(Decimal(amount), {}))
    trace = Trace(reference, f"Klarna {reference} {day}", account_no, day, Decimal(amount), "SEK", {})
    return PastPayout(klarna, day, Status.READY, trace=trace)


def voucher(
    number: int, *lines: tuple[int, str, str], days: int = 0, references: tuple[str, ...] = ()
) -> list[LedgerLine]:
    """A voucher of these accounts, amounts and comments, so many days after the payout."""
    key = VoucherKey(number, 9, DAY + timedelta(days=days))
    return [LedgerLine(key, account_no, Decimal(amount), text, references) for account_no, amount, text in lines]


def find(lines: list[LedgerLine], *payouts: PastPayout, known: int = 0) -> list[Found | None]:
    """What stands there of each payout; the first ``known`` ones are in the state."""
    search = LedgerSearch(lines, {BANK, CLEARING}, {CLEARING})
    found = search.find(payouts, {it.key for it in payouts[:known]})
    return [found.get(it.key) for it in payouts]


def said(lines: list[LedgerLine], *payouts: PastPayout) -> list[tuple[int, bool, bool] | None]:
    """Number, certainty, and whether a run would notice."""
    found = find(lines, *payouts)
    return [(it.transaction_no, it.is_certain, it.is_noticed) if it else None for it in found]


def test_reference_and_amount_on_the_account_of_payouts_are_certain_and_noticed() -> None:
    lines = voucher(7, (CLEARING, "962.50", "utbetalning A"), (RECEIVABLE, "-962.50", ""), days=30)
    assert said(lines, payout()) == [(7, True, True)]


def test_on_the_bank_account_they_are_certain_and_a_run_does_not_notice() -> None:
    lines = voucher(7, (BANK, "962.50", "utbetalning A"), (RECEIVABLE, "-962.50", ""))
    assert said(lines, payout()) == [(7, True, False)]


def test_a_reference_as_invoice_number_or_ocr_is_certain_and_a_run_does_not_notice() -> None:
    for references in (("A",), ("17", "A")):
        lines = voucher(7, (CLEARING, "962.50", "utbetalning"), references=references)
        assert said(lines, payout()) == [(7, True, False)]
    assert said(voucher(7, (CLEARING, "1", "x"), references=("AB",)), payout()) == [None]


def test_a_reference_with_another_amount_is_only_probable() -> None:
    lines = voucher(7, (CLEARING, "900", "A"), (RECEIVABLE, "-900", ""))
    assert said(lines, payout()) == [(7, False, False)]


def test_the_amount_alone_is_probable_within_days_and_each_voucher_is_one_payouts() -> None:
    near, far = voucher(7, (BANK, "962.50", "x"), days=2), voucher(8, (BANK, "962.50", "x"), days=11)
    assert said(near, payout()) == [(7, False, False)]
    assert said(far, payout()) == [None]
    assert said(voucher(7, (BANK, "962.50", "x"), days=-4), payout()) == [None]
    assert said([*near, *far], payout("A"), payout("B", day=DAY + timedelta(days=7))) == [
        (7, False, False),
        (8, False, False),
    ]
    assert said(near, payout("A"), payout("B", day=DAY + timedelta(days=1))) == [None, (7, False, False)]


def test_a_voucher_of_several_bank_lines_is_found_by_each_line_and_by_their_sum() -> None:
    lines = voucher(7, (BANK, "400", "x"), (BANK, "562.50", "y"), (RECEIVABLE, "-962.50", ""))
    assert said(lines, payout()) == [(7, False, False)]
    assert said(lines, payout("A", "400"), payout("B", "562.50")) == [(7, False, False), (7, False, False)]


def test_a_transfer_to_the_bank_is_not_the_payout_even_with_its_reference() -> None:
    lines = voucher(7, (BANK, "962.50", "Klarna A"), (CLEARING, "-962.50", "Klarna A"))
    assert said(lines, payout()) == [None]
    booked = voucher(8, (CLEARING, "962.50", "Klarna A"), (RECEIVABLE, "-962.50", ""))
    assert said([*lines, *booked], payout()) == [(8, True, True)]


def test_a_line_that_mentions_one_payout_is_not_that_of_another() -> None:
    lines = voucher(7, (CLEARING, "962.50", "utbetalning A"))
    assert said(lines, payout("A"), payout("B")) == [(7, True, True), None]


def test_our_words_are_those_of_the_program() -> None:
    (found,) = find(voucher(7, (CLEARING, "900", "Klarna A payout")), payout())
    assert found
    assert (found.is_certain, found.is_noticed, found.is_ours) == (True, True, True)
    (found,) = find(voucher(7, (CLEARING, "962.50", "Klarna A")), payout())
    assert found
    assert (found.is_noticed, found.is_ours) == (True, False)


def test_two_vouchers_of_one_payout_are_both_named() -> None:
    lines = [*voucher(7, (CLEARING, "962.50", "A")), *voucher(9, (CLEARING, "962.50", "A"))]
    (found,) = find(lines, payout())
    assert found
    assert found.why == "its reference and its amount, in vouchers 7, 9"


def test_what_the_state_has_is_not_looked_for_by_its_amount() -> None:
    lines = voucher(7, (BANK, "962.50", "x"))
    assert find(lines, payout(), known=1) == [None]


def test_a_payout_of_nothing_is_not_looked_for_by_its_amount() -> None:
    """Its anchor is another total, which no bank account shows."""
    assert said(voucher(7, (BANK, "962.50", "x")), payout(account_no=RECEIVABLE)) == [None]
