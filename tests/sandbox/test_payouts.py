"""The generated payouts obey Klarna's arithmetic, whatever the seed and the day (docs/vendors/klarna.md)."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from klarna24.sandbox.klarna.generate import Seeded, big_payout, make_payout
from klarna24.sandbox.klarna.shop import seeded_payouts
from klarna24.sandbox.server import Sandbox
from tests.support.oracle import ADDS, LOWERS, settlement_of

DAYS = [date(2026, 1, 2), date(2026, 11, 24), date(2026, 11, 26), date(2028, 2, 29), date(2027, 1, 1)]


@pytest.fixture(params=[(seed, day) for seed in (1, 24, 2026) for day in DAYS], ids=str)
def seeded(request: pytest.FixtureRequest) -> list[Seeded]:
    seed, day = request.param
    return seeded_payouts(seed, day)


def total(payout: dict[str, Any], name: str) -> int:
    return int(payout["totals"].get(f"{name}_amount", 0))


def difference(payout: dict[str, Any]) -> int:
    """The settlement less what the totals add up to; the fee terms are not deducted from a GROSS settlement."""
    totals = {name: total(payout, name) for name in (*ADDS, *LOWERS)}
    return total(payout, "settlement") - settlement_of(totals, payout["merchant_settlement_type"] != "GROSS")


def test_the_settlement_is_the_signed_sum_of_the_totals_in_all_payouts_but_one(seeded: list[Seeded]) -> None:
    assert Counter(difference(payout) for payout, _ in seeded) == {0: len(seeded) - 1, -300: 1}


def test_the_closing_debt_is_the_opening_debt_less_what_is_repaid_plus_the_deposit(seeded: list[Seeded]) -> None:
    for payout, _ in seeded:
        opening, closing = total(payout, "opening_debt_balance"), total(payout, "closing_debt_balance")
        assert opening - total(payout, "repay") + total(payout, "deposit") == closing


def test_the_debt_is_carried_to_the_next_payout_of_the_currency(seeded: list[Seeded]) -> None:
    debt = 0
    for payout, _ in (pair for pair in seeded if pair[0]["currency_code"] == "SEK"):
        assert total(payout, "opening_debt_balance") == debt
        debt = total(payout, "closing_debt_balance")
    assert debt == 0


def test_rows_add_up_to_the_totals(seeded: list[Seeded]) -> None:
    for payout, rows in seeded:
        sums: Counter[str] = Counter()
        for row in rows:
            name = "COMMISSION_RETURN" if row["detailed_type"] == "COMMISSION_RETURN" else row["type"]
            sums[name] += row["amount"]
            sums["tax_refund" if name == "FEE_REFUND" else "tax"] += row.get("vat_amount", 0)
        for name in ("sale", "return", "fee", "fee_refund", "charge", "credit", "holdback", "release"):
            assert total(payout, name) == sums[name.upper()]
        assert total(payout, "reversal") == sums["REVERSAL"] - sums["REVERSAL_MERCHANT_PROTECTION"]
        assert total(payout, "commission") == sums["COMMISSION"]
        assert total(payout, "commission_reversal") == sums["COMMISSION_RETURN"]
        assert (total(payout, "tax"), total(payout, "tax_refund")) == (sums["tax"], sums["tax_refund"])


def test_no_amount_is_negative_and_every_total_occurs(seeded: list[Seeded]) -> None:
    amounts = [(name, amount) for payout, _ in seeded for name, amount in payout["totals"].items()]
    assert min(amount for _, amount in amounts) == 0
    assert {f"{name}_amount" for name in (*ADDS, *LOWERS)} <= {name for name, amount in amounts if amount}


def test_vat_is_rounded_for_each_row_so_that_it_differs_from_that_of_the_sum(seeded: list[Seeded]) -> None:
    assert any(total(payout, "tax") != round(total(payout, "fee") * 0.25) for payout, _ in seeded)


def test_every_sale_has_two_fees_with_its_capture_id(seeded: list[Seeded]) -> None:
    for _, rows in seeded:
        sales = Counter(row["capture_id"] for row in rows if row["type"] == "SALE")
        fees = Counter(
            row["capture_id"]
            for row in rows
            if row["detailed_type"].startswith("PURCHASE_FEE") and row["type"] == "FEE"
        )
        assert set(sales.values()) == {1}
        assert fees == Counter(dict.fromkeys(sales, 2))


def test_rows_have_the_types_that_klarna_documents(seeded: list[Seeded]) -> None:
    """As docs/vendors/klarna.md, "Detailed types", pairs them; each that needs care in the books occurs."""
    found = {(row["type"], row["detailed_type"]) for _, rows in seeded for row in rows}
    assert found == {
        ("SALE", "PURCHASE"),
        *(("RETURN", it) for it in ("PURCHASE_RETURN", "PAYMENT_DEFAULT")),
        *(("REVERSAL", it) for it in ("REVERSAL", "FRAUD_POLICY_CHARGE", "COMMISSION_RETURN")),
        ("REVERSAL_MERCHANT_PROTECTION", "FRAUD_POLICY_CREDIT_NET"),
        *(("FEE", it) for it in ("PURCHASE_FEE_FIXED", "PURCHASE_FEE_PERCENTAGE", "DISPUTE_FEE")),
        *(("FEE_REFUND", "PURCHASE_FEE_FIXED"), ("FEE_REFUND", "PURCHASE_FEE_PERCENTAGE_REFUND")),
        *(("FEE_REFUND", "DISPUTE_FEE_REFUND"), ("COMMISSION", "COMMISSION")),
        *(("CREDIT", it) for it in ("CORRECTION_DISPUTE", "CASH_ADVANCE_PAYOUT")),
        *(("CHARGE", it) for it in ("CASH_ADVANCE_AMORTISATION", "LIABILITY_TRANSFER")),
        *((kind, it) for kind in ("HOLDBACK", "RELEASE") for it in ("ROLLING_RESERVE", "UNDER_REVIEW")),
    }


def test_merchant_protection_pays_a_fraud_without_its_vat(seeded: list[Seeded]) -> None:
    by_type = {row["detailed_type"]: row for _, rows in seeded for row in rows}
    gross, net = by_type["FRAUD_POLICY_CHARGE"], by_type["FRAUD_POLICY_CREDIT_NET"]
    assert (gross["amount"], net["amount"]) == (129900, 103920)
    assert gross["order_id"] == net["order_id"]


def test_every_holdback_is_released_and_the_loan_is_paid_off_in_part(seeded: list[Seeded]) -> None:
    sums: Counter[tuple[str, str]] = Counter()
    for row in (row for _, rows in seeded for row in rows):
        sums[row["type"], row["detailed_type"]] += row["amount"]
    for detailed_type in ("ROLLING_RESERVE", "UNDER_REVIEW"):
        assert sums["HOLDBACK", detailed_type] == sums["RELEASE", detailed_type]
    assert sums["CREDIT", "CASH_ADVANCE_PAYOUT"] > sums["CHARGE", "CASH_ADVANCE_AMORTISATION"]


def test_two_refunds_are_equal_in_every_field(seeded: list[Seeded]) -> None:
    equal = Counter(str(sorted(row.items())) for _, rows in seeded for row in rows if row["type"] == "RETURN")
    assert 2 in equal.values()


def test_all_payouts_are_dated_within_the_last_seven_weeks() -> None:
    for day in DAYS:
        dates = [payout["payout_date"] for payout, _ in seeded_payouts(24, day)]
        assert all(0 < (day - date.fromisoformat(text[:10])).days <= 49 for text in dates)
        assert any("T23:30:00Z" in text for text in dates)


def test_everything_that_a_client_must_handle_occurs(seeded: list[Seeded]) -> None:
    payouts = [payout for payout, _ in seeded]
    rows = [row for _, rows in seeded for row in rows]
    assert {payout["currency_code"] for payout in payouts} == {"SEK", "EUR"}
    assert {payout["merchant_settlement_type"] for payout in payouts} == {"NET", "GROSS"}
    assert any(payout["payment_reference"].isdecimal() for payout in payouts)
    assert any(len(payout["payment_reference"]) == 36 for payout in payouts)
    assert any("payout_channel" in payout for payout in payouts)
    assert any(payout["currency_code_of_registration_country"] is None for payout in payouts)
    assert any("fee_correction_amount" not in payout["totals"] for payout in payouts)
    assert any(total(payout, "settlement") == 0 and total(payout, "deposit") for payout in payouts)
    assert any("å" in row.get("merchant_reference1", "").lower() for row in rows)
    assert any("order_id" not in row for row in rows)
    assert any("klarna_comment" in row for row in rows)


def test_the_same_seed_and_day_give_the_same_payouts() -> None:
    day = date(2026, 11, 24)
    assert seeded_payouts(7, day) == seeded_payouts(7, day)
    assert seeded_payouts(7, day) != seeded_payouts(8, day)


def test_make_payout_computes_settlement_and_debts() -> None:
    payout = make_payout("R1", datetime(2026, 11, 19, 8, tzinfo=UTC), sale=10000, fee_amount=300, repay=700)
    assert payout["totals"]["settlement_amount"] == 9000
    assert payout["totals"]["opening_debt_balance_amount"] == 700
    assert payout["totals"]["closing_debt_balance_amount"] == 0
    assert payout["payout_date"] == "2026-11-19T08:00:00Z"
    assert "tax_amount" not in payout["totals"]
    with pytest.raises(ValueError, match="discount"):
        make_payout("R1", "2026-11-19T08:00:00Z", discount=1)


def test_a_big_payout_has_three_rows_for_each_sale() -> None:
    payout, rows = big_payout("BIG", 700, datetime(2026, 11, 19, tzinfo=UTC))
    assert len(rows) == 2100
    assert difference(payout) == 0


def test_the_fiscal_years_of_the_payouts_are_open() -> None:
    for day in DAYS:
        box = Sandbox(today=day)
        years = {year.number: year.locked for year in box.office.home.fiscal_years}
        assert not any(years[int(payout["payout_date"][:4])] for payout in box.klarna.payouts)
        assert years[day.year - 3]
