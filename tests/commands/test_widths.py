"""A table of vouchers on narrow and wide terminals: only words are shortened."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from klarna24.bookkeeping.voucher import Entry, Voucher, VoucherType
from klarna24.cli.output import tables as output
from klarna24.run.outcome import Ready, Report
from tests.support import bookkeeping
from tests.support.shops import Shop

AMOUNTS = {"1,000.00": 40, "31,046.12": 40, "1,234,567.89": 60, "12,345,678.90": 60}


def report(amount: Decimal) -> Report:
    debit = Entry(
        1930, amount, "settlement", "Klarna XISA93DJ payout", invoice_no="a-very-long-invoice-number-0001"
    )
    credit = replace(debit, account_no=1580, amount=-amount, comment="Klarna XISA93DJ charge FRAUD_POLICY_CHARGE")
    kind = VoucherType(9, "Diverse", 3)
    voucher = Voucher("XISA93DJ", date(2026, 11, 19), kind, 2026, "SEK", (debit, credit), debit)
    payout = bookkeeping.payout({"settlement": int(amount * 100), "sale": int(amount * 100)})
    ready = Ready(
        key=payout.key, payout_date=voucher.date, totals=payout.totals.named(), payout=payout, voucher=voucher
    )
    chart = {1930: "Företagskonto/checkkonto/affärskonto", 1580: "Fordringar för kontokort och kuponger"}
    return Report(profile="shop1", outcomes=[ready], chart=chart)


@pytest.mark.parametrize("figure", AMOUNTS)
@pytest.mark.parametrize("width", [40, 50, 60, 72, 80, 85, 100, 200])
def test_a_table_never_cuts_a_figure_or_an_account_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], figure: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    output.print_report(report(Decimal(figure.replace(",", ""))), show_all=False)
    lines = capsys.readouterr().out.splitlines()
    if width < AMOUNTS[figure]:
        return
    assert max(map(len, lines)) <= width
    total = next(line for line in lines if line.startswith(" Sum"))
    assert total.split()[-2:] == [figure, figure]
    assert [line.split()[0] for line in lines if line.startswith((" 1930", " 1580"))] == ["1930", "1580"]
    assert sum(figure in line for line in lines) >= 3, "debit, credit and total"


@pytest.mark.parametrize("width", [60, 80, 140])
def test_every_command_wraps_at_words(shop: Shop, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """A line is longer only where one word is: a path, or a command that is to be copied."""
    monkeypatch.setenv("COLUMNS", str(width))
    shop.write({"language": "sv"})
    for arguments in ("check", "dry-run --all", "sync --all", "status --profile shop1", "list", "report"):
        for line in shop.run(*arguments.split()).out.splitlines():
            assert len(line) <= width or len(line.split()) == 1 or line.lstrip().startswith("klarna24 "), line
    shown = shop.dry_run("--from", "2020-01-01").out
    assert width < 140 or "Företagskonto/checkkonto/affärskonto" in shown, "names are whole where there is room"
