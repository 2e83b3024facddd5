"""How often 24SevenOffice is asked: it counts, and blocks who asks too often (facts: Limits and traps)."""

from collections import Counter
from typing import Any

import pytest

from tests.support.shops import OpenShop, Shop, simple

KLARNA = {"payouts", "payout", "transactions"}
BOOKS = ("GetAccountList", "GetTypeList", "GetFiscalYears", "GetClientInformation")
ONE_MORE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "department": ({"voucher": {"department_id": 10}}, {"GetDepartmentList"}),
    "customer": ({"voucher": {"customer_id": 1001}}, {"GetCompanies"}),
    "currency": ({"voucher": {"foreign_currency": "rate"}}, {"GetCurrencyList"}),
    "all three": (
        {"voucher": {"department_id": 10, "customer_id": 1001, "foreign_currency": "rate"}},
        {"GetDepartmentList", "GetCompanies", "GetCurrencyList"},
    ),
}


def soap_calls(shop: Shop, before: "Counter[str]") -> list[str]:
    """Those since then, each as often as it was made."""
    return sorted(name for name in (shop.box.calls() - before).elements() if name not in KLARNA)


def with_a_kept_session(open_shop: OpenShop, over: dict[str, Any] | None = None) -> "tuple[Shop, Counter[str]]":
    """A shop that has run before, and has one new payout."""
    shop = open_shop(payouts=[simple("OLD")])
    shop.write(over)
    assert shop.sync().code == 0
    shop.box.klarna.add(*simple("NEW"))
    return shop, shop.box.calls()


def test_a_run_with_nothing_new_asks_nothing(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD")])
    shop.sync()
    before = shop.box.calls()
    assert shop.sync("--now").code == 0
    assert soap_calls(shop, before) == []


def test_a_run_with_one_payout_makes_seven(open_shop: OpenShop) -> None:
    """Whose session it is, the books, the ledger once, and the save."""
    shop, before = with_a_kept_session(open_shop)
    assert shop.sync("--now").code == 0
    assert soap_calls(shop, before) == sorted(["GetIdentity", *BOOKS, "GetTransactions", "SaveBundleList"])


@pytest.mark.parametrize("what", ONE_MORE)
def test_and_one_more_each_for_department_currency_and_customer(open_shop: OpenShop, what: str) -> None:
    over, more = ONE_MORE[what]
    shop, before = with_a_kept_session(open_shop, over)
    assert shop.sync("--now").code == 0
    calls = soap_calls(shop, before)
    assert len(calls) == 7 + len(more)
    assert more <= set(calls)


def test_a_login_is_one_more(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("NEW")])
    shop.sync()
    assert soap_calls(shop, Counter()) == sorted(
        ["Login", "GetIdentity", *BOOKS, "GetTransactions", "SaveBundleList"]
    )


def test_a_second_payout_costs_its_save_and_nothing_else(open_shop: OpenShop) -> None:
    shop, before = with_a_kept_session(open_shop)
    shop.box.klarna.add(*simple("NEWER"))
    shop.sync("--now")
    assert len(soap_calls(shop, before)) == 8
