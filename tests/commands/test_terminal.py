"""What a person sees and types on a real terminal, at 80 columns."""

import os
import re
import signal
import threading

import pexpect
import pytest

from klarna24.cli import main as cli
from klarna24.cli.terminal import read_line
from klarna24.sandbox.klarna.generate import big_payout
from tests.support import processes
from tests.support.processes import screen
from tests.support.shops import NOON, OpenShop, Shop, doubtful, simple


def terminal(shop: Shop, *arguments: str) -> "pexpect.spawn[str]":
    return processes.terminal(shop.config, *arguments, **shop.box.environment())


def test_a_voucher_is_readable_at_80_columns_and_its_totals_agree(shop: Shop) -> None:
    child = terminal(shop, "dry-run", "--profile", "shop1")
    lines = screen(child)
    assert max(map(len, lines)) <= 80
    totals = [line.split()[-2:] for line in lines if line.startswith(" Sum")]
    assert totals
    assert all(debit == credit for debit, credit in totals)
    text = "\n".join(lines)
    assert "1930     Företagskonto" in text
    assert "XNXP9NA8 is blocked" in text or "is unexplained" in text
    assert text.count("is unexplained") == 1, "the problem is in the table, and not printed again"


@pytest.mark.parametrize("command", ["dry-run --profile shop1", "status", f"report --month {NOON:%Y-%m}"])
def test_a_setting_that_is_to_be_copied_stays_on_one_line(open_shop: OpenShop, command: str) -> None:
    """TOML allows no line end within { … }."""
    payout, rows = simple("LOAN", sale_amount=1000, charge_amount=100, settlement_amount=900)
    charge = {"type": "CHARGE", "detailed_type": "CASH_ADVANCE_AMORTISATION", "amount": 100}
    shop = open_shop(payouts=[(payout, [*rows, {**charge, "currency_code": "SEK"}])])
    shop.write({"accounts": {"charges": None}})
    shop.sync()
    lines = screen(terminal(shop, *command.split()))
    assert any("charges = { CASH_ADVANCE_AMORTISATION = ACCOUNT }" in line for line in lines)


def test_a_sync_on_a_terminal_shows_what_it_drafted_and_then_nothing_new(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    first = "\n".join(screen(terminal(shop, "sync", "--profile", "shop1")))
    assert "Klarna XISA93DJ" in first
    assert "shop1: 1 drafted" in first
    assert "\n".join(screen(terminal(shop, "sync", "--profile", "shop1", "--now"))).strip() == "shop1: nothing new"
    not_due = "\n".join(screen(terminal(shop, "sync", "--profile", "shop1"))).strip()
    moment = r"\d+\s[A-Z][a-z]{2}\s\d{4}\s\d\d:\d\d"
    assert re.fullmatch(rf"shop1: not due until {moment}; use --now to run anyway", not_due)
    assert "".join(screen(terminal(shop, "-q", "sync", "--profile", "shop1"))).strip() == ""


def test_odd_text_is_shown_unchanged(open_shop: OpenShop) -> None:
    payout, rows = simple("[/b]åäö'\"")
    odd = {"merchant_reference1": "[b]\x1b[31m:o:\n"}
    sale = {"type": "SALE", "amount": 100000, "currency_code": "SEK", **odd}
    shop = open_shop(payouts=[(payout, [*rows, sale])])
    shop.write({"transfer": "itemised", "references": {"merchant_reference1": "invoice_no"}})
    text = "\n".join(screen(terminal(shop, "dry-run", "--profile", "shop1")))
    assert "Klarna [/b]åäö'\"" in text
    assert "invoice [b][31m:o:" in text


def test_a_large_payout_is_cut_short_unless_verbose(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[big_payout("BIG1", 700, NOON)])
    shop.write({"transfer": "itemised"})
    lines = "\n".join(screen(terminal(shop, "dry-run", "--profile", "shop1")))
    assert "653 more" in lines, "between the first 40 and the last 10"
    assert "Klarna BIG1" in lines
    everything = screen(terminal(shop, "-v", "dry-run", "--profile", "shop1"))
    assert sum("… sales" in line for line in everything) == 700


def test_resolve_asks_and_changes_nothing_after_a_no(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("XISA93DJ"), fault="cut-before-save")
    for answer, says in (("n", "stays in doubt: nothing was changed"), ("y", "is sent at the next run")):
        child = terminal(shop, "resolve", "--profile", "shop1", "XISA93DJ", "--resend")
        child.expect(r"is NOT in 24SevenOffice,\s+neither booked nor as a draft\? \[y/N\]: ")
        child.sendline(answer)
        assert says in " ".join(" ".join(screen(child)).split())
    assert shop.sync("--now").code == 0
    child = terminal(shop, "resolve", "--profile", "shop1", "XISA93DJ", "--resend")
    child.expect("Type the payment reference to go on")
    child.sendline("XISA93DJ")
    assert "is sent at the next run" in "\n".join(screen(child))


def test_ctrl_c_at_a_question_changes_nothing(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("XISA93DJ"), fault="cut-before-save")
    child = terminal(shop, "resolve", "--profile", "shop1", "XISA93DJ", "--drafted")
    child.expect("once?")
    child.sendintr()
    assert "Traceback" not in "\n".join(screen(child))
    assert child.exitstatus == 130
    assert shop.sync("--now").code == 8


def test_ctrl_c_is_noticed_even_if_it_does_not_interrupt_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal between the prompt and the wait interrupts nothing, and so does one to another thread."""
    keyboard, stdin = os.openpty()
    threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)).start()
    next_key = threading.Timer(5, lambda: os.write(keyboard, b"y\n"))
    next_key.start()
    with os.fdopen(stdin) as opened:
        monkeypatch.setattr("sys.stdin", opened)
        with pytest.raises(KeyboardInterrupt):
            read_line("Is it there? ")
    assert next_key.is_alive(), "it was lost until the next key"
    next_key.cancel()
    os.close(keyboard)


def test_the_demo_leaves_the_environment_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(os.environ)
    assert cli.run(["demo"]) == 0
    assert dict(os.environ) == before
    assert "2 are blocked" in capsys.readouterr().out


def test_the_sandbox_refuses_an_unknown_fault_and_a_port_in_use(shop: Shop) -> None:
    assert cli.run(["sandbox", "--fault", "no-such-fault"]) == 2
    assert cli.run(["sandbox", "--port", shop.box.url.rpartition(":")[2]]) == 2
