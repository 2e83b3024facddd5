"""No odd thing hides a payout, takes another's voucher for its own, or drafts one in two places."""

import shutil
import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from klarna24.errors import StateFault
from klarna24.run import draft
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.state.store import State
from tests.support.runs import by_reference, drafted, planned
from tests.support.shops import NOON, OpenShop, Shop, simple

WRONG = {"sale_amount": 100000, "settlement_amount": 1}
RESOLVE = ("resolve", "--profile", "shop1")


def moved(shop: Shop, name: str = "moved") -> None:
    """The profile is renamed and moved to the sandbox's other company in one edit."""
    other = shop.box.office.default
    ids = {"client_id": other.client_id, "identity_id": other.identity_id}
    shop.write(None, **{name: {"24sevenoffice": ids, "voucher": {"type": 9}}})
    text = shop.config.read_text()
    shop.config.write_text(text[: text.index("[profiles.shop1]")] + text[text.index(f"[profiles.{name}]") :])


# Another company


@pytest.mark.parametrize("before", ["drafted", "booked", "in-doubt", "skipped"])
def test_a_payout_that_another_company_has_is_in_doubt(open_shop: OpenShop, before: str) -> None:
    shop = open_shop(payouts=[simple("A")])
    if before == "in-doubt":
        shop.box.faults.arm("cut-after-save")
    if before == "skipped":
        shop.box.klarna.payouts[0]["totals"]["settlement_amount"] = 1
    shop.sync()
    if before == "booked":
        shop.box.office.book(shop.box.office.home.drafts[0].id)
    if before == "skipped":
        shop.run(*RESOLVE, "A", "--skip", "--yes")
    moved(shop)
    result = shop.run("sync", "--profile", "moved")
    assert result.code == 8
    assert f"company {shop.box.office.home.client_id} already has it" in result.err
    assert not shop.box.office.default.drafts


def test_a_payout_that_was_only_blocked_in_another_company_is_no_doubt(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A", **WRONG)])
    assert shop.sync().code == 7
    shop.box.klarna.payouts[0]["totals"]["settlement_amount"] = 100000
    moved(shop)
    assert shop.run("sync", "--profile", "moved").code == 0
    assert len(shop.box.office.default.drafts) == 1


# Another payout's voucher


def lose_state(shop: Shop) -> None:
    shutil.rmtree(shop.state)


def test_two_payouts_that_would_claim_one_voucher_are_both_in_doubt(open_shop: OpenShop) -> None:
    """The same reference and sums for two merchants; one was booked, and the state was lost."""
    shop = open_shop(payouts=[simple("SAME"), simple("SAME")])
    shop.box.klarna.payouts[1]["merchant_id"] = "M2"
    shop.write({"klarna": {"merchant_ids": ["N100198"]}})
    shop.sync()
    shop.box.office.book(shop.box.office.home.drafts[0].id)
    lose_state(shop)
    shop.write()
    assert [outcome.status for outcome in drafted(shop).outcomes] == ["in-doubt", "in-doubt"]
    assert not shop.drafts()


@pytest.mark.parametrize("reference", ["12", "payout", "sales"])
def test_a_reference_that_is_a_word_of_other_comments_claims_no_voucher(
    open_shop: OpenShop, reference: str
) -> None:
    """Another payout of the same sums is booked, and its comments hold the word."""
    shop = open_shop(payouts=[simple("OTHER", 2)])
    shop.sync()
    draft_ = shop.box.office.home.drafts[0]
    draft_.entries[0]["Comment"] = f"Klarna OTHER payout, {reference} sales"
    shop.box.office.book(draft_.id)
    lose_state(shop)
    shop.box.klarna.payouts.clear()
    shop.box.klarna.add(*simple(reference, 1))
    assert by_reference(drafted(shop).outcomes)[reference] != "booked"


@pytest.mark.parametrize("days", [1, 6, 30])
def test_a_voucher_that_a_person_dated_earlier_is_found_before_the_first_save(
    open_shop: OpenShop, days: int
) -> None:
    shop = open_shop(payouts=[simple("A"), simple("B")])
    shop.sync()
    for saved in list(shop.box.office.home.drafts):
        for entry in saved.entries:
            entry["Date"] -= timedelta(days=days)
        shop.box.office.book(saved.id)
    lose_state(shop)
    assert by_reference(drafted(shop).outcomes) == {"A": "booked", "B": "booked"}
    assert not shop.drafts()


# A new profile


def test_a_new_profile_takes_over_only_payouts_of_a_merchant_that_it_is_known_to_have(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("THEIRS", 1, **WRONG)])
    shop.box.klarna.payouts[0]["merchant_id"] = "ELSEWHERE"
    shop.write(None, gone={})
    shop.run("sync", "--profile", "gone")
    shop.box.klarna.payouts.clear()
    shop.write()
    assert shop.sync().code == 0, "nothing is listed, so that the profile's merchant is not known yet"
    shop.box.klarna.add(*simple("OURS"))
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1


# An Ok that cannot be written down


@pytest.mark.parametrize("kind", ["disk I/O error", "database or disk is full", "database is locked"])
def test_an_ok_that_cannot_be_written_down_is_in_doubt(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    shop = open_shop(payouts=[simple("A", 1), simple("B")])
    monkeypatch.setattr(draft, "WRITE_SECONDS", 0.1)

    def fails(*_: Any, **__: Any) -> None:
        raise StateFault(kind, "free disk space")

    with monkeypatch.context() as broken:
        broken.setattr(State, "answered", fails)
        result = shop.sync("--json")
    payouts = result.json["profiles"][0]["payouts"]
    assert result.code == 8
    assert payouts[0]["status"] == "in-doubt"
    assert kind in payouts[0]["reason"]
    assert shop.sync("--now").code == 8
    assert sorted(shop.drafts()) == sorted(set(shop.drafts())), "each at most once"


def test_an_ok_is_written_down_once_a_reader_is_gone(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(payouts=[simple("A")])
    answered, tries = State.answered, []

    def at_the_third_try(*args: Any, **kwargs: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise StateFault("the state is locked by another program", "wait for it to end")
        answered(*args, **kwargs)

    monkeypatch.setattr(State, "answered", at_the_third_try)
    assert (shop.sync().code, len(tries)) == (0, 3)
    with sqlite3.connect(shop.state / "klarna24.sqlite") as database:
        assert database.execute("SELECT status FROM payout").fetchall() == [("drafted",)]
    database.close()


# One odd record

ODD: dict[str, dict[str, Any]] = {
    "no settlement type": {"merchant_settlement_type": None},
    "no merchant": {"merchant_id": None},
    "an amount that is no integer": {"totals": {"settlement_amount": 3000.5}},
    "a date that is none": {"payout_date": "yesterday"},
    "a reference that is a number": {"payment_reference": 4711},
    "no currency": {"currency_code": None},
    "no totals": {"totals": None},
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_record_is_blocked_and_the_others_go_on(open_shop: OpenShop, odd: str) -> None:
    shop = open_shop(payouts=[simple("BEFORE", 2), simple("ODD", 1), simple("AFTER")])
    shop.box.klarna.payouts[1].update(ODD[odd])
    result = shop.sync()
    assert result.code == 7
    assert "Klarna's record of it cannot be read" in result.err
    assert sorted(name.split()[1] for name in shop.drafts()) == ["AFTER", "BEFORE"]
    reference = "4711" if odd == "a reference that is a number" else "ODD"
    assert f"klarna24 resolve --profile shop1 {reference} --skip" in result.err
    assert shop.run(*RESOLVE, reference, "--skip", "--yes").code == 0
    assert shop.sync("--now").code == 0


@pytest.mark.parametrize("odd", [name for name in ODD if name != "a reference that is a number"])
def test_an_odd_record_that_klarna_corrects_is_drafted_once(open_shop: OpenShop, odd: str) -> None:
    shop = open_shop(payouts=[simple("ODD", 1), simple("OTHER")])
    good = dict(shop.box.klarna.payouts[0])
    shop.box.klarna.payouts[0].update(ODD[odd])
    assert shop.sync().code == 7
    shop.box.klarna.payouts[0].update(good)
    assert shop.sync("--now").code == 0
    assert sorted(name.split()[1] for name in shop.drafts()) == ["ODD", "OTHER"]
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_a_drafted_payout_whose_record_becomes_odd_stays_drafted(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.sync()
    shop.box.klarna.payouts[0].update({"merchant_id": None, "totals": None})
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 1


@pytest.mark.parametrize("others", [[], ["REF2"]], ids=["alone", "beside another of the same merchant"])
def test_a_doubt_is_told_once_although_its_record_is_odd_and_its_profile_renamed(
    open_shop: OpenShop, others: list[str]
) -> None:
    shop = open_shop(payouts=[simple("REF1")])
    shop.box.faults.arm("cut-before-save", operation="SaveBundleList")
    assert shop.sync().code == 8
    shop.rename("shop2")
    for other in others:
        shop.box.klarna.add(*simple(other))
    good = dict(shop.box.klarna.payouts[0])
    shop.box.klarna.payouts[0]["merchant_id"] = None
    for change in ({}, good):  # also once Klarna has corrected it
        shop.box.klarna.payouts[0].update(change)
        result = shop.run("sync", "--now", "--all", "--json")
        problems = result.json["profiles"][0]["problems"]
        assert (result.code, [problem["code"] for problem in problems]) == (8, ["in-doubt"])
        assert shop.stored() == {"REF1": "in-doubt", **dict.fromkeys(others, "drafted")}


def test_an_odd_record_names_no_merchant_of_the_profile(open_shop: OpenShop) -> None:
    """The first payout has none, and the next one has: that is no other merchant."""
    shop = open_shop(payouts=[simple("REF1")])
    shop.box.klarna.payouts[0]["merchant_id"] = None
    assert shop.sync().code == 7
    shop.box.klarna.add(*simple("REF2"))
    assert shop.run("sync", "--now", "--all").code == 7
    assert [name.split()[1] for name in shop.drafts()] == ["REF2"]


def test_a_dry_run_shows_an_odd_record(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[(make_payout("ODD", NOON, sale_amount=100), [])])
    shop.box.klarna.payouts[0]["payout_date"] = 5
    assert by_reference(planned(shop)) == {"ODD": "blocked"}
    assert shop.dry_run("--from", "2026-01-01").code == 7
