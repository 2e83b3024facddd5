"""Nothing is drafted twice and nothing is lost: restored states, changed profiles, equal references."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.bookkeeping.voucher import Trace
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.state.store import State
from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.client import Prepared, TwentyFourClient
from tests.support.processes import on_a_terminal, statuses
from tests.support.shops import NOON, OpenShop, Shop, simple

Rows = list[dict[str, Any]]
Given = tuple[dict[str, Any], Rows]
RESEND = ("resolve", "--profile", "shop1", "A", "--resend", "--yes")
AT_THE_RATE = {"voucher": {"foreign_currency": "rate"}}


def euro(reference: str, **totals: Any) -> Given:
    return make_payout(reference, NOON, currency="EUR", **(totals or {"sale_amount": 500})), []


def of_merchant(merchant_id: str, payout: Given) -> Given:
    return {**payout[0], "merchant_id": merchant_id}, payout[1]


def book_all(shop: Shop) -> None:
    for draft in list(shop.box.office.home.drafts):
        shop.box.office.book(draft.id)


def put_the_ledger_in_utc(shop: Shop) -> None:
    """Local midnight becomes the evening before."""
    for line in shop.box.office.home.ledger:
        local = line["Date"].replace(tzinfo=ZoneInfo("Europe/Stockholm"))
        line["Date"] = local.astimezone(UTC).replace(tzinfo=None)


def three_sent_after_the_backup(open_shop: OpenShop) -> tuple[Shop, Callable[[], None]]:
    """EARLIER was drafted before the backup was made, REF0 to REF2 after it; and a function that restores it."""
    shop = open_shop(payouts=[simple("EARLIER", 20)])
    assert shop.sync().code == 0
    backup = shop.folder / "backup"
    shutil.copytree(shop.state, backup)
    for number in range(3):
        shop.box.klarna.add(*simple(f"REF{number}", 1))
    assert shop.sync("--now").code == 0

    def restore() -> None:
        shutil.rmtree(shop.state)
        shutil.copytree(backup, shop.state)

    return shop, restore


# An old state


def test_a_kill_while_an_old_state_is_detected_loses_no_doubt(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The voucher that proves it is not recorded before the doubts are."""
    shop, restore = three_sent_after_the_backup(open_shop)
    shop.box.office.book(shop.box.office.home.drafts[1].id)
    restore()
    before = shop.drafts()

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(State, "doubt", killed)
        assert shop.sync("--now").code == 130
    result = shop.sync("--now")
    assert result.code == 8
    assert "the state is older than the books" in result.err
    assert shop.drafts() == before
    assert set(statuses(shop).values()) == {"in-doubt"}


def test_the_previous_payout_account_is_searched_too(open_shop: OpenShop) -> None:
    shop, restore = three_sent_after_the_backup(open_shop)
    for draft in shop.box.office.home.drafts[1:]:
        shop.box.office.book(draft.id)
    restore()
    shop.write({"accounts": {"payout": 1940}})
    shop.sync("--now")
    assert shop.drafts() == [f"Klarna EARLIER {NOON.date() - timedelta(days=20)}"]


def test_an_old_state_is_detected_in_a_ledger_with_days_in_utc(open_shop: OpenShop) -> None:
    shop, restore = three_sent_after_the_backup(open_shop)
    for draft in shop.box.office.home.drafts[1:3]:
        shop.box.office.book(draft.id)
    put_the_ledger_in_utc(shop)
    restore()
    before = shop.drafts()
    assert shop.sync("--now").code == 8
    assert shop.drafts() == before
    assert statuses(shop) == {"REF2": "in-doubt"}


def test_a_voucher_that_a_person_sent_again_does_not_prove_an_old_state(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    assert shop.run(*RESEND).code == 0
    book_all(shop)
    shop.box.klarna.add(*simple("B"))
    result = shop.sync("--now")
    assert (result.code, result.err) == (0, "")
    assert shop.drafts() == [f"Klarna B {NOON.date()}"]


# Sent again


def test_a_draft_that_was_edited_and_booked_is_not_sent_again(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    draft = shop.box.office.home.drafts[0]
    shop.box.office.edit_draft(draft.id, 2, AccountNo=6570)
    number = shop.box.office.book(draft.id)
    on_a_terminal(monkeypatch, "A")
    result = shop.run(*RESEND)
    assert result.code == 2
    assert f"in the ledger as voucher {number}" in result.err
    assert shop.sync("--now").code == 0
    assert not shop.drafts()


def test_resending_beside_an_edited_voucher_asks_for_the_reference_even_with_yes(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.box.faults.arm("cut-after-save")
    shop.sync()
    draft = shop.box.office.home.drafts[0]
    shop.box.office.edit_draft(draft.id, 2, AccountNo=6570)
    number = shop.box.office.book(draft.id)
    assert shop.run(*RESEND).code == 2, "the reference cannot be typed"
    asked: list[str] = []

    def prompt(text: str, **_: object) -> str:
        asked.append(text)
        return "B"

    on_a_terminal(monkeypatch, "")
    monkeypatch.setattr("klarna24.cli.resolve.read_line", prompt)
    assert "nothing was changed" in shop.run(*RESEND).out
    assert f"Voucher {number} in the ledger has the reference A" in asked[0]
    assert shop.sync("--now").code == 8
    assert not shop.drafts()


def test_a_drafted_payout_is_not_sent_again_without_a_terminal(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    result = shop.run(*RESEND)
    assert result.code == 2
    assert "not a terminal" in result.err
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1


def test_another_exchange_rate_does_not_make_another_voucher(open_shop: OpenShop) -> None:
    """After an Exception a changed voucher is sent again; another exchange rate does not count as a change."""
    shop = open_shop(payouts=[euro("A")])
    shop.write(AT_THE_RATE)
    shop.box.faults.arm("exception-but-saved")
    assert shop.sync().code == 6
    home = shop.box.office.home
    home.currencies = [currency._replace(rate=currency.rate * 2) for currency in home.currencies]
    assert shop.sync("--now").code == 6
    assert len(shop.drafts()) == 1


def test_a_payout_that_met_an_exception_in_another_run_is_not_sent_again(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs plan the same payout: what the other run did counts at the moment of sending."""
    shop = open_shop(payouts=[simple("A")])
    find, codes = TwentyFourClient.find, []

    def find_while_another_run_sends(client: TwentyFourClient, traces: Sequence[Trace], *others: Any) -> Any:
        found = find(client, traces, *others)
        if not traces:
            return found
        monkeypatch.setattr(TwentyFourClient, "find", find)
        shop.config.write_text(shop.config.read_text().replace("profiles.shop1", "profiles.renamed"))
        shop.box.faults.arm("exception-but-saved")
        codes.append(shop.run("sync", "--profile", "renamed").code)
        return found

    monkeypatch.setattr(TwentyFourClient, "find", find_while_another_run_sends)
    codes.append(shop.sync().code)
    assert codes == [6, 5]
    assert len(shop.drafts()) == 1


def test_a_signal_stops_the_run_although_the_save_was_not_sent(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("SEK1"), euro("EUR1")])
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2={"klarna": {"currencies": ["EUR"]}, **AT_THE_RATE})
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


# The profile changes


def test_another_environment_on_the_same_payouts_puts_them_in_doubt(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A"), simple("B")])
    shop.write({"klarna": {"environment": "playground"}})
    assert shop.sync().code == 0
    shop.write({"klarna": {"environment": "live"}})
    for _ in range(2):
        result = shop.sync("--now")
        assert result.code == 8
        assert "the same figures were sent before under this reference" in result.err
        assert len(shop.drafts()) == 2


@pytest.mark.parametrize("what", ["environment", "base_url", "username"])
def test_another_klarna_account_is_listed_from_the_start_date(open_shop: OpenShop, what: str) -> None:
    """The checkpoint belongs to the previous account."""
    shop, other = open_shop(payouts=[simple("FIRST", 1)]), open_shop(payouts=[])
    start = {"start_date": NOON.date() - timedelta(days=400)}
    shop.write(start)
    assert shop.sync().code == 0
    new = {"environment": "playground", "base_url": other.box.url, "username": "another"}[what]
    klarna = other.box.klarna if what == "base_url" else shop.box.klarna
    klarna.username = new if what == "username" else klarna.username
    klarna.payouts.clear()
    for reference, days_ago in (("OLD", 150), ("NEW", 2)):
        klarna.add(*simple(reference, days_ago))
    shop.write({**start, "klarna": {what: new}})
    assert shop.sync("--now").code == 0
    assert [name.split()[1] for name in shop.drafts()] == ["FIRST", "OLD", "NEW"]


def test_one_klarna_account_in_two_companies_is_a_configuration_fault(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    other = shop.box.office.default
    elsewhere = {"client_id": other.client_id, "identity_id": other.identity_id}
    shop.write(None, shop2={"24sevenoffice": elsewhere})
    result = shop.run("sync", "--all")
    assert result.code == 3
    assert "profiles shop1 and shop2 would book the same payouts in two companies" in result.err
    assert not shop.drafts()
    assert not other.drafts


def test_a_renamed_profile_reports_a_doubt_that_klarna_no_longer_lists(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(payouts=[simple("A", 5), simple("B", 1)])
    shop.box.faults.arm("cut-before-save")
    assert shop.sync().code == 8
    shop.box.klarna.payouts.pop(0)
    shop.config.write_text(shop.config.read_text().replace("profiles.shop1", "profiles.renamed"))
    result = shop.run("sync", "--all", "--now")
    assert result.code == 8
    assert "klarna24 resolve --profile renamed A --drafted" in result.err


def test_each_profile_of_a_run_takes_another_next_number(open_shop: OpenShop) -> None:
    """24SevenOffice reserves no number."""
    shop = open_shop(payouts=[simple("A"), of_merchant("N2", simple("B"))])
    following = {"voucher": {"transaction_no": "next"}}
    shop.write(
        {"klarna": {"merchant_ids": ["N100198"]}, **following},
        shop2={"klarna": {"merchant_ids": ["N2"]}, **following},
    )
    assert shop.run("sync", "--all").code == 0
    assert sorted(draft.transaction_no for draft in shop.box.office.home.drafts) == [1, 2]


# Equal references


@pytest.mark.parametrize(
    "other",
    [
        of_merchant("N2", simple("A")),
        euro("A", sale_amount=100000, fee_amount=3000, tax_amount=750),
        simple("A/1"),
    ],
    ids=["merchant", "currency", "longer reference"],
)
@pytest.mark.parametrize("lost", [0, 1])
def test_the_voucher_of_another_payout_with_the_same_reference_ends_no_doubt(
    open_shop: OpenShop, other: Given, lost: int
) -> None:
    """With the same figures, and the same reference or a part of it; only one of the two was saved."""
    shop = open_shop(payouts=[simple("A"), other])
    shop.write(AT_THE_RATE)
    shop.box.faults.arm("cut-before-save", after=lost)
    assert shop.sync().code == 8
    assert len(shop.drafts()) == 1
    book_all(shop)
    assert shop.sync("--now").code == 8
    assert list(statuses(shop).values()) == ["in-doubt"]
    assert not shop.drafts()


def test_a_ledger_with_days_in_utc_still_ends_a_doubt(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A", 3)])
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    book_all(shop)
    put_the_ledger_in_utc(shop)
    assert shop.sync("--now").code == 0
    assert not statuses(shop)


# What changes at Klarna


def test_a_payout_skipped_as_empty_is_drafted_once_it_has_figures(open_shop: OpenShop) -> None:
    debts = {"opening_debt_balance_amount": 500, "closing_debt_balance_amount": 500}
    shop = open_shop(payouts=[simple("A", sale_amount=0, **debts)])
    assert shop.sync().code == 0
    shop.box.klarna.payouts[0]["totals"].update(sale_amount=10000, settlement_amount=10000)
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1


def test_a_change_after_drafting_is_reported_until_a_person_accepts_it(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    drafted = ("resolve", "--profile", "shop1", "A", "--drafted", "--yes")
    assert shop.run(*drafted).code == 2, "nothing has changed"
    for more in (100, 200):
        shop.box.klarna.payouts[0]["totals"]["settlement_amount"] += more
        shop.box.klarna.payouts[0]["totals"]["sale_amount"] += more
        assert [shop.sync("--now").code, shop.sync("--now").code] == [7, 7]
        assert shop.run(*drafted).code == 0
        assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1


def test_a_payout_that_moves_before_start_date_is_not_drafted(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A", 5, sale_amount=100, settlement_amount=99)])
    shop.write({"start_date": NOON.date() - timedelta(days=5)})
    assert shop.sync().code == 7
    payout = shop.box.klarna.payouts[0]
    payout["totals"]["settlement_amount"] = 100
    payout["payout_date"] = simple("A", 30)[0]["payout_date"]
    assert shop.sync("--now").code == 0
    assert not shop.drafts()


def test_a_ready_payout_that_klarna_no_longer_has_is_reported(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A"), simple("B")])
    shop.box.faults.arm("too-many", operation="SaveBundleList")
    assert shop.sync().code == 5
    shop.box.klarna.payouts.pop(1)
    for _ in range(2):
        result = shop.sync("--now")
        assert result.code == 7
        assert "payout B is no longer at Klarna" in result.err
    assert shop.drafts() == [f"Klarna A {NOON.date()}"]
