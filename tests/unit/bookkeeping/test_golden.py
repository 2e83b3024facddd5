"""Payouts as Klarna sends them, each beside the voucher that a bookkeeper would write of it.

``payouts/NAME.json`` holds settings of the profile (``"shop": "norwegian"`` for that of the Norwegian shop), the
books where they differ, the European Central Bank's rate where one is needed, Klarna's payout and its rows.
``payouts/NAME.voucher`` holds what becomes of it: a voucher (``*`` marks its anchor), ``blocked CODE: words of the
message`` or ``skipped``. The vouchers are written by hand; nothing generates them.
"""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from klarna24.bookkeeping.detailed_types import DETAILED_TYPES
from klarna24.bookkeeping.mapping import needs_rate, needs_rows, voucher_for
from klarna24.bookkeeping.payout import SIGNS
from klarna24.bookkeeping.voucher import Entry, Rate, Voucher
from klarna24.errors import Blocked, ProblemCode
from tests.support import bookkeeping as build

PAYOUTS = Path(__file__).parent / "payouts"
NAMES = sorted(path.stem for path in PAYOUTS.glob("*.json"))


class Column(NamedTuple):
    title: str
    cell: Callable[[Entry], object]
    align: str = "<"


COLUMNS = (
    Column("account", lambda entry: entry.account_no),
    Column("debit", lambda entry: f"{entry.amount:.2f}" if entry.amount > 0 else None, ">"),
    Column("credit", lambda entry: f"{-entry.amount:.2f}" if entry.amount < 0 else None, ">"),
    Column("kind", lambda entry: entry.kind),
    Column("comment", lambda entry: entry.comment),
)
OPTIONAL_COLUMNS = (  # shown if at least one entry has a value
    Column("invoice_no", lambda entry: entry.invoice_no),
    Column("ocr", lambda entry: entry.ocr),
    Column("customer", lambda entry: entry.customer_id),
    Column("department", lambda entry: entry.department_id),
    Column("project", lambda entry: entry.project_id),
    Column("vat code", lambda entry: entry.tax_code),
)


def text_of(voucher: Voucher) -> str:
    head = {
        "date": voucher.date,
        "type": f"{voucher.type.number} {voucher.type.title}",
        "year": voucher.year,
        "name": voucher.name,
        "currency": voucher.currency,
    }
    lines = [f"{title:<8}  {value}" for title, value in head.items()]
    return "\n".join([*lines, "", *_table(voucher)]) + "\n"


def _table(voucher: Voucher) -> list[str]:
    columns = [*COLUMNS, *(column for column in OPTIONAL_COLUMNS if any(map(column.cell, voucher.entries)))]
    cells = [[column.title for column in columns]]
    cells += [[str(column.cell(entry) or "") for column in columns] for entry in voucher.entries]
    marks = [" ", *("*" if entry is voucher.anchor else " " for entry in voucher.entries)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [
        "  ".join(f"{c:{column.align}{w}}" for c, column, w in zip(line, columns, widths, strict=True))
        for line in cells
    ]
    return [f"{mark} {line}".rstrip() for mark, line in zip(marks, aligned, strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_a_payout_becomes_the_voucher_beside_it(name: str) -> None:
    given = json.loads((PAYOUTS / f"{name}.json").read_text(encoding="utf-8"))
    expected = (PAYOUTS / f"{name}.voucher").read_text(encoding="utf-8")
    payout, rows = build.payout_of(given["payout"]), build.transactions(given["rows"])
    norwegian = given.get("shop") == "norwegian"
    profile = build.profile(given["profile"], norwegian=norwegian)
    books = build.books(given.get("books"), norwegian=norwegian)
    rate = given.get("rate") and Rate(Decimal(given["rate"]["value"]), date.fromisoformat(given["rate"]["day"]))
    if rows:
        assert needs_rows(payout, profile, books), "these rows would never be fetched"
    if expected.startswith("blocked "):
        code, words = expected.removeprefix("blocked ").strip().split(": ", 1)
        with pytest.raises(Blocked) as blocked:
            voucher_for(payout, rows, profile, books, rate)
        assert blocked.value.code == code
        assert words in blocked.value.message
        assert blocked.value.hint
        return
    assert needs_rate(payout, profile, books) is bool(rate)
    voucher = voucher_for(payout, rows, profile, books, rate)
    assert (text_of(voucher) if voucher else "skipped\n") == expected


def test_every_total_and_every_reason_to_block_has_a_voucher_here() -> None:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in PAYOUTS.glob("*.voucher")}
    assert set(texts) == set(NAMES), "every file has its counterpart"
    kinds = {word for text in texts.values() if not text.startswith("blocked ") for word in text.split()}
    codes = {text.split()[1].rstrip(":") for text in texts.values() if text.startswith("blocked ")}
    assert {"settlement", *SIGNS} <= kinds
    assert codes == {code for code in ProblemCode if code.exit_code == 7} - {
        ProblemCode.CHANGED,
        ProblemCode.UNREADABLE,
    }


@pytest.mark.parametrize("shop", ["swedish", "norwegian"])
def test_every_documented_kind_of_row_has_a_voucher_here(shop: str) -> None:
    """Booked, not only blocked, with an account for each."""
    booked = set()
    for name in NAMES:
        given = json.loads((PAYOUTS / f"{name}.json").read_text(encoding="utf-8"))
        is_booked = (PAYOUTS / f"{name}.voucher").read_text(encoding="utf-8").startswith("date")
        if is_booked and given.get("shop", "swedish") == shop:
            booked |= {(row["type"], row.get("detailed_type")) for row in given["rows"]}
    documented = {(row_type, it.name) for it in DETAILED_TYPES for row_type in it.row_types}
    assert documented - booked == set()
