"""What ``klarna24 list`` prints: a table, CSV or JSON of payouts as the state has them."""

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from klarna24.bookkeeping.payout import NAMES, ZERO, net_fees, net_vat
from klarna24.cli.output.csv_text import csv_text
from klarna24.cli.output.lines import amount_text
from klarna24.state.records import Row

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


def print_list(rows: Sequence[Row], *, may_come: bool = False) -> None:
    """A line for each payout, and the sums of each currency below. ``may_come``: the period is not over."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not rows:
        console.print("no payouts so far: the month is not over" if may_come else "no payouts")
        return
    is_wide, many = console.width >= WIDE, len({row.profile for row in rows}) > 1
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), show_footer=True)
    sums = _sums(rows)
    table.add_column("Date", no_wrap=True)
    table.add_column("Reference", f"{len(rows)} payouts", overflow="fold", min_width=LEAST_REFERENCE)
    table.add_column("Amount", _footer(sums, "settlement"), justify="right", no_wrap=True)
    table.add_column("", "\n".join(sums), no_wrap=True)
    table.add_column("Status", overflow="fold", min_width=7)
    table.add_column("No.", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("Fees", _footer(sums, "fees"), justify="right", no_wrap=True)
        table.add_column("VAT", _footer(sums, "vat"), justify="right", no_wrap=True)
    if is_wide and many:
        table.add_column("Profile", overflow="fold", min_width=5)
    for row in rows:
        facts = _facts(row)
        fees, vat = amount_text(facts["fees"]), amount_text(facts["vat"])
        below = [] if is_wide else [f"fees {fees}", f"VAT {vat}", *([row.profile] if many else [])]
        table.add_row(
            str(row.payout_date),
            Text("\n".join([row.key.payment_reference, *below])),
            amount_text(facts["settlement_amount"]),
            row.key.currency,
            row.shown_status,
            str(row.transaction_no or ""),
            *([fees, vat] if is_wide else []),
            *([row.profile] if is_wide and many else []),
        )
    console.print(table)
    if not is_wide:
        for currency, amounts in sums.items():
            console.print(f"fees {amounts['fees']:,.2f} {currency}, VAT {amounts['vat']:,.2f} {currency}")


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


def _sums(rows: Sequence[Row]) -> dict[str, dict[str, Decimal]]:
    """The totals of each currency."""
    sums: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        its = sums[row.key.currency]
        its["settlement"] += row.totals.get("settlement", ZERO)
        its["fees"] += net_fees(row.totals)
        its["vat"] += net_vat(row.totals)
    return {currency: dict(sums[currency]) for currency in sorted(sums)}


def _footer(sums: dict[str, dict[str, Decimal]], name: str) -> str:
    return "\n".join(amount_text(its[name]) for its in sums.values())
