"""How often 24SevenOffice is asked: it counts requests, and blocks a user who makes too many."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.office import READS, SAVE
from tests.support.shops import OpenShop, Shop, simple
from tests.support.state import sql

KLARNA = {"payouts", "payout", "transactions", "report"}
# of a report of two pages
UPLOAD = ["Create", "AppendChunk", "Create", "AppendChunk", "GetStampNo", "Save", "Save"]
ONE_MORE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "department": ({"department_id": 10}, {"GetDepartmentList"}),
    "customer": ({"customer_id": 1001}, {"GetCompanies"}),
    "customer and supplier": ({"customer_id": 1001, "supplier_id": 1002}, {"GetCompanies"}),
    "all": ({"department_id": 10, "customer_id": 1001}, {"GetDepartmentList", "GetCompanies"}),
}


def soap_calls(shop: Shop, before: "Counter[str]") -> list[str]:
    """Return the operations called since then, each as often as it was called."""
    return sorted(name for name in (shop.box.calls() - before).elements() if name not in KLARNA)


def with_a_stored_session(
    open_shop: OpenShop, voucher: dict[str, Any] | None = None
) -> "tuple[Shop, Counter[str]]":
    """Return a shop that has run before, and has one new payout."""
    shop = open_shop(payouts=[simple("OLD")])
    shop.write({"voucher": voucher or {}})
    assert shop.sync().code == 0
    shop.box.klarna.add(*simple("NEW"))
    return shop, shop.box.calls()


def test_a_run_with_nothing_new_asks_nothing(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD")])
    shop.sync()
    before = shop.box.calls()
    assert shop.sync("--now").code == 0
    assert soap_calls(shop, before) == []


def test_a_run_with_one_payout_makes_seven_calls(open_shop: OpenShop) -> None:
    """Whose session it is, the books, the ledger once, and the save."""
    shop, before = with_a_stored_session(open_shop)
    assert shop.sync("--now").code == 0
    assert soap_calls(shop, before) == sorted(["GetIdentity", *READS, "GetTransactions", SAVE])


def test_a_draft_that_was_booked_is_one_call_more_once(open_shop: OpenShop) -> None:
    """The search is the same; its voucher is read in whole, and never again. One that mentions it is not read."""
    shop, before = with_a_stored_session(open_shop)
    shop.book()
    home = shop.box.office.home
    home.ledger.append({**home.ledger[0], "TransactionNo": 999, "Comment": "payment XNEW OLD"})
    shop.sync("--now")
    assert soap_calls(shop, before).count("GetTransactions") == 2
    shop.box.klarna.add(*simple("NEWER"))
    before = shop.box.calls()
    shop.sync("--now")
    assert soap_calls(shop, before).count("GetTransactions") == 1


def test_drafts_that_wait_cost_no_call_until_they_are_to_be_reminded_of(open_shop: OpenShop) -> None:
    shop, _ = with_a_stored_session(open_shop)
    shop.write({"remind_unbooked_after_days": 14})
    shop.sync("--now")
    before = shop.box.calls()
    shop.sync("--now")
    assert soap_calls(shop, before) == []
    since = (datetime.now(UTC) - timedelta(days=15)).isoformat()
    sql(shop.state, f"UPDATE payout SET changed_at = '{since}'")
    shop.sync("--now")
    shop.sync("--now")
    assert soap_calls(shop, before) == ["GetIdentity", "GetTransactions"], "once a day, for both drafts"


@pytest.mark.parametrize("what", ONE_MORE)
def test_department_currency_and_parties_are_one_call_more_each(open_shop: OpenShop, what: str) -> None:
    voucher, more = ONE_MORE[what]
    shop, before = with_a_stored_session(open_shop, voucher)
    assert shop.sync("--now").code == 0
    calls = soap_calls(shop, before)
    assert len(calls) == 7 + len(more)
    assert more <= set(calls)


def test_a_login_is_one_call_more(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("NEW")])
    shop.sync()
    assert soap_calls(shop, Counter()) == sorted(["Login", "GetIdentity", *READS, "GetTransactions", SAVE])


def test_a_second_payout_needs_only_its_save(open_shop: OpenShop) -> None:
    shop, before = with_a_stored_session(open_shop)
    shop.box.klarna.add(*simple("NEWER"))
    shop.sync("--now")
    assert len(soap_calls(shop, before)) == 8


def test_a_vat_code_is_one_call_more_and_stands_on_the_fees_alone(open_shop: OpenShop) -> None:
    """The charge has the same account as the fees."""
    payout, _ = simple("NEW", sale_amount=100000, fee_amount=3000, charge_amount=500)
    row = {"type": "CHARGE", "detailed_type": "DISPUTE_FEE", "amount": 500, "currency_code": "SEK"}
    shop = open_shop(payouts=[(payout, [{**row, "payment_reference": "NEW"}])])
    shop.write({"vat": {"tax_code": "1"}})
    before = shop.box.calls()
    assert shop.sync("--now").code == 0
    assert soap_calls(shop, before).count("GetTaxCodeList") == 1
    (draft,) = shop.box.office.home.drafts
    codes = {(entry["AccountNo"], entry["Amount"]): entry["TaxNo"] for entry in draft.entries if entry["TaxNo"]}
    assert codes == {(6064, 30): "1"}


@pytest.mark.parametrize(("evidence", "more"), [("none", []), ("attach", UPLOAD)])
def test_each_page_costs_three_calls_and_the_stamp_number_one(
    open_shop: OpenShop, evidence: str, more: list[str]
) -> None:
    if more:
        pytest.importorskip("pypdfium2")
    shop, before = with_a_stored_session(open_shop)
    shop.write({"evidence": evidence})
    assert shop.sync("--now").code == 0
    assert soap_calls(shop, before) == sorted(["GetIdentity", *READS, "GetTransactions", SAVE, *more])
