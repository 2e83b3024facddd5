"""The chain of debts: what the payout before each one closed with, as far as it is known."""

from datetime import timedelta

from tests.support.shops import NOON, OpenShop, Shop, simple

DEBT = {"opening_debt_balance": 5000, "closing_debt_balance": 5000}


def told(shop: Shop, *arguments: str) -> dict[str, list[str]]:
    """The remarks about debts of each payout of a run."""
    payouts = shop.run(*arguments, "--json").json["profiles"][0]["payouts"]
    return {it["payment_reference"]: [text for text in it["remarks"] if "opening debt" in text] for it in payouts}


def sync(shop: Shop) -> dict[str, list[str]]:
    return told(shop, "sync", "--profile", "shop1", "--now")


def test_a_chain_that_breaks_is_told_between_payouts_of_one_run(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A", 3, sale_amount=100, **DEBT), simple("B", 2), simple("C", 1)])
    found = sync(shop)
    assert (found["A"], found["C"]) == ([], []), "nothing is known before A"
    [text] = found["B"]
    assert "0.00 SEK" in text
    assert "50.00 SEK" in text


def test_a_chain_that_breaks_is_told_although_the_payout_before_is_no_longer_listed(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD", 150, sale_amount=100, **DEBT)])
    shop.write({"start_date": (NOON - timedelta(days=200)).date()})
    assert sync(shop) == {"OLD": []}
    shop.box.klarna.payouts.clear()
    shop.box.klarna.add(*simple("NEW", 1))
    assert len(sync(shop)["NEW"]) == 1


def test_a_payout_before_that_cannot_be_read_tells_nothing(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A", 3, sale_amount=100, **DEBT), simple("ODD", 2), simple("C", 1)])
    shop.box.klarna.payouts[1]["merchant_settlement_type"] = None
    assert sync(shop)["C"] == []


def test_two_payouts_of_one_day_may_follow_each_other_either_way(open_shop: OpenShop) -> None:
    up = {"sale_amount": 100, "closing_debt_balance": 5000, "deposit_amount": 5000}
    down = {"sale_amount": 9000, "opening_debt_balance": 5000, "repay_amount": 5000}
    shop = open_shop(payouts=[simple("BEFORE", 3), simple("B-UP", 2, **up), simple("A-DOWN", 2, **down)])
    assert sync(shop) == {"BEFORE": [], "B-UP": [], "A-DOWN": []}


def test_a_preview_compares_only_what_it_lists(open_shop: OpenShop) -> None:
    """What the state knows may be months before the days that are shown."""
    shop = open_shop(payouts=[simple("A", 9, sale_amount=100, **DEBT)])
    sync(shop)
    shop.box.klarna.add(*simple("B", 2))
    shop.box.klarna.add(*simple("C", 1))
    since = (NOON - timedelta(days=3)).date().isoformat()
    assert told(shop, "dry-run", "--profile", "shop1", "--from", since) == {"B": [], "C": []}
