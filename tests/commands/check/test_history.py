"""check --history MONTHS: each payout of the past, and whether it stands in the ledger.

What it says that a run would do is compared with what a run then does."""

from datetime import date, timedelta
from typing import Any

import pytest

from klarna24.check import history
from tests.support.months import ACCOUNTS, LAST, book, book_by_hand, on, received
from tests.support.shops import OpenShop, Shop, simple, snapshot

BEFORE = LAST.before
MONTHS = ("--history", "4")


def day(number: int) -> date:
    """A day of the month before the last full one."""
    return BEFORE.first + timedelta(days=number - 1)


def write(shop: Shop, start: date, **over: Any) -> None:
    shop.write({"start_date": start, "accounts": ACCOUNTS, "voucher": {"type": "Diverse"}, **over})


def told(shop: Shop, *arguments: str) -> dict[str, Any]:
    """The history of shop1; it is never a failure."""
    result = shop.run("check", "--json", *(arguments or MONTHS))
    assert result.code == 0, result.out
    found: dict[str, Any] = result.json["profiles"][0]["history"]
    return found


def payouts(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {it["payment_reference"]: it for month in found["months"] for it in month["payouts"]}


def statuses(shop: Shop) -> dict[str, str]:
    """What a run makes of each payout."""
    shown = shop.run("sync", "--all", "--now", "--json").json["profiles"][0]["payouts"]
    return {it["payment_reference"]: it["status"] for it in shown}


def test_it_foretells_what_a_run_with_an_earlier_start_date_does(open_shop: OpenShop) -> None:
    references = ("NOTICED", "ONBANK", "AMOUNT", "NOWHERE")
    sales = {
        name: {"sale": sale, "fee": 3000, "tax": 750} for name, sale in zip(references, range(4), strict=True)
    }
    for number, totals in enumerate(sales.values()):
        totals["sale"] = 100000 + 1000 * number
    shop = open_shop(
        payouts=[
            *(on(3 + 5 * number, name, BEFORE, **totals) for number, (name, totals) in enumerate(sales.items())),
            on(25, "ODD", BEFORE, sale=1000, settlement=77),
            *(on(number, name, sale=50000 + number) for number, name in ((5, "DRAFTED"), (6, "BOOKED"))),
        ]
    )
    write(shop, LAST.first)
    assert statuses(shop) == {"DRAFTED": "drafted", "BOOKED": "drafted"}
    booked = book(shop, "BOOKED")
    noticed = book_by_hand(shop, day(4), (1940, "962.50", "Klarna NOTICED"), (1580, "-962.50", ""))
    on_bank = book_by_hand(shop, day(9), (1930, "972.50", "utbetalning ONBANK"), (1580, "-972.50", ""))
    amount = book_by_hand(shop, day(15), (1930, "982.50", "Klarna"), (1580, "-982.50", ""))
    received(shop, day(21), "992.50", "from the clearing account, which nothing debits: NOWHERE")
    before = snapshot(shop.state)

    found = told(shop)
    its = payouts(found)
    assert {name: (it["ledger"], it["transaction_no"], it["is_noticed"]) for name, it in its.items()} == {
        "NOTICED": ("certain", noticed, True),
        "ONBANK": ("certain", on_bank, False),
        "AMOUNT": ("probable", amount, False),
        "NOWHERE": ("not-found", None, None),
        "ODD": ("not-found", None, None),
        "DRAFTED": ("known", None, None),
        "BOOKED": ("known", booked, None),
    }
    assert [(it["outcome"], it["status"]) for it in its.values()] == [
        *[("ready", None)] * 4,
        ("blocked", None),
        *[("ready", "drafted")] * 2,
    ]
    assert "is unexplained" in its["ODD"]["reason"]
    assert [
        (month["month"], month["counts"]["ready"], month["counts"]["blocked"]) for month in found["months"]
    ] == [
        (str(BEFORE), 4, 1),
        (str(LAST), 2, 0),
    ]
    moved = [text for text in found["advice"] if "start_date = " in text]
    assert [f"start_date = {day(14)}" in text for text in moved] == [True]
    assert {**snapshot(shop.state), **dict.fromkeys(locks(shop), b"")} == {
        **before,
        **dict.fromkeys(locks(shop), b""),
    }

    write(shop, BEFORE.first)
    assert statuses(shop) == {
        "BOOKED": "booked",
        "NOTICED": "in-doubt",
        "ONBANK": "drafted",
        "AMOUNT": "drafted",
        "NOWHERE": "drafted",
        "ODD": "blocked",
    }


def locks(shop: Shop) -> list[str]:
    """The files in which the state notes who holds a lock."""
    return [str(path) for path in (shop.state / "locks").iterdir()]


def test_the_advised_start_date_drafts_nothing_a_second_time(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "BYHAND", BEFORE), on(10, "LEFT", BEFORE, sale=77700)])
    write(shop, BEFORE.first)
    book_by_hand(shop, day(5), (1930, "962.50", ""), (1580, "-962.50", ""))
    again, move = told(shop)["advice"]
    assert "drafted a second time" in again
    assert move.startswith(f"set start_date = {day(4)} (it is {BEFORE.first})")
    write(shop, day(4))
    assert statuses(shop) == {"LEFT": "drafted"}


def test_vouchers_of_a_state_that_is_gone_are_told_as_klarna24s_own(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A", BEFORE), on(10, "B", BEFORE, sale=77700)])
    write(shop, BEFORE.first)
    assert statuses(shop) == {"A": "drafted", "B": "drafted"}
    number = book(shop, "A")
    shop.state.rename(shop.folder / "lost")
    found = told(shop)
    assert payouts(found)["A"]["transaction_no"] == number
    assert "puts every payout in doubt that it does not find booked" in found["advice"][0]
    assert statuses(shop) == {"A": "booked", "B": "in-doubt"}


def test_kinds_and_the_accounts_that_a_month_lacks_are_named(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A", BEFORE, sale=1000, commission=250), on(3, "B", sale=1000)])
    write(shop, LAST.first)
    first, last = told(shop)["months"]
    assert first["totals"] == ["sale", "commission"]
    assert first["missing_accounts"] == []
    shop.write({"start_date": LAST.first, "accounts": {**ACCOUNTS, "commission": None}})
    first, last = told(shop)["months"]
    assert first["missing_accounts"] == [{"key": "commission", "kind": "commission"}]
    assert (first["payouts"][0]["outcome"], last["missing_accounts"]) == ("blocked", [])


def test_it_costs_a_call_for_a_year_of_the_ledger_and_rows_only_where_they_are_needed(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple(f"REF{days}", days) for days in range(1, 300, 10)])
    write(shop, LAST.first)
    shop.run("check")
    plain = calls_of(shop, "check")
    assert calls_of(shop, "check", "--history", "12") == plain | {
        "GetTransactions": 1,
        "GetIdentity": plain["GetIdentity"] + 1,  # whose session it is
    }
    assert calls_of(shop, "check", "--history", "36")["GetTransactions"] == 1, "back to the oldest payout only"
    assert "transactions" not in plain


def calls_of(shop: Shop, *arguments: str) -> dict[str, int]:
    """How often the command asks each server for what."""
    before = shop.box.calls()
    shop.run(*arguments)
    return {name: more for name, count in shop.box.calls().items() if (more := count - before.get(name, 0))}


def test_a_history_that_the_state_knows_asks_nothing_of_the_ledger(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A")])
    write(shop, LAST.first)
    shop.sync()
    before = shop.box.calls().get("GetTransactions")
    assert payouts(told(shop))["A"]["ledger"] == "known"
    assert shop.box.calls().get("GetTransactions") == before


def test_what_cannot_be_read_is_said_and_is_no_failure(open_shop: OpenShop, quick: None) -> None:
    shop = open_shop(payouts=[on(3, "A", sale=1000)])
    write(shop, LAST.first)
    shop.box.faults.arm("html-error", times=None, operation="GetTransactions")
    found = told(shop)
    assert payouts(found)["A"]["ledger"] == "not-read"
    assert "the ledger was not read up to" in found["not_looked_at"][0]
    assert found["advice"] == []


def test_a_record_without_a_date_is_named_and_belongs_to_no_month(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A"), on(4, "B")])
    write(shop, LAST.first)
    shop.box.klarna.payouts[0]["payout_date"] = "yesterday"
    found = told(shop)
    assert list(payouts(found)) == ["B"]
    assert found["not_looked_at"] == ["payouts whose date cannot be read: A"]


def test_limits_are_stated(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_PAYOUTS", 1)
    monkeypatch.setattr(history, "IN_ONE_CALL", timedelta(days=30))
    monkeypatch.setattr(history, "LEDGER_SECONDS", -1)
    shop = open_shop(payouts=[on(3, name, charge=1000, sale=5000) for name in ("A", "B")])
    write(shop, LAST.first)
    found = told(shop)
    assert [it["outcome"] for it in payouts(found).values()].count("not-read") == 1
    rows, ledger = found["not_looked_at"]
    assert rows.startswith("payouts whose rows were not read: 1 (of 1 at most")
    assert ledger.endswith(": it took too long")


def test_the_books_are_needed_and_cron_is_not(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A")])
    write(shop, LAST.first)
    shop.box.office.password = "another"
    (one,) = shop.run("check", "--json", *MONTHS).json["profiles"]
    assert one["history"] is None
    assert {it["name"]: it["status"] for it in one["checks"]}["history"] == "not-tried"
    result = shop.run("check", "--as-cron", *MONTHS)
    assert (result.code, "--as-cron shows no history" in result.out) == (2, True)


def test_without_the_option_there_is_no_history(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A")])
    write(shop, LAST.first)
    assert shop.run("check", "--json").json["profiles"][0]["history"] is None
    assert "GetTransactions" not in shop.box.calls()


@pytest.mark.parametrize("language", ["en", "sv", "nb"])
def test_it_fits_80_columns(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    loan, _ = on(20, "LOAN", BEFORE, sale=1000, credit=5000)
    shop = open_shop(payouts=[on(3, "A" * 30, BEFORE), on(10, "B", BEFORE, sale=77700), (loan, [])])
    write(shop, LAST.first, language=language)
    book_by_hand(shop, day(5), (1930, "962.50", ""), (1580, "-962.50", ""))
    result = shop.run("check", *MONTHS)
    lines = result.out.splitlines()
    assert result.code == 0
    assert [line for line in lines if len(line) > 80] == []
    _, _, shown = result.out.partition("shop1: ")
    words = " ".join(shown.split())
    assert {"en": " 1 of 5 ", "sv": f" {day(5)}: ", "nb": f" {day(5):%d.%m.%Y}: "}[language] in words
    assert {"en": "962.50", "sv": "962,50", "nb": "962,50"}[language] in words
    assert "start_date = " in words


def test_a_narrow_terminal_breaks_no_amount(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    shop = open_shop(payouts=[on(3, "LONGREFERENCE", BEFORE, sale=123456789, settlement=100)])
    write(shop, LAST.first, language="sv")
    _, _, shown = shop.run("check", *MONTHS).out.partition("shop1: ")
    assert max(map(len, shown.splitlines())) <= 50
    assert "1\u00a0234\u00a0567,89\u00a0SEK" in shown
