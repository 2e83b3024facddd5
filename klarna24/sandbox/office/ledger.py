"""GetTransactions and GetFiscalYears: what a client can read of the ledger. Drafts never appear in it.

See docs/vendors/24sevenoffice.md, "Reading" and "SaveBundleList".
"""

from datetime import datetime, time
from typing import Any

from klarna24.sandbox.office.company import Company
from klarna24.sandbox.office.contract import NO_INT, NO_SHORT
from klarna24.sandbox.office.soap import Fault

_NEVER = datetime(1, 1, 1)  # noqa: DTZ001 - the contract's "not given"
_LINE = (
    *("Date", "AccountNo", "Currency", "Amount", "StampNo", "Period", "TransactionTypeId", "Comment"),
    *("TransactionNo", "Id", "InvoiceNo", "SequenceNo", "RegistrationDate", "DateChanged", "OCR"),
)


def get_transactions(company: Company, search: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The lines of the ledger that match all the given filters. Raises Fault."""
    if not search or _NEVER in (search["DateStart"], search["DateEnd"]):
        raise Fault("Client", "DateStart and DateEnd are required")
    if any(search[key].tzinfo for key in ("DateStart", "DateEnd", "RegisteredAfter")):
        raise Fault("Client", "dates are sent without a zone")  # the effect of one is unknown
    # the sandbox refuses filters whose meaning is not documented
    if search["LinkId"] != NO_INT or search["ShowOpenEntries"] is not None or search["VatCode"] is not None:
        raise Fault("Client", "the sandbox does not support LinkId, ShowOpenEntries and VatCode")
    return [
        {name: line[name] for name in _LINE} | {"Hidden": False, "Open": False, "HasVatDividend": False}
        for line in company.ledger
        if _dates_fit(line, search) and _numbers_fit(line, search) and _invoice_fits(line, search)
    ]


def _dates_fit(line: dict[str, Any], search: dict[str, Any]) -> bool:
    """Both ends are inclusive: a DateEnd at midnight leaves out what is later on that day."""
    when: datetime = line["Date" if search["DateSearchParameters"] == "EntryDate" else "DateChanged"]
    registered: datetime = line["RegistrationDate"]
    start, end = search["DateStart"], search["DateEnd"]
    return bool(start <= when <= end and search["RegisteredAfter"] <= registered)


def _numbers_fit(line: dict[str, Any], search: dict[str, Any]) -> bool:
    equal = ("CustomerId", "DepartmentId", "ProjectId", "TransactionTypeId")
    if any(search[name] not in (NO_INT, line[name]) for name in equal):
        return False
    bounds = (("AccountNo", NO_SHORT, 2**31), ("TransactionNo", NO_INT, 2**31))
    return all(
        low <= line[name] <= (high if search[f"{name}End"] == low else search[f"{name}End"])
        and search[f"{name}Start"] <= line[name]
        for name, low, high in bounds
    )


def _invoice_fits(line: dict[str, Any], search: dict[str, Any]) -> bool:
    if search["InvoiceNo"] and search["InvoiceNo"] != line["InvoiceNo"]:
        return False
    if search["HasInvoiceId"] is not None and search["HasInvoiceId"] != bool(line["InvoiceNo"]):
        return False
    # the sandbox chooses that every saved voucher is Miscellaneous, the default of the contract
    return search["SystemType"] in (None, "Miscellaneous")


def get_fiscal_years(company: Company) -> list[dict[str, Any]]:
    """The company's fiscal years; EndingDate is the day after the last one."""
    midnight = time()
    return [
        {
            "Id": year.id,
            "StartingDate": datetime.combine(year.start, midnight),
            "EndingDate": datetime.combine(year.end, midnight),
            "IsLocked": year.locked,
        }
        for year in company.fiscal_years
    ]
