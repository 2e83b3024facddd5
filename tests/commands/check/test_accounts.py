"""What check advises about the profile's accounts, and about kinds of amounts that have none."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.check import past
from klarna24.sandbox.office.chart import chart
from tests.support.checks import advice, run_check, write
from tests.support.shops import Given, OpenShop, Shop, simple

TODAY = datetime.now(ZoneInfo("Europe/Stockholm")).date()  # the shop's


def with_rows(reference: str, *rows: tuple[str, str, int], days_ago: int = 0) -> Given:
    """A payout of these rows (type, detailed type and amount in öre) besides sales of 10,000.00."""
    totals: dict[str, int] = {"sale": 1000000}
    for kind, _, amount in rows:
        totals[kind.lower()] = totals.get(kind.lower(), 0) + amount
    payout, _ = simple(reference, days_ago, **totals)
    sent = [("SALE", "PURCHASE", 1000000), *rows]
    return payout, [
        {
            "type": kind,
            "detailed_type": detailed_type,
            "amount": amount,
            "currency_code": "SEK",
            "payment_reference": reference,
            "sale_date": payout["payout_date"],
            "capture_date": payout["payout_date"],
        }
        for kind, detailed_type, amount in sent
    ]


@pytest.mark.parametrize(
    ("over", "key", "message"),
    [
        ({"accounts": {"payout": 1930}}, "payout", "1930 Företagskonto/checkkonto/affärskonto is a bank account"),
        ({"accounts": {"payout": 1920}}, "payout", "1920 PlusGiro is a bank account"),
        (
            {"accounts": {"receivable": 1510}, "voucher": {"customer_id": 1001}},
            "receivable",
            "1510 Kundfordringar is the control account of a ledger",
        ),
        (
            {"voucher": {"customer_id": 1001, "ledger_accounts": [1580]}},
            "receivable",
            "1580 Fordringar för kontokort och kuponger is the control account",
        ),
    ],
)
def test_an_account_that_an_accountant_would_not_choose_gets_an_advice(
    healthy: Shop, over: dict[str, Any], key: str, message: str
) -> None:
    write(healthy, over)
    advice(healthy, f"account {key}", message)


def test_a_norwegian_bank_account_gets_an_advice_and_an_account_named_klarna_none(healthy: Shop) -> None:
    healthy.box.office.home.chart = {**healthy.box.office.home.chart, **chart("ns-4102"), 1945: "Klarna oppgjør"}
    write(healthy, {"accounts": {"payout": 1920}})
    advice(healthy, "account payout", "31 December")
    write(healthy, {"accounts": {"payout": 1950}})
    advice(healthy, "account payout", "1950 Bankinnskudd for skattetrekk is by its name for taxes")
    write(healthy, {"accounts": {"payout": 1945}})
    assert run_check(healthy)["account payout"].status == "ok"


def test_an_order_id_in_the_ocr_field_gets_an_advice(healthy: Shop) -> None:
    write(healthy, {"references": {"order_id": "ocr"}})
    healthy.config.write_text(healthy.config.read_text().replace('transfer = "lump"', 'transfer = "itemised"'))
    assert advice(healthy, "references.order_id", "36 characters").next == 'short_order_id = "ocr" fits'


def test_each_kind_of_the_last_year_without_an_account_is_named_with_the_line_to_add(open_shop: OpenShop) -> None:
    shop = open_shop(
        payouts=[
            with_rows(
                "A", ("CREDIT", "CASH_ADVANCE_PAYOUT", 5000000), ("CREDIT", "CORRECTION", 100), days_ago=300
            ),
            with_rows("B", ("CHARGE", "CASH_ADVANCE_AMORTISATION", 20000), days_ago=200),
            with_rows("C", ("CHARGE", "CASH_ADVANCE_AMORTISATION", 30000), ("CHARGE", "UNHEARD_OF", 700)),
            simple("D", sale_amount=1000, commission_amount=250),
            with_rows("OLD", ("CREDIT", "LOAN_PAYOUT", 100), days_ago=400),
        ]
    )
    write(
        shop,
        {
            "accounts": {
                "payout": 1940,
                "commission": None,
                "charges": {"CASH_ADVANCE_AMORTISATION": None},
                "credits": {"CASH_ADVANCE_PAYOUT": None},
            }
        },
    )
    found = run_check(shop)
    assert found.code == 0
    assert "2 payouts in the last 30 days" in found["klarna"].message
    charges, credited, commission = (found[f"account {key}"] for key in ("charges", "credits", "commission"))
    assert "CASH_ADVANCE_AMORTISATION (a loan repaid) in 2 payouts, 500.00 SEK" in charges.message
    assert "UNHEARD_OF (a kind that Klarna has not described) in 1 payout, 7.00 SEK" in charges.message
    assert "UNHEARD_OF = ACCOUNT" in charges.next
    assert "other = 6990 }" in charges.next
    assert "CASH_ADVANCE_PAYOUT (a loan paid out) in 1 payout, 50000.00 SEK" in credited.message
    assert "CORRECTION" not in credited.message + credited.next
    assert "LOAN_PAYOUT" not in credited.message, "that was more than a year ago"
    assert commission.message.endswith(": commission in 1 payout, 2.50 SEK")
    assert commission.next.startswith("add under [profiles.shop1.accounts]: commission = ACCOUNT, ")
    assert "history" not in found.checks
    assert "LOAN_PAYOUT" in run_check(shop, "--history", "24")["account credits"].message
    shown = shop.run("check", "--history", "0", "--json").json["profiles"][0]["checks"]
    assert not [check for check in shown if "ACCOUNT" in check["next"] or check["name"] == "history"]
    assert not shop.drafts()


def test_rows_are_read_of_the_newest_payouts_and_only_where_they_tell_kinds_apart(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "MOST_PAYOUTS", 2)
    loan = ("CREDIT", "CASH_ADVANCE_PAYOUT", 100)
    shop = open_shop(
        payouts=[
            with_rows(f"REF{days}", loan if days == 50 else ("CREDIT", "CORRECTION", 100), days_ago=days)
            for days in (50, 20, 10)
        ]
        + [simple("PLAIN")]
    )
    write(shop)
    found = run_check(shop)
    assert found["history"].message.endswith("; the rows of 1 were not read")
    assert shop.box.calls()["transactions"] == 2


def test_rows_that_klarna_does_not_give_are_an_advice(open_shop: OpenShop, quick: None) -> None:
    shop = open_shop(payouts=[with_rows("A", ("CREDIT", "CORRECTION", 100))])
    write(shop)
    shop.box.faults.arm("klarna-503", times=None, operation="transactions")
    assert advice(shop, "history", "rows cannot be read").next == "try again later, or with --history 0"


def test_months_are_counted_back_to_a_day_that_exists() -> None:
    before = [past.months_before(datetime(2026, 3, 31, tzinfo=UTC).date(), months) for months in (0, 1, 12, 13)]
    assert list(map(str, before)) == ["2026-03-31", "2026-02-28", "2025-03-31", "2025-02-28"]
    assert past.months_before(TODAY, 120) < TODAY - timedelta(days=3650)


def test_what_is_booked_like_ordinary_returns_and_is_none_gets_an_advice(open_shop: OpenShop) -> None:
    """A run of whole totals does not read the rows of returns, and so cannot remark on it."""
    shop = open_shop(
        payouts=[
            with_rows(name, ("RETURN", "PAYMENT_DEFAULT", 500), ("RETURN", "PURCHASE_RETURN", 100), days_ago=days)
            for name, days in (("A", 40), ("B", 20))
        ]
    )
    write(shop, {"accounts": {"payout": 1940}})
    found = run_check(shop)
    told = found["account returns.PAYMENT_DEFAULT"]
    assert "in 2 payouts" in told.message
    assert "returns = { PAYMENT_DEFAULT = ACCOUNT }" in told.next
    write(shop, {"accounts": {"payout": 1940, "returns": {"PAYMENT_DEFAULT": 6351}}})
    assert run_check(shop)["account returns.PAYMENT_DEFAULT"].status == "ok"
