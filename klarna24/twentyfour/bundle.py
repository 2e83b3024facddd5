"""A voucher as the contract's BundleList: one bundle with one voucher, saved as a draft for a person to book."""

from collections.abc import Iterable, Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from klarna24.bookkeeping.voucher import Entry, Voucher
from klarna24.config.tables import VoucherSettings

SAVE_AS_DRAFT = 1  # SaveOption (docs/vendors/24sevenoffice.md, "SaveBundleList")


def bundle_list(
    voucher: Voucher,
    settings: VoucherSettings,
    transaction_no: int,
    entries: Iterable[Entry],
    stamp_no: int | None = None,
) -> dict[str, Any]:
    """Return the argument of SaveBundleList with these of the voucher's entries; writing.py adds the others.
    ``transaction_no`` 0 leaves the number to the person who books; ``stamp_no`` is that of the pages beside it."""
    request: dict[str, Any] = {
        "Bundles": {
            "Bundle": [
                {
                    "YearId": voucher.year,
                    "Vouchers": {
                        "Voucher": [
                            {
                                "TransactionNo": transaction_no,
                                "Entries": {"Entry": list(_entries(voucher, entries, stamp_no))},
                                "Sort": voucher.type.number,
                            }
                        ]
                    },
                    "Sort": voucher.type.number,
                    "Name": voucher.name,
                    # 24SevenOffice computes no VAT, because Klarna's own figure has a line of its own
                    "BundleDirectAccounting": True,
                }
            ]
        },
        "AllowDifference": False,
        "DirectLedger": False,
        "SaveOption": SAVE_AS_DRAFT,
    }
    if settings.ignore_warnings:
        request["IgnoreWarnings"] = {"string": list(settings.ignore_warnings)}
    return request


def _entries(voucher: Voucher, entries: Iterable[Entry], stamp_no: int | None) -> Iterator[dict[str, Any]]:
    # a naive midnight: zeep makes an invalid dateTime of a date (docs/vendors/24sevenoffice.md, "zeep")
    midnight = datetime.combine(voucher.date, time.min)
    for entry in entries:
        yield {
            "AccountNo": entry.account_no,
            "Date": midnight,
            "Amount": entry.amount,
            "CurrencyId": voucher.currency,
            "CurrencyRate": Decimal(1),
            "CurrencyUnit": 1,
            "Comment": entry.comment,
            **({"StampNo": stamp_no} if stamp_no else {}),
            **_optional(entry),
        }


def _optional(entry: Entry) -> dict[str, Any]:
    fields = {
        "CustomerId": entry.customer_id,
        "DepartmentId": entry.department_id,
        "ProjectId": entry.project_id,
        "InvoiceReferenceNo": entry.invoice_no,
        "InvoiceOcr": entry.ocr,
        "TaxNo": entry.tax_code,
    }
    return {name: value for name, value in fields.items() if value is not None}
