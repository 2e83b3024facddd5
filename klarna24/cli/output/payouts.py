"""What ``klarna24 list`` prints: a table, CSV or JSON of payouts as the state has them."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from klarna24.bookkeeping.payout import NAMES, ZERO, net_fees, net_vat
from klarna24.cli.output.console import new_console, print_paragraph
from klarna24.cli.output.csv_text import csv_text
from klarna24.cli.output.sums import sums_line, sums_of
from klarna24.state.records import Row
from klarna24.state.words import STATUS_WORDS
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence

COLUMNS = (
    *("payout_date", "payment_reference", "settlement_amount", "currency", "status", "transaction_no", "fees"),
    *("vat", "profile"),
)
LEAST_REFERENCE = 8  # columns
WIDE = 80  # below, fees and VAT stand below the reference


def list_csv(rows: Sequence[Row]) -> str:
    """The columns of docs/reference.md, "Lists"."""
    return csv_text(COLUMNS, map(_facts, rows))


def list_json(rows: Sequence[Row]) -> str:
    """The document of ``klarna24 list --json``."""
    payouts = [
        {name: f"{value:.2f}" if isinstance(value, Decimal) else value for name, value in _facts(row).items()}
        | {
            "totals": {name: f"{row.totals.get(name, ZERO):.2f}" for name in NAMES},
            "remarks": [remark.text for remark in row.remarks],
        }
        for row in rows
    ]
    document = {"version": 1, "command": "list", "payouts": payouts}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def print_list(rows: Sequence[Row], reader: Reader, *, may_come: bool = False) -> None:
    """A line for each payout, and the sums of each currency below. ``may_come``: the period is not over."""
    console = new_console()
    if not rows:
        none = sentence("no payouts so far: the month is not over") if may_come else sentence("no payouts")
        console.print(reader.say(none))
        return
    is_wide, many = console.width >= WIDE, len({row.profile for row in rows}) > 1
    sums = sums_of((row.key.currency, row.totals) for row in rows)
    heads = (sentence("Date"), sentence("Payout"), sentence("Amount"), sentence("Status"), sentence("No."))
    date, payout, amount, status, number = map(reader.say, heads)
    fees_head, vat_head, shop = map(reader.say, (sentence("Fees"), sentence("VAT"), sentence("Shop")))
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), show_footer=True)
    table.add_column(date, no_wrap=True)
    table.add_column(payout, str(len(rows)), overflow="fold", min_width=LEAST_REFERENCE)
    table.add_column(amount, _column(reader, (its.paid for its in sums.values())), justify="right", no_wrap=True)
    table.add_column("", "\n".join(sums), no_wrap=True)
    table.add_column(status, overflow="fold", min_width=7)
    table.add_column(number, justify="right", no_wrap=True)
    if is_wide:
        fees, vat = ([getattr(its, name) for its in sums.values()] for name in ("fees", "vat"))
        table.add_column(fees_head, _column(reader, fees), justify="right", no_wrap=True)
        table.add_column(vat_head, _column(reader, vat), justify="right", no_wrap=True)
    if is_wide and many:
        table.add_column(shop, overflow="fold", min_width=5)
    for row in rows:
        costs = [reader.amount(net_fees(row.totals)), reader.amount(net_vat(row.totals))]
        table.add_row(
            reader.day(row.payout_date),
            Text(row.key.payment_reference),
            reader.amount(row.totals.get("settlement", ZERO)),
            row.key.currency,
            reader.say(STATUS_WORDS[row.shown_status]),
            str(row.transaction_no or ""),
            *(costs if is_wide else []),
            *([row.profile] if is_wide and many else []),
        )
        if not is_wide:
            for head, cost in zip((fees_head, vat_head), costs, strict=True):
                table.add_row("", head, cost)
            if many:
                table.add_row("", row.profile)
    console.print(table)
    if not is_wide:
        for currency, its in sums.items():
            print_paragraph(console, reader.say(sums_line(currency, its)))


def _column(reader: Reader, sums: Iterable[Decimal]) -> str:
    return "\n".join(map(reader.amount, sums))


def _facts(row: Row) -> dict[str, Any]:
    return {
        "payout_date": row.payout_date.isoformat(),
        "payment_reference": row.key.payment_reference,
        "settlement_amount": row.totals.get("settlement", ZERO),
        "currency": row.key.currency,
        "status": str(row.shown_status),
        "transaction_no": row.transaction_no,
        "fees": net_fees(row.totals),
        "vat": net_vat(row.totals),
        "profile": row.profile,
    }
