"""What plan() makes of what Klarna lists and the state knows. It sends nothing and writes nothing."""

from datetime import timedelta

from klarna24.run.outcome import Blocked, InDoubt
from klarna24.run.plan import plan
from klarna24.sandbox.klarna.generate import make_payout
from tests.support.runs import by_reference, planned, run_context
from tests.support.shops import NOON, OpenShop, simple

WRONG = {"sale_amount": 100000, "settlement_amount": 1}


def test_outcomes_are_sorted_by_payout_date_whichever_way_a_payout_was_found(open_shop: OpenShop) -> None:
    """OLD is older than the overlap, and so is fetched by its reference after all others were listed."""
    shop = open_shop(payouts=[simple("NEW", 1, **WRONG), simple("OLD", 120, **WRONG)])
    shop.write({"start_date": (NOON - timedelta(days=200)).date()})
    assert by_reference(planned(shop)) == {"OLD": "blocked", "NEW": "blocked"}
    shop.sync()
    assert [outcome.key.payment_reference for outcome in planned(shop)] == ["OLD", "NEW"]


def test_the_same_figures_in_another_currency_are_another_payout(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("TWICE")])
    shop.sync()
    shop.box.klarna.add(
        make_payout("TWICE", NOON, currency="EUR", sale_amount=100000, fee_amount=3000, tax_amount=750)
    )
    [euro] = planned(shop)
    assert isinstance(euro, Blocked), "a foreign currency, and no doubt that it is the payout in kronor"


def test_the_same_figures_for_another_merchant_are_in_doubt(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("MOVED")])
    shop.sync()
    shop.box.klarna.payouts[0]["merchant_id"] = "M2"
    shop.write({"klarna": {"merchant_ids": ["N100198", "M2"]}})
    [moved] = planned(shop)
    assert isinstance(moved, InDoubt)
    assert "the same figures were sent before under this reference" in moved.problem.message


def test_payouts_of_a_vanished_profile_pass_on_only_where_the_merchant_is_the_same(open_shop: OpenShop) -> None:
    """Both are blocked and no longer listed; shop1 sees only merchant N100198."""
    shop = open_shop(payouts=[simple("OURS", 1, **WRONG), simple("THEIRS", 1, **WRONG), simple("SEEN")])
    shop.box.klarna.payouts[1]["merchant_id"] = "ELSEWHERE"
    shop.rename("gone")
    shop.run("sync", "--profile", "gone")
    del shop.box.klarna.payouts[:2]
    shop.write()
    with run_context(shop) as context:
        adopted = [record.key.payment_reference for record in plan(context).adopted]
    assert sorted(adopted) == ["OURS", "SEEN"]


def test_what_is_in_doubt_is_reported_although_the_listing_fails(open_shop: OpenShop, quick: None) -> None:
    shop = open_shop(payouts=[simple("LOST")])
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    shop.box.faults.arm("klarna-401")
    with run_context(shop) as context:
        found = plan(context)
    assert by_reference(found.outcomes) == {"LOST": "in-doubt"}
    assert found.fault
    assert found.fault.exit_code == 4
