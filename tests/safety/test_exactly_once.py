"""What happens after a failure: doubt, resolve, an old state, late payouts, locks, signals, limits, sessions."""

import shutil
import signal
import time
from datetime import timedelta

import pytest

from klarna24.sandbox.klarna.generate import make_payout
from tests.support.processes import end, on_a_terminal, start, statuses, wait_until
from tests.support.shops import NOON, OpenShop, Shop, simple

# In doubt, and looked up


def test_killed_while_24sevenoffice_saves_then_found_once_a_person_has_booked(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("LOST"), simple("NEXT")])
    shop.box.faults.arm("hang-after-save", seconds=60)
    process = start(shop, "sync", "--profile", "shop1")
    wait_until(shop.drafts)
    process.kill()
    assert end(process)[0] == -signal.SIGKILL
    first, second = shop.sync("--now"), shop.sync("--now")
    assert (first.code, second.code) == (8, 8)
    assert sorted(shop.drafts()) == [f"Klarna LOST {NOON.date()}", f"Klarna NEXT {NOON.date()}"]
    shop.box.office.book(shop.box.office.home.drafts[0].id)
    found = shop.sync("--now", "--json")
    assert found.code == 0
    assert [payout["status"] for payout in found.json["profiles"][0]["payouts"]] == ["booked"]
    assert "found in the ledger as 1" in shop.run("log").out


def test_a_doubt_is_settled_by_what_was_sent_not_by_the_profile_of_today(open_shop: OpenShop) -> None:
    """Also where the settlement is zero, and the anchor another entry."""
    payout = make_payout("ZERO", NOON, sale_amount=5000, return_amount=8000, deposit_amount=3000)
    shop = open_shop(payouts=[(payout, [])])
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    shop.box.office.book(shop.box.office.home.drafts[0].id)
    shop.write({"accounts": {"receivable": 1510, "debt": 2390}, "voucher": {"customer_id": 1001}})
    assert shop.sync("--now").code == 0
    assert not statuses(shop)


def test_the_message_of_a_doubt_names_what_to_look_for_and_both_commands(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.box.faults.arm("cut-after-save")
    (line,) = shop.sync().lines()
    assert f'the bundle "Klarna XISA93DJ {NOON.date()}": account 1930, 962.50 SEK' in line
    assert "klarna24 resolve --profile shop1 XISA93DJ --drafted" in line
    assert "klarna24 resolve --profile shop1 XISA93DJ --resend" in line


def test_a_doubt_whose_draft_was_edited_and_booked_stays_and_names_the_voucher(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.box.faults.arm("cut-after-save")
    shop.sync()
    draft = shop.box.office.home.drafts[0]
    shop.box.office.edit_draft(draft.id, 2, AccountNo=6570)
    number = shop.box.office.book(draft.id)
    result = shop.sync("--now")
    assert result.code == 8
    assert f"its reference stands in voucher {number} with other lines" in result.err


def test_a_reference_matches_whole_words_only(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("123"), simple("1234"), simple("12")])
    shop.box.faults.arm("cut-after-save", times=1)
    assert shop.sync().code == 8
    for draft in list(shop.box.office.home.drafts)[1:]:
        shop.box.office.book(draft.id)
    assert shop.sync("--now").code == 8


def test_in_doubt_outranks_every_later_problem_of_the_payout(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.box.faults.arm("cut-after-save")
    shop.sync()
    shop.box.klarna.payouts[0]["totals"]["settlement_amount"] += 1
    assert shop.sync("--now").code == 8
    shop.box.klarna.payouts.clear()
    assert shop.sync("--now").code == 8


def test_an_outage_leaves_one_payout_in_doubt_not_all(open_shop: OpenShop, quick: None) -> None:
    del quick
    shop = open_shop(payouts=[simple(f"REF{number}") for number in range(5)])
    shop.box.faults.arm("cut-after-save")
    shop.box.faults.arm("html-error", times=None, operation="GetIdentity", after=1)
    result = shop.sync()
    assert result.code == 8
    assert len(shop.drafts()) == 1
    assert sorted(statuses(shop).values()) == ["in-doubt", "ready", "ready", "ready", "ready"]
    shop.box.faults.clear()
    assert shop.sync("--now").code == 8
    assert len(shop.drafts()) == 5


def test_a_rejection_is_tried_again_but_an_exception_only_after_an_order(open_shop: OpenShop) -> None:
    for fault, code in (("not-saved", 0), ("client-fault", 0), ("exception", 6)):
        shop = open_shop(payouts=[simple("XISA93DJ")])
        shop.box.faults.arm(fault, operation="SaveBundleList")
        assert shop.sync().code == 6
        assert shop.sync("--now").code == code
    shop.write({"accounts": {"fees": 6570}})
    assert shop.sync("--now").code == 6, "the draft may be there, whatever the voucher would be now"
    assert not shop.drafts()
    assert shop.run("resolve", "--profile", "shop1", "XISA93DJ", "--resend", "--yes").code == 0
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1


def test_an_exception_is_not_sent_again_after_the_payout_was_blocked_in_between(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.box.faults.arm("exception-but-saved")
    assert shop.sync().code == 6
    shop.write({"accounts": {"fees": None}})
    assert shop.sync("--now").code == 7
    shop.write()
    assert shop.sync("--now").code == 6
    assert len(shop.drafts()) == 1
    assert shop.run("resolve", "--profile", "shop1", "XISA93DJ", "--drafted", "--yes").code == 0
    assert shop.sync("--now").code == 0


# Resolve, status, log


def test_resolve_settles_a_payout_as_drafted_skipped_or_to_resend(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A"), simple("B"), simple("C")])
    for _ in range(3):
        shop.box.faults.arm("cut-before-save")
    assert shop.sync().code == 8
    resolve = ("resolve", "--profile", "shop1")
    assert shop.run(*resolve, "A", "--drafted", "--yes", "--note", "seen it").code == 0
    assert shop.run(*resolve, "B", "--skip", "--yes").code == 0
    assert shop.run(*resolve, "C", "--resend", "--yes").code == 0
    assert shop.sync("--now").code == 0
    assert shop.drafts() == [f"Klarna C {NOON.date()}"]
    assert "seen it" in shop.run("log").out
    assert shop.run(*resolve, "A", "--drafted", "--yes").code == 2
    assert shop.run(*resolve, "NONE", "--skip", "--yes").code == 2
    assert shop.run(*resolve, "C").code == 2


def test_resolve_without_yes_needs_a_terminal(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.box.faults.arm("cut-before-save")
    shop.sync()
    result = shop.run("resolve", "--profile", "shop1", "A", "--drafted")
    assert result.code == 2
    assert statuses(shop) == {"A": "in-doubt"}


def test_resend_looks_in_the_ledger_first(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.box.faults.arm("cut-after-save")
    shop.sync()
    shop.box.office.book(shop.box.office.home.drafts[0].id)
    result = shop.run("resolve", "--profile", "shop1", "A", "--resend", "--yes")
    assert result.code == 0
    assert "in the ledger as voucher 1" in result.out
    assert not statuses(shop)
    assert shop.sync("--now").code == 0
    assert not shop.drafts()


def test_a_deleted_draft_is_sent_again_after_its_reference_is_typed(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    shop.box.office.delete_draft(shop.box.office.home.drafts[0].id)
    for typed, drafts in (("wrong", 0), ("A", 1)):
        on_a_terminal(monkeypatch, typed)
        assert shop.run("resolve", "--profile", "shop1", "A", "--resend", "--yes").code == 0
        assert shop.sync("--now").code == 0
        assert len(shop.drafts()) == drafts
    shop.box.office.book(shop.box.office.home.drafts[0].id)
    assert shop.run("resolve", "--profile", "shop1", "A", "--resend", "--yes").code == 2


def test_a_reference_in_two_currencies_needs_the_currency(open_shop: OpenShop) -> None:
    euro = make_payout("TWICE", NOON, currency="EUR", sale_amount=500)
    shop = open_shop(payouts=[(make_payout("TWICE", NOON, sale_amount=500, settlement_amount=1), []), (euro, [])])
    assert shop.sync().code == 7
    assert shop.run("resolve", "--profile", "shop1", "TWICE", "--skip", "--yes").code == 2
    assert shop.run("resolve", "--profile", "shop1", "TWICE", "--skip", "--yes", "--currency", "EUR").code == 0
    assert len(statuses(shop)) == 1


def test_status_lists_what_needs_a_person_with_its_command_and_ends_with_0(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", settlement_amount=1, sale_amount=2)])
    assert shop.run("status").code == 0
    shop.sync()
    result = shop.run("status", "--profile", "shop1")
    assert result.code == 0
    assert "1 blocked, 1 drafted" in result.out
    assert "BAD" in result.out
    document = shop.run("status", "--json").json["profiles"][0]
    assert document["counts"] == {"blocked": 1, "drafted": 1}
    assert document["completed_at"]
    text = shop.config.read_text().replace("profiles.shop1", "profiles.other")
    shop.config.write_text(text)
    names = {one["profile"]: one["in_file"] for one in shop.run("status", "--json").json["profiles"]}
    assert names == {"other": True, "shop1": False}


# An old state, payouts booked by hand, late payouts


def test_yesterdays_state_restored(open_shop: OpenShop) -> None:
    """Ten were drafted since, and four of them booked: no second draft; the four are found, six are in doubt."""
    shop = open_shop(payouts=[simple("EARLIER", 20)])
    assert shop.sync().code == 0
    backup = shop.folder / "backup"
    shutil.copytree(shop.state, backup)
    for number in range(10):
        shop.box.klarna.add(simple(f"REF{number}", 1)[0], [])
    assert shop.sync("--now").code == 0
    for draft in shop.box.office.home.drafts[1:5]:
        shop.box.office.book(draft.id)
    shutil.rmtree(shop.state)
    shutil.copytree(backup, shop.state)
    before = shop.drafts()
    result = shop.sync("--now")
    assert result.code == 8
    assert shop.drafts() == before
    assert list(statuses(shop).values()) == ["in-doubt"] * 6
    assert "the state is older than the books" in result.err
    assert shop.sync("--now").code == 8
    for draft in shop.box.office.home.drafts[1:]:
        shop.box.office.book(draft.id)
    assert shop.sync("--now").code == 0


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
    assert result.code == 8
    assert "its reference stands in voucher 77" in result.err
    assert shop.drafts() == [f"Klarna NEXT {NOON.date()}"]
    resend = ("resolve", "--profile", "shop1", "HAND", "--resend", "--yes")
    assert shop.run(*resend).code == 2, "the reference must be typed"
    on_a_terminal(monkeypatch, "HAND")
    assert shop.run(*resend).code == 0
    assert shop.sync("--now").code == 0, "a person decided it"
    assert len(shop.drafts()) == 2


def test_a_bank_row_on_the_clearing_account_does_not_count_as_a_voucher(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ", 1)])
    shop.write({"accounts": {"payout": 1940}})
    book_by_hand(shop, 78, "XISA93DJ", {1930: 962.5, 1940: -962.5})
    assert shop.sync().code == 0
    assert len(shop.drafts()) == 1


def test_a_late_payout_within_90_days_is_found_and_a_blocked_one_is_never_too_old(
    open_shop: OpenShop,
) -> None:
    old = simple("BLOCKED", 200, sale_amount=100, settlement_amount=99)
    shop = open_shop(payouts=[old, simple("NEW", 1)])
    assert shop.sync().code == 7
    shop.box.klarna.add(simple("LATE", 80)[0], [])
    old[0]["totals"]["settlement_amount"] = 100
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 3
    assert shop.box.calls()["payout"] == 1


def test_a_blocked_payout_that_klarna_no_longer_has_is_reported_and_stays(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("BLOCKED", 1, sale_amount=100, settlement_amount=99)])
    shop.sync()
    shop.box.klarna.payouts.clear()
    result = shop.sync("--now")
    assert result.code == 7
    assert "no longer at Klarna" in result.err
    assert statuses(shop) == {"BLOCKED": "blocked"}


# One run at a time


def test_six_syncs_at_once_make_fifteen_drafts(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple(f"REF{number:02}") for number in range(15)])
    processes = [start(shop, "sync", "--profile", "shop1") for _ in range(6)]
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
    waited = shop.sync("--wait", "20")
    assert waited.code == 0
    assert end(process)[0] == 0
    assert len(shop.drafts()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_finishes_the_save_under_way_and_stops(open_shop: OpenShop, number: int, code: int) -> None:
    shop = open_shop(payouts=[simple("FIRST"), simple("SECOND")])
    shop.box.faults.arm("slow", seconds=1, operation="SaveBundleList")
    process = start(shop, "sync", "--profile", "shop1")
    wait_until(shop.drafts)
    process.send_signal(number)
    ended, err = end(process)
    assert ended == code
    assert "the next run carries on" in err
    assert "Traceback" not in err
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


# Limits, other companies, start dates


def test_a_throttled_run_ends_with_5_and_shows_until_when(open_shop: OpenShop) -> None:
    for fault in ("limit-exceeded", "too-many"):
        shop = open_shop(payouts=[simple("XISA93DJ")])
        shop.box.faults.arm(fault, times=None)
        result = shop.sync()
        assert result.code == 5
        assert ("Quarantine ends at" in result.err) == (fault == "limit-exceeded")
        shop.box.faults.clear()
        assert shop.sync("--now").code == 0
        assert len(shop.drafts()) == 1


def test_a_profile_with_another_company_or_merchant_is_refused(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("ONE", 2)])
    assert shop.sync().code == 0
    other = shop.box.office.default
    shop.write({"24sevenoffice": {"client_id": other.client_id, "identity_id": other.identity_id}})
    assert shop.sync("--now").code == 3
    shop.write()
    shop.box.klarna.add({**simple("TWO", 1)[0], "merchant_id": "N999"}, [])
    result = shop.sync("--now")
    assert result.code == 3
    assert 'merchant_ids = ["N100198", "N999"]' in result.err
    shop.write({"klarna": {"merchant_ids": ["N100198", "N999"]}})
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_payouts_before_the_start_date_are_left_alone(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("BLOCKED", 10, sale_amount=100, settlement_amount=99)])
    assert shop.sync().code == 7
    shop.write({"start_date": NOON.date() - timedelta(days=5)})
    assert shop.sync("--now").code == 0
    assert statuses(shop) == {"BLOCKED": "blocked"}
