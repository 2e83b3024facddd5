"""A payout whose answer was lost: what ends the doubt, what does not, and what a person can decide."""

import re
import shlex
import signal
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.bookkeeping.voucher import Trace
from klarna24.config.folders import STATE_FILE
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.twentyfour.client import TwentyFourClient
from tests.support.processes import end, on_a_terminal, start, statuses, wait_until
from tests.support.shops import AT_ECB_RATES, NOON, Given, OpenShop, Shop, doubtful, simple


def euro(reference: str, **totals: Any) -> Given:
    return make_payout(reference, NOON, currency="EUR", **(totals or {"sale_amount": 500})), []


def of_merchant(merchant_id: str, payout: Given) -> Given:
    return {**payout[0], "merchant_id": merchant_id}, payout[1]


# What ends a doubt


def test_a_payout_found_sending_is_in_doubt_and_never_sent_again(open_shop: OpenShop) -> None:
    """The message names what to look for and both commands."""
    shop = open_shop(payouts=[simple("LOST"), simple("NEXT")])
    shop.box.faults.arm("cut-after-save")
    first = shop.sync()
    (line,) = first.lines()
    assert (first.code, "LOST is in doubt" in line) == (8, True)
    assert f'the bundle "Klarna LOST {NOON.date()}": account 1930, 962.50 SEK' in line
    for decision in ("--drafted", "--resend"):
        assert f"klarna24 resolve --profile shop1 LOST {decision}" in line
    assert len(shop.drafts()) == 2, "the other payout goes on"
    assert shop.sync("--now").code == 8
    assert len(shop.drafts()) == 2


def test_killed_while_24sevenoffice_saves_then_found_once_a_person_has_booked(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("LOST"), simple("NEXT")])
    shop.box.faults.arm("hang-after-save", seconds=60)
    process = start(shop, "sync", "--profile", "shop1")
    wait_until(shop.drafts)
    process.kill()
    assert end(process)[0] == -signal.SIGKILL
    assert (shop.sync("--now").code, shop.sync("--now").code) == (8, 8)
    assert sorted(shop.drafts()) == [f"Klarna LOST {NOON.date()}", f"Klarna NEXT {NOON.date()}"]
    shop.book(0, 1)
    found = shop.sync("--now", "--json")
    assert found.code == 0
    assert [payout["status"] for payout in found.json["profiles"][0]["payouts"]] == ["booked"]
    assert "found in the ledger as 1" in shop.run("log").out


def test_a_doubt_is_settled_by_what_was_sent_not_by_the_profile_of_today(open_shop: OpenShop) -> None:
    """Also where the settlement is zero, and the anchor another entry."""
    payout = make_payout("ZERO", NOON, sale_amount=5000, return_amount=8000, deposit_amount=3000)
    shop = doubtful(open_shop, (payout, []))
    shop.book()
    shop.write({"accounts": {"receivable": 1510, "debt": 2390}, "voucher": {"customer_id": 1001}})
    assert shop.sync("--now").code == 0
    assert not statuses(shop)


def put_the_ledger_in_utc(shop: Shop) -> None:
    """Local midnight becomes the evening before."""
    for line in shop.box.office.home.ledger:
        local = line["Date"].replace(tzinfo=ZoneInfo("Europe/Stockholm"))
        line["Date"] = local.astimezone(UTC).replace(tzinfo=None)


def test_a_ledger_with_days_in_utc_still_ends_a_doubt_and_shows_an_old_state(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("A", 3))
    shop.book()
    put_the_ledger_in_utc(shop)
    assert shop.sync("--now").code == 0
    assert not statuses(shop)
    restore = shop.backup()
    for reference in ("SENT1", "SENT2"):
        shop.box.klarna.add(*simple(reference, 1))
    assert shop.sync("--now").code == 0
    shop.book(0, 1)
    put_the_ledger_in_utc(shop)
    restore()
    before = shop.drafts()
    assert shop.sync("--now").code == 8
    assert (shop.drafts(), statuses(shop)) == (before, {"SENT2": "in-doubt"})


@pytest.mark.parametrize(
    "other",
    [
        of_merchant("N2", simple("A")),
        euro("A", sale_amount=100000, fee_amount=3000, tax_amount=750),
        simple("A/1"),
        simple("AB"),
    ],
    ids=["merchant", "currency", "longer reference", "longer word"],
)
@pytest.mark.parametrize("lost", [0, 1])
def test_the_voucher_of_another_payout_with_the_same_reference_ends_no_doubt(
    open_shop: OpenShop, other: Given, lost: int
) -> None:
    """With the same figures, and the same reference or a part of it; only one of the two was saved."""
    shop = open_shop(payouts=[simple("A"), other])
    shop.write(AT_ECB_RATES)
    shop.box.faults.arm("cut-before-save", after=lost)
    assert shop.sync().code == 8
    assert len(shop.book()) == 1
    assert shop.sync("--now").code == 8
    assert list(statuses(shop).values()) == ["in-doubt"]
    assert not shop.drafts()


def test_a_doubt_whose_draft_was_edited_and_booked_stays_and_names_the_voucher(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent again only after its reference was typed, even with --yes."""
    shop = doubtful(open_shop)
    number = shop.edit_and_book()
    result = shop.sync("--now")
    assert result.code == 8
    assert f"its reference stands in voucher {number} with other lines" in result.err
    assert shop.resolve("A", "--resend").code == 2, "the reference cannot be typed"
    asked = on_a_terminal(monkeypatch, "B")
    resolved = shop.resolve("A", "--resend")
    assert "nothing was changed" in resolved.out
    assert f"Voucher {number} in the ledger has the reference A" in resolved.err
    assert asked == ["Type the payment reference to go on: "]
    assert shop.sync("--now").code == 8
    assert not shop.drafts()


@pytest.mark.parametrize("lose", ["restored", "begun again"])
def test_a_payout_that_klarna_changed_after_it_was_booked_is_not_sent_again_by_a_state_that_forgot_it(
    open_shop: OpenShop, lose: str
) -> None:
    """The voucher in the ledger has our words, and figures that Klarna no longer gives."""
    shop = open_shop(payouts=[])
    assert shop.sync().code == 0
    before = (shop.state / STATE_FILE).read_bytes()
    shop.box.klarna.add(*simple("REF1"))
    assert shop.run("sync", "--now", "--all").code == 0
    shop.book()
    totals = shop.box.klarna.payouts[0]["totals"]
    totals.update(sale_amount=totals["sale_amount"] + 100, settlement_amount=totals["settlement_amount"] + 100)
    if lose == "restored":
        (shop.state / STATE_FILE).write_bytes(before)
    else:
        (shop.state / STATE_FILE).unlink()
        assert shop.run("state", "new", "--yes").code == 0
    result = shop.run("sync", "--now", "--all")
    assert (result.code, shop.stored()) == (8, {"REF1": "in-doubt"}), result.err
    assert "its reference stands in voucher" in result.err
    assert shop.box.calls()["SaveBundleList"] == 1


def test_in_doubt_outranks_every_later_problem_of_the_payout(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop)
    shop.box.klarna.payouts[0]["totals"]["settlement_amount"] += 1
    assert shop.sync("--now").code == 8
    shop.box.klarna.payouts.clear()
    assert shop.sync("--now").code == 8


def test_an_outage_leaves_one_payout_in_doubt_not_all(open_shop: OpenShop, quick: None) -> None:
    shop = open_shop(payouts=[simple(f"REF{number}") for number in range(5)])
    shop.box.faults.arm("cut-after-save")
    shop.box.faults.arm("html-error", times=None, operation="GetIdentity", after=1)
    assert shop.sync().code == 8
    assert len(shop.drafts()) == 1
    assert sorted(statuses(shop).values()) == ["in-doubt", "ready", "ready", "ready", "ready"]
    shop.box.faults.clear()
    assert shop.sync("--now").code == 8
    assert len(shop.drafts()) == 5


# After an exception, which may mean that it was saved


def test_a_rejection_is_tried_again_but_an_exception_only_after_an_order(open_shop: OpenShop) -> None:
    for fault, code in (("not-saved", 0), ("client-fault", 0), ("exception", 6)):
        shop = open_shop(payouts=[simple("A")])
        shop.box.faults.arm(fault, operation="SaveBundleList")
        assert (shop.sync().code, shop.sync("--now").code) == (6, code)
    shop.write({"accounts": {"fees": 6570}})
    assert shop.sync("--now").code == 6, "the draft may be there, whatever the voucher would be now"
    assert not shop.drafts()
    assert (shop.resolve("A", "--resend").code, shop.sync("--now").code) == (0, 0)
    assert len(shop.drafts()) == 1


def test_an_exception_is_not_sent_again_after_the_payout_was_blocked_in_between(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.box.faults.arm("exception-but-saved")
    assert shop.sync().code == 6
    shop.write({"accounts": {"fees": None}})
    assert shop.sync("--now").code == 7
    shop.write()
    assert shop.sync("--now").code == 6
    assert len(shop.drafts()) == 1
    assert (shop.resolve("A", "--drafted").code, shop.sync("--now").code) == (0, 0)


def test_another_exchange_rate_does_not_make_another_voucher(open_shop: OpenShop) -> None:
    """After an Exception a changed voucher is sent again; another exchange rate does not count as a change."""
    shop = open_shop(payouts=[euro("A")])
    shop.write(AT_ECB_RATES)
    shop.box.faults.arm("exception-but-saved")
    assert shop.sync().code == 6
    for rates in shop.box.ecb.days.values():
        rates["SEK"] = "99.0000"
    assert shop.sync("--now").code == 6
    assert len(shop.drafts()) == 1


def test_a_payout_that_met_an_exception_in_another_run_is_not_sent_again(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs plan the same payout: what the other run did counts at the moment of sending."""
    shop = open_shop(payouts=[simple("A")])
    find, codes = TwentyFourClient.find, []

    def find_while_another_run_sends(
        client: TwentyFourClient, traces: Sequence[Trace], *others: Any, **more: Any
    ) -> Any:
        found = find(client, traces, *others, **more)
        if not traces:
            return found
        monkeypatch.setattr(TwentyFourClient, "find", find)
        shop.rename("renamed")
        shop.box.faults.arm("exception-but-saved")
        codes.append(shop.run("sync", "--profile", "renamed").code)
        return found

    monkeypatch.setattr(TwentyFourClient, "find", find_while_another_run_sends)
    codes.append(shop.sync().code)
    assert codes == [6, 5]
    assert len(shop.drafts()) == 1


# What a person decides


def test_resolve_settles_a_payout_as_drafted_skipped_or_to_resend(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("A"), simple("B"), simple("C"), fault="cut-before-save", times=3)
    assert shop.run("resolve", "--profile", "shop1", "A", "--drafted").code == 2, "--yes, or a terminal"
    assert statuses(shop) == dict.fromkeys("ABC", "in-doubt")
    assert shop.resolve("A", "--drafted", "--note", "seen it").code == 0
    assert (shop.resolve("B", "--skip").code, shop.resolve("C", "--resend").code) == (0, 0)
    assert shop.sync("--now").code == 0
    assert shop.drafts() == [f"Klarna C {NOON.date()}"]
    assert "seen it" in shop.run("log").out
    assert [shop.resolve(*it).code for it in (("A", "--drafted"), ("NONE", "--skip"), ("C",))] == [2, 2, 2]


def test_resend_looks_in_the_ledger_first(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop)
    shop.book()
    result = shop.resolve("A", "--resend")
    assert (result.code, "in the ledger as voucher 1" in result.out) == (0, True)
    assert not statuses(shop)
    assert shop.sync("--now").code == 0
    assert not shop.drafts()


def test_a_draft_that_was_edited_and_booked_is_not_sent_again(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    number = shop.edit_and_book()
    on_a_terminal(monkeypatch, "A")
    result = shop.resolve("A", "--resend")
    assert (result.code, f"in the ledger as voucher {number}" in result.err) == (2, True)
    assert shop.sync("--now").code == 0
    assert not shop.drafts()


@pytest.mark.parametrize("days", [-300, 300])
def test_a_voucher_whose_date_was_moved_far_is_still_found_before_it_is_sent_again(
    open_shop: OpenShop, days: int
) -> None:
    shop = doubtful(open_shop)
    (number,) = shop.book()
    for line in shop.box.office.home.ledger:
        line["Date"] += timedelta(days=days)
    assert shop.sync("--now").code == 8, "a run searches only the days around"
    result = shop.resolve("A", "--resend")
    assert (result.code, f"in the ledger as voucher {number}" in result.out) == (0, True)
    assert shop.sync("--now").code == 0
    assert not shop.drafts()


def test_a_booked_payout_is_not_skipped_and_keeps_its_number(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop)
    (number,) = shop.book()
    assert shop.sync("--now").code == 0
    result = shop.resolve("A", "--skip")
    assert (result.code, f"A is booked as voucher {number}" in result.err) == (2, True)
    assert shop.stored() == {"A": "booked"}


def test_a_deleted_draft_is_sent_again_after_its_reference_is_typed(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    result = shop.resolve("A", "--resend")
    assert (result.code, "not a terminal" in result.err) == (2, True)
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1
    shop.box.office.delete_draft(shop.box.office.home.drafts[0].id)
    for typed, drafts in (("wrong", 0), ("A", 1)):
        on_a_terminal(monkeypatch, typed)
        assert (shop.resolve("A", "--resend").code, shop.sync("--now").code) == (0, 0)
        assert len(shop.drafts()) == drafts
    shop.book()
    assert shop.resolve("A", "--resend").code == 2


def test_a_voucher_that_a_person_sent_again_does_not_prove_an_old_state(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop)
    assert shop.resolve("A", "--resend").code == 0
    shop.book()
    shop.box.klarna.add(*simple("B"))
    result = shop.sync("--now")
    assert (result.code, result.err) == (0, "")
    assert shop.drafts() == [f"Klarna B {NOON.date()}"]


# Commands as they are printed

SAME_REFERENCE: dict[str, list[Given]] = {
    "two currencies": [simple("TWICE"), euro("TWICE")],
    "two merchants": [simple("TWICE"), of_merchant("N2", simple("TWICE", sale_amount=5))],
    "a leading dash": [simple("-abc")],
    "for a shell": [simple("it's $(x)")],
}


def with_yes(command: str) -> list[str]:
    """The arguments of a printed command, with --yes, which must come before any ``--``."""
    words = shlex.split(command)[1:]
    return [words[0], "--yes", *words[1:]]


@pytest.mark.parametrize("payouts", SAME_REFERENCE.values(), ids=SAME_REFERENCE)
@pytest.mark.parametrize(("before", "after"), [("if it is there: ", ";"), ("if not: ", "\n")])
def test_the_printed_commands_settle_a_doubt(
    open_shop: OpenShop, payouts: list[Given], before: str, after: str
) -> None:
    shop = open_shop(payouts=payouts)
    shop.write(AT_ECB_RATES)
    shop.box.faults.arm("cut-before-save")
    printed = re.search(rf"{before}(klarna24 resolve .*?){after}", shop.sync().err)
    assert printed
    assert shop.run(*with_yes(printed[1])).code == 0
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == len(payouts) - ("--drafted" in printed[1])


def test_the_commands_of_status_tell_payouts_with_the_same_reference_apart(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=SAME_REFERENCE["two currencies"] + SAME_REFERENCE["two merchants"][1:])
    shop.write(AT_ECB_RATES)
    shop.box.faults.arm("cut-before-save", times=None)
    assert shop.sync().code == 8
    for left in (2, 1, 0):
        (profile,) = shop.run("status", "--json").json["profiles"]
        command = profile["waiting"][0]["commands"][0]
        assert shop.run(*with_yes(command)).code == 0, command
        assert profile["counts"]["in-doubt"] == left + 1


def test_a_reference_in_two_currencies_needs_the_currency(open_shop: OpenShop) -> None:
    kronor: Any = (make_payout("TWICE", NOON, sale_amount=500, settlement_amount=1), [])
    shop = open_shop(payouts=[kronor, euro("TWICE")])
    assert shop.sync().code == 7
    assert shop.resolve("TWICE", "--skip").code == 2
    assert shop.resolve("TWICE", "--skip", "--currency", "EUR").code == 0
    assert len(statuses(shop)) == 1


@pytest.mark.parametrize("change", [{"accounts": {"fees": 6570}}, {"accounts": {"receivable": 1510}}])
def test_a_restored_state_doubts_all_although_a_setting_has_changed_since(
    open_shop: OpenShop, change: dict[str, Any]
) -> None:
    """A was booked as the profile was then, and B waits as a draft, which no API shows."""
    shop = open_shop(payouts=[simple("SEEN", 9)])
    shop.sync()
    backup = (shop.state / STATE_FILE).read_bytes()
    shop.box.klarna.add(*simple("A", 2))
    shop.box.klarna.add(*simple("B", 1))
    assert shop.sync("--now").code == 0
    office = shop.box.office
    office.book(next(draft.id for draft in office.home.drafts if " A " in draft.name))
    (shop.state / STATE_FILE).write_bytes(backup)
    shop.write({**change, "voucher": {"customer_id": 1001}})
    assert shop.sync("--now").code == 8
    assert shop.stored() == {"SEEN": "drafted", "A": "in-doubt", "B": "in-doubt"}
    assert len(shop.drafts()) == 2, "those of SEEN and B"
    assert shop.sync("--now").code == 8
    assert len(shop.drafts()) == 2
