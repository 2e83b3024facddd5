"""The company's books, read once a run: what a voucher must fit (facts: Reading)."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from klarna24.config import Profile
from klarna24.errors import ConfigFault, Unavailable
from klarna24.text import clean
from klarna24.twentyfour.connection import NEXT_RUN, UNREADABLE, unreadable
from klarna24.voucher import Books, Currency, FiscalYear, VoucherType

Read = Callable[..., Any]  # service, operation, arguments → the answer


def items(answer: Any, name: str) -> Iterable[Any]:
    """The rows of a list; .NET leaves an empty one out."""
    return [row for row in getattr(answer, name, answer) or () if row is not None]


def read_books(profile: Profile, read: Read) -> Books:
    """Raises ConfigFault where the profile names what the company does not have."""
    try:
        chart = {
            int(account.AccountNo): clean(account.AccountName)
            for account in items(read("account", "GetAccountList"), "AccountData")
            if account.AccountNo
        }
        voucher_type = _voucher_type(profile, read)
        years = tuple(
            FiscalYear(
                _day(year.StartingDate, profile.timezone),
                _day(year.EndingDate, profile.timezone),
                bool(year.IsLocked),
            )
            for year in items(read("transaction", "GetFiscalYears"), "FiscalYear")
        )
        home = clean(getattr(read("client", "GetClientInformation"), "DefaultCurrency", ""))
        _check_department(profile, read)
        _check_parties(profile, read)
        currencies = _currencies(read) if profile.voucher.foreign_currency == "rate" else {}
    except UNREADABLE as error:
        raise unreadable("the company's books", error) from None
    if not home or not chart:
        missing = "chart of accounts" if home else "currency"
        raise Unavailable(f"24SevenOffice does not say what the company's {missing} is", NEXT_RUN)
    return Books(home, chart, voucher_type, years, currencies)


def _voucher_type(profile: Profile, read: Read) -> VoucherType:
    wanted = profile.voucher.type
    types = [
        VoucherType(int(row.TypeNo), clean(row.Title), int(row.EntrySeriesId or 0))
        for row in items(read("account", "GetTypeList"), "TypeData")
        if row.TypeNo and row.TypeNo > 0  # facts: numbers ≤ 0 are system types
    ]
    found = [
        row
        for row in types
        if row.number == wanted or (isinstance(wanted, str) and row.title.casefold() == wanted.strip().casefold())
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{row.title} ({row.number})" for row in types)
    where = f"[profiles.{profile.name}.voucher] type = {wanted!r}"
    if found:
        raise ConfigFault(
            f"{where}: more than one voucher type has that title: {known}", "give its number instead"
        )
    raise ConfigFault(f"{where}: no such voucher type in 24SevenOffice; there are: {known}", "correct it")


def _check_department(profile: Profile, read: Read) -> None:
    wanted = profile.voucher.department_id
    if wanted is None:
        return
    departments = {
        int(row.Id): clean(row.Name) for row in items(read("client", "GetDepartmentList"), "Department")
    }
    if wanted not in departments:
        known = ", ".join(f"{number} ({name})" for number, name in departments.items()) or "none"
        raise ConfigFault(
            f"[profiles.{profile.name}.voucher] department_id = {wanted}: no such department in 24SevenOffice; "
            f"there are: {known}",
            "correct it",
        )


def _check_parties(profile: Profile, read: Read) -> None:
    """The customer and the supplier exist in the CRM; one call for both."""
    parties = {"customer_id": profile.voucher.customer_id, "supplier_id": profile.voucher.supplier_id}
    wanted = {key: number for key, number in parties.items() if number is not None}
    if not wanted:
        return
    answer = read(
        "company",
        "GetCompanies",
        searchParams={"CompanyIds": {"int": sorted(set(wanted.values()))}},
        returnProperties={"string": ["Id", "Name"]},
    )
    companies = list(items(answer, "Company"))
    for company in companies:
        if company.APIException is not None:
            raise Unavailable(f"24SevenOffice: {clean(company.APIException.Message)}", NEXT_RUN)
    known = {int(company.Id) for company in companies if company.Id is not None}
    for key, number in wanted.items():
        if number not in known:
            raise ConfigFault(
                f"[profiles.{profile.name}.voucher] {key} = {number}: not in 24SevenOffice's CRM",
                "create Klarna there, or correct the number",
            )


def _currencies(read: Read) -> dict[str, Currency]:
    """What has a usable rate: a finite one above zero."""
    rows = items(read("client", "GetCurrencyList"), "Currency")
    listed = [Currency(clean(row.Symbol), Decimal(row.Rate or 0), int(row.Unit or 0)) for row in rows]
    return {
        currency.symbol: currency
        for currency in listed
        if currency.symbol and currency.rate.is_finite() and currency.rate > 0 and currency.unit > 0
    }


def _day(moment: datetime, zone: ZoneInfo) -> date:
    """The day that a fiscal year's bound means: as it stands, or with an offset where the shop is."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    # a bound in UTC may stand an hour or two before the midnight that it means
    return (moment + timedelta(hours=2)).date() if moment.hour >= 22 else moment.date()
