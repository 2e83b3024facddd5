"""What ``klarna24 report`` prints: the month as a table, JSON or CSV."""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from klarna24.bookkeeping.payout import NAMES, ZERO, net_fees, net_vat
from klarna24.cli.output.csv_text import csv_text
from klarna24.cli.output.json_documents import problem_json
from klarna24.cli.output.lines import amount_text
from klarna24.report.month import Balance, CurrencyMonth, ProfileMonth
from klarna24.text.sentences import translated

COLUMNS = (
    *("month", "profile", "payout_date", "payment_reference", "currency", "status", "transaction_no"),
    *("settlement_amount", *(name for name in NAMES if name != "settlement")),
    *("closes", "differences", "remarks"),
)
UNKNOWN = "unknown"  # to the state
WIDE = 100  # columns from which a payout shows more of its totals
OPEN_ITEMS = 20  # that are shown; the page has all


def report_json(months: Sequence[ProfileMonth], exit_code: int) -> str:
    """The document of ``klarna24 report --json``."""
    document = {
        "version": 1,
        "command": "report",
        "month": str(months[0].month),
        "exit_code": exit_code,
        "problems": [
            {**problem_json(problem), "message": f"{one.profile}: {problem.message}"}
            for one in months
            for problem in one.problems
        ],
        "profiles": [
            {"profile": one.profile, "currencies": [_currency(it) for it in one.currencies]} for one in months
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _currency(one: CurrencyMonth) -> dict[str, Any]:
    return {
        "currency": one.currency,
        "closes": one.closes,
        "payouts": [
            {
                "payment_reference": payout.key.payment_reference,
                "payout_date": payout.payout_date.isoformat(),
                "settlement_amount": f"{payout.settlement:.2f}",
                "status": payout.status,
                "transaction_no": payout.transaction_no,
                "totals": _strings(payout.totals),
                "remarks": [*payout.remarks],
            }
            for payout in one.payouts
        ],
        "klarna": _strings(one.klarna),
        "ledger": {str(number): f"{amount:.2f}" for number, amount in one.ledger.items()},
        "differences": [
            {"payment_reference": it.payment_reference, "message": it.message} for it in one.differences
        ],
    }


def _strings(totals: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: f"{totals.get(name, ZERO):.2f}" for name in NAMES}


def report_csv(months: Sequence[ProfileMonth]) -> str:
    """A line for each payout: the columns of docs/reference.md, "Lists"."""
    return csv_text(COLUMNS, (row for one in months for it in one.currencies for row in _rows(one, it)))


def _rows(month: ProfileMonth, one: CurrencyMonth) -> Iterator[dict[str, object]]:
    for payout in one.payouts:
        reference = payout.key.payment_reference
        its = [str(it.message) for it in one.differences if it.payment_reference == reference]
        yield {
            "month": str(month.month),
            "profile": month.profile,
            "payout_date": payout.payout_date.isoformat(),
            "payment_reference": reference,
            "currency": one.currency,
            "status": str(payout.status or UNKNOWN),
            "transaction_no": payout.transaction_no,
            **{
                f"{name}_amount" if name == "settlement" else name: payout.totals.get(name, ZERO) for name in NAMES
            },
            "closes": "no" if its else "yes",
            "differences": "; ".join(its),
            "remarks": "; ".join(map(str, payout.remarks)),
        }


def print_months(months: Sequence[ProfileMonth]) -> None:
    """Of several a line each first; then each, in the order given."""
    console = Console(highlight=False, markup=False, emoji=False)
    if len(months) > 1:
        for one in months:
            console.print(Text(f"{one.profile}: {verdict(one)}", _style(one)))
        console.print()
    for one in months:
        console.print(Text(f"{one.profile}, {one.month}: {verdict(one)}", f"bold {_style(one)}"))
        for it in one.currencies:
            _print_currency(console, one, it)
        _print_open_items(console, one)
        console.print()


def verdict(month: ProfileMonth) -> str:
    """Closes, or what keeps it from closing, in a few words."""
    if month.problems:
        return "could not be read"
    if not month.currencies:
        return "no payouts" if month.is_over else "not over, no payouts so far"
    count = sum(len(it.differences) for it in month.currencies)
    words = f"does not close, {count} difference{'s' if count > 1 else ''}" if count else "closes"
    return "; ".join([words, *(_sums(it) for it in month.currencies)])


def _sums(one: CurrencyMonth) -> str:
    count = len(one.payouts)
    cost = f", fees {one.cost:.1f}\u00a0%" if one.cost is not None else ""
    return f"{count} payout{'' if count == 1 else 's'}, {one.settlement:,.2f} {one.currency}{cost}"


def _style(month: ProfileMonth) -> str:
    return "green" if month.closes else "red"


def _print_currency(console: Console, month: ProfileMonth, one: CurrencyMonth) -> None:
    more = ("Sales", "Fees", "VAT") if console.width >= WIDE else ()
    table = _table("Date", "Reference", "Status", right=(*more, "Amount", "No."))
    for payout in one.payouts:
        its = payout.totals
        figures = (its.get("sale", ZERO), net_fees(its), net_vat(its))[: len(more)]
        amounts = [amount_text(amount) for amount in (*figures, payout.settlement)]
        reference, number = payout.key.payment_reference, str(payout.transaction_no or "")
        table.add_row(str(payout.payout_date), Text(reference), payout.status or UNKNOWN, *amounts, number)
    console.print(table)
    cost = f": {one.cost:.2f}\u00a0% of sales" if one.cost is not None else ""
    fees = f"Klarna's fees {one.fees:,.2f} {one.currency}{cost}; VAT on them {one.vat:,.2f} {one.currency}"
    console.print(Padding(Text(fees), (0, 0, 0, 2)))
    for payout in one.payouts:
        for remark in payout.remarks:
            text = f"! {payout.key.payment_reference}: {translated(remark, month.language)}"
            console.print(Padding(Text(text, "yellow"), (0, 0, 0, 2)))
    console.print(_totals(one))
    if one.ledger:
        console.print(_ledger(month, one))
    for name, balance in (("debt to Klarna", one.debt), ("held back by Klarna", one.holdback)):
        if not balance.is_empty:
            console.print(Padding(Text(_balance(name, balance, one.currency, month.home_currency)), (0, 0, 0, 2)))
    for difference in one.differences:
        message = translated(difference.message, month.language)
        named = difference.payment_reference and difference.payment_reference not in message
        text = f"✗ {difference.payment_reference}: {message}" if named else f"✗ {message}"
        console.print(Padding(Text(text, "red"), (0, 0, 0, 2)))


def _totals(one: CurrencyMonth) -> Table:
    table = _table(f"Klarna, {one.currency}", right=("states", "drafted"))
    for name, words in NAMES.items():
        states, stored = one.klarna.get(name, ZERO), one.stored.get(name, ZERO)
        if (states or stored) and name not in {"opening_debt", "closing_debt"}:  # they do not add up
            table.add_row(words, amount_text(states), amount_text(stored))
    return table


def _ledger(month: ProfileMonth, one: CurrencyMonth) -> Table:
    table = _table(f"Ledger, {month.home_currency}", right=("drafted", "booked"))
    for number in sorted({*one.ledger, *one.expected}):
        name = (month.chart or {}).get(number, "")
        drafted, booked = one.expected.get(number, ZERO), one.ledger.get(number, ZERO)
        table.add_row(f"{number} {name}", amount_text(drafted), amount_text(booked))
    return table


def _balance(name: str, its: Balance, currency: str, home: str) -> str:
    settled = f", settled elsewhere {its.settled:,.2f}" if its.settled else ""
    moved = f"opening {its.opening:,.2f}, added {its.added:,.2f}, taken {its.taken:,.2f}{settled}"
    ledger = f"; account {its.account_no} moved by {its.ledger:,.2f} {home}" if its.ledger is not None else ""
    return f"{name}: {moved}, closing {its.closing:,.2f} {currency}{ledger}"


def _print_open_items(console: Console, month: ProfileMonth) -> None:
    if not month.open_items:
        return
    name = (month.chart or {}).get(month.clearing or 0, "")
    text = f"open on account {month.clearing} {name}: {month.balance:,.2f} {month.home_currency}"
    console.print(Padding(Text(f"{text}, in lines since {month.read_from}"), (1, 0, 0, 2)))
    table = _table("Date", "Comment", right=("Amount", "No.", "Days"))
    for item in month.open_items[:OPEN_ITEMS]:
        later = f" (matched on {item.settled_on})" if item.settled_on else ""
        comment = f"{item.comment}{later}"
        amount = amount_text(item.amount)
        table.add_row(str(item.day), Text(comment), amount, str(item.transaction_no), str(item.age))
    console.print(table)
    if (more := len(month.open_items) - OPEN_ITEMS) > 0:
        console.print(f"  … and {more} more")


def _table(*left: str, right: Sequence[str]) -> Table:
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for place, name in enumerate(left):
        table.add_column(name, overflow="fold", no_wrap=name == "Date", min_width=8 if place else None)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table
