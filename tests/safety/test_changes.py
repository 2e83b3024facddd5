"""What changes between two runs, at Klarna or in the profile, drafts nothing twice and hides nothing."""

from datetime import timedelta
from typing import Any

import pytest

from klarna24.run.context import RunContext
from klarna24.run.draft import draft
from klarna24.run.outcome import Outcomes, Plan
from klarna24.sandbox.klarna.generate import make_payout
from tests.support.processes import statuses
from tests.support.shops import NOON, OpenShop, doubtful, simple

TODAY = NOON.date()
BAD = {"sale_amount": 100, "settlement_amount": 99}

# At Klarna


def test_a_blocked_payout_does_not_block_others_and_is_drafted_once_corrected(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", **BAD)])
    assert shop.sync().code == 7
    assert len(shop.drafts()) == 1
    shop.box.klarna.payouts[1]["totals"]["settlement_amount"] = 100
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_a_late_payout_within_90_days_is_found_and_a_blocked_one_is_never_too_old(open_shop: OpenShop) -> None:
    old = simple("BLOCKED", 200, **BAD)
    shop = open_shop(payouts=[old, simple("NEW", 1)])
    assert shop.sync().code == 7
    shop.box.klarna.add(simple("LATE", 80)[0], [])
    old[0]["totals"]["settlement_amount"] = 100
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 3
    assert shop.box.calls()["payout"] == 1


def test_a_blocked_or_ready_payout_that_klarna_no_longer_has_is_reported_and_stays(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A"), simple("B"), simple("BLOCKED", 1, **BAD)])
    shop.box.faults.arm("too-many", operation="SaveBundleList")
    assert shop.sync().code == 7
    del shop.box.klarna.payouts[1:]
    for _ in range(2):
        result = shop.sync("--now")
        assert result.code == 7
        for reference in ("B", "BLOCKED"):
            assert f"payout {reference} is no longer at Klarna" in result.err
    assert shop.drafts() == [f"Klarna A {TODAY}"]
    assert statuses(shop) == {"B": "ready", "BLOCKED": "blocked"}


def test_a_payout_skipped_as_empty_is_drafted_once_it_has_figures(open_shop: OpenShop) -> None:
    debts = {"opening_debt_balance_amount": 500, "closing_debt_balance_amount": 500}
    shop = open_shop(payouts=[simple("A", sale_amount=0, **debts), simple("ZERO", sale_amount=0)])
    payouts = shop.dry_run("--json").json["profiles"][0]["payouts"]
    assert [payout["status"] for payout in payouts] == ["skipped", "skipped"]
    assert shop.sync().code == 0
    assert shop.sync("--now", "--json").json["profiles"][0]["payouts"] == []
    assert not shop.drafts()
    shop.box.klarna.payouts[0]["totals"].update(sale_amount=10000, settlement_amount=10000)
    assert shop.sync("--now").code == 0
    assert shop.drafts() == [f"Klarna A {TODAY}"]


def test_a_change_after_drafting_is_reported_until_a_person_accepts_it(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    assert shop.resolve("A", "--drafted").code == 2, "nothing has changed"
    for fee, figures in (
        (2900, "962.50 → 963.50, fee 30.00 → 29.00"),
        (2800, "963.50 → 964.50, fee 29.00 → 28.00"),
    ):
        totals = shop.box.klarna.payouts[0]["totals"]
        totals["fee_amount"] = fee
        totals["settlement_amount"] += 100
        results = [shop.sync("--now"), shop.sync("--now")]
        assert [it.code for it in results] == [7, 7]
        assert f"settlement {figures} SEK" in results[0].err
        assert (shop.resolve("A", "--drafted").code, shop.sync("--now").code) == (0, 0)
    assert len(shop.drafts()) == 1


def test_a_payout_that_moves_before_start_date_is_not_drafted(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A", 5, **BAD)])
    shop.write({"start_date": TODAY - timedelta(days=5)})
    assert shop.sync().code == 7
    payout = shop.box.klarna.payouts[0]
    payout["totals"]["settlement_amount"] = 100
    payout["payout_date"] = simple("A", 30)[0]["payout_date"]
    assert shop.sync("--now").code == 0
    assert not shop.drafts()


# One bad payout, one bad answer


def test_a_row_that_cannot_be_read_blocks_its_payout_and_no_other(open_shop: OpenShop) -> None:
    row = {"type": "CHARGE", "amount": 1.5, "currency_code": "SEK", "payment_reference": "BAD"}
    bad = make_payout("BAD", NOON, sale_amount=1000, charge_amount=100), [row]
    shop = open_shop(payouts=[bad, simple("GOOD")])
    result = shop.sync()
    assert result.code == 7
    assert "payout BAD is blocked: Klarna: /transactions" in result.err
    assert shop.drafts() == [f"Klarna GOOD {TODAY}"]
    assert statuses(shop) == {"BAD": "blocked"}


def test_an_old_payout_that_cannot_be_fetched_does_not_block_new_ones(open_shop: OpenShop, quick: None) -> None:
    shop = open_shop(payouts=[simple("OLD", 200, **BAD), simple("NEW", 1)])
    assert shop.sync().code == 7
    shop.box.klarna.add(*simple("NEWER"))
    shop.box.faults.arm("klarna-503", times=None, operation="payout")
    result = shop.sync("--now")
    assert result.code == 5
    assert "payout OLD could not be fetched: Klarna: /payouts/OLD: HTTP 503" in result.err
    assert [name.split()[1] for name in shop.drafts()] == ["NEW", "NEWER"]
    assert statuses(shop) == {"OLD": "blocked"}


def test_a_payout_that_is_listed_twice_with_other_figures_is_blocked(open_shop: OpenShop) -> None:
    twin = {**simple("A", sale_amount=5)[0], "merchant_settlement_type": "GROSS_FEE"}
    shop = open_shop(payouts=[simple("A"), (twin, []), simple("B")])
    result = shop.sync()
    assert result.code == 7
    assert "payout A is blocked: Klarna's record of it cannot be read: it is listed more than once" in result.err
    assert shop.drafts() == [f"Klarna B {TODAY}"]


# In the profile


def test_a_twin_or_renamed_profile_drafts_nothing_twice(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    assert shop.sync().code == 0
    shop.write(None, twin={})
    twin = shop.run("sync", "--profile", "twin")
    assert (twin.code, "shop1" in twin.err, "twin" in twin.err) == (3, True, True)
    shop.write()
    shop.rename("renamed")
    assert shop.run("sync", "--profile", "renamed").code == 0
    assert len(shop.drafts()) == 1


def test_a_twin_that_runs_at_the_same_time_is_told_what_to_change(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two user names of one merchant, which profiles.toml cannot tell. Neither finds the other's payouts in the
    state when it plans."""
    shop = open_shop(payouts=[simple("A")])
    shop.write({}, twin={"klarna": {"base_url": shop.box.url.replace("127.0.0.1", "localhost")}})
    codes = []

    def draft_after_the_twin(context: RunContext, planned: Plan) -> Outcomes:
        monkeypatch.setattr("klarna24.run.sync.draft", draft)
        codes.append(shop.run("sync", "--profile", "twin").code)
        return draft(context, planned)

    monkeypatch.setattr("klarna24.run.sync.draft", draft_after_the_twin)
    result = shop.sync()
    assert (codes, result.code, len(shop.drafts())) == ([0], 3, 1)
    assert "payout A belongs to profile twin, and profile shop1 sees it too: both would book it" in result.err


def test_a_renamed_profile_reports_a_doubt_that_klarna_no_longer_lists(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("A", 5), simple("B", 1), fault="cut-before-save")
    shop.box.klarna.payouts.pop(0)
    shop.rename("renamed")
    result = shop.run("sync", "--all", "--now")
    assert (result.code, "klarna24 resolve --profile renamed A --drafted" in result.err) == (8, True)


def test_another_environment_on_the_same_payouts_puts_them_in_doubt(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A"), simple("B")])
    shop.write({"klarna": {"environment": "playground"}})
    assert shop.sync().code == 0
    shop.write({"klarna": {"environment": "live"}})
    for _ in range(2):
        result = shop.sync("--now")
        assert (result.code, len(shop.drafts())) == (8, 2)
        assert "the same figures were sent before under this reference" in result.err


@pytest.mark.parametrize("what", ["environment", "base_url", "username"])
def test_another_klarna_account_is_listed_from_the_start_date(open_shop: OpenShop, what: str) -> None:
    """The checkpoint belongs to the previous account."""
    shop, other = open_shop(payouts=[simple("FIRST", 1)]), open_shop(payouts=[])
    start: dict[str, Any] = {"start_date": TODAY - timedelta(days=400)}
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


def test_a_profile_with_another_company_or_merchant_is_refused(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("ONE", 2)])
    other = shop.box.office.default
    elsewhere = {"24sevenoffice": {"client_id": other.client_id, "identity_id": other.identity_id}}
    shop.write(None, shop2=elsewhere)
    result = shop.run("sync", "--all")
    assert result.code == 3
    assert "profiles shop1 and shop2 would book the same payouts in two companies" in result.err
    assert not shop.drafts() + [draft.name for draft in other.drafts]
    shop.write()
    assert shop.sync().code == 0
    shop.write(elsewhere)
    assert shop.sync("--now").code == 3
    shop.write()
    shop.box.klarna.add({**simple("TWO", 1)[0], "merchant_id": "N999"}, [])
    result = shop.sync("--now")
    assert (result.code, 'merchant_ids = ["N100198", "N999"]' in result.err) == (3, True)
    shop.write({"klarna": {"merchant_ids": ["N100198", "N999"]}})
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_payouts_before_the_start_date_are_left_alone_until_it_is_earlier(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("BLOCKED", 10, **BAD), simple("OLD", 200), simple("NEW", 1)])
    shop.write({"start_date": TODAY - timedelta(days=20)})
    assert shop.sync().code == 7
    shop.write({"start_date": TODAY - timedelta(days=5)})
    assert shop.sync("--now").code == 0
    assert statuses(shop) == {"BLOCKED": "blocked"}
    shop.write({"start_date": TODAY - timedelta(days=300)})
    assert shop.sync("--now").code == 7
    assert [name.split()[1] for name in shop.drafts()] == ["NEW", "OLD"]
