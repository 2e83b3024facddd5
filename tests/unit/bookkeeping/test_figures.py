"""Totals that do not add up are blocked, with the figures; and the fiscal year of a day."""

import pytest

from klarna24.bookkeeping.payout import SIGNS
from tests.support import bookkeeping as build
from tests.support.bookkeeping import ALL_ACCOUNTS, block, book, row


@pytest.mark.parametrize("name", [*SIGNS, "opening_debt"])
def test_a_total_or_debt_of_less_than_zero_is_blocked_although_the_sums_hold(name: str) -> None:
    """One öre is enough. Each is the only negative figure of its payout."""
    totals = {"opening_debt": 50_000, "closing_debt": 50_000, "sale": 100_000, "settlement": 100_000}
    totals[name] = -1
    if name == "opening_debt":
        totals |= {"deposit": 1, "closing_debt": 0}
    totals["settlement"] = sum(sign * totals.get(total, 0) for total, sign in SIGNS.items())
    totals["closing_debt"] = totals["opening_debt"] - totals.get("repay", 0) + totals.get("deposit", 0)
    blocked = block(build.payout(totals), over={"accounts": ALL_ACCOUNTS})
    assert (blocked.code, "-0.01 SEK" in blocked.message) == ("negative", True)
    assert blocked.message.count(" SEK") == 1, "no other figure is negative"


def test_a_payout_blocked_for_its_currency_shows_klarnas_own_vat_less_what_was_refunded() -> None:
    """In the currency of the merchant's country, and of this payout's rows only; a person books with it."""
    own = {"currency_code": "EUR", "currency_code_of_registration_country": "SEK"}
    rows = [
        row("FEE", 500, tax_in_currency_of_registration_country=1_400, **own),
        row("FEE_REFUND", 100, tax_in_currency_of_registration_country=280, **own),
        # of a payout in another currency, under the same reference
        *(
            row(kind, 100, tax_in_currency_of_registration_country=7_700, **{**own, "currency_code": "NOK"})
            for kind in ("FEE", "FEE_REFUND")
        ),
    ]
    totals = {"settlement": 9_500, "sale": 10_000, "fee": 500, "fee_refund": 100, "tax": 100}
    blocked = block(build.payout(totals, currency_code="EUR"), rows)
    assert blocked.code == "currency"
    assert "Klarna's own VAT on fees: 14.00 SEK" in blocked.message
    assert "Klarna's own VAT on fee refunds: 2.80 SEK" in blocked.message


@pytest.mark.parametrize("years", [["2026-01-01", "2027-01-01"], ["2026-07-01", "2027-01-01"]])
@pytest.mark.parametrize("setting", [{}, {"fiscal_year": "start"}, {"fiscal_year": "end"}])
def test_a_fiscal_year_within_one_calendar_year_is_not_split(years: list[str], setting: dict[str, str]) -> None:
    """Its end is exclusive: a short year to the first of January ends in December."""
    payout = build.payout({"settlement": 100, "sale": 100})
    assert book(payout, over={"voucher": setting}, books_over={"fiscal_years": [years]}).year == 2026
