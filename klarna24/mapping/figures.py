"""What the figures must say of themselves, and the company's books of the currency and the year; or Held."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from klarna24.config import Profile
from klarna24.errors import Held
from klarna24.payout import FEE_TERMS, NOT_TWO_DECIMALS, Payout, Transaction
from klarna24.voucher import Books, Currency, FiscalYear


def check_figures(payout: Payout) -> frozenset[str]:
    """Hold what does not add up; return the totals that are no part of this settlement (GROSS fees)."""
    if payout.settlement_type == "GROSS_FEE":
        raise Held(
            "gross-fee",
            f"GROSS_FEE: Klarna's fee invoice of {money(payout, payout.totals.settlement)}, not a payout",
            "book the fee invoice by hand, then klarna24 resolve --skip",
        )
    if payout.settlement_type not in {"NET", "GROSS"}:
        raise Held(
            "unknown-type",
            f"settlement type {payout.settlement_type!r} is not known",
            "book it by hand, then klarna24 resolve --skip, and tell us",
        )
    if payout.currency in NOT_TWO_DECIMALS:
        raise Held(
            "currency",
            f"{payout.currency} has not two decimals, as 24SevenOffice's amounts have",
            "book it by hand, then klarna24 resolve --skip",
        )
    _check_signs(payout)
    left_out = _check_sum(payout)
    _check_debt(payout)
    return left_out


def _check_signs(payout: Payout) -> None:
    totals = payout.totals
    figures = {**totals.amounts, "opening debt": totals.opening_debt, "closing debt": totals.closing_debt}
    negative = [f"{name} {money(payout, amount)}" for name, amount in figures.items() if amount < 0]
    if negative:
        raise Held(
            "negative",
            f"Klarna's totals are magnitudes, and these are negative: {', '.join(negative)}",
            "ask Klarna what they mean, book it by hand, then klarna24 resolve --skip",
        )


def _check_sum(payout: Payout) -> frozenset[str]:
    totals = payout.totals
    whole = totals.signed_sum()
    if whole == totals.settlement:
        return frozenset()
    if payout.settlement_type == "GROSS" and totals.signed_sum(without=FEE_TERMS) == totals.settlement:
        return FEE_TERMS
    without = totals.signed_sum(without=FEE_TERMS)
    or_without = f" (GROSS: {without:.2f} without fees)" if payout.settlement_type == "GROSS" else ""
    raise Held(
        "residual",
        f"the totals add up to {money(payout, whole)}{or_without}, but the settlement is "
        f"{money(payout, totals.settlement)}: {money(payout, totals.settlement - whole)} is unexplained",
        "compare with Klarna's settlement report, ask Klarna; it is tried again at each run",
    )


def _check_debt(payout: Payout) -> None:
    totals = payout.totals
    expected = totals.opening_debt - totals["repay"] + totals["deposit"]
    if expected != totals.closing_debt:
        raise Held(
            "debt",
            f"opening debt {totals.opening_debt:.2f} − repaid {totals['repay']:.2f} + new debt "
            f"{totals['deposit']:.2f} = {money(payout, expected)}, but the closing debt is "
            f"{money(payout, totals.closing_debt)}",
            "compare with Klarna's settlement report, ask Klarna; it is tried again at each run",
        )


def is_foreign(payout: Payout, books: Books) -> bool:
    return payout.currency != books.home_currency


def currency_of(payout: Payout, rows: Iterable[Transaction], profile: Profile, books: Books) -> Currency:
    if not is_foreign(payout, books):
        return Currency(payout.currency)
    if profile.voucher.foreign_currency == "rate" and payout.currency in books.currencies:
        return books.currencies[payout.currency]
    if profile.voucher.foreign_currency == "rate":
        why, hint = "24SevenOffice has no rate for it", f"add {payout.currency} to 24SevenOffice's currencies"
    else:
        why = f"the company keeps its books in {books.home_currency}"
        hint = f'book it by hand, or under [profiles.{profile.name}.voucher]: foreign_currency = "rate"'
    raise Held(
        "currency",
        f"{money(payout, payout.totals.settlement)} was paid, and {why}{_own_vat(payout, rows)}",
        hint,
    )


def _own_vat(payout: Payout, rows: Iterable[Transaction]) -> str:
    """Klarna's VAT in the country where the merchant is registered: what its VAT return needs."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.currency == payout.currency and row.registration_tax and row.registration_currency:
            what = "VAT on fee refunds" if row.type == "FEE_REFUND" else "VAT on fees"
            sums[what, row.registration_currency] += row.registration_tax
    return "".join(f"; Klarna's own {what}: {amount:.2f} {code}" for (what, code), amount in sums.items())


def fiscal_year(day: date, profile: Profile, years: Iterable[FiscalYear]) -> int:
    """The number that 24SevenOffice gives the year of ``day`` (facts: YearId; undocumented for a split one).
    Raises Held where nothing can be booked on that day."""
    year = next((year for year in years if year.start <= day < year.end), None)
    if year is None:
        raise Held("fiscal-year", f"there is no fiscal year with {day} in it", "create it in 24SevenOffice")
    last_day = year.end - timedelta(days=1)
    if year.locked:
        raise Held(
            "fiscal-year",
            f"the fiscal year {year.start} – {last_day} is locked",
            "unlock it in 24SevenOffice, or book by hand, then klarna24 resolve --skip",
        )
    if year.start.year == last_day.year:
        return year.start.year
    if profile.voucher.fiscal_year is None:
        raise Held(
            "fiscal-year",
            f"the fiscal year {year.start} – {last_day} is split: its number may be {year.start.year} or "
            f"{last_day.year}",
            f'under [profiles.{profile.name}.voucher]: fiscal_year = "start" or "end"',
        )
    return (year.start if profile.voucher.fiscal_year == "start" else last_day).year


def money(payout: Payout, amount: Decimal) -> str:
    return f"{amount:.2f} {payout.currency}"
