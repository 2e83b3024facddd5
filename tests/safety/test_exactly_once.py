"""Nothing is drafted twice: old states, payouts booked by hand, runs at the same time, signals, limits."""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from klarna24.sandbox.klarna.generate import make_payout
from klarna24.state.store import State
from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.client import Prepared, TwentyFourClient
from tests.support import LONG
from tests.support.processes import end, on_a_terminal, start, statuses, wait_until
from tests.support.shops import AT_ECB_RATES, NOON, OpenShop, Shop, simple

# An old state


def sent_after_a_backup(open_shop: OpenShop, count: int = 3) -> tuple[Shop, Callable[[], object]]:
    """EARLIER was drafted before the backup was made, REF0, REF1 … after it; and a function that restores it."""
    shop = open_shop(payouts=[simple("EARLIER", 20)])
    assert shop.sync().code == 0
    restore = shop.backup()
    for number in range(count):
        shop.box.klarna.add(*simple(f"REF{number}", 1))
    assert shop.sync("--now").code == 0
    return shop, restore


def test_yesterdays_state_restored(open_shop: OpenShop) -> None:
    """Ten were drafted since, and four of them booked: no second draft; the four are found, six are in doubt."""
    shop, restore = sent_after_a_backup(open_shop, 10)
    shop.book(1, 5)
    restore()
    before = shop.drafts()
    result = shop.sync("--now")
    assert (result.code, shop.drafts()) == (8, before)
    assert list(statuses(shop).values()) == ["in-doubt"] * 6
    assert "the state is older than the books" in result.err
    assert shop.sync("--now").code == 8
    shop.book(1)
    assert shop.sync("--now").code == 0


def test_a_kill_while_an_old_state_is_detected_loses_no_doubt(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The voucher that proves it is not recorded before the doubts are."""
    shop, restore = sent_after_a_backup(open_shop)
    shop.book(1, 2)
    restore()
    before = shop.drafts()

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(State, "doubt", killed)
        assert shop.sync("--now").code == 130
    result = shop.sync("--now")
    assert (result.code, shop.drafts()) == (8, before)
    assert "the state is older than the books" in result.err
    assert set(statuses(shop).values()) == {"in-doubt"}


def test_the_previous_payout_account_is_searched_too(open_shop: OpenShop) -> None:
    shop, restore = sent_after_a_backup(open_shop)
    shop.book(1)
    restore()
    shop.write({"accounts": {"payout": 1940}})
    shop.sync("--now")
    assert shop.drafts() == [f"Klarna EARLIER {NOON.date() - timedelta(days=20)}"]


# Booked by hand


def book_by_hand(shop: Shop, number: int, comment: str, amounts: dict[int, float]) -> None:
    """A voucher that no program sent, in the ledger."""
    now, numbers = NOON.replace(tzinfo=None), ("Year", "Sort", "SequenceNo", "Period", "StampNo", "CustomerId")
    line = {
        **dict.fromkeys(numbers, 1),
        **dict.fromkeys(("DepartmentId", "ProjectId"), 0),
        **dict.fromkeys(("InvoiceNo", "OCR"), ""),
        **dict.fromkeys(("Date", "RegistrationDate", "DateChanged"), now),
        "Id": "00000000-0000-0000-0000-000000000001",
        "TransactionNo": number,
        "TransactionTypeId": 9,
        "Currency": "SEK",
        "Comment": comment,
    }
    shop.box.office.home.ledger += [{**line, "AccountNo": it, "Amount": amount} for it, amount in amounts.items()]


def test_a_payout_booked_by_hand_is_not_booked_again(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(payouts=[simple("HAND"), simple("NEXT")])
    book_by_hand(shop, 77, "Klarna HAND", {1930: 962.5, 1510: -962.5})
    result = shop.sync()
    assert (result.code, shop.drafts()) == (8, [f"Klarna NEXT {NOON.date()}"])
    assert "its reference stands in voucher 77 with other lines" in result.err
    assert shop.resolve("HAND", "--resend").code == 2, "the reference must be typed"
    on_a_terminal(monkeypatch, "HAND")
    assert shop.resolve("HAND", "--resend").code == 0
    assert shop.sync("--now").code == 0, "a person decided it"
    assert len(shop.drafts()) == 2


def test_a_bank_row_on_the_clearing_account_does_not_count_as_a_voucher(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ", 1)])
    shop.write({"accounts": {"payout": 1940}})
    book_by_hand(shop, 78, "XISA93DJ", {1930: 962.5, 1940: -962.5})
    assert shop.sync().code == 0
    assert len(shop.drafts()) == 1


# One run at a time


def test_syncs_at_once_make_fifteen_drafts(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple(f"REF{number:02}") for number in range(15)])
    processes = [start(shop, "sync", "--profile", "shop1") for _ in range(6 if LONG else 3)]
    ends = [end(process) for process in processes]
    assert {code for code, _ in ends} <= {0, 5}, ends
    assert len(shop.drafts()) == len(set(shop.drafts())) == 15


def test_a_second_run_names_the_first_or_waits_for_it(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.box.faults.arm("slow", seconds=1.5, operation="SaveBundleList")
    process = start(shop, "sync", "--profile", "shop1")
    wait_until(lambda: shop.box.calls()["GetAccountList"])
    second = shop.sync()
    assert second.code == 5
    assert f"(pid {process.pid}, since " in second.err
    assert shop.run("status").code == 0, "status works meanwhile"
    assert (shop.sync("--wait", "nan").code, shop.sync("--wait", "20").code) == (2, 0)
    assert end(process)[0] == 0
    assert len(shop.drafts()) == 1


# Signals and limits


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_finishes_the_save_under_way_and_stops(open_shop: OpenShop, number: int, code: int) -> None:
    shop = open_shop(payouts=[simple("FIRST"), simple("SECOND")])
    shop.box.faults.arm("slow", seconds=1, operation="SaveBundleList")
    process = start(shop, "sync", "--profile", "shop1")
    wait_until(shop.drafts)
    process.send_signal(number)
    ended, err = end(process)
    assert (ended, "Traceback" in err) == (code, False)
    assert "the next run carries on" in err
    assert len(shop.drafts()) == 1
    assert statuses(shop) == {"SECOND": "ready"}, "the first is recorded as drafted"
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_a_second_signal_stops_at_once_and_leaves_the_payout_in_doubt(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("FIRST")])
    shop.box.faults.arm("hang-after-save", seconds=60)
    process = start(shop, "sync", "--profile", "shop1")
    wait_until(shop.drafts)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 143
    assert statuses(shop) == {"FIRST": "in-doubt"}


def test_a_signal_stops_the_run_although_the_save_was_not_sent(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    euro: Any = (make_payout("EUR1", NOON, currency="EUR", sale_amount=500), [])
    shop = open_shop(payouts=[simple("SEK1"), euro])
    second = {**AT_ECB_RATES, "klarna": {"currencies": ["EUR"]}}
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2=second)
    saves: list[str] = []

    def save(_: TwentyFourClient, prepared: Prepared) -> Answer:
        saves.append(prepared.voucher.payment_reference)
        os.kill(os.getpid(), signal.SIGTERM)
        return Answer(Kind.NOT_SENT, "HTTP 429")

    with monkeypatch.context() as patched:
        patched.setattr(TwentyFourClient, "save", save)
        result = shop.run("sync", "--all", "--jobs", "1")
    assert result.code == 143
    assert "stopped by SIGTERM; the next run carries on" in result.err
    assert saves == ["SEK1"]
    assert statuses(shop) == {"SEK1": "ready"}
    assert shop.run("sync", "--all").code == 0
    assert len(shop.drafts()) == 2


@pytest.mark.parametrize("fault", ["limit-exceeded", "too-many"])
def test_a_throttled_run_ends_with_5_and_shows_until_when(open_shop: OpenShop, fault: str) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.box.faults.arm(fault, times=None)
    result = shop.sync()
    assert (result.code, "Quarantine ends at" in result.err) == (5, fault == "limit-exceeded")
    shop.box.faults.clear()
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1
