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
    [remark] = remarks({"settlement": -2_500, "reversal": 2_500}, rows)
    assert all(figure in remark.text for figure in ("125.00 SEK", "100.00 SEK", "25.00 SEK"))


@pytest.mark.parametrize(
    ("row_type", "detailed_type", "key"),
    [("RETURN", "PAYMENT_DEFAULT", "returns"), ("REVERSAL", "COMMISSION_RETURN", "reversals")],
)
def test_what_is_booked_like_ordinary_ones_and_is_not_is_named_with_its_line(
    row_type: str, detailed_type: str, key: str
) -> None:
    rows = [row(row_type, 500, detailed_type=detailed_type)]
    [remark] = remarks(SMALL, rows)
    assert f"{key} = {{ {detailed_type} = ACCOUNT }}" in remark.text
    assert remarks(SMALL, rows, {"accounts": {key: {detailed_type: 6570}}}) == ()


def test_commission_that_klarna_takes_back_under_its_own_total_is_not_booked_like_a_reversal() -> None:
    rows = [row("REVERSAL", 500, detailed_type="COMMISSION_RETURN"), row("REVERSAL", 70, detailed_type="REVERSAL")]
    assert remarks({"settlement": 30, "sale": 600, "reversal": 70, "commission_reversal": 500}, rows) == ()
    assert len(remarks({"settlement": 30, "sale": 600, "reversal": 570}, rows)) == 1


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
    own = {"tax_in_currency_of_registration_country": 80, "currency_code_of_registration_country": "SEK"}
    assert remarks(totals, [row("FEE", 30, **fee, **own)], ecb, currency_code="EUR") == ()
    gross = {**totals, "settlement": 100}
    invoiced = remarks(gross, [row("FEE", 30, **fee)], ecb, currency_code="EUR", merchant_settlement_type="GROSS")
    assert invoiced == (), "its fees and their VAT are invoiced, and not booked"
