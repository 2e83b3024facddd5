"""What an accountant should know of a payout although it stops nothing. The rules are pure; that remarks reach
tables, JSON, mail and the log is tested in tests/commands/test_remarks.py."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from klarna24.bookkeeping.payout import Transaction
from klarna24.bookkeeping.remarks import Remark, remarks_of
from tests.support import bookkeeping as build
from tests.support.bookkeeping import Json, row

SMALL = {"settlement": 100, "sale": 100}


def remarks(
    totals: dict[str, int],
    rows: Sequence[Transaction] = (),
    profile: Json | None = None,
    closing_debts: tuple[str, ...] = (),
    books: Json | None = None,
    **payout: Any,
) -> tuple[Remark, ...]:
    return remarks_of(
        build.payout(totals, **payout),
        rows,
        build.profile(profile or {}),
        build.books(books),
        [Decimal(closing) for closing in closing_debts],
    )


def test_an_ordinary_payout_has_none() -> None:
    rows = [row("SALE", 100, detailed_type="PURCHASE"), row("RETURN", 10, detailed_type="PURCHASE_RETURN")]
    assert remarks({"settlement": 90, "sale": 100, "return": 10}, rows) == ()


# The debt chain


def test_an_opening_debt_that_is_not_the_last_closing_debt_is_shown_with_both_figures() -> None:
    [remark] = remarks({**SMALL, "opening_debt": 500, "closing_debt": 500}, closing_debts=("75.00",))
    assert "5.00 SEK" in remark.text
    assert "75.00 SEK" in remark.text
    assert not remark.is_mailed


def test_a_debt_that_grew_between_two_payouts_is_not_put_down_to_an_invoice_of_klarnas() -> None:
    """An invoice takes a debt away. One that came from nowhere is in no voucher, and no payment is its cure."""
    [less] = remarks({**SMALL, "opening_debt": 500, "closing_debt": 500}, closing_debts=("75.00",))
    [more] = remarks({**SMALL, "opening_debt": 500, "closing_debt": 500}, closing_debts=("1.00",))
    assert "invoiced" in less.text
    assert "invoiced" not in more.text
    assert all(figure in more.text for figure in ("5.00 SEK", "1.00 SEK", "4.00 SEK", "no voucher"))


@pytest.mark.parametrize("closing", [(), ("5.00",), ("7.00", "5.00")])
def test_a_chain_that_holds_or_is_not_known_makes_no_remark(closing: tuple[str, ...]) -> None:
    """Two payouts on the day before: either may be the last one."""
    assert remarks({**SMALL, "opening_debt": 500, "closing_debt": 500}, closing_debts=closing) == ()


# What Klarna holds back, and comments


@pytest.mark.parametrize("detailed_type", ["INSUFFICIENT_BANK_ACCOUNT_DETAILS", "UNDER_REVIEW"])
def test_what_is_held_back_until_the_shop_acts_is_mailed_and_names_the_portal(detailed_type: str) -> None:
    totals = {"settlement": 60, "sale": 100, "holdback": 40}
    [remark] = remarks(totals, [row("HOLDBACK", 40, detailed_type=detailed_type)])
    assert remark.is_mailed
    assert "0.40 SEK" in remark.text
    assert "merchant portal" in remark.text
    assert remarks(totals, [row("HOLDBACK", 40, detailed_type="ROLLING_RESERVE")]) == ()


def test_comments_of_klarna_are_shown_each_once_and_not_without_end() -> None:
    rows = [row("CHARGE", 10, klarna_comment="Loan Amortisation 2026-11-01")] * 2
    [remark] = remarks({**SMALL}, rows)
    assert "Loan Amortisation 2026-11-01" in remark.text
    [long] = remarks({**SMALL}, [row("CHARGE", 10, klarna_comment="x" * 1_000_000)])
    assert len(long.text) < 600
    assert long.text.endswith("xxx…")
    many = remarks({**SMALL}, [row("CHARGE", 10, klarna_comment=f"number {n}") for n in range(9)])
    assert len(many) == 6
    assert "4 more" in many[-1].text


# Fraud, bad debts, commission


def test_the_consumers_vat_of_a_fraud_is_shown() -> None:
    rows = [
        row("REVERSAL", 12_500, detailed_type="FRAUD_POLICY_CHARGE"),
        row("REVERSAL_MERCHANT_PROTECTION", 10_000, detailed_type="FRAUD_POLICY_CREDIT_NET"),
    ]
    [remark] = remarks({"settlement": -2_500, "reversal": 2_500}, rows, {"accounts": {"reversals": 6351}})
    assert all(figure in remark.text for figure in ("125.00 SEK", "100.00 SEK", "25.00 SEK"))


def test_what_a_fraud_leaves_on_the_receivable_is_shown_with_the_line_that_takes_it_away() -> None:
    """Nothing settles it there, so that the receivable would never close."""
    rows = [
        row("REVERSAL", 12_500, detailed_type="FRAUD_POLICY_CHARGE"),
        row("REVERSAL_MERCHANT_PROTECTION", 10_000, detailed_type="FRAUD_POLICY_CREDIT_NET"),
    ]
    totals = {"settlement": -2_500, "reversal": 2_500}
    for accounts in ({}, {"reversals": 1686}, {"reversals": {"COMMISSION_RETURN": 3921}}):
        _, remark = remarks(totals, rows, {"accounts": accounts})
        assert "25.00 SEK" in remark.text
        assert "reversals = { FRAUD_POLICY_CHARGE = ACCOUNT, FRAUD_POLICY_CREDIT_NET = ACCOUNT" in remark.text
    own = {"FRAUD_POLICY_CHARGE": 6351, "FRAUD_POLICY_CREDIT_NET": 6351}
    assert len(remarks(totals, rows, {"accounts": {"reversals": own}})) == 1


@pytest.mark.parametrize(("gross", "net"), [(12_500, 0), (0, 10_000), (3_000, 2_000)])
def test_a_fraud_whose_difference_cannot_be_vat_is_not_called_vat(gross: int, net: int) -> None:
    """No country of the union has more than 27 per cent, so the rest is something else."""
    rows = [
        row("REVERSAL", gross, detailed_type="FRAUD_POLICY_CHARGE"),
        row("REVERSAL_MERCHANT_PROTECTION", net, detailed_type="FRAUD_POLICY_CREDIT_NET"),
    ]
    [remark] = remarks(SMALL, [it for it in rows if it.amount], {"accounts": {"reversals": 6351}})
    assert "VAT, which stays" not in remark.text
    assert all(f"{figure / 100:.2f} SEK" in remark.text for figure in (gross, net, gross - net))


def test_a_fraud_that_is_credited_in_full_leaves_nothing_to_remark_on() -> None:
    rows = [
        row("REVERSAL", 12_500, detailed_type="FRAUD_POLICY_CHARGE"),
        row("REVERSAL_MERCHANT_PROTECTION", 12_500, detailed_type="FRAUD_POLICY_CREDIT_NET"),
    ]
    assert remarks(SMALL, rows) == ()


@pytest.mark.parametrize(
    ("row_type", "detailed_type", "key"),
    [
        ("RETURN", "PAYMENT_DEFAULT", "returns"),
        ("REVERSAL", "COMMISSION_RETURN", "reversals"),
        ("CREDIT", "CORRECTION_DISPUTE", "credits"),
    ],
)
def test_what_is_booked_like_ordinary_ones_and_is_not_is_named_with_its_line(
    row_type: str, detailed_type: str, key: str
) -> None:
    rows = [row(row_type, 500, detailed_type=detailed_type)]
    [remark] = remarks(SMALL, rows, {"accounts": {key: 3990}})
    assert f"{key} = {{ {detailed_type} = ACCOUNT, other = 3990 }}" in remark.text
    assert remarks(SMALL, rows, {"accounts": {key: {detailed_type: 6570}}}) == ()


def test_what_no_account_takes_is_not_said_to_be_booked_like_others() -> None:
    """The payout is blocked, and its problem has the line."""
    assert remarks(SMALL, [row("CREDIT", 500, detailed_type="CORRECTION_DISPUTE")]) == ()


def test_commission_that_is_taken_back_under_its_own_total_is_not_said_to_be_a_reversal() -> None:
    """It is booked on the account of commissions, whatever line the reversals have."""
    rows = [
        row("REVERSAL", 500, detailed_type="COMMISSION_RETURN"),
        row("REVERSAL", 10_000, detailed_type="REVERSAL"),
    ]
    assert remarks({"settlement": -10_500, "reversal": 10_000, "commission_reversal": 500}, rows) == ()
    [remark] = remarks({"settlement": -10_500, "reversal": 10_500}, rows)
    assert "5.00 SEK of COMMISSION_RETURN" in remark.text


def test_a_correction_without_a_total_of_its_own_leaves_a_trace() -> None:
    """The voucher is made of the totals, so that nothing else would show it."""
    rows = [row("CORRECTION", -300, detailed_type="CREDITED_CORRECTION"), row("CORRECTION", 100), row("SALE", 100)]
    [remark] = remarks(SMALL, rows)
    assert "2 CORRECTION" in remark.text
    assert "-2.00 SEK" in remark.text
    assert remarks(SMALL, [row("CORRECTION", 0)]) == ()


@pytest.mark.parametrize("detailed_type", ["LIABILITY_TRANSFER", "PAYMENT_REMINDER"])
def test_a_debt_that_is_moved_is_only_right_on_the_debt_account_if_it_stands_there(detailed_type: str) -> None:
    """Otherwise that account is left with a debit."""
    rows = [row("CHARGE", 500, detailed_type=detailed_type)] * 2
    [remark] = remarks({"settlement": -1_000, "charge": 1_000}, rows)
    assert f"10.00 SEK of {detailed_type}" in remark.text
    assert "stands in the books" in remark.text
    assert remarks(SMALL, rows, {"accounts": {"charges": {detailed_type: 2890}}}) == ()


def test_fees_of_a_gross_payout_that_are_not_deducted_are_shown_since_the_voucher_has_none() -> None:
    totals = {"settlement": 10_000, "sale": 10_000, "fee": 300, "fee_refund": 100, "tax": 75, "tax_refund": 25}
    [remark] = remarks(totals, merchant_settlement_type="GROSS")
    assert all(figure in remark.text for figure in ("2.00 SEK", "0.50 SEK", "invoice"))
    deducted = {**totals, "settlement": 9_750}
    assert remarks(deducted, merchant_settlement_type="GROSS") == ()


# VAT


@pytest.mark.parametrize(("vat", "is_odd"), [(750, False), (749, False), (751, False), (748, True), (752, True)])
def test_vat_that_is_more_than_an_ore_off_is_shown(vat: int, is_odd: bool) -> None:
    found = remarks(SMALL, [row("FEE", 3_000, vat_amount=vat, vat_rate=2500)])
    assert bool(found) is is_odd
    if is_odd:
        assert all(figure in found[0].text for figure in (f"{vat / 100:.2f} SEK", "30.00 SEK", "25 %", "7.50 SEK"))


@pytest.mark.parametrize("rate", [None, "25", 25.5, [], True])
def test_a_vat_rate_that_is_no_number_makes_no_row_unreadable(rate: object) -> None:
    assert remarks(SMALL, [row("FEE", 3_000, vat_amount=750, vat_rate=rate)]) == ()


def test_a_norwegian_profile_without_a_mode_is_told_both_lines_where_klarna_states_no_vat() -> None:
    totals, books = {"settlement": 70, "sale": 100, "fee": 30}, {"home_currency": "NOK"}
    [remark] = remarks(totals, books=books, currency_code="NOK")
    assert 'mode = "none"' in remark.text
    assert 'mode = "reverse-charge"' in remark.text
    assert remarks(totals, profile={"vat": {"mode": "none"}}, books=books, currency_code="NOK") == ()
    with_vat = {"settlement": 63, "sale": 100, "fee": 30, "tax": 7}
    assert remarks(with_vat, books=books, currency_code="NOK") == ()
    assert remarks(totals) == (), "a Swedish one"


def test_vat_that_klarna_does_not_state_in_the_companys_currency_is_said_to_be_converted() -> None:
    ecb: Json = {"voucher": {"foreign_currency": "ecb"}}
    totals = {"settlement": 63, "sale": 100, "fee": 30, "tax": 7}
    fee: Json = {"vat_amount": 7, "currency_code": "EUR"}
    [remark] = remarks(totals, [row("FEE", 30, **fee)], ecb, currency_code="EUR")
    assert "SEK" in remark.text
    assert "deducted" in remark.text, "it may be the VAT of another country"
    own = {"tax_in_currency_of_registration_country": 80, "currency_code_of_registration_country": "SEK"}
    assert remarks(totals, [row("FEE", 30, **fee, **own)], ecb, currency_code="EUR") == ()
    gross = {**totals, "settlement": 100}
    invoiced = remarks(gross, [row("FEE", 30, **fee)], ecb, currency_code="EUR", merchant_settlement_type="GROSS")
    assert [it for it in invoiced if "converted" in it.text] == [], "they are invoiced, and not booked"
