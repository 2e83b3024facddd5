"""SaveBundleList: what is refused, and how a voucher becomes a draft.

Only the names of the answer types are documented (docs/vendors/24sevenoffice.md, "SaveBundleList"). The sandbox
chooses to refuse content with Exception, and to check everything before it saves anything. It answers
DuplicateData, DataAlreadySaved, SystemError and NotSaved only where a fault asks for it.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from klarna24.sandbox.office.company import Company, Draft, FiscalYear
from klarna24.sandbox.office.state import OfficeState

MAX_COMMENT = 75
LEDGERS = (range(1500, 1530), range(2400, 2430))  # an entry on these needs a customer
WARNINGS = {
    "vatisnotinbalance",
    "vatismissingfoundation",
    "invoicealreadyexists",
    "customermismatchbankaccount",
}


def save_bundle_list(office: OfficeState, company: Company, request: dict[str, Any]) -> dict[str, Any]:
    """The SaveResponse to a request with a BundleList: {"Type", "Description"}."""
    bundles: dict[str, Any] | None = request["BundleList"]
    if not bundles:
        return {"Type": "Exception", "Description": "BundleList is empty"}
    problem = next(_problems(office, company, bundles), None)
    if problem:
        return {"Type": "Exception", "Description": problem}
    for bundle in bundles["Bundles"]:
        for voucher in bundle["Vouchers"]:
            draft = office.save_draft(company, _draft(company, bundle, voucher))
            if bundles["SaveOption"] == 0:
                office.book(draft.id)
    return {"Type": "Ok"}


def _draft(company: Company, bundle: dict[str, Any], voucher: dict[str, Any]) -> Draft:
    return Draft(
        0,
        company.client_id,
        bundle["Name"],
        bundle["YearId"],
        bundle["Sort"],
        bundle["BundleDirectAccounting"],
        voucher["TransactionNo"],
        [dict(entry) for entry in voucher["Entries"]],
        datetime.now(),  # noqa: DTZ005 - a naive time, as all of the API's are
    )


def _problems(office: OfficeState, company: Company, bundles: dict[str, Any]) -> Iterator[str]:
    # the sandbox refuses options whose effect is not documented
    if bundles["AllowDifference"] or bundles["DirectLedger"]:
        yield "AllowDifference and DirectLedger are not supported"
    if bundles["SaveOption"] not in (0, 1):
        yield f"SaveOption {bundles['SaveOption']} is unknown"
    ignored = {text.lower() for text in bundles["IgnoreWarnings"] or () if text}
    if ignored - WARNINGS:
        yield f"IgnoreWarnings: {', '.join(sorted(ignored - WARNINGS))} is unknown"
    for warning in sorted(office.warnings - ignored):
        yield f"Warning: {warning}"
    if not bundles["Bundles"]:
        yield "there is no bundle"
    for bundle in bundles["Bundles"] or ():
        yield from _bundle_problems(company, bundle)


def _bundle_problems(company: Company, bundle: dict[str, Any] | None) -> Iterator[str]:
    if not bundle or not bundle["Vouchers"]:
        yield "a bundle has no voucher"
        return
    years = [year for year in company.fiscal_years if year.number == bundle["YearId"]]
    if not years:
        yield f"Year {bundle['YearId']} does not exist"
        return
    if years[0].locked:
        yield f"Year {bundle['YearId']} is locked"
    if bundle["Sort"] <= 0 or company.type_of(bundle["Sort"]) is None:
        yield f"Sort {bundle['Sort']} is not a voucher type"
    for voucher in bundle["Vouchers"]:
        yield from _voucher_problems(company, years[0], bundle, voucher)


def _voucher_problems(
    company: Company, year: FiscalYear, bundle: dict[str, Any], voucher: dict[str, Any] | None
) -> Iterator[str]:
    if not voucher or not voucher["Entries"] or None in voucher["Entries"]:
        yield "a voucher has no entries"
        return
    if voucher["Sort"] != bundle["Sort"]:
        yield f"Sort {voucher['Sort']} of the voucher is not the bundle's {bundle['Sort']}"
    if voucher["TransactionNo"] < 0:
        yield f"TransactionNo {voucher['TransactionNo']} is negative"
    for entry in voucher["Entries"]:
        yield from _entry_problems(company, year, entry)
    difference = sum((entry["Amount"] for entry in voucher["Entries"]), Decimal(0))
    if difference:
        yield f"Voucher is not in balance, difference {difference:f}"


def _entry_problems(company: Company, year: FiscalYear, entry: dict[str, Any]) -> Iterator[str]:
    account, customer = entry["AccountNo"], entry["CustomerId"]
    if account not in company.chart:
        yield f"Account {account} does not exist"
    if customer and customer not in company.customers:
        yield f"Customer {customer} does not exist"
    if not customer and any(account in ledger for ledger in LEDGERS):
        yield f"Account {account} is a ledger account and needs a customer"
    if entry["DepartmentId"] and entry["DepartmentId"] not in company.departments:
        yield f"Department {entry['DepartmentId']} does not exist"
    if entry["StampNo"] and not company.pages(entry["StampNo"]):
        yield f"StampNo {entry['StampNo']} has no pages"
    yield from _money_problems(company, entry)
    yield from _date_problems(year, entry["Date"])
    if len(entry["Comment"]) > MAX_COMMENT:
        yield f"Comment is longer than {MAX_COMMENT} characters"


def _money_problems(company: Company, entry: dict[str, Any]) -> Iterator[str]:
    if entry["Amount"] != round(entry["Amount"], 2):
        yield f"Amount {entry['Amount']:f} has more than two decimals"
    if entry["CurrencyId"] and entry["CurrencyId"] not in {c.symbol for c in company.currencies}:
        yield f"Currency {entry['CurrencyId']} does not exist"
    # clients send the number of the code or its id as TaxNo: the sandbox accepts both
    codes = {code.number for code in company.tax_codes} | {str(code.tax_id) for code in company.tax_codes}
    if entry["TaxNo"] and entry["TaxNo"] not in codes:
        yield f"TaxNo {entry['TaxNo']} does not exist"


def _date_problems(year: FiscalYear, when: datetime) -> Iterator[str]:
    day: date = when.date()
    if not year.start <= day < year.end:
        yield f"Date {day} is outside year {year.number} ({year.start} to {year.end - timedelta(days=1)})"
    # the effect of a zone or a time of day is unknown, so the sandbox requires a local midnight without a zone
    if when.tzinfo or when.time() != time():
        yield f"Date {when.isoformat()} is not a local midnight without a zone"
