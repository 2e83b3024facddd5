"""Checks that the totals add up, and finds the currency and the fiscal year of the voucher. All raise Blocked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from klarna24.bookkeeping.payout import FEE_TERMS, NAMES, NOT_TWO_DECIMALS, Payout, Transaction
from klarna24.bookkeeping.voucher import Books, FiscalYear
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.text.sentences import Sentence, joined, sentence

SKIP = "klarna24 resolve --skip"  # stands in hints for {skip}, until the run fills in the whole command


def check_figures(payout: Payout) -> frozenset[str]:
    """Raise Blocked if the totals do not add up. Return those that are not part of the settlement: the fees of a
    GROSS payout."""
    if payout.settlement_type == "GROSS_FEE":
        raise Blocked(
            "gross-fee",
            sentence(
                "GROSS_FEE: Klarna's fee invoice of {amount}, not a payout",
                amount=money(payout, payout.totals.settlement),
            ),
            sentence("book the fee invoice by hand, then {skip}", skip=SKIP),
        )
    if payout.settlement_type not in {"NET", "GROSS"}:
        raise Blocked(
            "unknown-type",
            sentence("settlement type {type} is not known", type=repr(payout.settlement_type)),
            sentence("book it by hand, then {skip}, and report it to the maintainers of klarna24", skip=SKIP),
        )
    if payout.currency in NOT_TWO_DECIMALS:
        raise Blocked(
            "currency",
            sentence(
                "{currency} does not have two decimals, which 24SevenOffice requires", currency=payout.currency
            ),
            sentence("book it by hand, then {skip}", skip=SKIP),
        )
    _check_signs(payout)
    left_out = _check_sum(payout)
    _check_debt(payout)
    return left_out


def _check_signs(payout: Payout) -> None:
    totals = payout.totals
    figures = [
        # the totals have Klarna's own names, because the person is to ask Klarna
        *totals.amounts.items(),
        (NAMES["opening_debt"], totals.opening_debt),
        (NAMES["closing_debt"], totals.closing_debt),
    ]
    negative = [joined(" ", (name, money(payout, amount))) for name, amount in figures if amount < 0]
    if negative:
        raise Blocked(
            "negative",
            sentence(
                "Klarna's totals are never negative, but these are: {figures}",
                figures=joined(", ", negative),
            ),
            sentence("ask Klarna what they mean, book it by hand, then {skip}", skip=SKIP),
        )


def _check_sum(payout: Payout) -> frozenset[str]:
    totals = payout.totals
    whole = totals.signed_sum()
    if whole == totals.settlement:
        return frozenset()
    without = totals.signed_sum(without=FEE_TERMS)
    if payout.settlement_type == "GROSS" and without == totals.settlement:
        return FEE_TERMS
    places: dict[str, str | int] = {
        "sum": money(payout, whole),
        "settlement": money(payout, totals.settlement),
        "difference": money(payout, totals.settlement - whole),
    }
    if payout.settlement_type == "GROSS":
        message = sentence(
            "the totals add up to {sum} (GROSS: {without} without fees), but the settlement is {settlement}: "
            "{difference} is unexplained",
            without=f"{without:.2f}",
            **places,
        )
    else:
        message = sentence(
            "the totals add up to {sum}, but the settlement is {settlement}: {difference} is unexplained", **places
        )
    raise Blocked("residual", message, _compare())


def _check_debt(payout: Payout) -> None:
    totals = payout.totals
    expected = totals.opening_debt - totals["repay"] + totals["deposit"]
    if expected != totals.closing_debt:
        message = sentence(
            "opening debt {opening} − repaid {repaid} + new debt {new} = {sum}, but the closing debt is {closing}",
            opening=f"{totals.opening_debt:.2f}",
            repaid=f"{totals['repay']:.2f}",
            new=f"{totals['deposit']:.2f}",
            sum=money(payout, expected),
            closing=money(payout, totals.closing_debt),
        )
        raise Blocked("debt", message, _compare())


def _compare() -> Sentence:
    return sentence("compare with Klarna's settlement report, ask Klarna; it is tried again at each run")


def is_foreign(payout: Payout, books: Books) -> bool:
    """Return whether the payout is in another currency than the company's books."""
    return payout.currency != books.home_currency


def check_currency(payout: Payout, rows: Iterable[Transaction], profile: Profile, books: Books) -> None:
    """Raise Blocked for a payout in another currency than the books, unless the profile converts it."""
    if not is_foreign(payout, books) or profile.voucher.foreign_currency == "ecb":
        return
    message = sentence(
        "{paid} was paid, and the company keeps its books in {currency}",
        paid=money(payout, payout.totals.settlement),
        currency=books.home_currency,
    )
    table, line = f"[profiles.{profile.name}.voucher]", 'foreign_currency = "ecb"'
    hint = sentence(
        "for the European Central Bank's rates, under {table}: {line}; or book it by hand, then {skip}",
        skip=SKIP,
        table=table,
        line=line,
    )
    raise Blocked("currency", joined("; ", (message, *_own_vat(payout, rows))), hint)


def check_vat(payout: Payout, profile: Profile) -> None:
    """Raise Blocked where Klarna states VAT on its fees, and the profile says that there is none."""
    tax, refunded = payout.totals["tax"], payout.totals["tax_refund"]
    if profile.vat.mode in {"none", "reverse-charge"} and (tax or refunded):
        raise Blocked(
            "vat",
            sentence(
                "Klarna states {tax} of VAT on its fees and {refunded} on fee refunds, but {mode} expects none",
                tax=money(payout, tax),
                refunded=money(payout, refunded),
                mode=f'mode = "{profile.vat.mode}"',
            ),
            sentence(
                "compare with Klarna's settlement report; if Klarna adds VAT, under {table}: {line}",
                table=f"[profiles.{profile.name}.vat]",
                line='mode = "klarna"',
            ),
        )


def _own_vat(payout: Payout, rows: Iterable[Transaction]) -> Iterator[Sentence]:
    """Yield Klarna's own VAT in the currency of the merchant's country, which the VAT return needs."""
    sums: defaultdict[tuple[bool, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.currency == payout.currency and row.registration_tax and row.registration_currency:
            sums[row.type == "FEE_REFUND", row.registration_currency] += row.registration_tax
    for (refunded, code), tax in sums.items():
        amount = f"{tax:.2f} {code}"
        if refunded:
            yield sentence("Klarna's own VAT on fee refunds: {amount}", amount=amount)
        else:
            yield sentence("Klarna's own VAT on fees: {amount}", amount=amount)


def fiscal_year(day: date, profile: Profile, years: Iterable[FiscalYear]) -> int:
    """Return the YearId of the fiscal year of ``day``; which one a split year has, the profile must say
    (docs/vendors/24sevenoffice.md, "SaveBundleList"). Raises Blocked if nothing can be booked on that day."""
    year = next((year for year in years if year.start <= day < year.end), None)
    if year is None:
        message = sentence("there is no fiscal year with {day} in it", day=str(day))
        raise Blocked("fiscal-year", message, sentence("create it in 24SevenOffice"))
    last_day = year.end - timedelta(days=1)
    start, end = str(year.start), str(last_day)
    if year.locked:
        raise Blocked(
            "fiscal-year",
            sentence("the fiscal year {start} – {end} is locked", start=start, end=end),
            sentence("unlock it in 24SevenOffice, or book by hand, then {skip}", skip=SKIP),
        )
    if year.start.year == last_day.year:
        return year.start.year
    if profile.voucher.fiscal_year is None:
        message = sentence(
            "the fiscal year {start} – {end} is split: its number may be {first} or {second}",
            start=start,
            end=end,
            first=year.start.year,
            second=last_day.year,
        )
        table, line, other = f"[profiles.{profile.name}.voucher]", 'fiscal_year = "start"', '"end"'
        raise Blocked(
            "fiscal-year",
            message,
            sentence("under {table}: {line} or {other}", table=table, line=line, other=other),
        )
    return (year.start if profile.voucher.fiscal_year == "start" else last_day).year


def money(payout: Payout, amount: Decimal) -> str:
    """Return the amount with the payout's currency, for messages."""
    return f"{amount:.2f} {payout.currency}"
