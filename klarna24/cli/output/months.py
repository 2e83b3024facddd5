"""What ``klarna24 report`` prints: the month as a table, JSON or CSV."""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from klarna24.bookkeeping.payout import NAMES, ZERO, net_fees, net_vat
from klarna24.cli.output.console import new_console, print_paragraph, print_verdict
from klarna24.cli.output.csv_text import csv_text
from klarna24.cli.output.json_documents import problem_json
from klarna24.cli.output.lines import say_whole
from klarna24.cli.output.sums import Sums, number_of_payouts, sums_line
from klarna24.report.month import Balance, CurrencyMonth, ProfileMonth
from klarna24.state.records import Status
from klarna24.state.words import status_words
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, joined, sentence

COLUMNS = (
    *("month", "profile", "payout_date", "payment_reference", "currency", "status", "transaction_no"),
    *("settlement_amount", *(name for name in NAMES if name != "settlement")),
    *("closes", "differences", "remarks"),
)
UNKNOWN = "unknown"  # to the state
WIDE = 100  # columns from which a payout shows more of its totals
WAITING = {Status.BLOCKED, Status.REJECTED, Status.IN_DOUBT, Status.SENDING}  # for a person
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


def print_months(months: Sequence[ProfileMonth], *, in_full: bool = True) -> None:
    """Of several a line each first; then each, in the order given and in its own language: in full, or only what
    keeps it from closing."""
    console = new_console()
    if len(months) > 1:
        for one in months:
            text = Reader(one.language).say(_in_short(one))
            print_verdict(console, one.profile, max(len(it.profile) for it in months), text, is_good=one.closes)
        console.print()
    for one in months if in_full else [it for it in months if not it.closes]:
        reader = Reader(one.language)
        title = f"{one.profile}, {reader.month(one.month.first)}: {reader.say(verdict(one))}"
        print_paragraph(console, title, f"bold {_style(one)}")
        for it in one.currencies:
            if in_full:
                _print_currency(console, one, it, reader)
            _print_differences(console, it, reader)
        if any(payout.status in WAITING for it in one.currencies for payout in it.payouts):
            text = sentence("what to do about each: {command}", command=f"klarna24 status --profile {one.profile}")
            print_paragraph(console, f"→ {say_whole(text, reader)}", "", 2)
        if in_full:
            _print_open_items(console, one, reader)
        console.print()


def verdict(month: ProfileMonth) -> Sentence:
    """Closes, or what keeps it from closing, in a few words, with what was paid."""
    return joined("; ", (_closes(month), *(_sums(it) for it in month.currencies)))


def _in_short(month: ProfileMonth) -> Sentence:
    paid = (f"{it.settlement:.2f} {it.currency}" for it in month.currencies)
    return joined("; ", (_closes(month), *(sentence("paid out {amount}", amount=amount) for amount in paid)))


def _closes(month: ProfileMonth) -> Sentence:
    if month.problems:
        return sentence("could not be read")
    if not month.currencies:
        return sentence("no payouts") if month.is_over else sentence("not over, no payouts so far")
    count = sum(len(it.differences) for it in month.currencies)
    if count == 1:
        return sentence("does not close, 1 difference")
    return sentence("does not close, {count} differences", count=count) if count else sentence("closes")


def _sums(one: CurrencyMonth) -> Sentence:
    parts = [
        number_of_payouts(len(one.payouts)),
        sentence("paid out {amount}", amount=f"{one.settlement:.2f} {one.currency}"),
    ]
    if one.cost is not None:
        parts.append(sentence("fees {percent} % of sales", percent=f"{one.cost:.2f}"))
    return joined(", ", parts)


def _style(month: ProfileMonth) -> str:
    return "green" if month.closes else "red"


def _print_currency(console: Console, month: ProfileMonth, one: CurrencyMonth, reader: Reader) -> None:
    more = (sentence("Sales"), sentence("Fees"), sentence("VAT")) if console.width >= WIDE else ()
    sums = [one.klarna.get("sale", ZERO), one.fees, one.vat][: len(more)]
    table = _table(
        (sentence("Date"), sentence("Payout"), sentence("Status")),
        (*more, sentence("Amount"), sentence("No.")),
        reader,
        ("", str(len(one.payouts)), "", *map(reader.amount, (*sums, one.settlement)), ""),
    )
    for payout in one.payouts:
        its = payout.totals
        figures = (its.get("sale", ZERO), net_fees(its), net_vat(its))[: len(more)]
        amounts = [reader.amount(amount) for amount in (*figures, payout.settlement)]
        reference, number = payout.key.payment_reference, str(payout.transaction_no or "")
        table.add_row(
            reader.day(payout.payout_date),
            Text(reference),
            reader.say(status_words(payout.status)),
            *amounts,
            number,
        )
    console.print(table)
    print_paragraph(console, reader.say(sums_line(one.currency, Sums(one.settlement, one.fees, one.vat))), "", 2)
    for payout in one.payouts:
        for remark in payout.remarks:
            print_paragraph(console, f"! {payout.key.payment_reference}: {reader.say(remark)}", "yellow", 2)
    console.print(_totals(one, reader))
    if one.ledger:
        console.print(_ledger(month, one, reader))
    balances = ((sentence("Debt to Klarna"), one.debt), (sentence("Held back by Klarna"), one.holdback))
    for name, balance in balances:
        if not balance.is_empty:
            text = _balance(name, balance, one.currency, month.home_currency)
            print_paragraph(console, reader.say(text), "", 2)


def _print_differences(console: Console, one: CurrencyMonth, reader: Reader) -> None:
    for difference in one.differences:
        message = say_whole(difference.message, reader)
        named = difference.payment_reference and difference.payment_reference not in message
        shown = f"✗ {difference.payment_reference}: {message}" if named else f"✗ {message}"
        print_paragraph(console, shown, "red", 2)


def _totals(one: CurrencyMonth, reader: Reader) -> Table:
    title = f"Klarna, {one.currency}"
    table = _table((title,), (sentence("Klarna states"), sentence("Drafted")), reader)
    for name, words in NAMES.items():
        states, stored = one.klarna.get(name, ZERO), one.stored.get(name, ZERO)
        if (states or stored) and name not in {"opening_debt", "closing_debt"}:  # they do not add up
            table.add_row(reader.say(words), reader.amount(states), reader.amount(stored))
    return table


def _ledger(month: ProfileMonth, one: CurrencyMonth, reader: Reader) -> Table:
    title = sentence("Ledger, {currency}", currency=month.home_currency)
    table = _table((title,), (sentence("As drafted"), sentence("In the ledger")), reader)
    for number in sorted({*one.ledger, *one.expected}):
        name = (month.chart or {}).get(number, "")
        drafted, booked = one.expected.get(number, ZERO), one.ledger.get(number, ZERO)
        table.add_row(f"{number} {name}", reader.amount(drafted), reader.amount(booked))
    return table


def _balance(name: Sentence, its: Balance, currency: str, home: str) -> Sentence:
    figures = [
        (sentence("Opening"), its.opening),
        (sentence("Added"), its.added),
        (sentence("Taken"), its.taken),
        *([(sentence("Settled elsewhere"), its.settled)] if its.settled else []),
        (sentence("Closing"), its.closing),
    ]
    parts = [joined(" ", (word, f"{amount:.2f} {currency}")) for word, amount in figures]
    if its.ledger is not None:
        moved = f"{its.ledger:.2f} {home}"
        parts.append(
            sentence("account {account_no} moved by {moved}", account_no=its.account_no or 0, moved=moved)
        )
    return joined(": ", (name, joined("; ", parts)))


def _print_open_items(console: Console, month: ProfileMonth, reader: Reader) -> None:
    if not month.open_items:
        return
    title = sentence(
        "open on account {account}: {balance}, in lines since {day}",
        account=f"{month.clearing} {(month.chart or {}).get(month.clearing or 0, '')}",
        balance=f"{month.balance:.2f} {month.home_currency}",
        day=str(month.read_from),
    )
    console.print()
    print_paragraph(console, reader.say(title), "", 2)
    heads = (sentence("Amount"), sentence("No."), sentence("Days"))
    table = _table((sentence("Date"), sentence("Comment")), heads, reader)
    for item in month.open_items[:OPEN_ITEMS]:
        comment: str = item.comment
        if item.settled_on:
            matched = sentence("matched on {day}", day=str(item.settled_on))
            comment += f" ({reader.say(matched)})"
        amount = reader.amount(item.amount)
        table.add_row(reader.day(item.day), Text(comment), amount, str(item.transaction_no), str(item.age))
    console.print(table)
    if (more := len(month.open_items) - OPEN_ITEMS) > 0:
        print_paragraph(console, reader.say(sentence("… and {number} more", number=more)), "", 2)


def _table(left: Sequence[str], right: Sequence[str], reader: Reader, footer: Sequence[str] = ()) -> Table:
    """Texts at the left, figures at the right; ``footer`` has a text for each column."""
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), show_footer=bool(footer))
    sums = [*map(reader.say, footer)] or [""] * (len(left) + len(right))
    for place, name in enumerate(left):
        is_date = bool(place == 0 and len(left) > 1)
        table.add_column(
            reader.say(name), sums[place], overflow="fold", no_wrap=is_date, min_width=8 if place else None
        )
    for name, total in zip(right, sums[len(left) :], strict=True):
        table.add_column(reader.say(name), total, justify="right", no_wrap=True)
    return table
