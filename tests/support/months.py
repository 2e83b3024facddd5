"""A month of a shop in the sandbox, and what a person books there by hand."""

from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from klarna24.report.month import Month
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.office.company import Draft
from tests.support.shops import Given, Shop

LAST = Month.of(datetime.now(UTC).date()).before
"""The last full month."""

ACCOUNTS = {"payout": 1940, "fees_vat": 2641, "holdback": 1689, "debt": 2899}
SALE: dict[str, Any] = {"sale": 100000, "fee": 3000, "tax": 750}


def on(day: int, reference: str, month: Month = LAST, **totals: Any) -> Given:
    """A payout of this day of the month, at noon; without totals of 962.50 SEK."""
    moment = datetime.combine(month.first + timedelta(days=day - 1), time(12), UTC)
    return make_payout(reference, moment, **(totals or SALE)), []


def clearing(shop: Shop, **over: Any) -> None:
    """The shop's profile starts two months before, pays out to a clearing account, and has all accounts."""
    start = LAST.before.before.first
    shop.write({"start_date": start, "accounts": ACCOUNTS, "voucher": {"type": "Diverse"}, **over})


def book_by_hand(shop: Shop, day: date, *lines: tuple[int, str, str]) -> int:
    """A person books a voucher of these accounts, amounts and comments; its number."""
    company = shop.box.office.home
    blank = deepcopy(_an_entry(shop))
    entries = [
        {
            **blank,
            "AccountNo": account_no,
            "Amount": Decimal(amount),
            "Comment": comment,
            "Date": datetime.combine(day, time()),
            "CustomerId": None,
        }
        for account_no, amount, comment in lines
    ]
    assert sum(entry["Amount"] for entry in entries) == 0
    made = Draft(0, company.client_id, "by hand", day.year, 9, True, 0, entries, datetime.now(UTC))
    return shop.box.office.book(shop.box.office.save_draft(company, made).id)


def _an_entry(shop: Shop) -> dict[str, Any]:
    names = ("CurrencyId", "InvoiceReferenceNo", "InvoiceOcr", "StampNo", "DepartmentId", "ProjectId")
    drafts = shop.box.office.home.drafts
    return dict(drafts[0].entries[0]) if drafts else dict.fromkeys(names)


def received(shop: Shop, day: date, amount: str, comment: str) -> int:
    """A person books what the bank received, off the clearing account; the voucher's number."""
    return book_by_hand(shop, day, (1930, amount, comment), (1940, f"-{amount}", comment))


def move(shop: Shop, number: int, account_no: int, to: int) -> None:
    """A person changes the account of a line of a voucher after it was booked."""
    for line in shop.box.office.home.ledger:
        if line["TransactionNo"] == number and line["AccountNo"] == account_no:
            line["AccountNo"] = to


def book(shop: Shop, reference: str) -> int:
    """A person books the draft of this payout; its number."""
    found = [draft.id for draft in shop.box.office.home.drafts if f" {reference} " in f"{draft.name} "]
    return shop.box.office.book(found[0])
